"""LongBench-Write and LongWrite-Ruler: texts of a demanded length (https://arxiv.org/abs/2408.07055)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from longspan.credit import Credit
from longspan.evaluation.metrics.length import count_words, length_score
from longspan.evaluation.published import Published
from longspan.evaluation.sample import Sample
from longspan.evaluation.source import Row, Source
from longspan.evaluation.task import Level

LONGEST = 32_768
"""Tokens of the longest answer, as in the paper."""

TOKENS_PER_WORD = 12
"""At this many tokens for each word asked for an answer ends: at three tokens a word its score is 0 by then."""


@dataclass(frozen=True, kw_only=True)
class LongBenchWrite(Published):
    """Write a text of the length that the prompt asks for."""

    max_new_tokens: int = LONGEST
    diffusion: Level = "low"
    scope: Level = "low"
    metric: str = "length score S_l / 100; quality, which the paper lets a model judge, is left out"
    paper: str = "LongWriter: Unleashing 10,000+ Word Generation from Long Context LLMs"
    link: str = "https://arxiv.org/abs/2408.07055"
    source: str = "https://github.com/THUDM/LongWriter (evaluation/)"
    form: str = (
        "the prompt alone, as question; an answer ends at 32,768 tokens, or at 12 for each word asked for "
        "(facts: max_new_tokens)"
    )

    def read(self, row: Row, number: int) -> Iterator[Sample]:
        """One sample: the prompt, and in facts the words that it asks for."""
        prompt, words = row["prompt"], row["length"]
        if not isinstance(prompt, str) or not isinstance(words, int) or words < 1:
            raise ValueError(f"a prompt and a length of 1 or more are needed, not length={words!r}")
        yield Sample(
            id=f"{number:04d}",
            context="",
            question=prompt,
            references=(),
            facts={
                "words": words,
                "range": length_range(words),
                "type": str(row.get("type", "")),
                "max_new_tokens": min(self.max_new_tokens, TOKENS_PER_WORD * words),
            },
        )

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """The length score, and the words written."""
        written = count_words(output)
        return {"score": length_score(sample.facts["words"], written), "words": written}


def length_range(words: int) -> str:
    """The paper's range of demanded lengths that `words` lies in."""
    for bound, name in ((500, "0-500"), (2_000, "500-2k"), (4_000, "2k-4k")):
        if words < bound:
            return name
    return "4k-20k"


CREDITS = (
    Credit(
        kind="task",
        name="longbench-write",
        field=188,
        missing="Its benchmark is here, and its flow as agent-write; its training data are not.",
    ),
)

TASKS = tuple(
    LongBenchWrite(
        name=f"longbench-write/{name}",
        description=f"Write a text of the length that is asked for: {which}. Only its length is scored.",
        data=Source(files=(f"longbench_write/{file}.jsonl",), address="https://github.com/THUDM/LongWriter"),
    )
    for name, file, which in (
        ("en", "longbench_write_en", "60 English prompts, 100 words and more"),
        ("all", "longbench_write", "120 English and Chinese prompts, 100 words and more"),
        ("ruler", "longwrite_ruler", "8 prompts, each at six lengths from 1,000 to 30,000 words"),
    )
)
