"""The picture of the README, drawn from results that other scripts have measured.

    python benchmarks/front.py

Three panels: a book beyond the window, reading a long prompt, and generating behind one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
Curve = dict[int, float]

WINDOWS = {
    "stock": "",
    "dual chunks (dca)": "positions=dca",
    "YaRN": "positions=yarn(factor=4)",
}
READING = {"longspan, empty plan": "", "longspan, XAttention": "pattern=xattention"}
GENERATING = {"longspan, empty plan": "", "longspan, Quest": "selector=quest(budget=1024)"}
STOCK, OURS = "0.45", ("tab:blue", "tab:orange")


def rows(name: str) -> list[dict[str, Any]]:
    """The rows of a file of results."""
    found: list[dict[str, Any]] = json.loads((RESULTS / name).read_text("utf-8"))["rows"]
    return found


def beyond() -> dict[str, Curve]:
    """Perplexity of a book by tokens, for the stock model and two position schemes."""
    by_plan = {row["plan"]: row["perplexity"] for row in rows("perplexity.json")}
    return {name: {int(n): value for n, value in by_plan[plan].items()} for name, plan in WINDOWS.items()}


def speeds(name: str, what: str, plans: dict[str, str]) -> dict[str, Curve]:
    """Tokens a second by length, for stock transformers and some plans."""
    found = [row for row in rows(name) if row["what"] == what]
    curves = {
        "stock transformers": {
            row["tokens"]: row["stock_tokens_per_second"] for row in found if not row["plan"]
        }
    }
    for label, plan in plans.items():
        curves[label] = {row["tokens"]: row["tokens_per_second"] for row in found if row["plan"] == plan}
    return curves


def panels() -> dict[str, dict[str, Curve]]:
    """The curves of each panel by its title."""
    return {
        "Perplexity of a book beyond a window of 8k": beyond(),
        "Reading, tokens a second": speeds("prefill.json", "prefill", READING),
        "Generating, tokens a second": speeds("speed.json", "decode", GENERATING),
    }


def draw(path: Path) -> None:
    """Writes the picture."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    mpl.rcParams["svg.hashsalt"] = "longspan"
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.4))
    for number, (axis, (title, curves)) in enumerate(zip(axes, panels().items(), strict=True)):
        for (label, curve), colour in zip(curves.items(), (STOCK, *OURS), strict=True):
            axis.plot(
                *zip(*sorted(curve.items()), strict=True), "o-", color=colour, label=label, markersize=4
            )
        lengths = sorted({tokens for curve in curves.values() for tokens in curve})
        axis.set(xscale="log", yscale="linear" if number else "log", title=title, xlabel="tokens")
        axis.set_xticks(lengths, [f"{tokens // 1024}k" for tokens in lengths])
        axis.minorticks_off()
        axis.set_ylim(bottom=0 if number else 10)
        axis.title.set_fontsize(10)
        axis.spines[["top", "right"]].set_visible(False)
        axis.legend(fontsize=8, frameon=False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None}, facecolor="white")


if __name__ == "__main__":
    draw(RESULTS / "front.svg")
