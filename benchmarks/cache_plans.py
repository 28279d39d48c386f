"""The plans of the cache comparison: every policy and selector at two budgets, beside the full cache.

Prints them one a line, for `longspan eval --plan`. A policy keeps a fraction of the prompt; a selector visits as many
entries as that fraction of 4,096 tokens.
"""

from __future__ import annotations

import argparse

POLICIES = (
    "random",
    "streamingllm",
    "lacache",
    "knorm",
    "keydiff",
    "lagkv",
    "tova",
    "h2o",
    "ems",
    "snapkv",
    "pyramidkv(allocator=pyramid(base=64))",
    "chunkkv",
    "adakv",
    "criticalkv",
    "criticalkv(allocator=adakv)",
    "expected-attention",
    "expected-attention(allocator=adakv)",
    "expected-attention(allocator=adakv,epsilon=0.01)",
    "duoattention",
    "finch",
    "epicache",
    "kvzip",
    "snapkv(disposer=merge)",
    "snapkv(disposer=kvmerger)",
    "snapkv(disposer=look-m)",
    "snapkv(disposer=cam)",
    "snapkv(disposer=quantize)",
)
SELECTORS = {
    1024: (
        "quest(budget=1024)",
        "infllm(block=64,sinks=64,local=512,top=7,reading=0)",
        "em-llm(sinks=64,local=512,budget=448,reading=0)",
        "tokenselect(sinks=64,local=512,budget=448,reading=0)",
        "longheads(chunk=64,length=1024,reading=0)",
        "longcache(sinks=64,local=512,spans=28,span=16,reading=0)",
        "squeezed(budget=0.25)",
        "shadowkv(budget=1024)",
        "retrolm(sinks=64,local=512,budget=448,reading=0)",
        "actqkv(block=64,sinks=64,local=512,top=7,reading=0)",
        "recycled(budget=1024)",
        "mpcache(budget=0.25)",
        "round-attention(share=0.25)",
        "inter-layer(sinks=64,local=512,budget=448)",
    ),
    408: (
        "quest(budget=408)",
        "infllm(block=32,sinks=32,local=128,top=7,reading=0)",
        "em-llm(sinks=32,local=128,budget=248,reading=0)",
        "tokenselect(sinks=32,local=128,budget=248,reading=0)",
        "longheads(chunk=32,length=408,reading=0)",
        "longcache(sinks=32,local=128,spans=15,span=16,reading=0)",
        "squeezed(budget=0.1)",
        "shadowkv(budget=408)",
        "retrolm(sinks=32,local=128,budget=248,reading=0)",
        "actqkv(block=32,sinks=32,local=128,top=7,reading=0)",
        "recycled(budget=408)",
        "mpcache(budget=0.1)",
        "round-attention(share=0.1)",
        "inter-layer(sinks=32,local=128,budget=248)",
    ),
}


BUDGETS = {0.25: 1024, 0.1: 408}
"""Fractions of a prompt, and as many entries of one of 4,096 tokens."""


def policy(text: str, budget: float) -> str:
    """A policy's text with a budget."""
    name, bracket, rest = text.partition("(")
    return f"policy={name}(budget={budget}" + (f",{rest}" if bracket else ")")


def methods() -> dict[str, dict[float, str]]:
    """By name, the plan at each budget."""
    found = {text: {budget: policy(text, budget) for budget in BUDGETS} for text in POLICIES}
    for texts in zip(*(SELECTORS[entries] for entries in BUDGETS.values()), strict=True):
        name = texts[0].partition("(")[0]
        found[name] = {budget: f"selector={text}" for budget, text in zip(BUDGETS, texts, strict=True)}
    return found


def plans() -> list[str]:
    """All of them, the empty plan first, then budget by budget."""
    return ["", *(plans[budget] for budget in BUDGETS for plans in methods().values())]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="Plans that begin with this, and the empty one.")
    wanted = parser.parse_args().only
    print("\n".join(plan for plan in plans() if not plan or plan.startswith(wanted)))
