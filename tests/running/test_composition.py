"""Parts of all rooms in one plan: it runs, and its bytes are what they should be."""

import pytest
import torch

from longspan.patterns.xattention import XAttention
from tiny import tiny_model, tokens

PLAN = (
    "positions=yarn(factor=4) pattern=a-shape(sinks=16,window=32,block=16) "
    "policy=snapkv(budget=48,window=16{when}) selector=quest(budget=24,page=4,dense=1) codec=int8"
)
VECTOR, POSITION = 16 + 2, 4
SLIDING = 40


@pytest.mark.parametrize("when", ["", ",when=chunk"])
@pytest.mark.parametrize("family", ["llama", "qwen3", "gemma3_text"])
def test_all_parts_at_once_hold_what_they_should(family, when):
    model = tiny_model(family)
    windows = [layer.window for layer in model.seam.layers]
    full, sliding = windows.count(None), len(windows) - windows.count(None)
    made = 12
    with model.session(PLAN.format(when=when), chunk=96) as session:
        assert session.window == 4 * 512
        session.read(tokens(96))
        # Sliding layers keep what the next query still sees, of consecutive positions.
        recent = sliding * 2 * (SLIDING - 1) * 2 * VECTOR
        assert session.usage.kv_bytes == full * 2 * 48 * (2 * VECTOR + POSITION) + recent
        steps = list(session.generate(max_new_tokens=made, temperature=5.0, seed=6))
        assert len(steps) == made
        room = full * 2 * (48 + made) * (2 * VECTOR + POSITION)
        selecting = sum(window is None for window in windows[1:])
        pages = selecting * 2 * ((48 + made - 1) // 4) * 2 * 16 * 4
        held = session.usage.kv_bytes
        # Bounds of pages and rows of sliding layers grow by doubling.
        assert room + recent + pages <= held <= room + 2 * recent + 2 * pages


@pytest.mark.parametrize("family", ["llama", "qwen3", "gemma3_text"])
def test_all_parts_at_once_run_in_chunks(family):
    with tiny_model(family).session(PLAN.format(when=",when=chunk"), chunk=32) as session:
        session.read(tokens(1000))
        steps = list(session.generate(max_new_tokens=100, temperature=5.0, seed=6))
        assert len(steps) == 100
        assert session.peak_entries <= max(48 + 32, 2 * SLIDING + 32)
        assert session.logits(tokens(5)).isfinite().all()


@pytest.mark.parametrize("part", ["positions=yarn(factor=4)", "pattern=a-shape(sinks=16,window=32,block=16)"])
def test_parts_that_change_what_is_seen_change_the_logits(part):
    model, ids = tiny_model(), tokens(300)
    with model.session() as stock, model.session(part) as session:
        assert not torch.allclose(session.logits(ids), stock.logits(ids), atol=1e-3)


@pytest.mark.parametrize("codec", ["", "codec=int8"])
@pytest.mark.parametrize(
    "positions", ["stock", "self-extend(group=4,neighbour=16)", "dca(chunk=0.1,local=0.02)"]
)
def test_the_codec_holds_the_same_entries(positions, codec):
    """Schemes that store raw keys and schemes that store rotated ones hold as much."""
    with tiny_model().session(f"positions={positions} {codec}", chunk=32) as session:
        session.read(tokens(128))
        assert session.usage.kv_bytes == 3 * 2 * 128 * 2 * (VECTOR if codec else 16 * 4)


def test_a_pattern_remembers_nothing_of_a_rehearsal():
    pattern, going_on = "pattern=squeezed(budget=0.3,block=16,segment=32,local=0)", tokens(60, seed=1)
    model, found = tiny_model(), []
    for plan in (pattern, f"{pattern} policy=kvzip(budget=1000)"):
        with model.session(plan, chunk=64) as session:
            session.read(tokens(200))
            session.read(going_on)
            found.append(session.next_logits.clone())
    assert torch.equal(found[0], found[1])


def test_a_pattern_forgets_keys_that_are_turned_anew():
    """Frequencies that grow with the text turn what is stored, so clusters of it are made anew."""
    plan = "positions=dynamic-ntk pattern=squeezed(budget=1.0,block=16,segment=32,local=0)"
    model, ids = tiny_model(), tokens(700)
    with model.session(plan, chunk=64) as sparse, model.session("positions=dynamic-ntk", chunk=64) as dense:
        assert torch.allclose(sparse.read(ids).next_logits, dense.read(ids).next_logits, atol=1e-4)
        assert all(layer.pattern is None for layer in sparse.sequences[0].layers)


@pytest.mark.parametrize(
    "positions", ["lm-infinite(starting=0,local=20)", "lm-infinite(starting=4,local=20)"]
)
def test_a_pattern_never_shows_what_positions_hide(positions):
    model, ids, everything = tiny_model(), tokens(90), "pattern=a-shape(sinks=0,window=4096,block=16)"
    found = []
    for pattern in ("", everything):
        with model.session(f"positions={positions} {pattern}", chunk=32) as session:
            found.append(session.logits(ids))
    assert torch.allclose(found[0], found[1], atol=1e-5)


def test_a_chunk_shorter_than_a_block_sees_everything():
    """The text is thinned out, the question after it is not."""
    model, text, question = tiny_model(), tokens(96), tokens(15, seed=1)
    found = []
    for least, dense in ((16, False), (16, True), (0, False)):
        with (
            pytest.MonkeyPatch.context() as patch,
            model.session("pattern=xattention(threshold=0.0,block=16,stride=4)", chunk=96) as session,
        ):
            session.read(text)
            patch.setattr(XAttention, "min_queries", least)
            if dense:
                patch.setattr(session._engine, "pattern", None)
            found.append(session.logits(question))
    assert torch.equal(found[0], found[1])
    assert not torch.allclose(found[0], found[2], atol=1e-3)
