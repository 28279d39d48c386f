"""Ways to write: what is asked in which order, and how a stopped run goes on."""

import json
import re

import pytest
from ways import LOG, WAYS, scripted, write

from longspan.flows.recursive_summary import count_words
from longspan.flows.trace import Trace, Traced
from longspan.writing.base import Task
from longspan.writing.dynamic_context import DynamicContext
from longspan.writing.surveyx import SurveyX
from obedient import PLAN, obeys, text, wanted

# What a model that obeys writes.


@pytest.mark.parametrize("words", [500, 2000])
def test_a_model_that_obeys_gets_the_length_that_was_asked_for(way, words):
    chat = scripted()
    written = write(way, chat, words)
    assert abs(written.words - words) <= 0.1 * words
    assert count_words(written.body) == written.words
    assert written.repetition == 0
    assert written.rewritten == written.repeated == 0
    assert written.notes == ()
    assert written.usage.generated_tokens == sum(len(obeys(each).split()) for each in chat.asked)


def test_a_plan_then_its_parts_each_with_what_is_written():
    chat = scripted()
    written = write(WAYS["agent-write"], chat, 2000)
    assert "Give the plan" in chat.asked[0]
    parts = chat.asked[1:]
    assert [re.search(r"write part (\d) of 8", each)[1] for each in parts] == [str(n) for n in range(1, 9)]
    assert [wanted(each) for each in parts] == [250] * 8
    assert "what is written so far" not in parts[0]
    for before, asked in zip(written.sections, parts[1:], strict=False):
        assert before.text[-200:] in asked
        assert asked.index(before.text[-200:]) < asked.index("The plan:")
    first = written.sections[0].text
    assert first[:80] in parts[2]
    assert first[:80] not in parts[3], "six hundred words are shown"


