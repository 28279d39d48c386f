"""HELMET: seven categories of application, with controllable length (https://arxiv.org/abs/2410.02694)."""

from longspan.credit import Credit
from longspan.evaluation.task import Task
from longspan.evaluation.tasks.helmet import cite, icl, longqa, rag, recall, rerank, summ

CREDITS = (
    Credit(
        kind="task",
        name="helmet",
        field=107,
        missing="The authors' judge and model of entailment are replaced by overlap of words, beside a "
        "judge of the user's own.",
    ),
)

TASKS: tuple[Task, ...] = (
    *recall.TASKS,
    *rag.TASKS,
    *rerank.TASKS,
    *cite.TASKS,
    *longqa.TASKS,
    *summ.TASKS,
    *icl.TASKS,
)
