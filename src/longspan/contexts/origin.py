"""Which model a context is of."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from longspan.errors import ContextError

_ELSEWHERE = ("_name_or_path", "transformers_version", "dtype", "torch_dtype", "architectures")
"""What a configuration says only of where it came from and how it was loaded."""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """name: as the model was loaded. weights and config: digests that identify it. dtype: its number format."""

    name: str
    weights: str
    config: str
    dtype: str

    @classmethod
    def of(cls, network: Any, *, name: str, digest: str) -> Self:
        """Of a transformers model; digest: that of its weights."""
        said = {
            key: value
            for key, value in network.config.to_dict().items()
            if key not in _ELSEWHERE and not key.startswith("_attn")
        }
        text = json.dumps(said, sort_keys=True, default=str)
        dtype = str(next(network.parameters()).dtype).removeprefix("torch.")
        return cls(name=name, weights=digest, config=hashlib.sha256(text.encode()).hexdigest(), dtype=dtype)

    @property
    def identity(self) -> dict[str, str]:
        """All but the name. Raises ContextError for a model whose weights have no digest."""
        if not self.weights:
            raise ContextError(
                f"model {self.name!r} has no digest that would tell its contexts from another's; "
                "load it with longspan.load"
            )
        return {key: value for key, value in asdict(self).items() if key != "name"}

    def check(self, path: Path, saved: dict[str, str]) -> None:
        """Raises ContextError unless a context's `identity` is that of this model."""
        mine = self.identity
        if saved["weights"] != mine["weights"]:
            raise _other(
                path, f"another model's weights ({saved['weights'][:8]}, these are {mine['weights'][:8]})"
            )
        if saved["config"] != mine["config"]:
            raise _other(path, "the same weights under another configuration or version of transformers")
        if saved["dtype"] != mine["dtype"]:
            raise ContextError(
                f"saved context {path} was read in {saved['dtype']} and the model is in {mine['dtype']}; load it with "
                f"dtype={saved['dtype']!r}, or read the text again"
            )


def _other(path: Path, reason: str) -> ContextError:
    return ContextError(
        f"saved context {path} is of {reason}; load the model that read it, or read the text again"
    )
