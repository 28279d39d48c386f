"""Python calls and small operations that one generated token takes.

    python benchmarks/counts.py [--model M] [--weights expanded] [--dtype auto] [--plan ""] [--tokens 1024] [--most 10]

Calls are those that Python makes, of functions of its own and of built-in ones, as `sys.setprofile` tells them;
operations are torch's, those that other operations call included. `--most` shows the most frequent of both. Nothing
of it depends on the speed of the machine.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from types import FrameType
from typing import NamedTuple

from torch.profiler import ProfilerActivity, profile

import longspan
from longspan.evaluation.haystack import Haystack

WARM, SPOKEN = 3, 4


class Counts(NamedTuple):
    """How often each function and operation ran, a token; means over some tokens."""

    calls: Counter[str]
    operations: Counter[str]


def essay(model: longspan.Model, length: int, start: int = 0) -> list[int]:
    """So many tokens of the built-in essays, after which a model goes on; random ones often end an answer."""
    return model.tokenizer(Haystack.essays().text, add_special_tokens=False)["input_ids"][start:][:length]


def counts(model: longspan.Model, plan: str, length: int) -> Counts:
    """Counts while a session that has read so many tokens speaks."""
    calls: Counter[str] = Counter()

    def watch(frame: FrameType, event: str, called: object) -> None:
        if event == "call":
            calls[frame.f_code.co_qualname] += 1
        elif event == "c_call":
            calls[getattr(called, "__qualname__", type(called).__name__)] += 1

    with model.session(plan) as session:
        session.read(essay(model, length))
        steps = session.generate(max_new_tokens=WARM + 2 * SPOKEN)
        for _ in range(WARM):
            next(steps)
        sys.setprofile(watch)
        try:
            for _ in range(SPOKEN):
                next(steps)
        finally:
            sys.setprofile(None)
        with profile(activities=[ProfilerActivity.CPU]) as found:
            for _ in range(SPOKEN):
                next(steps)
    operations = Counter(
        {each.key: each.count for each in found.key_averages() if each.key.startswith("aten::")}
    )
    for each in (calls, operations):
        for name in each:
            each[name] /= SPOKEN
    return Counts(calls, operations)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model")
    parser.add_argument("--weights", default="expanded")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--plan", default="")
    parser.add_argument("--tokens", type=int, default=1024)
    parser.add_argument("--most", type=int, default=0)
    options = parser.parse_args()
    model = longspan.load(options.model, weights=options.weights, dtype=options.dtype)
    found = counts(model, options.plan, options.tokens)
    print(f"{found.calls.total():,.0f} Python calls and {found.operations.total():,.0f} operations a token")
    for each in found:
        for name, count in each.most_common(options.most):
            print(f"{count:>9,.1f}  {name}")


if __name__ == "__main__":
    main()
