"""A document format: subtitles (.srt), of which only what is said is read."""

import re

from longspan.errors import DocumentError
from longspan.spans.formats.brought import Format
from longspan.spans.formats.extract import Extract

_BLOCK = re.compile(r"\d+\n[\d:,]+ --> [\d:,]+\n(.+?)(?:\n\n|\Z)", re.S)


def read(data, name):
    text = data.decode("utf-8-sig").replace("\r\n", "\n")
    said = [match[1].replace("\n", " ").strip() for match in _BLOCK.finditer(text)]
    if not said:
        raise DocumentError(f"{name} has no subtitles; give a file in SubRip's format")
    return Extract(text="\n".join(said), notes=("has times that are not in the text",))


SRT = Format(read=read)
ENTRY_POINTS = {"longspan.formats": {"srt": "subtitles:SRT"}}
