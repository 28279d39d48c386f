"""One table of the cache comparison, out of runs of `longspan eval` with the plans of `cache_plans.py`.

    python benchmarks/cache_table.py --run unseen=DIR --run unseen=DIR --run seen=DIR --timing DIR --out results/cache

Scores and kept bytes come from all runs of a kind together, seconds from the one run that was made with nothing else
on the machine: answers do not depend on what else it does, seconds do. Writes the table as JSON and as Markdown, and a
picture.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from statistics import fmean
from typing import Any

from cache_plans import BUDGETS, methods

from longspan.plan import Plan

Record = dict[str, Any]
PANELS = {"policy": "policies: what is kept", "selector": "selectors: what is visited"}
TASKS = {"lost-in-the-middle": "pairs", "needle": "needles"}
HEAD = """# Policies and selectors in figures

What the columns mean, and what they show: [Benchmarks](../README.md#policies-and-selectors)."""
COLUMNS = ("pairs", "begun", "needles")
"""Scores of the two tasks; begun: answers whose first eight digits are those of the value, found if not kept whole."""


def records_of(folders: Iterable[Path]) -> dict[str, list[Record]]:
    """Scored records by plan, each sample once."""
    found: dict[str, list[Record]] = defaultdict(list)
    seen = set()
    for folder in folders:
        for line in (folder / "records.jsonl").read_text("utf-8").splitlines():
            record = json.loads(line)
            key = record["plan"], record["task"], record["sample"]
            if record["status"] == "scored" and key not in seen:
                seen.add(key)
                found[record["plan"]].append(record)
    return found


def scores_of(records: list[Record]) -> dict[str, dict[str, float]]:
    """By column: the mean, its standard error, the number of samples."""
    by_task: dict[str, list[float]] = defaultdict(list)
    for record in records:
        task = TASKS[record["task"].split("/")[0]]
        by_task[task].append(record["scores"]["score"])
        if task == "pairs":
            by_task["begun"].append(record["output"].lstrip(' "')[:8] == record["references"][0][:8])
    return {task: _mean(scores) for task, scores in by_task.items()}


def _mean(scores: list[float]) -> dict[str, float]:
    mean, count = fmean(scores), len(scores)
    spread = sum((score - mean) ** 2 for score in scores) / max(1, count - 1)
    return {"score": mean, "error": math.sqrt(spread / count), "samples": count}


def seconds_of(records: list[Record]) -> dict[str, float]:
    """Of a prompt: reading and compressing, in seconds, and a generated token, in milliseconds."""
    spent, tokens = (
        sum(record[name] for record in records) for name in ("decode_seconds", "generated_tokens")
    )
    return {
        "prefill_seconds": fmean(record["prefill_seconds"] for record in records),
        "compress_seconds": fmean(record["compress_seconds"] for record in records),
        "decode_milliseconds": 1000 * spent / tokens,
    }


def row_of(
    name: str,
    plan: str,
    budget: float,
    runs: dict[str, dict[str, list[Record]]],
    timing: dict[str, list[Record]],
) -> dict[str, Any]:
    """What is known of one plan."""
    plan = str(Plan.of(plan))
    row: dict[str, Any] = {"name": name, "plan": plan, "budget": budget}
    row["scores"] = {kind: scores_of(records[plan]) for kind, records in runs.items() if plan in records}
    held = [record["kv_bytes"] for records in runs.values() for record in records.get(plan, [])]
    if held:
        row["kv_bytes"] = fmean(held)
    if plan in timing:
        row |= seconds_of(timing[plan])
    return row


def rows_of(
    runs: dict[str, dict[str, list[Record]]], timing: dict[str, list[Record]]
) -> list[dict[str, Any]]:
    """The full cache, then the plans that were run, the best of each budget first."""
    rows = []
    for budget in BUDGETS:
        some = [row_of(name, plans[budget], budget, runs, timing) for name, plans in methods().items()]
        rows += sorted((row for row in some if row["scores"]), key=_worth, reverse=True)
    return [row_of("full cache", "", 1.0, runs, timing), *rows]


def _worth(row: dict[str, Any]) -> tuple[float, ...]:
    """The mean over both tasks with the question unseen, then with it seen."""
    return tuple(
        fmean(row["scores"][kind][task]["score"] for task in TASKS.values() if task in row["scores"][kind])
        if kind in row["scores"]
        else -1.0
        for kind in ("unseen", "seen")
    )


def markdown(rows: list[dict[str, Any]], kinds: Iterable[str]) -> str:
    """The table, a row a plan."""
    columns = [(kind, column) for kind in kinds for column in COLUMNS]
    named = [f"{task}, {kind}" for kind, task in columns]
    lines = [
        f"| plan | {' | '.join(named)} | MiB | read | compress | token |",
        f"| --- |{' ---: |' * (len(columns) + 4)}",
    ]
    for row in rows:
        cells = []
        for kind, task in columns:
            found = row["scores"].get(kind, {}).get(task)
            cells.append("" if found is None else f"{found['score']:.2f}")
        cells.append(f"{row['kv_bytes'] / 2**20:.1f}" if "kv_bytes" in row else "")
        for name, form in (
            ("prefill_seconds", "{:.1f} s"),
            ("compress_seconds", "{:.1f} s"),
            ("decode_milliseconds", "{:.0f} ms"),
        ):
            cells.append(form.format(row[name]) if name in row else "")
        name = f"`{row['plan']}`" if row["plan"] else "full cache"
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def draw(path: Path, rows: list[dict[str, Any]]) -> None:
    """Means over both tasks at both budgets, the question unseen: policies on the left, selectors on the right."""
    import matplotlib.pyplot as plt

    full, *rows = [row for row in rows if "unseen" in row["scores"]]
    figure, panels = plt.subplots(1, 2, figsize=(13, 6.5))
    for panel, (slot, title) in zip(panels, PANELS.items(), strict=True):
        some = [row for row in rows if row["plan"].startswith(slot)]
        names = list(dict.fromkeys(row["name"] for row in some))[::-1]
        for budget, colour in zip(BUDGETS, ("#1f6f8b", "#d1495b"), strict=True):
            found = {row["name"]: row for row in some if row["budget"] == budget}
            places = [place for place, name in enumerate(names) if name in found]
            means, errors = zip(*(_both(found[names[place]]) for place in places), strict=True)
            shift = 0.15 if budget == 0.25 else -0.15
            heights = [place + shift for place in places]
            panel.errorbar(
                means, heights, xerr=errors, fmt="o", color=colour, label=f"{budget:.0%}", capsize=2
            )
        panel.axvline(_both(full)[0], color="black", linewidth=1)
        panel.set_yticks(range(len(names)), names, fontsize=8)
        panel.set(xlim=(-0.02, 1), xlabel="mean of both tasks", title=title)
        panel.grid(axis="x", alpha=0.3)
        panel.legend(title="budget", loc="lower right")
    figure.tight_layout()
    figure.savefig(path)


def _both(row: dict[str, Any]) -> tuple[float, float]:
    """Mean over both tasks, and its standard error."""
    tasks = [row["scores"]["unseen"][task] for task in TASKS.values()]
    return fmean(task["score"] for task in tasks), math.hypot(*(task["error"] for task in tasks)) / len(tasks)


def main() -> None:
    """Reads the runs, writes the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", action="append", required=True, help="seen=DIR or unseen=DIR")
    parser.add_argument("--timing", type=Path, action="append", default=[])
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/cache"))
    options = parser.parse_args()
    folders: dict[str, list[Path]] = defaultdict(list)
    for each in options.run:
        kind, _, folder = each.partition("=")
        folders[kind].append(Path(folder))
    runs = {kind: records_of(some) for kind, some in folders.items()}
    rows = rows_of(runs, records_of(options.timing))
    options.out.with_suffix(".json").write_text(json.dumps({"rows": rows}, indent=1) + "\n")
    options.out.with_suffix(".md").write_text(f"{HEAD}\n\n{markdown(rows, runs)}\n")
    draw(options.out.with_suffix(".svg"), rows)


if __name__ == "__main__":
    main()
