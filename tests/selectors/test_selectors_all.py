"""What is true of every selector: what it may choose, that it is saved whole, that it works in any row."""

import re
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from visits import generate, lists, random, visit

from longspan import Plan
from longspan.errors import PlanError
from longspan.scene import Notes
from longspan.selectors import METHODS

# text: (first entries always visited, last entries always visited, most that is chosen besides of 150 entries)
SMALL = {
    "retrieve(budget=32,dense=0,sinks=4,local=8)": (4, 8, 32),
    "retrieve(grouping=tokens,digest=keys,scoring=shared(pool=mean),reuse=steps(stride=3),budget=20%)": (
        0,
        1,
        33,
    ),
    "retrieve(grouping=pages(size=4),digest=keys,scoring=nucleus(share=0.5),budget=24)": (0, 1, 24),
    "retrieve(grouping=pages(size=4),digest=mean,scoring=threshold,reuse=similar,budget=16,sinks=3)": (
        3,
        1,
        None,
    ),
    "retrieve(grouping=events(shortest=2,longest=8),digest=mean,scoring=votes,budget=24,sinks=2,local=4)": (
        2,
        4,
        24,
    ),
    "retrieve(grouping=clusters(growth=16,segment=64),digest=bounds,budget=20)": (0, 1, None),
    "quest(budget=24,page=4,dense=0)": (0, 1, 24),
    "infllm(block=8,top=3,sinks=4,local=16,reading=16)": (4, 16, 24),
    "em-llm(budget=32,sinks=4,local=16,shortest=2,longest=8,reading=16)": (4, 16, 32),
    "em-llm(budget=32,sinks=4,local=16,shortest=2,longest=8,refine=none)": (4, 16, 32),
    "tokenselect(budget=16,sinks=4,local=8,reading=16)": (4, 8, 16),
    "longheads(chunk=8,length=40,reading=8)": (8, 8, 16),
    "longcache(spans=4,span=4,sinks=4,local=16,reading=16)": (4, 16, 16),
    "squeezed(budget=0.2,clusters=0.2,local=8,segment=32)": (0, 8, None),
    "squeezed(budget=0.2,clusters=0.3,local=8,segment=32,levels=2)": (0, 8, None),
    "squeezed(threshold=0.01,clusters=0.3,local=8,segment=32)": (0, 8, None),
    "shadowkv(budget=16,chunk=4,outliers=2,local=8)": (0, 8, 24),
    "retrolm(budget=16,page=8,sinks=4,local=8,reading=16)": (4, 8, 16),
    "actqkv(block=8,top=3,sinks=4,local=16,reading=16)": (4, 16, 24),
    "recycled(budget=16,stride=4)": (0, 1, 16),
    "mpcache(budget=0.2,group=4,sinks=4)": (4, 1, 33),
    "round-attention(watershed=0,share=0.5)": (0, 1, None),
    "inter-layer(budget=16,sinks=4,local=8,dense=0)": (4, 8, 16),
}
WHOLE = (
    "infllm(block=8,top=99,sinks=4,local=16,reading=16)",
    "em-llm(budget=999,sinks=4,local=16,shortest=2,longest=8,reading=16)",
    "tokenselect(budget=999,sinks=4,local=8,reading=16)",
    "longheads(chunk=8,length=800,reading=8)",
    "longcache(spans=999,span=4,sinks=4,local=16,reading=16)",
    "squeezed(budget=1.0,clusters=0.2,local=8,segment=32)",
    "shadowkv(budget=999,chunk=4,outliers=2,local=8)",
    "retrolm(budget=999,page=8,sinks=4,local=8,reading=16)",
    "actqkv(block=8,top=99,sinks=4,local=16,reading=16)",
    "recycled(budget=999,stride=4)",
    "mpcache(budget=1.0,group=4,sinks=4)",
    "round-attention(watershed=0,share=1.0)",
    "inter-layer(budget=999,sinks=4,local=8,dense=0)",
)
"""With budgets for everything."""
PAST = ("clusters", "squeezed", "infllm", "actqkv", "em-llm", "steps", "similar", "recycled", "tokenselect")
"""What they remember depends on earlier queries, or on how much was there at a time."""
ALL = pytest.mark.parametrize("text", SMALL)
SURPRISE = random(400, seed=9).abs()
ROUNDS = torch.tensor([0, 20, 50, 70, 110, 140])


