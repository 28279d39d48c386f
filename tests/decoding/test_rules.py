"""Rules of verification: by going all ways, what is said has the distribution of the model, exactly."""

import itertools
from collections import defaultdict
from functools import cache

import pytest
import torch
from chances import outcomes, row

from longspan.decoding.base import Draft, Drawn, Exact
from longspan.decoding.independent import Independent
from longspan.decoding.rejection import Rejection
from longspan.decoding.rsd import Leaf, grown
from longspan.running.heard import Heard
from longspan.sampling.sampler import Sampler
from longspan.sampling.settings import Sampling

VOCABULARY, DEPTH = 4, 2


@cache
def model(path, seed=0):
    """Logits of what may follow a path."""
    return row(
        VOCABULARY,
        seed + 7 * len(path) + sum(3 ** (place + 2) * (each + 1) for place, each in enumerate(path)),
    )


def likely(text, before=(), change=None):
    """The probability of a text behind another."""
    chance = 1.0
    for place, token in enumerate(text, start=len(before)):
        path = (before + text)[:place]
        odds = model(path).softmax(-1)
        chance *= float((odds if change is None else change(odds, list(path)))[token])
    return chance


def wanted(length, change=None):
    """The probability of each text of a length."""
    return {text: likely(text, (), change) for text in itertools.product(range(VOCABULARY), repeat=length)}


def chosen(draws, place, path):
    """Two tokens that were not left to chance."""
    return (len(path) % VOCABULARY, 3), None


def one(draws, place, path):
    odds = model(path, seed=1000).softmax(-1)
    ids = (draws.choose(odds),)
    return ids, Drawn(ids, odds)


def siblings(draws, place, path):
    """Two of them, the second from what the first leaves."""
    odds = model(path, seed=1000).softmax(-1)
    first = draws.choose(odds)
    left = odds.clone()
    left[first] = 0.0
    ids = (first, draws.choose(left / left.sum()))
    return ids, Drawn(ids, odds)


def independent(draws, place, path):
    odds = model(path, seed=1000).softmax(-1)
    ids = (draws.choose(odds),) if path else (draws.choose(odds), draws.choose(odds))
    return ids, Drawn(ids, odds)


def recursive(**how):
    """A tree of recursive speculative decoding."""

    def tree(draws):
        draft, leaves = Draft(), [Leaf(-1, 0.0, 1.0)]
        for _ in range(DEPTH):
            rows = [model(draft.path(place), seed=1000) for place in range(-1, len(draft.ids))]
            draft, leaves = grown(draft, leaves, torch.stack(rows), draws, **how)
        return draft

    return tree


def two_levels(draws):
    """What a middle says that is drafted for in turn."""
    ids, drawn = one(draws, -1, ())
    rows = torch.stack([model(path, seed=500) for path in ((), ids)])
    heard = Heard(draws)
    Rejection().accept(Draft(ids, (-1,), {-1: drawn}), rows, heard)
    draws.taken.clear()
    line = Draft.line([each.token for each in heard.said])
    drawn = {place - 1: Drawn((token,), odds) for place, (token, odds) in enumerate(heard.said)}
    return Draft(line.ids, line.parents, drawn)


def drafted(draws, follow):
    """A tree: what follows the text, and what follows the first of it."""
    ids, parents, drawn = [], [], {}
    places = [-1]
    for _ in range(DEPTH):
        place = places[-1]
        path = Draft(tuple(ids), tuple(parents)).path(place)
        new, how = follow(draws, place, path)
        places.append(len(ids))
        for token in dict.fromkeys(new):
            ids.append(token)
            parents.append(place)
        if how is not None:
            drawn[place] = how
    return Draft(tuple(ids), tuple(parents), drawn)


def said(verifier, follow, length=DEPTH + 1, change=None):
    """The probability of each text that is said, verified once and then drawn on."""

    def happening(draws):
        draft = follow(draws) if follow in TREES else drafted(draws, follow)
        draws.taken.clear()
        rows = [model(draft.path(place)) for place in range(-1, len(draft.ids))]
        text = verifier.accept(draft, torch.stack(rows), draws)
        assert draws.taken == text
        return tuple(text)

    found = defaultdict(float)
    for text, chance in outcomes(happening, change).items():
        for rest in itertools.product(range(VOCABULARY), repeat=length - len(text)):
            found[text + rest] += chance * likely(rest, text, change)
    return found


def check_same(found, expected):
    assert sum(found.values()) == pytest.approx(1.0, abs=1e-9)
    for text, chance in expected.items():
        assert found.get(text, 0.0) == pytest.approx(chance, abs=1e-9)


