"""Tensors made when they are asked for."""

import weakref

import torch

from longspan.contexts.file import read, write
from longspan.contexts.lazy import LazyTensors
from longspan.store.state import under


def test_one_part_at_a_time_is_in_memory(tmp_path):
    alive, most = weakref.WeakSet(), []

    def make(number):
        made = {"big": torch.full((1000,), float(number)), "odd": torch.full((3,), number, dtype=torch.int8)}
        alive.update(made.values())
        most.append(len(alive))
        return made

    parts = LazyTensors({f"layer{number}": lambda number=number: make(number) for number in range(12)})
    assert len(parts) == 24
    write(tmp_path / "a", parts, {})
    assert max(most) <= 4, "the one that is asked for, and at most one that is just let go"
    found, _ = read(tmp_path / "a")
    for number in range(12):
        mine = under(f"layer{number}", found)
        assert mine.keys() == {"big", "odd"}
        assert torch.equal(mine["big"], torch.full((1000,), float(number)))
        assert mine["odd"].tolist() == [number] * 3
