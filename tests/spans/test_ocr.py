"""Pages and files that are pictures, with a stand-in for the program that reads them."""

import sys
from pathlib import Path

import pytest

from longspan.spans import Document
from opening import refused, saved

PROGRAM = """#!{python}
import os, sys
if sys.argv[1] == "--list-langs":
    print("List of available languages (3):\\ndeu\\neng\\nosd")
    sys.exit()
picture = sys.stdin.buffer.read()
if "broken" in sys.argv[4]:
    sys.exit("no such language")
print("read", len(picture) > 100 and picture[:2].decode("latin-1"), sys.argv[4], end=os.environ["AFTER"])
"""
DOT = b"\x89PNG\r\n\x1a\n" + bytes(200)


@pytest.fixture(autouse=True)
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "tesseract").write_text(PROGRAM.format(python=sys.executable))
    (folder / "tesseract").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("AFTER", "\n\f")
    monkeypatch.delenv("LONGSPAN_OCR")


def test_pages_without_text_are_read_as_pictures(tmp_path: Path, pdf) -> None:
    document = Document.open(saved(tmp_path / "a.pdf", pdf([["Written words"], [], []])))
    assert document.text == "Written words\nread P5 eng+deu\nread P5 eng+deu"
    assert document.blank_pages == ()
    assert document.place(len(document.text)).page == 3
    assert document.notes == (
        "has pictures of text on page 2, 3; its words were recognised (Tesseract, eng+deu), which can mistake letters "
        "and numbers; look at the page before you rely on one",
    )


def test_a_picture_has_its_words_and_a_tiff_its_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LONGSPAN_OCR", "ell")
    document = Document.open(saved(tmp_path / "a.png", DOT))
    assert document.text.endswith("ell")
    monkeypatch.setenv("AFTER", "\n\fsecond\n\f")
    assert Document.open(tmp_path / "a.png").place(len(document.text) + 2).page == 2


def test_off_and_a_failure_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pdf) -> None:
    scan, dot = saved(tmp_path / "a.pdf", pdf([[]])), saved(tmp_path / "a.png", DOT)
    monkeypatch.setenv("LONGSPAN_OCR", "broken")
    said = "tesseract failed: no such language; mend that, or set LONGSPAN_OCR to off"
    assert said in refused(scan)
    assert "(tesseract failed: no such language); save it as PNG, or check LONGSPAN_OCR" in refused(dot)
    monkeypatch.setenv("LONGSPAN_OCR", "off")
    assert "run OCR first" in refused(scan)
    assert "a PNG image, which is not read; run OCR first" in refused(dot)
