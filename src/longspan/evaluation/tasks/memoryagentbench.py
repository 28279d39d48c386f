"""MemoryAgentBench: many questions on one long history (https://arxiv.org/abs/2507.05257).

Left out are recommendations of films, which need a list beside the data set. Where a model judges in the paper, as in
LongMemEval and in summaries, another metric stands in its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from longspan.credit import Credit
from longspan.evaluation.metrics.rouge import rouge_l
from longspan.evaluation.metrics.ruler import share_matched
from longspan.evaluation.metrics.text import best, contains, exact
from longspan.evaluation.published import Published
from longspan.evaluation.sample import Sample
from longspan.evaluation.source import Row, Source

Compare: TypeAlias = Callable[[str, Sequence[str]], float]


def one_is_there(output: str, references: Sequence[str]) -> float:
    """1 if any reference is a substring, both normalised."""
    return best(contains, output, references)


def all_are_there(output: str, references: Sequence[str]) -> float:
    """1 if every reference is a substring, in any case."""
    return float(share_matched(output, references) == 1)


def same_label(output: str, references: Sequence[str]) -> float:
    """1 if what follows "label:", or else the first line, is a reference; these may begin with "label:" too."""
    return best(exact, _label(output), [_label(reference) for reference in references])


def _label(text: str) -> str:
    said = re.search(r"(?i)label:(.*)", text)
    return said[1] if said else text.strip().partition("\n")[0]


def nearest_summary(output: str, references: Sequence[str]) -> float:
    """ROUGE-L F with the reference that suits best."""
    return best(rouge_l, output, references)


@dataclass(frozen=True, kw_only=True)
class MemoryAgentBench(Published):
    """The rows of a split whose source begins with `beginning`. query: what stands around a question; compare: an
    output with references. Facts: `source`, which tells lengths apart.
    """

    beginning: str
    query: str
    compare: Compare

    paper: str = "Evaluating Memory in LLM Agents via Incremental Multi-Turn Interactions"
    link: str = "https://arxiv.org/abs/2507.05257"
    source: str = "https://huggingface.co/datasets/ai-hyz/MemoryAgentBench"
    unlike: str = "the whole history stands in one prompt, without the paper's turns and templates"
    licence: str = "MIT"
    form: str = "the whole history at once, which its questions share, then the question in the paper's words"

    def read(self, row: Row, number: int) -> Iterator[Sample]:
        """The questions on one history."""
        source = row["metadata"]["source"]
        if not source.startswith(self.beginning):
            return
        questions, answers = list(row["questions"]), list(row["answers"])
        if len(questions) == 1:
            answers = [answers]
        for place, (question, gold) in enumerate(zip(questions, answers, strict=True)):
            yield Sample(
                id=f"{number:02d}-{place:03d}",
                context=f"{row['context']}\n\n",
                question=self.query.replace("{question}", question),
                references=tuple(_flat(gold)),
                facts={"source": source},
            )

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """The task's metric."""
        return {"score": self.compare(output, sample.references)}


def _flat(answers: Any) -> Iterator[str]:
    if isinstance(answers, str):
        yield answers
    else:
        for each in answers:
            yield from _flat(each)


def _split(name: str) -> Source:
    return Source(hub="ai-hyz/MemoryAgentBench", split=name, files=(f"memoryagentbench/{name}.jsonl",))


_THERE = "1 if any gold answer is a substring of the output, both normalised"
_RETRIEVAL = _split("Accurate_Retrieval")
_LEARNING = _split("Test_Time_Learning")
_UNDERSTANDING = _split("Long_Range_Understanding")
_CONFLICTS = _split("Conflict_Resolution")

_DOCUMENTS = (
    "Answer the question based on the memorized documents. Only give me the answer and do not output any other words. "
    "\n\nQuestion: {question} \n\n Answer:"
)
_NEWEST = (
    "Pretend you are a knowledge management system. Each fact in the knowledge pool is provided with a serial number "
    "at the beginning, and the newer fact has larger serial number. \n You need to solve the conflicts of facts in the "
    "knowledge pool by finding the newest fact with larger serial number. You need to answer a question based on this "
    "rule. You should give a very concise answer without saying other words for the question **only** from the "
    "knowledge pool you have memorized rather than the real facts in real world. \n\nFor example:\n\n [Knowledge Pool] "
    "\n\n Question: Based on the provided Knowledge Pool, what is the name of the current president of Russia? "
    "\nAnswer: Donald Trump \n\n Now Answer the Question: Based on the provided Knowledge Pool, {question} \nAnswer:"
)

