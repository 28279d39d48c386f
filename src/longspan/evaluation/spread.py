"""A run spread over the machines of a Ray cluster, one copy of the model on each worker."""

from __future__ import annotations

import math
import socket
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from longspan.errors import LongspanError
from longspan.evaluation.asking import Asking
from longspan.evaluation.local import Local
from longspan.evaluation.record import Record
from longspan.evaluation.sample import Sample
from longspan.evaluation.work import Work
from longspan.model import load
from longspan.plan import Plan
from longspan.progress import Watcher


class Spread:
    """Copies of a model on the workers of a Ray cluster as the target of a run.

    model: a name that every machine can load. address: "local" starts Ray on this machine, "auto" finds the cluster at
    hand, anything else is a cluster's address. workers: copies of the model, by default one for each machine.
    """

    def __init__(
        self,
        model: str | None,
        *,
        address: str = "auto",
        workers: int | None = None,
        chunk: int = 2048,
        dtype: str = "auto",
        device: str = "auto",
        weights: str = "auto",
        progress: Watcher | None = None,
    ) -> None:
        try:
            import ray
        except ImportError as error:
            raise LongspanError("spreading a run needs Ray: pip install 'longspan[ray]'") from error
        held = {"dtype": dtype, "device": device, "weights": weights}
        self._local = Local(load(model, progress=progress, **held), chunk=chunk)  # type: ignore[arg-type]
        _check_reachable(address)
        try:
            ray.init(address=address, ignore_reinit_error=True, log_to_driver=False, include_dashboard=False)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise LongspanError(_no_cluster(address, error)) from error
        machines = [node for node in ray.nodes() if node["Alive"]]
        count = workers or len(machines)
        cores = max(1, math.floor(sum(node["Resources"].get("CPU", 1) for node in machines) / count))
        remote = ray.remote(num_cpus=cores, max_restarts=2, max_task_retries=2)(_Worker)
        self._ray = ray
        self._workers = [remote.remote(model, chunk, cores, held) for _ in range(count)]

    def overhead(self, asking: Asking) -> int:
        """As for a local model."""
        return self._local.overhead(asking)

    def count_tokens(self, text: str) -> int:
        """Tokens of a text."""
        return self._local.count_tokens(text)

    def window(self, plan: Plan) -> int | None:
        """Tokens that a plan allows."""
        return self._local.window(plan)

    def describe(self) -> dict[str, Any]:
        """The same as for a local model, so that a run can go on here or there."""
        return self._local.describe()

    def prompt(self, work: Work, sample: Sample, asking: Asking) -> str:
        """As for a local model."""
        return self._local.prompt(work, sample, asking)

    def answers(self, works: Iterable[Work], asking: Asking) -> Iterator[Record]:
        """One record for each sample and plan; a worker gets a context with all that is asked of it."""
        waiting = iter(works)
        busy: dict[Any, Any] = {}
        try:
            for worker in self._workers:
                self._give(worker, waiting, busy, asking)
            while busy:
                (finished,), _ = self._ray.wait(list(busy), num_returns=1)
                worker = busy.pop(finished)
                records = self._ray.get(finished)
                self._give(worker, waiting, busy, asking)
                yield from records
        except self._ray.exceptions.RayError as error:
            raise LongspanError(
                f"the Ray cluster failed ({' '.join(str(error).split())[-300:]}); answers so far are kept: run the "
                "same command again"
            ) from error
        finally:
            for reference in busy:
                self._ray.cancel(reference, force=False)

    def close(self) -> None:
        """Gives the workers back."""
        for worker in self._workers:
            self._ray.kill(worker)

    def _give(self, worker: Any, waiting: Iterator[Work], busy: dict[Any, Any], asking: Asking) -> None:
        work = next(waiting, None)
        if work is not None:
            # Plans travel as text, so that workers build them from methods of their own.
            texts = [str(plan) for plan in work.plans]
            busy[worker.answer.remote(replace(work, plans=()), texts, asking)] = worker


def _check_reachable(address: str) -> None:
    """Ray itself tries for minutes to reach an address where nothing listens."""
    host, _, port = address.rpartition(":")
    if host and port.isdigit():
        try:
            socket.create_connection((host.removeprefix("ray://"), int(port)), timeout=10).close()
        except OSError as error:
            raise LongspanError(_no_cluster(address, error)) from error


def _no_cluster(address: str, error: Exception) -> str:
    return f"no Ray cluster at {address} ({error}); start one with ray start --head, or take ray=local"


class _Worker:
    """One copy of the model."""

    def __init__(self, model: str | None, chunk: int, threads: int, held: dict[str, str]) -> None:
        import torch

        torch.set_num_threads(threads)
        self._local = Local(load(model, **held), chunk=chunk)  # type: ignore[arg-type]

    def answer(self, work: Work, plans: list[str], asking: Asking) -> list[Record]:
        whole = replace(work, plans=tuple(Plan.of(plan) for plan in plans))
        return list(self._local.answers([whole], asking))
