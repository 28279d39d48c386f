"""What the stories of a Word file share."""

from __future__ import annotations

from dataclasses import dataclass, field

from longspan.spans.formats.left_out import LeftOut
from longspan.spans.formats.word.marks import Marks
from longspan.spans.formats.word.numbering import Numbering
from longspan.spans.formats.word.package import Package
from longspan.spans.formats.word.styles import Styles


@dataclass
class Reading:
    """One file while it is read.

    depth: how many Word files there are around this one.
    sections: for each section that was passed, the ids of its headers and footers by part and turn.
    """

    package: Package
    styles: Styles
    numbering: Numbering
    marks: Marks
    left_out: LeftOut
    depth: int
    sections: list[dict[tuple[str, str], str]] = field(default_factory=list)
