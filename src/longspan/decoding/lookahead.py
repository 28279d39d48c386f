"""Lookahead: a trie of what followed before, in the prompt and in earlier answers."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from longspan.decoding.base import Decode, Draft, Host, Proposer
from longspan.decoding.odds import Odds, Watched, scored
from longspan.decoding.trie import Node, Trie, heaviest
from longspan.parameters import check_choice, check_range
from longspan.registry import Card

CARD = Card(
    name="lookahead",
    target="longspan.decoding.lookahead:Lookahead",
    paper=(
        "Lookahead: An Inference Acceleration Framework for Large Language Model with Lossless Generation Accuracy"
    ),
    link="https://arxiv.org/abs/2312.12728",
    year=2023,
    training=False,
    changes="Drafts branches of a trie of what followed each token in the prompt and in earlier answers.",
    field=(190,),
)


@dataclass(frozen=True, kw_only=True)
class Lookahead(Decode):
    """Branches of a trie, the most frequent ones. https://arxiv.org/abs/2312.12728

    Each token of the prompt and of answers has a tree of what followed it. The last tokens are looked for in it, fewer
    where little follows them, and a part of what follows becomes the draft: at least half of its places are for
    answers, where there are enough, the others go by frequency, in which an answer counts a ten thousandth. When an
    answer begins, the prompt before is forgotten, and trees that have grown large are halved. The trie is that of one
    text and its answers, and is never shared or stored. The authors' choice of tokens in code does not do what it is
    written for; here the paper's is done.
    """

    decoding_length: int = 64
    """Tokens of a draft at most, the one before it included; the gate leaves fewer."""
    branch_length: int = 12
    """Tokens of a branch at most."""
    max_query_length: int = 2
    """Tokens at the end that are looked for."""
    mode: Literal["hier", "par", "one"] = "hier"
    """A tree; its branches side by side, where they repeat what they have in common; or a single branch."""
    max_node: int = 65536
    """Tokens of a tree from which on it is halved."""
    max_output_node: int = 512
    """Tokens of answers in a tree from which on it is halved."""
    places: int = 256
    """Places of a token in the prompt that count, the last ones; in the authors' code all do."""

    def __post_init__(self) -> None:
        check_range("decoding_length", self.decoding_length, 2)
        for name in ("branch_length", "max_query_length", "max_node", "max_output_node", "places"):
            check_range(name, getattr(self, name), 1)
        check_choice("mode", self.mode, ("hier", "par", "one"))

    def proposer(self) -> Proposer:
        """One whose trie is kept for the next answer."""
        return _Lookahead(self)


class _Lookahead(Proposer):
    def __init__(self, made: Lookahead) -> None:
        self._made = made
        self._trie = Trie(made.branch_length + 1, made.max_node, made.max_output_node, made.places)
        self._odds = Odds(_hope)
        self._watched = Watched(self._odds)
        self._told: int | None = None  # tokens that the trie knows; None before the prompt

    def join(self, host: Host) -> None:
        """Takes the trie of earlier answers."""
        made = self._made
        name = f"lookahead {made.branch_length} {made.max_node} {made.max_output_node} {made.places}"
        self._trie, self._odds = host.kept(name, lambda: (self._trie, self._odds))
        self._watched = Watched(self._odds)

    def propose(self, ids: Sequence[int], room: int) -> Draft:
        """What followed the last tokens."""
        made, trie = self._made, self._trie
        self._watched.follow(ids)
        if self._told is None:
            trie.begin(list(ids))
            self._told = len(ids)
        whole = made.branch_length + 2  # a token is told with what followed it
        while self._told + whole <= len(ids):
            trie.said(ids[self._told : self._told + whole])
            self._told += 1
        enough = made.branch_length // 2 if made.mode == "one" else made.branch_length
        root = trie.found(ids[-made.max_query_length :], enough)
        if root is None:
            return Draft()
        size = min(room, made.decoding_length - 1)
        if made.mode == "one":
            draft, kinds = _one(root, min(size, made.branch_length))
        else:
            draft, kinds = _tree(root, size, made.branch_length)
        if made.mode == "par":
            draft, kinds = _apart(draft, kinds, len(draft.ids))
        draft = scored(draft, kinds, self._odds)
        self._watched.begin(draft, kinds, len(ids))
        return draft


class _Kind(NamedTuple):
    """What is known of a token: how much of what followed it is, in quarters; how often it came, up to three times; and
    whether it is the first."""

    share: int
    often: int
    first: bool


def _kind(node: Node, siblings: Sequence[Node], depth: int) -> _Kind:
    share = node.weight / (sum(each.weight for each in siblings) or 1.0)
    return _Kind(round(4 * share), min(3, int(node.read + node.said)), depth == 1)


def _hope(kind: Hashable) -> float:
    if not isinstance(kind, _Kind):
        raise TypeError(f"{kind!r} is no kind of tokens of a trie")
    return min(0.9, (0.1 + 0.15 * kind.share) * (0.7 + 0.1 * kind.often) * (1.0 if kind.first else 1.2))


def _tree(root: Node, size: int, length: int) -> tuple[Draft, list[Hashable]]:
    """The nodes that were said most for half of the places, and of all that are left those of the largest weights."""
    chosen = {id(node) for node in heaviest(root, max(1, (size + 1) // 2), lambda node: node.said)}
    for node in heaviest(root, size, lambda node: node.weight):
        if len(chosen) < size:
            chosen.add(id(node))
    ids, parents, kinds = list[int](), list[int](), list[Hashable]()

    def walk(node: Node, parent: int, depth: int) -> None:
        alive = [each for each in node.children.values() if each.weight > 0]
        for token, child in sorted(node.children.items(), key=lambda each: -each[1].weight):
            if id(child) in chosen and token >= 0 and depth <= length:
                ids.append(token)
                parents.append(parent)
                kinds.append(_kind(child, alive, depth))
                walk(child, len(ids) - 1, depth + 1)

    walk(root, -1, 1)
    return Draft(tuple(ids), tuple(parents)), kinds


def _one(root: Node, length: int) -> tuple[Draft, list[Hashable]]:
    """The branch that takes the heaviest follower at each step."""
    ids, kinds, node = list[int](), list[Hashable](), root
    while len(ids) < length:
        alive = {token: each for token, each in node.children.items() if each.weight > 0 and token >= 0}
        if not alive:
            break
        token = max(alive, key=lambda each: alive[each].weight)
        kinds.append(_kind(alive[token], list(alive.values()), len(ids) + 1))
        node = alive[token]
        ids.append(token)
    return Draft.line(ids), kinds


def _apart(draft: Draft, kinds: Sequence[Hashable], size: int) -> tuple[Draft, list[Hashable]]:
    """The branches of a tree one beside the other, the first last, so that it is the one that is followed."""
    ends = [own for own in range(len(draft.ids)) if own not in draft.parents]
    lines, total = list[list[int]](), 0
    for end in ends:
        line, own = list[int](), end
        while own >= 0:
            line.append(own)
            own = draft.parents[own]
        line = line[::-1][: size - total]
        total += len(line)
        lines.append(line)
    ids, parents, found = list[int](), list[int](), list[Hashable]()
    for line in reversed(lines):
        for place, own in enumerate(line):
            parents.append(len(ids) - 1 if place else -1)
            ids.append(draft.ids[own])
            found.append(kinds[own])
    return Draft(tuple(ids), tuple(parents)), found