CREDITS = (
    Credit(
        kind="task",
        name="memoryagentbench",
        field=84,
        missing="The whole history is read in one prompt, where the authors give it in turns of 4,096 "
        "tokens to an agent with a memory.",
    ),
)

TASKS = (
    MemoryAgentBench(
        name="memoryagentbench/ruler-qa1",
        description="Accurate retrieval: answer a question on one of very many documents.",
        max_new_tokens=50,
        diffusion="medium",
        scope="low",
        metric=_THERE,
        compare=one_is_there,
        data=_RETRIEVAL,
        beginning="ruler_qa1",
        query=_DOCUMENTS,
    ),
    MemoryAgentBench(
        name="memoryagentbench/ruler-qa2",
        description="Accurate retrieval: answer a question on two of very many documents.",
        max_new_tokens=50,
        diffusion="high",
        scope="low",
        metric=_THERE,
        compare=one_is_there,
        data=_RETRIEVAL,
        beginning="ruler_qa2",
        query=_DOCUMENTS,
    ),
    MemoryAgentBench(
        name="memoryagentbench/longmemeval",
        description="Accurate retrieval: answer a question on many chats with a user.",
        max_new_tokens=50,
        diffusion="medium",
        scope="medium",
        metric=f"{_THERE}, in place of the paper's judge, which is a model",
        compare=one_is_there,
        data=_RETRIEVAL,
        beginning="longmemeval",
        query=(
            "The history chats are between you and a user. Based on the relevant chat history, answer the question as "
            "concisely as you can, using a single phrase if possible.\n\n {question} \n\n Answer:"
        ),
    ),
    MemoryAgentBench(
        name="memoryagentbench/eventqa",
        description="Accurate retrieval: choose what happens next in a novel.",
        max_new_tokens=40,
        diffusion="high",
        scope="medium",
        metric="1 if every gold answer is a substring of the output, in any case",
        compare=all_are_there,
        data=_RETRIEVAL,
        beginning="eventqa",
        query=(
            "Based on the context you memorized, complete the task below:\n\n{question}\n\n"
            " The event that happens next is:"
        ),
    ),
    MemoryAgentBench(
        name="memoryagentbench/icl",
        description="Test-time learning: learn numbers for labels from thousands of examples.",
        max_new_tokens=20,
        diffusion="medium",
        scope="high",
        metric="1 if the label in the output is the gold one",
        compare=same_label,
        data=_LEARNING,
        beginning="icl_",
        query=(
            "Use the provided mapping from the context to numerical label to assign a numerical label to the context. "
            'Only output "label: {label}" and nothing else. \n\n{question} \n\n label:'
        ),
    ),
    MemoryAgentBench(
        name="memoryagentbench/infbench-sum",
        description="Long-range understanding: summarise a novel.",
        max_new_tokens=1200,
        diffusion="high",
        scope="high",
        metric="ROUGE-L F, in place of the paper's F1 of key points, which a model judges",
        compare=nearest_summary,
        data=_UNDERSTANDING,
        beginning="infbench_sum",
        query=(
            "You are given a book above and you are tasked to summarize it. \n\n{question} \n\n"
            " Now summarize the book."
        ),
    ),
    MemoryAgentBench(
        name="memoryagentbench/detective-qa",
        description="Long-range understanding: answer a question on a detective novel.",
        max_new_tokens=2000,
        diffusion="high",
        scope="high",
        metric=_THERE,
        compare=one_is_there,
        data=_UNDERSTANDING,
        beginning="detective_qa",
        query=(
            "Based on the context you memorized, answer the question below. You are required to answer the question "
            "based on the strict output format.\n\n {question} \n\n"
        ),
    ),
    MemoryAgentBench(
        name="memoryagentbench/fact-single-hop",
        description="Conflict resolution: answer from the newest of facts that contradict one another.",
        max_new_tokens=10,
        diffusion="medium",
        scope="low",
        metric=_THERE,
        compare=one_is_there,
        data=_CONFLICTS,
        beginning="factconsolidation_sh",
        query=_NEWEST,
    ),
    MemoryAgentBench(
        name="memoryagentbench/fact-multi-hop",
        description="Conflict resolution: answer in steps from the newest of facts that contradict one another.",
        max_new_tokens=10,
        diffusion="high",
        scope="medium",
        metric=_THERE,
        compare=one_is_there,
        data=_CONFLICTS,
        beginning="factconsolidation_mh",
        query=_NEWEST,
    ),
)
