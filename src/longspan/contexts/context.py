"""Everything of a session but its model: saved, opened again, and given to a fresh session."""

from __future__ import annotations

import struct
from collections import abc
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from torch import Tensor

from longspan.contexts.about import About
from longspan.contexts.digest import context_name
from longspan.contexts.documents import described, resume
from longspan.contexts.file import read
from longspan.contexts.folder import used
from longspan.contexts.header import damaged
from longspan.contexts.origin import Origin
from longspan.conversation import Conversation
from longspan.errors import ContextError, LongspanError
from longspan.parameters import check_range
from longspan.plan import Plan
from longspan.running.sequence import Sequence, reading
from longspan.running.source import Prompt
from longspan.running.spent import Spent
from longspan.store.ledger import Ledger
from longspan.store.state import under

# What a manifest that nobody here wrote can lead to.
_NONSENSE = (LookupError, TypeError, ValueError, AttributeError, RuntimeError, struct.error)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """How a session is opened, besides its model. forks: plans that its forks may have."""

    plan: Plan
    forks: abc.Sequence[Plan]
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
    """What some sequences know.

    histories: what was done with each, call by call, with numbers of tokens. tokens: of each.
    """

    origin: Origin
    kind: Kind
    histories: abc.Sequence[abc.Sequence[Any]]
    tokens: abc.Sequence[abc.Sequence[int]]
    conversations: abc.Sequence[Conversation]

    @classmethod
    def of(cls, sequences: abc.Sequence[Sequence], origin: Origin, kind: Kind) -> Self:
        """What sequences know that were read with their conversations."""
        return cls(
            origin=origin,
            kind=kind,
            histories=[each.history for each in sequences],
            tokens=[each.tokens for each in sequences],
            conversations=[each.conversation for each in sequences if each.conversation is not None],
        )

    def after(self, source: Any, *, more: bool) -> Self:
        """The same, once the source has been read as well."""
        prompt = Prompt.of(self.conversations, source)
        return replace(
            self,
            conversations=prompt.conversations,
            tokens=prompt.after(self.tokens),
            histories=[
                [*history, reading(len(ids), 0, more)]
                for history, ids in zip(self.histories, prompt.ids, strict=True)
            ],
        )

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What tells it from others, but for the tokens."""
        return {
            "model": self.origin.identity,
            "histories": [list(each) for each in self.histories],
            **self.kind.facts,
            **described(self.conversations),
        }

    @property
    def name(self) -> str:
        """32 hexadecimal digits, equal for equal contexts."""
        return context_name(self.facts, self.tokens)


@dataclass(frozen=True, kw_only=True)
class Saved:
    """A saved context that fits a model.

    window: tokens that the session allowed. histories, spent: of each sequence. peak: the most bytes held and the
    longest row.
    """

    path: Path
    kind: Kind
    about: About
    window: int | None
    histories: list[list[Any]]
    spent: list[Spent]
    peak: tuple[int, int]
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
            read_under = Plan.of_tables(facts["plan"])
            if plan is not None and plan != read_under:
                raise ContextError(
                    f"saved context {path} was read under plan {about.plan!r} and not {str(plan)!r}; restore it "
                    "without a plan and fork it, or read the text again"
                )
            kind = Kind(
                plan=read_under,
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
                histories=facts["histories"],
                spent=[Spent(**each) for each in manifest["spent"]],
                peak=(manifest["peak"][0] + 0, manifest["peak"][1] + 0),
                facts=facts,
                tensors=tensors,
            )
        except LongspanError:
            raise
        except _NONSENSE as error:
            raise damaged(path, f"its manifest does not describe a context ({error})") from None
        used(path)
        return saved

    def fill(self, sequences: abc.Sequence[Sequence], ledger: Ledger) -> None:
        """Gives everything to fresh sequences with their ledger. The file is not needed afterwards."""
        try:
            for number, (sequence, history, spent) in enumerate(
                zip(sequences, self.histories, self.spent, strict=True)
            ):
                sequence.load(under(f"sequence{number}", self.tensors))
                sequence.history, sequence.spent = deepcopy(history), replace(spent)
            conversations = [each.conversation for each in sequences if each.conversation is not None]
            resume(conversations, self.facts, under("documents", self.tensors))
        except _NONSENSE as error:
            raise damaged(self.path, f"what it holds does not fit together ({error})") from None
        ledger.peak = max(ledger.peak, self.peak[0])
        ledger.reached(self.peak[1])
