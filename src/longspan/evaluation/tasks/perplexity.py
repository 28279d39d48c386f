"""How well a model foretells text after more and more of it."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from statistics import fmean
from typing import Any, ClassVar, Literal

from longspan.credit import Credit
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Generated, Request, TaskError


@dataclass(frozen=True, kw_only=True)
class Perplexity(Generated):
    """The likelihood of the last tokens of a stretch of the haystack, given what stands before them.

    scored: sentences at the end of the stretch whose tokens are foretold. context: "full" gives all that stands before
    them, up to the length; "sliding" only as many tokens as `window` allows, at every length, on the same scored
    sentences, so that the difference is what the longer context is worth. Nothing is repeated: a haystack shorter than
    the length is an error, since a model foretells what it has read before. The score is the geometric mean of the
    tokens' probabilities, 1/perplexity.
    """

    answer: ClassVar[Literal["text", "losses"]] = "losses"
    aggregate: ClassVar[str] = "perplexity"

    context: Literal["full", "sliding"]
    scored: int = 10
    window: int = 1024

    def make(self, random: Random, index: int, request: Request) -> Sample:
        """Ends at a random sentence; at "full" and "sliding" alike."""
        if request.length is None:
            raise TaskError(f"{self.name} is made at a length; give one with length=...")
        haystack = request.haystack.prose
        sentences = haystack.sentences
        end = Random(f"{request.seed}/{index}").randint(len(sentences) * 3 // 4, len(sentences))  # noqa: S311
        end = max(end, min(self.scored + 1, len(sentences)))
        scored = " " + " ".join(sentences[end - self.scored : end])
        room = min(request.length, self.window) if self.context == "sliding" else request.length
        room -= request.count_tokens(scored)
        before = self._before(haystack.name, sentences[: end - self.scored], room, request)
        return Sample(
            id="",
            context=before,
            question="",
            references=(scored,),
            facts={"context_tokens": request.count_tokens(before)},
        )

    def _before(self, name: str, sentences: Sequence[str], room: int, request: Request) -> str:
        """The last sentences that fit; together they must nearly fill the room."""
        kept: list[str] = []
        used = 0
        for sentence in reversed(sentences):
            used += request.count_tokens(" " + sentence)
            if used > room:
                break
            kept.append(sentence)
        else:
            raise TaskError(
                f"{self.name} needs {room:,} tokens of text that does not repeat, the haystack {name} "
                f"has {used:,} before the sentences that are scored; name a longer text with haystack=..."
            )
        if not kept:
            raise TaskError(
                f"{self.name} has room for {room} tokens before the {self.scored} sentences that are scored, and needs "
                "one sentence; raise length=..."
            )
        return " ".join(reversed(kept))

    def score(self, output: str, sample: Sample) -> dict[str, float]:
        """From the losses of the scored tokens: `nats` in all, of so many `tokens`."""
        losses = json.loads(output)
        loss = fmean(losses)
        return {
            "score": math.exp(-loss),
            "perplexity": math.exp(min(loss, 700.0)),
            "nats": math.fsum(losses),
            "tokens": len(losses),
        }


_FACTS: dict[str, Any] = {
    "max_new_tokens": 1,
    "chat": False,
    "diffusion": "low",
    "metric": "1/perplexity of the last sentences, over the tokens of all samples",
    "paper": "Extending Context Window of Large Language Models via Positional Interpolation",
    "link": "https://arxiv.org/abs/2306.15595",
    "source": "generated",
    "form": "a stretch of the haystack; the likelihood of its last sentences is measured, nothing is written",
}

CREDITS = (Credit(kind="task", name="perplexity", field=88),)

TASKS = (
    Perplexity(
        name="perplexity/full",
        description="Foretells the next sentences of a text after all of it up to the length.",
        context="full",
        scope="high",
        **_FACTS,
    ),
    Perplexity(
        name="perplexity/sliding",
        description="Foretells the same sentences after the last 1,024 tokens before them only.",
        context="sliding",
        scope="medium",
        **_FACTS,
    ),
)
