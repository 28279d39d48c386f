"""The thread that owns the model: it runs all requests together, a pass at a time."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

import torch

from longspan.model import Model
from longspan.running.generation import Step
from longspan.running.runner import Request
from longspan.running.sequence import reading
from longspan.running.source import Prompt
from longspan.running.speaking import speakers
from longspan.serving.admission import Admission
from longspan.serving.events import Done, Ended, Read, Spoken, Used
from longspan.serving.interleaving import Interleaving
from longspan.serving.job import Job
from longspan.serving.likelihoods import echoed
from longspan.serving.prefixes import Prefixes
from longspan.serving.refused import Refused, refusal
from longspan.serving.returning import Returning
from longspan.serving.turns import Turns
from longspan.session import Session

T = TypeVar("T")
STUCK = 60.0
"""Seconds without a pass after which something is wrong."""


class Worker:
    """Runs jobs side by side. Nothing else may use the model meanwhile.

    chunk: tokens of one prompt that pass at a time; it is the same alone and under load, so that answers are too.
    admission: how much may be held and how many may wait.
    """

    def __init__(self, model: Model, *, chunk: int, admission: Admission) -> None:
        self.model, self.chunk, self.admission = model, chunk, admission
        self.prefixes, self._returning = Prefixes(chunk), Returning()
        self._jobs: dict[int, Job] = {}
        self._of: dict[int, tuple[Job, int]] = {}
        turns = Turns(chunk, lambda request: self._of[id(request)][0].owner)
        self._passes = Interleaving(model.seam, turns, meanwhile=self._meanwhile, told=self._told)
        self._waiting: deque[Job] = deque()
        self._calls: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._quick: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._wake = threading.Condition()
        self.closing = self.closed = False
        self.ticked, self._counted, self.held_bytes = time.monotonic(), 0.0, 0
        self._thread = threading.Thread(target=self._run, name="longspan-worker", daemon=True)
        self._thread.start()

    # From other threads.

    def submit(self, job: Job) -> None:
        """Takes a job in. Raises Refused where too many wait."""
        with self._wake:
            if self.closing:
                raise Refused(
                    "the server is shutting down; try again later", kind="overloaded", retry_after=5
                )
            self.admission.check(job, self._waiting)
            self._waiting.append(job)
            self._wake.notify()

    def call(self, work: Callable[[], T], *, quick: bool = False) -> Future[T]:
        """Runs something on the thread, between two passes. quick: between two layers of a pass if need be; it then
        does nothing with the model."""
        future: Future[T] = Future()
        with self._wake:
            if self.closed:
                raise Refused("the server is shut down", kind="overloaded")
            (self._quick if quick else self._calls).append((future, work))
            self._wake.notify()
        return future

    def wake(self) -> None:
        """Something was cancelled."""
        with self._wake:
            self._wake.notify()

    def drain(self) -> None:
        """Takes nothing more; what runs goes on."""
        with self._wake:
            self.closing = True
            self._wake.notify()

    def close(self, reason: str = "the server is shutting down; try again later") -> None:
        """Ends all, from between the layers of a pass if need be, and gives the memory back."""
        self.drain()
        if not self.closed:
            self.call(lambda: self._end_all(reason), quick=True).result()
        self._thread.join()

    @property
    def running(self) -> int:
        """Jobs at work."""
        return len(self._jobs)

    @property
    def waiting(self) -> int:
        """Jobs that wait for memory."""
        return len(self._waiting)

    @property
    def stuck(self) -> bool:
        """Whether it should have come further."""
        return bool(self._jobs) and time.monotonic() - self.ticked > STUCK

    # On the thread.

    def _held(self) -> int:
        """Bytes of all that is read, what is shared once."""
        self._counted = time.monotonic()
        known: set[int] = set()
        jobs = [*self._jobs.values(), *self._waiting]
        sessions = [job.session for job in jobs if job.session is not None]
        self.held_bytes = sum(
            sequence.bytes_beside(known)
            for session in (*sessions, *self.prefixes.sessions())
            for sequence in session.sequences
        )
        return self.held_bytes

    def _run(self) -> None:
        while True:
            with self._wake:
                while not (self._calls or self._quick or self._waiting or self._jobs or self.closing):
                    self._wake.wait()
                if self.closing and not (self._jobs or self._waiting or self._calls or self._quick):
                    self.prefixes.clear()
                    self.closed = True
                    return
                calls, self._calls = self._calls, deque()
            for future, work in calls:
                _answer(future, work)
            self._meanwhile()
            if self._jobs:
                self._passes.step()
            elif self._waiting:
                with self._wake:
                    self._wake.wait(0.05)
            if not self._jobs:
                self._held()
                self._returning.now_and_then(idle=True)

    def _meanwhile(self) -> None:
        """Between two passes, or two layers of one."""
        while self._quick:
            _answer(*self._quick.popleft())
        self._tend()
        self._admit()
        self.ticked = time.monotonic()
        if self.ticked - self._counted > 1:
            self._held()
            self._returning.now_and_then(idle=not self._jobs)

    def _tend(self) -> None:
        """Lets go what nobody waits for, and what takes too long."""
        now = time.monotonic()
        for job in [*self._jobs.values(), *self._waiting]:
            if job.ticket.cancelled or job.ticket.stale:
                self._end(job, None)
            elif now > job.deadline:
                seconds = now - job.came
                message = f"not done after {seconds:.0f} s, the time limit; ask for less, or give requests more time"
                self._end(job, Refused(message, kind="timeout"))

    def _admit(self) -> None:
        """Begins jobs while their memory is there; what is only kept for later gives way."""
        while self._waiting:
            job = self._waiting[0]
            if self._jobs:
                while not self.admission.fits(self._held(), self._jobs.values(), job):
                    if not self.prefixes.drop():
                        return
            else:
                while not self.admission.fits(self._held(), (), job) and self.prefixes.drop():
                    pass
            with self._wake:
                self._waiting.remove(job)
            try:
                self._begin(job)
            except Exception as error:
                self._end(job, refusal(error))

    def _begin(self, job: Job) -> None:
        job.began = time.monotonic()
        self._jobs[id(job)] = job
        job.cached = job.behind
        known = self.prefixes.longest(job.key, job.ids) if job.key and not job.echo else None
        if known is not None:
            job.close()
            job.session = known.session.fork(of=[0])
            job.cached += known.tokens
        elif job.session is None:
            job.session = self.model.session(job.plan or None, chunk=self.chunk)
        session, batch = job.session, job.session.batch
        ids = list(job.ids[job.cached - job.behind :])
        supported = batch.fit([job.total + job.generation.get("max_new_tokens", 0) + job.room])
        session.window = session.window or supported
        prompt = Prompt.of(batch.conversations, ids)
        (request,) = batch.reading(prompt, rounds=False, more=job.open, reserve=0)
        request.after = lambda _: self._was_read(job, prompt)
        request.every = job.echo
        if job.count == 1:
            said_by = speakers(self.model.seam, self.model.tokenizer, 1, **job.generation)
            (speaking,) = batch.speaking(said_by, session.ends)
            request.speaker, request.drafting, request.ends = (
                speaking.speaker,
                speaking.drafting,
                speaking.ends,
            )
            job.live[0] = request
        self._of[id(request)] = job, 0
        job.requests = [request]
        self._passes.add(request)
        self._progress(job)

    def _told(self, among: list[Request], steps: list[tuple[Request, Step]]) -> None:
        """What a pass gave."""
        jobs = list(dict.fromkeys(self._of[id(each)][0] for each in among if id(each) in self._of))
        for request, step in steps:
            if id(request) in self._of:
                self._tell(*self._of[id(request)], step)
        for job in jobs:
            failed = next((each.error for each in job.requests if each.error is not None), None)
            if job.leaving:
                self._end(job, job.refused)
            elif failed is not None:
                self._end(job, refusal(failed))
            else:
                self._went_on(job)

    def _went_on(self, job: Job) -> None:
        try:
            self._echo(job)
            if not job.read_at:
                self._progress(job)
                self._remember(job)
            elif not job.live:
                if job.keeps is not None:
                    self._keep(job, job.keeps)
                elif job.echo and not job.count:
                    job.ticket.put(Ended(index=0, why="length"))
                self._end(job, None)
        except Exception as error:
            self._end(job, refusal(error))

    def _keep(self, job: Job, keeps: Callable[[Session, Used], None]) -> None:
        """Hands over what a job has read, compressed where it is compacted."""
        used = job.used()
        session, job.session = job.session, None
        if session is not None and job.compacted:
            whole = session
            session = self._passes.aside(lambda: whole.fork(job.compacted))
            whole.close()
        if session is not None:
            job.handed = True
            keeps(session, used)

    def _progress(self, job: Job) -> None:
        left = len(job.requests[0].sequence.pending)
        seconds = time.monotonic() - job.began
        job.ticket.put(Read(processed=job.total - left, total=job.total, cached=job.cached, seconds=seconds))

    def _remember(self, job: Job) -> None:
        """Keeps what a prompt begins with, for others that begin so."""
        sequence = job.requests[0].sequence
        read = sequence.run - job.behind
        if not job.key or job.session is None:
            return
        if self.prefixes.wants(job.key, job.ids, read, len(job.ids)):
            ids = job.ids[:read]
            twin = job.session.fork()
            (kept,) = twin.sequences
            kept.pending, kept.question = [], []
            kept.history.append(reading(len(ids), 0, True))
            kept.spent.read_tokens = len(ids)
            if kept.conversation is not None:
                kept.conversation.tokens(ids)
            self.prefixes.add(job.key, ids, twin, behind=job.context)

    def _was_read(self, job: Job, prompt: Prompt) -> None:
        """A prompt is read: its answers begin."""
        job.read_at = time.monotonic()
        session = job.session
        if session is None:
            return
        self._echo(job)
        job.requests[0].every = False
        session.batch.has_read(prompt, more=job.open)
        self._progress(job)
        if job.count > 1:
            twin = session.fork(of=[0] * job.count)
            seed = job.generation.get("seed")
            seeds = None if seed is None else [seed + number for number in range(job.count)]
            said_by = speakers(self.model.seam, self.model.tokenizer, job.count, seeds, **job.generation)
            job.requests = twin.batch.speaking(said_by, twin.ends)
            session.close()
            job.session = twin
            for number, request in enumerate(job.requests):
                self._of[id(request)] = job, number
                job.live[number] = request
                self._passes.add(request)

    def _echo(self, job: Job) -> None:
        request = job.requests[0]
        if job.echo and request.rows:
            rows, request.rows = torch.cat(request.rows), []
            wanted = job.generation.get("logprobs") or 0
            tokens = list(job.ids[job.told : job.told + len(rows) + 1])
            job.ticket.put(echoed(self.model.tokenizer, rows, tokens, wanted, first=job.told == 0))
            job.told += len(rows)

    def _tell(self, job: Job, number: int, step: Step) -> None:
        if number not in job.live:
            return
        likely = () if step.logprobs is None else (step.logprobs,)
        job.unsaid[number] += 1
        if step.text or likely:
            tokens = job.unsaid.pop(number)
            job.ticket.put(Spoken(index=number, text=step.text, logprobs=likely, tokens=tokens))
        if step.finished:
            job.live.pop(number, None)
            job.ticket.put(Ended(index=number, why=step.finished, stop=step.stop, complete=step.complete))
        elif number in job.ticket.enough:
            self._passes.remove(job.live.pop(number))
            job.ticket.put(Ended(index=number, why="stop", complete=step.complete))

    def _end(self, job: Job, refused: Refused | None) -> None:
        """A job leaves, whole where nothing is said against it; from a pass as soon as that can be left."""
        with self._wake:
            if job in self._waiting:
                self._waiting.remove(job)
        left = [self._passes.remove(request) for request in job.requests]
        if not all(left):
            job.leaving, job.refused = True, refused
            return
        self._jobs.pop(id(job), None)
        for request in job.requests:
            self._of.pop(id(request), None)
        if not job.ticket.ended and not job.handed:
            job.ticket.put(refused or Done(used=job.used()))
        self.admission.ended(job)
        self._returning.ended()
        job.close()

    def _end_all(self, reason: str) -> None:
        for job in [*self._jobs.values(), *self._waiting]:
            self._end(job, Refused(reason, kind="overloaded", retry_after=5))


def _answer(future: Future[Any], work: Callable[[], Any]) -> None:
    if future.set_running_or_notify_cancel():
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)
