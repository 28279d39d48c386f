"""`longspan index` and `longspan search`: a folder that is searched again and again."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.filesize import decimal

from longspan.cli.asked import note
from longspan.cli.counting import counting
from longspan.cli.loaded import WeightsOption, loaded_model
from longspan.cli.terminal import say
from longspan.spans import Span, printable

if TYPE_CHECKING:
    from longspan.flows.passages import Ranking
    from longspan.retrieval.folder import FolderIndex
    from longspan.retrieval.judge import Judge
    from longspan.retrieval.updating import Update

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ModelOption = Annotated[
    str | None, typer.Option(help="The model that contextual and usage ask about each passage.")
]

_DEFAULT = "hybrid"
_SHOWN = 300


def index(
    folder: Annotated[Path | None, typer.Argument(help="The folder.", show_default=False)] = None,
    retriever: Annotated[
        str | None,
        typer.Option(
            help=f"How it is searched, see 'longspan methods --room retriever'; by default as before, else {_DEFAULT}.",
            show_default=False,
        ),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(
            help="Characters of a passage at most; by default as before, else 1000.", show_default=False
        ),
    ] = None,
    model: ModelOption = None,
    weights: WeightsOption = "auto",
    listed: Annotated[bool, typer.Option("--list", help="Show the indexes that are kept.")] = False,
    removed: Annotated[bool, typer.Option("--remove", help="Delete the index of the folder.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a folder searchable, or bring its index up to date: only files that have changed are read again.

    The index lies in the cache folder. Stopped at any moment, the command goes on where it was when it is run again.
    """
    if listed:
        _list(as_json)
        return
    if folder is None:
        raise ValueError("no folder is given; write longspan index FOLDER")
    if removed:
        _remove(folder, as_json)
        return
    chosen = _chosen(folder, retriever, size)
    done = _updated(chosen, model, weights)
    if as_json:
        facts = {"folder": str(chosen.folder), "retriever": chosen.method, "passages": done.passages}
        counts = {name: getattr(done, name) for name in ("read", "unchanged", "gone", "encoded", "failed")}
        typer.echo(json.dumps(facts | counts, indent=2))
        return
    say(
        f"{printable(str(folder), lines=False)}: {done.passages:,} passages for {chosen.method}; {done.read:,} "
        f"files read, {done.unchanged:,} unchanged, {done.gone:,} gone"
    )


def ranking_of(files: Sequence[str], tell: Callable[[str], None]) -> Ranking:
    """How the passages of what a question is about are ranked: by the index of the folder that is all of it, if one was
    made, brought up to date; else by BM25. An index that asks a model about each passage is used as it is."""
    from longspan.flows.passages import by_words
    from longspan.retrieval.folder import index_of

    found = index_of(files[0]) if len(files) == 1 and Path(files[0]).is_dir() else None
    if found is None:
        return by_words

    def ranked(spans: Sequence[Span], question: str) -> list[int]:
        if not found.retriever.asks:
            found.update()
        tell(f"passages are ranked by the index of {files[0]}: {found.method}")
        return found.ranked(spans, question)

    return ranked


def search(
    folder: Annotated[Path, typer.Argument(help="A folder that was indexed.")],
    query: Annotated[str, typer.Argument(help="What to look for, in words of your own.")],
    top: Annotated[int, typer.Option(help="How many passages to show at most.")] = 10,
    update: Annotated[
        bool, typer.Option(help="Bring the index up to date first; else what was indexed is searched.")
    ] = True,
    model: ModelOption = None,
    weights: WeightsOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Find the passages of a folder that speak of a query, best first, each with its place."""
    from longspan.errors import FolderIndexError
    from longspan.parameters import check_whole
    from longspan.retrieval.folder import index_of

    check_whole("top", top, 1)
    chosen = index_of(folder)
    if chosen is None:
        raise FolderIndexError(f"{folder} has no index; make one with 'longspan index {folder}'")
    if update:
        _updated(chosen, model, weights, quiet=True)
    found = chosen.search(query, top)
    if as_json:
        facts = [
            {
                "path": each.path,
                "place": each.place,
                "start": each.span.start,
                "end": each.span.end,
                "score": each.score,
                "text": each.span.text,
            }
            for each in found
        ]
        typer.echo(json.dumps(facts, indent=2))
        return
    for each in found:
        text = " ".join(each.span.text.split())
        shown = text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
        say(printable(f"{each.place}  ({each.score:.3g})\n  {shown}\n"))
    if not found:
        say("nothing speaks of this; ask in other words, or index with --retriever hybrid")


def _chosen(folder: Path, retriever: str | None, size: int | None) -> FolderIndex:
    """The index of a folder as it was made before, but for what is given now."""
    from longspan.errors import DocumentError
    from longspan.notation import parse_call
    from longspan.parts import build
    from longspan.retrieval.folder import SIZE, FolderIndex, index_of

    if not folder.is_dir():
        raise DocumentError(f"{folder} is no folder; name one")
    before = index_of(folder)
    if retriever is not None or before is None:
        part = build("retriever", parse_call(retriever or _DEFAULT))
    else:
        part = before.retriever
    return FolderIndex(folder, part, size or (before.size if before else SIZE))


def _updated(chosen: FolderIndex, model: str | None, weights: str, *, quiet: bool = False) -> Update:
    with counting("files") as tell:
        done = chosen.update(
            _judge(chosen, model, weights),
            lambda progress: tell(progress.processed, progress.total or 0, "") if not quiet else None,
        )
    for path, problem in sorted(done.failed.items()):
        note(f"not read: {path}: {problem}")
    return done


def _judge(chosen: FolderIndex, model: str | None, weights: str) -> Judge | None:
    if not chosen.retriever.asks or model is None:
        return None
    from longspan.flows.chat import Local
    from longspan.flows.judging import judge_of

    return judge_of(Local(loaded_model(model, weights=weights)))


def _list(as_json: bool) -> None:
    from longspan.retrieval.folder import entries

    found = entries()
    if as_json:
        facts = [
            {
                "folder": each.folder,
                "file": str(each.path),
                "bytes": each.bytes,
                "files": each.files,
                "passages": each.passages,
                "retriever": each.retriever,
                "problem": each.problem,
            }
            for each in found
        ]
        typer.echo(json.dumps(facts, indent=2))
        return
    rows = [("folder", "on disk", "files", "passages", "retriever")]
    for each in found:
        about = f"{each.retriever} ({each.problem})" if each.problem else each.retriever
        where = each.folder or str(each.path)
        rows.append((where, decimal(each.bytes), f"{each.files:,}", f"{each.passages:,}", about))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        say(printable("  ".join(map(str.ljust, row, widths)).rstrip(), lines=False))
    say(f"{len(found):,} indexes, {decimal(sum(each.bytes for each in found))}")


def _remove(folder: Path, as_json: bool) -> None:
    from longspan.retrieval.folder import remove

    freed = remove(folder)
    if as_json:
        typer.echo(json.dumps({"folder": str(folder), "freed_bytes": freed}))
    else:
        say(f"removed the index of {printable(str(folder), lines=False)}, {decimal(freed)} freed")
