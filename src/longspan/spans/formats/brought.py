"""Formats of documents that other packages bring."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from longspan import brought
from longspan.errors import DocumentError, LongspanError
from longspan.spans.formats.extract import Extract

OWN = (
    *("txt", "md", "pdf", "docx", "docm", "dotx", "dotm", "rtf", "ipynb"),
    *("pptx", "pptm", "ppsx", "ppsm", "potx", "potm", "xlsx", "xlsm", "xltx", "xltm"),
    *("odt", "ott", "ods", "ots", "odp", "otp", "odg", "otg", "fodt", "fods", "fodp", "fodg"),
    *("tex", "latex", "ltx"),
    *("epub", "csv", "tsv", "tab", "json", "jsonl", "ndjson", "geojson"),
    *("html", "htm", "xhtml", "xht", "shtml", "shtm", "eml", "mht", "mhtml", "mbox", "emlx"),
)
"""Suffixes that mean a format of longspan's own."""


@dataclass(frozen=True, kw_only=True)
class Format:
    """How files of some suffixes are read; announced once for each suffix, in lower case and without its dot.

    read: from the bytes of a whole file, and what errors call it, to its text. Offsets of quotes and citations count
    the characters of that text, line ends are "\\n", and its `places` say where pages, lines or headings are, so that
    a quote can be found in the file. What is in the file and not in the text is named in `notes`, a line for each kind.
    Files are untrusted: `read` runs nothing in them, and raises DocumentError, one line with the reason and the next
    step, for one that it cannot read in full.
    """

    read: Callable[[bytes, str], Extract]


FORMATS = brought.Kind(
    group="longspan.formats",
    what="document format",
    own=lambda: OWN,
    read=brought.instance(Format),
    error=DocumentError,
)


def brought_reader(suffix: str) -> Callable[[bytes, str], Extract] | None:
    """What reads files with this suffix (".djvu"), None where no package does."""
    kind = suffix.removeprefix(".")
    if not kind or kind not in FORMATS.names:
        return None
    read = FORMATS.load(kind).read

    def guarded(data: bytes, name: str) -> Extract:
        try:
            found = read(data, name)
        except LongspanError:
            raise
        except Exception as error:  # a package of others can fail in any way
            said = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            raise FORMATS.trouble(kind, f"cannot read {name} ({said})") from error
        if not isinstance(found, Extract):
            raise FORMATS.trouble(kind, f"gave {type(found).__name__} for {name} and no Extract")
        return found

    return guarded
