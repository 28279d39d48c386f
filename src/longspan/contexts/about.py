"""What a saved context says of itself to people and programs, without the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True, kw_only=True)
class About:
    """model: the name it was loaded under. dtype: its number format. plan: as text, empty for the stock model.

    documents: the names of those that were read. tokens: how many each sequence has seen. read_seconds: how long
    reading took. longspan: the version that saved.
    """

    model: str
    dtype: str
    plan: str
    documents: list[str]
    tokens: list[int]
    read_seconds: float
    longspan: str

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> About:
        """What a manifest says. Raises ValueError where it says something else."""
        said = manifest.get("about")
        if not isinstance(said, dict) or set(said) != {each.name for each in fields(cls)}:
            raise ValueError("its manifest says nothing about the context")
        about = cls(**said)
        texts = [about.model, about.dtype, about.plan, about.longspan]
        if not (
            all(isinstance(text, str) for text in texts)
            and isinstance(about.documents, list)
            and all(isinstance(name, str) for name in about.documents)
            and isinstance(about.tokens, list)
            and all(isinstance(count, int) for count in about.tokens)
            and isinstance(about.read_seconds, int | float)
        ):
            raise ValueError("its manifest cannot be read")
        return about

    def to_dict(self) -> dict[str, Any]:
        """All fields by name."""
        return asdict(self)
