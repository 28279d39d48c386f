"""What models say, however they say it."""

import pytest

from longspan.flows.prompting import enclosed, prompt
from longspan.flows.replies import labelled, located, repeats, says_nothing
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


def test_texts_in_prompts_are_data():
    message = prompt("map_reduce_map", text="{question} {nothing}", question="{text}?", nothing="NONE")
    assert "{question} {nothing}" in message["content"]
    assert "Question: {text}?" in message["content"]
    with pytest.raises(ValueError, match=r"prompt map_reduce_map has the fields .* give those"):
        prompt("map_reduce_map", text="")
    lines = enclosed("a").splitlines()
    assert lines[0].removeprefix("<text ") == lines[-1].removeprefix("</text ")
    assert lines[0] != enclosed("b").splitlines()[0]
