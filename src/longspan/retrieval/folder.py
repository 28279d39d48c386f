"""An index of a folder: kept in the cache folder, and searched as it was last brought up to date."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from longspan.cache_folder import bytes_below, cache_folder, locked, subfolder
from longspan.errors import FolderIndexError
from longspan.notation import parse_call
from longspan.parameters import check_whole
from longspan.parts import build, text_of
from longspan.progress import Watcher
from longspan.retrieval.judge import Judge
from longspan.retrieval.kept import Kept, KeptPassage, opened
from longspan.retrieval.retrievers.base import Index, Retriever
from longspan.retrieval.updating import Update, update
from longspan.spans import Document, Span, listing

SIZE = 1000
"""Characters of a passage at most, about 200 words of English."""
_SUFFIX = ".sqlite"


@dataclass(frozen=True, kw_only=True)
class Found:
    """A passage of a folder. path: of its file, in the folder. place: where it stands, for people."""

    path: str
    place: str
    span: Span
    score: float


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One kept index. problem: why it cannot be searched; empty if it can."""

    folder: str
    path: Path
    bytes: int
    files: int = 0
    passages: int = 0
    retriever: str = ""
    problem: str = ""


class FolderIndex:
    """What of a folder can be searched. Several processes may search and update it at the same time.

    folder: whose files are those of `spans.listing`. retriever: how it is searched. size: characters of a passage at
    most. What is searched is what `update` has seen.
    """

    def __init__(self, folder: Path, retriever: Retriever, size: int = SIZE) -> None:
        check_whole("size", size, 16)
        self.folder, self.retriever, self.size = folder.resolve(), retriever, size
        self.path = _place(self.folder)
        self._searched: tuple[str, Index, list[KeptPassage]] | None = None

    @property
    def method(self) -> str:
        """The retriever as text."""
        return text_of("retriever", self.retriever)

    def update(self, judge: Judge | None = None, progress: Watcher | None = None) -> Update:
        """Reads the files that have changed, and forgets those that are gone; what was interrupted goes on.

        judge: a model, for retrievers that ask one. progress: told how many files are done. Raises DocumentError for a
        folder without files, ValueError for a retriever that asks a model where there is none, FolderIndexError.
        """
        if self.retriever.asks and judge is None:
            raise ValueError(f"model is not given; {self.method} asks one about each passage, so name one")
        files = listing(self.folder).files
        subfolder("indexes")
        with locked(f"index-{self.path.stem}"), opened(self.path) as kept:
            if not kept.ready:
                kept.prepare()
            return update(kept, self.folder, files, self.retriever, self.size, judge, progress)

    def search(self, query: str, k: int = 10) -> list[Found]:
        """The best k passages at most, best first. Raises FolderIndexError where the folder is not indexed so."""
        check_whole("k", k, 1)
        index, kept = self._index()
        return [
            Found(path=kept[at].path, place=kept[at].place, span=index.spans[at], score=score)
            for at, score in index.ranked(query)[:k]
        ]

    def ranked(self, spans: Sequence[Span], query: str) -> list[int]:
        """The numbers of spans of the folder's documents, in the order of the passages that they overlap, best first.

        The spans may be cut in another way, and their documents may have other names: their text decides. So it can
        stand for the ranking of `flows.passages.choose`.
        """
        index, _ = self._index()
        by_text: dict[str, list[int]] = {}
        for number, span in enumerate(spans):
            by_text.setdefault(span.document.text, []).append(number)
        order: dict[int, None] = {}
        for at, _ in index.ranked(query):
            hit = index.spans[at]
            for number in by_text.get(hit.document.text, ()):
                if spans[number].start < hit.end and hit.start < spans[number].end:
                    order.setdefault(number)
        return list(order)

    @property
    def documents(self) -> list[Document]:
        """The folder's documents, named by their paths in it, without what is known of their places."""
        index, _ = self._index()
        return list(dict.fromkeys(span.document for span in index.spans))

    def _index(self) -> tuple[Index, list[KeptPassage]]:
        """The index of what is kept now, made anew only where that has changed."""
        if not self.path.exists():
            raise _missing(self.folder)
        with opened(self.path) as kept, kept.reading():
            version = kept.fact("version") if kept.ready else ""
            if not version or kept.fact("retriever") != self.method:
                raise FolderIndexError(
                    f"{self.folder} is not indexed for {self.method} to its end; run 'longspan index' on it again"
                )
            if self._searched is None or self._searched[0] != version:
                self._searched = version, *self._loaded(kept)
        return self._searched[1], self._searched[2]

    def _loaded(self, kept: Kept) -> tuple[Index, list[KeptPassage]]:
        found = kept.passages()
        spans = _spans(found)
        spoken = [at for at, each in enumerate(found) if each.text.strip()]
        found, spans = [found[at] for at in spoken], [spans[at] for at in spoken]
        said = [each.said or (each.text,) for each in found] if self.retriever.asks else None
        encoded = None
        if self.retriever.identity:
            rows = kept.rows(each.key for each in found)
            encoded = [rows[each.key] for each in found]
        return self.retriever.index(spans, said=said, encoded=encoded), found


