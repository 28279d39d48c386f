"""Summaries of parts, of summaries, and of the length that is asked for."""

import pytest

from longspan.errors import FlowError, WindowExceeded
from longspan.flows.auto import chosen_flow
from longspan.flows.base import Events
from longspan.flows.recursive_summary import RecursiveSummary, count_words
from longspan.flows.scripted import Scripted
from longspan.spans import Document


def book(pages):
    return Document(
        "book.txt", "\n\n".join(f"Day {page}. " + "The sea was calm. " * 20 for page in range(pages))
    )


def said(count, *, about="the sea"):
    return " ".join(f"word{number}" for number in range(count - 2)) + f" {about}"


def test_parts_then_neighbours_then_one_of_the_length_asked_for():
    chat = Scripted([("one part", said(60)), ("Join them", said(40))])
    pieces, lines = [], []
    answer = RecursiveSummary(words=40, chunk=512).answer(
        chat, [book(80)], "", Events(step=lines.append, stream=pieces.append)
    )
    kinds = ["part" if "one part" in call else "join" for call in chat.asked]
    assert kinds == sorted(kinds, reverse=True)
    assert kinds.count("join") >= 3
    assert len(chat.groups) >= 2
    assert answer.text == said(40) == "".join(pieces)
    assert answer.usage.truncated_tokens == 0
    assert all("regard" not in call for call in chat.asked)
    assert "summarizes" in lines[0]


def test_one_part_is_summarized_at_once_with_what_to_look_at():
    chat = Scripted([("one part", said(50))])
    answer = RecursiveSummary(words=50).answer(chat, [book(2)], "the weather", Events())
    assert answer.text == said(50)
    assert len(chat.calls) == 1
    assert "with regard to this: the weather" in chat.asked[0]


@pytest.mark.parametrize(
    ("first", "second", "stands", "way"),
    [
        (said(200), said(110), said(110), "shorter"),
        (said(200), said(400), said(200), "shorter"),
        (said(20), said(90), said(90), "in more detail"),
        (said(200), "", said(200), "shorter"),
        ("The sea was calm today. " * 20, said(90), said(90), "without repeating"),
    ],
)
def test_another_length_is_asked_for_once_more_and_never_cut(first, second, stands, way):
    chat = Scripted([("summary again", second), ("one part", first)])
    answer = RecursiveSummary(words=100).answer(chat, [book(2)], "", Events())
    assert answer.text.strip() == stands.strip()
    assert len(chat.calls) == 2
    assert way in chat.asked[1]
    assert set(chat.settings[1]) <= {"max_new_tokens", "temperature", "seed"}, "what any server takes"


def test_what_fails_is_named_or_ends_it():
    def fails(asked):
        return WindowExceeded("too long") if "Day 3." in asked else said(40)

    chat = Scripted([("one part", fails), ("Join them", said(40))])
    answer = RecursiveSummary(words=40, chunk=512).answer(chat, [book(40)], "", Events())
    (unread,) = answer.unread
    assert "Day 3." in unread.span.text
    with pytest.raises(FlowError, match="calls failed"):
        RecursiveSummary(words=50).answer(Scripted([("", WindowExceeded("no"))]), [book(1)], "", Events())
    with pytest.raises(FlowError, match="summarized none"):
        RecursiveSummary(words=50).answer(Scripted([("", "")]), [book(1)], "", Events())


def test_what_one_call_cannot_write_has_sections():
    chat = Scripted([("one part", said(60)), ("Join them", said(42))])
    answer = RecursiveSummary(words=126, chunk=512).answer(chat, [book(80)], "", Events())
    assert answer.text == "\n\n".join([said(42)] * 3)
    assert "about 42 words" in chat.asked[-1]


@pytest.mark.parametrize(
    ("text", "words"),
    [("", 0), ("It's well-known.", 2), ("灯台守の日記", 6), ("3.14 km", 3), ("a\n\nb – c", 3)],
)
def test_words_are_counted_as_people_do(text, words):
    assert count_words(text) == words


@pytest.mark.parametrize(
    ("question", "tokens", "window", "effective", "flow"),
    [
        ("Who hid the letter?", 900, 2048, None, "direct"),
        ("Who hid the letter?", 9000, 2048, None, "passages"),
        ("Who hid the letter?", 900, None, None, "direct"),
        ("Who hid the letter?", 5000, 8192, 4096, "passages"),
        ("How many letters were hidden?", 9000, 2048, None, "map-reduce"),
        ("Summarize the book.", 9000, 2048, None, "recursive-summary"),
        ("Summarize the book.", 900, 2048, None, "direct"),
        ("What is this about?", 900, 2048, 512, "recursive-summary"),
    ],
)
def test_the_flow_follows_from_question_length_and_window(question, tokens, window, effective, flow):
    choice = chosen_flow(question, tokens=tokens, reply=100, window=window, effective=effective)
    assert choice.flow == flow
    assert f"{tokens:,} tokens" in choice.reason
    assert effective is None or f"{effective:,} were found" in choice.reason
