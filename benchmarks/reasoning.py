"""Chains of thought on GSM8K: how often votes of them are right, and how many tokens each vote takes.

    python benchmarks/reasoning.py --data test.jsonl [--model M.gguf] [--chains 8] [--tokens 256] [--questions 100]
        [--minutes 25] [--out benchmarks/results/reasoning]

Of each question, in an order drawn once, chains are drawn side by side on forks of one prompt and all go to their end.
Which answer self-consistency of the first n, and short-m@k, come to follows from them, and so does what these take:
chains do not know of one another, so that one which short-m@k stops has said as many tokens as the m-th to end. One
chain is the mean over all. A run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from records import Records, head

import longspan
from longspan.flows.base import Events, together
from longspan.flows.chat import Chat, Local, Reply
from longspan.flows.prompting import prompt
from longspan.reasoning.answers import final_answer
from longspan.reasoning.base import Chain, elected
from longspan.reasoning.self_consistency import SelfConsistency

SEED = 0


def questions(path: Path) -> list[tuple[int, str, str]]:
    """Number, question and right number of each, in an order drawn once."""
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    found = [
        (number, each["question"], final_answer(each["answer"], "number") or "")
        for number, each in enumerate(lines)
    ]
    random.Random(SEED).shuffle(found)  # noqa: S311
    return found


def asked(chat: Chat, question: str, chains: int, tokens: int) -> dict[str, Any]:
    """What the chains came to, and what it took."""
    events = Events(generation={"max_new_tokens": tokens, "seed": SEED})
    began = time.perf_counter()
    thought = SelfConsistency(chains=chains, answer="number").reason(
        chat, [prompt("reasoned", question=question)], events
    )
    return {
        "chains": [
            {
                "answer": each.answer,
                "tokens": each.reply.usage.generated_tokens,
                "cut": each.reply.cut,
            }
            for each in thought.chains
            if isinstance(each.reply, Reply)
        ],
        "prompt_tokens": thought.usage.prompt_tokens,
        "kv_bytes": thought.usage.peak_kv_bytes,
        "seconds": time.perf_counter() - began,
    }


def _vote(chains: Sequence[dict[str, Any]], voters: Sequence[int], *, shortest: bool) -> str | None:
    """The answer of some of the chains, as the methods elect it."""
    empty = together(())
    made = [
        Chain(
            answer=each["answer"],
            reply=Reply(text="", usage=empty, cut=each["cut"]),
        )
        for each in chains
    ]
    order = sorted(voters, key=lambda number: chains[number]["tokens"]) if shortest else voters
    return elected(made, order, shortest=False, events=Events()).answer


def consistent(n: int) -> Callable[[Sequence[dict[str, Any]]], tuple[str | None, int]]:
    """Self-consistency of the first n chains: its answer, and tokens."""

    def vote(chains: Sequence[dict[str, Any]]) -> tuple[str | None, int]:
        some = chains[:n]
        ended = [number for number, each in enumerate(some) if not each["cut"]]
        answer = _vote(some, ended or range(len(some)), shortest=False)
        return answer, sum(each["tokens"] for each in some)

    return vote


def short(m: int) -> Callable[[Sequence[dict[str, Any]]], tuple[str | None, int]]:
    """short-m@k of all chains: its answer, and tokens."""

    def vote(chains: Sequence[dict[str, Any]]) -> tuple[str | None, int]:
        ended = [number for number, each in enumerate(chains) if not each["cut"]]
        first = sorted(ended, key=lambda number: (chains[number]["tokens"], number))[:m]
        answer = _vote(chains, first or range(len(chains)), shortest=True)
        stop = chains[first[m - 1]]["tokens"] if len(first) == m else max(each["tokens"] for each in chains)
        return answer, sum(min(stop, each["tokens"]) for each in chains)

    return vote


def table(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A line a method: the share of right answers, and mean tokens a question."""
    count = len(rows[0]["chains"])
    single = [(each["answer"] == row["right"], each["tokens"]) for row in rows for each in row["chains"]]
    lines = [_line("one chain", single)]
    for n in [n for n in (2, 3, 5, 8, 16) if n <= count]:
        lines.append(_line(f"self-consistency(chains={n})", _scored(rows, consistent(n))))
    for m in [m for m in (1, 3, 5) if m < count]:
        lines.append(_line(f"short-m-at-k(m={m},k={count})", _scored(rows, short(m))))
    return lines


def _scored(
    rows: Sequence[dict[str, Any]], vote: Callable[[Sequence[dict[str, Any]]], tuple[str | None, int]]
) -> list[tuple[bool, int]]:
    found = [(row["right"], *vote(row["chains"])) for row in rows]
    return [(answer == right, tokens) for right, answer, tokens in found]


def _line(method: str, scored: Sequence[tuple[bool, int]]) -> dict[str, Any]:
    return {
        "method": method,
        "right": sum(right for right, _ in scored) / len(scored),
        "tokens": sum(tokens for _, tokens in scored) / len(scored),
    }


def picture(lines: Sequence[dict[str, Any]], questions: int, path: Path) -> None:
    """Right answers over tokens."""
    figure = Figure(figsize=(6.4, 4), layout="constrained")
    axes = figure.subplots()
    kinds = {"one chain": "o", "self-consistency": "s", "short-m-at-k": "^"}
    for kind, marker in kinds.items():
        some = [each for each in lines if each["method"].startswith(kind)]
        axes.plot(
            [each["tokens"] for each in some],
            [100 * each["right"] for each in some],
            f"{marker}-",
            label=kind,
        )
        for each in some[: None if kind != "one chain" else 0]:
            inside = each["method"].partition("(")[2].rstrip(")").partition(",")[0]
            place = (each["tokens"], 100 * each["right"])
            axes.annotate(inside, place, textcoords="offset points", xytext=(5, 5), fontsize=8)
    axes.set_xlabel("tokens said a question")
    axes.set_ylabel(f"right answers of {questions} of GSM8K in %")
    axes.set_ylim(bottom=0)
    axes.legend()
    figure.savefig(path)


def main() -> None:
    """Asks, and writes JSON and a picture after each question."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model")
    parser.add_argument("--chains", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=256)
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--minutes", type=float, default=25.0)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/reasoning"))
    given = parser.parse_args()
    until = time.perf_counter() + 60 * given.minutes
    model = longspan.load(given.model)
    facts = head(model) | {"temperature": 0.7, "seed": SEED, "longest": given.tokens, "k": given.chains}
    records = Records(given.out.with_suffix(".json"), head=facts, key=("question",))
    chat = Local(model)
    for number, question, right in questions(given.data)[: given.questions]:
        if records.has(question=number):
            continue
        if time.perf_counter() > until:
            break
        records.add({"question": number, "right": right} | asked(chat, question, given.chains, given.tokens))
        lines = table(records.rows)
        picture(lines, len(records.rows), given.out.with_suffix(".svg"))
        print(len(records.rows), *(f"{each['method']} {each['right']:.2f}" for each in lines), flush=True)
    for each in table(records.rows):
        print(f"{each['method']:32} right {each['right']:.3f} tokens {each['tokens']:8.1f}")


if __name__ == "__main__":
    main()
