"""What a model reads says which document it is and where text is left out."""

from longspan.spans import Document, Span, layout, render


def test_names_and_gaps_are_stated() -> None:
    one, two = Document("one\x1b.txt", "abcdefghi"), Document("two.txt", "xyz")
    spans = [Span(one, 1, 3), Span(one, 5, 7), Span(one, 7, 8), Span(two, 0, 3)]
    assert render(spans) == (
        "Document: one\ufffd.txt\n[...]\nbc\n[...]\nfgh\n[...]\n\nDocument: two.txt\nxyz"
    )
    assert [part for part in layout(spans) if isinstance(part, Span)] == spans
    assert render([]) == ""
