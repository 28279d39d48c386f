"""What a batch remembers, as tensors and back."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor

from longspan.batch import Batch
from longspan.contexts.parcels import parcel
from longspan.engine.memory import LayerMemory, Memory
from longspan.plan import Plan
from longspan.policies.tracker import Tracking

_SUMMARY = re.compile(r"summary(\d+)\.(\d+)\.")
_ENTRIES = re.compile(r"store\.\w+\.column\d+")


def parcels_of(batch: Batch, trackings: Sequence[Tracking]) -> dict[str, Callable[[], dict[str, Tensor]]]:
    """One parcel for each layer of each sequence, and one for the sequence itself."""
    made: dict[str, Callable[[], dict[str, Tensor]]] = {}
    for number, memory in enumerate(batch.memories):
        made[f"sequence{number}"] = partial(_sequence, batch, number)
        for place, layer in enumerate(memory.layers):
            made[f"layer{number}.{place}"] = partial(_layer, layer, trackings)
    return made


def fill(batch: Batch, tensors: Mapping[str, Tensor], plan: Plan, trackings: Sequence[Tracking]) -> None:
    """Gives a fresh batch what `parcels_of` took. Nothing of `tensors` is held afterwards."""
    for number, memory in enumerate(batch.memories):
        _fill_sequence(batch, number, memory, parcel(f"sequence{number}", tensors))
        for place, layer in enumerate(memory.layers):
            _fill_layer(layer, parcel(f"layer{number}.{place}", tensors), plan, trackings, batch.device)


def _sequence(batch: Batch, number: int) -> dict[str, Tensor]:
    memory, upcoming = batch.memories[number], batch.upcoming[number]
    held = {
        "ids": torch.tensor(memory.ids, dtype=torch.int32),
        "rounds": torch.tensor(memory.rounds, dtype=torch.int32),
        "asked": torch.tensor([memory.asked.start, memory.asked.stop], dtype=torch.int32),
        "uncompressed": torch.tensor(memory.uncompressed),
        "fitted": torch.tensor(memory.fitted),
        "pending": torch.tensor(batch.pending[number], dtype=torch.int32),
    }
    if upcoming is not None:
        held["upcoming"] = upcoming
    surprise = memory.surprises()
    if surprise is not None:
        held["surprise"] = surprise
    return held


def _fill_sequence(batch: Batch, number: int, memory: Memory, tensors: dict[str, Tensor]) -> None:
    memory.ids, memory.rounds = tensors["ids"].tolist(), tensors["rounds"].tolist()
    memory.asked = range(*tensors["asked"].tolist())
    memory.uncompressed, memory.fitted = int(tensors["uncompressed"]), int(tensors["fitted"])
    batch.pending[number] = tensors["pending"].tolist()
    if "upcoming" in tensors:
        batch.upcoming[number] = tensors["upcoming"].to(batch.device, copy=True)
    if "surprise" in tensors:
        memory.surprise = [tensors["surprise"].to(batch.device, copy=True)]


def _layer(layer: LayerMemory, trackings: Sequence[Tracking]) -> dict[str, Tensor]:
    parts = {"store": layer.store.tensors()}
    parts |= {
        f"tracker{trackings.index(each)}": tracker.tensors() for each, tracker in layer.trackers.items()
    }
    parts |= {f"summary{tier}.{head}": state.tensors() for (tier, head), state in layer.summaries.items()}
    if layer.allocation is not None:
        parts["allocation"] = layer.allocation.tensors()
    held = {f"{part}.{name}": tensor for part, tensors in parts.items() for name, tensor in tensors.items()}
    for name, queries in (("recent", layer.recent), ("unwatched", layer.unwatched)):
        if queries:
            held[name] = torch.cat(queries, 1)
    return held


def _fill_layer(
    layer: LayerMemory,
    tensors: dict[str, Tensor],
    plan: Plan,
    trackings: Sequence[Tracking],
    device: torch.device,
) -> None:
    # Entries are copied by the store, into its own medium; everything else is copied here.
    mine = {
        name: tensor.to(device, copy=_ENTRIES.fullmatch(name) is None) for name, tensor in tensors.items()
    }
    layer.store.load(parcel("store", mine), getattr(plan.policy and plan.policy.disposer, "rest", None))
    for tracking, tracker in layer.trackers.items():
        tracker.load(parcel(f"tracker{trackings.index(tracking)}", mine))
    for tier, head in {match.groups() for name in mine if (match := _SUMMARY.match(name))}:
        summary = plan.selector.summary()
        summary.load(parcel(f"summary{tier}.{head}", mine))
        layer.summaries[int(tier), int(head)] = summary
    if plan.policy is not None and (allocation := plan.policy.allocator.state()) is not None:
        allocation.load(parcel("allocation", mine))
        layer.allocation = allocation
    layer.recent = [mine["recent"]] if "recent" in mine else []
    layer.unwatched = [mine["unwatched"]] if "unwatched" in mine else []
