"""Host memory: nothing moves on a CPU; elsewhere what is sent ahead is used as long as it is true.

There is no CUDA here: a device without numbers, "meta", stands in its place, so that only shapes and places are seen.
"""

import pytest
import torch
from coded import every_row, vectors
from torch.overrides import TorchFunctionMode

from longspan.codecs.host import Host, HostMemory
from longspan.codecs.kivi import Kivi
from longspan.codecs.million import Million
from longspan.codecs.think import Think
from longspan.store.form import Plain
from longspan.store.group import Group


def test_on_a_cpu_nothing_is_copied():
    codec = Host()
    x = vectors(6)
    (column,), _ = codec.form().encode(x, x, every_row())
    codec.medium.prefetch([column])
    assert codec.form().keys((column,), every_row(), torch.float32).data_ptr() == column.data_ptr()


def abroad(*shape):
    """A medium for a model on another device, and a tensor of it."""
    medium = HostMemory()
    tensor = medium.empty(shape, torch.empty(0, device="meta"))
    assert tensor.device.type == "cpu"
    return medium, tensor


def sent_ahead(medium, monkeypatch):
    """Records what is moved from now on."""
    moved = []
    send = medium._send
    monkeypatch.setattr(medium, "_send", lambda tensor: moved.append(tensor.shape) or send(tensor))
    return moved


def test_what_was_sent_ahead_is_not_sent_again(monkeypatch):
    medium, tensor = abroad(12, 4)
    medium.prefetch([tensor])
    moved = sent_ahead(medium, monkeypatch)
    view = tensor.view(3, 4, 4)[:, 1:3]
    there = medium.fetch(view)
    assert moved == []
    assert there.device.type == "meta"
    assert (there.shape, there.stride(), there.storage_offset()) == (
        view.shape,
        view.stride(),
        view.storage_offset(),
    )


@pytest.mark.parametrize("spoil", ["written", "never sent", "two others sent since"])
def test_what_is_no_longer_true_is_sent_again(monkeypatch, spoil):
    medium, tensor = abroad(12, 4)
    others = [medium.empty((2, 2), tensor) for _ in range(2)]
    if spoil != "never sent":
        medium.prefetch([tensor])
    if spoil == "written":
        tensor[3] = 1
    if spoil == "two others sent since":
        for other in others:
            medium.prefetch([other])
    moved = sent_ahead(medium, monkeypatch)
    assert medium.fetch(tensor[2:5]).shape == (3, 4)
    assert moved == [(3, 4)]


def test_another_tensor_at_the_same_address_is_not_taken_for_it(monkeypatch):
    medium, _ = abroad(12, 4)
    memory = bytearray(64)
    first = torch.frombuffer(memory, dtype=torch.float32)
    medium.prefetch([first])
    del first
    moved = sent_ahead(medium, monkeypatch)
    medium.fetch(torch.frombuffer(memory, dtype=torch.float32))
    assert moved == [(16,)]


def test_the_form_is_that_of_the_codec_within():
    form = Host(codec=Kivi(group_size=16, residual_length=40), recent=64).form()
    assert (form.block, form.recent, form.learns) == (16, 64, "")
    form = Host(codec=Million(residual_length=200)).form()
    assert (form.recent, form.learns, form.ready) == (200, "chunk", False)
    assert Host(codec=Million()).raw
    assert Host(codec=Think(window=5)).observed == 5


class SameDevice(TorchFunctionMode):
    """Asks of rows that are picked what CUDA would ask: that their numbers lie where they do."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function is torch.Tensor.index_select:
            assert args[0].device == args[2].device
        return function(*args, **(kwargs or {}))


def test_entries_elsewhere_are_picked_by_numbers_from_here():
    """What is elsewhere is "meta" here, the numbers are on the CPU."""
    column, places = (
        torch.empty(2, 9, 4, device="meta"),
        torch.empty(2, 9, 1, dtype=torch.int32, device="meta"),
    )
    group = Group(
        heads=slice(0, 2),
        length=9,
        form=Plain(),
        dtype=torch.float32,
        key_columns=(column,),
        value_columns=(column,),
        position_column=places,
        first=0,
        tier="coded",
    )
    with SameDevice():
        keys, values = group.gather(torch.tensor([[1, 3], [0, 8]]), torch.float32)
    assert keys.device == values.device == column.device
    assert keys.shape == values.shape == (2, 2, 4)


def test_a_negative_window_is_refused():
    with pytest.raises(ValueError, match="recent=-1 is outside"):
        Host(recent=-1)
