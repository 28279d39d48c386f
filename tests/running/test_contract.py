"""What every part promises, whichever model, batch and moment: it runs, counts, keeps to a budget, leaves no trace."""

from collections.abc import Iterator
from functools import cache

import pytest
import torch
from small_parts import SMALL, WHOLE

from longspan import registry
from longspan.model import Model
from longspan.plan import Plan
from longspan.policies.allocators.ladder import Ladder
from longspan.session import Session
from tiny import model_of, stock_logits, tiny_model, tiny_network, tokens

FAMILIES = ["llama", "gemma3_text"]  # the second norms queries and keys, and has layers with a window
LENGTHS = [150, 97, 33]
PARTS = [f"{room}={part}" for room, part in SMALL]
FIRST = [(part, FAMILIES[number % 2]) for number, part in enumerate(PARTS)]
"""Each part in one of the families; the other is that of the test of batches, so that each part runs in both."""
SECOND = [(part, FAMILIES[number % 2 - 1]) for number, part in enumerate(PARTS)]


@cache
def model_with(family: str) -> Model:
    """Three layers; of Gemma's, the last has no window."""
    if family == "llama":
        return tiny_model()
    kinds = ["sliding_attention", "sliding_attention", "full_attention"]
    return model_of(tiny_network(family, num_hidden_layers=3, layer_types=kinds))


def text(length: int, seed: int = 0) -> list[int]:
    return tokens(length, seed).tolist()


def plan_of(part: str, when: str) -> str:
    """The part alone; a policy acts when it is told to, parts of policies and selectors come with one."""
    room, _, name = part.partition("=")
    if room == "policy":
        inside = name.removesuffix(")") if name.endswith(")") else f"{name}("
        return f"policy={inside}{'' if inside.endswith('(') else ','}when={when})"
    if room in ("unit", "allocator", "disposer"):
        return f"policy=snapkv(budget=40,window=8,{room}={name},when={when})"
    if room in ("grouping", "digest", "scoring", "reuse"):
        return f"selector=retrieve(budget=32,sinks=4,local=8,dense=0,{room}={name})"
    return part


def held(session: Session) -> Iterator[torch.Tensor]:
    """Everything in memory that a session holds besides the last queries."""
    for layer in (layer for memory in session.sequences for layer in memory.layers):
        for tier in layer.store._tiers:
            if tier.rows.resident:
                yield from tier.rows._columns
            yield from tier.form.tensors().values()
        remembered = [layer.pattern] if layer.pattern is not None else []
        for state in (*layer.trackers.values(), *layer.summaries.values(), *remembered):
            yield from state.tensors().values()


def true_bytes(session: Session) -> int:
    """Bytes of the memory behind tensors, each once, without single numbers and what is made when asked for."""
    asked = [[each.untyped_storage() for each in held(session) if each.ndim] for _ in range(2)]
    once, again = ({storage.data_ptr(): storage.nbytes() for storage in each} for each in asked)
    return sum(once[place] for place in once.keys() & again.keys())


def check_budget(session: Session, plan: Plan) -> None:
    """Rows of all layers together hold no more than the budget grants them."""
    if plan.policy is None:
        return
    for memory in session.sequences:
        stores = [
            layer.store
            for layer, facts in zip(memory.layers, session._seam.layers, strict=True)
            if facts.window is None
        ]
        rows = sum(store.heads for store in stores)
        limit = plan.policy.limit(memory.seen) * rows
        spare = sum(
            store.heads * (store._demoted.form.block - 1) for store in stores if store._demoted is not None
        )
        if isinstance(plan.policy.allocator, Ladder):
            spare += rows * (len(stores) // 2)  # half of what a ladder leaves out
        assert sum(sum(store.lengths) for store in stores) <= min(limit + spare, memory.seen * rows)


@pytest.mark.parametrize(("part", "family"), FIRST)
def test_every_part_keeps_its_promises(part, family):
    model = model_with(family)
    before = stock_logits(model.network, tokens(40))
    acts = part.partition("=")[0] in ("policy", "unit", "allocator", "disposer")
    cases = [("end", LENGTHS), ("chunk", LENGTHS[:1])] if acts else [("", LENGTHS)]
    for when, lengths in cases:
        plan, many = Plan.of(plan_of(part, when)), len(lengths) > 1
        ids = [text(length, seed) for seed, length in enumerate(lengths)]
        asking = [text(9, seed + 10) for seed in range(len(lengths))]
        with model.session(plan, size=len(lengths), chunk=64) as session:
            session.read(ids if many else ids[0], question=asking if many else asking[0])
            if not (plan.policy and plan.policy.guided):
                check_budget(session, plan)
            assert session.usage.kv_bytes == true_bytes(session)
            steps = list(session.generate(max_new_tokens=5, temperature=3.0, seed=0))
            assert {step.sequence for step in steps} == set(range(len(lengths)))
            assert session.usage.kv_bytes == true_bytes(session)
            session.read(ids if many else ids[0])
            assert all(row.isfinite().all() for row in [each.upcoming for each in session.sequences])
    assert torch.equal(stock_logits(model.network, tokens(40)), before)


@cache
def read_and_more(plan: str, family: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits after a text, and of tokens that follow it."""
    with model_with(family).session(plan, chunk=64) as session:
        session.read(tokens(150))
        return session.next_logits, session.logits(tokens(3, seed=5))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("part", WHOLE)
def test_a_part_that_keeps_or_visits_everything_changes_nothing(part, family):
    for mine, expected in zip(read_and_more(part, family), read_and_more("", family), strict=True):
        assert torch.equal(mine, expected)


@pytest.mark.parametrize(("part", "family"), SECOND)
def test_sequences_of_a_batch_do_not_touch_each_other(part, family):
    model, plan = model_with(family), plan_of(part, "chunk")
    ids = [text(length, seed) for seed, length in enumerate(LENGTHS)]
    with model.session(plan, size=3, chunk=64) as session:
        session.read(ids)
        together = [row.clone() for row in [each.upcoming for each in session.sequences]]
    for mine, alone in zip(together, ids, strict=True):
        with model.session(plan, chunk=64) as session:
            session.read(alone)
            assert torch.allclose(session.next_logits, mine, atol=1e-4)


def test_every_method_is_in_the_matrix():
    rooms = (
        "positions",
        "pattern",
        "policy",
        "unit",
        "allocator",
        "disposer",
        "selector",
        "codec",
        "grouping",
        "digest",
        "scoring",
        "reuse",
    )
    known = {(room, part.partition("(")[0]) for room, part in SMALL}
    assert {(room, card.name) for room in rooms for card in registry.cards(room)} <= known
