"""Several chains on one long prompt beside one chain: bytes held, and the time of a token of each.

    python benchmarks/chains.py [--model M.gguf] [--tokens 8192] [--chains 1 8] [--steps 16] [--temperature 0.7]
        [--out benchmarks/results/chains.json]

The prompt is read once and forked. Times are medians over steps of the processor time of this process, which others on
the machine do not change much, and of the clock.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

from records import head

import longspan
from longspan.session import Session

WARM = 3
"""Steps that are left out, in which memory is taken."""


def measured(session: Session, chains: int, steps: int, temperature: float) -> dict[str, Any]:
    """A row: so many forks that speak side by side."""
    with session.fork(of=[0] * chains) as forks:
        said = forks.generate(
            seeds=range(chains),
            max_new_tokens=steps + WARM,
            min_tokens=steps + WARM,
            temperature=temperature,
        )
        cpu, clock = [], []
        for _ in range(steps + WARM):
            began = time.process_time(), time.perf_counter()
            for _ in range(chains):
                next(said)
            cpu.append(time.process_time() - began[0])
            clock.append(time.perf_counter() - began[1])
        return {
            "chains": chains,
            "kv_bytes": forks.usage.kv_bytes,
            "cpu_ms": 1e3 * statistics.median(cpu[WARM:]),
            "clock_ms": 1e3 * statistics.median(clock[WARM:]),
        }


def main() -> None:
    """Measures, and writes JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model")
    parser.add_argument("--tokens", type=int, default=8192)
    parser.add_argument("--chains", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--steps", type=int, default=16)
    parser.add_argument("--temperature", type=float, default=0.7)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/chains.json"))
    given = parser.parse_args()
    model = longspan.load(given.model)
    with model.session() as session:
        session.read([1000 + number % 5000 for number in range(given.tokens)])
        prompt = session.usage.kv_bytes
        rows = [measured(session, count, given.steps, given.temperature) for count in given.chains]
    for row in rows:
        row["cpu_ratio"] = row["cpu_ms"] / rows[0]["cpu_ms"]
        print(json.dumps(row))
    facts = {"tokens": given.tokens, "temperature": given.temperature, "prompt_bytes": prompt}
    given.out.write_text(json.dumps(head(model) | facts | {"rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
