"""Plans with a name: what a paper combines, as one word."""

from __future__ import annotations

import re
from dataclasses import dataclass

from longspan import brought
from longspan.errors import PlanError


@dataclass(frozen=True, kw_only=True)
class Named:
    """A plan that a paper proposes as a whole; it is written by its name, and what follows fills slots otherwise.

    name: lower case, words joined by hyphens. text: the plan, `slot=method(...) ...`. paper, link, year: where it is
    from. changes: one sentence, what it does. field: ids of the papers of the field map that it implements.
    missing: what of these is not here, in one sentence.
    """

    name: str
    text: str
    paper: str
    link: str
    year: int
    changes: str
    field: tuple[int, ...] = ()
    missing: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9.]+(-[a-z0-9.]+)*", self.name):
            raise ValueError(f"name={self.name!r} is not lower-case words and digits joined by hyphens")


NAMED = (
    Named(
        name="infllm",
        text="positions=rerope(near=4096,sharpen=false) selector=infllm",
        paper="InfLLM: Unveiling the Intrinsic Capacity of LLMs for Understanding Extremely Long Sequences with "
        "Training-Free Memory",
        link="https://arxiv.org/abs/2402.04617",
        year=2024,
        changes="Visits the blocks whose representative tokens match best, all at the edge of the local window.",
        field=(124,),
    ),
    Named(
        name="longcache",
        text="positions=in-cache selector=longcache(compare=unrotated)",
        paper="Farewell to Length Extrapolation, a Training-Free Infinite Context with Finite Attention Scope",
        link="https://arxiv.org/abs/2407.15176",
        year=2024,
        changes="Finds spans by what tokens say, wherever they stand, and moves them together.",
        field=(91,),
    ),
    Named(
        name="mpcache",
        text="policy=look-once(threshold=1e-8) selector=mpcache",
        paper="MPCache: MPC-Friendly KV Cache Eviction for Efficient Private Large Language Model Inference",
        link="https://arxiv.org/abs/2501.06807",
        year=2025,
        changes="Drops once what the end of the prompt does not look at, then visits few clusters of the rest.",
        field=(199,),
    ),
    Named(
        name="qwen2.5-1m",
        text="positions=dca(chunk=1.0,local=0.03125,temperature=0.1) pattern=minference(patterns=vertical-slash)",
        paper="Qwen2.5-1M Technical Report",
        link="https://arxiv.org/abs/2501.15383",
        year=2025,
        changes="Reads with trained distances in whole windows, sharper attention, and vertical and slashed lines.",
        field=(229,),
    ),
    Named(
        name="shadowkv",
        text="selector=shadowkv codec=host(codec=low-rank)",
        paper="ShadowKV: KV Cache in Shadows for High-Throughput Long-Context LLM Inference",
        link="https://arxiv.org/abs/2410.21465",
        year=2024,
        changes="Keeps values and keys of low rank in host memory, and visits the chunks whose landmarks promise most; "
        "outliers and recent entries keep their keys as they came.",
        field=(252,),
    ),
    Named(
        name="tokenselect",
        text="positions=in-cache selector=tokenselect(compare=edge)",
        paper="TokenSelect: Efficient Long-Context Inference and Length Extrapolation for LLMs via Dynamic "
        "Token-Level KV Cache Selection",
        link="https://arxiv.org/abs/2411.02886",
        year=2024,
        changes="Visits the tokens with most votes of the heads, as if all stood where the recent ones begin, and "
        "moves them together.",
        field=(276,),
    ),
)
"""All of them. `NAME slot=...` is the plan with some slots filled otherwise."""


BROUGHT = brought.Kind(
    group="longspan.plans",
    what="plan",
    own=lambda: (each.name for each in NAMED),
    read=brought.instance(Named),
    error=PlanError,
)
"""Plans that packages bring, each announced by its name as a `Named`."""


def plans() -> tuple[Named, ...]:
    """All of them: longspan's own, then those of other packages."""
    return (*NAMED, *BROUGHT.all().values())


def text_of(name: str) -> str | None:
    """The plan called `name`, None if there is none."""
    own = next((each.text for each in NAMED if each.name == name), None)
    return BROUGHT.load(name).text if own is None and name in BROUGHT.names else own
