"""Memory that reading takes, by length: does anything grow with its square?

    python benchmarks/memory.py [--model M] [--plan "" --plan ...] [--length 8192 ...]

Each row is a process of its own, which reads random tokens. Its peak is that of the whole process as the kernel knows
it, less what it held before: keys and values, and everything that comes and goes with a chunk. Beside each length
stands what each token took that the length before did not have: the same everywhere if memory is linear. A run that was
stopped goes on.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch
from records import Records, head

import longspan

PLANS = (
    "",
    "pattern=xattention",
    "pattern=flexprefill",
    "pattern=minference(patterns=vertical-slash)",
    "positions=dca",
)
LENGTHS = (8192, 16_384, 32_768, 65_536)


def of_process(field: str) -> int:
    """Bytes that the kernel counts for this process, now (VmRSS) or at most (VmHWM)."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith(f"{field}:"))


def measure(name: str | None, plan: str, length: int) -> dict[str, Any]:
    """What one reading took, in this process."""
    model = longspan.load(name)
    ids = torch.randint(
        0, model.seam.config.vocab_size, (length,), generator=torch.Generator().manual_seed(0)
    )
    with model.session(plan, window=length) as session:
        session.read(ids[:256])  # kernels are loaded, and what is measured once of a model is there
    with model.session(plan, window=length) as session:
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        before, began = of_process("VmRSS"), time.perf_counter()
        session.read(ids)
        seconds, usage = time.perf_counter() - began, session.usage
    return {
        "plan": plan,
        "length": length,
        "peak_bytes": of_process("VmHWM") - before,
        "kv_bytes": usage.kv_bytes,
        "seconds": seconds,
    }


def main() -> None:
    """One row a plan and length."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model")
    parser.add_argument("--plan", action="append")
    parser.add_argument("--length", action="append", type=int)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/memory.json"))
    parser.add_argument("--row", nargs=2, metavar=("PLAN", "LENGTH"), help="this one alone, printed as JSON")
    options = parser.parse_args()
    if options.row:
        print(json.dumps(measure(options.model, options.row[0], int(options.row[1]))))
        return
    records = Records(options.out, head=head(longspan.load(options.model)), key=("plan", "length"))
    named = [] if options.model is None else ["--model", options.model]
    for plan in options.plan or PLANS:
        before = None
        for length in options.length or LENGTHS:
            if not records.has(plan=plan, length=length):
                command = [sys.executable, __file__, *named, "--row", plan, str(length)]
                done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
                records.add(json.loads(done.stdout))
            (row,) = (row for row in records.rows if (row["plan"], row["length"]) == (plan, length))
            shown = f"{plan or '(empty)':<46} {length:>7,} {row['peak_bytes'] / 2**20:>8,.0f} MiB"
            shown += f", keys and values {row['kv_bytes'] / 2**20:>7,.0f}"
            if before is not None:
                each = (row["peak_bytes"] - before["peak_bytes"]) / (length - before["length"])
                shown += f", {each / 1024:>6,.1f} KiB a token more"
            print(f"{shown}, {row['seconds']:.0f} s", flush=True)
            before = row


if __name__ == "__main__":
    main()
