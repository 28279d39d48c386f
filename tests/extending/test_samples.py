"""Texts to score on: their length, what counts in them, and that a needle is asked for as it was hidden."""

import pytest

from longspan.extending.samples import Writer
from tiny import tiny_tokenizer

TEXT = "".join(f"Line {number} of a long book.\n" for number in range(200))


def writer(length=700, text=TEXT) -> Writer:
    return Writer(tokenizer=tiny_tokenizer(), length=length, text=text)


def said(ids) -> str:
    return tiny_tokenizer().decode(ids, skip_special_tokens=True)


@pytest.mark.parametrize("begin", [[], [0], [0, 1]])
@pytest.mark.parametrize("text", [None, TEXT])
def test_plain_samples_are_stretches_of_the_text(text, begin, monkeypatch):
    monkeypatch.setattr("longspan.extending.samples.begin_ids", lambda tokenizer: begin)
    samples = writer(text=text).plain(3)
    for sample in samples:
        assert len(sample.ids) == 700
        assert list(sample.ids[: len(begin)]) == begin
        assert sample.scored == range(max(1, len(begin)), 700)
        assert text is None or said(sample.ids) in text
    assert len({sample.ids for sample in samples}) == 3
    if text is not None:
        assert text.startswith(said(samples[0].ids))
        assert text.endswith(said(samples[-1].ids))


@pytest.mark.parametrize("text", [None, TEXT])
def test_a_needle_lies_at_the_beginning_and_is_asked_for_at_the_end(text):
    samples = writer(text=text).needles(4, seed=0)
    numbers = set()
    for sample in samples:
        assert len(sample.ids) == 700
        assert sample.scored.stop == 700
        number = said(sample.ids[sample.scored.start :])
        assert number[1:].isdigit()
        assert len(number) == 8
        words = said(sample.ids)
        hidden, asked = words.index(number), words.index("What is the special magic number for")
        assert hidden < 250 < asked
        assert words.count(number) == 2
        name = words[:hidden].rpartition("for ")[2].removesuffix(" is:")
        assert words[asked:].count(name) == 2
        between = words[hidden + 8 : asked]
        assert between.startswith(".\n")
        assert text is None or between.removeprefix(".\n").removesuffix("\n") in text
        numbers.add(number)
    assert len(numbers) == 4


def test_needles_are_a_function_of_the_seed():
    assert writer().needles(2, seed=1) == writer().needles(2, seed=1) != writer().needles(2, seed=2)


def test_too_short_a_text_says_how_much_is_needed():
    with pytest.raises(
        ValueError, match=r"the text has 12 tokens, 2 samples need 701 or more; give a longer text"
    ):
        writer(text="Only a line.").plain(2)
    assert len(writer(text=TEXT[:700]).plain(1)) == 1
    assert len(set(writer(text=TEXT[:701]).plain(2))) == 2
    with pytest.raises(ValueError, match="3 samples need 702"):
        writer(text=TEXT[:701]).plain(3)


def test_a_needle_needs_room():
    with pytest.raises(
        ValueError, match=r"target=300 is outside 3\d\d .. ∞ tokens, which a needle and its question"
    ):
        writer(length=300).needles(1, seed=0)