def index_of(folder: str | Path) -> FolderIndex | None:
    """The index of a folder as it was made, None where there is none. Raises FolderIndexError for a damaged one."""
    place = _place(Path(folder).resolve())
    if not place.exists():
        return None
    with opened(place) as kept, kept.reading():
        method, size = (kept.fact("retriever"), kept.fact("size")) if kept.ready else ("", "")
    return FolderIndex(Path(folder), build("retriever", parse_call(method)), int(size)) if method else None


def entries() -> list[Entry]:
    """All kept indexes, by their folders."""
    found = []
    for path in (cache_folder() / "indexes").glob(f"*{_SUFFIX}"):
        try:
            with opened(path) as kept, kept.reading():
                ready = kept.ready
                folder, method = (kept.fact("folder"), kept.fact("retriever")) if ready else ("", "")
                files, passages = kept.counts() if ready else (0, 0)
                problem = "" if ready and kept.fact("version") else "not finished"
            found.append(
                Entry(
                    folder=folder,
                    path=path,
                    bytes=bytes_below(path),
                    files=files,
                    passages=passages,
                    retriever=method,
                    problem=problem,
                )
            )
        except FolderIndexError as error:
            found.append(Entry(folder="", path=path, bytes=bytes_below(path), problem=str(error)))
    return sorted(found, key=lambda each: (each.folder, each.path.name))


def remove(folder: str | Path) -> int:
    """Deletes the index of a folder, which need not be there any more, and returns the bytes freed."""
    place = _place(Path(folder).resolve())
    with locked(f"index-{place.stem}"):
        if not place.exists():
            raise _missing(Path(folder))
        freed = bytes_below(place)
        for each in place.parent.glob(f"{place.name}*"):
            each.unlink(missing_ok=True)
    return freed


def _place(folder: Path) -> Path:
    """The file of a folder's index. folder: resolved."""
    digest = hashlib.sha256(str(folder).encode("utf-8", "surrogatepass")).hexdigest()
    return cache_folder() / "indexes" / f"{digest[:32]}{_SUFFIX}"


def _missing(folder: Path) -> FolderIndexError:
    return FolderIndexError(f"{folder} has no index; make one with 'longspan index'")


def _spans(passages: Sequence[KeptPassage]) -> list[Span]:
    """Passages that follow one another as spans of what they make together, file by file."""
    texts: dict[str, list[str]] = {}
    for each in passages:
        texts.setdefault(each.path, []).append(each.text)
    documents = {path: Document(path, "".join(text)) for path, text in texts.items()}
    ends = dict.fromkeys(documents, 0)
    spans = []
    for each in passages:
        start = ends[each.path]
        ends[each.path] = start + len(each.text)
        spans.append(Span(documents[each.path], start, ends[each.path]))
    return spans
