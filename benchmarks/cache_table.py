"""One table of the cache comparison, out of runs of `longspan eval` with the plans of `cache_plans.py`.

    python benchmarks/cache_table.py --run unseen=DIR --run unseen=DIR --run seen=DIR --timing DIR --out results/cache

Scores and kept bytes come from all runs of a kind together, seconds from the one run that was made with nothing else
on the machine: answers do not depend on what else it does, seconds do. Writes JSON and a picture, prints Markdown.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import defaultdict
from pathlib import Path
from statistics import fmean
from typing import Any

Records = dict[str, list[dict[str, Any]]]


def records_of(folders: list[Path]) -> Records:
    """Scored records by plan, each sample once."""
    found: Records = defaultdict(list)
    seen = set()
    for folder in folders:
        for line in (folder / "records.jsonl").read_text("utf-8").splitlines():
            record = json.loads(line)
            key = record["plan"], record["task"], record["sample"]
            if record["status"] == "scored" and key not in seen:
                seen.add(key)
                found[record["plan"]].append(record)
    return found


def row_of(plan: str, runs: dict[str, Records], timing: Records) -> dict[str, Any]:
    """Scores by question and task, megabytes, and seconds of a prompt."""
    row: dict[str, Any] = {"plan": plan}
    for kind, records in runs.items():
        by_task = defaultdict(list)
        for record in records.get(plan, []):
            by_task[record["task"].split("/")[0]].append(record)
        for task, some in by_task.items():
            score = fmean(record["scores"]["score"] for record in some)
            row[f"{kind} {task}"] = {"score": score, "samples": len(some), "error": _error(score, len(some))}
        if records.get(plan):
            row.setdefault("kv_bytes", fmean(record["kv_bytes"] for record in records[plan]))
    if timing.get(plan):
        timed = timing[plan]
        row["prefill_seconds"] = fmean(record["prefill_seconds"] for record in timed)
        row["compress_seconds"] = fmean(record["compress_seconds"] for record in timed)
        row["decode_ms_per_token"] = 1000 * (
            sum(record["decode_seconds"] for record in timed)
            / sum(record["generated_tokens"] for record in timed)
        )
    return row


def _error(score: float, count: int) -> float:
    """Standard error of a share."""
    return math.sqrt(score * (1 - score) / count)


def markdown(rows: list[dict[str, Any]]) -> str:
    """The table, a row a plan."""
    columns = sorted({name for row in rows for name in row if isinstance(row[name], dict)}, reverse=True)
    lines = [
        f"| plan | {' | '.join(columns)} | kept | prefill | compress | decode |",
        f"| --- |{' ---: |' * (len(columns) + 4)}",
    ]
    for row in rows:
        scores = [f"{row[name]['score']:.2f}" if name in row else "" for name in columns]
        kept = f"{row['kv_bytes'] / 2**20:.1f} MiB" if "kv_bytes" in row else ""
        times = ["", "", ""]
        if "prefill_seconds" in row:
            times = [
                f"{row['prefill_seconds']:.1f} s",
                f"{row['compress_seconds']:.1f} s",
                f"{row['decode_ms_per_token']:.0f} ms",
            ]
        name = f"`{row['plan']}`" if row["plan"] else "full cache"
        lines.append(f"| {name} | {' | '.join([*scores, kept, *times])} |")
    return "\n".join(lines)


def draw(path: Path, rows: list[dict[str, Any]], kind: str) -> None:
    """Score over both tasks against the memory that is kept or visited."""
    import matplotlib.pyplot as plt

    names = [name for name in rows[0] if name.startswith(f"{kind} ")]
    figure, axes = plt.subplots(figsize=(10, 0.2 * len(rows) + 1.5))
    colours = {"0.25": "#1f6f8b", "0.1": "#c0392b"}
    rows = [row for row in rows if all(name in row for name in names)]
    rows = sorted(rows, key=lambda row: fmean(row[name]["score"] for name in names))
    for place, row in enumerate(rows):
        score = fmean(row[name]["score"] for name in names)
        tight = any(
            mark in row["plan"]
            for mark in ("budget=0.1", "408", "share=0.1", "budget=248", "top=7,reading=0)")
        )
        colour = "black" if not row["plan"] else colours["0.1" if tight else "0.25"]
        axes.barh(place, score, color=colour, alpha=0.85)
        error = math.sqrt(sum(row[name]["error"] ** 2 for name in names)) / len(names)
        axes.plot([score - error, score + error], [place, place], color="grey", linewidth=1)
    axes.set_yticks(range(len(rows)), [row["plan"] or "full cache" for row in rows], fontsize=6)
    axes.set(
        xlabel=f"mean of {', '.join(name.split()[1] for name in names)}; question {kind} while compressing",
        xlim=(0, 1),
    )
    axes.margins(y=0.01)
    figure.tight_layout()
    figure.savefig(path)


def main() -> None:
    """Reads the runs, writes the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", action="append", required=True, help="seen=DIR or unseen=DIR")
    parser.add_argument("--timing", type=Path)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/cache"))
    options = parser.parse_args()
    folders: dict[str, list[Path]] = defaultdict(list)
    for each in options.run:
        kind, _, folder = each.partition("=")
        folders[kind].append(Path(folder))
    runs = {kind: records_of(some) for kind, some in folders.items()}
    timing = records_of([options.timing]) if options.timing else {}
    plans = list(dict.fromkeys(plan for records in runs.values() for plan in records))
    rows = [row_of(plan, runs, timing) for plan in plans]
    first = next(iter(runs))
    options.out.with_suffix(".json").write_text(json.dumps({"rows": rows}, indent=1) + "\n")
    draw(options.out.with_suffix(".svg"), rows, first)
    print(markdown(rows))


if __name__ == "__main__":
    main()
