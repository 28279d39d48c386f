"""Sentences cover the text, passages tile it, and both take linear time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longspan.spans import Document, passages, sentences
from timing import processor_seconds

SIGNS = st.sampled_from('aB1 .!?…\n\t"”)*#->。！你é\u3000')
PROSE = st.text(SIGNS, max_size=300) | st.text(SIGNS, min_size=100, max_size=1200)


def words(text: str) -> int:
    return len(text.split())


def texts(document: Document) -> list[str]:
    return [span.text for span in sentences(document)]


@given(PROSE | st.text(max_size=200), st.data())
def test_sentences_are_ordered_disjoint_and_cover_all_that_is_visible(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    spans = sentences(Document("d", text), start, end)
    covered = [False] * len(text)
    last = start
    for span in spans:
        assert last <= span.start < span.end <= end
        assert span.text == span.text.strip()
        covered[span.start : span.end] = [True] * (span.end - span.start)
        last = span.end
    assert all(covered[at] or text[at].isspace() for at in range(start, end))


def test_sentences_of_prose() -> None:
    text = (
        "Mr. J. Smith came at 5.30 p.m. yesterday. “Where is it?” he asked. Nobody\nknew! "
        "See Fig. 3 for e.g. the card-rack... It was (perhaps.) There.\n\nA new paragraph"
    )
    assert texts(Document("d", text)) == [
        "Mr. J. Smith came at 5.30 p.m. yesterday.",
        "“Where is it?” he asked.",
        "Nobody\nknew!",
        "See Fig. 3 for e.g. the card-rack...",
        "It was (perhaps.)",
        "There.",
        "A new paragraph",
    ]


def test_sentences_of_markdown() -> None:
    text = "# 1. The letter. Found\nIt was there\nall along\n- one item\n- another\n1. first\n2. second\n"
    assert texts(Document("d", text)) == [
        "# 1. The letter. Found",
        "It was there\nall along",
        "- one item",
        "- another",
        "1. first",
        "2. second",
    ]


def test_sentences_of_chinese_need_no_blanks() -> None:
    assert texts(Document("d", "信藏在哪里？在架子上。没有人看见")) == [
        "信藏在哪里？",
        "在架子上。",
        "没有人看见",
    ]


def test_a_sentence_too_long_to_quote_is_cut_at_lines() -> None:
    lines = [f"value_{number} = {number}" for number in range(300)]
    for sentence in texts(Document("code.py", "\n".join(lines))):
        assert len(sentence) <= 500
        assert set(sentence.split("\n")) <= set(lines)


def dearer_with_a_blank_at_its_end(text: str) -> int:
    """As with real tokenizers, less text may take more tokens."""
    return len(text) + 5 * text.endswith((" ", "\n"))


@pytest.mark.parametrize(
    "count", [len, words, lambda text: len(text.encode()), dearer_with_a_blank_at_its_end]
)
@given(text=PROSE | st.text(max_size=300), size=st.integers(6, 60))
def test_passages_tile_the_text_within_their_size(count, text: str, size: int) -> None:
    document = Document("d", text)
    cut = passages(document, size, count)
    assert "".join(passage.text for passage in cut) == text
    assert all(passage.text and count(passage.text) <= size for passage in cut)
    assert [passage.end for passage in cut[:-1]] == [passage.start for passage in cut[1:]]


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("aaaa bbbb. cccc\ndddd\n\neeee ffff", "aaaa bbbb. cccc\ndddd\n\n"),
        ("aaaa bbbb. cccc\ndddd eeee ffff", "aaaa bbbb. cccc\n"),
        ("aaaa bbbb cccc. dddd eeee ffff", "aaaa bbbb cccc. "),
        ("aaaa bbbb cccc dddd eeeeeeeeeee", "aaaa bbbb cccc dddd "),
        ("aa bbbbbbbbbbbbbbbbbbbbbbbbbbb", "aa "),
    ],
)
def test_a_passage_ends_at_the_best_place_in_its_second_half(text: str, cut: str) -> None:
    assert passages(Document("d", text), 25, len)[0].text == cut


def test_a_word_longer_than_a_passage_is_cut_and_kept() -> None:
    cut = passages(Document("d", "a" * 1000), 25, len)
    assert all(23 <= len(passage.text) <= 25 for passage in cut[:-1])
    assert "".join(passage.text for passage in cut) == "a" * 1000


def test_passages_are_well_filled() -> None:
    text = "\n".join("word " * (number % 17) for number in range(3000))
    cut = passages(Document("d", text), 100, words)
    assert sum(words(passage.text) for passage in cut[:-1]) / (len(cut) - 1) >= 70


def test_a_size_below_one_character_is_refused() -> None:
    with pytest.raises(ValueError, match="size=0"):
        passages(Document("d", "a"), 0, len)
    with pytest.raises(ValueError, match=r"size=3 tokens .* use 4 or more"):
        passages(Document("d", "ab\U0001f600"), 3, lambda text: len(text.encode()))


@pytest.mark.parametrize(
    "text",
    [
        "A sentence of a book, like any other. " * 50_000,
        "word" * 500_000,
        " " * 1_000_000 + "." * 500_000 + "\n" * 500_000,
        ("." * 30 + " " * 30 + '"' * 30) * 20_000,
        "a\n \n" * 500_000,
    ],
    ids=["prose", "one word", "runs", "short runs", "lines"],
)
def test_two_megabytes_are_cut_in_linear_time_and_count(text: str) -> None:
    seen = 0

    def count(piece: str) -> int:
        nonlocal seen
        seen += len(piece)
        return len(piece) // 4 + 1

    document = Document("d", text)
    assert processor_seconds(lambda: (sentences(document), passages(document, 256, count))) < 20
    assert seen <= 8 * len(text)
