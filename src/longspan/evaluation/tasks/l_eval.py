"""L-Eval: 20 tasks over 3k to 200k tokens (https://arxiv.org/abs/2307.11088)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from longspan.credit import Credit
from longspan.evaluation.archive import HubFile
from longspan.evaluation.metrics import leval
from longspan.evaluation.metrics.text import f1
from longspan.evaluation.origin import Origin
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Level, Request, Task, TaskError

Scores = Callable[[str, str], float | dict[str, float]]

_SCORED = {"exam", "f1", "rouge"}
"""Rows whose own mark is another are for human or model judges, and are left out."""

_EXAM = (
    "Now you are given a very long document. Please follow the instruction based on this document. For multi-choice "
    "questions, there is only a sinlge correct option. Please only provide the letter corresponding to the answer "
    "(like A or B) when answering. For other questions, please directly give the concise and accurate answer."
)
_COURSERA = (
    "Now you are given a very long document. Please follow the instruction based on this document. For multi-choice "
    "questions, there could be a sinlge correct option or multiple correct options. Please only provide the letter "
    "corresponding to the answer (like A or AB) when answering."
)
_GSM = (
    "Given several question answer pairs, you need to follow a similar format to answer the last question. Make sure "
    "the response is end with The answer is _ ."
)
_CODE = (
    "Now you are given a code base consisting of a large amount of functions and the corresponding comments. In the "
    "end, I will call some functions defined in the code base. Please carefully read these codes and comments and "
    "answer the question."
)
_TOPIC = (
    "Below is a record of our previous conversation on many different topics. You are the ASSISTANT, and I am the "
    "USER. At the beginning of each topic, the USER will say 'I would like to discuss the topic of <TOPIC>'. Memorize "
    "each <TOPIC>. At the end of the record, I will ask you to retrieve the first/second/third topic names. Now the "
    "record start."
)
_SCI_FI = (
    'Now you are given a scientific fiction. I will ask you some questions and the answer should be "True" or "False". '
    "Notice that you should answer the question based on the evidence in the document instead of your background "
    "knowledge."
)
_OPEN = (
    "Now you are given a very long document. Please follow the instruction after this document. These instructions may "
    "include summarizing a document, answering questions based on the document, or writing a required paragraph."
)

_PLAIN = ("{document}", "\n\n{instruction}")
_CLOSED = (
    "Document is as follows. {document}",
    " Question: {instruction} \nPlease directly give answer without any additional output or explanation\n Answer: ",
)
_LENGTH = (
    "Document is as follows. {document}",
    " Instruction: {instruction} The suggested output length is around {words} words. Output: ",
)


@dataclass(frozen=True, kw_only=True)
class LEval(Task):
    """One data set; each of a document's instructions is a sample.

    data: its rows. system: what stands before the document. prompt: forms of context and question. compare: output and
    gold answer to a score, or to `score` and further figures.
    """

    data: HubFile
    system: str
    prompt: tuple[str, str]
    compare: Scores

    max_new_tokens: int = 512
    paper: str = "L-Eval: Instituting Standardized Evaluation for Long Context Language Models"
    link: str = "https://arxiv.org/abs/2307.11088"
    source: str = "https://huggingface.co/datasets/L4NLP/LEval"
    origin: Origin = "published"
    licence: str = "GPL-3.0"

    sized = False

    def samples(self, request: Request) -> Iterator[Sample]:
        """One sample an instruction; facts: its place among the document's.

        Raises TaskError where the data is absent or malformed.
        """
        number = 0
        for place, row in enumerate(self.data.rows(request.data, self.name), 1):
            if row["evaluation"] not in _SCORED:
                continue
            if len(row["instructions"]) != len(row["outputs"]):
                raise TaskError(
                    f"{self.name} row {place}: {len(row['instructions'])} instructions but {len(row['outputs'])} "
                    "outputs; fetch the file anew"
                )
            context = f"{self.system}\n\n" + self.prompt[0].replace("{document}", row["input"])
            for position, (instruction, gold) in enumerate(
                zip(row["instructions"], row["outputs"], strict=True), 1
            ):
                words = str(len(str(gold).split()))
                yield Sample(
                    id=f"{number:04d}",
                    context=context,
                    question=self.prompt[1].replace("{words}", words).replace("{instruction}", instruction),
                    references=(str(gold),),
                    facts={"position": position},
                )
                number += 1

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """The task's metric."""
        found = self.compare(output, sample.references[0])
        return found if isinstance(found, dict) else {"score": found}


