"""Events of EM-LLM: where they are cut, how cuts are refined, what is visited; against loops."""

import math
import statistics

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from visits import around, choice, random, read, top

from longspan.selectors.em_llm import EMLLM
from longspan.selectors.groupings.events import splits, surprising

SEEDS = st.integers(0, 999)


def naive_cuts(surprise, gamma, window):
    """Tokens whose surprise is above μ + γσ of the tokens before them."""
    cuts = []
    for token in range(2, len(surprise)):
        before = surprise[max(0, token - window) : token]
        if surprise[token] > statistics.mean(before) + gamma * statistics.stdev(before) + 1e-9:
            cuts.append(token)
    return cuts


def modularity(similarity, parts):
    """Of a partition, as in the paper: Σ (A − k·k/2m) inside communities, over 4m."""
    degrees = similarity.sum(1)
    twice = float(similarity.sum())
    inside = [
        float(similarity[i, j] - degrees[i] * degrees[j] / twice)
        for part in parts
        for i in part
        for j in part
    ]
    return sum(inside) / (2 * twice)


def conductance(similarity, parts):
    """Of a cut in two, as the authors take it: the smaller of both parts, with all that is not inside as the other."""
    sides = []
    for part in parts:
        across = sum(float(similarity[i, j]) for i in part for other in parts if other != part for j in other)
        inside = sum(float(similarity[i, j]) for i in part for j in part)
        sides.append(across / min(inside, float(similarity.sum()) - inside))
    return min(sides)


@given(st.integers(3, 60), st.floats(0.0, 2.0), st.integers(2, 40), st.integers(0, 50), SEEDS)
def test_an_event_begins_where_a_token_surprises(length, gamma, window, first, seed):
    surprise = random(length, seed=seed).abs()
    expected = [cut for cut in naive_cuts(surprise.double().tolist(), gamma, window) if cut >= first]
    assert surprising(surprise, gamma, window, first).nonzero()[:, 0].tolist() == expected


@given(st.integers(3, 10), SEEDS)
def test_splits_are_judged_as_in_the_paper(size, seed):
    keys = random(size, 6, seed=seed).abs()
    similarity = keys @ keys.T
    for cut in range(1, size):
        parts = [range(cut), range(cut, size)]
        for measure, naive, sign in (("modularity", modularity, 1), ("conductance", conductance, -1)):
            found = sign * float(splits(similarity, measure)[cut])
            assert math.isclose(found, naive(similarity, parts), rel_tol=1e-3, abs_tol=1e-5)


def naive_refined(cuts, keys, start, stop, shortest, measure):
    """Each cut moved to the best split between the cut before it and itself, half an event around them in view."""
    before, moved = start, []
    for cut in cuts:
        if cut - before > shortest:
            half = (cut - before) // 2
            low, high = max(start, before - half), min(stop, cut + half)
            view = keys[:, low:high]
            similarity = sum(row @ row.T for row in view)

            def quality(place, low=low, high=high, similarity=similarity):
                parts = [range(place - low), range(place - low, high - low)]
                if measure == "modularity":
                    return modularity(similarity, parts)
                return -conductance(similarity, parts)

            cut = max(range(before + shortest, cut), key=quality)
        before = cut
        moved.append(cut)
    return moved


def naive_events(cuts, start, stop, shortest, longest):
    """Ranges of entries: small events join the next, large ones are cut, the last one is not complete."""
    events, begin = [], start
    for cut in [*cuts, stop]:
        while cut - begin >= longest:
            events.append(range(begin, begin + longest))
            begin += longest
        if cut < stop and cut - begin >= shortest:
            events.append(range(begin, cut))
            begin = cut
    return events


def nearest(sized, room):
    """Events are taken until the room is full; the one that fills it stays if it brings the sum nearer."""
    taken, used = [], 0
    for number, size in sized:
        if used + size >= room:
            return [*taken, number] if used + size - room < room - used else taken
        taken, used = [*taken, number], used + size
    return taken


@given(
    st.sampled_from(["none", "modularity", "conductance"]),
    st.integers(1, 5),
    st.integers(0, 10),
    st.sampled_from([0.0, 0.3, 0.6]),
    SEEDS,
)
@settings(max_examples=15)
def test_the_best_events_and_their_neighbours_are_visited(refine, shortest, extra, neighbours, seed):
    length, sinks, local, longest = 130, 3, 10, shortest + extra  # the query is 64 tokens behind every event
    keys, query = random(2, length, 8, seed=seed).abs(), random(4, 8, seed=seed + 1)
    surprise = random(length, seed=seed + 2).abs()
    selector = EMLLM(
        budget=30,
        neighbours=neighbours,
        gamma=0.5,
        shortest=shortest,
        longest=longest,
        refine=refine,
        sinks=sinks,
        local=local,
    )
    visited = choice(selector, query, keys, surprise=lambda: surprise[: length - 1])
    stop = length - local
    cuts = [
        cut for cut in naive_cuts(surprise.double().tolist(), 0.5, local) if sinks < cut < stop
    ]  # a cut at the first entry cuts nothing
    if refine != "none":
        cuts = naive_refined(cuts, keys, sinks, stop, shortest, refine)
    events = naive_events(cuts, sinks, stop, shortest, longest)
    scores = []
    for event in events:
        score = 0.0
        for head in range(4):
            # The only query seen is the one that chooses; entries of its own stretch of 64 do not count it.
            likes = [
                float(query[head] @ keys[head // 2, e]) if e // 64 < length // 64 else 0.0 for e in event
            ]
            best = [event[n] for n in top(likes, 4)]
            score += float(query[head] @ keys[head // 2, best].mean(0))
        scores.append(score)
    buffer = int(30 * neighbours + 1) if neighbours else 0
    chosen = nearest([(n, len(events[n])) for n in top(scores, len(events))], 30 - buffer)
    beside = []
    for number in chosen:
        for other in (number + 1, number - 1):
            if 0 <= other < len(events) and other not in chosen + beside:
                beside.append(other)
    near = nearest([(n, len(events[n])) for n in beside], buffer) if neighbours else []
    expected = around(sinks, [events[n] for n in chosen + near], events[-1].stop, length)
    assert visited == [expected] * 4


def test_events_form_while_text_is_read():
    keys, queries = random(2, 300, 8, seed=0), random(4, 300, 8, seed=1)
    surprise = random(300, seed=2).abs()
    summary = EMLLM(budget=40, shortest=2, longest=16, sinks=4, local=20, reading=32, refine="none").summary()
    lengths = [len(each[0]) for each in read(summary, queries, keys, 32, surprise=lambda: surprise)]
    assert max(lengths) <= 4 + 40 + 20 + 16 + 32
    assert torch.tensor(lengths[3:]).float().mean() < 110
    assert EMLLM.surprised
