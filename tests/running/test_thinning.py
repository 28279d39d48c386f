"""Tokens that leave the model between its layers, against a Llama written as its formulas without them."""

from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from longspan.errors import PlanError, UnsupportedModel
from longspan.patterns.thinning import Thinning
from longspan.plan import Plan
from tiny import model_of, stock_logits, tiny_model, tiny_network, tokens

FAMILIES = [
    "llama",
    "qwen2",
    "qwen3",
    "phi3",
    "gemma2",
    "gemma3_text",
    "granite",
    "olmo2",
    "cohere",
]
FAMILIES += ["cohere2", "glm", "glm4", "smollm3", "exaone4", "gpt_neox", "gpt_oss", "mixtral"]
GROUP, NEIGHBOUR = 4, 12


@dataclass(frozen=True, kw_only=True)
class Scripted(Thinning):
    """After layers 0 and 1 the tokens leave whose rank in the chunk, times 7, falls on small remainders of `of`."""

    of: int = 3

    @property
    def tail(self):
        return 1

    def staying(self, reading):
        count = reading.query.shape[1]
        return torch.tensor(stays(count, self.of)) if reading.scene.layer < 2 else None


def stays(count: int, of: int) -> list[bool]:
    return [rank * 7 % of > 0 or rank == count - 1 for rank in range(count)]


def reached(sizes: list[int], of: int) -> list[int]:
    """Tokens in each of three layers."""
    once = [sum(stays(size, of)) for size in sizes]
    return [sum(sizes), sum(once), sum(sum(stays(size, of)) for size in once)]


