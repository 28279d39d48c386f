"""What drafts gain, by kind of text and length: the same text, faster or at least not slower.

    python benchmarks/speculation.py [--prompts 2] [--lengths 1024,4096] [--model MODEL] [--out FILE.json] [--json]

Each prompt is read once; forks of the session then say the same greedily without drafts and under each plan, in turn,
so that a change in the machine's speed falls on all. Of each kind, length and plan: whether all texts are the same, the
gain (seconds without drafts over seconds with them), accepted of drafted tokens, rows a pass, and which share of what
was said stands in what was read. Texts are those of `--prose` and `--code`, by default of this repository. Run it on an
otherwise idle machine. A run that was stopped goes on; delete the file to begin anew.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from records import Records, head
from speculation_prompts import KINDS, Texts, copied

import longspan

ROOT = Path(__file__).parents[1]
PLANS = ("decode=prompt-lookup", "decode=several", "decode=lookahead", "decode=token-recycling")


def spoken(session: longspan.Session, plan: str, tokens: int) -> tuple[list[int], float, Any]:
    """What a fork says under a plan, the seconds of it, and what it used."""
    with session.fork(plan) as fork:
        began = time.perf_counter()
        said = [step.token for step in fork.generate(max_new_tokens=tokens)]
        return said, time.perf_counter() - began, fork.usage


def measure(model: longspan.Model, text: str, plans: list[str], tokens: int) -> list[dict[str, Any]]:
    """A row for each plan, without what names it."""
    asked = [{"role": "user", "content": text}]
    prompt = model.tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
    ids = model.tokenizer(prompt, add_special_tokens=False).input_ids
    rows = []
    with model.session() as session:
        session.read(ids)
        spoken(session, "", 4)  # warms up
        plain, before, _ = spoken(session, "", tokens)
        for plan in plans:
            said, seconds, usage = spoken(session, plan, tokens)
            again, after, _ = spoken(session, "", tokens)
            steps = len(said) - usage.accepted_tokens
            rows.append(
                {
                    "plan": plan,
                    "prompt_tokens": len(ids),
                    "tokens": len(said),
                    "same": said == plain == again,
                    "plain_seconds": (before + after) / 2,
                    "seconds": seconds,
                    "drafted": usage.drafted_tokens,
                    "accepted": usage.accepted_tokens,
                    "rows_a_pass": (steps + usage.drafted_tokens) / max(1, steps),
                    "estimated_gain": usage.draft_gain,
                    "copied": copied(said, ids),
                }
            )
            before = after
    return rows


def cells(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of a plan, kind and length in one."""
    found = []
    for key in sorted({(row["plan"], row["kind"], row["length"]) for row in rows}):
        mine = [row for row in rows if (row["plan"], row["kind"], row["length"]) == key]
        total = {
            name: sum(row[name] for row in mine)
            for name in ("plain_seconds", "seconds", "drafted", "accepted")
        }
        found.append(
            {
                "plan": key[0],
                "kind": key[1],
                "length": key[2],
                "prompts": len(mine),
                "same": sum(row["same"] for row in mine),
                "gain": total["plain_seconds"] / total["seconds"],
                "accepted": total["accepted"] / max(1, total["drafted"]),
                "rows_a_pass": sum(row["rows_a_pass"] for row in mine) / len(mine),
                "copied": sum(row["copied"] for row in mine) / len(mine),
            }
        )
    return found


def table(found: list[dict[str, Any]]) -> str:
    """The cells for people."""
    lines = [
        "| plan | kind | length | prompts | same | gain | accepted | rows a pass | copied |",
        "|" + " --- |" * 9,
    ]
    for each in found:
        lines.append(
            f"| {each['plan'].removeprefix('decode=')} | {each['kind']} | {each['length']:,} | {each['prompts']} "
            f"| {each['same']} | {each['gain']:.2f} | {each['accepted']:.0%} | {each['rows_a_pass']:.1f} "
            f"| {each['copied']:.0%} |"
        )
    return "\n".join(lines)


def picture(found: list[dict[str, Any]], path: Path) -> None:
    """Gains by kind, a bar for each plan."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plans = sorted({each["plan"] for each in found})
    lengths = sorted({each["length"] for each in found})
    figure, panels = plt.subplots(
        len(lengths), 1, figsize=(9, 2.6 * len(lengths)), squeeze=False, sharex=True
    )
    for length, (panel,) in zip(lengths, panels, strict=True):
        for number, plan in enumerate(plans):
            gains = {
                each["kind"]: each["gain"]
                for each in found
                if (each["plan"], each["length"]) == (plan, length)
            }
            at = [place + (number - (len(plans) - 1) / 2) * 0.8 / len(plans) for place in range(len(KINDS))]
            panel.bar(
                at,
                [gains.get(kind, 0.0) for kind in KINDS],
                0.8 / len(plans),
                label=plan.removeprefix("decode="),
            )
        panel.axhline(1.0, color="black", linewidth=0.8)
        panel.set_ylabel(f"{length:,} tokens\ntimes as fast")
        panel.set_xticks(range(len(KINDS)), KINDS)
    panels[0][0].legend(ncols=len(plans), fontsize=8)
    figure.tight_layout()
    figure.savefig(path)


def main() -> None:
    """Measures what is missing, and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default=None, help="as longspan.load takes it")
    parser.add_argument("--weights", default="auto")
    parser.add_argument("--prompts", type=int, default=2, help="of each kind and length")
    parser.add_argument("--lengths", default="1024,4096")
    parser.add_argument("--tokens", type=int, default=128, help="generated at most")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--plans", default=";".join(PLANS), help="separated by semicolons")
    parser.add_argument("--prose", type=Path, default=ROOT / "docs", help="folder of .txt or .md files")
    parser.add_argument("--code", type=Path, default=ROOT / "src", help="folder of .py files")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/speculation.json")
    parser.add_argument("--json", action="store_true", help="print cells as JSON")
    asked = parser.parse_args()
    model = longspan.load(asked.model, weights=asked.weights)
    texts = Texts(asked.prose, asked.code, model.count)
    facts = head(model) | {"weights": asked.weights, "tokens": asked.tokens}
    records = Records(asked.out, head=facts, key=("kind", "length", "number", "plan"))
    for length in map(int, asked.lengths.split(",")):
        for number in range(asked.prompts):
            for kind in asked.kinds.split(","):
                name = {"kind": kind, "length": length, "number": number}
                plans = [plan for plan in asked.plans.split(";") if not records.has(**name, plan=plan)]
                if plans:
                    for row in measure(model, texts.prompt(kind, length, number), plans, asked.tokens):
                        records.add(name | row)
                    print(f"{kind}, {length:,} tokens, {number + 1}", file=sys.stderr)
    found = cells(records.rows)
    print(json.dumps(found, indent=1) if asked.json else table(found))
    picture(found, asked.out.with_suffix(".svg"))


if __name__ == "__main__":
    main()
