"""Which document an answer says that a quotation is from."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath

from longspan.spans.document import Document
from longspan.spans.quotations import Quotation
from longspan.spans.rendering import titles

_ASIDE = re.compile(
    r"[\"'”’.,;*_ \t]*(?:\((?:[^()\n]|\([^()\n]*\))*\)?|\[[^\[\]\n]*\]?|--?[^\n]*)|\s*[—–][^\n]*"
)
_SENTENCE_END = re.compile(r"[.!?。！？][\"'”’)*_]*\s|(?<!:)\n\s*\n(?!\s*>)")
_BEHIND = 120  # characters behind a quotation in which its document may be named
_BEFORE = 400  # characters before it in which a sentence goes on
_SHORT = 3  # characters; a shorter word is a name only in brackets or behind a dash


class Sources:
    """The documents as an answer names them: as the model was told, or without their folders."""

    def __init__(self, answer: str, documents: Sequence[Document]) -> None:
        self._answer = answer
        self._documents: dict[str, Document] = {}
        files = [PurePath(each.name).name for each in documents]
        for names in (titles(documents), [each.name for each in documents], files):
            often = Counter(names)
            for name, document in zip(names, documents, strict=True):
                if name and often[name] == 1:
                    self._documents.setdefault(name.casefold(), document)
        longest = sorted(self._documents, key=len, reverse=True)
        self._name = re.compile(
            rf"(?<![A-Za-z0-9_.-])(?:{'|'.join(map(re.escape, longest)) or '(?!)'})(?![A-Za-z0-9_]|[.-][A-Za-z0-9])",
            re.IGNORECASE,
        )
        self._mentions = [each for each in self._name.finditer(answer) if _is_name(each)]
        self._starts = [each.start() for each in self._mentions]
        self._spent = -1  # where the last mention begins that stands behind a quotation as its source

    def of(self, quotation: Quotation, following: int) -> Document | None:
        """The document that is named for a quotation, None where none is. following: where the next one begins.

        It is the one named with it, in brackets or behind a dash; else the last one named before it in its sentence;
        else the first one named behind it in its paragraph; else the last one named before it.
        """
        end, limit = quotation.end, min(following, quotation.end + _BEHIND)
        if named := self._name.search(quotation.source):
            return self._document(named)
        aside = _ASIDE.match(self._answer, end, limit)
        if aside and (named := self._name.search(self._answer, end, aside.end())):
            self._spent = named.start()
            return self._document(named)
        first = bisect_left(self._starts, quotation.start)
        before = self._mentions[first - 1] if first else None
        if before and before.start() > self._spent and self._near(before.end(), quotation.start):
            return self._document(before)
        paragraph = self._answer.find("\n\n", end, limit)
        after = bisect_left(self._starts, end)
        if after < len(self._starts) and self._starts[after] < (limit if paragraph < 0 else paragraph):
            self._spent = self._starts[after]
            return self._document(self._mentions[after])
        return self._document(before) if before else None

    def _near(self, mentioned: int, quoted: int) -> bool:
        """Whether a quotation begins in the sentence in which a document was mentioned."""
        return quoted - mentioned < _BEFORE and not _SENTENCE_END.search(self._answer, mentioned, quoted)

    def _document(self, mention: re.Match[str]) -> Document | None:
        return self._documents.get(mention[0].casefold())


def _is_name(match: re.Match[str]) -> bool:
    """Whether a short word is meant as a name, as in brackets."""
    shown = match.string[max(0, match.start() - 1) : match.start()] in tuple("([`*")
    return shown or len(match[0]) >= _SHORT or not match[0].isalnum()
