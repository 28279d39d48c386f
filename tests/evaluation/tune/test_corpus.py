"""Documents as sentences: nothing lost, unreadable files named, contexts within their room."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longspan.errors import DocumentError
from longspan.evaluation.tune.corpus import Corpus
from longspan.spans import Document

TEXT = "First sentence here. Second one\nover two lines.\n\n# Heading\n\n* an item\n* another item. And more."


def test_the_pieces_are_the_text():
    assert "".join(Corpus((Document("d", TEXT),)).pieces).rstrip() == TEXT
    both = Corpus((Document("d", TEXT), Document("e", "Last."))).pieces
    assert both[-2:] == ("And more.\n\n", "Last.\n\n")


@given(start=st.integers(0, 5), room=st.integers(0, 60))
def test_a_cut_is_the_longest_that_fits(start, room):
    corpus = Corpus((Document("d", TEXT),))
    pieces, length = corpus.pieces, len(corpus.pieces)
    cut = corpus.cut(start, room, len)
    assert cut == [pieces[(start + number) % length] for number in range(len(cut))]
    assert len("".join(cut)) <= room
    if len(cut) < length:
        assert len("".join(cut) + pieces[(start + len(cut)) % length]) > room


def test_a_folder_is_read_with_its_folders_and_what_is_no_text_is_named(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / ".git").mkdir()
    (tmp_path / "b" / "two.md").write_text("Two is here.")
    (tmp_path / "a.txt").write_text("One is here.")
    (tmp_path / ".git" / "hidden.txt").write_text("Not for reading.")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    corpus = Corpus.open(tmp_path)
    assert [document.text for document in corpus.documents] == ["One is here.", "Two is here."]
    assert corpus.skipped == ("1 binary", "1 hidden")
    assert [each.text for each in Corpus.open(tmp_path / "**" / "*.md").documents] == ["Two is here."]
    assert Corpus.open(tmp_path / "a.txt").documents[0].text == "One is here."


def test_a_folder_without_text_and_no_folder_are_refused(tmp_path):
    with pytest.raises(DocumentError, match="is a folder without files that can be read; check"):
        Corpus.open(tmp_path)
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    with pytest.raises(DocumentError, match=r"without files that can be read \(1 binary\)"):
        Corpus.open(tmp_path)
    with pytest.raises(DocumentError, match="there is no file"):
        Corpus.open(tmp_path / "absent")
