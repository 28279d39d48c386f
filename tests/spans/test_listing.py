"""Which files a folder or a pattern stands for."""

import os
from pathlib import Path

import pytest

from longspan.cli.asked import opened
from longspan.errors import DocumentError
from longspan.spans import files_under, listing

FILES = {
    "notes/ten 10.md": b"ten",
    "notes/ten 9.md": b"nine",
    "notes/Alpha.txt": b"alpha",
    "notes/deep/er/b.md": b"b",
    "notes/deep/a.pdf": b"%PDF-1.7 and no more",
    "notes/deep/wide.txt": b"\xff\xfeh\0i\0",
    "notes/empty.md": b"",
    "notes/.git/config": b"hidden",
    "notes/.secret.md": b"hidden",
    "notes/~$letter.docx": b"locked",
    "notes/photo.png": b"\x89PNG\r\n\x1a\n\x00\x00",
    "notes/data.bin": b"a\0b",
    "notes/pack.zip": b"PK\x03\x04 and more",
    "notes/[x].txt": b"x",
}


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, data in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    (tmp_path / "notes/loop").symlink_to(tmp_path / "notes", target_is_directory=True)
    (tmp_path / "notes/twice.md").symlink_to(tmp_path / "notes/ten 9.md")
    os.mkfifo(tmp_path / "notes/pipe")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(found: list[Path]) -> list[str]:
    return [path.as_posix() for path in found]


def test_a_folder_is_its_readable_files_in_the_order_of_their_names(notes: Path) -> None:
    found = listing("notes")
    assert names(list(found.files)) == [
        "notes/[x].txt",
        "notes/Alpha.txt",
        "notes/deep/a.pdf",
        "notes/deep/er/b.md",
        "notes/deep/wide.txt",
        "notes/ten 9.md",
        "notes/ten 10.md",
    ]
    assert found.describe() == (
        "notes stands for 7 files; not read: 3 binary, 1 empty, 3 hidden, 1 linked folders, 1 not regular, "
        "1 there under another name"
    )
    assert files_under(notes / "notes") == [notes / each for each in found.files]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("notes/*.md", ["notes/ten 9.md", "notes/ten 10.md"]),
        ("notes/**/*.md", ["notes/deep/er/b.md", "notes/ten 9.md", "notes/ten 10.md"]),
        ("**/b.*", ["notes/deep/er/b.md"]),
        ("notes/**/e?/*", ["notes/deep/er/b.md"]),
        ("notes/.s*", ["notes/.secret.md"]),
        ("notes/[x].txt", ["notes/[x].txt"]),
        ("notes/ten 9.md", ["notes/ten 9.md"]),
        ("notes/none.md", ["notes/none.md"]),
        ("notes/**", [each.as_posix() for each in map(Path, ["notes/[x].txt", "notes/Alpha.txt"])]),
    ],
)
def test_a_pattern_is_the_files_that_fit_it(notes: Path, pattern: str, expected: list[str]) -> None:
    assert names(files_under(pattern))[: max(1, len(expected))] == expected
    if pattern != "notes/**":
        assert names(files_under(pattern)) == expected


def test_nothing_there_is_one_line(notes: Path) -> None:
    with pytest.raises(DocumentError, match=r"notes/\*\.odt fits no file; check the path"):
        files_under("notes/*.odt")
    (notes / "bare").mkdir()
    (notes / "bare/.x").write_text("x")
    with pytest.raises(DocumentError, match=r"bare is a folder without files that can be read \(1 hidden\)"):
        files_under("bare")


def test_a_word_may_be_a_folder_and_what_of_it_cannot_be_read_is_said(
    notes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    documents = opened(["notes/Alpha.txt", "notes"])
    assert [each.name for each in documents] == [
        "notes/Alpha.txt",
        "notes/[x].txt",
        "notes/deep/er/b.md",
        "notes/deep/wide.txt",
        "notes/ten 9.md",
        "notes/ten 10.md",
    ]
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("note: notes stands for 6 files; not read: ")
    assert "1 named before" in first
    assert second.startswith("note: not read: notes/deep/a.pdf cannot be opened")
    with pytest.raises(DocumentError, match=r"no file of notes/deep/\*\.pdf can be read; notes/deep/a\.pdf"):
        opened(["notes/deep/*.pdf"])
