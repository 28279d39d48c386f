"""Every kind of file gives its text, and every file without readable text one clear line."""

import subprocess
import sys
from pathlib import Path

import pytest

from longspan.errors import DocumentError
from longspan.spans import Document
from opening import refused, saved


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
    assert document.name.isprintable()
    assert document.name.endswith("b.txt")
    with pytest.raises(DocumentError) as caught:
        Document.open(tmp_path / "a\x1b[2J\nc.txt")
    assert str(caught.value).isprintable()


def test_opening_text_loads_no_converter(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.txt", b"text")
    program = (
        f"import sys; from longspan.spans import Document; Document.open({str(path)!r}); "
        "print({'pypdf', 'pypdfium2', 'lxml', 'selectolax', 'chardet', 'bm25s', 'numpy', 'torch'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
