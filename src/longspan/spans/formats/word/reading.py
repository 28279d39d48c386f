"""What the stories of a Word file share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from longspan.spans.formats.extract import Extract
from longspan.spans.formats.left_out import LeftOut
from longspan.spans.formats.package import Package
from longspan.spans.formats.word.marks import Marks
from longspan.spans.formats.word.numbering import Numbering
from longspan.spans.formats.word.styles import Styles


@dataclass
class WordFile:
    """One file while it is read.

    opened: gives the text of a file embedded in this one, by content and name.
    sections: for each section that was passed, the ids of its headers and footers by part and turn.
    """

    package: Package
    styles: Styles
    numbering: Numbering
    marks: Marks
    left_out: LeftOut
    opened: Callable[[bytes, str], Extract]
    sections: list[dict[tuple[str, str], str]] = field(default_factory=list)
