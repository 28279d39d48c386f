"""What a session shows of its layers is what it holds: the stock model's cache where nothing was dropped."""

import pytest
import torch

from tiny import tiny_model, tokens


@pytest.mark.parametrize("family", ["llama", "gemma3_text", "glm", "bamba"])
def test_the_entries_of_the_empty_plan_are_the_cache_of_transformers(family):
    model, ids = tiny_model(family), tokens(30)
    with torch.no_grad():
        cache = model.network(input_ids=ids[None], use_cache=True).cache
    attention = [layer for layer in cache.layers if getattr(layer, "keys", None) is not None]
    with model.session(chunk=16) as session:
        session.read(ids)
        for number, layer in enumerate(attention):
            found = session.entries(number)
            assert found.rotated
            assert found.lengths == [30] * len(found.keys)
            assert torch.equal(found.positions, torch.arange(30).expand_as(found.positions))
            torch.testing.assert_close(found.keys, layer.keys[0], atol=1e-5, rtol=1e-5)
            torch.testing.assert_close(found.values, layer.values[0], atol=1e-5, rtol=1e-5)


def test_entries_say_what_a_policy_left_of_which_sequence():
    model = tiny_model()
    with model.session("policy=adakv(budget=24,window=8)", size=2) as session:
        session.read([tokens(60), tokens(90, seed=1)])
        for sequence, count in enumerate((60, 90)):
            found = session.entries(1, sequence)
            assert sum(found.lengths) == 2 * 24
            for row, length in zip(found.positions, found.lengths, strict=True):
                kept = row[:length]
                assert bool((kept.diff() > 0).all())
                assert kept[-8:].tolist() == [*range(count - 8, count)]
        before = session.usage.kv_bytes
        session.entries(1).keys.zero_()
        assert float(session.entries(1).keys.abs().max()) > 0, "copies"
        assert session.usage.kv_bytes == before


def test_entries_that_wait_for_their_rotation_say_so():
    with tiny_model().session("positions=rerope(near=16)") as session:
        session.read(tokens(40))
        assert not session.entries(0).rotated


@pytest.mark.parametrize(
    ("asked", "reason"), [((3,), "layer=3 is outside 0 .. 2"), ((0, 1), "sequence=1 is outside 0 .. 0")]
)
def test_layers_and_sequences_that_are_not_there_are_refused(asked, reason):
    with tiny_model().session() as session:
        with pytest.raises(ValueError, match="holds no entries; read something first"):
            session.entries(0)
        session.read(tokens(4))
        with pytest.raises(ValueError, match=reason):
            session.entries(*asked)
