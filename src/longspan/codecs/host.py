"""Entries in the memory of the host, while the model computes on another device."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from weakref import ref

import torch
from torch import Tensor

from longspan.codecs.elsewhere import Elsewhere
from longspan.kernels.decoding import Coding
from longspan.parameters import check_range
from longspan.registry import Card
from longspan.store.form import Columns, Form

CARD = Card(
    name="host",
    target="longspan.codecs.host:Host",
    paper="FlexGen: High-Throughput Generative Inference of Large Language Models with a Single GPU",
    link="https://arxiv.org/abs/2303.06865",
    year=2023,
    training=False,
    changes="Keeps entries in host memory and moves them to the device ahead of each visit.",
)


@dataclass(frozen=True, kw_only=True)
class Host(Elsewhere):
    """FlexGen's cache in host memory. https://arxiv.org/abs/2303.06865

    Entries are moved to the model's device when they are visited, and a layer's ahead of time, while the layer before
    it is computed. On a CPU model nothing moves. It was never run on CUDA, only with the meta device in its place.

    Deviation: FlexGen splits a cache by percentages over device, host and disk; here all entries but the recent are
    on the host. The bytes counted are those of device and host together.
    """

    recent: int = 128
    """Last entries that stay on the device, so that what was moved ahead of time is not out of date after each
    token.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("recent", self.recent, 0)

    @cached_property
    def medium(self) -> HostMemory:
        """Host memory, one for all sessions of this codec, since it knows what is on its way to the device."""
        return HostMemory()

    def form(self) -> Form:
        """The codec's form, whose columns are moved before they are decoded."""
        return Moved(super().form(), self.medium, self.recent)


class _Sent:
    """A tensor of host memory that was sent to the device as a whole."""

    def __init__(self, source: Tensor, whole: Tensor) -> None:
        self.whole = whole
        self._source, self._version = ref(source), source._version

    def holds(self, view: Tensor) -> bool:
        """Whether it was sent as `view`, which lies at its address, is now."""
        return self._source() is not None and self._version == view._version


class HostMemory:
    """Memory of the host, pinned where it is for a CUDA device."""

    resident = True

    def __init__(self) -> None:
        self._device = torch.device("cpu")
        self._sent: deque[dict[int, _Sent]] = deque(maxlen=2)  # by the last two calls of prefetch, by address

    def empty(self, shape: Sequence[int], like: Tensor) -> Tensor:
        """On the host, whatever the device of `like`."""
        if like.device.type != "cpu":
            self._device = like.device
        pinned = self._device.type == "cuda"
        return torch.empty(tuple(shape), dtype=like.dtype, device="cpu", pin_memory=pinned)

    def prefetch(self, tensors: Sequence[Tensor]) -> None:
        """Sends the tensors on their way, beside what the device computes."""
        if self._device.type == "cpu":
            return
        with torch.cuda.stream(self._stream):
            self._sent.append({_address(each): _Sent(each, self._send(each)) for each in tensors})

    def fetch(self, column: Tensor) -> Tensor:
        """A view of a tensor of this medium, on the model's device."""
        for sent in self._sent:
            found = sent.get(_address(column))
            if found is not None and found.holds(column):
                if self._stream is not None:
                    torch.cuda.current_stream(self._device).wait_stream(self._stream)
                return found.whole.as_strided(column.shape, column.stride(), column.storage_offset())
        return self._send(column)

    def _send(self, tensor: Tensor) -> Tensor:
        return tensor.to(self._device, non_blocking=True)

    @cached_property
    def _stream(self) -> torch.cuda.Stream | None:
        return torch.cuda.Stream(self._device) if self._device.type == "cuda" else None


class Moved(Form):
    """Another form, whose columns lie on the host."""

    def __init__(self, inner: Form, medium: HostMemory, recent: int) -> None:
        self.block, self.recent = inner.block, max(inner.recent, recent)
        self.learns = inner.learns
        self._inner, self._medium = inner, medium

    @property
    def ready(self) -> bool:
        """As the form within."""
        return self._inner.ready

    def learn(self, keys: Tensor, values: Tensor, queries: Tensor) -> None:
        """As the form within."""
        self._inner.learn(keys, values, queries)

    def encode(self, keys: Tensor, values: Tensor, rows: Tensor) -> tuple[Columns, Columns]:
        """As the form within."""
        return self._inner.encode(keys, values, rows)

    def coding(self, columns: Columns) -> Coding | None:
        """As the form within."""
        return self._inner.coding(columns)

    def keys(self, columns: Columns, rows: Tensor, dtype: torch.dtype) -> Tensor:
        """On the model's device."""
        return self._inner.keys(self._moved(columns), rows, dtype)

    def values(self, columns: Columns, rows: Tensor, dtype: torch.dtype) -> Tensor:
        """Likewise."""
        return self._inner.values(self._moved(columns), rows, dtype)

    def tensors(self) -> dict[str, Tensor]:
        """As the form within."""
        return self._inner.tensors()

    def load(self, tensors: dict[str, Tensor]) -> None:
        """As the form within."""
        self._inner.load(tensors)

    def fork(self) -> Moved:
        """A second form within, in the same medium."""
        return Moved(self._inner.fork(), self._medium, self.recent)

    def _moved(self, columns: Columns) -> Columns:
        return tuple(self._medium.fetch(column) for column in columns)


def _address(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
