"""What a question gets back: the text, the citations for it, and what it cost."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from longspan.spans.citations import Citation

if TYPE_CHECKING:
    from longspan.usage import Usage


@dataclass(frozen=True)
class Answer:
    """An answer, its citations and its cost."""

    text: str
    citations: tuple[Citation, ...]
    usage: Usage

    def to_dict(self) -> dict[str, Any]:
        """The answer as JSON has it: ``text``, ``citations`` and ``usage``."""
        return {
            "text": self.text,
            "citations": [asdict(citation) for citation in self.citations],
            "usage": self.usage.to_dict(),
        }
