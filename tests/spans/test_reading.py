"""Every kind of file gives its text, and every file without readable text one clear line."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
from pypdf import PdfReader, PdfWriter

from longspan.errors import DocumentError
from longspan.spans import Document
from opening import refused, saved

TWO_PAGES = [["The letter is short.", "It was hidden."], ["In plain sight.", "By the minister."]]


@pytest.mark.parametrize("name", ["notes.txt", "notes.md", "code.py", "code.rs", "Makefile", "data.weird"])
def test_text_and_code_are_read_as_they_are(tmp_path: Path, name: str) -> None:
    text = "# Größe\n\tif x < 1:\n\n  “quote” 你好 \U0001f600\n"
    path = saved(tmp_path / name, text.encode())
    document = Document.open(path)
    assert document.text == text == path.read_text(encoding="utf-8")
    assert document.name == str(path)
    assert document.places.page_starts == ()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("name", ["notes.txt", "notes.html"])
def test_a_byte_order_mark_tells_the_encoding_and_is_dropped(
    tmp_path: Path, encoding: str, name: str
) -> None:
    assert Document.open(saved(tmp_path / name, "Grüße, 世界".encode(encoding))).text == "Grüße, 世界"


def test_line_ends_become_those_of_python(tmp_path: Path) -> None:
    path = saved(tmp_path / "notes.txt", b"one\r\ntwo\rthree\n")
    assert Document.open(path).text == "one\ntwo\nthree\n" == path.read_text()


def test_other_encodings_are_refused_with_the_command_that_helps(tmp_path: Path) -> None:
    message = refused(saved(tmp_path / "it's old.txt", "Die Größe".encode("cp1252")))
    assert "0xF6 at 6" in message
    command = message.partition("e.g. ")[2]
    subprocess.run(command, shell=True, check=True, capture_output=True)  # noqa: S602 - as a user pastes it
    assert Document.open(tmp_path / "it's old.txt.utf8").text == "Die Größe"


@pytest.mark.parametrize("data", [b"plain words, then a \x00 byte", b"\xff\xfeodd", "a\0b".encode("utf-16")])
@pytest.mark.parametrize("name", ["notes.txt", "page.html"])
def test_binary_files_are_refused_whatever_their_name(tmp_path: Path, data: bytes, name: str) -> None:
    message = refused(saved(tmp_path / name, data))
    assert "binary data" in message
    assert "convert" in message


@pytest.mark.parametrize("name", ["a.txt", "a.pdf", "a.docx", "a.html", "a.py"])
def test_an_empty_file_is_refused(tmp_path: Path, name: str) -> None:
    assert "0 bytes" in refused(saved(tmp_path / name, b""))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("blank.txt", b" \n\t\r\n"),
        ("marks.txt", "\u200b\ufeff\n".encode()),
        ("scripts.html", b"<html><script>let text = 1</script><style>p {}</style></html>"),
    ],
)
def test_a_file_without_visible_text_is_refused(tmp_path: Path, name: str, data: bytes) -> None:
    assert "no visible text" in refused(saved(tmp_path / name, data))


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    assert "no file" in refused(tmp_path / "missing.pdf")
    (tmp_path / "folder.txt").mkdir()
    assert "folder" in refused(tmp_path / "folder.txt")
    assert "not a regular file" in refused(Path("/dev/null"))
    assert "cannot be opened" in refused(tmp_path / ("x" * 5000))


def test_a_name_cannot_steer_the_terminal(tmp_path: Path) -> None:
    path = saved(tmp_path / "a\x1b[2J\nb.txt", b"text")
    document = Document.open(path)
    assert document.name == str(tmp_path / "a\ufffd[2J\ufffdb.txt")
    with pytest.raises(DocumentError) as caught:
        Document.open(tmp_path / "a\x1b[2J\nc.txt")
    assert str(caught.value).isprintable()


# PDF


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


# HTML


def page(tmp_path: Path, html: str | bytes) -> str:
    data = html if isinstance(html, bytes) else html.encode()
    return Document.open(saved(tmp_path / "page.html", data)).text


def test_html_gives_visible_text_a_block_a_line(tmp_path: Path) -> None:
    html = """<!DOCTYPE html><html><head><title>The  Letter</title><style>p {color: red}</style>
      <script>var hidden = "never";</script></head><body><!-- a comment -->
      <h1>Chapter <em>One</em> of two</h1><p>It was   hidden
      in plain&nbsp;si&shy;ght.<br>By whom?<p>By &lt;him&gt;.</p>
      <ul><li>first</li><li>second</li></ul>
      <table><tr><th>who</th><th>what</th></tr><tr><td>D</td><td>letter</td></tr></table>
      <div hidden>ignore me</div><p style="color: red; display : NONE">ignore me</p>
      <pre>  for x in y:\n    print(x)</pre></body></html>"""
    assert page(tmp_path, html) == (
        "The Letter\n\nChapter One of two\n\nIt was hidden in plain sight.\nBy whom?\n\nBy <him>.\n\n"
        "first\nsecond\n\nwho\twhat\nD\tletter\n\n  for x in y:\n    print(x)"
    )


def test_html_is_read_in_the_encoding_it_declares(tmp_path: Path) -> None:
    html = '<meta charset="iso-8859-2"><p>Łódź</p>'
    assert page(tmp_path, html.encode("iso-8859-2")) == "Łódź"
    assert page(tmp_path, b'<meta charset="iso-8859-1"><p>\x93quoted\x94') == "“quoted”", "as browsers do"
    assert page(tmp_path, "<p>Łódź".encode()) == "Łódź"


@pytest.mark.parametrize("declared", ["ascii\x1b", "punycode", "zlib", "utf-8", "nonsense"])
def test_html_that_does_not_fit_its_encoding_is_refused(tmp_path: Path, declared: str) -> None:
    html = f'<meta charset="{declared}"><p>'.encode() + b"na\xefve"
    assert "does not fit the encoding" in refused(saved(tmp_path / "page.html", html))
    assert "is not UTF-8 (byte 0xEF" in refused(saved(tmp_path / "bare.html", b"<p>na\xefve"))


def test_xhtml_and_odd_pages_are_read_without_noise(tmp_path: Path, capfd) -> None:
    assert page(tmp_path, '<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><p>A</p>') == "A"
    assert page(tmp_path, "notes.txt") == "notes.txt"
    assert capfd.readouterr() == ("", "")


def test_deep_and_wide_pages_take_linear_time(tmp_path: Path) -> None:
    assert page(tmp_path, "<div>" * 20_000 + "deep") == "deep"
    assert page(tmp_path, "<p>" + "x<i> </i>" * 20_000 + " " * 500_000 + "end").endswith("end")


def test_opening_text_loads_no_converter(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.txt", b"text")
    program = (
        f"import sys; from longspan.spans import Document; Document.open({str(path)!r}); "
        "print({'pypdf', 'docx', 'bs4', 'bm25s', 'numpy', 'transformers', 'torch'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
