"""How a request speaks with drafts: each goes through the model in one pass, and what is accepted of it is said."""

from __future__ import annotations

from torch import Tensor

from longspan.decoding.base import Decode, Draft, Host
from longspan.running.compressing import compress
from longspan.running.drafted import Drafted
from longspan.running.moments import acts_after_pass, draft_depth, next_portion
from longspan.running.passing import run_known
from longspan.running.sequence import Sequence
from longspan.running.speaking import Speaker


class Drafting:
    """The drafts of one request, one after the other.

    A token that was accepted is remembered, from the pass of its draft, once it has been said and the next one is asked
    for: at any time the sequence is what it would be without drafts.
    """

    def __init__(self, decode: Decode, host: Host | None = None) -> None:
        """host: the answer for which is drafted, for those that draft with a model."""
        self._proposer, self._verifier = decode.proposer(), decode.verifier()
        if host is not None:
            self._proposer.join(host)
        self._draft = Draft()
        self._drafted: Drafted | None = None
        self._rows: Tensor | None = None
        self._accepted: list[int] = []
        self._place = -1

    @property
    def knows(self) -> bool:
        """Whether what is pending has passed through the model already, as part of a draft."""
        return bool(self._accepted)

    def propose(self, sequence: Sequence, limit: int) -> Drafted | None:
        """What may follow the one token that is pending, None for nothing. limit: how deep it may be."""
        bound = draft_depth(sequence)
        depth = limit if bound is None else min(limit, bound)
        draft = Draft() if depth < 1 else self._proposer.propose(sequence.tokens).within(depth)
        known = sequence.engine.seam.config.vocab_size
        for token in draft.ids:
            if not 0 <= token < known:
                raise ValueError(f"draft has the token {token}, outside 0 .. {known - 1}; draft others")
        self._draft, self._rows = draft, None
        self._drafted = Drafted(draft, sequence.engine.seam.device) if draft.ids else None
        return self._drafted

    def passed(self, rows: Tensor) -> None:
        """What was proposed has passed. rows: logits `[1 + n, vocab]`, first after the token that it follows."""
        self._rows = rows

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
        return self._accepted.pop(0)

    def _remember(self, sequence: Sequence) -> None:
        """Takes up the pending token as if it had just passed through the model."""
        if self._drafted is None or self._rows is None:
            raise RuntimeError("a token was accepted of no draft")
        self._place = self._draft.after(self._place)[sequence.pending[0]]
        row = self._place + 1
        portion = next_portion(sequence, reading=False)
        run_known(portion, self._drafted, row)
        sequence.upcoming = self._rows[row]
        if acts_after_pass(portion):
            compress(sequence)

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
