"""A model that drafts for itself over a part of its memory: what it costs, what is accepted, and from where it pays.

    python benchmarks/self_drafting.py [--model M] [--weights auto] [--text FILE] [--lengths 8192 32768]
        [--costs 8192 32768 65536 131072] [--tokens 64] [--repeat 5] [--json FILE]

Costs of a length: seconds of a plain token, of passes of a token with drafts behind it, and of a drafted token for each
drafter, all in turn in each round, over memory that is filled with random entries; the least of the rounds. With one
thread (OMP_NUM_THREADS=1) it is the time of that thread. Accepted: shares of drafted tokens that stay, by depth, while
the model goes on after so much of a text. Both together give the gain of the best length of a draft,
E · T(1) / (γ · D + T(γ + 1)), and, with costs between measured lengths on straight lines, the length from which it is
more than 1.03, which is what the gate of speculation lets in.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from records import head
from speed import prompt, random_entries

import longspan
from longspan.decoding.base import Draft, Drafter, Exact, Host, Verifier
from longspan.decoding.self_speculation import SelfSpeculation
from longspan.plan import Plan
from longspan.running.drafted import Drafted
from longspan.running.host import Answering
from longspan.running.moments import next_portion
from longspan.running.passing import forward
from longspan.running.reader import Reader
from longspan.running.sequence import Sequence
from longspan.sampling.sampler import Sampler
from longspan.sampling.settings import Sampling

DRAFTERS = {
    "streamingllm 256": "policy=streamingllm(budget=256,when=end)",
    "streamingllm 1024": "policy=streamingllm(budget=1024,when=end)",
    "streamingllm 4096": "policy=streamingllm(budget=4096,when=end)",
    "quest 1024": "policy=none,selector=quest(budget=1024)",
}
GAMMAS = (1, 2, 4, 8)
GAIN = 1.03


@dataclass(frozen=True, kw_only=True)
class Counting(SelfSpeculation):
    """Counts what is drafted and accepted at each depth. https://arxiv.org/abs/2408.11049"""

    tried: dict[int, int] = field(default_factory=dict, init=False, compare=False)
    stayed: dict[int, int] = field(default_factory=dict, init=False, compare=False)

    def verifier(self) -> Verifier:
        """As without, and counts."""
        counts = self

        class Counts(Exact):
            def accept(self, draft: Draft, logits: torch.Tensor, draws: Any) -> list[int]:
                accepted = super().accept(draft, logits, draws)
                for depth in range(1, min(len(accepted), len(draft.ids)) + 1):
                    counts.tried[depth] = counts.tried.get(depth, 0) + 1
                    counts.stayed[depth] = counts.stayed.get(depth, 0) + (depth < len(accepted))
                return accepted

        return Counts()


def method(written: str, gamma: int) -> SelfSpeculation:
    """The drafter that a text writes."""
    made = Plan.parse(f"decode=self-speculation({written},gamma={gamma})").decode
    if not isinstance(made, SelfSpeculation):
        raise SystemExit(f"{written} is no self-speculation")
    return made


def filled(model: longspan.Model, length: int) -> Sequence:
    """A text whose memory is random entries, with one token pending."""
    reader = Reader(model.seam, window=length + 4096)
    for layer, facts in zip(reader.layers, model.seam.layers, strict=True):
        layer.store.reserve(length + 256)
        layer.store.append(*random_entries(model, facts, length))
    reader.passed(torch.ones(length, dtype=torch.long))
    reader.sequence.pending = [1]
    return reader.sequence


def passed(sequence: Sequence, drafted: int) -> None:
    """A pass of the pending token with so many drafted ones behind it."""
    portion = next_portion(sequence, reading=False)
    if drafted:
        line = Drafted(Draft.line([1] * drafted), sequence.engine.seam.device)
        portion = replace(portion, drafted=line)
    forward(sequence.engine.seam, [portion], range(drafted + 1))
    sequence.pending = [1]


def seconds(work: Callable[[], object]) -> float:
    """Time of one call: of the one thread there is, so that other work does not count, or by the clock."""
    clock = time.thread_time if torch.get_num_threads() == 1 else time.perf_counter
    began = clock()
    with torch.inference_mode():
        work()
    return clock() - began


