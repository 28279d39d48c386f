"""Long dialogues as episodes: one compressed session for each, the right one recalled for a question."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self, Unpack

import torch
from torch import Tensor
from torch.nn.functional import normalize

from longspan.errors import PlanError
from longspan.kernels.clusters import kmeans
from longspan.model import Model
from longspan.parameters import check_range
from longspan.plan import Plan
from longspan.policies import epicache
from longspan.progress import Progress, Watcher
from longspan.running.generation import Generation
from longspan.session import Session
from longspan.spans import Answer, Document, tokenize

_BEGINNINGS = 10  # of k-means, of which the best is taken
_ITERATIONS = 100


@dataclass(frozen=True, kw_only=True, eq=False)
class Episode:
    """Turns of a dialogue that speak of the same. turns: their numbers, from 0, ascending.

    prompt: the text that stands for it. centroid: its place among the embeddings, fp32 `[hidden]`.
    """

    turns: tuple[int, ...]
    prompt: str
    centroid: Tensor


@dataclass(frozen=True, kw_only=True)
class Recalled:
    """An answer, and the episode that was recalled for it, by its number from 0."""

    answer: Answer
    episode: int


class EpiCache:
    """A dialogue read once for each of its episodes. https://arxiv.org/abs/2509.17396

    Segments of so many `utterances` are clustered into `episodes` by k-means over their embeddings. For each episode
    the whole dialogue is read in blocks of `chunk` tokens into a session of its own, whose policy keeps what matters
    to the episode's prompt: its segments nearest to the centroid, at most `medoids` and `chunk` tokens of them, in
    the order of the dialogue. A question is answered by the session of the episode with the nearest centroid.
    The defaults are those of the authors' experiments; memory is bounded by episodes × budget + chunk entries a row.

    plan: its policy must be epicache, without a prompt of its own; other slots are free. Raises PlanError otherwise.
    Deviation: the authors embed with a sentence encoder, or, as here, with the mean input embedding of the model
    itself; here tokens count the less the more segments have them, since plain means hardly differ.
    """

    def __init__(
        self,
        model: Model,
        plan: Plan | str = "policy=epicache(budget=2048)",
        *,
        episodes: int = 4,
        utterances: int = 4,
        medoids: int = 8,
        chunk: int = 2048,
    ) -> None:
        for name, value in (("episodes", episodes), ("utterances", utterances), ("medoids", medoids)):
            check_range(name, value, 1)
        check_range("chunk", chunk, 1)
        self.plan = Plan.of(plan)
        policy = self.plan.policy
        if not isinstance(policy, epicache.EpiCache) or policy.prompt or policy.when != "chunk":
            raise PlanError(
                f"plan {str(self.plan)!r} has no policy epicache with when=chunk and no prompt, which the episodes "
                "give it; write policy=epicache(budget=...)"
            )
        self._policy = policy
        self.model, self.chunk = model, chunk
        self._count, self._utterances, self._medoids = episodes, utterances, medoids
        self.episodes: tuple[Episode, ...] = ()
        self.peak_bytes = 0
        self._sessions: list[Session] = []
        self._rarity = torch.empty(0)

    def read(self, turns: Sequence[str], *, progress: Watcher | None = None) -> tuple[Episode, ...]:
        """Reads a dialogue in place of what was read before, and returns its episodes.

        turns: what was said, in order, each with the speaker's name if that matters. progress counts the tokens of
        all readings together. Raises WindowExceeded for a dialogue that does not fit the plan's window.
        """
        self.close()
        if isinstance(turns, str) or not any(turn.strip() for turn in turns):
            raise ValueError("turns holds nothing that was said; give a list with a text for each turn")
        dialogue = Document("dialogue", "\n".join(turns))
        self.episodes, began = self._cluster(turns), time.perf_counter()
        try:
            for number, episode in enumerate(self.episodes):
                self._read(dialogue, episode, _together(progress, number, len(self.episodes), began))
        except BaseException:
            self.close()
            raise
        return self.episodes

    def ask(
        self,
        question: str,
        *,
        stream: Callable[[str], None] | None = None,
        **generation: Unpack[Generation],
    ) -> Recalled:
        """Answers from the episode nearest to the question; what is asked and answered is forgotten again.

        stream gets the answer's text piece by piece; the rest goes to `Session.generate`.
        """
        if not self._sessions:
            raise ValueError("no dialogue was read, asking needs one; call read(turns) first")
        here = self._embed(self._ids(question))
        nearest = torch.stack([episode.centroid @ here for episode in self.episodes]).argmax()
        with self._sessions[int(nearest)].fork() as session:
            answer = session.ask(question, stream=stream, more=True, **generation)
        return Recalled(answer=answer, episode=int(nearest))

    @property
    def nbytes(self) -> int:
        """Memory that all sessions hold now; `peak_bytes` says how much it was at most while they were read."""
        return sum(session.usage.kv_bytes for session in self._sessions)

    def close(self) -> None:
        """Gives the memory of all sessions back; nothing is read then."""
        for session in self._sessions:
            session.close()
        self._sessions, self.episodes, self.peak_bytes = [], (), 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read(self, dialogue: Document, episode: Episode, progress: Watcher | None) -> None:
        plan = replace(self.plan, policy=replace(self._policy, prompt=episode.prompt))
        before = self.nbytes
        session = self.model.session(plan, chunk=self.chunk)
        self._sessions.append(session)
        session.read(dialogue, progress=progress)
        self.peak_bytes = max(self.peak_bytes, before + session.usage.peak_kv_bytes)

    def _cluster(self, turns: Sequence[str]) -> tuple[Episode, ...]:
        """Episodes, by the first of their turns."""
        numbers = range(len(turns))
        groups = [numbers[start : start + self._utterances] for start in numbers[:: self._utterances]]
        texts = ["\n".join(turns[turn] for turn in group) for group in groups]
        ids = [self._ids(text) for text in texts]
        self._rarity = rarity(ids, self.model.seam.config.vocab_size)
        points = torch.stack([self._embed(each) for each in ids])
        centroids, labels = clustered(points, min(self._count, len(points)))
        found = []
        for number in labels.unique().tolist():
            members = (labels == number).nonzero()[:, 0]
            near = torch.cosine_similarity(points[members], centroids[number][None])
            order = members[near.argsort(descending=True, stable=True)].tolist()
            found.append(
                Episode(
                    turns=tuple(turn for member in members.tolist() for turn in groups[member]),
                    prompt=self._prompt(order, texts, ids),
                    centroid=centroids[number],
                )
            )
        return tuple(sorted(found, key=lambda episode: episode.turns))

    def _prompt(self, order: list[int], texts: list[str], ids: list[list[int]]) -> str:
        """The nearest segments that fit, in the order of the dialogue; the beginning of one that is too long alone."""
        taken: list[int] = []
        for segment in order[: self._medoids]:
            if sum(len(ids[each]) for each in (*taken, segment)) <= self.chunk:
                taken.append(segment)
        if taken:
            return "\n".join(texts[segment] for segment in sorted(taken))
        first = texts[order[0]]
        end = tokenize(self.model.tokenizer, first, plain=True).offsets[self.chunk - 1][1]
        return first[:end]

    def _ids(self, text: str) -> list[int]:
        return tokenize(self.model.tokenizer, text, plain=True).ids

    def _embed(self, ids: list[int]) -> Tensor:
        """The mean input embedding of some tokens, each by its rarity: fp32 `[hidden]`, of length 1."""
        tokens = torch.tensor(ids, dtype=torch.long)
        with torch.inference_mode():
            vectors = self.model.network.get_input_embeddings()(tokens.to(self.model.seam.device))
        return normalize(self._rarity[tokens] @ vectors.float().cpu(), dim=0)


def rarity(segments: Sequence[Sequence[int]], vocabulary: int) -> Tensor:
    """How much each token counts, fp32 `[vocabulary]`: log((segments + 1) / those that have it, at least 1)."""
    having = torch.zeros(vocabulary)
    for ids in segments:
        having[list(set(ids))] += 1
    return ((len(segments) + 1) / having.clamp(min=1)).log()


def clustered(points: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Centroids `[count, d]` and labels `[n]` of points `[n, d]`, the best of several beginnings of k-means."""
    best = torch.inf
    for seed in range(_BEGINNINGS):
        (centroids,), (labels,) = kmeans(points[None], count, iterations=_ITERATIONS, seed=seed)
        spread = float((points - centroids[labels]).square().sum())
        if spread < best:
            best, found = spread, (centroids, labels)
    return found


def _together(progress: Watcher | None, number: int, readings: int, began: float) -> Watcher | None:
    """Tells the progress of one of several equally long readings as that of all."""
    if progress is None:
        return None

    def told(one: Progress) -> None:
        done, total = one.processed + number * (one.total or 0), (one.total or 0) * readings
        progress(Progress(processed=done, total=total, seconds=time.perf_counter() - began))

    return told
