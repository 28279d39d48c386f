"""How the samples of a run are asked, the same for all of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from longspan.chat import check_variables
from longspan.evaluation.prompt import TooLong
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Task
from longspan.parameters import check_choice, check_range
from longspan.running.generation import MAX_NEW_TOKENS, Generation

Question = Literal["seen", "unseen"]
"""Whether a policy that acts at the end of the prompt has seen the question, as in most papers, or acts on the context
alone, before the question is asked."""

FewShotAs = Literal["turns", "text"]
"""Solved examples as turns of a dialogue before the user's, or as text before the context."""


@dataclass(frozen=True, kw_only=True)
class Asking:
    """How samples are asked.

    question: see `Question`. too_long: see `prompt.TooLong`. system: what the chat template gets as the system's
    words, None for none of ours. few_shot: how many solved examples of the task come first;
    few_shot_as: see `FewShotAs`. temperature, top_k and top_p: as for `Session.generate`; above 0, each answer is
    drawn anew as a function of the seed, its task and its sample. repeats: answers to each sample. stop: strings that
    end an answer, besides the model's own ends. thinking: tokens that each answer may be longer than its task allows,
    for what a model says in <think> before it answers, which is not scored; a length does not include them. template:
    variables of the chat template, such as {"enable_thinking": False}.
    """

    question: Question = "seen"
    too_long: TooLong = "skip"
    system: str | None = None
    few_shot: int = 0
    few_shot_as: FewShotAs = "turns"
    temperature: float = 0.0
    top_k: int | None = None
    top_p: float | None = None
    seed: int = 0
    repeats: int = 1
    stop: tuple[str, ...] = ()
    thinking: int = 0
    template: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        for name, allowed in (("question", Question), ("too_long", TooLong), ("few_shot_as", FewShotAs)):
            check_choice(name, getattr(self, name), get_args(allowed))
        check_range("few_shot", self.few_shot, 0)
        check_range("repeats", self.repeats, 1)
        check_range("thinking", self.thinking, 0)
        check_variables(self.template)
        check_range("temperature", self.temperature, 0.0)
        check_range("top_k", 1 if self.top_k is None else self.top_k, 1)
        check_range("top_p", 1.0 if self.top_p is None else self.top_p, 0.0, 1.0)
        if not self.temperature:
            for name, unused in (("top_k", self.top_k), ("top_p", self.top_p)):
                if unused is not None:
                    raise ValueError(
                        f"{name}={unused} draws nothing at temperature=0; give a temperature above 0"
                    )
            if self.repeats > 1:
                raise ValueError(
                    f"repeats={self.repeats} would be the same answer at temperature=0; give a temperature above 0"
                )
        for each in self.stop:
            if not each:
                raise ValueError(
                    "stop='' would end every answer before it begins; give a text of 1 character or more"
                )

    def describe(self) -> dict[str, Any]:
        """All fields by name, as `run.json` holds them."""
        return {**asdict(self), "stop": list(self.stop)}

    def longest(self, task: Task, sample: Sample) -> int:
        """Tokens that an answer may have, its reasoning included."""
        return task.answer_tokens(sample) + (self.thinking if task.answer == "text" else 0)

    def generation(self, task: str, sample: str, max_new_tokens: int = MAX_NEW_TOKENS) -> Generation:
        """What `Session.generate` takes for a sample; all plans draw by the same seed."""
        drawn = hashlib.sha256(f"{self.seed}/{task}/{sample}".encode()).digest()
        return {
            "max_new_tokens": max_new_tokens,
            "temperature": self.temperature,
            "top_k": self.top_k,
            "top_p": self.top_p,
            "seed": int.from_bytes(drawn[:4]) if self.temperature else None,
            "stop": self.stop,
        }
