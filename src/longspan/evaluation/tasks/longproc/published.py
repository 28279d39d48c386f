"""The published items of LongProc, from the folder of local data."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import dedent
from typing import ClassVar

from longspan.evaluation.metrics.text import overlap
from longspan.evaluation.origin import Origin
from longspan.evaluation.sample import Sample
from longspan.evaluation.source import Row, Source
from longspan.evaluation.task import Level, Request, Task, TaskError
from longspan.evaluation.tasks.longproc import belief, countdown, path
from longspan.evaluation.tasks.longproc.countdown import LINK, PAPER
from longspan.evaluation.tasks.longproc.search import transcript

SITE = "https://github.com/princeton-pli/LongProc"

ANSWER_TOKENS = {"0.5k": 1024, "2k": 3072, "8k": 9216}
"""The longest answer at each level, as the benchmark has it."""

EXAMPLES = (([40, 19, 23, 7], 29), ([9, 16, 6, 18], 12))
"""The two problems that the published countdown prompt shows solved."""


@dataclass(frozen=True, kw_only=True)
class PublishedItems(Task):
    """Items of one kind and level. level: 0.5k, 2k or 8k tokens of answer. The prompt is the published one."""

    level: str
    name: str = ""
    max_new_tokens: int = 0
    diffusion: Level = "low"
    scope: Level = "high"
    paper: str = PAPER
    link: str = LINK
    source: str = f"{SITE} (data/)"
    origin: Origin = "published"
    form: str = "the published prompt, its last section as question"

    sized = False
    task: ClassVar[str]
    """How the task is called here, before its level."""
    folder: ClassVar[str]
    """How the benchmark calls the kind."""
    split: ClassVar[str]
    """Where the published prompt's question begins."""

    def __post_init__(self) -> None:
        if self.level not in ANSWER_TOKENS:
            raise ValueError(f"level={self.level!r} is none of {', '.join(ANSWER_TOKENS)}")
        object.__setattr__(self, "name", f"longproc/{self.task}-{self.level}")
        object.__setattr__(self, "max_new_tokens", ANSWER_TOKENS[self.level])

    def samples(self, request: Request) -> Iterator[Sample]:
        """One sample an item. Raises TaskError where data or prompt are absent or malformed."""
        file = f"longproc/{self.folder}/{self.folder}_{self.level}.json"
        rows = Source(files=(file,), address=SITE).rows(request.data, self.name)
        for number, row in enumerate(rows):
            data = Path(request.data or "") / "longproc" / self.folder
            context, question = self.prompt(data)
            try:
                fields, sample = self.item(row, data)
            except (KeyError, IndexError, TypeError, ValueError) as error:
                raise TaskError(
                    f"{self.name} item {number + 1} is malformed ({error!r}); fetch {file} anew"
                ) from error
            yield replace(
                sample,
                id=f"{number:04d}",
                context=_filled(context, fields),
                question=_filled(question, fields),
            )

    def prompt(self, data: Path) -> tuple[str, str]:
        """The published prompt in two parts, from prompts.yaml, which holds nothing but that text."""
        try:
            text = (data / "prompts.yaml").read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise TaskError(
                f"{self.name} needs its prompt ({error}); put prompts.yaml beside the data"
            ) from error
        prompt = dedent(text.partition("USER_PROMPT: |-\n")[2])
        context, mark, question = prompt.rpartition(self.split)
        if not mark:
            raise TaskError(f"{data / 'prompts.yaml'} lacks {self.split!r}; fetch it anew")
        return context, mark + question

    @abstractmethod
    def item(self, row: Row, data: Path) -> tuple[dict[str, str], Sample]:
        """What fills the prompt's places, and a sample with its references and facts."""


@dataclass(frozen=True, kw_only=True)
class PublishedCountdown(PublishedItems):
    """Countdown problems with four numbers."""

    description: str = (
        "Search for a way from four numbers to a target, writing out each step; published items."
    )
    metric: str = countdown.METRIC

    task = "countdown"
    folder = "countdown"
    split = "[Problem]"

    def item(self, row: Row, data: Path) -> tuple[dict[str, str], Sample]:
        """The reference is the search, written anew as the benchmark does."""
        numbers, target = [int(number) for number in row["nums"]], int(row["target"])
        if len(numbers) != 4:
            raise ValueError(f"{len(numbers)} numbers instead of 4")
        shown = [
            f"# Example\nNumbers: {given}\nTarget: {aim}\n\n{transcript(given, aim)}"
            for given, aim in EXAMPLES
        ]
        fields = {"demonstration": "\n\n".join(shown), "nums": str(numbers), "target": str(target)}
        return fields, _gold(transcript(numbers, target), numbers=numbers, target=target)

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """As for the generated problems."""
        return countdown.countdown_score(output, sample)


