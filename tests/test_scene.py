"""The one record of what parts may look at, and the one place where weights are made."""

import ast
import math
from dataclasses import dataclass, fields
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from longspan.kernels.softmax import Softmax, beside
from longspan.patterns.a_shape import AShape
from longspan.patterns.base import PatternView
from longspan.plan import Plan
from longspan.policies.streamingllm import StreamingLLM
from longspan.policies.view import View
from longspan.scene import Notes, Scene
from longspan.selectors.base import Visit
from longspan.selectors.quest import Quest
from parsing import nodes
from scenes import scene
from tiny import model_of, tiny_network, tokens

SRC = Path(__file__).parents[1] / "src" / "longspan"


# Weights.


@given(
    st.sampled_from([None, 1.5]),
    st.booleans(),
    st.sampled_from([(4, 3, 5), (2, 2, 3, 5)]),
    st.integers(0, 99),
)
def test_weights_are_the_formula(softcap, sunk, shape, seed):
    generator = torch.Generator().manual_seed(seed)
    products = 3 * torch.randn(shape, generator=generator)
    products[..., seed % 5] = -torch.inf
    sinks = torch.randn(4, generator=generator) if sunk else None
    softmax = Softmax(scale=0.7, softcap=softcap, sinks=sinks)
    weights = softmax.weights(softmax.logits(products))
    for head, (rows, found) in enumerate(
        zip(products.view(4, 3, 5).tolist(), weights.view(4, 3, 5).tolist(), strict=True)
    ):
        for row, mine in zip(rows, found, strict=True):
            scaled = [0.7 * each for each in row]
            if softcap is not None:
                scaled = [
                    each if each == -math.inf else softcap * math.tanh(each / softcap) for each in scaled
                ]
            shares = [math.exp(each) for each in scaled]
            total = sum(shares) + (math.exp(float(sinks[head])) if sunk else 0)
            assert mine == pytest.approx([each / total for each in shares], abs=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_products_are_written_over_only_where_asked(dtype):
    softmax, products = Softmax(scale=0.5, softcap=2.0), torch.randn(2, 3, 4).to(dtype)
    before = products.clone()
    logits = softmax.logits(products)
    assert logits.dtype is torch.float32
    assert torch.equal(products, before)
    room = products.float()
    assert softmax.logits(room, out=room) is room
    assert torch.equal(room, logits)
    assert beside(room, None, out=room) is room


def test_without_gradients_sinks_stay_what_they_are():
    learned = torch.nn.Parameter(torch.ones(2))
    softmax = Softmax(scale=1.0, sinks=learned)
    assert softmax.sinks is learned
    assert not softmax.detached().sinks.requires_grad
    assert softmax.detached().sinks.data_ptr() == learned.data_ptr()


# One record.


def restated(code: str) -> list[str]:
    """Classes that say again how weights are made."""
    return [
        each.name
        for each in nodes(code)
        if isinstance(each, ast.ClassDef)
        for line in each.body
        if isinstance(line, ast.AnnAssign)
        and (
            ast.unparse(line.target) == "softcap"
            or (ast.unparse(line.target) == "sinks" and "Tensor" in ast.unparse(line.annotation))
        )
    ]


def test_one_record_says_how_weights_are_made():
    found = {each for path in SRC.rglob("*.py") for each in restated(path.read_text("utf-8"))}
    assert found == {"Softmax"}


def test_a_record_that_says_it_again_is_found():
    assert restated("class A:\n    softcap: float | None = None\nclass B:\n    sinks: int = 4") == ["A"]
    assert restated("class C:\n    scale: float\n    sinks: Tensor | None") == ["C"]


def test_scores_are_bounded_in_one_place():
    """And in the formula that layers are checked by."""
    tanh = {
        path.relative_to(SRC).as_posix()
        for path in SRC.rglob("*.py")
        for node in nodes(path.read_text("utf-8"))
        if isinstance(node, ast.Attribute) and node.attr in ("tanh", "tanh_")
    }
    assert {each for each in tanh if not each.startswith("kernels/")} == {"checking/layerwise.py"}


@pytest.mark.parametrize("record", [View, Visit, PatternView])
def test_what_parts_get_contains_a_scene_and_says_nothing_of_it_again(record):
    own = {each.name: each.type for each in fields(record)}
    assert own.pop("scene") == "Scene"
    assert not set(own) & ({each.name for each in fields(Scene)} | {each.name for each in fields(Softmax)})


# What it says.

SEEN: dict[str, list[tuple[Scene, list[int]]]] = {}


def look(name: str, scene: Scene) -> None:
    SEEN.setdefault(name, []).append((scene, scene.text()))


@dataclass(frozen=True, kw_only=True)
class Pattern(AShape):
    def index(self, reading):
        look("pattern", reading.scene)
        return super().index(reading)


@dataclass(frozen=True, kw_only=True)
class Policy(StreamingLLM):
    def scores(self, view):
        look("policy", view.scene)
        return super().scores(view)


@dataclass(frozen=True, kw_only=True)
class Selector(Quest):
    def summary(self):
        summary = super().summary()
        select = summary.select

        def watched(visit):
            look("selector", visit.scene)
            return select(visit)

        summary.select = watched
        return summary


@pytest.mark.parametrize(("family", "facts"), [("gemma2", {"attn_logit_softcapping": 2.0}), ("gpt_oss", {})])
def test_all_parts_of_a_layer_and_a_pass_look_at_one_scene(family, facts):
    SEEN.clear()
    model = model_of(tiny_network(family, num_hidden_layers=4, **facts))
    plan = Plan(
        pattern=Pattern(sinks=4, window=8, block=16),
        policy=Policy(budget=12, when="chunk"),
        selector=Selector(budget=8, page=4, dense=0),
    )
    ids = tokens(61).tolist()
    with model.session(plan, chunk=20) as session:
        session.read(ids[:60]).logits(ids[60:])
        full = session.sequences[0].engine.full_layers
    assert len(full) == 2
    pattern, policy = SEEN["pattern"], SEEN["policy"]
    assert [(each.layer, each.seen) for each, _ in pattern] == [
        (n, end) for end in (20, 40, 60) for n in full
    ]
    assert [each for each, _ in pattern] == [each for each, _ in policy if each.seen < 61]
    assert [each.seen for each, _ in SEEN["selector"]] == [61, 61]
    for each, text in policy + SEEN["selector"]:
        assert text == ids[: each.seen]
        assert each.softmax is model.seam.layers[each.layer].softmax
        assert (each.layers, each.full_layers) == (4, full)
    first, second, third, *_ = (each.notes for each, _ in pattern)
    assert first is second
    assert second is not third
    if family == "gemma2":
        assert {each.softmax.softcap for each, _ in policy} == {2.0}
    else:
        assert all(each.softmax.sinks is not None for each, _ in policy)


def test_a_note_is_found_by_its_class():
    notes = Notes()
    assert notes.find(int) is None
    notes.leave(3)
    notes.leave("three")
    notes.leave(4)
    assert (notes.find(int), notes.find(str), notes.find(bool)) == (4, "three", None)


def test_places_are_counted_among_the_layers_in_which_parts_act():
    some = scene(layer=5, layers=8, full_layers=(2, 5, 7))
    assert (some.place, some.places) == (1, 3)
    every = scene(layer=5, layers=8)
    assert (every.place, every.places) == (5, 8)


def test_what_was_not_given_is_an_error_or_nothing():
    bare = scene()
    with pytest.raises(LookupError, match="no text was given to this scene; give it text="):
        bare.text()
    with pytest.raises(LookupError, match="profile 'heads' was not measured"):
        bare.profile("heads")
    assert bare.surprise() is None
    assert_close(bare.softmax.weights(torch.zeros(1, 1, 4)), torch.full((1, 1, 4), 0.25))
