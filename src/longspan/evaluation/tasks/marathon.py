"""Marathon: multiple choice on texts of up to 260k characters and more (https://arxiv.org/abs/2312.09542)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from longspan.credit import Credit
from longspan.evaluation.metrics.letters import choice
from longspan.evaluation.published import Published
from longspan.evaluation.sample import Sample
from longspan.evaluation.source import Row, Source
from longspan.evaluation.task import Level, TaskError


@dataclass(frozen=True, kw_only=True)
class Marathon(Published):
    """A text, a question and options.

    The authors publish the questions without the right options and score answers on their site, so each row needs its
    letter added as `answer`. Facts: `type` of the question.
    """

    max_new_tokens: int = 32
    diffusion: Level = "high"
    scope: Level = "medium"
    metric: str = "accuracy of the chosen letter"
    paper: str = "Marathon: A Race Through the Realm of Long Context with Large Language Models"
    link: str = "https://arxiv.org/abs/2312.09542"
    source: str = (
        "https://huggingface.co/datasets/Lemoncoke/Marathon, with the right options added by the user"
    )
    licence: str = "MIT"
    form: str = "the text, then question and options; the answer is asked for as JSON"

    def read(self, row: Row, number: int) -> Iterator[Sample]:
        """One sample a row."""
        if row.get("answer") is None:
            raise TaskError(
                f"{self.name} row {number + 1} has no answer: the authors publish questions only, and score at "
                "https://openbenchmark.online/marathon; add the right letter as answer to each row of "
                "marathon/marathon.json in the folder of data=..."
            )
        options = {letter: str(text) for letter, text in row["options"].items() if text is not None}
        if row["answer"] not in options:
            raise ValueError(f"answer {row['answer']!r} is none of {', '.join(options)}")
        listed = "\n".join(f"{letter}. {text}" for letter, text in options.items())
        yield Sample(
            id=str(row["id"]),
            context=f"According to following context answer question.\n\nContext:\n{row['context']}\n\n",
            question=f"Question:\nBased on the description above, {row['question']}?\n\nOptions:\n{listed}\n\n"
            'Please answer this question with JSON format, for example {"option":"A"}.\nAnswer:\n',
            references=(row["answer"],),
            facts={"type": row["type"]},
        )

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """1 for the right letter."""
        return {"score": choice(output, sample.references[0])}


CREDITS = (Credit(kind="task", name="marathon", field=204),)

TASKS = (
    Marathon(
        name="marathon/choice",
        description="Choose the right answer to a question on a long text, of six kinds from facts to order in time.",
        data=Source(hub="Lemoncoke/Marathon", files=("marathon/marathon.json", "marathon.json")),
    ),
)
