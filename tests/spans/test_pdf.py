"""A PDF file gives its pages, or one clear line."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
from pypdf import PdfReader, PdfWriter

from longspan.spans import Document
from opening import refused, saved

TWO_PAGES = [["The letter is short.", "It was hidden."], ["In plain sight.", "By the minister."]]


def test_a_pdf_gives_its_pages(tmp_path: Path, pdf) -> None:
    document = Document.open(saved(tmp_path / "book.pdf", pdf(TWO_PAGES)))
    first, second = document.places.page_starts
    assert document.text[first:second].split("\n")[:2] == TWO_PAGES[0]
    assert document.text[second:].split("\n") == TWO_PAGES[1]
    at = document.text.index("By the minister")
    assert document.place(at)[:2] == (2, 2)
    assert document.describe(at) == f"{tmp_path}/book.pdf, page 2, line 2"


def test_a_pdf_is_known_by_its_content(tmp_path: Path, pdf) -> None:
    assert "plain sight" in Document.open(saved(tmp_path / "paper", pdf(TWO_PAGES))).text


def test_pages_without_text_keep_their_number(tmp_path: Path, pdf) -> None:
    document = Document.open(saved(tmp_path / "a.pdf", pdf([["One."], [], ["Three."]])))
    assert document.place(document.text.index("Three")).page == 3


def test_ligatures_become_letters(tmp_path: Path, pdf) -> None:
    plain = pdf([["find the @ap"]])
    # Let the font map "@" to the ligature fl, as typeset books do.
    cmap = (
        "/CIDInit /ProcSet findresource begin begincmap 1 begincodespacerange <00> <FF> endcodespacerange "
        "1 beginbfchar <40> <FB02> endbfchar endcmap end"
    )
    writer = PdfWriter(clone_from=io.BytesIO(plain))
    from pypdf.generic import NameObject, StreamObject

    stream = StreamObject()
    stream.set_data(cmap.encode())
    font = writer.pages[0]["/Resources"]["/Font"]["/F1"].get_object()
    font[NameObject("/ToUnicode")] = writer._add_object(stream)
    writer.write(tmp_path / "typeset.pdf")
    assert "\ufb02" in PdfReader(tmp_path / "typeset.pdf").pages[0].extract_text()
    assert Document.open(tmp_path / "typeset.pdf").text == "find the flap"


@pytest.mark.parametrize("algorithm", ["RC4-128", "AES-256"])
def test_encrypted_pdfs_open_if_their_password_is_empty(tmp_path: Path, pdf, algorithm: str) -> None:
    for password, name in (("", "open.pdf"), ("secret", "closed.pdf")):
        writer = PdfWriter(clone_from=io.BytesIO(pdf(TWO_PAGES)))
        writer.encrypt(user_password=password, owner_password="owner", algorithm=algorithm)
        writer.write(tmp_path / name)
    assert "plain sight" in Document.open(tmp_path / "open.pdf").text
    message = refused(tmp_path / "closed.pdf")
    assert "encrypted" in message
    assert "password" in message


def test_a_scan_is_told_from_an_empty_file(tmp_path: Path, pdf) -> None:
    message = refused(saved(tmp_path / "scan.pdf", pdf([[], [], []])))
    assert "3 page(s) without a text layer" in message
    assert "OCR" in message
    assert "has no pages" in refused(saved(tmp_path / "none.pdf", pdf([])))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[:9],
        lambda data: data[: len(data) // 2].replace(b"obj", b"???"),
        lambda data: b"not a PDF at all",
        lambda data: data.replace(b"/Kids [", b"/Kids 7 [").replace(
            b"/Catalog /Pages 2", b"/Catalog /Pages 3"
        ),
        lambda data: data.replace(b"/Contents", b"/Contents [[ "),
    ],
)
def test_a_corrupt_pdf_is_one_clear_line_and_nothing_on_stderr(tmp_path: Path, pdf, spoil) -> None:
    path = saved(tmp_path / "torn.pdf", spoil(pdf(TWO_PAGES)))
    program = f"from longspan.spans import Document; Document.open({str(path)!r})"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    lines = run.stderr.strip().splitlines()
    assert lines[-1].startswith("longspan.errors.DocumentError")
    assert lines[0].startswith("Traceback")


def test_a_slightly_broken_pdf_is_read_without_noise(tmp_path: Path, pdf) -> None:
    broken = pdf(TWO_PAGES).replace(b"startxref\n", b"startxref\n9")
    path = saved(tmp_path / "odd.pdf", broken)
    noisy = f"from pypdf import PdfReader; PdfReader({str(path)!r}).pages[0].extract_text()"
    quiet = f"from longspan.spans import Document; print(Document.open({str(path)!r}).text)"
    runs = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        for program in (noisy, quiet)
    ]
    assert runs[0].stderr, "the file must be one that pypdf warns of"
    assert runs[1].stderr == ""
    assert "plain sight" in runs[1].stdout
