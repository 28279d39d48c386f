"""RepoQA: find a function of a repository by what it does (https://arxiv.org/abs/2406.06025)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, islice
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

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
_COMMENTS = {"python": "#", "cpp": "//", "java": "//", "rust": "//", "typescript": "//"}
_DATA = Source(
    files=tuple(f"repoqa/repoqa-2024-06-23.json{ending}" for ending in ("", ".gz")),
    address="https://github.com/evalplus/repoqa_release/releases (repoqa-2024-06-23.json.gz)",
)


class Needle(NamedTuple):
    """A function to be found, in its repository written as one list of lines.

    first and last: its lines, last excluded; functions: those of every function of the repository; depth: where in
    the context it shall lie.
    """

    id: str
    repository: str
    description: str
    lines: Sequence[str]
    first: int
    last: int
    functions: Sequence[tuple[int, int]]
    depth: float


@dataclass(frozen=True, kw_only=True)
class RepoQA(Generated):
    """Code around a function, as much as fits the length, and what the function does.

    Files stand after those that they import. Facts: `functions`, where in the context each function that it shows
    whole begins and ends; `target`, which of these is meant; `depth`.
    """

    language: str

    max_new_tokens: int = 1024
    diffusion: Level = "medium"
    scope: Level = "low"
    metric: str = (
        "1 if of all functions that the context shows the target has the highest BLEU-4 with the answer's first block "
        "of code, and it is .8 or more"
    )
    paper: str = "RepoQA: Evaluating Long Context Code Understanding"
    link: str = "https://arxiv.org/abs/2406.06025"
    source: str = "https://github.com/evalplus/repoqa_release"
    origin: Origin = "published"
    unlike: str = (
        "code is compared as it stands, without a parser that cuts the function out and drops comments"
    )
    licence: str = "Apache-2.0 (descriptions); each repository its own"
    form: str = "instruction and code, then description and instruction"

    def samples(self, request: Request) -> Iterator[Sample]:
        """The needles of the language, each once, in an order by the seed that spreads them over the repositories.

        Raises TaskError where data is absent.
        """
        return islice(super().samples(request), len(_needles(self.language, self.name, request.data)))

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
        return self.largest(build, request, least=0)

    def _sample(self, needle: Needle, start: int, end: int) -> Sample:
        lines = needle.lines[start:end]
        head = f"{_INSTRUCTION}\n"
        begins = list(accumulate((len(line) + 1 for line in lines), initial=len(head)))
        shown = [each for each in needle.functions if start <= each[0] and each[1] <= end]
        return Sample(
            id="",
            context=head + "\n".join(lines) + "\n",
            document=needle.repository,
            question=f"\nFunction Description:{needle.description}\n{_INSTRUCTION}",
            references=("\n".join(needle.lines[needle.first : needle.last]),),
            facts={
                "needle": needle.id,
                "functions": [[begins[first - start], begins[last - start] - 1] for first, last in shown],
                "target": shown.index((needle.first, needle.last)),
                "depth": (needle.first - start) / max(1, len(lines) - (needle.last - needle.first)),
            },
        )

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """Whether the function was repeated, and the highest `similarity` with any function."""
        functions = [sample.context[start:end] for start, end in sample.facts["functions"]]
        number, similarity = best_match(output, functions)
        right = number is not None and functions[number] == functions[sample.facts["target"]]
        return {"score": float(right and similarity >= THRESHOLD), "similarity": similarity}


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

    def place(path: str, function: Mapping[str, Any]) -> tuple[int, int]:
        return offsets[path] + function["start_line"], offsets[path] + function["end_line"]

    needles = repository["needles"]
    functions = {place(each["path"], each) for each in needles}
    for path, listed in repository.get("functions", {}).items():
        functions.update(place(path, each) for each in listed)
    for number, each in enumerate(needles):
        first, last = place(each["path"], each)
        yield Needle(
            id=f"{repository['repo']}::{each['name']}",
            repository=repository["repo"],
            description=each["description"],
            lines=lines,
            first=first,
            last=last,
            functions=sorted(functions),
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


TASKS = tuple(
    RepoQA(
        name=f"repoqa/{language}",
        description=f"Find a {language} function in a repository's code by what it does, and repeat it.",
        language=language,
    )
    for language in _COMMENTS
)
