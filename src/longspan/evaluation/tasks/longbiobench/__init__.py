"""LongBioBench: biographies of people who do not exist. https://arxiv.org/abs/2506.02921"""

from typing import Any

from longspan.credit import Credit
from longspan.evaluation.task import Level, Task
from longspan.evaluation.tasks.longbiobench.reasoning import Calculation, MultiHop, Rank, TwoDiff
from longspan.evaluation.tasks.longbiobench.recall import Recall

_ALL = "the output has all values in the questions' order"


def _facts(
    name: str, new_tokens: int, diffusion: Level, scope: Level, description: str, metric: str
) -> dict[str, Any]:
    return {
        "name": f"longbiobench/{name}",
        "description": description,
        "max_new_tokens": new_tokens,
        "diffusion": diffusion,
        "scope": scope,
        "metric": metric,
        "paper": "A Controllable Examination for Long-Context Language Models",
        "link": "https://arxiv.org/abs/2506.02921",
        "form": "instruction, biographies, then (where one must reason) two solved questions, and the question; the "
        "answer is begun with 'Based on the provided context,'",
    }


CREDITS = (
    Credit(
        kind="task",
        name="longbiobench",
        field=4,
        missing="The biographies are made anew by rules of our own, with other wording than the authors'.",
    ),
)

TASKS: tuple[Task, ...] = (
    Recall(
        **_facts(
            "standard", 48, "low", "low", "Gives one attribute of one person.", "the output has the value"
        )
    ),
    Recall(
        **_facts("multi-standard-2", 96, "low", "low", "Gives one attribute of two people.", _ALL), asked=2
    ),
    Recall(
        **_facts("multi-standard-5", 192, "low", "medium", "Gives one attribute of five people.", _ALL),
        asked=5,
    ),
    Recall(
        **_facts("multi-standard-10", 384, "low", "medium", "Gives one attribute of ten people.", _ALL),
        asked=10,
    ),
    Recall(
        **_facts(
            "paraphrase",
            48,
            "medium",
            "low",
            "Gives an attribute told in other words.",
            "the output has the value",
        ),
        paraphrased=True,
    ),
    Rank(
        **_facts(
            "rank-2", 192, "medium", "low", "Ranks two people by age.", "the answer has the names in order"
        ),
        asked=2,
    ),
    Rank(
        **_facts(
            "rank-5",
            320,
            "medium",
            "medium",
            "Ranks five people by age.",
            "the answer has the names in order",
        ),
        asked=5,
    ),
    Calculation(
        **_facts(
            "calculation",
            192,
            "medium",
            "low",
            "Subtracts the ages of two people.",
            "the answer's last whole number is the difference",
        ),
        asked=2,
    ),
    TwoDiff(
        **_facts(
            "two-diff",
            192,
            "high",
            "medium",
            "Finds two people whose ages differ by a given number.",
            "the answer names two people whose ages differ so",
        ),
        asked=2,
    ),
    MultiHop(
        **_facts(
            "multi-hop-2",
            192,
            "high",
            "low",
            "Follows an attribute over one hop.",
            "the answer has the value",
        ),
        asked=2,
    ),
    MultiHop(
        **_facts(
            "multi-hop-5",
            384,
            "high",
            "medium",
            "Follows an attribute over four hops.",
            "the answer has the value",
        ),
        asked=5,
    ),
    Recall(
        **_facts(
            "citation-1",
            64,
            "low",
            "low",
            "Gives one attribute of one person with the number of the biography.",
            "the output has the value and the number in brackets",
        ),
        cited=True,
    ),
    Recall(
        **_facts(
            "citation-2",
            128,
            "low",
            "low",
            "Gives one attribute of two people with the numbers of the biographies.",
            "the output has all values and all numbers in brackets, each in the questions' order",
        ),
        asked=2,
        cited=True,
    ),
)
