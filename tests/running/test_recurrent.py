"""Networks with recurrent layers: each text has its own state in them, and plans act on the layers with attention."""

from functools import cache

import pytest
import torch

from longspan.errors import PlanError, UnsupportedModel
from tiny import model_of, stock_logits, tiny_model, tiny_network, tokens

FAMILIES = ("mamba2", "bamba", "falcon_h1", "granitemoehybrid", "qwen3_next", "lfm2")
PLANS = (
    "policy=snapkv(budget=24,window=8,when=chunk)",
    "policy=kvzip(budget=0.5)",
    "selector=quest(budget=16,page=4,dense=0)",
    "codec=int8",
    "positions=self-extend(group=4,neighbour=16)",
    "pattern=xattention(block=16,stride=4)",
)


def close(mine, theirs, allowed=1e-4):
    assert float((mine - theirs).norm()) <= allowed * float((theirs - theirs.mean()).norm())


@cache
def model_that_saves(family):
    return model_of(tiny_network(family), digest="a")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_text_read_in_chunks_is_the_stock_model(family):
    model, ids = tiny_model(family), tokens(100)
    network = model.network
    stock = stock_logits(network, ids)
    for chunk in (1000, 50, 7):
        with model.session(chunk=chunk) as session:
            close(session.logits(ids), stock)
    assert torch.equal(stock_logits(network, ids), stock), "given back"
    assert not any("forward" in vars(module) for module in network.modules())


@pytest.mark.parametrize("family", FAMILIES)
def test_generating_is_what_transformers_generates(family):
    network, ids = tiny_model(family).network, tokens(60)
    theirs = network.generate(ids[None], max_new_tokens=8, do_sample=False, eos_token_id=None)[0, 60:]
    with tiny_model(family).session() as session:
        session.read(ids)
        mine = [step.token for step in session.generate(max_new_tokens=8)]
    until = mine.index(2) if 2 in mine else len(mine)
    assert mine[:until] == theirs.tolist()[:until]


@pytest.mark.parametrize("family", FAMILIES)
def test_texts_side_by_side_are_as_alone(family):
    model, texts = tiny_model(family), [tokens(count, seed=count) for count in (70, 3, 41)]
    alone = []
    for text in texts:
        with model.session(chunk=32) as session:
            session.read(text)
            alone.append([step.token for step in session.generate(max_new_tokens=6)])
    with model.session(chunk=32, size=3) as session:
        session.read(texts)
        found = [[], [], []]
        for step in session.generate(max_new_tokens=6):
            found[step.sequence].append(step.token)
    assert found == alone


@pytest.mark.parametrize(
    ("family", "plan"), [*((family, "") for family in FAMILIES), *(("bamba", plan) for plan in PLANS)]
)
def test_a_fork_a_mark_and_a_saved_context_go_on_alike(family, plan, tmp_path):
    model, text, more = model_that_saves(family), tokens(60), tokens(8, seed=1)
    with model.session(plan, chunk=32) as session:
        session.read(text)
        mark, path = session.mark(), tmp_path / "read.longspan"
        session.save(path)
        with session.fork() as twin:
            expected = session.logits(more)
            assert torch.equal(twin.logits(more), expected)
        session.rewind(mark)
        assert torch.equal(session.logits(more), expected)
    with model.restore(path) as restored:
        assert torch.equal(restored.logits(more), expected)


@pytest.mark.parametrize("plan", PLANS)
def test_plans_leave_recurrent_states_alone(plan):
    model, text = tiny_model("bamba"), tokens(90)
    states = []
    for each in ("", plan):
        with model.session(each, chunk=1000) as session:
            session.read(text)
            states.append(session.sequences[0].recurrences)
    # The first recurrent layer stands before the layer with attention, so nothing that a plan does can reach it.
    first, second = (held[0].tensors() for held in states)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_states_matter_and_are_counted_and_given_back():
    model = tiny_model("bamba")
    with model.session() as session:
        session.read(tokens(40))
        (sequence,) = session.sequences
        held = sum(each.state_bytes for each in sequence.recurrences)
        assert held == 2 * (8 * 16 * 8 + (128 + 16) * 4) * 4
        assert session.usage.kv_bytes >= held
        mark = session.mark()
        expected = session.logits(tokens(5))
        session.rewind(mark)
        for each in sequence.recurrences:
            each.load(
                {name: torch.zeros_like(each_one) for name, each_one in each.tensors().items()},
                torch.device("cpu"),
            )
        assert float((session.logits(tokens(5)) - expected).abs().max()) > 1e-3
    assert not any(each.tensors() for each in sequence.recurrences)


def test_positions_are_refused_where_nothing_rotates_and_other_parts_are_not():
    model = tiny_model("granitemoehybrid")
    assert model.checked.rotated_channels == 0
    with pytest.raises(PlanError, match="no layer that sees everything rotates"):
        model.session("positions=yarn(factor=4)")
    with model.session("policy=streamingllm(budget=24,sinks=4) codec=int8", chunk=16) as session:
        session.read(tokens(90))
        assert session.entries(0).lengths == [24, 24]


def test_a_network_of_recurrent_layers_alone_has_no_window_and_takes_no_parts():
    model = tiny_model("mamba2")
    assert (model.checked.attention_layers, model.checked.recurrent_layers) == (0, 3)
    for plan in ("policy=snapkv(budget=64)", "codec=int8", "positions=yarn(factor=2)", "selector=quest"):
        with pytest.raises(PlanError, match="all its layers are recurrent"):
            model.session(plan)
    with model.session(chunk=256) as session:
        held = [session.read(tokens(count)).usage.kv_bytes for count in (300, 1500)]
        assert held[0] == held[1] > 0
        session.sequences[0].recurrences[1].put("recurrence0", torch.ones(3))  # of no use to the layer
        with pytest.raises(RuntimeError):
            session.read(tokens(3))


def test_tokens_cannot_leave_between_layers_that_need_them():
    with pytest.raises(UnsupportedModel, match="recurrent layers need every token"):
        tiny_model("bamba").session("pattern=uniprefill").read(tokens(64))


def test_a_network_that_forgets_its_state_between_segments_is_refused():
    network = tiny_network("bamba")
    mixer = network.model.layers[0].mamba
    own = mixer.forward

    def forgetful(*given, cache=None, **named):
        if cache is not None and given[0].shape[1] > 1:
            cache.get_recurrent_state = lambda *_, **__: None
        return own(*given, cache=cache, **named)

    mixer.forward = forgetful
    with pytest.raises(UnsupportedModel, match="its logits differ from the stock model's"):
        model_of(network)


def test_a_network_that_asks_its_cache_for_something_unknown_is_refused():
    with pytest.raises(UnsupportedModel, match="no attribute 'get_linear_cache'"):
        model_of(tiny_network("minimax", num_local_experts=4))
