"""`longspan ask`: which flow, which quotes, what it costs."""

import errno
import io
import json
import sys

import pytest

from longspan.cli import main

WINDOW = 1024


@pytest.fixture
def log(tmp_path):
    """A log longer than the small model's window, in which one line matters."""
    lines = [f"On day {day} the keeper trimmed the lamp and wrote down the wind." for day in range(1, 200)]
    lines[100] = "On day 101 the keeper found a brass telescope behind the oil tank."
    path = tmp_path / "log.txt"
    path.write_text("\n".join(lines))
    return path


@pytest.fixture
def ask(monkeypatch, capsys):
    """Runs `longspan ask` in this process: (standard output, standard error)."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["longspan", "ask", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        printed = capsys.readouterr()
        assert stopped.value.code in (0, None), printed.err
        return printed.out, printed.err

    return call


def test_json_has_the_promised_fields_and_true_offsets(ask, small_folder, log):
    question = "Where did the keeper find the brass telescope?"
    out, _ = ask(log, question, "--model", small_folder, "--max-new-tokens", 8, "--json")
    record = json.loads(out)
    assert set(record) == {"text", "citations", "usage"}
    usage = record["usage"]
    assert set(usage) == {
        "prompt_tokens",
        "generated_tokens",
        "kv_bytes",
        "peak_kv_bytes",
        "prefill_seconds",
        "decode_seconds",
        "truncated_tokens",
        "offloaded_bytes",
        "drafted_tokens",
        "accepted_tokens",
        "draft_gain",
    }
    text = log.read_text()
    assert any("brass telescope" in citation["quote"] for citation in record["citations"])
    for citation in record["citations"]:
        assert set(citation) == {
            "document",
            "start",
            "end",
            "quote",
            "verified",
            "number",
            "place",
            "sentence",
        }
        assert not citation["verified"] or text[citation["start"] : citation["end"]] == citation["quote"]
    assert 0.8 * WINDOW < usage["prompt_tokens"] + 8 <= WINDOW
    assert usage["truncated_tokens"] > 0


def test_a_longer_window_reads_the_whole(ask, small_folder, log):
    _, err = ask(
        log, "What?", "--model", small_folder, "--plan", "positions=yarn(factor=8)", "--max-new-tokens", 2
    )
    assert "read whole" in err
    _, err = ask(log, "What telescope?", "--model", small_folder, "--max-new-tokens", 2)
    assert "best" in err
    assert "left out" in err


def test_a_folder_is_ranked_by_its_index(ask, small_folder, log, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("LONGSPAN_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "logs"
    folder.mkdir()
    log.rename(folder / "log.txt")
    words = [folder, "What telescope?", "--model", small_folder, "--max-new-tokens", 2]
    _, err = ask(*words)
    assert "ranked by the index" not in err
    monkeypatch.setattr(sys, "argv", ["longspan", "index", str(folder), "--retriever", "bm25"])
    with pytest.raises(SystemExit):
        main()
    capsys.readouterr()
    _, err = ask(*words)
    assert f"ranked by the index of {folder}: bm25" in err


def test_people_see_the_answer_the_quotes_and_the_cost(ask, tmp_path, default_weights):
    short = tmp_path / "short.md"
    short.write_text("# Log\n\nThe lamp of the tower was lit by Agna on the ninth of May.\n")
    out, err = ask(short, "Who lit the lamp?", "--max-new-tokens", 16)
    assert "read whole" in err
    assert "Agna" in out
    assert "✓" in out
    assert "short.md, line 3" in out
    assert "tokens read in" in out


def test_a_plan_bounds_the_memory(ask, small_folder, log):
    plan = "policy=streamingllm(budget=256,when=chunk) codec=int8"
    out, _ = ask(
        log, "What is this?", "--model", small_folder, "--max-new-tokens", 4, "--json", "--plan", plan
    )
    # 2 layers, 2 heads: 16 bytes and a two-byte scale for key and value, four bytes for the position. One token is
    # there before another goes.
    assert json.loads(out)["usage"]["kv_bytes"] == 2 * 2 * (2 * 18 + 4) * (256 + 1)


def test_the_second_question_about_a_file_says_what_it_reused(ask, small_folder, tmp_path):
    short = tmp_path / "short.md"
    short.write_text("The lamp of the tower was lit by Agna on the ninth of May.\n" * 20)
    first, err = ask(short, "Who lit the lamp?", "--model", small_folder, "--max-new-tokens", 4)
    assert "kept for the next question: " in err
    second, err = ask(short, "Who lit the lamp?", "--model", small_folder, "--max-new-tokens", 4)
    assert "reused: " in err
    assert " s to read" in err
    assert second.splitlines()[:-1] == first.splitlines()[:-1]
    _, err = ask(short, "Who?", "--model", small_folder, "--max-new-tokens", 4, "--no-save")
    assert "reused" not in err
    out, err = ask(short, "Who?", "--model", small_folder, "--max-new-tokens", 4, "--json")
    assert json.loads(out)["usage"]["generated_tokens"] <= 4
    _, err = ask(short, "When?", "--model", small_folder, "--max-new-tokens", 4, "--max-bytes", "1kB")
    assert "reused" in err


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_the_answer_is_written_before_what_was_read_is_saved(
    monkeypatch, capsys, ask, small_folder, tmp_path, options
):
    shown = []

    def interrupted(*_):
        shown.append(capsys.readouterr().out)
        raise KeyboardInterrupt

    monkeypatch.setattr("longspan.contexts.snapshot.write", interrupted)
    short = tmp_path / "short.md"
    short.write_text("The lamp of the tower was lit by Agna on the ninth of May.\n")
    out, err = ask(short, "Who?", "--model", small_folder, "--max-new-tokens", 4, *options)
    assert out == ""
    if options:
        assert json.loads(shown[0])["usage"]["generated_tokens"] > 0
    else:
        assert "tokens read in" in shown[0]
        assert err.endswith("not kept: interrupted\n")


def test_a_plan_that_needs_the_question_keeps_nothing(ask, small_folder, tmp_path):
    short = tmp_path / "short.md"
    short.write_text("The lamp of the tower was lit by Agna on the ninth of May.\n" * 20)
    plan = "policy=finch(budget=64)"
    for _ in range(2):
        _, err = ask(short, "Who?", "--model", small_folder, "--max-new-tokens", 4, "--plan", plan)
        assert "kept" not in err
        assert "reused" not in err


def test_a_part_of_a_sentence_is_shown_in_it(monkeypatch, ask, small_folder, tmp_path):
    terms = tmp_path / "terms.txt"
    terms.write_text("Read on.\nNo payment is due before June.\n")
    monkeypatch.setattr("longspan.running.speaking.TextStream", _saying('It says "payment is due" there.'))
    out, _ = ask(terms, "Is it due?", "--model", small_folder, "--max-new-tokens", 2)
    assert f"✓ “payment is due” — {terms}, line 2\n      in “No payment is due before June.”\n" in out


def _saying(text):
    """A stream of which each generated token is a text."""

    class Stream:
        def __init__(self, *arguments, **named):
            self.said = text

        def __getattr__(self, name):
            return self._piece

        def _piece(self, *arguments, **named):
            said, self.said = self.said, ""
            return said

    return Stream


def test_how_an_answer_is_drawn_is_told(ask, small_folder, tmp_path):
    short = tmp_path / "short.md"
    short.write_text("The lamp of the tower was lit by Agna on the ninth of May.\n" * 5)

    def text(*options):
        out, _ = ask(
            short,
            "Who lit it?",
            "--model",
            small_folder,
            "--max-new-tokens",
            12,
            "--json",
            "--no-save",
            "--dtype",
            "float32",  # in bf16 two tokens may be the likeliest, and top-k keeps both
            *options,
        )
        return json.loads(out)["text"]

    drawn = [text("--temperature", 1.5, "--seed", seed, "--device", "cpu") for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    plain = text()
    assert (
        text("--temperature", 3, "--top-k", 1) == plain == text("--chunk", 7, "--min-p", 0.1, "--top-p", 0.9)
    )
    if len(plain) > 4:
        assert text("--stop", plain[3]) == plain[: plain.index(plain[3])].strip()


def test_standard_input_is_a_document(ask, monkeypatch, small_folder):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"The lamp was lit by Agna.\n")))
    out, _ = ask("-", "Who lit the lamp?", "--model", small_folder, "--max-new-tokens", 2, "--json")
    [citation] = json.loads(out)["citations"]
    assert citation["place"] == "standard input, line 1"


def test_a_file_given_twice_is_read_once(ask, small_folder, tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("The lamp was lit by Agna.\n")
    monkeypatch.chdir(tmp_path)
    once, _ = ask("a.txt", "Who?", "--model", small_folder, "--max-new-tokens", 2, "--json")
    again, err = ask("a.txt", "./a.txt", "Who?", "--model", small_folder, "--max-new-tokens", 2, "--json")
    assert "./a.txt is the same file as a.txt; it is read once" in err
    assert json.loads(again)["usage"]["prompt_tokens"] == json.loads(once)["usage"]["prompt_tokens"]


def test_a_question_of_which_no_passage_speaks_is_said(ask, small_folder, log):
    for option in ((), ("--json",)):
        _, err = ask(log, "Xylophone?", "--model", small_folder, "--max-new-tokens", 2, *option)
        assert "no passage shares a word with the question" in err
    _, err = ask(log, "telescope?", "--model", small_folder, "--max-new-tokens", 2)
    assert "no passage" not in err


def test_long_reading_is_told_in_lines_where_there_is_no_terminal(ask, small_folder, log, monkeypatch):
    monkeypatch.setattr("longspan.cli.waiting.SECONDS", 0.0)
    _, err = ask(log, "telescope?", "--model", small_folder, "--max-new-tokens", 2, "--chunk", 100)
    assert "\nreading: 100 of " in err


@pytest.mark.parametrize("failing", ["filelock.FileLock.acquire", "longspan.atomic._created"])
def test_an_answer_does_not_need_a_folder_for_contexts(ask, small_folder, tmp_path, monkeypatch, failing):
    def refuse(*arguments, **named):
        raise OSError(errno.EROFS, "Read-only file system")

    short = tmp_path / "short.md"
    short.write_text("The lamp of the tower was lit by Agna.\n")
    monkeypatch.setattr(failing, refuse)
    out, err = ask(short, "Who lit the lamp?", "--model", small_folder, "--max-new-tokens", 2)
    assert "not kept: " in err
    assert "Read-only file system" in err
    assert "✓" in out


def test_an_answer_is_of_the_form_that_is_asked_for(ask, small_folder, log, tmp_path):
    schema = tmp_path / "schema.json"
    properties = (
        '"properties": {"day": {"type": "integer"}}, "required": ["day"], "additionalProperties": false'
    )
    schema.write_text(f'{{"type": "object", {properties}}}')
    (tmp_path / "grammar.lark").write_text('start: "oil" | "tank"')
    for options, holds in (
        (["--regex", "[0-9]{3}"], str.isdecimal),
        (["--choice", "yes", "--choice", "no"], ["yes", "no"].__contains__),
        (["--grammar", tmp_path / "grammar.lark"], ["oil", "tank"].__contains__),
        (["--json-schema", schema], lambda text: isinstance(json.loads(text)["day"], int)),
        (["--json-schema", schema.read_text(), "--logprobs", 1], lambda text: "day" in json.loads(text)),
    ):
        out, _ = ask(
            log, "Where?", "--model", small_folder, "--json", "--no-save", "--flow", "passages", *options
        )
        answer = json.loads(out)
        assert holds(answer["text"]), answer["text"]
        assert "complete" not in answer
        assert ("logprobs" in answer) == ("--logprobs" in options)


def test_an_answer_that_is_cut_is_told_from_one_of_its_form(ask, small_folder, log):
    options = ["--model", small_folder, "--no-save", "--flow", "passages", "--max-new-tokens", 2]
    out, err = ask(log, "Where?", *options, "--regex", "a{40}")
    assert out.startswith("a")
    assert "ends before it is of the form" in err
    assert json.loads(ask(log, "Where?", *options, "--regex", "a{40}", "--json")[0])["complete"] is False


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--regex", "(a"], "refused at character 1: unclosed group"),
        (["--json-schema", "none.json"], "--json-schema='none.json' cannot be read"),
        (["--json-schema", "{"], "no JSON at line 1"),
        (["--choice", "a", "--regex", "b"], "--regex and --choice are two forms of one answer"),
        (["--logit-bias", "the"], "--logit-bias='the' is no TOKEN=VALUE"),
        (["--logit-bias", "5=900"], "--logit-bias='5=900' is no TOKEN=VALUE"),
        (["--presence-penalty", 3], "--presence-penalty=3.0 is outside -2.0 .. 2.0"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_a_model_is_loaded(monkeypatch, capsys, log, options, told):
    monkeypatch.setattr(
        sys, "argv", ["longspan", "ask", str(log), "Where?", "--model", "nowhere", *map(str, options)]
    )
    with pytest.raises(SystemExit):
        main()
    assert told in capsys.readouterr().err
