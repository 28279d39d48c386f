"""LIConBench, also LongICLBench: tasks with very many labels, learned in context (https://arxiv.org/abs/2404.02060)."""

from longspan.credit import Credit
from longspan.evaluation.tasks.liconbench.classification import Banking77, Clinc150, Invented
from longspan.evaluation.tasks.liconbench.entities import FewNerd

_FORM = "Instruction and demonstrations, then a text in their form; the answer begins with {label}:"

CREDITS = (
    Credit(
        kind="task",
        name="liconbench",
        field=170,
        missing="Of its six data sets GoEmotion, TacRED, DialogRE and Discovery are absent.",
    ),
    Credit(kind="task", name="liconbench/clinc150", field=107),
)

TASKS = (
    Invented(
        name="liconbench/look-up",
        description="Look up in demonstrations which of 64 invented categories the thing of a remark has.",
        max_new_tokens=20,
        form=_FORM.format(label="category"),
    ),
    Banking77(
        name="liconbench/banking77",
        description="Learn from demonstrations which of 77 intents a bank customer's query has.",
        max_new_tokens=32,
        source="github.com/PolyAI-LDN/task-specific-datasets, or mteb/banking77 on the hub",
        licence="CC BY 4.0",
        form=_FORM.format(label="intent category"),
    ),
    Clinc150(
        name="liconbench/clinc150",
        description="Learn from demonstrations which of 150 intents a query to an assistant has.",
        max_new_tokens=32,
        source="github.com/clinc/oos-eval",
        licence="CC BY 3.0",
        paper="HELMET: How to Evaluate Long-Context Language Models Effectively and Thoroughly",
        link="https://arxiv.org/abs/2410.02694",
        form=_FORM.format(label="intent category"),
    ),
    FewNerd(
        name="liconbench/few-nerd",
        description="Learn from demonstrations to find the entities of a sentence with their fine types.",
        max_new_tokens=100,
        source="github.com/TIGER-AI-Lab/LongICLBench",
        licence="CC BY-SA 4.0",
        form="Instruction and demonstrations, then a sentence in their form.",
    ),
)
