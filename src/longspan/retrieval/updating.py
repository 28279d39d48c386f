"""Bringing an index of a folder up to date: only what changed is read, and only what is new is computed."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from longspan import __version__
from longspan.errors import DocumentError
from longspan.loading.digest import QUIET, file_digest
from longspan.parts import text_of
from longspan.progress import Progress, Watcher
from longspan.retrieval.judge import Judge
from longspan.retrieval.kept import Kept, KeptFile, KeptPassage, Stamp
from longspan.retrieval.retrievers.base import Retriever
from longspan.spans import Document, Span, passages

_BATCH = 32
"""Passages that are computed, or said something of, before what was made is written."""


@dataclass(frozen=True, kw_only=True)
class Update:
    """What bringing an index up to date took.

    read, unchanged, gone: how many files were read anew, had not changed, and are there no more. failed: those of which
    nothing can be read, with the reason. passages: of the whole folder. encoded: how many were computed now.
    """

    read: int
    unchanged: int
    gone: int
    failed: dict[str, str]
    passages: int
    encoded: int


def update(
    kept: Kept,
    folder: Path,
    files: Sequence[Path],
    retriever: Retriever,
    size: int,
    judge: Judge | None = None,
    progress: Watcher | None = None,
) -> Update:
    """Makes what is kept that of the folder's files as they are now; for one process at a time. See `FolderIndex`."""
    began = time.perf_counter()
    settings = _digest(text_of("retriever", retriever), retriever.identity, size, __version__)
    if kept.fact("settings") != settings:  # until all files are of these settings there is nothing to search
        kept.note(settings="", version="")
    known, writer = kept.files(), _Writer(kept, retriever, size, settings, judge)
    paths, read = [], 0
    for done, file in enumerate(files, start=1):
        paths.append(_named(file.relative_to(folder)))
        read += writer.file(file, paths[-1], known.get(paths[-1]))
        if progress is not None:
            seconds = time.perf_counter() - began
            progress(Progress(processed=done, total=len(files), seconds=seconds, unit="files"))
    gone = known.keys() - set(paths)
    kept.forget(gone)
    found = kept.passages()
    version = _digest(settings, *(each.key for each in found))
    kept.note(
        folder=_named(folder),
        retriever=text_of("retriever", retriever),
        size=str(size),
        settings=settings,
        version=version,
    )
    return Update(
        read=read,
        unchanged=len(files) - read,
        gone=len(gone),
        failed={each.path: each.problem for each in kept.files().values() if each.problem},
        passages=len(found),
        encoded=writer.encoded,
    )


@dataclass
class _Writer:
    """Writes file after file. encoded: passages computed so far."""

    kept: Kept
    retriever: Retriever
    size: int
    settings: str
    judge: Judge | None
    encoded: int = 0
    _asked: str = field(init=False)

    def __post_init__(self) -> None:
        self._asked = self.judge.identity() if self.judge is not None else ""

    def file(self, file: Path, path: str, known: KeptFile | None) -> bool:
        """Whether a file had to be read."""
        if known is not None and known.settings != self.settings:
            known = None
        digest, stamp = "", _NEVER
        try:
            stamp = _stamp(file)
            if known is not None and known.stamp == stamp:
                return False
            digest = file_digest(file)
            if known is not None and known.digest == digest:
                self.kept.put(self._file(path, digest, stamp), None)
                return False
            document = Document.open(file)
            if _stamp(file) != stamp:  # it changed meanwhile: read, and again next time
                digest, stamp = "", _NEVER
        except (DocumentError, OSError) as error:
            problem = str(error) if isinstance(error, DocumentError) else str(error.strerror)
            self.kept.put(self._file(path, digest, stamp, problem), ())
            return True
        self.kept.put(self._file(path, digest, stamp, notes=document.notes), self._passages(document, path))
        return True

    def _file(
        self, path: str, digest: str, stamp: Stamp, problem: str = "", notes: tuple[str, ...] = ()
    ) -> KeptFile:
        """stamp: believed later only if another change of the file would show in it."""
        quiet = time.time_ns() - max(stamp[2:]) > QUIET
        return KeptFile(
            path=path,
            digest=digest,
            stamp=stamp if quiet else _NEVER,
            settings=self.settings,
            problem=problem,
            notes=notes,
        )

    def _passages(self, document: Document, path: str) -> list[KeptPassage]:
        spans = passages(document, self.size, len)
        said = self._said(document, spans)
        keys = [self._key(document, span, texts) for span, texts in zip(spans, said, strict=True)]
        self._encode(spans, said, keys)
        return [
            KeptPassage(path=path, text=span.text, place=_placed(document, span, path), said=texts, key=key)
            for span, texts, key in zip(spans, said, keys, strict=True)
        ]

    def _said(self, document: Document, spans: Sequence[Span]) -> list[tuple[str, ...] | None]:
        """What a model says of each span; what it said before is not asked again."""
        if not self.retriever.asks or self.judge is None:
            return [None] * len(spans)
        whole = _digest(document.text)
        keys = [_digest(self._asked, self.retriever.identity, whole, span.start, span.end) for span in spans]
        known = self.kept.replies(keys)
        missing = [at for at, key in enumerate(keys) if key not in known and spans[at].text.strip()]
        for start in range(0, len(missing), _BATCH):
            some = missing[start : start + _BATCH]
            replies = self.retriever.say([spans[at] for at in some], self.judge) or ()
            new = {keys[at]: tuple(texts) for at, texts in zip(some, replies, strict=True)}
            self.kept.keep_replies(new)
            known |= new
        return [known.get(key) for key in keys]

    def _key(self, document: Document, span: Span, texts: tuple[str, ...] | None) -> str:
        """Stands for what is computed of a span, and all that it is computed of."""
        around = () if self.retriever.alone else (_digest(document.text), span.start, span.end)
        return _digest(self.retriever.identity, list(texts or (span.text,)), *around)

    def _encode(
        self, spans: Sequence[Span], said: Sequence[tuple[str, ...] | None], keys: Sequence[str]
    ) -> None:
        if not self.retriever.identity:
            return
        known, first = self.kept.rows(keys), {key: at for at, key in reversed([*enumerate(keys)])}
        missing = sorted(at for key, at in first.items() if key not in known and spans[at].text.strip())
        for start in range(0, len(missing), _BATCH):
            some = missing[start : start + _BATCH]
            texts = [said[at] or (spans[at].text,) for at in some] if self.retriever.asks else None
            rows = self.retriever.encode([spans[at] for at in some], texts)
            self.kept.keep_rows({keys[at]: each for at, each in zip(some, rows, strict=True)})
            self.encoded += len(some)


_NEVER: Stamp = (-1, 0, 0, 0)


def _stamp(file: Path) -> Stamp:
    facts = file.stat()
    return facts.st_size, facts.st_ino, facts.st_mtime_ns, facts.st_ctime_ns


def _placed(document: Document, span: Span, path: str) -> str:
    start = span.start + len(span.text) - len(span.text.lstrip())
    return document.describe(min(start, len(document.text)), span.end, name=path)


def _named(path: Path) -> str:
    """A path as text that can be written, whatever its bytes are."""
    return path.as_posix().encode("utf-8", "backslashreplace").decode("utf-8")


def _digest(*facts: object) -> str:
    return hashlib.sha256(json.dumps(facts, ensure_ascii=True).encode()).hexdigest()[:32]
