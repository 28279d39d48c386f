"""Which model a context is of."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from longspan.errors import ContextError
from longspan.loading.fingerprint import tokenizer_fingerprint, weights_fingerprint
from longspan.loading.weights import PRODUCTS, Form

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

_EXPANDED = "expanded"
_ELSEWHERE = ("_name_or_path", "transformers_version", "dtype", "torch_dtype", "architectures")
"""What a configuration says only of where it came from and how it was loaded."""


class Origin:
    """A network and a tokenizer, the name under which they were loaded, the digest of the weights' files, and the form
    in which weights are held.

    Without a digest, or once the weights have changed in memory, as by an adapter that was merged, a model has no
    identity: what it reads can neither be kept nor taken up.
    """

    def __init__(
        self,
        network: PreTrainedModel,
        tokenizer: PreTrainedTokenizerFast,
        *,
        name: str,
        digest: str,
        weights: Form = "expanded",
    ) -> None:
        self._network, self._tokenizer = network, tokenizer
        self.name, self._digest = name, digest
        self._dtype, self._form = self.dtype, weights
        self._weights = weights_fingerprint(network) if digest else ""

    @property
    def dtype(self) -> str:
        """The number format of the weights."""
        return str(next(self._network.parameters()).dtype).removeprefix("torch.")

    @property
    def lasting(self) -> bool:
        """Whether there is a digest, so that what is known of the model can be kept beyond this process."""
        return bool(self._digest)

    @property
    def identity(self) -> dict[str, str]:
        """Digests of weights, config and tokenizer, the number format, and the form of the weights unless expanded.

        The weights count as they are in memory and as their files are, so that a converted copy counts, too.

        Raises ContextError for a model that has none, with the reason.
        """
        if not self._digest:
            raise ContextError(
                f"model {self.name!r} has no digest that would tell its contexts from another's; "
                "load it with longspan.load"
            )
        if self.dtype != self._dtype:
            raise ContextError(
                f"model {self.name!r} was loaded in {self._dtype} and is in {self.dtype} now; "
                f"load it with dtype={self.dtype!r}"
            )
        if weights_fingerprint(self._network) != self._weights:
            raise ContextError(
                f"the weights of model {self.name!r} have changed in memory since they were loaded; save the network "
                "and its tokenizer to a folder with save_pretrained, and load that"
            )
        held = {} if self._form == _EXPANDED else {"form": self._form, "products": PRODUCTS}
        return {
            "weights": f"{self._weights}-{self._digest}",
            "config": self._config(),
            "tokenizer": tokenizer_fingerprint(self._tokenizer),
            "dtype": self.dtype,
            **held,
        }

    def _config(self) -> str:
        said = {
            key: value
            for key, value in self._network.config.to_dict().items()
            if key not in _ELSEWHERE and not key.startswith("_attn")
        }
        return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()

    def check(self, path: Path, saved: dict[str, str]) -> None:
        """Raises ContextError unless a context's `identity` is that of this model."""
        mine = self.identity
        if saved["dtype"] != mine["dtype"]:
            raise ContextError(
                f"saved context {path} was read in {saved['dtype']} and the model is in {mine['dtype']}; load it with "
                f"dtype={saved['dtype']!r}, or read the text again"
            )
        then, here = (each.get("form", _EXPANDED) for each in (saved, mine))
        if then != here:
            raise ContextError(
                f"saved context {path} was read with {then} weights and the model has {here} ones; load it with "
                f"weights={then!r}, or read the text again"
            )
        if saved.get("products") != mine.get("products"):
            raise _other(path, "the same weights, multiplied as another version of longspan does")
        if saved["weights"] != mine["weights"]:
            raise _other(path, "another model's weights")
        if saved["config"] != mine["config"]:
            raise _other(path, "the same weights under another configuration or version of transformers")
        if saved["tokenizer"] != mine["tokenizer"]:
            raise _other(path, "the same weights with another tokenizer")


def _other(path: Path, reason: str) -> ContextError:
    return ContextError(
        f"saved context {path} is of {reason}; load the model that read it, or read the text again"
    )
