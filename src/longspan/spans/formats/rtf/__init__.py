"""The text of an RTF file: body, then notes, comments, headers and footers, one block a line."""

from __future__ import annotations

from longspan.errors import DocumentError
from longspan.spans.formats.extract import Extract
from longspan.spans.formats.left_out import LeftOut
from longspan.spans.formats.reason import reason
from longspan.spans.places import Places

_MARK = b"{\\rtf"


def is_rtf(data: bytes) -> bool:
    """Whether the file is RTF, by its beginning."""
    return data[:64].removeprefix(b"\xef\xbb\xbf").lstrip().startswith(_MARK)


def rtf(data: bytes, name: str) -> Extract:
    """The text of an RTF file."""
    from longspan.spans.formats.rtf.reader import Reader

    left_out = LeftOut()
    reader = Reader(left_out)
    try:
        reader.read(data.decode("latin-1"))
        reader.body.finish()
    except Exception as error:  # a file may be broken in any way
        raise DocumentError(
            f"{name} cannot be read as RTF ({reason(error)}); open and save it again, or save it as docx"
        ) from error
    blocks = reader.body.blocks
    for text in reader.closing:
        blocks.add(text)
    return Extract(
        text=blocks.text, places=Places(lines=(), headings=tuple(blocks.headings)), notes=left_out.notes()
    )
