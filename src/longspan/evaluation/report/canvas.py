"""Figures of matplotlib as SVG that stands in a page and takes its colours."""

from __future__ import annotations

import io
import re
from typing import Final, cast

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK: Final = "#000001"
MUTED: Final = "#000002"
GRID: Final = "#000003"
PAGE: Final = "#000004"
ON_HEAT: Final = "#000005"

HUES = 9
"""Colours of plans, after which they begin again."""
STEPS = 10
"""Colours of a heat map from 0 to 100 points: one more than this."""

_NAMES = {"01": "ink", "02": "muted", "03": "grid", "04": "page", "05": "on-heat"}
_NAMES |= {f"{0x10 + number:02x}": f"plan-{number}" for number in range(HUES)}
_NAMES |= {f"{0x40 + step:02x}": f"heat-{step}" for step in range(STEPS + 1)}


def plan_colour(number: int) -> str:
    """The colour of plan `number`: `plan-n` of the page's style."""
    return f"#0000{0x10 + number % HUES:02x}"


def heat_colour(score: float) -> str:
    """The colour of a score from 0 to 1: `heat-n` of the page's style."""
    return f"#0000{0x40 + round(score * STEPS):02x}"


def axes_of(size: tuple[float, float], margins: tuple[float, float, float, float]) -> Axes:
    """Empty axes in a figure of their own. size: width and height; margins: left, right, bottom, top; in points."""
    (width, height), (left, right, bottom, top) = size, margins
    figure = Figure(figsize=(width / 72, height / 72), dpi=72)
    axes = figure.add_axes(
        (left / width, bottom / height, (width - left - right) / width, (height - bottom - top) / height)
    )
    figure.patch.set_visible(False)
    axes.patch.set_visible(False)
    axes.spines[["left", "right", "top"]].set_visible(False)
    axes.spines["bottom"].set_color(MUTED)
    axes.tick_params(length=0, pad=5, labelsize=10, labelcolor=MUTED)
    axes.xaxis.label.set(color=MUTED, fontsize=10)
    axes.set_axisbelow(True)
    return axes


def svg(axes: Axes, name: str, label: str) -> str:
    """The figure as an SVG element. name: unlike that of the page's other pictures; label: what is seen, in words."""
    whole = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": name, "savefig.bbox": None}):
        cast("Figure", axes.figure).savefig(
            whole, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
        )
    text = whole.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", text, flags=re.DOTALL)
    text = re.sub(r'<g id="[^"]*"', "<g", text).replace("xlink:href", "href")
    text = re.sub(r"font-family: [^;]*", "font-family: inherit", text)
    text = re.sub(r"#0000(\w\w)\b", lambda found: f"var(--{_NAMES[found[1]]})", text)
    view = re.search(r'viewBox="[^"]*"', text)
    opening = f'<svg {view[0] if view else ""} role="img" aria-label="{label}">'
    return re.sub(r"<svg[^>]*>", opening, text, count=1)
