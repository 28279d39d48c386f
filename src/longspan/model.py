"""A model ready for long contexts."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from longspan.checking.selfcheck import SelfCheck, self_check
from longspan.contexts.context import Saved
from longspan.contexts.origin import Origin
from longspan.loading import Loaded, Weights, load_weights
from longspan.plan import Plan
from longspan.profiles.profiles import Profiles
from longspan.progress import Watcher
from longspan.running.outsider import check_tokenizers
from longspan.seam.exclusive import whole_precision
from longspan.seam.seam import Seam
from longspan.session import Session
from longspan.spans import count_tokens

if TYPE_CHECKING:
    import torch


class Model:
    """A network that passed the self-check, with its tokenizer.

    network: the transformers model, its own whenever no session is inside it. digest identifies the weights.
    checked: what the self-check found. weights: in which form they are held, "expanded", "packed", "int8" or "int4";
    note: why they are expanded though their file has blocks, or which of them are, else "".
    """

    def __init__(self, loaded: Loaded) -> None:
        from longspan.loading.quiet import quiet  # imports transformers

        self.network = loaded.network
        self.tokenizer = loaded.tokenizer
        self.name, self.digest, self.source = loaded.name, loaded.digest, loaded.source
        self.weights, self.note = loaded.weights, loaded.note
        with whole_precision(loaded.network), quiet():
            self.seam = Seam(loaded.network)
            self.checked: SelfCheck = self_check(self.seam)
        self._origin = Origin(
            loaded.network, loaded.tokenizer, name=loaded.name, digest=loaded.digest, weights=loaded.weights
        )
        self._drafters: dict[str, Model] = {}
        self._profiles = Profiles(self.seam, self.tokenizer, self._origin)

    @property
    def window(self) -> int:
        """Tokens that the model was made for."""
        return self.seam.window

    @property
    def identity(self) -> dict[str, str]:
        """Digests of weights, config and tokenizer, the number format, and the form of the weights unless expanded.

        Raises ContextError, with the reason, for a model that has none, so that nothing it says can be kept for later.
        """
        return self._origin.identity

    def session(
        self,
        plan: Plan | str | os.PathLike[str] | None = None,
        *,
        size: int = 1,
        chunk: int = 2048,
        window: int | None = None,
        forks: Sequence[Plan | str] = (),
        template: Mapping[str, Any] | None = None,
        drafters: Mapping[str, Model] | None = None,
    ) -> Session:
        """A session under a plan: a Plan, its text, a .toml file, or None for the stock model.

        size: sequences side by side. chunk: tokens that pass through the model at a time. window: tokens to allow,
        by default what the plan's positions support. forks: plans that forks of the session will have. template:
        variables of the chat template, such as {"enable_thinking": False}. drafters: models by the name by which a plan
        has them draft; others are loaded, and kept with this one.
        """
        return Session(
            self.seam,
            self.tokenizer,
            Plan.of(plan),
            origin=self._origin,
            size=size,
            chunk=chunk,
            window=window,
            forks=forks,
            profile=self.profile,
            template=template,
            others=partial(self._other, drafters or {}),
        )

    def restore(self, path: str | Path, plan: Plan | str | os.PathLike[str] | None = None) -> Session:
        """The session that `Session.save` kept in a file; it goes on bit for bit as the one that was saved.

        plan: refuse a context that was read under another. Raises ContextError, with the reason, for a file that is
        missing, truncated or altered, or of another model, number format, plan or format of file.
        """
        saved = Saved.open(Path(path), self._origin, None if plan is None else Plan.of(plan))
        kind = saved.kind
        return self.session(
            kind.plan, size=kind.size, chunk=kind.chunk, window=saved.window, forks=kind.forks
        ).resume(saved)

    def profile(self, name: str) -> torch.Tensor:
        """Facts measured once of the model, and kept in the cache folder where the weights have a digest.

        name: "heads", how much each KV head retrieves, fp32 `[layers, kv_heads]`, "documents", how much each query head
        looks from a question to the document that answers it, fp32 `[layers, heads]`, or "sensitivity", how much each
        layer suffers from eviction, fp32 `[layers]`; 0 for layers with a window. Sessions whose plan needs one
        measure it, in seconds for a small model, when they are opened.
        """
        return self._profiles(name)

    def _other(self, given: Mapping[str, Model], name: str) -> Seam:
        """A model that drafts. Raises ValueError for one whose tokens are others."""
        other = given.get(name) or self._drafters.get(name)
        if other is None:
            other = self._drafters[name] = load(name, device=self.network.device)
        check_tokenizers(name, self.tokenizer, other.tokenizer)
        return other.seam

    def count(self, text: str) -> int:
        """Tokens of a text."""
        return count_tokens(self.tokenizer, text)


def load(
    name_or_path: str | Path | None = None,
    *,
    dtype: str | torch.dtype = "auto",
    device: str | torch.device = "auto",
    weights: Weights = "auto",
    progress: Watcher | None = None,
) -> Model:
    """Finds and loads a model, and checks that the seam reproduces it.

    name_or_path: None for the embedded default, a short name, a folder, a .gguf file, or a hub id. weights: "packed" in
    the blocks of their file, "int8" or "int4" in blocks that are made of floating ones, "expanded", or "auto", which is
    packed where the file has blocks and this processor products for them, else expanded: see `docs/models.md`. Raises
    ModelNotFound, CorruptModel or UnsupportedModel.
    """
    return Model(load_weights(name_or_path, dtype=dtype, device=device, weights=weights, progress=progress))
