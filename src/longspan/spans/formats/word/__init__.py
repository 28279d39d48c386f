"""The text of a Word file: body, then notes, comments, headers and footers, one block a line."""

from __future__ import annotations

from collections.abc import Callable

from longspan.errors import DocumentError
from longspan.spans.formats.extract import Extract
from longspan.spans.formats.left_out import MACROS, LeftOut
from longspan.spans.formats.reason import reason
from longspan.spans.places import Places


def word(data: bytes, name: str, opened: Callable[[bytes, str], Extract]) -> Extract:
    """The text of a docx file; ``opened`` reads the files embedded in it, by content and name."""
    try:
        return _read(data, opened)
    except Exception as error:  # a package may be broken in any way
        raise DocumentError(
            f"{name} cannot be read as docx ({reason(error)}); open and save it again, or export it as PDF"
        ) from error


def _read(data: bytes, opened: Callable[[bytes, str], Extract]) -> Extract:
    from longspan.spans.formats.package import Package
    from longspan.spans.formats.word.closing import comments, has_macros, headers, notes
    from longspan.spans.formats.word.marks import Marks
    from longspan.spans.formats.word.numbering import Numbering
    from longspan.spans.formats.word.reading import WordFile
    from longspan.spans.formats.word.story import Story
    from longspan.spans.formats.word.styles import Styles

    package, left_out = Package(data), LeftOut()
    main = package.main()
    styles = Styles(package, main)
    reading = WordFile(
        package, styles, Numbering(package, main, styles, left_out), Marks(package, main), left_out, opened
    )
    blocks = Story(reading, main).read(package.children(main, "body"))
    for kind in ("footnote", "endnote"):
        for note in notes(reading, main, kind):
            blocks.add(note)
    for comment in comments(reading, main):
        blocks.add(comment)
    for header in headers(reading, main):
        blocks.add(header)
    if has_macros(reading, main):
        left_out.add(MACROS)
    return Extract(
        text=blocks.text,
        places=Places(lines=(), headings=tuple(blocks.headings)),
        notes=left_out.notes(),
    )
