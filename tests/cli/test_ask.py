"""`longspan ask` on the real default model."""

import json
import sys

import pytest

from longspan.cli import main


@pytest.fixture
def log(tmp_path, default_weights):
    """A long log in which one line matters."""
    lines = [f"On day {day} the keeper trimmed the lamp and wrote down the wind." for day in range(1, 900)]
    lines[600] = "On day 601 the keeper found a brass telescope behind the oil tank."
    path = tmp_path / "log.txt"
    path.write_text("\n".join(lines))
    return path


def run(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["longspan", *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        main()
    printed = capsys.readouterr()
    assert stopped.value.code in (0, None), printed.err
    return printed.out, printed.err


def test_json_has_the_promised_fields_and_true_offsets(monkeypatch, capsys, log):
    question = "Where did the keeper find the brass telescope?"
    out, _ = run(monkeypatch, capsys, "ask", log, question, "--max-new-tokens", 24, "--json")
    record = json.loads(out)
    assert set(record) == {"text", "citations", "usage"}
    assert record["text"]
    assert set(record["usage"]) == {
        "prompt_tokens",
        "generated_tokens",
        "kv_bytes",
        "peak_kv_bytes",
        "prefill_seconds",
        "decode_seconds",
        "truncated_tokens",
    }
    text = log.read_text()
    assert any("brass telescope" in citation["quote"] for citation in record["citations"])
    for citation in record["citations"]:
        assert set(citation) == {"document", "start", "end", "quote", "verified"}
        if citation["verified"]:
            assert text[citation["start"] : citation["end"]] == citation["quote"]
    usage = record["usage"]
    assert usage["prompt_tokens"] + usage["generated_tokens"] <= 8192
    assert usage["truncated_tokens"] > 0
    assert 0 < usage["generated_tokens"] <= 24


def test_people_see_which_flow_was_used_the_answer_the_quotes_and_the_cost(monkeypatch, capsys, tmp_path):
    short = tmp_path / "short.md"
    short.write_text("# Log\n\nThe lamp of the tower was lit by Agna on the ninth of May.\n")
    out, err = run(monkeypatch, capsys, "ask", short, "Who lit the lamp?", "--max-new-tokens", 16)
    assert "read whole" in err
    assert "Agna" in out
    assert "✓" in out
    assert "short.md, line 3" in out
    assert "tokens read in" in out


def test_a_plan_bounds_the_memory(monkeypatch, capsys, log):
    plan = "policy=streamingllm(budget=256,when=chunk) codec=int8"
    arguments = ("ask", log, "What is this?", "--flow", "passages", "--max-new-tokens", 4, "--json")
    out, _ = run(monkeypatch, capsys, *arguments, "--plan", plan)
    usage = json.loads(out)["usage"]
    # 30 layers, 3 heads: 64 bytes and a two-byte scale for key and value, four bytes for the position.
    entry = 30 * 3 * (2 * 66 + 4)
    assert usage["kv_bytes"] == entry * (256 + 4)
