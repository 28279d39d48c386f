"""A model is borrowed and given back: what a session leaves behind, and which models are refused."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
import torch

from longspan.checking.layerwise import stated
from longspan.errors import LongspanError, UnsupportedModel
from longspan.plan import Plan
from longspan.policies.base import Policy
from longspan.seam.layouts import Turned, turned_by
from longspan.seam.seam import Seam
from longspan.store.recurrent_state import RecurrentState
from tiny import model_of, stock_logits, tiny_model, tiny_network, tokens

IDS = tokens(80)


class Failed(Exception):
    """Raised on purpose."""


@dataclass(frozen=True, kw_only=True)
class FailingPolicy(Policy):
    """Fails in one layer."""

    layer: int = 1

    def scores(self, view):
        if view.scene.layer == self.layer:
            raise Failed
        return view.positions.float()


@pytest.fixture(params=["llama", "gemma3_text", "gpt_oss"])
def borrowed(request):
    """A model that must be the same after the test as before it."""
    model = tiny_model(request.param)
    network = model.network

    def state():
        rotary = {name: child for name, child in network.named_modules() if "rotary" in name}
        return network.config._attn_implementation, {name: id(child) for name, child in rotary.items()}

    before, logits = state(), stock_logits(network, IDS)
    assert before[1]
    yield model
    assert state() == before
    assert torch.equal(stock_logits(network, IDS), logits)


def test_after_a_session(borrowed):
    with borrowed.session(
        "positions=yarn(factor=2) policy=snapkv(budget=64) codec=int8", chunk=16
    ) as session:
        session.read(IDS)
        list(session.generate(max_new_tokens=4))
        session.logits(IDS[:3])


def test_while_a_session_is_open(borrowed):
    stock = stock_logits(borrowed.network, IDS)
    with borrowed.session(chunk=16) as session:
        session.read(IDS)
        assert torch.equal(stock_logits(borrowed.network, IDS), stock)
        for _ in session.generate(max_new_tokens=3):
            assert torch.equal(stock_logits(borrowed.network, IDS), stock)


def test_after_an_exception_while_reading(borrowed):
    def fail(progress):
        assert progress.processed == 16
        raise Failed

    with pytest.raises(Failed), borrowed.session(chunk=16) as session:
        session.read(IDS, progress=fail)


def test_after_an_exception_inside_the_model(borrowed):
    last = max(number for number, layer in enumerate(borrowed.seam.layers) if layer.window is None)
    with pytest.raises(Failed):
        borrowed.session(Plan(policy=FailingPolicy(budget=4, layer=last))).read(IDS)


def test_after_generating_half_way(borrowed):
    with borrowed.session() as session:
        steps = session.read(IDS).generate(max_new_tokens=20)
        next(steps)
        next(steps)
        steps.close()


def test_sessions_in_turns_are_sessions_one_after_the_other(borrowed):
    plans = ["", "positions=pi(factor=2) policy=streamingllm(budget=24)"]

    def steps(plan):
        session = borrowed.session(plan, chunk=16)
        session.read(IDS)
        yield
        for step in session.generate(max_new_tokens=6, temperature=2.0, seed=3):
            yield step.token

    alone = [list(steps(plan)) for plan in plans]
    assert alone[0] != alone[1]
    together = [list(pair) for pair in zip(*zip(*map(steps, plans), strict=True), strict=True)]
    assert together == alone


def test_sessions_in_threads_are_sessions_one_after_the_other(borrowed):
    plans = ["", "positions=pi(factor=2) policy=streamingllm(budget=24)"]

    def work(plan):
        with borrowed.session(plan, chunk=16) as session:
            session.read(IDS)
            made = [step.token for step in session.generate(max_new_tokens=5)]
            return made, session.logits(IDS[:5])

    alone = [work(plan) for plan in plans]
    with ThreadPoolExecutor(2) as threads:
        together = list(threads.map(work, plans * 2))
    for (made, logits), (expected, expected_logits) in zip(together, alone * 2, strict=True):
        assert made == expected
        assert torch.equal(logits, expected_logits)


def test_an_attention_that_the_user_chose_is_given_back():
    network = tiny_network("llama")
    network.set_attn_implementation("eager")
    with model_of(network).session() as session:
        session.logits(IDS)
    assert network.config._attn_implementation == "eager"


def test_a_model_in_training_mode_or_with_gradients_keeps_them():
    network = tiny_network("llama").requires_grad_(True)
    with model_of(network).session() as session:
        assert not session.logits(IDS).requires_grad
    network(input_ids=IDS[None]).logits.sum().backward()
    assert all(weight.grad is not None for weight in network.parameters())


@pytest.mark.parametrize(
    ("family", "changes", "reason"),
    [
        (
            "llama4_text",
            {"num_local_experts": 2, "intermediate_size_mlp": 96},
            "something other than a cosine and a sine",
        ),
        ("mamba", {}, "recurrent ones something else when a text comes in pieces"),
        (
            "deepseek_v3",
            {
                "n_routed_experts": 4,
                "num_experts_per_tok": 2,
                "n_group": 1,
                "topk_group": 1,
                "q_lora_rank": 16,
                "kv_lora_rank": 16,
                "qk_rope_head_dim": 8,
                "qk_nope_head_dim": 8,
                "v_head_dim": 16,
                "first_k_dense_replace": 1,
                "moe_intermediate_size": 32,
            },
            "latent",
        ),
        ("gpt2", {}, "no rotary position embedding"),
        ("bloom", {}, "no rotary position embedding"),
        ("doge", {}, "layer 0 is masked in a way that longspan does not know"),
        ("diffllama", {}, "hand over 6 attentions, layer 0 2 of them"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)
def test_what_the_seam_cannot_reproduce_is_refused_by_name(family, changes, reason):
    with pytest.raises(UnsupportedModel) as caught:
        model_of(tiny_network(family, **changes))
    assert f"model family '{family}' is not supported" in str(caught.value)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_layers_that_do_more_than_rotary_attention_fail_the_self_check():
    network = tiny_network("llama")
    mixing = network.model.layers[1].self_attn
    mixing.register_forward_hook(lambda module, given, result: (result[0].cumsum(1), *result[1:]))
    with pytest.raises(UnsupportedModel, match="through the seam its logits differ from the stock model's"):
        model_of(network)


def test_calls_of_the_network_in_other_threads_wait_for_a_session():
    network = tiny_network("llama")
    model, stock = model_of(network), stock_logits(network, IDS)
    with ThreadPoolExecutor(3) as threads:
        reads = [threads.submit(lambda: model.session(chunk=8).read(tokens(120)).seen) for _ in range(4)]
        calls = [threads.submit(stock_logits, network, IDS) for _ in range(20)]
        inner = [threads.submit(lambda: network.model(input_ids=IDS[None])) for _ in range(10)]
        assert all(torch.equal(call.result(), stock) for call in calls)
        assert all(read.result() == [120] for read in reads)
        assert all(call.result().last_hidden_state.isfinite().all() for call in inner)


def test_a_layer_called_in_another_thread_says_why_it_cannot_run():
    network = tiny_network("llama")
    model = model_of(network)

    def attention(call):
        with (
            ThreadPoolExecutor(1) as threads,
            pytest.raises(LongspanError, match="a part of this network was called"),
        ):
            threads.submit(layer).result()
        raise Failed

    def layer():
        with torch.no_grad():
            turn = torch.ones(1, 4, 16), torch.zeros(1, 4, 16)
            network.model.layers[0](torch.zeros(1, 4, 64), position_embeddings=turn)

    with pytest.raises(Failed):
        model.seam.forward(IDS, torch.arange(len(IDS)), torch.tensor([0]), attention)


def test_copies_of_a_network_wait_for_nobody():
    network = tiny_network("llama")
    model = model_of(network)
    copies = [copy.deepcopy(network), pickle.loads(pickle.dumps(network))]  # noqa: S301

    def attention(call):
        with ThreadPoolExecutor(1) as threads:
            for each in copies:
                assert threads.submit(stock_logits, each, IDS).result(timeout=60).isfinite().all()
        raise Failed

    with pytest.raises(Failed):
        model.seam.forward(IDS, torch.arange(len(IDS)), torch.tensor([0]), attention)


def test_a_call_that_fails_hands_the_network_on():
    network = tiny_network("llama")
    model = model_of(network)
    with pytest.raises(IndexError):
        network(input_ids=torch.tensor([[10**6]]))
    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(lambda: model.session().read(IDS).seen).result(timeout=60) == [len(IDS)]


@pytest.mark.parametrize("trained", ["all", "one layer"])
def test_sessions_evaluate_a_network_that_is_being_trained(trained):
    network = tiny_network("phi", resid_pdrop=0.5, embd_pdrop=0.5, attention_dropout=0.5)
    stock = stock_logits(network, IDS)
    modes = {
        name: trained == "all" or name.startswith("model.layers.1") for name, _ in network.named_modules()
    }
    for name, module in network.named_modules():
        module.training = modes[name]
    with model_of(network).session() as session:
        assert torch.equal(session.logits(IDS), stock)
    assert {name: module.training for name, module in network.named_modules()} == modes


@pytest.mark.parametrize("what", ["network", "in place", "a layer", "a layer, later"])
def test_what_torch_compiled_is_read_as_it_was_written(what):
    network = tiny_network("llama")
    stock = stock_logits(network, IDS)

    def compile_layer():
        network.model.layers[1] = torch.compile(network.model.layers[1], backend="eager")

    given = network
    if what == "network":
        given = torch.compile(network, backend="eager")
    elif what == "in place":
        network.compile(backend="eager")
    elif what == "a layer":
        compile_layer()
    model = model_of(given)
    if what == "a layer, later":
        compile_layer()
    assert model.network is given
    with model.session() as session:
        assert torch.equal(session.logits(IDS), stock)


def test_a_model_that_is_loaded_under_autocast_is_the_same():
    with torch.autocast("cpu", dtype=torch.bfloat16):
        model = model_of(tiny_network("llama"))
        assert model.checked.difference < 1e-5
        with model.session() as session:
            mine = session.logits(IDS)
    assert torch.equal(mine, stock_logits(model.network, IDS))


def test_weights_that_hold_no_numbers_are_refused_for_that():
    with pytest.raises(UnsupportedModel, match="its weights are on the meta device"):
        model_of(tiny_network("llama").to("meta"))


@pytest.mark.parametrize("family", ["llama", "gemma2", "bamba"])
def test_what_is_learnt_through_the_seam_is_what_the_stock_model_learns(family):
    network = tiny_network(family)
    seam = model_of(network).seam
    network.requires_grad_(True)
    places = torch.arange(len(IDS))

    def attention(call):
        layer = seam.layers[call.layer]
        straight = turned_by(layer.rope, Turned(query=call.query, key=call.key), places)
        return stated(straight, call.value, layer, call.softmax.sinks)

    def recurring(step):
        return step.run(step.hidden, RecurrentState())

    found = []
    for logits in (
        seam.forward(IDS, places, places, attention, recurring, learning=True),
        network(input_ids=IDS[None]).logits[0],
    ):
        logits.square().mean().backward()
        found.append({name: weight.grad for name, weight in network.named_parameters()})
        network.zero_grad(set_to_none=True)
    mine, stock = found
    for name, gradient in stock.items():
        torch.testing.assert_close(mine[name], gradient, atol=1e-5, rtol=1e-3)


def test_a_network_computes_in_what_it_hands_over_not_in_what_its_weights_are_kept_in():
    network = tiny_network("llama").to(torch.bfloat16)
    network.model.embed_tokens.weight.data = network.model.embed_tokens.weight.data.float()
    embed = network.model.embed_tokens
    own = embed.forward
    embed.forward = lambda ids: own(ids).to(torch.bfloat16)
    assert next(network.parameters()).dtype is torch.float32
    assert Seam(network).dtype is torch.bfloat16
