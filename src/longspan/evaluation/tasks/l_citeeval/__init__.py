"""L-CiteEval: answers that cite the passages they rest on (https://arxiv.org/abs/2410.02115)."""

from longspan.credit import Credit
from longspan.evaluation.source import Source
from longspan.evaluation.tasks.l_citeeval.answers import Cited, Conversation, Summary
from longspan.evaluation.tasks.l_citeeval.marked import CountingStars, OneNeedle

_KINDS: dict[str, tuple[type[Cited], str]] = {
    "narrativeqa": (Cited, "Answer a question on a book, with citations."),
    "natural_questions": (Cited, "Answer a question of a search engine's user, with citations."),
    "hotpotqa": (Cited, "Answer a question on two things, with citations."),
    "2wikimultihopqa": (Cited, "Answer a question in several steps, with citations."),
    "gov_report": (Summary, "Summarise a report of a government, with citations."),
    "multi_news": (Summary, "Summarise several pieces of news, with citations."),
    "qmsum": (Summary, "Summarise what a query asks about a meeting, with citations."),
    "locomo": (Conversation, "Answer a question on long conversations, with citations."),
    "dialsim": (Conversation, "Answer a question as one of a series' persons, with citations."),
    "niah": (OneNeedle, "Answer a question from the one passage that has the answer, and cite it."),
    "counting_stars": (CountingStars, "Collect the numbers that stand in some passages, and cite these."),
}
_PARTS = {
    "Data": tuple(_KINDS),
    "Length": ("narrativeqa", "hotpotqa", "gov_report", "locomo", "counting_stars"),
    "Hardness": ("narrativeqa", "hotpotqa", "gov_report", "locomo", "counting_stars"),
}


def _task(part: str, kind: str) -> Cited:
    cls, description = _KINDS[kind]
    before = "" if part == "Data" else f"{part.lower()}-"
    path = f"L-CiteEval-{part}/{kind}.json"
    return cls(
        name=f"l-citeeval/{before}{kind.replace('_', '-')}",
        description=description,
        data=Source(
            hub="Jonaszky123/L-CiteEval",
            subset=f"L-CiteEval-{part}_{kind}",
            files=tuple(f"{folder}/{path}" for folder in ("l-citeeval", "L-CiteEval")),
        ),
    )


CREDITS = (
    Credit(
        kind="task",
        name="l-citeeval",
        field=135,
        missing="Whether a cited passage entails the answer is counted by overlap of words, since no model "
        "of entailment is run.",
    ),
)

TASKS = tuple(_task(part, kind) for part, kinds in _PARTS.items() for kind in kinds)
