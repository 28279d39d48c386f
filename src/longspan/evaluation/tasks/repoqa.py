"""RepoQA: find a function of a repository by what it does (https://arxiv.org/abs/2406.06025)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from random import Random
from typing import NamedTuple

from longspan.credit import Credit
from longspan.evaluation.drawing import drawing_order
from longspan.evaluation.metrics.repoqa import best_match
from longspan.evaluation.origin import Origin
from longspan.evaluation.sample import Sample
from longspan.evaluation.source import Row, Source
from longspan.evaluation.task import Generated, Level, Request, TaskError

THRESHOLD = 0.8
"""The BLEU from which on an answer counts as the function."""

_INSTRUCTION = (
    "Based on the function description and code context, please retrieve and repeat the exact described function from "
    "the code context in a code block wrapped by ```:"
)
_CUT = "..."
_COMMENTS = {"python": "#", "cpp": "//", "java": "//", "rust": "//", "typescript": "//"}
_DATA = Source(
    files=tuple(f"repoqa/repoqa-2024-06-23.json{ending}" for ending in ("", ".gz")),
    address="https://github.com/evalplus/repoqa_release/releases (repoqa-2024-06-23.json.gz)",
)


class Needle(NamedTuple):
    """A function to be found, in its repository written as one list of lines.

    first and last: its lines, last excluded; files: where each file begins; functions: name and code of all functions
    that are asked for in the repository; depth: where in the context it shall lie.
    """

    id: str
    name: str
    repository: str
    description: str
    lines: Sequence[str]
    first: int
    last: int
    files: Sequence[int]
    functions: Sequence[tuple[str, str]]
    depth: float


@dataclass(frozen=True, kw_only=True)
class RepoQA(Generated):
    """Code around a function, as much as fits the length, and what the function does.

    Files stand after those that they import; one that is not shown whole ends in three points, but for that with the
    function, which may begin anywhere. Facts: `functions`, name and code of those that are asked for in the repository;
    `target`, the name of the one that is meant; `depth`.
    """

    language: str

    max_new_tokens: int = 1024
    diffusion: Level = "medium"
    scope: Level = "low"
    metric: str = (
        "1 if of the functions that are asked for in the repository the target has the highest BLEU-4 with the first "
        "function in the answer's blocks of code, and it is .8 or more"
    )
    paper: str = "RepoQA: Evaluating Long Context Code Understanding"
    link: str = "https://arxiv.org/abs/2406.06025"
    source: str = "https://github.com/evalplus/repoqa_release"
    origin: Origin = "published"
    licence: str = "Apache-2.0 (descriptions); each repository its own"
    form: str = "instruction and code, then description and instruction"

    def samples(self, request: Request) -> Iterator[Sample]:
        """The needles of the language, each once, in an order by the seed that spreads them over the repositories.

        Raises TaskError where data is absent.
        """
        return islice(super().samples(request), len(_needles(self.language, self.name, request.data)))

    def asks(self, sample: Sample) -> str:
        """The question, whatever it is asked of."""
        return sample.question

    def make(self, random: Random, index: int, request: Request) -> Sample:
        """Needle `index` of the order in as many lines as fit."""
        needles = _needles(self.language, self.name, request.data)
        order = drawing_order([each.repository for each in needles], f"{request.seed}/{self.name}")
        needle = needles[order[index]]
        before, after = needle.first, len(needle.lines) - needle.last

        def build(count: int) -> Sample:
            count = min(count, before + after)
            above = max(count - after, min(before, round(count * needle.depth)))
            return self._sample(needle, needle.first - above, needle.last + count - above)

        whole = build(before + after)
        if (
            request.length is not None
            and request.prompt_tokens(whole) <= request.length - self.max_new_tokens
        ):
            return whole
        return self.largest(build, request, fewest=0)

    def _sample(self, needle: Needle, start: int, end: int) -> Sample:
        lines = _shown(needle, start, end)
        return Sample(
            id="",
            context=_INSTRUCTION + "\n".join(lines) + "\n",
            document=needle.repository,
            question=f"\nFunction Description:{needle.description}\n{_INSTRUCTION}",
            references=("\n".join(needle.lines[needle.first : needle.last]),),
            facts={
                "needle": needle.id,
                "functions": [list(each) for each in needle.functions],
                "target": needle.name,
                "depth": (needle.first - start) / max(1, end - start - (needle.last - needle.first)),
            },
        )

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """Whether the function was repeated, and the highest `similarity` with any function."""
        functions = sample.facts["functions"]
        number, similarity = best_match(output, [code for _, code in functions], self.language)
        right = number is not None and functions[number][0] == sample.facts["target"]
        return {"score": float(right and similarity >= THRESHOLD), "similarity": similarity}


def _shown(needle: Needle, start: int, end: int) -> list[str]:
    """The lines from `start` to `end`, but that of a file before the needle's the first lines are shown."""
    lines = list(needle.lines[start:end])
    own = bisect_right(needle.files, needle.first) - 1
    cut = bisect_right(needle.files, start) - 1
    if cut < own and start not in needle.files:
        begin, following = needle.files[cut : cut + 2]
        lines[: following - start] = [*needle.lines[begin : begin + following - start], _CUT]
    if end < len(needle.lines) and end not in needle.files:
        lines.append(_CUT)
    return lines


@lru_cache(maxsize=1)
def _needles(language: str, task: str, data: Path | None) -> Sequence[Needle]:
    found: list[Needle] = []
    for row in _DATA.rows(data, task):
        try:
            for repository in row[language]:
                found.extend(_needles_of(repository, language))
        except (LookupError, TypeError, AttributeError, ValueError) as error:
            raise TaskError(
                f"{task}: its data is not laid out as published ({error!r}); fetch the data anew"
            ) from error
    return tuple(found)


def _needles_of(repository: Row, language: str) -> Iterator[Needle]:
    lines: list[str] = []
    offsets: dict[str, int] = {}
    for path in in_order(repository["dependency"], repository["content"]):
        lines.append(f"{_COMMENTS[language]} Path: {path}")
        offsets[path] = len(lines)
        lines.extend(repository["content"][path].split("\n"))

    def place(needle: Row) -> tuple[int, int]:
        begin = offsets[needle["path"]]
        return begin + needle["start_line"], begin + needle["end_line"]

    needles = repository["needles"]
    functions = [(each["name"], "\n".join(lines[slice(*place(each))])) for each in needles]
    for number, each in enumerate(needles):
        first, last = place(each)
        yield Needle(
            id=f"{repository['repo']}::{each['name']}",
            name=each["name"],
            repository=repository["repo"],
            description=each["description"],
            lines=lines,
            first=first,
            last=last,
            files=[offset - 1 for offset in offsets.values()],
            functions=functions,
            depth=(number + 0.5) / len(needles),
        )


def in_order(dependency: Mapping[str, Sequence[str]], content: Mapping[str, str]) -> list[str]:
    """The paths of `content`, each after those that it depends on, where these do not depend on it."""
    ordered: list[str] = []
    seen: set[str] = set()
    for start in (*dependency, *content):
        stack = [(start, False)]
        while stack:
            path, done = stack.pop()
            if done:
                ordered.append(path)
            elif path not in seen:
                seen.add(path)
                stack.append((path, True))
                stack.extend((each, False) for each in reversed(dependency.get(path, ())))
    return [path for path in ordered if path in content]


CREDITS = (Credit(kind="task", name="repoqa", field=235),)

TASKS = tuple(
    RepoQA(
        name=f"repoqa/{language}",
        description=f"Find a {language} function in a repository's code by what it does, and repeat it.",
        language=language,
    )
    for language in _COMMENTS
)
