"""Tokens that were there already, counted, and what they pay for it."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy

import torch
from torch import Tensor

from longspan.sampling.settings import Sampling


class Penalties:
    """The counts of one text, which grow and shrink with it at its end.

    read: its tokens before the first was generated; places of vectors, −1 among ids, are no tokens. size: tokens that
    there are.
    """

    def __init__(self, sampling: Sampling, read: Sequence[int], size: int, device: torch.device) -> None:
        self._sampling = sampling
        self._text, self._generated = list(read), 0
        self._written = torch.zeros(size, device=device)
        window = sampling.repetition_window
        seen = torch.tensor(self._text if window is None else self._text[-window:], dtype=torch.long)
        self._near = torch.bincount(seen[seen >= 0], minlength=size).to(device)

    def fork(self) -> Penalties:
        """Counts of their own from here on."""
        twin = copy(self)
        twin._text, twin._written, twin._near = list(self._text), self._written.clone(), self._near.clone()
        return twin

    def take(self, token: int) -> None:
        """A token more."""
        self._text.append(token)
        self._generated += 1
        self._written[token] += 1
        self._near[token] += 1
        if (left := self._leaving()) is not None:
            self._near[left] -= 1

    def back(self) -> None:
        """The last token was none."""
        if (left := self._leaving()) is not None:
            self._near[left] += 1
        token = self._text.pop()
        self._generated -= 1
        self._written[token] -= 1
        self._near[token] -= 1

    def apply(self, scores: Tensor) -> None:
        """Changes scores `[vocab]` where they lie."""
        sampling = self._sampling
        if (penalty := sampling.repetition_penalty) != 1:
            seen = self._near.nonzero()[:, 0]
            chosen = scores[seen]
            scores[seen] = torch.where(chosen < 0, chosen * penalty, chosen / penalty)
        if self._generated and sampling.frequency_penalty:
            scores -= sampling.frequency_penalty * self._written
        if self._generated and sampling.presence_penalty:
            scores -= sampling.presence_penalty * (self._written > 0)

    def _leaving(self) -> int | None:
        """The token that the last one drove out of the window."""
        window = self._sampling.repetition_window
        if window is None or len(self._text) <= window:
            return None
        token = self._text[-window - 1]
        return token if token >= 0 else None
