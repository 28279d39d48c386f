"""NoLiMa: needles that share no word with the question. https://arxiv.org/abs/2502.05167"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Literal

from longspan.credit import Credit
from longspan.evaluation.origin import Origin
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Generated, Request, Task, TaskError
from longspan.evaluation.tasks.hiding import depth_of, hidden
from longspan.evaluation.tasks.needlebench.people import FIRST_NAMES
from longspan.evaluation.tasks.nolima.pairs import PAIRS
from longspan.evaluation.tasks.nolima.published import Needle, needle_set, needles

DEPTHS = 26


@dataclass(frozen=True, kw_only=True)
class NoLiMa(Generated):
    """Which character a hidden sentence speaks of, known only by what the world knows. https://arxiv.org/abs/2502.05167

    hops: 1 asks for what the needle implies, 2 for what that implies in turn. Needle, character and a piece of the
    haystack are drawn for each sample; the needle lies at 26 depths in turn, from 0 to 1 by the sample's number.
    Needles and questions are those of the paper where the folder of local data has its needle_set.json, else our own
    in the paper's form. One run gives the score of one length: the base score (the
    best at 250, 500 or 1,000 tokens) and the effective length (the longest with 0.85 of it) come from running several
    lengths and `metrics.effective.effective_length`. A haystack of the user's is not searched for sentences that
    answer the question too; only its names are avoided.
    """

    hops: Literal[1, 2]
    origin: Origin = "stand-in"
    unlike: str = "no distractors and no hard set; a haystack is not searched for sentences that answer too"

    def origin_of(self, data: Path | None) -> Origin:
        """By the benchmark's rules from its own needles, if they are there."""
        return self.origin if needle_set(data) is None else "generated"

    def _needles(self, data: Path | None) -> tuple[Needle, ...]:
        path = needle_set(data)
        if path is not None:
            return needles(path, self.hops)
        return tuple(
            Needle(
                needle=pair.needle.format(name="{CHAR}"),
                question=pair.one_hop if self.hops == 1 else pair.two_hop,
                names=FIRST_NAMES,
            )
            for pair in PAIRS
        )

    def asks(self, sample: Sample) -> str:
        """The question, whatever it is asked of."""
        return sample.question

    def make(self, random: Random, index: int, request: Request) -> Sample:
        """One needle in the haystack."""
        chosen = random.choice(self._needles(request.data))
        free = [each for each in chosen.names if not request.haystack.mentions(each)]
        if not free:
            raise TaskError(
                f"{self.name}: all {len(chosen.names)} names of characters stand in {request.haystack.name} too; "
                "choose another haystack"
            )
        name = random.choice(free)
        start = random.randrange(len(request.haystack.sentences))
        depth = depth_of(index, DEPTHS)
        hidden_text, asked = (text.replace("{CHAR}", name) for text in (chosen.needle, chosen.question))
        needle = (depth, hidden_text)

        def build(count: int) -> Sample:
            text = hidden(request.haystack.take(count, start), [needle])
            return Sample(
                id="",
                context=f"You will answer a question based on the following book snippet:\n\n{text}\n\n",
                question="Use the information provided in the book snippet to answer the question. Your answer "
                "should be short and based on either explicitly stated facts or strong, logical inferences.\n\n"
                f"Question: {asked}\n\n Return only the final answer with "
                "no additional explanation or reasoning.",
                references=(name,),
                facts={"depth": depth, "hops": self.hops, "needle": needle[1]},
            )

        return self.largest(build, request)

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """1 if the character's name stands in the output."""
        return {"score": float(sample.references[0] in output)}


def _task(name: str, hops: Literal[1, 2], description: str) -> NoLiMa:
    return NoLiMa(
        name=f"nolima/{name}",
        description=description,
        max_new_tokens=32,
        diffusion="high",
        scope="low",
        metric="the character's name stands in the output",
        paper="NoLiMa: Long-Context Evaluation Beyond Literal Matching",
        link="https://arxiv.org/abs/2502.05167",
        form="instruction, haystack with one needle, then instruction and question",
        source="NoLiMa's needle_set.json in the folder of local data, else generated",
        licence="Adobe Research (the paper's needles), Apache-2.0 (generated)",
        hops=hops,
    )


CREDITS = (
    Credit(
        kind="task",
        name="nolima",
        field=222,
        missing="The authors' needles are asked where the local data has them, else our own, since their "
        "licence forbids to ship them.",
    ),
)

TASKS: tuple[Task, ...] = (
    _task("one-hop", 1, "Names the character of a sentence that implies what is asked, without its words."),
    _task("two-hop", 2, "Names the character of a sentence that implies by two steps what is asked."),
)
