"""How a request speaks with drafts: each goes through the model in one pass, and what is accepted of it is said."""

from __future__ import annotations

import time

from torch import Tensor

from longspan.decoding.base import Decode, Draft, Host
from longspan.decoding.gate import Gate
from longspan.running.compressing import compress
from longspan.running.drafted import Drafted
from longspan.running.formed import Form, fitting, forced
from longspan.running.moments import acts_after_pass, draft_depth, next_portion
from longspan.running.passing import run_known
from longspan.running.sequence import Sequence
from longspan.running.speaking import Speaker
from longspan.running.spent import Spent

_ROOM = 64
"""Tokens of a draft at most where no gate says how many pay."""


class Drafting:
    """The drafts of one request, one after the other.

    A token that was accepted is remembered, from the pass of its draft, once it has been said and the next one is asked
    for: at any time the sequence is what it would be without drafts.
    """

    def __init__(self, decode: Decode, host: Host | None = None) -> None:
        """host: the answer for which is drafted, for those that draft with a model or keep what they learn."""
        self._proposer, self._verifier = decode.proposer(), decode.verifier()
        if host is not None:
            self._proposer.join(host)
        self._gate = Gate() if decode.gate else None
        self._step: float | None = None  # seconds of a plain one
        self._spent = 0.0  # on the draft, in plain steps
        self._text: list[int] = []
        self._draft = Draft()
        self._drafted: Drafted | None = None
        self._rows: Tensor | None = None
        self._accepted: list[int] = []
        self._place = -1

    @property
    def knows(self) -> bool:
        """Whether what is pending has passed through the model already, as part of a draft."""
        return bool(self._accepted)

    def propose(
        self, sequence: Sequence, limit: int, speaking: int = 1, form: Form | None = None
    ) -> Drafted | None:
        """What may follow the one token that is pending, None for nothing.

        limit: how deep it may be. speaking: texts that generate in the pass, its own included. form: what the answer is
        held to.
        """
        bound = draft_depth(sequence)
        depth = limit if bound is None else min(limit, bound)
        self._draft, self._rows, self._drafted = Draft(), None, None
        draft = self._proposed(sequence, depth, speaking, form) if depth > 0 else Draft()
        if draft.ids:
            _check_known(draft, sequence.engine.seam.config.vocab_size)
            self._draft, self._drafted = draft, Drafted(draft, sequence.engine.seam.device)
        return self._drafted

    def passed(self, rows: Tensor) -> None:
        """What was proposed has passed. rows: logits `[1 + n, vocab]`, first after the token that it follows."""
        self._rows = rows
        self._proposer.learn(self._draft, rows)

    def token(self, sequence: Sequence, speaker: Speaker) -> int:
        """The next token."""
        if self._accepted:
            self._remember(sequence)
        elif sequence.upcoming is None:
            raise ValueError("sequence has read 0 tokens, generating needs 1 or more; read something first")
        else:
            rows = sequence.upcoming[None] if self._rows is None else self._rows
            self._accepted = self._verifier.accept(self._draft, rows, speaker.draws)
            self._place = -1
            self._check()
            if self._draft.ids:
                self._count(sequence.spent, len(self._accepted))
        return self._accepted.pop(0)

    def _proposed(self, sequence: Sequence, depth: int, speaking: int, form: Form | None) -> Draft:
        """A draft, cut to what pays. What a step takes is shared by the texts in it, what a draft adds is its own."""
        costs, gate = sequence.engine.paces[speaking], self._gate
        step = costs.plain(sequence.run)
        self._step = None if step is None else step / speaking
        prices = [1.0 + speaking * (price - 1.0) for price in costs.prices(sequence.run)]
        room = _ROOM if gate is None else 0 if self._step is None else gate.room(prices)
        if room == 0:
            return Draft()
        text, began = self._followed(sequence), time.perf_counter()
        draft = forced(form, min(room, depth))
        if not draft.ids:
            draft = fitting(form, self._proposer.propose(text, min(room, depth)).within(depth))
        self._spent = 0.0
        if self._step is not None:
            self._spent = (time.perf_counter() - began) / self._step
            if gate is not None:
                draft = gate.chosen(draft, self._spent, prices)
            self._spent += prices[min(len(draft.ids), len(prices) - 1)]
        return draft

    def _count(self, spent: Spent, said: int) -> None:
        """So many tokens came of the draft, the one behind it included."""
        spent.drafted_tokens += len(self._draft.ids)
        spent.accepted_tokens += said - 1
        if self._step is not None:
            spent.saved_seconds += (said - self._spent) * self._step
        if self._gate is not None:
            self._gate.verified(said)

    def _followed(self, sequence: Sequence) -> list[int]:
        """All tokens so far, in a list that grows with them."""
        text, known = self._text, len(self._text)
        text += sequence.ids[known:]
        text += sequence.pending[max(0, known - sequence.run) :]
        return text

    def _remember(self, sequence: Sequence) -> None:
        """Takes up the pending token as if it had just passed through the model."""
        if self._drafted is None or self._rows is None:
            raise RuntimeError("a token was accepted of no draft")
        began = time.perf_counter()
        self._place = self._draft.after(self._place)[sequence.pending[0]]
        row = self._place + 1
        portion = next_portion(sequence, reading=False)
        run_known(portion, self._drafted, row)
        sequence.upcoming = self._rows[row]
        if acts_after_pass(portion):
            compress(sequence)
        if self._step is not None:
            seconds = time.perf_counter() - began
            sequence.spent.saved_seconds -= seconds
            if self._gate is not None:
                self._gate.took(seconds / self._step)

    def _check(self) -> None:
        """Raises ValueError for tokens that are no path of the draft and one token more."""
        place = -1
        for token in self._accepted[:-1]:
            following = self._draft.after(place)
            if token not in following:
                raise ValueError(
                    f"verifier accepted {self._accepted}, no path of the draft {self._draft.ids} and a token more"
                )
            place = following[token]
        if not self._accepted:
            raise ValueError("verifier accepted no token; let it draw one where it takes none of the draft")


def _check_known(draft: Draft, known: int) -> None:
    for token in draft.ids:
        if not 0 <= token < known:
            raise ValueError(f"draft has the token {token}, outside 0 .. {known - 1}; draft others")
