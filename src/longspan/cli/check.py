"""`longspan check`: whether a model can be used, and what longspan found out about it."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from longspan.cli.models import shown_progress


def check(
    model: Annotated[str, typer.Argument(help="A short name, folder, .gguf file or hub id.")] = "default",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Load a model and compare its logits through longspan with its own."""
    from longspan.model import load

    with shown_progress() as loading:
        loaded = load(model, progress=loading)
    found = loaded.checked
    if as_json:
        record = {"name": loaded.name, "source": loaded.source, "digest": loaded.digest, **found.to_dict()}
        typer.echo(json.dumps(record, indent=2, ensure_ascii=False))
        return
    lines = {
        "model": f"{loaded.name} ({loaded.source})",
        "family": f"{found.family}, {found.layers} layers, {found.dtype}",
        "heads": f"{found.heads} query, {found.kv_heads} key and value, of {found.head_dim} channels",
        "window": f"{found.window:,} tokens",
        "rotation": f"{found.rotation} layout, {found.rotated_channels} channels, base {found.rope_theta:,.0f}",
        "layers apart": f"{found.sliding_layers} with a sliding window, {found.unrotated_layers} without rotation",
        "cache": f"{found.kv_bytes_per_token:,} bytes per token",
        "self-check": f"passed: logits differ by {found.difference:.1e} of their spread (allowed {found.tolerance:g})",
    }
    for name, value in lines.items():
        typer.echo(f"{name:<13} {value}")
