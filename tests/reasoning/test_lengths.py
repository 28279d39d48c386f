"""Lengths of replies: percentiles that know what was cut, replies that repeat themselves, and the command."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longspan.errors import LongspanError
from longspan.flows.chat import Reply
from longspan.flows.scripted import Scripted
from longspan.reasoning.lengths import Length, Lengths, lengths, repeats
from longspan.usage import Usage

ASKED = [{"role": "user", "content": "Say something."}]


def reply(tokens, *, cut=False, text="fine"):
    usage = Usage(
        prompt_tokens=3,
        generated_tokens=tokens,
        kv_bytes=0,
        peak_kv_bytes=0,
        prefill_seconds=0.0,
        decode_seconds=0.0,
    )
    return Reply(text=text, usage=usage, cut=cut)


def test_what_was_cut_is_a_bound_and_never_part_of_a_mean():
    left = [reply(10), reply(100, cut=True), reply(30), LongspanError("away; wait"), reply(20)]
    chat = Scripted(rules=[("Say", lambda _: left.pop(0))])
    found, reasons = lengths(chat, ASKED, 5, {"seed": 3, "max_new_tokens": 100})
    said = found.to_dict()
    assert [each["seed"] for each in chat.settings] == [3, 4, 5, 6, 7]
    assert (said["failed"], reasons) == (1, ("away; wait",))
    assert said["percentiles"]["50"] == {"tokens": 20, "at_least": False}
    assert said["percentiles"]["75"] == {"tokens": 30, "at_least": False}
    assert said["percentiles"]["90"] == {"tokens": 100, "at_least": True}
    assert (said["mean_of_ended"], said["censored_share"], said["longest"]) == (20.0, 0.25, 100)


@given(st.lists(st.tuples(st.integers(1, 99), st.booleans()), min_size=1), st.integers(1, 100))
def test_percentiles_are_lengths_that_so_many_do_not_exceed(drawn, percent):
    drawn = [(100 if cut else tokens, cut) for tokens, cut in drawn]
    found = Lengths(
        prompt_tokens=1,
        drawn=tuple(Length(tokens=tokens, cut=cut, degenerate=False) for tokens, cut in drawn),
    )
    tokens, cut = found.percentile(percent)
    assert (tokens, cut) in drawn
    assert sum(each <= tokens for each, _ in drawn) >= percent / 100 * len(drawn)
    assert sum(each < tokens for each, _ in drawn) < percent / 100 * len(drawn)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", False),
        ("A short answer, and a good one.", False),
        ("no no no no", True),
        ("----------", False),
        ("It is so. " * 30, True),
        ("先に行く。" * 8, True),
        (" ".join(f"word{number}" for number in range(400)), False),
        (" ".join(f"word{number}" for number in range(400)) + " and then" * 4, True),
        ("the end. " * 200 + " ".join(f"word{number}" for number in range(300)), False),
        (" ".join(f"a b c d{number % 9}" for number in range(90)), True),
    ],
)
def test_texts_that_end_in_repeating_themselves_are_told(text, found):
    assert repeats(text) is found
