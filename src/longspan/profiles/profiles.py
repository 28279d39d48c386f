"""The profiles of one model: measured when first asked for, and kept in the user's cache."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from longspan.atomic import write_text
from longspan.cache_folder import locked, subfolder
from longspan.contexts.origin import Origin
from longspan.parts import inner
from longspan.plan import Plan
from longspan.profiles.measure import Measure, described, find_measure
from longspan.seam.seam import Seam

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


class Profiles:
    """Looks profiles up. Those of a model whose weights have no digest are kept in memory only."""

    def __init__(self, seam: Seam, tokenizer: PreTrainedTokenizerFast, origin: Origin) -> None:
        self._seam, self._tokenizer, self._origin = seam, tokenizer, origin
        self._known: dict[str, Tensor] = {}
        self._lock = RLock()

    def __call__(self, name: str) -> Tensor:
        """A profile, fp32; measuring it takes seconds, and must not happen during a forward pass."""
        with self._lock:
            if name not in self._known:
                self._known[name] = self._find(name, find_measure(name))
            return self._known[name]

    def _find(self, name: str, measure: Measure) -> Tensor:
        if not self._origin.lasting:
            return measure.run(self._seam, self._tokenizer)
        facts = json.dumps(self._origin.identity, sort_keys=True)
        key = f"{hashlib.sha256(facts.encode()).hexdigest()[:32]}-{described(name, measure)}"
        path = subfolder("profiles") / f"{key}.json"
        with locked(f"profile-{key}"):
            values = _kept(path, measure.shape(self._seam))
            if values is None:
                values = measure.run(self._seam, self._tokenizer)
                with suppress(OSError):  # a cache that cannot be written costs another measuring
                    _keep(path, values)
        return values


def prepare(plans: Iterable[Plan], profile: Callable[[str], Tensor] | None) -> None:
    """Measures what the parts of some plans will ask for within a forward pass, where it would be too late."""
    if profile is not None:
        parts = [part for plan in plans for part in plan.parts.values()]
        every = [each for part in parts for each in (part, *inner(part))]
        for name in sorted({getattr(each, "profile", "") for each in every} - {""}):
            profile(name)


def _keep(path: Path, values: Tensor) -> None:
    numbers = values.flatten().tolist()
    text = json.dumps({"shape": list(values.shape), "values": numbers, "sha256": _checksum(numbers)})
    write_text(path, text)


def _kept(path: Path, shape: tuple[int, ...]) -> Tensor | None:
    """What a file holds; None where there is none, or a damaged one."""
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        numbers = held["values"]
        sound = held["shape"] == list(shape) and held["sha256"] == _checksum(numbers)
        if not sound or len(numbers) != math.prod(shape):
            return None
        return torch.tensor(numbers, dtype=torch.float32).view(shape)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _checksum(numbers: list[float]) -> str:
    return hashlib.sha256(json.dumps(numbers).encode()).hexdigest()
