"""NeedleBench: retrieval and reasoning with needles, and the Ancestral Trace Challenge. https://arxiv.org/abs/2407.11963"""

from longspan.credit import Credit
from longspan.evaluation.task import Level, Task
from longspan.evaluation.tasks.needlebench.kinship import AncestralTrace, MultiHop
from longspan.evaluation.tasks.needlebench.retrieval import Retrieval

_PAPER = "NeedleBench: Can LLMs Do Retrieval and Reasoning in 1 Million Context Window?"
_LINK = "https://arxiv.org/abs/2407.11963"
_IN_PROSE = "instruction, haystack with needles, then the questions and the form of the answer"
_IN_CHAIN = "instruction with one solved example, text, then the question and a wish for \\boxed{}"
_SHARE = "share of the hidden things that the output names, in any case"
_BOXED = "the last \\boxed{} answer equals the reference"


def _retrieval(
    name: str, needles: int, new_tokens: int, diffusion: Level, scope: Level, asked: str
) -> Retrieval:
    return Retrieval(
        name=f"needlebench/{name}",
        description=f"Says which legendary thing is hidden in {asked}.",
        max_new_tokens=new_tokens,
        diffusion=diffusion,
        scope=scope,
        metric=_SHARE,
        paper=_PAPER,
        link=_LINK,
        form=_IN_PROSE,
        needles=needles,
    )


def _multi_hop(needles: int) -> MultiHop:
    return MultiHop(
        name=f"needlebench/multi-hop-{needles}",
        description=f"Follows a chain of {needles} kinships hidden in prose from one end to the other.",
        max_new_tokens=256,
        diffusion="high",
        scope="low",
        metric=_BOXED,
        paper=_PAPER,
        link=_LINK,
        form=_IN_CHAIN,
        needles=needles,
    )


CREDITS = (
    Credit(
        kind="task",
        name="needlebench",
        field=218,
        missing="Needles and haystack are our own and in English, since the authors' texts cannot be "
        "shipped.",
    ),
)

TASKS: tuple[Task, ...] = (
    _retrieval("single", 1, 48, "low", "low", "one place"),
    _retrieval("multi", 10, 320, "low", "medium", "each of ten places"),
    *(_multi_hop(needles) for needles in (2, 3, 4, 5)),
    AncestralTrace(
        name="needlebench/atc",
        description="Follows a chain of kinships that fills the whole text from one end to the other.",
        max_new_tokens=512,
        diffusion="high",
        scope="high",
        metric=_BOXED,
        paper=_PAPER,
        link=_LINK,
        form=_IN_CHAIN,
    ),
)
