"""LongGenBench: many questions at once, answered one after the other (https://arxiv.org/abs/2410.04199)."""

from longspan.credit import Credit
from longspan.evaluation.tasks.longgenbench.sequence import TASKS

CREDITS = (
    Credit(
        kind="task",
        name="longgenbench",
        field=176,
        missing="Questions are made by rules, with examples of our own, since the authors' data sets cannot "
        "be shipped.",
    ),
)

__all__ = ["CREDITS", "TASKS"]
