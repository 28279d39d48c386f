"""`longspan lengths` and `longspan ask --reason`: what they show, and what they refuse."""

import json

import pytest


def test_the_command_tells_settings_samples_and_percentiles(run, small_folder, tmp_path):
    asked = tmp_path / "asked.jsonl"
    asked.write_text('{"question": "How are you?"}\n\n{"prompt": "Who?"}\n')
    words = ["lengths", "Hi", "Hi", "--prompts", asked, "--samples", 3, "--max-new-tokens", 4]
    code, out, _ = run(
        *words, "--model", small_folder, "--seed", "5", "--json", "--picture", str(tmp_path / "p.svg")
    )
    said = json.loads(out)
    assert code == 0
    assert [each["prompt"] for each in said["prompts"]] == ["Hi", "How are you?", "Who?"]
    assert said["drawn"] == {"temperature": 0.7, "seed": 5, "max_new_tokens": 4}
    assert all(len(each["tokens"]) == 3 and max(each["tokens"]) <= 4 for each in said["prompts"])
    assert len(said["all"]["tokens"]) == 9
    assert "<svg" in (tmp_path / "p.svg").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "no prompt is given; write longspan lengths"),
        (("Hi", "--samples", "0"), "--samples=0 is outside 1"),
        (("Hi", "--picture", "p.txt"), "--picture=p.txt is no .svg, .png or .pdf"),
        (("--prompts", "none.txt"), "--prompts=none.txt cannot be read"),
    ],
)
def test_wrong_words_are_refused_before_anything_is_loaded(run, words, said):
    code, _, error = run("lengths", *words)
    assert code == 2
    assert said in error


def test_a_question_is_reasoned_about_with_files_and_without(run, small_folder, tmp_path):
    log = tmp_path / "log.txt"
    log.write_text("The keeper trimmed the lamp.")
    more = ["--model", small_folder, "--max-new-tokens", 6, "--json"]
    for words in ([log, "Who?"], ["Who?"]):
        code, out, _ = run("ask", *words, "--reason", "short-m-at-k(m=1,k=3)", *more)
        said = json.loads(out)
        assert code == 0
        assert said["usage"]["generated_tokens"] <= 18
    assert not list((tmp_path / "cache" / "traces").glob("*.jsonl"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("Who?", "--reason", "self-consistent"), "did you mean self-consistency"),
        (("Who?", "--reason", "short-m-at-k(m=3,k=2)"), "m=3 is outside 1 .. 2"),
        (("Who?", "--reason", "inftythink", "--flow", "alr2"), "--reason and --flow both say"),
        (("Who?",), "no file is given"),
    ],
)
def test_wrong_ways_to_reason_are_refused(run, words, said):
    code, _, error = run("ask", *words)
    assert code == 2
    assert said in error
