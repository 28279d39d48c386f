"""The pages that people write, and the blocks of code in them.

An invisible comment on the line before a block says what is special about it: `<!-- not run -->`, or
`<!-- file: NAME -->` for the content of a file that later blocks use. A block of kind `text` or `json` shows what the
block before it prints.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "docs" / "lighthouse.md"
GENERATED = ROOT / "docs" / "field.md"
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *(path for path in sorted((ROOT / "docs").glob("*.md")) if path not in (SAMPLE, GENERATED)),
]

SHOWN = ("text", "json")

_BLOCK = re.compile(
    r"(?:^<!-- (?P<note>[^\n]+) -->\n)?^```(?P<kind>\w+)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True, kw_only=True)
class Block:
    """A fenced block: where its code begins, its kind, its code, and the comment before it."""

    page: Path
    line: int
    kind: str
    code: str
    note: str

    @property
    def runs(self) -> bool:
        return self.note == ""

    @property
    def file(self) -> str:
        """The name of the file that this is the content of, or nothing."""
        return self.note.removeprefix("file: ") if self.note.startswith("file: ") else ""

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """All blocks of a page in their order."""
    text = page.read_text("utf-8")
    return [
        Block(
            page=page,
            line=text.count("\n", 0, match.start("code")) + 1,
            kind=match["kind"],
            code=match["code"],
            note=match["note"] or "",
        )
        for match in _BLOCK.finditer(text)
    ]


def examples(page: Path) -> Iterator[tuple[Block, str]]:
    """Each block with what the page says that it prints."""
    found = blocks(page)
    for number, block in enumerate(found):
        if block.kind not in SHOWN:
            following = found[number + 1 : number + 2]
            yield block, "".join(each.code for each in following if each.kind in SHOWN)


def commands(block: Block) -> list[list[str]]:
    """The arguments of every `longspan` in a block of shell."""
    found = []
    for line in block.code.replace("\\\n", " ").splitlines():
        for command in line.split(" && "):
            words = shlex.split(command)
            if Path(words[0]).name == "longspan":
                found.append(words[1:])
    return found
