"""The plans of the benchmarks can be run."""

import importlib
from pathlib import Path

import pytest
import torch

import longspan
from longspan.plan import Plan

FOLDER = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def script(monkeypatch):
    """A script of the folder, as a module."""
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module


def test_every_method_is_compared_at_both_budgets(script):
    methods = script("cache_plans").methods()
    assert {part.policy is None for plans in methods.values() for part in map(Plan.of, plans.values())} == {
        True,
        False,
    }
    for plans in methods.values():
        plenty, little = (Plan.of(plans[budget]) for budget in (0.25, 0.1))
        assert plenty != little
        assert type(plenty.policy) is type(little.policy)
        assert type(plenty.selector) is type(little.selector)


def test_other_plans_parse(script):
    plans = [
        *script("perplexity").plans(4.0),
        *(case[2] for case in script("speed").CASES),
        *(f"pattern={each}" for each in script("patterns").PATTERNS),
        *script("memory").PLANS,
        *(case.options.get("plan", "") for case in script("decode_cases").CASES),
    ]
    assert len({Plan.of(plan) for plan in plans}) > 30


def test_text_has_its_length_and_each_fact_once(script, default_model, tmp_path):
    book = tmp_path / "book.txt"
    book.write_text("It was a quiet evening, and nobody spoke of the sea. " * 60)
    text = script("decode").Text(default_model.tokenizer, book, 512, 3)
    said = default_model.tokenizer.decode(text.ids)
    assert len(text.ids) == 512
    assert len(text.codes) == len(text.questions) == 3
    for (place, code), question in zip(text.codes.items(), text.questions, strict=True):
        assert said.count(f"office in {place} is {code}.") == 1
        assert f"office in {place}?" in default_model.tokenizer.decode(question)
    with pytest.raises(SystemExit, match="are wanted for 4,096"):
        script("decode").Text(default_model.tokenizer, book, 4096, 3)


def test_lines_are_medians_over_rounds_without_the_first_two_tokens(script):
    first, second, third = (
        {
            "case": "longspan packed",
            "length": 1000,
            "read_seconds": reading,
            "step_seconds": [9.0, 9.0, *steps],
            "found": found,
            "peak_bytes": 5,
            "loaded_bytes": 7,
            "imported_bytes": 3,
            "token_bytes": 10,
            "bus_bytes_per_second": 1000,
        }
        for reading, steps, found in (
            (1.0, [0.1, 0.02, 0.02], [True, None]),
            (2.0, [0.04] * 3, []),
            (5.0, [0.03, 0.05, 0.05], []),
        )
    )
    (line,) = script("decode_cases").table([first, second, third])
    assert line["read_tokens_per_second"] == 500
    assert line["token_ms"] == pytest.approx(40)
    assert line["of_bus"] == pytest.approx(0.25)
    assert (line["found"], line["asked"], line["model_bytes"]) == (1, 1, 4)


def test_losses_of_engines_without_torch_are_those_of_torch(script):
    found = script("same_model")
    logits, ids = 30 * torch.randn(6, 50, generator=torch.Generator().manual_seed(0)), [7, 3, 9, 0, 49, 3]
    assert found._by_numpy(logits[:-1], ids[1:]) == pytest.approx(
        found._by_torch(logits, ids), rel=1e-5, abs=1e-6
    )


CALLS, OPERATIONS = 1_500, 300
"""At most, a token of the default model with packed weights under the empty plan."""


def test_a_token_takes_few_calls_and_operations(script):
    found = script("counts").counts(longspan.load(weights="packed"), "", 64)
    assert 0 < found.calls.total() <= CALLS
    assert 0 < found.operations.total() <= OPERATIONS
