"""What is not read is refused as what it really is, with a way to text."""

import gzip
import io
import shlex
import tarfile
import zipfile
from pathlib import Path

import pytest

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
        (office("openxmlformats-officedocument.spreadsheetml.sheet.main"), "an Excel workbook", "CSV"),
        (office("ms-excel.sheet.macroEnabled.main"), "an Excel workbook", "CSV"),
        (
            office("openxmlformats-officedocument.presentationml.presentation.main"),
            "a PowerPoint file",
            "--convert-to pdf ",
        ),
        (zipped(mimetype=OPEN_DOCUMENT + "text", a="b"), "an OpenDocument text (odt)", "--convert-to docx "),
        (zipped(mimetype=OPEN_DOCUMENT + "spreadsheet"), "an OpenDocument spreadsheet (ods)", "CSV"),
        (zipped(mimetype="application/epub+zip"), "an EPUB book", "pandoc"),
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