def test_words_that_are_lacking_are_asked_of_the_parts_that_follow():
    def short(asked):
        return text(wanted(asked) * 7 // 10, asked) if "write part 1 of" in asked else obeys(asked)

    chat = scripted(short)
    assert write(WAYS["agent-write"], chat, 2000).words == 2000
    assert {wanted(each) for each in chat.asked[2:]} <= {260, 261}


def test_a_text_of_another_length_is_mended_part_by_part():
    def short(asked):
        if "Give the plan" in asked:
            return "1. ice\n2. fire"
        return text(wanted(asked) * (100 if "again in" in asked else 61) // 100, asked)

    chat = scripted(short)
    written = write(WAYS["agent-write"], chat, 200)
    again = [each for each in chat.asked if "again in more detail" in each]
    assert 1 <= len(again) <= 2 + len(written.sections) // 2
    assert abs(written.words - 200) <= 20


def test_a_model_that_cannot_has_its_length_told():
    chat = scripted(lambda asked: PLAN if "Give the plan" in asked else text(30, asked))
    written = write(WAYS["agent-write"], chat, 2000)
    assert written.words < 1800
    assert written.notes[-1] == f"the text has {written.words:,} words in place of 2,000"


def test_the_draft_is_made_longer_half_by_half():
    chat = scripted()
    write(WAYS["self-lengthen"], chat, 2000)
    draft, half, whole = chat.calls
    assert wanted(draft[0]["content"]) == 1000
    assert "first half of a draft" in half[0]["content"]
    assert [each["role"] for each in whole] == ["user", "assistant", "user"]
    enriched = obeys(half[0]["content"]).split("\n\n")
    begun = whole[1]["content"].split("\n\n")
    assert begun == enriched[: round(2 / 3 * len(enriched))]
    assert obeys(draft[0]["content"]) in whole[0]["content"]
    assert wanted(whole[2]["content"]) == 2000 - count_words(whole[1]["content"])


def test_steps_have_contexts_of_their_own_and_the_files_of_those_before():
    chat = scripted()
    written = write(WAYS["l2mac"], chat, 2000)
    starts = [each for each in chat.calls if len(each) == 1][1:]
    assert len(starts) == 8
    assert "The files so far: none yet" in starts[0][0]["content"]
    assert "chapter-1.md (250 words), chapter-2.md (250 words)" in starts[2][0]["content"]
    assert "it is written." in starts[1][0]["content"]
    assert list(written.files) == [f"chapter-{number}.md" for number in range(1, 9)]
    assert not any(each.text[:50] in starts[-1][0]["content"] for each in written.sections)


def test_scenes_see_their_own_path_and_never_those_beside():
    chat = scripted()
    written = write((DynamicContext(branches=2, depth=3), ()), chat, 1400)
    names = ["1", "1.1 left", "1.2 right", "1.1.1 left", "1.1.2 right", "1.2.1 left", "1.2.2 right"]
    assert [each.name for each in written.sections] == names
    by_name = {each.name.split()[0]: each.text for each in written.sections}
    for asked, name in zip(chat.asked[1:], by_name, strict=True):
        shown = {other for other, said in by_name.items() if said in asked}
        assert shown == {name[:end] for end in range(1, len(name), 2)}


def test_what_is_far_back_on_the_path_is_a_summary():
    chat = scripted()
    write((DynamicContext(path=450), ()), chat, 2000)
    summaries = [each for each in chat.asked if "Write a summary" in each]
    scenes = [each for each in chat.asked if '"text"' in each]
    assert len(summaries) == len(scenes) - 2
    assert obeys(summaries[0]) in summaries[1], "it goes on from the one before"
    assert obeys(summaries[1]) in scenes[-1]
    assert obeys(summaries[0]) not in scenes[-1]


def test_every_sentence_has_its_checked_place():
    says = (
        "On day 3 the lamp of Veddin burned 3 pints [1]. On day 9 it burned 900 pints [1]. It was lit [77]."
    )

    def noted(asked):
        if "Give the outline" in asked:
            return "Section 1 - Main Point: The lamp - Notes: 1-2, 99 - Word Count: 25"
        if "Take notes" in asked:
            return "\n".join(
                f"result: On day {day} the lamp of Veddin burned {day} pints [1]" for day in (3, 9)
            )
        return says if "write section" in asked or "not held by" in asked else obeys(asked)

    chat = scripted(noted)
    written = write((SurveyX(), (LOG,)), chat, 25)
    assert [each.state for each in written.claims] == ["similar", "unverified", "unverified"]
    (source,) = written.claims[0].sources
    assert source.text == "On day 3 the lamp of Veddin burned 3 pints."
    assert written.text.startswith(
        "## The lamp\n\nOn day 3 the lamp of Veddin burned 3 pints[1]. On day 9 it burned"
    )
    assert written.text.endswith("## Sources\n\n1. log.txt, line 1")
    assert "[77]" not in written.text
    assert written.unknown > 0
    (checked,) = [each for each in chat.asked if "not held by" in each]
    assert "On day 9 it burned 900 pints." in checked
    assert written.to_dict()["claims"][0]["sources"][0]["start"] == source.start


def test_a_section_without_notes_says_so_and_notes_that_no_source_holds_go():
    def invented(asked):
        if "Give the outline" in asked:
            return "1. The lamp - Notes: 1 - 20 words\n2. Zebras - Notes: 50 - 20 words"
        if "Take notes" in asked:
            return "result: On day 7 the lamp of Veddin burned 7 pints [1]\nresult: Zebras drank 90 pints [1]"
        return obeys(asked)

    chat = scripted(invented)
    written = write((SurveyX(checks=0), (LOG,)), chat, 100)
    assert "Zebras drank" not in next(each for each in chat.asked if "Give the outline" in each)
    assert [each.sourced for each in written.sections] == [True, False]
    assert "## Zebras (no source)" in written.text
    assert {each.claim.state for each in written.sections[1].held} == {"unverified"}


# Going on.


class Stopped(Exception):
    pass


@pytest.mark.parametrize("stop", [1, -1])
def test_a_stopped_run_goes_on_and_asks_nothing_twice(way, tmp_path, stop):
    first, path = scripted(), tmp_path / "trace.jsonl"
    expected = write(way, first, 400)
    stop %= len(first.calls)

    def stopping(asked):
        if len(whole.calls) > stop:
            raise Stopped
        return obeys(asked)

    whole, again = scripted(stopping), scripted()
    with Trace(path) as trace, pytest.raises(Stopped):
        write(way, Traced(whole, trace), 400)
    with Trace(path) as trace:
        found = write(way, Traced(again, trace), 400)
    assert found.to_dict() == expected.to_dict()
    assert again.asked == first.asked[stop:]


def test_what_is_written_is_json_can_be_read_back(way):
    written = write(way, scripted(), 500)
    found = json.loads(json.dumps(written.to_dict()))
    assert found["words"] == {"wanted": 500, "written": written.words}
    assert found["text"] == written.text
    assert sum(each["words"] for each in found["sections"]) <= written.words


def test_a_task_of_nothing_and_surveyx_without_sources_are_refused():
    for wrong in ({"text": " "}, {"text": "x", "words": 0}, {"text": "x", "words": 2.5}):
        with pytest.raises(ValueError, match=r"empty|words="):
            Task(**wrong)
    with pytest.raises(ValueError, match="surveyx writes from sources"):
        write((SurveyX(), ()), scripted())
    with pytest.raises(ValueError, match="500 are allowed"):
        DynamicContext(branches=8, depth=9)