def selector_of(text):
    return Plan.parse(f"selector={text}").selector


def facts(entries, notes):
    rounds = ROUNDS[entries > ROUNDS].tolist()
    return {"surprise": lambda: SURPRISE[:entries], "rounds": rounds, "notes": notes}


def layers(selector, keys, queries, first, summaries=None):
    """What two layers visit, step by step: `[steps][layer]`, None kept apart from everything."""
    summaries = summaries or [selector.summary(), selector.summary()]
    found = []
    for step, pair in enumerate(queries):
        notes, entries = Notes(), first + step
        found.append([])
        for layer, (summary, query, mine) in enumerate(zip(summaries, pair, keys, strict=True)):
            each = visit(query, mine, entries, layer=layer, **facts(entries - 1, notes))
            summary.extend(each)
            chosen = summary.select(each)
            found[-1].append(None if chosen is None else lists(chosen, len(query), entries))
    return found


def inputs(rows, group, length, steps, seed):
    keys = random(2, rows, length + steps, 8, seed=seed)
    return keys, random(steps, 2, rows * group, 8, seed=seed + 1)


def test_every_selector_is_among_these():
    named = {text.partition("(")[0] for text in SMALL}
    assert named == set(METHODS)


@ALL
@settings(max_examples=15)
@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 150), st.integers(1, 8), st.integers(0, 999))
def test_chosen_entries_are_ascending_and_hold_what_is_always_visited(text, rows, group, length, steps, seed):
    sinks, local, most = SMALL[text]
    selector = selector_of(text)
    for step, pair in enumerate(layers(selector, *inputs(rows, group, length, steps, seed), length)):
        entries = length + step
        for visited in pair:
            for each in visited or []:
                assert each == sorted(set(each))
                assert each[0] >= 0
                assert each[-1] == entries - 1
                assert set(range(min(sinks, entries))) | set(range(max(0, entries - local), entries)) <= set(
                    each
                )
                if most is not None:
                    # Entries that fill no group yet, or came since the choice, are visited besides.
                    assert len(each) <= sinks + local + most + 16


@pytest.mark.parametrize("text", WHOLE)
@given(st.integers(60, 120), st.integers(0, 999))
@settings(max_examples=10)
def test_a_budget_for_everything_leaves_nothing_out(text, length, seed):
    for step, pair in enumerate(layers(selector_of(text), *inputs(2, 2, length, 3, seed), length)):
        assert all(visited in (None, [list(range(length + step))] * 4) for visited in pair)


@ALL
def test_a_summary_is_saved_whole(text):
    selector = selector_of(text)
    keys, queries = inputs(2, 2, 130, 24, 5)
    summaries = [selector.summary(), selector.summary()]
    layers(selector, keys, queries[:9], 130, summaries)
    loaded = [selector.summary(), selector.summary()]
    for old, new in zip(summaries, loaded, strict=True):
        held = old.tensors()
        assert all(isinstance(tensor, torch.Tensor) for tensor in held.values())
        new.load({name: tensor.clone() for name, tensor in held.items()})
        assert new.covered == old.covered
        assert old.nbytes >= sum(tensor.nbytes for tensor in held.values() if tensor.ndim)
    forked = [summary.fork() for summary in summaries]
    rest = [layers(selector, keys, queries[9:], 139, each) for each in (summaries, loaded, forked)]
    assert rest[0] == rest[1] == rest[2]


@ALL
def test_an_empty_summary_is_saved_too(text):
    selector = selector_of(text)
    summary = selector.summary()
    summary.load(selector.summary().tensors())
    keys, queries = inputs(2, 2, 130, 2, 6)
    one, two = (
        layers(selector, keys, queries, 130, [selector.summary(), each])
        for each in (summary, selector.summary())
    )
    assert one == two


