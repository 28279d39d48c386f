"""Disposers that keep what others drop, in another form or another place."""

import pytest
import torch
from torch.testing import assert_close

from longspan.codecs.int4 import Int4
from longspan.codecs.int8 import Int8
from longspan.codecs.kivi import Kivi
from longspan.codecs.low_rank import LowRank
from longspan.policies.disposers.move import Move
from longspan.policies.disposers.quantize import Quantize
from longspan.policies.view import View
from longspan.store.form import Plain
from longspan.store.layer import LayerStore
from longspan.store.ledger import Ledger
from scenes import scene

HEADS, DIM = 2, 16


def filled(count: int, seed: int = 0) -> tuple[LayerStore, torch.Tensor, torch.Tensor]:
    """A store of so many entries a row, and its keys and values."""
    generator = torch.Generator().manual_seed(seed)
    keys, values = (torch.randn(HEADS, count, DIM, generator=generator) for _ in range(2))
    store = LayerStore(HEADS, Plain(), Ledger())
    store.append(keys, values)
    return store, keys, values


def view_of(store: LayerStore) -> View:
    keys, values = store.vectors()
    return View(
        keys=keys,
        values=values,
        positions=store.positions(),
        lengths=store.lengths,
        queries=keys[:, :0],
        query_positions=torch.zeros(0, dtype=torch.long),
        scene=scene(seen=store.seen, scale=1.0),
    )


def visible(store: LayerStore, head: int) -> dict[int, tuple[torch.Tensor, torch.Tensor]]:
    """Key and value of everything that a query of this head visits, by position."""
    found = {}
    for group in store.groups():
        if group.heads.start <= head < group.heads.stop and group.length:
            row = group.only(head - group.heads.start)
            places = row.positions()[0].tolist()
            for place, key, value in zip(places, row.keys()[0], row.values()[0], strict=True):
                assert place not in found
                found[place] = key, value
    return found


def dispose(disposer, store: LayerStore, kept: list[torch.Tensor]) -> None:
    scores = torch.zeros(HEADS, max(store.lengths))
    disposer.dispose(store, kept, scores, view_of(store))


@pytest.mark.parametrize(
    ("codec", "error"),
    [(Int8(), 0.02), (Int4(group_size=8), 0.3), (Kivi(group_size=8, residual_length=0), 1.3)],
)
def test_the_rest_is_quantized_and_what_stays_is_not(codec, error):
    store, keys, values = filled(80)
    plain = store.nbytes
    kept = [torch.arange(0, 80, 5), torch.arange(60, 80)]
    dispose(Quantize(codec=codec), store, kept)
    block = codec.form().block
    over = [(80 - len(index)) % block for index in kept]
    assert store.lengths == [len(index) + rest for index, rest in zip(kept, over, strict=True)]
    assert store.nbytes < plain
    for head, index in enumerate(kept):
        found = visible(store, head)
        assert sorted(found) == list(range(80))
        for place, (key, value) in found.items():
            near = 0.0 if place in index.tolist() else error
            assert_close(key, keys[head, place], atol=near, rtol=0)
            assert_close(value, values[head, place], atol=near, rtol=0)
        if not over[head]:
            changed = [place for place in found if not torch.equal(found[place][0], keys[head, place])]
            assert len(changed) > 50


@pytest.mark.parametrize("to", ["host", "disk"])
def test_the_rest_is_moved_as_it_is(to, tmp_path):
    store, keys, values = filled(80)
    kept = [torch.arange(0, 80, 5), torch.arange(60, 80)]
    dispose(Move(to=to, folder=str(tmp_path) if to == "disk" else None), store, kept)
    assert store.lengths == [16, 20]
    for head in range(HEADS):
        found = visible(store, head)
        assert sorted(found) == list(range(80))
        for place, (key, value) in found.items():
            assert torch.equal(key, keys[head, place])
            assert torch.equal(value, values[head, place])


def test_what_is_on_the_disk_is_no_memory(tmp_path):
    ledger = Ledger()
    store = LayerStore(1, Plain(), ledger)
    store.append(torch.randn(1, 80, DIM), torch.randn(1, 80, DIM))
    Move(to="disk", folder=str(tmp_path)).dispose(
        store, [torch.arange(8)], torch.zeros(1, 80), view_of(store)
    )
    assert ledger.held == 8 * (2 * DIM * 4 + 4)


@pytest.mark.parametrize(
    "disposer",
    [Quantize(codec=Int8()), Quantize(), Move(), Move(to="disk")],
    ids=["int8", "default", "host", "disk"],
)
def test_the_rest_grows_with_the_text(disposer):
    store, _, _ = filled(40)
    for _ in range(5):
        dispose(disposer, store, [torch.arange(length - 10, length) for length in store.lengths])
        assert [len(visible(store, head)) for head in range(HEADS)] == [store.seen] * HEADS
        assert max(store.lengths) < 10 + disposer.rest()[0].block
        store.append(torch.randn(HEADS, 20, DIM), torch.randn(HEADS, 20, DIM))
    assert store.seen == 140


def test_a_row_that_keeps_everything_or_nothing():
    store, keys, _ = filled(64)
    dispose(Quantize(), store, [torch.arange(64), torch.arange(0)])
    assert store.lengths == [64, 0]
    assert torch.equal(store.vectors()[0][0], keys[0])
    assert [sorted(visible(store, head)) for head in range(HEADS)] == [list(range(64))] * HEADS


def test_a_codec_that_must_see_a_text_is_refused():
    with pytest.raises(ValueError, match="codec=LowRank"):
        Quantize(codec=LowRank())


def test_a_folder_is_for_the_disk(tmp_path):
    with pytest.raises(ValueError, match="is for to=disk"):
        Move(to="host", folder=str(tmp_path))