def near(distance: torch.Tensor, query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
    return distance


def extended(distance: torch.Tensor, query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
    """Self-Extend's distances."""
    far = query // GROUP + NEIGHBOUR - NEIGHBOUR // GROUP - key // GROUP
    return torch.where(distance < NEIGHBOUR, distance, far)


def naive(network, chunks, of, relative=near) -> torch.Tensor:
    """Logits after the last token; each layer holds the tokens that reached it."""
    config, base = network.config, network.model.rotary_emb.inv_freq
    group = config.num_attention_heads // config.num_key_value_heads
    held = [[] for _ in network.model.layers]
    seen = 0
    with torch.no_grad():
        for ids in chunks:
            x, places = network.model.embed_tokens(ids), torch.arange(seen, seen + len(ids))
            seen += len(ids)
            for number, layer in enumerate(network.model.layers):
                attention, normed = layer.self_attn, layer.input_layernorm(x)
                query, key, value = (
                    project(normed).unflatten(-1, (-1, config.head_dim)).transpose(0, 1)
                    for project in (attention.q_proj, attention.k_proj, attention.v_proj)
                )
                held[number].append((key, value, places))
                keys, values = (torch.cat([each[part] for each in held[number]], 1) for part in (0, 1))
                at = torch.cat([each[2] for each in held[number]])
                distance = places[:, None] - at
                shown = relative(distance, places[:, None], at)
                turn = torch.polar(torch.ones(()), shown[..., None] * base)
                mine, theirs = (
                    torch.complex(*each.chunk(2, -1)) for each in (query, keys.repeat_interleave(group, 0))
                )
                scores = (mine[:, :, None] * turn * theirs[:, None].conj()).real.sum(-1) * attention.scaling
                weights = scores.masked_fill(distance < 0, -torch.inf).softmax(-1)
                out = (weights @ values.repeat_interleave(group, 0)).transpose(0, 1).flatten(1)
                x = x + attention.o_proj(out)
                x = x + layer.mlp(layer.post_attention_layernorm(x))
                if number < 2 and len(ids) > 1:
                    rows = torch.tensor(stays(len(places), of))
                    x, places = x[rows], places[rows]
        return network.lm_head(network.model.norm(x[-1]))


@settings(max_examples=15)
@given(st.lists(st.integers(2, 40), min_size=1, max_size=4), st.integers(2, 5))
@pytest.mark.parametrize(
    ("positions", "relative", "codec"),
    [
        (None, near, None),
        (f"self-extend(group={GROUP},neighbour={NEIGHBOUR})", extended, None),
        (f"self-extend(group={GROUP},neighbour={NEIGHBOUR})", extended, "mapped"),
    ],
)
def test_a_session_is_the_model_without_the_tokens_that_left(positions, relative, codec, sizes, of):
    model = tiny_model()
    chunks = [tokens(size, seed) for seed, size in enumerate(sizes)]
    with model.session(Plan(positions=positions, pattern=Scripted(of=of), codec=codec)) as session:
        for chunk in chunks:
            session.read(chunk)
        expected = naive(model.network, chunks, of, relative)
        assert torch.allclose(session.next_logits, expected, atol=2e-5)
        held = [sum(layer.store.lengths) for layer in session.sequences[0].layers]
        assert held == [2 * count for count in reached(sizes, of)]


def test_generated_tokens_see_what_is_left():
    model, text = tiny_model(), [tokens(40), tokens(30, 1)]
    with model.session(Plan(pattern=Scripted())) as session:
        for chunk in text:
            session.read(chunk)
        for step in session.generate(max_new_tokens=6):
            assert step.token == naive(model.network, text, 3).argmax()
            text.append(torch.tensor([step.token]))


@pytest.mark.parametrize("lengths", [[40, 17, 29]])
def test_sequences_side_by_side_are_what_they_are_alone(lengths):
    model = tiny_model()
    texts = [tokens(length, seed) for seed, length in enumerate(lengths)]
    alone = []
    for text in texts:
        with model.session(Plan(pattern=Scripted())) as session:
            alone.append(session.read(text).next_logits.clone())
    with model.session(Plan(pattern=Scripted()), size=3) as session:
        session.read(texts)
        for row, expected in zip([each.upcoming for each in session.sequences], alone, strict=True):
            assert torch.allclose(row, expected, atol=2e-5)


@pytest.mark.parametrize(
    "more",
    [
        "policy=snapkv(budget=1.0,window=8)",
        "policy=keydiff(budget=1.0,when=chunk)",
        "policy=streamingllm(budget=1.0)",
        "policy=knorm(budget=1.0,unit=chunk,allocator=pyramid(base=8))",
        "policy=snapkv(budget=1.0,window=8,disposer=quantize)",
        "codec=host",
        "selector=quest(budget=4096)",
        "selector=infllm(top=1000,reading=16)",
        "selector=squeezed(budget=1.0)",
    ],
)
def test_what_changes_nothing_changes_nothing_of_what_is_left(more):
    model, found = tiny_model(), []
    pattern = "pattern=uniprefill(share=0.5,first=0,every=1,sinks=0,last=16,block=16) "
    for plan in (pattern, pattern + more):
        with model.session(plan, chunk=64) as session:
            session.read(tokens(200))
            found.append(session.logits(tokens(20, 1)))
    assert torch.allclose(found[0], found[1], atol=2e-5)


@pytest.mark.parametrize(
    "more",
    [
        "policy=snapkv(budget=40,window=8)",
        "policy=keydiff(budget=40,when=chunk)",
        "policy=chunkkv(budget=40,window=8,unit=chunk(size=5))",
        "policy=lagkv(budget=40,n_sink=2,lag_size=8,when=chunk)",
        "policy=snapkv(budget=40,window=8,allocator=model-wide)",
        "policy=snapkv(budget=40,window=8,disposer=merge,when=chunk)",
        "codec=kivi(group_size=8,residual_length=16) selector=quest(budget=24,page=4,dense=0)",
    ],
)
def test_policies_act_on_what_is_left(more):
    pattern = "pattern=uniprefill(share=0.5,first=0,every=1,sinks=0,last=16,block=16)"
    with tiny_model().session(f"{pattern} {more}", chunk=64) as session:
        session.read(tokens(200))
        if "policy" in more:
            assert max(sum(layer.store.lengths) for layer in session.sequences[0].layers) <= 6 * 40
        assert len(list(session.generate(max_new_tokens=8, temperature=3.0, seed=0))) == 8
        assert session.read(tokens(100, 1)).next_logits.isfinite().all()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("policy=h2o", "watches the queries of all"),
        ("policy=kvzip", "watches the queries of all"),
        ("policy=snapkv(window=200)", "have the pattern keep 200"),
        ("selector=em-llm", "probability of each"),
        ("positions=in-cache", "close the gaps"),
    ],
)
def test_parts_that_look_at_what_has_left_are_refused(more, said):
    with pytest.raises(PlanError, match=said):
        Plan.parse(f"pattern=uniprefill {more}")


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_goes_on_with_fewer_tokens_and_is_stock_again(family):
    model, ids = tiny_model(family), tokens(200)
    before = stock_logits(model.network, ids)
    found = []
    for chunk in (64, 2048):
        with model.session(
            "pattern=uniprefill(share=1,first=0,every=1,sinks=0,last=16)", chunk=chunk
        ) as whole:
            found.append(whole.read(ids).next_logits.clone())
    assert torch.allclose(found[0], before[-1], atol=2e-5)
    assert torch.allclose(found[1], before[-1], atol=2e-5)
    pattern = "pattern=uniprefill(share=0.3,first=0,every=1,sinks=0,last=16,block=16)"
    with model.session(pattern, chunk=100) as session:
        assert session.read(ids).next_logits.isfinite().all()
        chooses = [layer.window is None for layer in model.seam.layers]
        gaps = [not layer.store.whole for layer in session.sequences[0].layers]
        assert gaps == [any(chooses[:number]) for number in range(len(chooses))]
        session.read(tokens(110, 1))
        assert len(list(session.generate(max_new_tokens=5, temperature=3.0, seed=0))) == 5
    assert torch.equal(stock_logits(model.network, ids), before)


