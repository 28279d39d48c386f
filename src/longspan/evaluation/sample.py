"""One question with its gold answers, as every task gives it and every target is asked it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from longspan.evaluation.origin import Origin


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What is read, what is asked, and what counts as right.

    id: unlike that of every other sample of the task at this length. The prompt is context, then question, then (as
    the beginning of the assistant's words) prefix; instructions stand in either of the first two. Samples with the
    same context are read once. references: gold answers; what several mean is the task's business. facts: what the
    score and the report need besides, as JSON can hold it: `depth` (0 to 1, where the needed text lies), or labels,
    or a number of hops. origin: whose item it is. document: the name of the text that it is about, where several
    samples are about one and their contexts differ.
    """

    id: str
    context: str
    question: str
    references: tuple[str, ...]
    prefix: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    origin: Origin = "generated"
    document: str = ""

    @property
    def cluster(self) -> str:
        """The same for samples about one text, whose scores are not independent: its name, else a digest of the
        context, else the sample's own id."""
        if self.document or not self.context:
            return self.document or self.id
        return name_of(self.context)

    def to_dict(self) -> dict[str, Any]:
        """All fields by name, as JSON can hold them."""
        return {
            "id": self.id,
            "context": self.context,
            "question": self.question,
            "references": list(self.references),
            "prefix": self.prefix,
            "facts": dict(self.facts),
            "origin": self.origin,
            "document": self.document,
        }

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """The sample that `to_dict` wrote."""
        return cls(**{**values, "references": tuple(values["references"])})


def name_of(text: str) -> str:
    """A name that only this text has, for `Sample.document`."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