def costs(model: longspan.Model, length: int, repeat: int) -> dict[str, Any]:
    """Seconds of a plain token, of passes of 1 + γ rows, and of a drafted token."""
    sequence = filled(model, length)
    sampler = Sampler(Sampling(), model.seam.device)
    host: Host = Answering(sequence, sampler, None)
    drafters: dict[str, Drafter] = {
        name: method(written, 4).drafter(host) for name, written in DRAFTERS.items()
    }

    def drafts(drafter: Drafter) -> None:
        drafter.says(sequence.tokens, host.ahead(), 4)

    works: dict[str, Callable[[], object]] = {
        f"rows {1 + rows}": lambda rows=rows: passed(sequence, rows) for rows in (0, *GAMMAS)
    }
    works |= {name: lambda drafter=drafter: drafts(drafter) for name, drafter in drafters.items()}
    for work in works.values():
        seconds(work)
    rounds = [{name: seconds(work) for name, work in works.items()} for _ in range(repeat)]
    sequence.release()
    found = {name: min(each[name] for each in rounds) for name in works}
    return {
        "length": length,
        "rows": {str(1 + rows): found[f"rows {1 + rows}"] for rows in (0, *GAMMAS)},
        "drafted": {name: found[name] / 4 for name in drafters},
    }


def accepted(
    model: longspan.Model, text: Path, length: int, tokens: int, reading: str
) -> list[dict[str, Any]]:
    """How much of what each drafter drafts stays, after so much of a text."""
    found = []
    ids = prompt(model, text, length)
    with model.session(reading, window=length + tokens + 1) as session:
        session.read(ids)
        with session.fork() as plain:
            expected = [step.token for step in plain.generate(max_new_tokens=tokens)]
        for name, written in DRAFTERS.items():
            made = method(written, 8)
            counting = Counting(gate=False, gamma=8, policy=made.policy, selector=made.selector)
            with session.fork(replace(session.plan, decode=counting)) as fork:
                said = [step.token for step in fork.generate(max_new_tokens=tokens)]
            rates = [
                counting.stayed.get(depth, 0) / counting.tried[depth] for depth in sorted(counting.tried)
            ]
            rounds = counting.tried.get(1, 0)
            found.append(
                {
                    "length": length,
                    "drafter": name,
                    "same": said == expected,
                    "rounds": rounds,
                    "accepted_by_depth": rates,
                    "accepted": sum(counting.stayed.values()) / max(1, sum(counting.tried.values())),
                }
            )
            print(json.dumps(found[-1]), flush=True)
    return found


def gain(rate: float, gamma: int, plain: float, pass_: float, drafted: float) -> float:
    """E · T(1) / (γ · D + T(γ + 1)) with E = 1 + a + … + a^γ."""
    said = sum(rate**depth for depth in range(gamma + 1))
    return said * plain / (gamma * drafted + pass_)


def best(measured: dict[str, Any], name: str, rate: float) -> tuple[int, float]:
    """The length of a draft with the most gain, and this."""
    rows = measured["rows"]
    gains = {
        gamma: gain(rate, gamma, rows["1"], rows[str(gamma + 1)], measured["drafted"][name])
        for gamma in GAMMAS
    }
    chosen = max(gains, key=gains.__getitem__)
    return chosen, gains[chosen]


def threshold(measured: list[dict[str, Any]], name: str, rate: float) -> float | None:
    """Tokens from which it pays, between measured lengths by straight lines; None where it does not at any of them."""
    lengths = [each["length"] for each in measured]
    gains = [best(each, name, rate)[1] for each in measured]
    if gains[0] > GAIN:
        return float(lengths[0])
    for place in range(1, len(gains)):
        if gains[place] > GAIN:
            share = (GAIN - gains[place - 1]) / (gains[place] - gains[place - 1])
            return lengths[place - 1] + share * (lengths[place] - lengths[place - 1])
    return None


def main() -> None:
    """Measures costs, then what is accepted, and prints what follows."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model")
    parser.add_argument("--weights", default="auto")
    parser.add_argument("--text", type=Path)
    parser.add_argument("--lengths", type=int, nargs="*", default=[8192, 32768])
    parser.add_argument("--costs", type=int, nargs="*", default=[8192, 32768, 65536, 131072])
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--reading", default="", help="plan under which a text is read")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    model = longspan.load(options.model, weights=options.weights)
    measured = []
    for length in options.costs:
        measured.append(costs(model, length, options.repeat))
        print(json.dumps(measured[-1]), flush=True)
    rates = []
    for length in options.lengths if options.text else []:
        rates += accepted(model, options.text, length, options.tokens, options.reading)
    result = []
    for row in rates:
        name, rate = row["drafter"], row["accepted"]
        gains = {str(each["length"]): best(each, name, rate) for each in measured}
        result.append(
            {
                "drafter": name,
                "text": row["length"],
                "accepted": rate,
                "gains": gains,
                "pays_from": threshold(measured, name, rate),
            }
        )
        print(json.dumps(result[-1]), flush=True)
    if options.json:
        record = head(model) | {"costs": measured, "accepted": rates, "gains": result}
        options.json.write_text(json.dumps(record, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
