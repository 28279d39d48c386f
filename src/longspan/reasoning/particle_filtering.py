"""Particle filtering: replies grow step by step, and after each step those with a good reward are forked."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from longspan.flows.base import Events
from longspan.flows.chains import forks_of, reply_of, shared
from longspan.flows.chat import Chat, Message
from longspan.flows.forks import Forks, Strand
from longspan.parameters import check_choice, check_range, check_whole
from longspan.reasoning.answers import Kind, check_kind
from longspan.reasoning.base import Conclusion, Reasoner, answered, elected, seeds
from longspan.registry import Card
from longspan.running.generation import MAX_NEW_TOKENS, Generation

CARD = Card(
    name="particle-filtering",
    target="longspan.reasoning.particle_filtering:ParticleFiltering",
    paper="A Probabilistic Inference Approach to Inference-Time Scaling of LLMs using Particle-Based Monte Carlo "
    "Methods",
    link="https://arxiv.org/abs/2502.01618",
    year=2025,
    training=False,
    changes="Grows replies step by step, and after each step draws which of them go on by a scorer's reward.",
    field=(7,),
    missing="Particle Gibbs and parallel tempering are left out; without a scorer of the user's, likelihood stands in.",
)

Scorer = Callable[[str, Sequence[str]], Sequence[float]]
"""Given the question and replies so far, a reward from 0 to 1 for each."""

_EDGE = 1e-3


@dataclass(frozen=True, kw_only=True)
class ParticleFiltering(Reasoner):
    """Particle-based Monte Carlo over the steps of a reply. https://arxiv.org/abs/2502.01618

    A step goes up to a blank line. Each particle's weight is exp(logit(reward) / scale); as many are drawn again, with
    replacement, and forked, so that what they have in common is held once. The answer is that of the highest reward
    among those that ended. Rewards are kept from 0.001 to 0.999, since the authors' bounds, the closest numbers to 0
    and 1, give one particle everything. Without a scorer the reward is the mean likelihood of a step's tokens to the
    model itself, which is no judgement of whether it is right; this stand-in is longspan's, not the paper's.
    """

    particles: int = 8
    """How many replies are grown side by side."""

    steps: int = 40
    """How many steps they have at most."""

    step_tokens: int = 1024
    """Tokens of a step at most."""

    temperature: float = 0.8
    """How tokens are drawn, unless the question says it."""

    scale: float = 1.0
    """What the logits of rewards are divided by: higher is gentler."""

    resampling: Literal["multinomial", "systematic"] = "multinomial"
    """How particles are drawn again: each by itself, as in the paper, or evenly spaced, with less chance in it."""

    inactive: bool = True
    """Whether particles that have ended take part in the drawing."""

    answer: Kind = "auto"
    """What an answer is: number, choice, text, or auto for what is announced as one."""

    def __post_init__(self) -> None:
        check_whole("particles", self.particles, 1)
        check_whole("steps", self.steps, 1)
        check_whole("step_tokens", self.step_tokens, 1)
        check_range("temperature", self.temperature, 0)
        check_range("scale", self.scale, 1e-3)
        check_choice("resampling", self.resampling, ("multinomial", "systematic"))
        check_kind(self.answer)

    def reason(
        self, chat: Chat, messages: Sequence[Message], events: Events, scorer: Scorer | None = None
    ) -> Conclusion:
        """Steps until all have ended. scorer: of the replies so far; ValueError for one that gives no rewards."""
        if scorer is None:
            events.step(
                "no scorer is given: the likelihood of steps stands in, which says nothing of what is right"
            )
        with forks_of(chat, messages, self.particles, "particle-filtering") as forks:
            swarm = _Swarm(self, forks, messages[-1]["content"], events, scorer)
            for number in range(self.steps):
                if not swarm.step(number):
                    break
                swarm.draw()
            used = forks.usage
            replies = [
                reply_of(
                    strand,
                    shared(used, strand.tokens, first=not place),
                    begun=forks.reasoning == "begun",
                    exact=False,
                )
                for place, strand in enumerate(forks.strands)
            ]
        found = answered(replies, self.answer)
        ended = [place for place, strand in enumerate(forks.strands) if strand.state == "ended"]
        best = max(ended or range(len(found)), key=lambda place: (swarm.rewards[place], -place))
        conclusion = elected(found, [best], shortest=False, events=events)
        events.step(
            f"{len(ended):,} of {len(found):,} particles ended; the best has a reward of {swarm.rewards[best]:.3f}"
        )
        return replace(conclusion, usage=used)


@dataclass(kw_only=False)
class _Swarm:
    """Particles on their way. rewards: of each, by its last step."""

    method: ParticleFiltering
    forks: Forks
    question: str
    events: Events
    scorer: Scorer | None
    rewards: list[float] = field(init=False)

    def __post_init__(self) -> None:
        self.rewards = [0.5] * self.method.particles
        (self._seed,) = seeds(self.events, 1)
        self._chance = random.Random(self._seed)  # noqa: S311

    def step(self, number: int) -> bool:
        """Lets all go on that are open, and rewards them; whether any is open still."""
        strands, method = self.forks.strands, self.method
        longest = self.events.generation.get("max_new_tokens", MAX_NEW_TOKENS)
        going = [place for place, strand in enumerate(strands) if strand.state == "open"]
        left = min(longest - strands[place].tokens for place in going)
        drawn: Generation = {
            "temperature": method.temperature,
            "logprobs": 0,
            **self.events.generation,
            "stop": "\n\n",
            "max_new_tokens": min(method.step_tokens, left),
        }
        first = self._seed + number * len(strands)
        self.forks.speak(going, [first + place for place in going], **drawn)
        for place in going:
            strand = strands[place]
            if strand.state == "met":
                strand.text += "\n\n"
            if strand.state != "ended":
                strand.state = "open" if strand.tokens < longest else "cut"
        for place, reward in zip(going, self._rewarded([strands[place] for place in going]), strict=True):
            self.rewards[place] = reward
        return any(strand.state == "open" for strand in strands)

    def draw(self) -> None:
        """Draws as many particles as there are, by their weights, and goes on with these."""
        strands, method = self.forks.strands, self.method
        among = [place for place, strand in enumerate(strands) if method.inactive or strand.state == "open"]
        weights = [math.exp(_logit(self.rewards[place]) / method.scale) for place in among]
        drawn = iter(resampled(weights, len(among), self._chance, method.resampling))
        chosen = [among[next(drawn)] if place in among else place for place in range(len(strands))]
        self.events.step(f"{len(set(chosen)):,} of {len(strands):,} particles go on")
        self.forks.choose(chosen)
        self.rewards = [self.rewards[place] for place in chosen]

    def _rewarded(self, strands: Sequence[Strand]) -> list[float]:
        if self.scorer is None:
            return [_likelihood(strand) for strand in strands]
        rewards = [float(each) for each in self.scorer(self.question, [strand.text for strand in strands])]
        if len(rewards) != len(strands) or not all(0.0 <= each <= 1.0 for each in rewards):
            raise ValueError(
                f"scorer gives {str(rewards)[:80]}, allowed are {len(strands)} numbers from 0 to 1; mend the scorer"
            )
        return rewards


def resampled(
    weights: Sequence[float], count: int, chance: random.Random, how: Literal["multinomial", "systematic"]
) -> list[int]:
    """Which of the weighted go on, `count` of them, each as often as its weight says on average, in their order."""
    if how == "multinomial":
        return sorted(chance.choices(range(len(weights)), weights, k=count))
    total, point, found = math.fsum(weights), chance.random(), list[int]()
    reached = 0.0
    for number, weight in enumerate(weights):
        reached += weight / total * count
        while len(found) < count and (point + len(found) < reached or number == len(weights) - 1):
            found.append(number)
    return found


def _logit(reward: float) -> float:
    inside = min(max(reward, _EDGE), 1.0 - _EDGE)
    return math.log(inside / (1.0 - inside))


def _likelihood(strand: Strand) -> float:
    values = [each.own.value for each in strand.logprobs]
    return math.exp(math.fsum(values) / len(values)) if values else 0.5
