"""How a sequence speaks with drafts, plainly: each drafted token runs by itself on a fork."""

from __future__ import annotations

from collections import abc
from collections.abc import Collection, Iterator
from itertools import zip_longest
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from longspan.decoding.base import Draft, Verifier
from longspan.running.generation import Step
from longspan.running.moments import reserve_tokens
from longspan.running.runner import Request, Runner
from longspan.running.sequence import Sequence
from longspan.running.speaking import Speaker

if TYPE_CHECKING:
    from longspan.decoding.base import Decode


def speak_drafted(
    sequences: abc.Sequence[Sequence], speakers: abc.Sequence[Speaker], ends: Collection[int], decode: Decode
) -> Iterator[list[Step]]:
    """Tokens of sequences side by side, step by step, as a decoding method drafts and accepts them.

    ends: tokens with which a sequence ends.
    """
    each = [
        _spoken(sequence, speaker, ends, decode)
        for sequence, speaker in zip(sequences, speakers, strict=True)
    ]
    for steps in zip_longest(*each):
        yield [step for step in steps if step is not None]


def _spoken(sequence: Sequence, speaker: Speaker, ends: Collection[int], decode: Decode) -> Iterator[Step]:
    proposer, verifier = decode.proposer(), decode.verifier()
    sequence.history.append(["generate", 0])
    reserve_tokens(sequence, speaker.limit)
    while True:
        _run(sequence)
        draft = proposer.propose(sequence.tokens)
        for token in _accepted(sequence, draft, verifier, speaker):
            step = speaker.say(token, ends)
            sequence.say(token, ended=token in ends)
            sequence.history[-1][1] += 1
            yield step
            if step.finished:
                return


def _accepted(sequence: Sequence, draft: Draft, verifier: Verifier, speaker: Speaker) -> list[int]:
    """What follows a sequence that has run."""
    if sequence.upcoming is None:
        raise ValueError("sequence has read 0 tokens, generating needs 1 or more; read something first")
    rows = [sequence.upcoming, *(_after(sequence, draft.path(place)) for place in range(len(draft.ids)))]
    return verifier.accept(draft, torch.stack(rows), speaker.draw)


def _after(sequence: Sequence, ids: tuple[int, ...]) -> Tensor:
    """Logits `[vocab]` after tokens that are then forgotten again."""
    twin = sequence.fork(sequence.ledger)
    twin.pending.extend(ids)
    try:
        _run(twin)
    finally:
        twin.release()
    if twin.upcoming is None:
        raise ValueError("draft has 0 tokens; give 1 or more")
    return twin.upcoming


def _run(sequence: Sequence) -> None:
    """Runs what is pending, a token a pass, as when it is generated."""
    waiting, sequence.pending = sequence.pending, []
    for token in waiting:
        sequence.pending.append(token)
        runner = Runner(sequence.engine.seam)
        request = runner.add(Request(sequence=sequence, reading=False))
        for _ in runner.run():
            pass
        if request.error is not None:
            raise request.error
