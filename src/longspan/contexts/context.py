"""Everything of a session but its model: saved, opened again, and given to a fresh session."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from torch import Tensor

from longspan import __version__
from longspan.batch import Batch
from longspan.contexts.about import About
from longspan.contexts.digest import context_name
from longspan.contexts.documents import described, documents_of, resume, texts
from longspan.contexts.file import read, write
from longspan.contexts.folder import place, used
from longspan.contexts.header import damaged
from longspan.contexts.origin import Origin
from longspan.contexts.parcels import Parcels, parcel
from longspan.contexts.sequences import fill, parcels_of
from longspan.conversation import Conversation
from longspan.errors import ContextError, LongspanError
from longspan.parameters import check_range
from longspan.plan import Plan
from longspan.policies.tracker import Tracking
from longspan.source import Prompt
from longspan.usage import Usage

_SPENT = (
    "prompt_tokens",
    "generated_tokens",
    "prefill_seconds",
    "decode_seconds",
    "peak_kv_bytes",
    "peak_entries",
)

# What a manifest that nobody here wrote can lead to.
_NONSENSE = (LookupError, TypeError, ValueError, AttributeError, RuntimeError, struct.error)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """How a session is opened, besides its model. forks: plans that its forks may have."""

    plan: Plan
    forks: Sequence[Plan]
    size: int
    chunk: int

    @property
    def facts(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            "plan": self.plan.describe(),
            "forks": [each.describe() for each in self.forks],
            "size": self.size,
            "chunk": self.chunk,
        }


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a session knows.

    history: what was done, call by call, with numbers of tokens. tokens: of each sequence.
    """

    origin: Origin
    kind: Kind
    history: Sequence[Any]
    tokens: Sequence[Sequence[int]]
    conversations: Sequence[Conversation]

    def after(self, source: Any, *, more: bool) -> Self:
        """The same, once the source has been read as well."""
        prompt = Prompt.of(self.conversations, source)
        return replace(
            self,
            conversations=prompt.conversations,
            tokens=prompt.after(self.tokens),
            history=[*self.history, reading(prompt.ids, None, more)],
        )

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What tells it from others, but for the tokens."""
        return {
            "model": self.origin.identity,
            "history": list(self.history),
            **self.kind.facts,
            **described(self.conversations),
        }

    @property
    def name(self) -> str:
        """32 hexadecimal digits, equal for equal contexts."""
        return context_name(self.facts, self.tokens)

    def save(
        self,
        path: Path | None,
        *,
        batch: Batch,
        trackings: Sequence[Tracking],
        window: int | None,
        usage: Usage,
    ) -> Path:
        """Writes a file, by default in the cache folder under the context's name, and returns where it is.

        trackings: of the session's engine, in their order.
        """
        path = place(self.name) if path is None else path
        documents = documents_of(self.conversations)
        about = About(
            model=self.origin.name,
            dtype=self.origin.dtype,
            plan=str(self.kind.plan),
            documents=[document.name for document in documents],
            tokens=[len(ids) for ids in self.tokens],
            read_seconds=usage.prefill_seconds,
            longspan=__version__,
        )
        manifest = {
            "about": asdict(about),
            "facts": self.facts,
            "forks": [str(each) for each in self.kind.forks],
            "window": window,
            "spent": usage.to_dict() | {"peak_entries": batch.ledger.peak_entries},
        }
        parcels = parcels_of(batch, trackings) | {"text": lambda: texts(documents)}
        write(path, Parcels(parcels), manifest)
        return path


@dataclass(frozen=True, kw_only=True)
class Saved:
    """A saved context that fits a model. window: tokens that the session allowed. spent: its usage, by name."""

    path: Path
    kind: Kind
    about: About
    window: int | None
    history: list[Any]
    spent: dict[str, float]
    facts: Mapping[str, Any] = field(repr=False)
    tensors: Mapping[str, Tensor] = field(repr=False)

    @classmethod
    def open(cls, path: Path, origin: Origin, plan: Plan | None) -> Self:
        """Reads and checks a file.

        Raises ContextError, with the reason, for one that is missing or damaged, of another format or model, or that
        was read under another plan than `plan`, where one is given.
        """
        tensors, manifest = read(path)
        try:
            about, facts = About.of(manifest), manifest["facts"]
            origin.check(path, facts["model"])
            if plan is not None and plan.describe() != facts["plan"]:
                raise ContextError(
                    f"saved context {path} was read under plan {about.plan!r} and not {str(plan)!r}; restore it "
                    "without a plan and fork it, or read the text again"
                )
            kind = Kind(
                plan=Plan.parse(about.plan),
                forks=[Plan.parse(each) for each in manifest["forks"]],
                size=facts["size"],
                chunk=facts["chunk"],
            )
            check_range("size", kind.size, 1)
            check_range("chunk", kind.chunk, 1)
            saved = cls(
                path=path,
                kind=kind,
                about=about,
                window=manifest["window"],
                history=facts["history"],
                spent={name: manifest["spent"][name] + 0 for name in _SPENT},
                facts=facts,
                tensors=tensors,
            )
        except LongspanError:
            raise
        except _NONSENSE as error:
            raise damaged(path, f"its manifest does not describe a context ({error})") from None
        used(path)
        return saved

    def fill(
        self, batch: Batch, conversations: Sequence[Conversation], trackings: Sequence[Tracking]
    ) -> None:
        """Gives everything to a fresh session's batch and conversations. The file is not needed afterwards."""
        try:
            fill(batch, self.tensors, self.kind.plan, trackings)
            resume(conversations, self.facts, parcel("text", self.tensors))
        except _NONSENSE as error:
            raise damaged(self.path, f"what it holds does not fit together ({error})") from None
        batch.ledger.peak = max(batch.ledger.peak, int(self.spent["peak_kv_bytes"]))
        batch.ledger.reached(int(self.spent["peak_entries"]))


def reading(ids: Sequence[Sequence[int]], questions: Sequence[Sequence[int]] | None, more: bool) -> list[Any]:
    """What the history says of a reading: tokens of each sequence, of its question, and whether the text goes on."""
    return ["read", [len(each) for each in ids], [len(each) for each in questions or []], more]