@pytest.mark.parametrize("chunk", [16, 150])
def test_layers_with_a_window_hold_and_see_by_position(chunk):
    """Of three layers the first and the last have a window of 40; tokens leave after the one between."""
    model, ids = tiny_model("gemma2"), tokens(300)
    assert [layer.window for layer in model.seam.layers] == [40, None, 40]
    with model.session(Plan(pattern=Scripted()), chunk=chunk) as session:
        session.read(ids)
        first, between, last = (layer.store for layer in session.sequences[0].layers)
        assert between.lengths == [300, 300]
        assert first.positions()[0].tolist() == list(range(300 - first.lengths[0], 300))
        stood = torch.cat([torch.tensor(stays(len(part), 3)) for part in ids.split(chunk)]).nonzero()[:, 0]
        left = last.positions()[0].tolist()
        assert left == stood.tolist()[-len(left) :]
        assert {place for place in stood.tolist() if place > 300 - 40} <= set(left)
        assert len(left) <= 2 * 40 + chunk


def test_a_family_with_inputs_to_every_layer_is_refused():
    with (
        pytest.raises(UnsupportedModel, match=r"'gemma4_text' .* tokens cannot leave .* pattern=flexprefill"),
        tiny_model("gemma4_text").session("pattern=uniprefill") as session,
    ):
        session.read(tokens(20))


def test_a_network_whose_tokens_cannot_leave_is_refused():
    network = tiny_network("llama")
    model = model_of(network)
    layer = type(network.model.layers[1])
    forward = layer.forward
    network.model.layers[1].forward = lambda hidden, *more, **named: forward(
        network.model.layers[1], hidden + hidden.shape[1], *more, **named
    )
    with (
        pytest.raises(UnsupportedModel, match=r"tokens cannot leave between its layers: .* become others"),
        model.session("pattern=uniprefill") as session,
    ):
        session.read(tokens(20))


def test_an_error_on_the_way_leaves_the_model_as_it_was():
    class Failing(Scripted):
        def staying(self, reading):
            raise RuntimeError("it went wrong")

    model, ids = tiny_model(), tokens(40)
    before = stock_logits(model.network, ids)
    hooks = [dict(module._forward_hooks) for module in model.network.modules()]
    with model.session(Plan(pattern=Failing())) as session, pytest.raises(RuntimeError, match="went wrong"):
        session.read(ids)
    assert torch.equal(stock_logits(model.network, ids), before)
    assert [dict(module._forward_hooks) for module in model.network.modules()] == hooks
