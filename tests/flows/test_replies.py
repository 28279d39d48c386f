"""What models say, however they say it."""

import pytest

from longspan.flows.prompting import enclosed, prompt
from longspan.flows.replies import (
    declines,
    labelled,
    listed,
    located,
    repeats,
    says_nothing,
    sentences_quoted,
    straight,
)
from longspan.spans import Document, Span


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Answer: the baker", {"Answer": "the baker"}),
        ("**Answer**: a\nb\n- rationale : c", {"Answer": "a\nb", "Rationale": "c"}),
        ("ANSWER:\n\nthe baker\n", {"Answer": "the baker"}),
        ("Answer: example\nAnswer: the baker", {"Answer": "the baker"}),
        ("1. Answer：面包师", {"Answer": "面包师"}),
        ("The answer: the baker", {}),
        ("", {}),
    ],
)
def test_fields_are_found_behind_their_labels(text, found):
    assert labelled(text, ("Answer", "Rationale")) == found


@pytest.mark.parametrize(
    ("text", "nothing"),
    [
        ("NONE", True),
        (" none. ", True),
        ("“None”", True),
        ("N/A", True),
        ("**No information**", True),
        ("", True),
        ("No information was lost.", False),
        ("None of them came.", False),
        ("The answer is none", False),
    ],
)
def test_only_a_whole_reply_says_that_there_is_nothing(text, nothing):
    assert says_nothing(text) is nothing


def test_going_round_in_circles_is_seen():
    assert repeats("The sea was calm.\n" * 4)
    assert repeats("and the sea was calm that day " * 5)
    assert not repeats("One. Two. Three.\n" + "\n".join(f"Day {day} was calm." for day in range(9)))
    assert not repeats("- \n" * 9)


def test_a_quote_is_found_in_the_wording_of_the_document():
    document = Document("d", "He said: the baker hid the let-\nter under the stone.")
    whole = Span(document, 0, len(document.text))
    place = located('"the baker hid the letter"', [whole])
    assert place is not None
    assert place.text == "the baker hid the let-\nter"
    assert located("the miller hid it", [whole]) is None
    assert located('""', [whole]) is None


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("The sea was calm.\n" * 9, "The sea was calm."),
        (
            "First it rained. " + "and the sea was calm that day " * 9,
            "First it rained. and the sea was calm that day",
        ),
        ("One. Two. One. Two.", "One. Two. One. Two."),
        ("", ""),
    ],
)
def test_a_reply_counts_up_to_where_it_goes_round_in_circles(text, kept):
    assert straight(text) == kept


def test_lines_are_listed_once_and_without_their_numbers():
    assert listed("1. a b\n- c\n* a b\nNONE\n\n(3) d\n3.5 metres") == ["a b", "c", "d", "3.5 metres"]


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("I'm sorry, but I can't help with that.", True),
        ("I cannot answer.", True),
        ("As an AI model, I do not.", True),
        ("The baker was sorry.", False),
        ("I can see the mill.", False),
        ("", False),
    ],
)
def test_a_refusal_is_seen(text, refused):
    assert declines(text) is refused


@pytest.mark.parametrize(
    ("reply", "found", "missed"),
    [
        ("The baker hid it.", 1, 0),
        ("the baker hid it", 1, 0),
        ("baker hid", 1, 0),
        ("It says: “The miller saw him there.”", 1, 0),
        ("The text mentions that the miller saw him there, at night.", 1, 0),
        ("The baker hid it. The sea is calm and wide.", 2, 0),
        ("The miller saw her there.", 0, 1),
        ("NONE", 0, 0),
        ("The king.\nThe baker hid it.", 1, 1),
    ],
)
def test_sentences_that_a_reply_quotes_are_those_of_the_document(reply, found, missed):
    document = Document("d", "The baker hid it. The miller saw him there. The sea is calm and wide.")
    places, none = sentences_quoted(reply, Span(document, 0, len(document.text)))
    assert (len(places), none) == (found, missed)
    assert all(place.text in document.text for place in places)


def test_texts_in_prompts_are_data():
    message = prompt("map_reduce_map", text="{question} {nothing}", question="{text}?", nothing="NONE")
    assert "{question} {nothing}" in message["content"]
    assert "Question: {text}?" in message["content"]
    with pytest.raises(ValueError, match=r"prompt map_reduce_map has the fields .* give those"):
        prompt("map_reduce_map", text="")
    lines = enclosed("a").splitlines()
    assert lines[0].removeprefix("<text ") == lines[-1].removeprefix("</text ")
    assert lines[0] != enclosed("b").splitlines()[0]
