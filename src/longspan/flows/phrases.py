"""A graph of passages and the phrases that they share: names and words that say something, with their places."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from longspan.spans import Span, content_words

_NAME = re.compile(r"\b[^\W\d_a-z][\w'’-]*(?:[^\S\n]+[^\W\d_a-z][\w'’-]*)+")
_SHARE = 0.5  # of the passages; a word in more of them says nothing


@dataclass(frozen=True, kw_only=True)
class Phrases:
    """Nodes are passages, 0 .. n − 1, then the phrases that several share.

    mentions: for each phrase its places in the passages. numbers: the node of each phrase, or the passage that alone
    has it. sources, targets: the edges, both ways, as numbers of nodes; weights: how likely each is to be taken from
    its source, so that those of a source sum to 1.
    """

    passages: int
    mentions: Mapping[str, Sequence[Span]]
    sources: NDArray[np.int64]
    targets: NDArray[np.int64]
    weights: NDArray[np.float64]
    numbers: Mapping[str, int] = field(repr=False)
    count: int
    """Of nodes."""


def phrase_graph(spans: Sequence[Span]) -> Phrases:
    """The graph of passages. A phrase is a word, or a name of several; those that over half of many passages have are
    none. Edges count by how rare a phrase is.
    """
    held = [_phrases(span) for span in spans]
    spread = Counter(phrase for phrases in held for phrase in phrases)
    limit = max(2.0, _SHARE * len(spans))
    kept = sorted(phrase for phrase, count in spread.items() if 2 <= count <= limit)
    nodes = {phrase: len(spans) + number for number, phrase in enumerate(kept)}
    alone = {
        phrase: number for number, phrases in enumerate(held) for phrase in phrases if spread[phrase] == 1
    }
    pairs = [
        (passage, nodes[phrase], len(places) * float(np.log(1 + len(spans) / spread[phrase])))
        for passage, phrases in enumerate(held)
        for phrase, places in phrases.items()
        if phrase in nodes
    ]
    mentions: dict[str, list[Span]] = {phrase: [] for phrase in (*nodes, *alone)}
    for phrases in held:
        for phrase, places in phrases.items():
            if phrase in mentions:
                mentions[phrase] += places
    one = np.array([[first, second] for first, second, _ in pairs], dtype=np.int64).reshape(-1, 2)
    sources, targets = np.concatenate([one[:, 0], one[:, 1]]), np.concatenate([one[:, 1], one[:, 0]])
    weights = np.tile(np.array([weight for _, _, weight in pairs], dtype=np.float64), 2)
    out = np.bincount(sources, weights, minlength=len(spans) + len(kept))
    return Phrases(
        passages=len(spans),
        mentions=mentions,
        sources=sources,
        targets=targets,
        weights=weights / out[sources],
        numbers=nodes | alone,
        count=len(spans) + len(nodes),
    )


def seeds(graph: Phrases, text: str) -> NDArray[np.float64]:
    """Where a walk begins that asks for a text: at its phrases, the rarer the likelier, `[count]`; zeros for none.

    A phrase that one passage alone has begins there.
    """
    found = np.zeros(graph.count)
    for phrase in _named(text):
        if phrase in graph.numbers:
            found[graph.numbers[phrase]] += np.log(1 + graph.passages / len(graph.mentions[phrase]))
    return found / found.sum() if found.any() else found


def page_rank(
    graph: Phrases, start: NDArray[np.float64], *, damping: float = 0.5, rounds: int = 20
) -> NDArray[np.float64]:
    """How often a walk is at each node that goes on with probability `damping`, else begins anew: `[count]`, sum 1.

    start: where it begins, sum 1. A node without edges sends it back to the beginning. https://arxiv.org/abs/2405.14831
    """
    stuck = np.ones(graph.count, dtype=bool)
    stuck[graph.sources] = False
    rank = start
    for _ in range(rounds):
        moved = np.bincount(graph.targets, graph.weights * rank[graph.sources], minlength=graph.count)
        rank = damping * (moved + rank[stuck].sum() * start) + (1 - damping) * start
    return rank


def communities(graph: Phrases, rounds: int = 20) -> list[list[int]]:
    """Passages in groups that share phrases, the largest first, by label propagation in the order of the nodes.

    A node takes the label that weighs most among its neighbours, of equal ones the smallest, so that the same comes out
    each time.
    """
    order = np.argsort(graph.sources, kind="stable")
    edges = np.searchsorted(graph.sources[order], np.arange(graph.count + 1))
    labels = np.arange(graph.count)
    for _ in range(rounds):
        before = labels.copy()
        for node in range(graph.count):
            mine = order[edges[node] : edges[node + 1]]
            if len(mine):
                near, at = np.unique(labels[graph.targets[mine]], return_inverse=True)
                labels[node] = near[int(np.bincount(at, graph.weights[mine]).argmax())]
        if np.array_equal(labels, before):
            break
    groups: dict[int, list[int]] = {}
    for passage in range(graph.passages):
        groups.setdefault(int(labels[passage]), []).append(passage)
    return sorted(groups.values(), key=lambda group: (-len(group), group[0]))


def _phrases(span: Span) -> dict[str, list[Span]]:
    """The phrases of a passage with their places."""
    found: dict[str, list[Span]] = {}
    for match in _NAME.finditer(span.text):
        words = [each for each in re.finditer(r"\S+", match[0]) if content_words(each[0])]
        name = " ".join(content_words(match[0]))
        if " " in name:
            first, last = match.start() + words[0].start(), match.start() + words[-1].end()
            place = Span(span.document, span.start + first, span.start + last)
            found.setdefault(name, []).append(place)
    for match in re.finditer(r"\w+", span.text):
        place = Span(span.document, span.start + match.start(), span.start + match.end())
        for phrase in _words(match[0]):
            found.setdefault(phrase, []).append(place)
    return found


@lru_cache(maxsize=1 << 15)
def _words(word: str) -> tuple[str, ...]:
    return tuple(content_words(word))


def _named(text: str) -> list[str]:
    """The phrases that a text has: its content words, and its names of several words."""
    names = [" ".join(content_words(match[0])) for match in _NAME.finditer(text)]
    return list(dict.fromkeys([*content_words(text), *(name for name in names if " " in name)]))
