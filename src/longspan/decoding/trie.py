"""A trie of what followed each token: in what was read, and in what was said."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence

_OUTPUT = 1e-4  # what an output counts beside the prompt


class Node:
    """A token of a branch: how often the branch up to it came in the prompt and in outputs, and what followed."""

    __slots__ = ("children", "read", "said")

    def __init__(self) -> None:
        self.children: dict[int, Node] = {}
        self.read = self.said = 0.0

    @property
    def weight(self) -> float:
        """The mixed frequency."""
        return (1 - _OUTPUT) * self.read + _OUTPUT * self.said

    def insert(self, branch: Sequence[int], *, said: bool) -> None:
        """Counts a branch that followed."""
        node = self
        for token in branch:
            node = node.children.setdefault(token, Node())
            if said:
                node.said += 1
            else:
                node.read += 1

    def count(self) -> tuple[int, int]:
        """How many tokens stand below, and how many of them came in outputs."""
        nodes = list(self.below())
        return len(nodes), sum(node.said > 0 for node in nodes)

    def below(self) -> Iterator[Node]:
        """All nodes below it."""
        for child in self.children.values():
            yield child
            yield from child.below()

    def squeeze(self) -> None:
        """Halves the counts of outputs, and drops what came once or never."""
        self.children = {token: child for token, child in self.children.items() if child.said > 1}
        for child in self.children.values():
            child.said /= 2
            child.squeeze()


class Trie:
    """For one owner. length: tokens of a branch. max_node, max_output_node: when the tree of a token is squeezed.
    newest: how many places of a token in the prompt count, the last ones.

    The prompt's branches of a token are taken in when it is first looked for, since most never are.
    """

    def __init__(self, length: int, max_node: int, max_output_node: int, newest: int) -> None:
        self._length, self._newest = length, newest
        self._max_node, self._max_output_node = max_node, max_output_node
        self._trees: dict[int, Node] = {}
        self._prompt: Sequence[int] = ()
        self._places: dict[int, list[int]] = {}
        self._touched: set[int] = set()

    def begin(self, prompt: Sequence[int]) -> None:
        """Forgets the prompt before, and takes another one."""
        for token in self._touched:
            tree = self._trees[token]
            for node in tree.below():
                node.read = 0.0
            total, said = tree.count()
            if total > self._max_node or said > self._max_output_node:
                tree.squeeze()
        self._touched, self._places, self._prompt = set(), {}, prompt
        for place, token in enumerate(prompt[:-1]):
            self._places.setdefault(token, []).append(place)

    def said(self, branch: Sequence[int]) -> None:
        """Takes in a token of an output, the first of the branch, and what followed it there."""
        tree = self._trees.setdefault(branch[0], Node())
        tree.insert(branch[1 : self._length + 1], said=True)
        self._touched.add(branch[0])

    def found(self, ends: Sequence[int], enough: int) -> Node | None:
        """What followed the tokens at the end of a text: of all of them, or of fewer where that is less than enough."""
        best = None
        for first in range(len(ends)):
            node: Node | None = self._tree(ends[first])
            for token in ends[first + 1 :]:
                node = None if node is None else node.children.get(token)
                node = node if node is not None and node.weight > 0 else None
            if node is not None and node.children:
                best = node
                if _holds(node, enough):
                    break
        return best

    def _tree(self, token: int) -> Node | None:
        """All branches of a token, those of the prompt taken in now."""
        places = self._places.pop(token, ())
        if places:
            tree = self._trees.setdefault(token, Node())
            for place in places[-self._newest :]:
                tree.insert(self._prompt[place + 1 : place + 1 + self._length], said=False)
            self._touched.add(token)
        return self._trees.get(token)


def heaviest(root: Node, count: int, weight: Callable[[Node], float]) -> list[Node]:
    """So many nodes below a root with the largest weights above 0, which fall along a branch; parents first."""
    waiting: list[tuple[float, int, Node]] = []
    found: list[Node] = []
    pushed = 0

    def wait(node: Node) -> None:
        nonlocal pushed
        for child in node.children.values():
            if weight(child) > 0:
                heapq.heappush(waiting, (-weight(child), pushed, child))
                pushed += 1

    wait(root)
    while waiting and len(found) < count:
        found.append(heapq.heappop(waiting)[2])
        wait(found[-1])
    return found


def _holds(root: Node, count: int) -> bool:
    return len(heaviest(root, count, lambda node: node.weight)) >= count