TREES = (recursive(each=2, total=2), recursive(each=1, total=1), two_levels)
RULES = [
    *((Rejection(), tree) for tree in TREES),
    (Exact(), chosen),
    (Exact(), siblings),
    (Rejection(), chosen),
    (Rejection(), one),
    (Rejection(), siblings),
    (Independent(), one),
    (Independent(), independent),
]


@pytest.mark.parametrize(("verifier", "follow"), RULES)
def test_what_is_said_has_the_distribution_of_the_model(verifier, follow):
    check_same(said(verifier, follow), wanted(DEPTH + 1))


@pytest.mark.parametrize(
    ("verifier", "follow"), [(Exact(), chosen), (Rejection(), siblings), (Independent(), one)]
)
def test_what_is_wanted_may_depend_on_what_was_said(verifier, follow):
    def never_twice(odds, taken):
        odds = odds.clone()
        odds[taken] = 0.0
        return odds / odds.sum()

    check_same(said(verifier, follow, change=never_twice), wanted(DEPTH + 1, never_twice))


def test_more_candidates_are_taken_more_often():
    wanted_odds, offered = model((), seed=5).softmax(-1), model((), seed=6).softmax(-1)

    def taken(verifier, count, *, again):
        def happening(draws):
            left, ids = offered.clone(), []
            for _ in range(count):
                ids.append(draws.choose(left / left.sum()))
                if not again:
                    left[ids[-1]] = 0.0
            return verifier.decided(wanted_odds, Drawn(tuple(ids), offered), draws) in ids

        return outcomes(happening)[True]

    once = taken(Rejection(), 1, again=False)
    assert once == pytest.approx(float(torch.minimum(wanted_odds, offered).sum()), abs=1e-9)
    assert taken(Independent(), 1, again=True) == pytest.approx(once, abs=1e-9)
    assert taken(Independent(), 3, again=True) > once + 0.05
    assert taken(Rejection(), 3, again=False) > once + 0.05


def test_a_published_loop_is_not_lossless_and_recording_what_it_does_is():
    """TriForce's inner loop draws from p when it rejects, not from the residual, and records p as what it drew from
    (https://github.com/Infini-AI-Lab/TriForce)."""
    low, middle, high = (model((), seed=seed).softmax(-1) for seed in (1, 2, 3))

    def said_with(recorded):
        def happening(draws):
            token = draws.choose(low)
            if not draws.happens(float(middle[token] / low[token])):
                token = draws.choose(middle)
            return Rejection().decided(high, Drawn((token,), recorded), draws)

        found = outcomes(happening)
        return max(abs(found.get(token, 0.0) - float(high[token])) for token in range(VOCABULARY))

    met = torch.minimum(low, middle)
    assert said_with(middle) > 0.01
    assert said_with(met + (1 - met.sum()) * middle) < 1e-9


def test_what_was_drawn_against_all_odds_is_told():
    odds = torch.tensor([0.5, 0.5, 0.0])
    for rule in (Rejection(), Independent()):
        with pytest.raises(ValueError, match=r"token 2 was drawn where its odds are 0\.0"):
            outcomes(lambda draws, rule=rule: rule.decided(odds, Drawn((2,), odds), draws))


def test_a_draft_that_is_cut_keeps_how_it_was_drawn():
    odds = torch.full((4,), 0.25)
    draft = Draft((3, 1, 2), (-1, 0, 0), {-1: Drawn((3,), odds), 0: Drawn((1, 2), odds)})
    assert draft.within(1).drawn.keys() == {-1}
    assert draft.within(2).drawn[0].ids == (1, 2)
    deep = Draft((3, 1, 2, 0), (-1, 0, -1, 2), {2: Drawn((0,), odds)})
    assert deep.within(2).drawn.keys() == {1}


def test_beams_are_texts_drawn_without_replacement():
    draws = Sampler(Sampling(temperature=1.0, seed=3), torch.device("cpu"))
    rows = torch.tensor([[2.0, 1.0], [0.0, 1.5], [0.5, 0.0]])
    first, second, third = rows.softmax(-1).tolist()
    odds = [first[one] * then[two] for one, then in enumerate((second, third)) for two in range(2)]
    together = sum(odds[a] * odds[b] / (1 - odds[a]) for a, b in ((0, 1), (1, 0), (2, 3), (3, 2)))

    def begins_alike():
        draft, leaves = grown(Draft(), [Leaf(-1, 0.0, 1.0)], rows[:1], draws, each=2, total=2)
        ordered = torch.stack([rows[0], *(rows[1 + draft.ids[leaf.place]] for leaf in leaves)])
        draft, leaves = grown(draft, leaves, ordered, draws, each=2, total=2)
        (one, _), (other, _) = (draft.path(leaf.place) for leaf in leaves)
        return one == other

    count = 800
    found = sum(begins_alike() for _ in range(count)) / count
    assert found == pytest.approx(together, abs=4 * (together * (1 - together) / count) ** 0.5)
