"""Classification by a model that is shown demonstrations: labels by their likelihood, prompts read once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import groupby
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self, get_args

from longspan.demonstrations.demonstration import Demonstration, labels_of
from longspan.demonstrations.labels import LabelTree
from longspan.demonstrations.layout import Layout, fitting
from longspan.demonstrations.likelihood import scoring_of
from longspan.demonstrations.selections.base import Selection
from longspan.errors import WindowExceeded
from longspan.parameters import check_choice, check_whole
from longspan.plan import Plan
from longspan.running.side_by_side import windows_of
from longspan.windows.base import Windows

if TYPE_CHECKING:
    from longspan.model import Model
    from longspan.session import Session

By = Literal["likelihood", "greedy", "calibrated"]
"""The label of the greatest likelihood; the one that generation held to the labels gives, token by token; or the one
whose likelihood exceeds most what it has after a text that says nothing."""

NOTHING = "N/A"
"""The text that says nothing, https://arxiv.org/abs/2102.09690."""


@dataclass(frozen=True, kw_only=True)
class Classified:
    """The label of a text. shown: numbers of the demonstrations that it was shown, in their order. tokens: of these."""

    label: str
    shown: tuple[int, ...]
    tokens: int


class Classifier:
    """A model of this process that gives texts one of the labels of demonstrations. A context manager.

    selection: which demonstrations are shown. tokens: what they take at most. labels: by default those of the
    demonstrations. by: see `By`. plan: how the model reads. together: how many texts are asked about side by side.
    instruction: what stands before the demonstrations. windows: how demonstrations are read side by side, at most
    `window` tokens in each, by a method of the room windows such as "pcw"; none reads them one after another. What is
    the same for all texts is read once and kept until `close`, and the demonstrations of a text are read behind
    those of the text before where they begin with them.

    Raises WindowExceeded where demonstrations, the longest text and label do not fit the plan's window.
    """

    def __init__(
        self,
        model: Model,
        demonstrations: Sequence[Demonstration],
        selection: Selection,
        *,
        tokens: int = 4096,
        labels: Sequence[str] = (),
        by: By = "likelihood",
        plan: Plan | str | None = None,
        instruction: str = "",
        together: int = 8,
        windows: Windows | str | None = None,
        window: int = 2048,
    ) -> None:
        check_whole("tokens", tokens, 0)
        check_whole("together", together, 1)
        check_whole("window", window, 1)
        check_choice("by", by, get_args(By))
        self.demonstrations, self.labels = tuple(demonstrations), tuple(labels) or labels_of(demonstrations)
        self.selection, self.tokens, self.by = selection, tokens, by
        self._model, self._plan, self._together = model, Plan.of(plan), together
        self._windows, self._window = None if windows is None else windows_of(windows), window
        if by == "greedy" and self._windows is not None and self._windows.shares([1, 1]) is not None:
            raise ValueError(
                "by=greedy goes on with one text, and windows stay apart; use by=likelihood, or pcw"
            )
        self._layout = Layout(tokenizer=model.tokenizer, instruction=instruction)
        self._tree = LabelTree([self._layout.answered(label) for label in self.labels])
        self._ranking = selection.ranking(self.demonstrations, scoring_of(model, self._plan, self._layout))
        self._opened = ExitStack()
        self._read: tuple[tuple[int, ...], Session] | None = None
        self._base: dict[tuple[int, ...], list[float]] = {}

    def shown(self, text: str) -> tuple[int, ...]:
        """The numbers of the demonstrations that are shown for a text, in the order in which they stand."""
        kept = fitting(self._ranking(text), self._cost, self.tokens, self.selection.k)
        return tuple(reversed(kept) if self.selection.best_last else kept)

    def classify(self, texts: Sequence[str]) -> Iterator[Classified]:
        """The label of each text, in their order."""
        chosen = ((text, self.shown(text)) for text in texts)
        for shown, alike in groupby(chosen, key=lambda each: each[1]):
            asked = [self._layout.asked(text) for text, _ in alike]
            windows = self._split(shown)
            self._check(max(map(len, windows), default=0), asked)
            session = self._session(shown, windows)
            for start in range(0, len(asked), self._together):
                for label in self._labels(session, shown, asked[start : start + self._together]):
                    yield Classified(label=self.labels[label], shown=shown, tokens=sum(map(len, windows)))

    def close(self) -> None:
        """Gives memory back."""
        self._opened.close()
        self._read = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _cost(self, number: int) -> int:
        return len(self._layout.demonstration(self.demonstrations[number]))

    def _split(self, shown: Sequence[int]) -> list[list[int]]:
        """The tokens of demonstrations: one text, or as many as they need where they stand side by side."""
        found: list[list[int]] = []
        for number in shown:
            ids = self._layout.demonstration(self.demonstrations[number])
            if not found or (self._windows is not None and len(found[-1]) + len(ids) > self._window):
                found.append([])
            found[-1] += ids
        return found

    def _check(self, longest: int, asked: Sequence[Sequence[int]]) -> None:
        window = (
            self._plan.positions.window(self._model.window) if self._plan.positions else self._model.window
        )
        behind = max(map(len, asked)) + max(len(self._layout.answered(label)) for label in self.labels)
        needed = len(self._layout.opening) + longest + behind
        if window is not None and needed > window:
            raise WindowExceeded(
                f"demonstrations and a text of {needed:,} tokens > window {window:,}; show fewer with tokens=..., "
                "raise the window with positions=..., or read them side by side with windows=..."
            )

    def _session(self, shown: tuple[int, ...], windows: list[list[int]]) -> Session:
        """A session that has read these demonstrations, a fork of the last one where they begin with what it read."""
        if self._read is not None and self._read[0] == shown:
            return self._read[1]
        before = self._read
        opened, alone = ExitStack(), self._windows is None
        ids = [token for each in windows for token in each]
        if (
            alone
            and before is not None
            and before[0]
            and shown[: len(before[0])] == before[0]
            and not self._plan.policy
        ):
            session = opened.enter_context(before[1].fork())
            known = sum(map(self._cost, before[0]))
            session.read(ids[known:])
        else:
            session = opened.enter_context(self._model.session(self._plan))
            if whole := [*self._layout.opening, *(ids if alone else ())]:
                session.read(whole)
            if windows and self._windows is not None:
                session.read_windows(windows, self._windows)
        self._opened.close()
        self._opened, self._read = opened, (shown, session)
        return session

    def _labels(self, session: Session, shown: tuple[int, ...], asked: Sequence[Sequence[int]]) -> list[int]:
        if self.by == "greedy":
            return self._greedy(session, asked)
        found = []
        for ids in asked:
            with session.fork() as fork:
                fork.read(ids)
                if self.by == "likelihood":
                    found.append(self._tree.likeliest(fork)[0][0])
                    continue
                base = self._nothing(session, shown)
                gains = [own - none for own, none in zip(self._tree.likelihoods(fork), base, strict=True)]
                found.append(max(range(len(gains)), key=lambda label: (gains[label], -label)))
        return found

    def _greedy(self, session: Session, asked: Sequence[Sequence[int]]) -> list[int]:
        from longspan.session import Session

        forks = [session.fork() for _ in asked]
        joined = forks[0] if len(forks) == 1 else Session.together(forks)
        with joined:
            joined.read([list(ids) for ids in asked] if len(forks) > 1 else list(asked[0]))
            return self._tree.greedy(joined)

    def _nothing(self, session: Session, shown: tuple[int, ...]) -> list[float]:
        """The log-likelihoods of the labels after a text that says nothing."""
        if shown not in self._base:
            with session.fork() as fork:
                fork.read(self._layout.asked(NOTHING))
                self._base = {shown: self._tree.likelihoods(fork)}
        return self._base[shown]
