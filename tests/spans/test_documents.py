"""Places, spans and display."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longspan.spans import Document, Place, Places, Span, merge, printable

TEXTS = st.text(st.sampled_from("ab \n"), max_size=60)


@given(TEXTS, st.data())
def test_place_is_the_line_that_an_editor_shows(text: str, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(text)))
    line, page, *_ = Document("d", text).place(offset)
    assert page is None
    before = text[:offset].split("\n")
    assert line == len(before)
    assert text.split("\n")[line - 1].startswith(before[-1])


@given(st.lists(TEXTS, min_size=1, max_size=5), st.data())
def test_place_in_a_document_with_pages(pages: list[str], data: st.DataObject) -> None:
    starts = tuple(sum(len(page) + 1 for page in pages[:number]) for number in range(len(pages)))
    document = Document("d.pdf", "\n".join(pages), Places(page_starts=starts))
    number = data.draw(st.integers(0, len(pages) - 1))
    within = data.draw(st.integers(0, len(pages[number])))
    place = document.place(starts[number] + within)
    assert place == Place(line=pages[number].count("\n", 0, within) + 1, page=number + 1)


def test_describe() -> None:
    assert Document("notes.md", "a\nb\nc").describe(4) == "notes.md, line 3"
    assert (
        Document("book.pdf", "a\nb\nc", Places(page_starts=(0, 2))).describe(4) == "book.pdf, page 2, line 2"
    )
    labelled = Places(page_starts=(0, 2), page_labels=("iv", "1"))
    assert Document("book.pdf", "a\nb\nc", labelled).describe(4) == "book.pdf, page 2 (1), line 2"
    assert (
        Document("page.html", "a\nb\nc", Places(lines=((0, 12), (2, 30)))).describe(4) == "page.html, line 30"
    )
    letter = Places(lines=(), headings=((2, "Pay\x1b"),))
    assert Document("letter.docx", "a\nPay\x1b\nc", letter).describe(7) == "letter.docx, under “Pay\ufffd”"
    assert Document("letter.docx", "a\nPay\x1b\nc", letter).describe(0) == "letter.docx"
    assert Document("a\n\x1b]0;b", "c").describe(0) == "a\ufffd\ufffd]0;b, line 1"


def test_what_lies_outside_is_refused() -> None:
    document = Document("a", "text")
    with pytest.raises(ValueError, match=r"offset=5 .* 0 to 4"):
        document.place(5)
    with pytest.raises(ValueError, match=r"span 2:5 .* <= 4"):
        Span(document, 2, 5)
    with pytest.raises(ValueError, match="span -1:2"):
        Span(document, -1, 2)
    for starts in [(1, 2), (0, 3, 2), (0, 5)]:
        with pytest.raises(ValueError, match="page_starts of a"):
            Document("a", "text", Places(page_starts=starts))
    with pytest.raises(ValueError, match="lines of a"):
        Document("a", "text", Places(lines=((3, 1), (2, 2))))
    with pytest.raises(ValueError, match=r"page_labels of a has 1 entries for 2 pages"):
        Document("a", "text", Places(page_starts=(0, 2), page_labels=("i",)))


def test_a_document_does_not_print_its_text() -> None:
    assert repr(Document("a", "x" * 10**6)) == "Document(name='a')"


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 8)), max_size=8))
def test_merge_covers_the_same_characters(pairs: list[tuple[int, int]]) -> None:
    document = Document("a", "x" * 28)
    spans = [Span(document, start, start + length) for start, length in sorted(pairs)]
    merged = merge(spans)
    covered = {at for span in spans for at in range(span.start, span.end)}
    assert {at for span in merged for at in range(span.start, span.end)} == covered
    assert all(left.end < right.start for left, right in pairwise(merged))


def test_merge_keeps_documents_and_order_apart() -> None:
    one, two = Document("1", "abcdef"), Document("2", "abcdef")
    spans = [Span(one, 0, 3), Span(two, 3, 6), Span(two, 0, 3)]
    assert merge(spans) == spans


@given(st.text())
def test_printable_is_safe_to_show_and_keeps_offsets(text: str) -> None:
    shown = printable(text)
    assert len(shown) == len(text)
    assert not any(ord(character) < 32 and character not in "\n\t" for character in shown)
    assert not any(0x7F <= ord(character) < 0xA0 for character in shown)
    shown.encode()
    assert "\n" not in printable(text, lines=False)


def test_printable_leaves_writing_alone() -> None:
    text = "Größe 世界 שלום 👩\u200d🔬\n\tend"
    assert printable(text) == text


@given(st.lists(st.integers(0, 40)), st.lists(st.integers(1, 99), min_size=40), st.integers(0, 40))
def test_places_come_back_from_json_and_say_the_last_line_before(
    offsets: list[int], numbers: list[int], offset: int
) -> None:
    pairs = tuple(zip(sorted(offsets), sorted(numbers), strict=False))
    places = Places(lines=pairs, headings=tuple((at, str(line)) for at, line in pairs))
    assert Places.from_dict(json.loads(json.dumps(places.to_dict()))) == places
    before = [line for at, line in pairs if at <= offset]
    assert Document("a", "x" * 40, places).place(offset).line == (before[-1] if before else None)