@dataclass(frozen=True, kw_only=True)
class PublishedPath(PublishedItems):
    """Routes between cities."""

    description: str = (
        "Write the route from one city to another, where each leads to one other; published items."
    )
    diffusion: Level = "high"
    metric: str = path.METRIC

    task = "path"
    folder = "path_traversal"
    split = "Now find the route from"

    def item(self, row: Row, data: Path) -> tuple[dict[str, str], Sample]:
        """The reference is the route."""
        start, end = row["question_repr"]
        fields = {"city_context": _text(row, "context_nl"), "src_city": str(start), "dst_city": str(end)}
        return fields, _gold(_text(row, "answer_nl"))

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """As for the generated maps; the published script counts one line more in `partial`."""
        return path.path_score(output, sample)


@dataclass(frozen=True, kw_only=True)
class PublishedBelief(PublishedItems):
    """Stories of agents, rooms and objects."""

    description: str = (
        "Track, step by step through a story, where a person believes a thing to be; published items."
    )
    metric: str = belief.METRIC

    task = "belief"
    folder = "tom_tracking"
    split = "[QUESTION]"

    def item(self, row: Row, data: Path) -> tuple[dict[str, str], Sample]:
        """The reference is the list of states."""
        names = ("story_components", "story", "question")
        return {name: _text(row, name) for name in names}, _gold(_text(row, "solution"))

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """As for the generated stories."""
        return belief.belief_score(output, sample)


@dataclass(frozen=True, kw_only=True)
class PublishedCode(PublishedItems):
    """Pseudo-code to C++, compared as text: C++ that a model wrote is neither compiled nor run here."""

    description: str = (
        "Write C++ from pseudo-code, line by line; published items, compared as text and not run."
    )
    metric: str = (
        "F1 of the lines of code, white space apart, with the reference's; exact: the same lines in the same order. "
        "Not the published metric, which compiles the code and runs tests"
    )

    task = "cpp-text"
    unlike: str = "F1 of the text, where the paper compiles the program and runs it on tests"
    folder = "pseudo_to_code"
    split = "[CODE]:"

    def item(self, row: Row, data: Path) -> tuple[dict[str, str], Sample]:
        """The reference is the published code."""
        told, code = (("\n".join(map(str, row[name]))) for name in ("pseudocode_lines", "code_lines"))
        return {"pseudocode": told}, _gold(code)

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """The agreement of lines, and whether all are the same."""
        blocks = re.findall(r"```(?:cpp|c\+\+)(.*?)(?:```|\Z)", output, re.DOTALL)
        given, wanted = _code_lines(blocks[0] if blocks else ""), _code_lines(sample.references[0])
        return {"score": overlap(given, wanted)[2], "exact": float(given == wanted)}


def _gold(reference: str, **facts: object) -> Sample:
    return Sample(id="", context="", question="", references=(reference,), facts=facts)


def _text(row: Row, name: str) -> str:
    if not isinstance(row[name], str):
        raise TypeError(f"{name} is no text")
    return str(row[name])


def _filled(template: str, fields: Mapping[str, str]) -> str:
    """The template with its {places} filled and its doubled braces single."""

    def value(match: re.Match[str]) -> str:
        if match[0] in ("{{", "}}"):
            return match[0][0]
        if match[1] not in fields:
            raise TaskError(f"the prompt asks for {match[0]}, which no item has; fetch prompts.yaml anew")
        return fields[match[1]]

    return re.sub(r"\{\{|\}\}|\{(\w+)\}", value, template)


def _code_lines(code: str) -> list[str]:
    return [bare for line in code.split("\n") if (bare := "".join(line.split()))]


PUBLISHED: tuple[PublishedItems, ...] = (
    *(PublishedCountdown(level=level) for level in ANSWER_TOKENS),
    *(PublishedPath(level=level) for level in ANSWER_TOKENS),
    *(PublishedBelief(level=level) for level in ANSWER_TOKENS),
    *(PublishedCode(level=level) for level in ("0.5k", "2k")),
)
