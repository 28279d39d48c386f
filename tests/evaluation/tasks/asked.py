"""Requests for samples, counted by words, in a small haystack."""

from itertools import islice

from longspan.evaluation import Haystack, Request, Sample, Task
from wordcount import words

TEXT = " ".join(
    f"The {age} {trade} walked along the {road} road and {deed}."
    for age in ("old", "young", "tired", "cheerful")
    for trade in ("miller", "baker", "sailor", "weaver")
    for road in ("long", "dusty", "muddy")
    for deed in ("whistled", "thought of nothing much at all", "looked at the clouds above the hills")
)
HAYSTACK = Haystack(repeats=True, name="small", text=TEXT)


def request(length: int, seed: int = 1) -> Request:
    """A request of this length in words."""
    return Request(length=length, seed=seed, count_tokens=words, overhead=20, haystack=HAYSTACK)


def first(task: Task, count: int = 1, length: int = 2500, seed: int = 1) -> list[Sample]:
    """The first samples."""
    return list(islice(task.samples(request(length, seed)), count))


def place(sample: Sample, text: str) -> float:
    """Where in the context the text stands, 0 to 1."""
    return sample.context.index(text) / len(sample.context)
