"""What is not read is refused as what it really is, with a way to text."""

import gzip
import io
import shlex
import tarfile
import zipfile
from pathlib import Path

import pytest

from longspan.errors import DocumentError
from longspan.spans import Document
from longspan.spans.formats.opening import read
from opening import refused, saved

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500)


def zipped(**files: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        for name, content in files.items():
            package.writestr(name, content)
    return buffer.getvalue()


def office(main: str) -> bytes:
    types = f'<Types><Override PartName="/main.xml" ContentType="application/vnd.{main}+xml"/></Types>'
    return zipped(**{"[Content_Types].xml": types, "main.xml": "<x/>"})


def tarred() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.txt"))
    return buffer.getvalue()


OPEN_DOCUMENT = "application/vnd.oasis.opendocument."


@pytest.mark.parametrize("name", ["it's.bin", "notes.txt", "page.html", "letter.docx"])
@pytest.mark.parametrize(
    ("data", "kind", "advice"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "a PNG image", "OCR"),
        (b"\xff\xd8\xff\xe0", "a JPEG image", "OCR"),
        (zipped(a="b", c="d"), "a zip archive (2 entries)", "unpack"),
        (zipped(), "a zip archive (0 entries)", "unpack"),
        (gzip.compress(b"text", mtime=0), "a gzip archive", "unpack"),
        (tarred(), "a tar archive", "unpack"),
        (OLE, "an older Office file", "--convert-to docx "),
        (OLE + "WordDocument".encode("utf-16-le"), "an older Word file (.doc)", "--convert-to docx "),
        (OLE + "Workbook".encode("utf-16-le"), "an older Excel file (.xls)", "CSV"),
        (
            OLE + "EncryptedPackage".encode("utf-16-le"),
            "an Office file with a password",
            "remove the password",
        ),
        (OLE + "__substg1.0_0037001F".encode("utf-16-le"), "an Outlook message (.msg)", ".eml"),
        (office("ms-excel.sheet.binary.macroEnabled.main"), "a binary Excel workbook (.xlsb)", "xlsx"),
        (zipped(mimetype=OPEN_DOCUMENT + "formula", a="b"), "an OpenDocument formula", "--convert-to pdf "),
        (zipped(mimetype=OPEN_DOCUMENT + "database"), "an OpenDocument database", "CSV"),
        (zipped(**{"Index/Document.iwa": "x"}), "a Pages, Numbers or Keynote file", "export"),
        (
            b'<?xml version="1.0"?>\n<?mso-application progid="Word.Document"?>',
            "a Word file in one XML",
            "docx",
        ),
        (b"%!PS-Adobe-3.0\n(text) show", "a PostScript file", "ps2pdf"),
        (b"PK\x03\x04 and no more", "a damaged zip archive or Office file", "whole copy"),
    ],
)
def test_a_known_format_is_named_whatever_the_file_is_called(
    tmp_path: Path, data: bytes, kind: str, advice: str, name: str
) -> None:
    path = saved(tmp_path / name, data)
    message = refused(path)
    assert f" is {kind}, which is not read; " in message
    assert advice in message.partition("; ")[2]
    if "--convert-to" in message:
        assert shlex.split(message.partition("e.g. ")[2])[-1] == str(path)


MARKED = [
    (b'\x04"M\x18d\x00', "an lz4 archive"),
    (b"\x00" * 0x8001 + b"CD001", "an image of a disc (iso)"),
    (b"\xff\xfb\x90\x64\x00", "a sound file"),
    (b"\x00\x00\x00\x0cjP  \r\n", "a JPEG 2000 image"),
    (b"wOFF\x00\x01", "a font"),
    (b"bplist00\xd1\x01\x02_WebMainResource", "a binary property list or Safari web archive"),
    (b"%FDF-1.2\n1 0 obj << /FDF << >> >> endobj", "the data of a PDF form (fdf)"),
    (b"-----BEGIN PGP MESSAGE-----\n\nhQEM", "an encrypted message"),
    (b"begin 644 a.bin\n#0V%T\n`\nend\n", "an encoded file"),
    (b'<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?>', "an Excel workbook in one XML"),
    (b'<?xml version="1.0" encoding="windows-1251"?><FictionBook>\xd6</FictionBook>', "a FictionBook"),
    (OLE + "Book\0".encode("utf-16-le"), "an older Excel file (.xls)"),
    (zipped(a="x"), "a zip archive (1 entry)"),
]


@pytest.mark.parametrize(("data", "kind"), MARKED)
def test_rarer_formats_are_told_by_their_marks(tmp_path: Path, data: bytes, kind: str) -> None:
    assert f" is {kind}, which is not read; " in refused(saved(tmp_path / "a.txt", data))


@pytest.mark.parametrize(
    "word", ["ID3", "BZh", "PAR1", "GIF89a", "The ftyp", "II*", "OTTO", "MSCF", "SQLite format 3"]
)
def test_words_that_are_marks_elsewhere_are_text(tmp_path: Path, word: str) -> None:
    said = f"{word} is the mark of a größer file.\n"
    assert Document.open(saved(tmp_path / "a.txt", said.encode())).text == said


@pytest.mark.parametrize("data", [b"<html>404</html>", b"plain words"])
def test_what_is_no_such_file_is_not_called_a_damaged_one(tmp_path: Path, data: bytes) -> None:
    for suffix in ("pdf", "docx", "pptx", "xlsx", "odt", "epub"):
        said = refused(saved(tmp_path / f"a.{suffix}", data))
        assert f"is not a {suffix} file, whatever its name" in said


@pytest.mark.parametrize("package", ["lxml", "openpyxl", "pypdf", "pypdfium2", "selectolax", "tinycss2"])
def test_without_the_extra_for_documents_text_is_read_and_the_rest_says_what_to_install(package, monkeypatch):
    monkeypatch.setattr(
        "longspan.spans.formats.opening.find_spec", lambda name: None if name == package else name
    )
    assert read(b"# A lamp\n\nIt was lit.", ".md", "lamp.md").text
    with pytest.raises(DocumentError, match=rf"page.html is read with {package}.*'longspan\[documents\]'$"):
        read(b"<html><p>A lamp.</p></html>", ".html", "page.html")