_METRICS: dict[Scores, str] = {
    leval.choice: "first letter A to D in the answer is the gold one; A where there is none, as published",
    leval.choices: "gold set of letters 1, a part of it 0.25; A where no letter can be read, as published",
    leval.number: 'integer behind "The answer is", else the last number',
    leval.code_output: "gold output stands at the end of the answer, or behind 'the final output'",
    leval.contained: "gold topic is in the answer; the mean over first, second and third topic",
    leval.truth: "first true or false is the gold one",
    leval.rouge_mean: "(ROUGE-1 · ROUGE-2 · ROUGE-L)^⅓ of the F for each answer",
    f1: "F1 of the words",
}


def _task(
    name: str,
    diffusion: Level,
    scope: Level,
    compare: Scores,
    description: str,
    system: str = _OPEN,
    prompt: tuple[str, str] = _LENGTH,
) -> LEval:
    folder = "Generation" if prompt is _LENGTH else "Exam"
    return LEval(
        name=f"l-eval/{name.lower().replace('_', '-')}",
        description=description,
        diffusion=diffusion,
        scope=scope,
        metric=_METRICS[compare],
        unlike="the second question of each sample, about the real world, is left out" * (name == "sci_fi"),
        form="the published prompt" + ", which states the gold answer's length" * (prompt is _LENGTH),
        data=HubFile(
            hub="L4NLP/LEval",
            path=f"LEval/{folder}/{name}.jsonl",
            folder="l-eval",
            texts=("input", "evaluation"),
            keys=("instructions", "outputs"),
        ),
        system=system,
        prompt=prompt,
        compare=compare,
    )


CREDITS = (
    Credit(
        kind="task",
        name="l-eval",
        field=136,
        missing="Open questions are scored by overlap, beside a judge of the user's own, where the authors "
        "let GPT-4 choose of two.",
    ),
)

TASKS = (
    _task(
        "coursera",
        "medium",
        "low",
        leval.choices,
        "Choose all right options about a lecture.",
        _COURSERA,
        _CLOSED,
    ),
    _task(
        "quality", "medium", "medium", leval.choice, "Choose the right option about a story.", _EXAM, _CLOSED
    ),
    _task(
        "tpo", "low", "low", leval.choice, "Choose the right option about a lecture (TOEFL).", _EXAM, _CLOSED
    ),
    _task("gsm100", "low", "low", leval.number, "Solve a sum after 100 worked examples.", _GSM, _PLAIN),
    _task(
        "codeU",
        "high",
        "medium",
        leval.code_output,
        "Say what a call into a code base prints.",
        _CODE,
        _PLAIN,
    ),
    _task(
        "topic_retrieval_longchat",
        "low",
        "low",
        leval.contained,
        "Name an early topic of a chat.",
        _TOPIC,
        _PLAIN,
    ),
    _task(
        "sci_fi",
        "medium",
        "low",
        leval.truth,
        "Say whether a statement is true in a story's world; the question about the real world is left out.",
        _SCI_FI,
        _CLOSED,
    ),
    _task("financial_qa", "medium", "low", f1, "Answer a question about an earnings call."),
    _task("legal_contract_qa", "medium", "low", f1, "Find the parts of a contract that a question is about."),
    _task("multidoc_qa", "medium", "low", f1, "Answer a question from several documents."),
    _task("narrative_qa", "medium", "low", f1, "Answer a question about a book or a film script."),
    _task("natural_question", "medium", "low", f1, "Answer a search question from Wikipedia pages."),
    _task("scientific_qa", "medium", "low", f1, "Answer a question about a scientific article."),
    _task("gov_report_summ", "low", "high", leval.rouge_mean, "Summarise a report of a government agency."),
    _task(
        "meeting_summ", "medium", "medium", leval.rouge_mean, "Answer a query about a meeting in sentences."
    ),
    _task("news_summ", "low", "high", leval.rouge_mean, "Summarise several news articles."),
    _task(
        "paper_assistant",
        "low",
        "high",
        leval.rouge_mean,
        "Write a section of a paper from its other sections.",
    ),
    _task("patent_summ", "low", "high", leval.rouge_mean, "Summarise a patent."),
    _task("review_summ", "medium", "medium", leval.rouge_mean, "Summarise guests' reviews of a hotel."),
    _task("tv_show_summ", "low", "high", leval.rouge_mean, "Summarise an episode of a television show."),
)
