"""Figures for Prometheus, under the names that dashboards of vLLM know; our own begin with longspan."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator

from fastapi import APIRouter, Request
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.responses import Response

from longspan.serving.desk import Desk, Ticket
from longspan.serving.events import Called, Done, Ended, Event, Spoken, Used
from longspan.serving.refused import Refused

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120, 300, 600)
_GAPS = (0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2, 5, 10)
_TOKENS = (1, 8, 32, 128, 512, 2048, 8192, 32768, 131072, 524288, 2097152)


class Metrics:
    """What the requests of a desk took."""

    def __init__(self, desk: Desk) -> None:
        self._registry, self._desk = CollectorRegistry(), desk
        self._model = next(iter(desk.offers)).id
        self._registry.register(_State(desk, self._model))
        self._prompt = self._counter("vllm:prompt_tokens", "Tokens of prompts.")
        self._generated = self._counter("vllm:generation_tokens", "Tokens of answers.")
        self._queries = self._counter("vllm:prefix_cache_queries", "Tokens that might have been read before.")
        self._hits = self._counter("vllm:prefix_cache_hits", "Tokens that had been read before.")
        self._truncated = self._counter("longspan:truncated_tokens", "Tokens that no model was shown.")
        self._cancelled = self._counter("longspan:cancelled", "Requests that their clients left.")
        self._drafted = self._counter("vllm:spec_decode_num_draft_tokens", "Tokens that were drafted.")
        self._accepted = self._counter(
            "vllm:spec_decode_num_accepted_tokens", "Drafted tokens that were right."
        )
        self._success = Counter(
            "vllm:request_success",
            "Answers, by why they ended.",
            ["model_name", "finished_reason"],
            registry=self._registry,
        )
        self._refused = Counter(
            "longspan:refused",
            "Requests that were not answered.",
            ["model_name", "kind"],
            registry=self._registry,
        )
        self._first = self._histogram("vllm:time_to_first_token_seconds", "Until the first token.", _SECONDS)
        self._gap = self._histogram("vllm:inter_token_latency_seconds", "Between two tokens.", _GAPS)
        self._whole = self._histogram("vllm:e2e_request_latency_seconds", "Until the end.", _SECONDS)
        self._queue = self._histogram("vllm:request_queue_time_seconds", "Waiting.", _SECONDS)
        self._read = self._histogram("vllm:request_prefill_time_seconds", "Reading.", _SECONDS)
        self._spoke = self._histogram("vllm:request_decode_time_seconds", "Generating.", _SECONDS)
        self._prompts = self._histogram("vllm:request_prompt_tokens", "Of a request.", _TOKENS)
        self._answers = self._histogram("vllm:request_generation_tokens", "Of a request.", _TOKENS)

    def watched(self, request: Request, ticket: Ticket) -> Ticket:
        """The ticket, with what comes of it counted."""
        return _Watched(self, ticket)

    def refused(self, refused: Refused) -> None:
        """Counts a request that is not answered."""
        self._refused.labels(self._model, refused.kind).inc()

    @property
    def page(self) -> bytes:
        """As Prometheus reads it."""
        return generate_latest(self._registry)

    def _counter(self, name: str, about: str) -> Counter:
        return Counter(name, about, ["model_name"], registry=self._registry).labels(self._model)

    def _histogram(self, name: str, about: str, buckets: tuple[float, ...]) -> Histogram:
        made = Histogram(name, about, ["model_name"], registry=self._registry, buckets=buckets)
        return made.labels(self._model)

    def _count(self, event: Event, began: float, last: float | None) -> None:
        now = time.perf_counter()
        if isinstance(event, Spoken | Called):
            (self._first if last is None else self._gap).observe(now - (began if last is None else last))
        elif isinstance(event, Ended):
            self._success.labels(self._model, event.why).inc()
        elif isinstance(event, Done):
            self._whole.observe(now - began)
            self._took(event.used)

    def _took(self, used: Used) -> None:
        self._prompt.inc(used.prompt_tokens)
        self._generated.inc(used.generated_tokens)
        self._queries.inc(used.prompt_tokens)
        self._hits.inc(used.cached_tokens)
        self._truncated.inc(used.truncated_tokens)
        self._drafted.inc(used.drafted_tokens)
        self._accepted.inc(used.accepted_tokens)
        self._queue.observe(used.queue_seconds)
        self._read.observe(used.prefill_seconds)
        self._spoke.observe(used.decode_seconds)
        self._prompts.observe(used.prompt_tokens)
        self._answers.observe(used.generated_tokens)


class _Watched:
    """A ticket whose events are counted."""

    def __init__(self, metrics: Metrics, ticket: Ticket) -> None:
        self._metrics, self._ticket = metrics, ticket
        self._began, self._ended = time.perf_counter(), False

    async def __aiter__(self) -> AsyncIterator[Event]:
        last: dict[int, float] = {}
        try:
            async for event in self._ticket:
                index = getattr(event, "index", 0)
                self._metrics._count(event, self._began, last.get(index))
                if isinstance(event, Spoken | Called):
                    last[index] = time.perf_counter()
                self._ended = self._ended or isinstance(event, Done)
                yield event
        except Refused as refused:
            self._ended = True
            self._metrics.refused(refused)
            raise

    def cancel(self) -> None:
        """Of what is behind it."""
        if not self._ended:
            self._ended = True
            self._metrics._cancelled.inc()
        self._ticket.cancel()


class _State(Collector):
    """How a desk is at the moment."""

    def __init__(self, desk: Desk, model: str) -> None:
        self._desk, self._model = desk, model

    def collect(self) -> Iterator[Metric]:
        """Its gauges."""
        state = self._desk.state
        share = state.held_bytes / state.limit_bytes if state.limit_bytes else 0.0
        for name, about, value in (
            ("vllm:num_requests_running", "Requests at work.", state.running),
            ("vllm:num_requests_waiting", "Requests that wait.", state.waiting),
            ("vllm:kv_cache_usage_perc", "Share of the memory for keys and values, 0 to 1.", share),
            ("longspan:held_bytes", "Of keys and values in memory.", state.held_bytes),
            ("longspan:disk_bytes", "Of contexts on disk.", state.disk_bytes),
            ("longspan:contexts", "That are kept.", state.contexts),
        ):
            gauge = GaugeMetricFamily(name, about, labels=["model_name"])
            gauge.add_metric([self._model], value)
            yield gauge


def router(metrics: Metrics) -> APIRouter:
    """What Prometheus asks for."""
    routes = APIRouter()

    @routes.get("/metrics")
    async def figures() -> Response:
        return Response(metrics.page, media_type="text/plain; version=0.0.4; charset=utf-8")

    return routes
