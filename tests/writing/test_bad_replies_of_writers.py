"""What is done about bad replies, whichever way a text is written."""

import pytest
from ways import WAYS, scripted, write

from longspan.errors import FlowError, WindowExceeded
from longspan.flows.chat import Reply
from longspan.writing.dynamic_context import DynamicContext
from longspan.writing.l2mac import L2mac
from longspan.writing.self_lengthen import SelfLengthen
from obedient import PLAN, obeys, text, wanted

HOSTILE = {
    "empty": "",
    "example": "Paragraph 1 - Main Point: <what this part says> - Word Count: <number of words>",
    "refusal": "I'm sorry, but I can't help with that.",
    "circles": "The sea was calm that day again. " * 60,
}


@pytest.mark.parametrize("said", HOSTILE.values(), ids=HOSTILE)
def test_bad_replies_end_in_an_error_or_in_what_is_left(way, said):
    chat = scripted(lambda asked: said)
    if said == HOSTILE["circles"] and way[0] in (SelfLengthen(), DynamicContext()):
        written = write(way, chat, 600)
        assert written.body == "The sea was calm that day again."
        assert written.notes
    else:
        with pytest.raises(FlowError, match=r"\A[^\n]+; [^\n]+\Z"):
            write(way, chat, 600)
    assert len(chat.calls) < 40


@pytest.mark.parametrize("said", HOSTILE.values(), ids=HOSTILE)
def test_one_bad_reply_is_asked_for_once_more(way, said):
    at = {"n": 0}

    def once(asked):
        if "Take notes" not in asked and "search words" not in asked:
            at["n"] += 1
            if at["n"] == 3:
                return said
        return obeys(asked)

    written = write(way, scripted(once), 400)
    assert written.words >= 350
    assert written.repetition == 0
    assert said not in written.body or not said


def test_a_call_that_fails_is_made_once_more_and_then_ends_it(way):
    fails = {"left": 1}

    def failing(asked):
        if fails["left"] and "Take notes" not in asked:
            fails["left"] -= 1
            return WindowExceeded("the server is away")
        return obeys(asked)

    assert write(way, scripted(failing), 300).words >= 270
    fails["left"] = 99
    with pytest.raises(FlowError, match=r"failed: the server is away; .*run again"):
        write(way, scripted(failing), 300)


def test_paragraphs_that_were_said_before_are_written_anew_and_never_delivered():
    def repeating(asked):
        if "Do not say again" in asked or "write part" not in asked:
            return obeys(asked)
        return text(250, "the same")

    steps = []
    written = write(WAYS["agent-write"], scripted(repeating), 2000, steps)
    assert written.rewritten == 7
    assert written.repetition == 0
    assert abs(written.words - 2000) <= 200
    assert sum("repeated what was said; it is written anew" in each for each in steps) == 7
    stubborn = write(
        WAYS["agent-write"], scripted(lambda asked: PLAN if "Give the plan" in asked else text(250, 1)), 2000
    )
    assert stubborn.words == 250
    assert stubborn.repetition == 0
    assert "part 2 is not there: the model repeated what was said" in stubborn.notes


def test_a_reply_that_was_cut_ends_with_its_last_sentence():
    def cut(asked):
        said = scripted().generate([{"role": "user", "content": asked}])
        return (
            Reply(text=f"{said.text} And then the", usage=said.usage, cut=True)
            if "write part" in asked
            else said
        )

    written = write(WAYS["agent-write"], scripted(cut), 600)
    assert "And then" not in written.body
    assert written.words == 600


def test_the_plan_that_cannot_be_read_becomes_points_alone():
    def planless(asked):
        return (
            "Sure!"
            if "Give the plan" in asked
            else "1. ice\n2. fire\n3. wind"
            if "numbered lines" in asked
            else obeys(asked)
        )

    chat = scripted(planless)
    written = write(WAYS["agent-write"], chat, 900)
    assert [each.about for each in written.sections] == ["ice", "fire", "wind"]
    assert [each.wanted for each in written.sections] == [300] * 3


def test_a_scene_that_is_no_json_is_asked_for_again_then_taken_as_it_is():
    def prosaic(asked):
        return text(wanted(asked), asked) if '"text"' in asked else obeys(asked)

    chat = scripted(prosaic)
    written = write(WAYS["dynamic-context"], chat, 600)
    assert written.rewritten == 2
    assert written.words == 600


def test_files_are_not_overwritten_unread_and_do_not_leave_the_store():
    replies = iter(
        [
            "1. a file\n2. another",
            f"WRITE: a.md\n{text(100, 1)}",
            "DONE: a is there",
            f"WRITE: a.md\n{text(100, 2)}",
            f"WRITE: ../b.md\n{text(100, 3)}",
            f"READ: a.md\nWRITE: b.md\n```md\n{text(100, 4)}\n```\nDONE: b is there",
        ]
    )
    chat = scripted(lambda asked: next(replies))
    written = write(WAYS["l2mac"], chat, 200)
    assert written.files == {"a.md": text(100, 1), "b.md": text(100, 4)}
    assert "a.md is there already; READ it first" in chat.asked[4]
    assert "'../b.md' is no name of a file" in chat.asked[5]


def test_a_full_context_becomes_a_note_and_the_step_goes_on():
    def endless(asked):
        if "no room to go on" in asked:
            return "The first half is written. The second is not. More."
        return "READ: none.md" if "The first half" not in asked and "Carry out" in asked else obeys(asked)

    chat = scripted(endless, longest=1300)
    written = write((L2mac(turns=60), ()), chat, 100)
    assert list(written.files) == ["chapter-1.md", "chapter-2.md"]
    note = next(each for each in chat.asked if "The first half" in each)
    assert "The first half is written. The second is not.\n" in note


def test_a_step_that_never_ends_is_ended():
    chat = scripted(lambda asked: PLAN if "Divide" in asked else "READ: x.md")
    with pytest.raises(FlowError, match="step 1 wrote no file"):
        write((L2mac(turns=3), ()), chat, 400)
    heat = [each.get("temperature", 0) for each in chat.settings[1:4]]
    assert heat == [0, 0, 0.4], "replies that repeat make it warmer"


def test_a_window_that_holds_no_longer_draft_leaves_the_draft():
    written = write(WAYS["self-lengthen"], scripted(longest=2000), 1500)
    assert any("agent-write needs less" in each for each in written.notes)
    assert written.words >= 200
