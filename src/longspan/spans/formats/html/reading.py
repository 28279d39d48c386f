"""From the bytes of a page to its text, its places and what is left out."""

from __future__ import annotations

import re
from dataclasses import replace

from longspan.errors import DocumentError
from longspan.spans.display import printable
from longspan.spans.formats.encodings import declared, marked
from longspan.spans.formats.extract import Extract
from longspan.spans.formats.html.hidden import Styles
from longspan.spans.formats.html.source import Source
from longspan.spans.formats.html.walk import Walk
from longspan.spans.formats.left_out import LeftOut
from longspan.spans.formats.reason import reason
from longspan.spans.places import Places

_SUFFIXES = (".html", ".htm", ".xhtml", ".xht", ".shtml", ".shtm")
_BEGINNING = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*+(?:<\?xml[^>]*+>\s*+)?(?:<!--(?>.*?-->)\s*+)*+<(?:!doctype\s+html|html)\b",
    re.I | re.S,
)


def is_html(data: bytes, suffix: str) -> bool:
    """Whether the file is a page, by its beginning or its name."""
    return suffix in _SUFFIXES or bool(_BEGINNING.match(data[:4096]))


def html(data: bytes, name: str) -> Extract:
    """What a reader of the page sees, in the encoding that browsers would read it in."""
    found, left_out = html_apart(data, name)
    return replace(found, notes=(*left_out.notes(), *found.notes))


def html_apart(data: bytes, name: str) -> tuple[Extract, LeftOut]:
    """The same, with what is left out counted apart from the other notes, for pages that are parts of one document."""
    page = marked(data, name)
    if isinstance(page, bytes):
        page = declared(page, name)
    xml = name.lower().endswith((".xhtml", ".xht")) or page.lstrip()[:5] == "<?xml"
    try:
        return _read(page, name, xml=xml)
    except DocumentError:
        raise
    except Exception as error:  # a page may be broken in any way
        raise DocumentError(f"{name} cannot be read as HTML ({reason(error)}); save it as text") from error


def html_text(page: str) -> str:
    """What a reader of the page sees: no scripts, styles or hidden parts; cells are parted by tabs."""
    return _read(page, "the page", xml=False)[0].text


def _read(page: str, name: str, *, xml: bool) -> tuple[Extract, LeftOut]:
    from selectolax.lexbor import LexborHTMLParser

    source = Source(page.replace("\r\n", "\n").replace("\r", "\n"), xml=xml)
    tree = LexborHTMLParser(source.page)
    _refuse_frames(tree, name)
    styles = Styles(tree, len(page))
    walk = Walk(tree, styles)
    notes = []
    if source.cut is not None:
        notes.append(
            f"ends within a tag, a comment or a script that begins on line {source.cut:,}, and what stands there is "
            "not read; close it to have it read"
        )
    if not styles.complete:
        notes.append(
            "has too many style rules to tell what they hide, and all is read; look at the page before you rely "
            "on it"
        )
    if styles.adds_text:
        notes.append(
            "has words that are added by a style and not read; save the page as PDF from a browser to have them read"
        )
    places = Places(lines=tuple(walk.writer.lines), headings=tuple(sorted(walk.headings)))
    return Extract(text=walk.writer.text, places=places, notes=tuple(notes)), walk.left_out


def _refuse_frames(tree: object, name: str) -> None:
    frames = [frame.attributes.get("src") or "?" for frame in tree.css("frame")]  # type: ignore[attr-defined]
    if frames:
        said = printable(", ".join(frames[:8]), lines=False)[:160]
        raise DocumentError(
            f"{name} only shows the pages in its frames ({said}); save these pages and name them"
        )
