"""Proposers without a model against loops that do the same the long way."""

import itertools
from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from longspan.decoding.base import Draft, Drafter, Proposer
from longspan.decoding.dynamic_tree import DynamicTree
from longspan.decoding.lookahead import Lookahead
from longspan.decoding.odds import Odds, scored
from longspan.decoding.self_speculation import SelfSpeculation
from longspan.decoding.several import Several
from longspan.decoding.token_recycling import TokenRecycling
from longspan.decoding.trie import Node, Trie, heaviest
from tiny import tiny_model, tokens


class Desk:
    """Keeps for proposers what an answer would keep for them."""

    def __init__(self):
        self.held = {}

    def kept(self, name, make):
        return self.held.setdefault(name, make()) if name not in self.held else self.held[name]


def paths(draft):
    return {draft.path(place) for place in range(len(draft.ids))}


# Token Recycling.


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 999), room=st.integers(1, 12), passes=st.integers(0, 6))
def test_recycling_grows_the_likeliest_tree_of_the_latest_successors(seed, room, passes):
    chances = torch.Generator().manual_seed(seed)
    proposer = TokenRecycling(candidates=3, size=9).proposer()
    table, text = {}, [0]
    for _ in range(passes):
        draft = proposer.propose(text, room)
        logits = torch.rand(1 + len(draft.ids), 7, generator=chances)
        proposer.learn(draft, logits)
        for token, row in zip((text[-1], *draft.ids), logits, strict=True):  # later rows win, accepted or not
            table[token] = row.argsort(descending=True)[:3].tolist()
        text.append(int(logits[0].argmax()))
    draft = proposer.propose(text, room)
    odds = [proposer._odds.of(rank) for rank in range(3)]

    def grown(path, score):
        for rank, token in enumerate(table.get(path[-1] if path else text[-1], ())):
            longer = (*path, token)
            yield longer, score * odds[rank]
            if len(longer) < 10:
                yield from grown(longer, score * odds[rank])

    expected = sorted((score for _, score in itertools.islice(grown((), 1.0), 100_000)), reverse=True)
    best = expected[: min(room, 9)]
    assert sorted(draft.scores, reverse=True) == pytest.approx(best)
    assert all(
        len({*draft.after(place)}) == draft.parents.count(place) for place in range(-1, len(draft.ids))
    )


def test_recycling_knows_nothing_of_tokens_that_never_passed_and_keeps_the_rest():
    desk, logits = Desk(), torch.tensor([[0.0, 3.0, 2.0, 1.0]])
    proposer = TokenRecycling(candidates=2).proposer()
    proposer.join(desk)
    assert proposer.propose([9, 3], 8).ids == ()
    proposer.learn(Draft(), logits)
    following = TokenRecycling(candidates=2).proposer()
    following.join(desk)
    assert following.propose([3], 8).ids == (1, 2)
    assert TokenRecycling(candidates=2).proposer().propose([3], 8).ids == ()


# Lookahead.

words = st.lists(st.integers(0, 4), min_size=2, max_size=40)


@settings(max_examples=40, deadline=None)
@given(prompt=words, said=words, ends=st.lists(st.integers(0, 4), min_size=1, max_size=2))
def test_a_trie_counts_what_followed(prompt, said, ends):
    trie = Trie(3, 1000, 1000, 1000)
    trie.begin(prompt)
    for place in range(len(said) - 1):
        trie.said(said[place : place + 4])
    counted = {"read": Counter(), "said": Counter()}
    for name, text in (("read", prompt), ("said", said)):
        for place in range(len(text)):
            for length in range(2, min(5, len(text) - place + 1)):
                counted[name][tuple(text[place : place + length])] += 1
    root = trie.found(ends, 10_000)

    def below(node, path):
        for token, child in node.children.items():
            yield (*path, token), child
            yield from below(child, (*path, token))

    known = [tuple(ends[first:]) for first in range(len(ends))]
    followed = [
        each
        for each in known
        if any(
            len(longer) > len(each) and longer[: len(each)] == each
            for longer in counted["read"] | counted["said"]
        )
    ]
    if not followed:
        assert root is None
        return
    for path, node in below(root, followed[-1]):
        assert node.read == counted["read"][path]
        assert node.said == counted["said"][path]


def test_the_longer_end_is_taken_where_enough_follows_it():
    trie = Trie(3, 1000, 1000, 1000)
    trie.begin([1, 2, 3, 4, 5, 9, 2, 7, 7, 7])
    assert set(trie.found([1, 2], 2).children) == {3}
    assert set(trie.found([1, 2], 3).children) == {3, 7}
    assert set(trie.found([8, 2], 1).children) == {3, 7}


def test_the_heaviest_nodes_are_those_of_all():
    root = Node()
    for branch, times in (((1, 2, 3), 5), ((1, 2, 4), 3), ((5, 6), 4), ((1, 9), 1)):
        for _ in range(times):
            root.insert(branch, said=False)
    everything = sorted((node.weight for node in root.below()), reverse=True)
    for count in range(9):
        assert [node.weight for node in heaviest(root, count, lambda node: node.weight)] == everything[:count]


