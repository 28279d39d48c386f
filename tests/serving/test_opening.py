"""Files of strangers are read by a process that is bounded: bombs are refused, and what takes too long is killed."""

from __future__ import annotations

import asyncio
import io
import os
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import pytest
from scripted_desk import ScriptedDesk
from shell import connection, shell

import pdfs
from longspan.serving.refused import Refused
from longspan.serving.web import extracting
from longspan.serving.web.extracting import refuse_bombs
from longspan.serving.web.opening import Opening
from longspan.spans import Document

WORD = """<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>
<w:p><w:r><w:t>{}</w:t></w:r></w:p></w:body></w:document>"""
RELATIONS = """<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Id="r1" Target="word/document.xml"
Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"/></Relationships>"""
TYPES = """<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override
PartName="/word/document.xml"
ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>"""


def packed(**parts: bytes | str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as package:
        for name, data in parts.items():
            package.writestr(name, data)
    return file.getvalue()


def word(text: str, **more: bytes | str) -> bytes:
    parts = {"[Content_Types].xml": TYPES, "_rels/.rels": RELATIONS, "word/document.xml": WORD.format(text)}
    return packed(**parts, **more)


def opened(data: bytes, name: str, opening: Opening | None = None) -> Document:
    """What is read of a file."""
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        return asyncio.run((opening or Opening()).document(file, name))


def test_documents_are_read_as_they_are_here():
    page = pdfs.pages(["BT /F1 12 Tf 72 700 Td (Dusk at six.) Tj ET"])
    for data, name in ((word("The lamp."), "a.docx"), (page, "b.pdf"), (b"One.\r\nTwo.", "c.txt")):
        assert opened(data, name) == Document.of(data, name)
    assert opened(b"a,b\n1,2\n", "d.csv").describe(4).startswith("d.csv, line 2, column 1")


def test_a_bomb_is_refused_before_it_is_unpacked():
    began = time.monotonic()
    for bomb in (
        word("a", **{"word/media/a.xml": bytes(40 * 2**20)}),
        word("a", **{f"word/{number}.xml": "" for number in range(5000)}),
    ):
        with pytest.raises(Refused, match="allowed are") as refused:
            opened(bomb, "a.docx")
        assert refused.value.code == "unreadable_document"
    assert time.monotonic() - began < 20


def test_a_package_that_hides_its_size_is_not_unpacked_further():
    bomb = bytearray(packed(**{"word/document.xml": bytes(50 * 2**20)}))
    size, lie = (50 * 2**20).to_bytes(4, "little"), (100).to_bytes(4, "little")
    while (place := bomb.find(size)) >= 0:
        bomb[place : place + 4] = lie
    refuse_bombs(bytes(bomb))
    with pytest.raises(Refused):
        opened(bytes(bomb), "a.docx")


def test_usual_packages_are_no_bombs():
    refuse_bombs(word("word " * 100_000))
    refuse_bombs(b"%PDF-1.7 no package")


def test_entities_are_not_unfolded():
    laughs = '<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>' + WORD.format("&b;")
    parts = {"[Content_Types].xml": TYPES, "_rels/.rels": RELATIONS, "word/document.xml": laughs}
    with pytest.raises(Refused, match="entities"):
        opened(packed(**parts), "a.docx")


linux = pytest.mark.skipif(sys.platform != "linux", reason="processes are looked at as Linux shows them")


@pytest.fixture
def endless(tmp_path, monkeypatch):
    """Has another program read files: it writes its number to the file that is returned, then does as it is told."""

    def does(code: str) -> Path:
        (tmp_path / "endless.py").write_text(
            f"import os, sys, time, subprocess\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n{code}\n"
        )
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(tmp_path), os.environ.get("PYTHONPATH", ""))))
        monkeypatch.setattr(extracting, "__name__", "endless")
        return tmp_path / "pid"

    return does


def is_running(pid: Path) -> bool:
    """Whether a process goes on, however soon somebody takes note of its end."""
    for _ in range(50):
        try:
            state = Path(f"/proc/{pid.read_text()}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return False
        if state == "Z":
            return False
        time.sleep(0.02)
    return True


@linux
def test_what_takes_too_long_is_killed_with_all_that_it_started(endless):
    code = "sleeping = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    pid = endless(code + "open(__file__ + '.started', 'w').write(str(sleeping.pid)); sleeping.wait()")
    with pytest.raises(Refused, match="too much time or memory"):
        opened(b"a", "a.txt", Opening(seconds=1))
    assert not is_running(pid)
    assert not is_running(pid.parent / "endless.py.started")


@linux
def test_nobody_waits_for_a_file_whose_client_is_gone(endless):
    pid = endless("time.sleep(60)")

    async def left() -> None:
        with tempfile.TemporaryFile() as file:
            reading = asyncio.create_task(Opening().document(file, "a"))
            while not pid.exists() or not pid.read_text():
                await asyncio.sleep(0.05)
            reading.cancel()
            await asyncio.wait((reading,))

    asyncio.run(left())
    assert not is_running(pid)


@linux
def test_a_client_that_leaves_while_its_file_is_read_ends_the_reading(endless):
    pid = endless("time.sleep(60)")
    part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\na\r\n--x--\r\n'
    head = (
        "POST /v1/contexts HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    )
    with shell(ScriptedDesk()) as root:
        with connection(root) as own:
            own.sendall(f"{head}Content-Length: {len(part)}\r\n\r\n".encode() + part)
            until = time.monotonic() + 10
            while not (pid.exists() and pid.read_text()) and time.monotonic() < until:
                time.sleep(0.05)
        assert not is_running(pid)


def test_a_process_that_dies_is_a_refusal(endless):
    for code in ("os.kill(os.getpid(), 9)", "print('{')", "sys.exit(3)"):
        endless(code)
        with pytest.raises(Refused, match="too much time or memory"):
            opened(b"a", "a.txt")


def test_too_many_files_at_once_are_told_to_come_back(endless):
    endless("time.sleep(60)")

    async def crowded() -> None:
        opening = Opening(at_once=1, waiting=1)
        with tempfile.TemporaryFile() as file:
            tasks = [asyncio.create_task(opening.document(file, "a")) for _ in range(3)]
            done, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for each in waiting:
                each.cancel()
            await asyncio.wait(waiting)
        (refused,) = [each.exception() for each in done]
        assert (refused.status, refused.retry_after) == (503, 10)

    asyncio.run(crowded())


def test_a_reader_sees_no_keys(endless, monkeypatch):
    monkeypatch.setenv("LONGSPAN_API_KEY", "secret-of-the-server")
    endless(
        "import json; said = repr(dict(os.environ)) + repr(sys.argv)\n"
        "print(json.dumps({'text': said, 'places': {'page_starts': [], 'page_labels': [], 'lines': None, "
        "'headings': []}, 'notes': []}))"
    )
    found = opened(b"a", "private name.txt")
    assert "PATH" in found.text
    assert "secret" not in found.text
    assert "private" not in found.text


@linux
def test_memory_is_bounded(endless):
    endless(
        "import json; from longspan.serving.web.extracting import _bound\n"
        "said = json.loads(sys.argv[1]); _bound(said['seconds'], said['memory']); bytearray(2**30)"
    )
    with pytest.raises(Refused, match="memory"):
        opened(b"a", "a.txt", Opening(memory=2**29))
