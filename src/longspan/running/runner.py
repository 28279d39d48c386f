"""Sequences that pass through a model side by side; they join and leave between passes."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from longspan.running.compressing import compress
from longspan.running.drafting import Drafting
from longspan.running.generation import Step
from longspan.running.moments import Portion, acts_after_pass, next_portion, reserve_tokens
from longspan.running.passing import forward
from longspan.running.sequence import Sequence
from longspan.running.speaking import Speaker
from longspan.seam.seam import Seam


@dataclass(kw_only=True, eq=False)
class Request:
    """What is wanted of a sequence: that what is pending in it is read, and that it then speaks.

    reading: whether what is pending is a text up to its end, and not what was generated or given token by token. more:
    whether the text goes on in another call, so that nothing acts yet because it ended. speaker: draws the tokens that
    follow, None to read only. drafting: drafts them first. ends: tokens that end what is said. after: what is done with
    the sequence once it is read and before it speaks. reserve: tokens to come for which memory is taken at once. every:
    whether logits after each token are wanted, gathered in `rows` as `[n, vocab]` each.

    finished: whether nothing is left to do. error: why it could not go on.
    """

    sequence: Sequence
    reading: bool = True
    more: bool = False
    speaker: Speaker | None = None
    drafting: Drafting | None = None
    ends: Collection[int] = ()
    after: Callable[[Sequence], None] | None = None
    reserve: int = 0
    every: bool = False
    rows: list[Tensor] = field(default_factory=list)
    finished: bool = False
    error: BaseException | None = None

    @property
    def _known(self) -> bool:
        """Whether what is pending need not pass any more."""
        return self.drafting is not None and self.drafting.knows

    @property
    def _surprised(self) -> bool:
        selector = self.sequence.engine.selector
        return selector is not None and selector.surprised


class Runner:
    """Runs requests, a pass at a time: chunks that are read beside single tokens that were drawn.

    budget: tokens of chunks that pass through the model at a time, None for no bound. One chunk always does, however
    long, so that reading never waits for those who speak; single tokens always do. Chunks are never cut, so that an
    answer is the same beside others and alone. A request that fails leaves the others alone.

    requests: who is there. passing: those in a pass that has begun, from between whose layers (`Seam.between`) a step
    of others may be made.
    """

    def __init__(self, seam: Seam, *, budget: int | None = None) -> None:
        self._seam, self._budget = seam, budget
        self.requests: list[Request] = []
        self.passing: list[Request] = []

    def add(self, request: Request) -> Request:
        """Lets a request join from the next step on. Raises ValueError for a sequence that is in another request."""
        sequence = request.sequence
        if any(each.sequence is sequence for each in self.requests):
            raise ValueError("sequence is part of a request already; wait for its end, or fork it")
        sequence.fit(sequence.end)
        sequence.announced = sequence.end
        if request.reading:
            reserve_tokens(sequence, len(sequence.pending) + request.reserve, reading=True)
        elif request.speaker is not None:
            reserve_tokens(sequence, request.speaker.limit)
        self.requests.append(request)
        return request

    def remove(self, request: Request) -> None:
        """Lets a request leave; its sequence stays as it is."""
        self.requests = [each for each in self.requests if each is not request]

    def clear(self) -> None:
        """Lets all requests leave."""
        self.requests = []

    def step(self, among: Collection[Request] | None = None) -> list[tuple[Request, Step]]:
        """One pass, and one token for each request that speaks. Requests that are finished or failed have left.

        among: who takes part, all by default; those in a pass that has begun never do.
        """
        began = time.perf_counter()
        mine = [
            each for each in self.requests if each not in self.passing and (among is None or each in among)
        ]
        chosen = self._chosen(mine)
        if chosen:
            self.passing += (passing := [request for request, _ in chosen])
            try:
                self._pass(chosen)
            finally:
                self.passing = [each for each in self.passing if each not in passing]
        read = time.perf_counter()
        steps = []
        for request in mine:
            sequence = request.sequence
            if request.finished or request not in self.requests:
                continue
            if request.error is None and (request._known or not sequence.pending):
                try:
                    if request.reading:
                        self._come_to_end(request)
                    if request.speaker is None:
                        request.finished = True
                    else:
                        steps.append((request, self._spoken(request, request.speaker)))
                except Exception as error:  # of this request alone
                    request.error = error
        self._share(chosen, read - began, [request for request, _ in steps], time.perf_counter() - read)
        self.requests = [each for each in self.requests if not each.finished and each.error is None]
        return steps

    def run(self) -> Iterator[list[tuple[Request, Step]]]:
        """Steps until no request is left."""
        while self.requests:
            yield self.step()

    def _chosen(self, requests: list[Request]) -> list[tuple[Request, Portion]]:
        """What takes part in the next pass: all single tokens, then chunks in their order."""
        waiting = [each for each in requests if each.sequence.pending and not each._known]
        speaking: list[Request] = []
        reading: list[Request] = []
        for request in waiting:
            (reading if request.reading else speaking).append(request)
        chosen: list[tuple[Request, Portion]] = []
        read = 0
        for request in speaking + reading:
            sequence = request.sequence
            if request.reading:
                taken = min(len(sequence.pending), sequence.engine.chunk)
                if read and self._budget is not None and read + taken > self._budget:
                    continue
                read += taken
            try:
                chosen.append((request, self._portion(request, len(speaking))))
            except Exception as error:  # of the one who drafts
                request.error = error
        return chosen

    def _portion(self, request: Request, speaking: int) -> Portion:
        """What passes of a request, with a draft behind a token that was generated. speaking: requests that speak."""
        sequence, speaker, drafting = request.sequence, request.speaker, request.drafting
        drafted = None
        if drafting and speaker and not request.reading and len(sequence.pending) == 1:
            depth, form = speaker.limit - speaker.count - 1, speaker.draws.form
            drafted = drafting.propose(sequence, depth, speaking, form)
        portion = next_portion(sequence, reading=request.reading, more=request.more)
        return portion if drafted is None else replace(portion, drafted=drafted)

    def _pass(self, chosen: list[tuple[Request, Portion]]) -> None:
        """Runs portions and takes up what follows from them."""
        keep: list[int] = []
        sizes: list[int] = []
        start = 0
        for request, portion in chosen:
            end = start + len(portion.passing)
            whole = request.every or request._surprised or portion.drafted
            if whole or not request.sequence.pending:
                mine = range(start if whole else end - 1, end)
                keep += mine
                sizes.append(len(mine))
            else:
                sizes.append(0)
            start = end
        began = time.perf_counter()
        try:
            logits, errors = forward(self._seam, [portion for _, portion in chosen], keep)
        except Exception as failure:  # nobody can go on whose tokens were in this pass
            for request, _ in chosen:
                request.error = failure
            return
        _note([portion for _, portion in chosen], time.perf_counter() - began)
        for (request, portion), rows, error in zip(chosen, logits.split(sizes), errors, strict=True):
            sequence = request.sequence
            request.error = error
            if error is None:
                try:
                    if request._surprised:
                        sequence.surprise.append(_surprise(sequence.upcoming, rows, portion.ids))
                    if request.every:
                        request.rows.append(rows)
                    if request.drafting is not None and len(portion.ids) == 1 and not portion.reading:
                        request.drafting.passed(rows)
                        sequence.upcoming = rows[0]
                    elif len(rows):
                        sequence.upcoming = rows[-1]
                    if acts_after_pass(portion):
                        compress(sequence)
                except Exception as failed:  # of this request alone
                    request.error = failed

    def _come_to_end(self, request: Request) -> None:
        """A text has been read."""
        if request.after is not None:
            request.after(request.sequence)
        request.reading = False
        if request.speaker is not None:
            reserve_tokens(request.sequence, request.speaker.limit)

    def _spoken(self, request: Request, speaker: Speaker) -> Step:
        """The next token of a request."""
        sequence = request.sequence
        drafting = request.drafting
        if speaker.count:
            speaker.check(sequence.seen)
        else:
            speaker.begin(sequence.ids, request.ends)
        token = speaker.draw(sequence.upcoming) if drafting is None else drafting.token(sequence, speaker)
        step = speaker.say(token, request.ends)
        sequence.say(step.token, ended=step.token in request.ends)
        request.finished = bool(step.finished)
        return step

    def _share(
        self,
        chosen: list[tuple[Request, Portion]],
        passed: float,
        speaking: list[Request],
        spoken: float,
    ) -> None:
        """Counts the seconds of a step for the sequences that took part in it."""
        total = sum(len(portion.passing) for _, portion in chosen)
        for _, portion in chosen:
            spent, share = portion.sequence.spent, passed * len(portion.passing) / total
            if portion.reading:
                spent.prefill_seconds += share
            else:
                spent.decode_seconds += share
        for request in speaking:
            request.sequence.spent.decode_seconds += spoken / len(speaking)


def _note(portions: list[Portion], seconds: float) -> None:
    """Takes down what a pass of generated tokens took."""
    if not any(portion.reading or len(portion.ids) > 1 for portion in portions):
        count, first = len(portions), portions[0].sequence
        rows = sum(len(portion.passing) for portion in portions) - count + 1
        first.engine.paces[count].note(first.run, rows, seconds)


def _surprise(before: Tensor | None, logits: Tensor, ids: Tensor) -> Tensor:
    """−log p of each token `[n]`, given the logits after it `[n, vocab]` and those before the first of them.

    The first token of a text has no surprise, and no vector has.
    """
    known = ids >= 0
    ids = ids.clamp(min=0)
    first = ids.new_zeros(1, dtype=torch.float32)
    if before is not None:
        first = -before.float().log_softmax(-1)[ids[:1]]
    parts = [first.to(logits.device)]
    for some, following in zip(logits[:-1].split(256), ids[1:].split(256), strict=True):
        parts.append(-some.float().log_softmax(-1).gather(1, following[:, None])[:, 0])
    return torch.cat(parts) * known.to(logits.device)