def test_a_new_answer_forgets_the_prompt_and_halves_what_has_grown_large():
    trie = Trie(4, 1000, 3, 1000)
    trie.begin([1, 2, 3])
    for branch in ([1, 5, 6], [1, 5, 6], [1, 5, 7], [1, 8, 9], [2, 5]):
        trie.said(branch)
    assert set(trie.found([1], 1).children) == {2, 5, 8}
    trie.begin([4, 4])
    tree = trie.found([1], 1)
    assert set(tree.children) == {5}
    assert tree.children[5].said == 1.5
    assert {token: node.said for token, node in tree.children[5].children.items()} == {6: 1.0}
    assert set(trie.found([2], 1).children) == {5}  # too small to be halved


PROMPT = [1, 2, 3, 4, 5, 1, 2, 3, 6, 7, 1, 2]


def test_modes_of_lookahead():
    drafts = {
        mode: Lookahead(mode=mode, branch_length=3).proposer().propose(PROMPT, 16)
        for mode in ("hier", "par", "one")
    }
    assert paths(drafts["hier"]) == {(3,), (3, 4), (3, 4, 5), (3, 6), (3, 6, 7)}
    assert drafts["one"].ids in ((3, 4, 5), (3, 6, 7))
    assert drafts["par"].parents.count(-1) == 2
    assert paths(drafts["par"]) <= paths(drafts["hier"])
    assert len(drafts["par"].ids) == len(drafts["hier"].ids)
    for draft in drafts.values():
        assert all(0 < score <= 1 for score in draft.scores)


def test_answers_are_told_once_their_branches_are_whole_and_stay_with_their_owner():
    desk = Desk()
    text = [7, 20, 21, 22, 23, 24, 25, 26]
    first = Lookahead(branch_length=3).proposer()
    first.join(desk)
    for end in range(1, len(text) + 1):
        first.propose(text[:end], 16)
    for own, expected in ((desk, (22, 23, 24)), (Desk(), ())):
        following = Lookahead(branch_length=3).proposer()
        following.join(own)
        assert following.propose([5, 21], 16).ids == expected
        assert following.propose([5, 21, 24], 16).ids == ()  # its branch was not whole


# Several.


class Fixed(Proposer):
    def __init__(self, draft):
        self.draft, self.learned = draft, []

    def propose(self, ids, room):
        return self.draft

    def learn(self, draft, logits):
        self.learned.append(draft)


def test_who_promises_most_is_heard_and_all_of_them_learn():
    proposer = Several().proposer()
    low, high = (
        Fixed(Draft((5, 6), (-1, 0), scores=(0.4, 0.2))),
        Fixed(Draft((7,), (-1,), scores=(0.7,))),
    )
    proposer._proposers = [low, high]
    draft = proposer.propose([1], 16)
    assert draft is high.draft
    proposer.learn(draft, torch.zeros(2, 9))
    assert low.learned == high.learned == [draft]


# EAGLE-2's trees.


class Table(Drafter):
    """Says after each token what a table says."""

    nbytes = 0

    def __init__(self, seed):
        self.rows = torch.randn(9, 9, generator=torch.Generator().manual_seed(seed)) * 2

    def release(self):
        pass

    def says(self, *_, **__):
        raise NotImplementedError

    def after(self, ids, draft):
        return torch.stack([self.rows[token] for token in (ids[-1], *draft.ids)])


@given(seed=st.integers(0, 99), room=st.integers(2, 9))
def test_a_dynamic_tree_keeps_the_best_of_what_it_expanded(seed, room):
    proposer = DynamicTree(top_k=2, depth=3, total_token=7).proposer()
    proposer._drafter = table = Table(seed)
    draft = proposer.propose([3, 4], room)
    odds = table.rows.softmax(-1)
    pool, frontier = {}, {(): 1.0}
    for _ in range(min(3, room)):
        level = {}
        for path, score in frontier.items():
            row = odds[path[-1] if path else 4]
            level |= {(*path, token): score * float(row[token]) for token in row.topk(2).indices.tolist()}
        pool |= level
        frontier = dict(sorted(level.items(), key=lambda each: -each[1])[:2])
    best = sorted(pool.items(), key=lambda each: -each[1])[: min(7, room)]
    assert paths(draft) == {path for path, _ in best}
    assert sorted(draft.scores) == pytest.approx(sorted(score for _, score in best))


def test_a_dynamic_tree_says_the_same_text():
    ids = tokens(60)
    tree = (
        "dynamic-tree(gate=false,drafter=self-speculation(policy=streamingllm(budget=40,sinks=4,when=end)))"
    )
    found = []
    for plan in ("", f"decode={tree}"):
        with tiny_model().session(plan, chunk=32) as session:
            session.read(ids)
            found.append([step.token for step in session.generate(max_new_tokens=12)])
    assert found[0] == found[1]
    assert isinstance(DynamicTree().drafter, SelfSpeculation)


def test_scores_are_products_along_paths():
    draft = scored(Draft((5, 6, 7), (-1, 0, -1)), ["a", "b", "b"], Odds({"a": 0.5, "b": 0.25}.get))
    assert draft.scores == (0.5, 0.125, 0.25)
