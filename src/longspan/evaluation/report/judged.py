"""What judges said of a run's answers, apart from the scores of the metrics."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from longspan.evaluation.judge import Judgement, answer_digest, judgements
from longspan.evaluation.metrics.aggregate import MEAN
from longspan.evaluation.record import Key, RunFolder
from longspan.evaluation.report.answers import Answers
from longspan.evaluation.report.table import Row, mean_rows, task_rows


@dataclass(frozen=True, kw_only=True)
class Judged:
    """The rows of one judge with one prompt, made like those of the metrics.

    rows: of single tasks, then the means. answers: judged; unclear: of these, without a score in what was said.
    """

    judge: str
    prompt: str
    rows: tuple[Row, ...]
    answers: int
    unclear: int

    def to_dict(self) -> dict[str, Any]:
        """All figures by name, as JSON holds them."""
        return {
            "judge": self.judge,
            "prompt": self.prompt,
            "answers": self.answers,
            "unclear": self.unclear,
            "rows": [row.to_dict() for row in self.rows],
        }


def judged(folder: RunFolder, answers: Answers) -> tuple[Judged, ...]:
    """One for each judge and prompt; a judgement of an answer that is there no more does not count."""
    found: dict[tuple[str, str], dict[Key, Judgement]] = {}
    for each in judgements(folder):
        record = answers.records.get(each.key)
        if record is not None and answer_digest(record.output) == each.answer:
            found.setdefault((each.judge, each.prompt), {})[each.key] = each
    return tuple(_judged(judge, prompt, said, answers) for (judge, prompt), said in found.items())


def _judged(judge: str, prompt: str, said: dict[Key, Judgement], answers: Answers) -> Judged:
    records = {
        key: replace(answers.records[key], status="scored", scores={"score": each.score})
        for key, each in said.items()
        if each.score is not None
    }
    theirs = replace(answers, records=records, aggregates=dict.fromkeys(answers.tasks, MEAN))
    return Judged(
        judge=judge,
        prompt=prompt,
        rows=(*task_rows(theirs), *mean_rows(theirs)),
        answers=len(said),
        unclear=len(said) - len(records),
    )
