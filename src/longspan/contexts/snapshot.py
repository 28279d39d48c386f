"""What some sequences knew at one time, to be saved then or later."""

from __future__ import annotations

from collections import abc
from dataclasses import asdict, dataclass
from pathlib import Path

from longspan import __version__
from longspan.contexts.about import About
from longspan.contexts.context import Context
from longspan.contexts.documents import documents_of, texts
from longspan.contexts.file import write
from longspan.contexts.folder import place
from longspan.contexts.lazy import LazyTensors
from longspan.running.sequence import Sequence
from longspan.usage import Usage


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A context, its sequences, and what they took.

    window: tokens that may be read. usage: of all sequences. entries: the longest row that there ever was.
    """

    context: Context
    sequences: abc.Sequence[Sequence]
    window: int | None
    usage: Usage
    entries: int

    def save(self, path: str | Path | None = None) -> Path:
        """Writes a file, by default in the cache folder under the context's name, and returns where it is.

        The file is there whole or not at all. Raises ContextError when it cannot be written.
        """
        context, usage = self.context, self.usage
        path = place(context.name) if path is None else Path(path)
        documents = documents_of(context.conversations)
        about = About(
            model=context.origin.name,
            dtype=context.origin.dtype,
            plan=str(context.kind.plan),
            documents=[document.name for document in documents],
            tokens=[len(ids) for ids in context.tokens],
            read_seconds=usage.prefill_seconds,
            longspan=__version__,
        )
        manifest = {
            "about": asdict(about),
            "facts": context.facts,
            "forks": [str(each) for each in context.kind.forks],
            "window": self.window,
            "spent": [asdict(each.spent) for each in self.sequences],
            "peak": [usage.peak_kv_bytes, self.entries],
        }
        parts = {"documents": lambda: texts(documents)}
        for number, sequence in enumerate(self.sequences):
            parts |= {f"sequence{number}.{name}": make for name, make in sequence.parts().items()}
        write(path, LazyTensors(parts), manifest)
        return path

    def release(self) -> None:
        """Gives the memory back that only the snapshot still holds."""
        for sequence in self.sequences:
            sequence.release()
