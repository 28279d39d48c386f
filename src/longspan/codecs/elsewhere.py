"""What codecs have in common that keep entries in another codec's form, in another place."""

from __future__ import annotations

from dataclasses import dataclass, field

from longspan.codecs.base import Codec
from longspan.store.form import Form, Plain
from longspan.store.medium import MEMORY


@dataclass(frozen=True, kw_only=True)
class Elsewhere(Codec):
    """A codec whose entries lie elsewhere than on the model's device."""

    codec: Codec | None = field(default=None, metadata={"room": "codec"})
    """The form in which entries are kept; without it, the model's own numbers."""

    def __post_init__(self) -> None:
        if self.codec is not None and self.codec.medium is not MEMORY:
            raise ValueError(
                f"codec={self.codec!r} has a place of its own; name a codec that says only the form"
            )

    @property
    def raw(self) -> bool:
        """As the codec within."""
        return self.codec is not None and self.codec.raw

    @property
    def observed(self) -> int:
        """As the codec within."""
        return 0 if self.codec is None else self.codec.observed

    def form(self) -> Form:
        """That of the codec within."""
        return Plain() if self.codec is None else self.codec.form()
