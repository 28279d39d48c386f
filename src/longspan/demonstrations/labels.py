"""Which of some labels a model finds likeliest: their tokens as a tree, walked no further than it must be."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from longspan.session import Session


@dataclass
class _Node:
    """Where some labels have said the same so far. label: the one that ends here."""

    label: int | None = None
    after: dict[int, _Node] = field(default_factory=dict)


class LabelTree:
    """Labels by their tokens. Raises ValueError where two have the same, one has none, or one begins another.

    ids: the tokens of each label, what closes it included.
    """

    def __init__(self, ids: Sequence[Sequence[int]]) -> None:
        if not ids:
            raise ValueError("there are no labels; give one or more")
        self.size, self._root = len(ids), _Node()
        for number, tokens in enumerate(ids):
            node = self._root
            for token in tokens:
                if node.label is not None:
                    break
                node = node.after.setdefault(token, _Node())
            if node is self._root or node.label is not None or node.after:
                raise ValueError(
                    f"label {number} has the tokens of another, or begins or continues it; give labels apart"
                )
            node.label = number

    def likeliest(self, session: Session, count: int = 1) -> list[tuple[int, float]]:
        """The labels of the greatest log-likelihood, in nats, after what a session has read, the greatest first.

        Exact: the likeliest beginning is gone on with until it is a whole label, which no other can then exceed. The
        session is as it was.
        """
        waiting: list[tuple[float, int, _Node, tuple[int, ...]]] = [(0.0, 0, self._root, ())]
        found: list[tuple[int, float]] = []
        made = 1
        while waiting and len(found) < min(count, self.size):
            known, _, node, said = heapq.heappop(waiting)
            if node.label is not None:
                found.append((node.label, -known))
                continue
            chain, node = _alone(node)
            with session.fork() as tried:
                logs = _logs(tried, [*said, *chain])
            told = sum(float(logs[len(said) + place, token]) for place, token in enumerate(chain))
            for token, child in node.after.items() if node.label is None else [(-1, node)]:
                more = 0.0 if token < 0 else float(logs[-1, token])
                path = said + tuple(chain) + ((token,) if token >= 0 else ())
                heapq.heappush(waiting, (known - told - more, made, child, path))
                made += 1
        return found

    def likelihoods(self, session: Session) -> list[float]:
        """The log-likelihood of every label in nats, in their order."""
        found = dict(self.likeliest(session, self.size))
        return [found[number] for number in range(self.size)]

    def greedy(self, session: Session) -> list[int]:
        """For each sequence of a session the label that greedy generation held to labels would give.

        What has one way to go on is not run. The session is spent: what it has read is followed by the labels.
        """
        nodes = [self._root for _ in session.sequences]
        while True:
            steps = []
            for number, (node, sequence) in enumerate(zip(nodes, session.sequences, strict=True)):
                chain, node = _alone(node)
                if not chain and node.label is None:
                    if sequence.upcoming is None:
                        raise ValueError(
                            "the session has no logits for the next token; read something just before"
                        )
                    ways = list(node.after)
                    chain = [ways[int(sequence.upcoming[torch.tensor(ways)].argmax())]]
                    node = node.after[chain[0]]
                    forced, node = _alone(node)
                    chain += forced
                nodes[number] = node
                steps.append(chain)
            if all(node.label is not None for node in nodes):
                return [node.label for node in nodes if node.label is not None]
            sources = [chain or [next(iter(self._root.after))] for chain in steps]
            session.read(sources if len(sources) > 1 else sources[0])


def log_likelihood(session: Session, ids: Sequence[int]) -> float:
    """Of tokens after what a session has read, in nats; they are read."""
    rows = _logs(session, ids[:-1])
    return sum(float(rows[place, token]) for place, token in enumerate(ids))


def _alone(node: _Node) -> tuple[list[int], _Node]:
    """The tokens that have to follow, and where they lead: to a choice, or to the end of a label."""
    chain: list[int] = []
    while len(node.after) == 1 and node.label is None:
        ((token, node),) = node.after.items()
        chain.append(token)
    return chain, node


def _logs(session: Session, ids: Sequence[int]) -> Tensor:
    """Log-probabilities `[ids + 1, vocab]` of what comes after what was read, and after each of some tokens."""
    first = session.next_logits[None]
    rows = torch.cat((first, session.logits(ids))) if ids else first
    return rows.float().log_softmax(-1)