BY_ENTRIES = [text for text in SMALL if not any(each in text for each in PAST)]


@pytest.mark.parametrize("text", BY_ENTRIES)
def test_entries_taken_in_one_by_one_are_grouped_like_all_at_once(text):
    selector = selector_of(text)
    keys, queries = inputs(2, 2, 60, 81, 7)
    last = layers(selector, keys, queries, 60)[-1]
    assert layers(selector, keys, queries[-1:], 140)[0] == last


@ALL
def test_rows_on_their_own_are_served_too(text):
    keys, queries = inputs(1, 3, 140, 2, 8)
    for pair in layers(selector_of(text), keys, queries, 140):
        assert all(visited is None or len(visited) == 3 for visited in pair)


@ALL
def test_half_precision_is_served_too(text):
    keys, queries = inputs(2, 2, 140, 2, 8)
    found = layers(selector_of(text), keys.bfloat16(), queries.bfloat16(), 140)
    assert len(found) == 2


SUMMED = ("quest", "infllm", "longheads", "shadowkv", "retrolm", "mpcache", "retrieve(budget=32")


@pytest.mark.parametrize("text", [text for text in SMALL if text.startswith(SUMMED)])
def test_what_is_remembered_in_half_precision_is_compared_in_full(text):
    keys, queries = inputs(2, 2, 140, 4, 12)
    keys, queries = keys.bfloat16(), queries.bfloat16()
    selector, found = selector_of(text), []
    for wide in (False, True):
        summaries = [selector.summary(), selector.summary()]
        found.append([])
        for step, pair in enumerate(queries):
            notes = Notes()
            for layer, (summary, query, mine) in enumerate(zip(summaries, pair, keys, strict=True)):
                each = visit(query, mine, 140 + step, layer=layer, **facts(139 + step, notes))
                summary.extend(each)  # what is remembered is the same
                each = replace(each, query=query[:, None].float()) if wide else each
                found[-1].append(lists(summary.select(each), len(query), 140 + step))
    assert found[0] == found[1]


def test_the_default_combination_is_quest():
    keys, queries = inputs(2, 2, 300, 3, 9)
    same = [
        layers(selector_of(text), keys, queries, 300)
        for text in ("retrieve(budget=240)", "quest(budget=256)")
    ]
    assert same[0] == same[1]


def test_two_keep_their_own_choices_in_generation():
    keys, queries = inputs(2, 2, 80, 6, 10)
    selector = selector_of("tokenselect(budget=8,sinks=0,local=4)")
    one = list(generate(selector.summary(), queries[:, 0], keys[0], 80))
    two = list(generate(selector.summary(), queries[:, 1], keys[0], 80))
    assert one != two


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("quest(budget=8)", "budget=8 is outside 16"),
        ("infllm(block=0)", "block=0 is outside 1"),
        ("infllm(representatives=0)", "representatives=0 is outside 1"),
        ("em-llm(shortest=20,longest=10)", "longest=10 is outside 20"),
        ("longheads(chunk=100,length=300)", "length=300 is outside 400"),
        ("squeezed(levels=3)", "levels=3 is outside 1 .. 2"),
        ("recycled(stride=0)", "stride=0 is outside 1"),
        ("tokenselect(threshold=2.0)", "threshold=2.0 is outside -1.0 .. 1.0"),
        ("mpcache(budget=0)", "budget=0 is outside 1"),
        ("retrieve(local=0)", "local=0 is outside 1"),
    ],
)
def test_bad_parameters_are_refused_by_name(text, reason):
    with pytest.raises(PlanError, match=re.escape(reason)):
        selector_of(text)


@ALL
def test_a_selector_is_written_as_it_was_read(text):
    plan = Plan.parse(f"selector={text}")
    assert Plan.parse(str(plan)) == plan


def test_without_a_budget_everything_is_visited():
    keys, queries = inputs(2, 2, 90, 1, 11)
    ((pair, _),) = layers(selector_of("retrieve(budget=none,dense=0)"), keys, queries, 90)
    assert pair is None
