"""Documents in messages, and quotes of them."""

from __future__ import annotations

import base64
import binascii
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from longspan.serving.openai.extras import named
from longspan.serving.refused import Refused
from longspan.serving.web.bodies import taken, wrong
from longspan.spans import Citation, Document

_BETWEEN = "\n\n"


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A document of a message. title: as the client has it. cited: whether it wants quotes. about: what it says of it,
    which is not quoted. ends: of its blocks in the text, None where it came as one text. file: its id, None where it
    came as a text."""

    document: Document
    title: str | None
    cited: bool
    about: str = ""
    ends: tuple[int, ...] | None = None
    file: str | None = None


def shown_of(block: Mapping[str, Any], where: str, number: int) -> Shown:
    """The document of a block. number: which of the request. Raises Refused for what has no text, and for addresses."""
    source = taken(block, "source", dict, {}, at=where)
    text, ends = _text(source, f"{where}.source")
    if not text.strip():
        raise Refused(f"{where}.source is empty; send a text", code="invalid_value", param=f"{where}.source")
    title = taken(block, "title", str, at=where)
    citations = taken(block, "citations", dict, {}, at=where)
    return Shown(
        document=named(title or "", text, number),
        title=title,
        cited=taken(citations, "enabled", bool, False, at=f"{where}.citations"),
        about=taken(block, "context", str, "", at=where),
        ends=ends,
        file=taken(source, "file_id", str, at=f"{where}.source"),
    )


def _text(source: Mapping[str, Any], where: str) -> tuple[str, tuple[int, ...] | None]:
    kind = taken(source, "type", str, "", at=where)
    if kind == "text":
        return taken(source, "data", str, "", at=where), None
    if kind == "content":
        return _blocks(source.get("content"), f"{where}.content")
    if kind == "base64" and taken(source, "media_type", str, "", at=where).startswith("text/"):
        try:
            data = base64.b64decode(taken(source, "data", str, "", at=where), validate=True)
            return data.decode("utf-8-sig"), None
        except (binascii.Error, UnicodeDecodeError, ValueError):
            raise Refused(
                f"{where}.data is no base64 of UTF-8 text; send it as a text",
                code="unsupported_content",
                param=f"{where}.data",
            ) from None
    if kind in ("base64", "file", "url"):
        what = {"base64": str(source.get("media_type"))[:60], "file": "a file", "url": "an address"}[kind]
        raise Refused(
            f"{where} is {what}, which is not read here; send its text, or read the file with POST /v1/contexts and "
            "name the context in longspan.context",
            code="unsupported_content",
            param=where,
        )
    raise wrong(kind, f"{where}.type", "allowed are text, content, base64")


def _blocks(content: Any, where: str) -> tuple[str, tuple[int, ...] | None]:
    if isinstance(content, str):
        return content, None
    if not isinstance(content, list):
        raise wrong(content, where, "allowed are a text, or a list of text blocks")
    texts, ends, at = [], [], 0
    for number, block in enumerate(content):
        place = f"{where}[{number}]"
        if not isinstance(block, dict) or block.get("type") != "text":
            kind = block.get("type") if isinstance(block, dict) else block
            raise Refused(
                f"{place} is {str(kind)[:60]!r}; documents are of text blocks",
                code="unsupported_content",
                param=place,
            )
        texts.append(taken(block, "text", str, "", at=place))
        at += len(texts[-1])
        ends.append(at)
        at += len(_BETWEEN)
    return _BETWEEN.join(texts), tuple(ends)


def locations_of(citations: Sequence[Citation], shown: Sequence[Shown], before: int) -> list[dict[str, Any]]:
    """Quotes where they stand in documents. before: how many a context holds, which count first; of these, and of those
    in which the client wants quotes."""
    found = []
    for each in citations:
        if not each.verified or each.number is None or each.start is None or each.end is None:
            continue
        place = each.number - 1 - before
        of = shown[place] if 0 <= place < len(shown) else None
        if of is not None and not of.cited:
            continue
        told: dict[str, Any] = {
            "type": "char_location",
            "cited_text": each.quote,
            "document_index": each.number - 1,
            "document_title": each.document if of is None else of.title,
            "file_id": None if of is None else of.file,
        }
        if of is None or of.ends is None:
            told |= {"start_char_index": each.start, "end_char_index": each.end}
        else:
            first, last = (bisect_right(of.ends, one) for one in (each.start, each.end - 1))
            told |= {
                "type": "content_block_location",
                "start_block_index": first,
                "end_block_index": last + 1,
            }
        found.append(told)
    return found
