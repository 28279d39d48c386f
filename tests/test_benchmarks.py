"""The plans of the benchmarks can be run."""

import importlib
import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import longspan
from longspan.plan import Plan
from longspan.spans import Document
from tiny import tiny_model

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


def test_a_book_holds_what_is_asked_and_answers_are_scored(script, tmp_path):
    flows = script("flows")
    asks = [
        {"question_text": f"What {n}?", "responses": [{"response_text": "Mira keeps the light."}]}
        for n in (1, 2)
    ]
    for name, credit in (("dev", ""), ("train", "Produced by nobody\n\n")):
        text = f"{credit}The {name} light\n\nBy A. Writer\n\n" + "The sea was calm that day.\n\n" * 30
        (tmp_path / f"{name}.jsonl").write_text(json.dumps({"document": text, "questions": asks}) + "\n")
    book, asked = flows.made(tmp_path, 300, 10)
    kinds = Counter(each.kind for each in asked)
    assert kinds == {"fact": 4, "quote": 3, "story": 2}
    assert len({each.name for each in asked}) == 9
    assert {each.name for each in asked if each.kind == "story"} == {
        "story The dev light",
        "story The train light",
    }
    for each in asked:
        assert book.text.count(each.number or each.sentence or "By A. Writer") == (
            2 if each.kind == "story" else 1
        )
    fact, quote, story = (
        next(each for each in asked if each.kind == kind) for kind in ("fact", "quote", "story")
    )

    def score(asked, text):
        return flows.right(asked, SimpleNamespace(text=text))

    assert (score(fact, f"It is {fact.number}."), score(fact, "It is 1.")) == (1, 0)
    assert score(quote, f"It says “{quote.sentence}” there.") == 1
    half = " ".join(quote.sentence.split()[5:])
    assert score(quote, half) == pytest.approx(1 - 5 / len(quote.sentence.split()))
    assert score(quote, "") == 0
    assert score(story, "Mira keeps the light.") == 1


def test_forks_of_one_reading_are_asked_each(script, monkeypatch):
    flows = script("flows")
    monkeypatch.setattr(flows, "ANSWER", 4)
    book = Document("book", "The sea was calm that day. " * 12)
    asked = [flows.Asked(name=str(n), kind="fact", text=f"What is {n}?", number="1") for n in range(2)]
    (_, one), (_, two) = flows.read_once(tiny_model(), "selector=quest(budget=64)", book, asked)
    assert one.usage.prompt_tokens > len(book.text) > two.usage.prompt_tokens > 0
