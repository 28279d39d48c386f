"""`longspan check`: whether a model can be used, what longspan found out about it, and what a length asks of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.filesize import decimal

from longspan.cli.loaded import WeightsOption, loaded_model

if TYPE_CHECKING:
    from longspan.model import Model


def check(
    model: Annotated[str, typer.Argument(help="A short name, folder, .gguf file or hub id.")] = "default",
    length: Annotated[
        int | None, typer.Option(min=1, help="Also say what the model's positions allow at so many tokens.")
    ] = None,
    coherence: Annotated[
        float, typer.Option(help="Part of the slowest channel's cosine that all layers are to leave, 0 to 1.")
    ] = 0.5,
    weights: WeightsOption = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Load a model and compare its logits through longspan with its own."""
    loaded = loaded_model(model, weights=weights)
    found = loaded.checked
    reach = None if length is None else _reach(loaded, length, coherence)
    if as_json:
        about = {
            "name": loaded.name,
            "source": loaded.source,
            "digest": loaded.digest,
            "weights": loaded.weights,
        }
        record = {**about, **found.to_dict()}
        if reach is not None:
            record["reach"] = reach
        typer.echo(json.dumps(record, indent=2, ensure_ascii=False))
        return
    apart = f"{found.sliding_layers} with a sliding window, {found.unrotated_layers} without rotation"
    if found.recurrent_layers:
        apart += f", {found.recurrent_layers} with a recurrent state"
    lines = {
        "model": f"{loaded.name} ({loaded.source})",
        "family": f"{found.family}, {found.layers} layers, {found.dtype}",
        "weights": _held(loaded),
        "heads": f"{found.heads} query, {found.kv_heads} key and value, of {found.head_dim} channels",
        "window": f"{found.window:,} tokens",
        "rotation": f"{found.rotation} layout, {found.rotated_channels} channels, base {found.rope_theta:,.0f}"
        if found.rotated_channels
        else "none",
        "layers apart": apart,
        "plans act in": f"{found.attention_layers - found.sliding_layers} of {found.layers} layers; those with a "
        f"sliding window {'or without attention ' if found.recurrent_layers else ''}are left as they are",
        "cache": f"{found.kv_bytes_per_token:,} bytes per token",
        "self-check": f"passed: logits differ by {found.difference:.1e} of their spread (allowed {found.tolerance:g})",
    }
    if reach is not None:
        lines |= _lines(reach)
    for name, value in lines.items():
        typer.echo(f"{name:<13} {value}")


def _held(loaded: Model) -> str:
    """The form of the weights, and the bytes in each format."""
    from longspan.loading.packed_modules import held_bytes

    sizes = ", ".join(f"{decimal(size)} {kind}" for kind, size in held_bytes(loaded.network).items())
    return f"{loaded.weights}: {sizes}"


def _reach(loaded: Model, length: int, coherence: float) -> dict[str, Any]:
    """What the config claims, and the bounds on the base at this length."""
    from longspan.positions.bounds import BaseBounds

    found = loaded.checked
    rotating = found.attention_layers - found.unrotated_layers - found.sliding_layers
    bounds = BaseBounds(length=length, layers=max(1, rotating), coherence=coherence)
    scaled = loaded.seam.scaling
    known = {
        "length": length,
        "claimed": found.window,
        "stretching": loaded.seam.reaching(length) if length > found.window else None,
    }
    if not found.rotated_channels:
        return known | {"base": None}
    return known | {
        "trained": scaled.get("original_max_position_embeddings") or found.window,
        "scaling": scaled.get("rope_type", "default"),
        "base": found.rope_theta,
        "layers": bounds.layers,
        "coherence": coherence,
        "aliasing": bounds.aliasing,
        "stability": bounds.stability,
        "depth": bounds.depth,
        "ceiling": bounds.ceiling,
        "remaining": bounds.remaining(found.rope_theta),
    }


def _lines(reach: dict[str, Any]) -> dict[str, str]:
    length, base, factor = reach["length"], reach["base"], reach["length"] / reach["claimed"]

    def verdict(holds: bool) -> str:
        return "holds" if holds else "FAILS"

    scheme = reach["stretching"]
    if scheme is None:
        advised = "no positions are known to reach so far; have longspan ask read only passages"
    else:
        advised = f"open the session with {scheme}" if scheme.startswith("window=") else f"use {scheme}"
    advice = "" if factor <= 1 else f"; {factor:.2f} times as far as it was made for: {advised}"
    claim = f"made for {reach['claimed']:,} tokens"
    if base is None:
        return {f"at {length:,}": f"{claim} (no rotation){advice}"}
    trained = (
        "" if reach["trained"] == reach["claimed"] else f", trained for {reach['trained']:,} before scaling"
    )
    return {
        f"at {length:,}": f"{claim}{trained} ({reach['scaling']} rotation){advice}",
        "aliasing": f"base {base:,.0f} > {reach['aliasing']:,.0f}: {verdict(base > reach['aliasing'])}",
        "stability": f"base {base:,.0f} >= {reach['stability']:,.0f} for one layer: "
        f"{verdict(base >= reach['stability'])}",
        "depth": f"base {base:,.0f} >= {reach['depth']:,.0f} for {reach['layers']} layers: "
        f"{verdict(base >= reach['depth'])} ({reach['remaining']:.0%} of the slowest cosine is left, "
        f"{reach['coherence']:.0%} asked for)",
        "precision": f"base {base:,.0f} < {reach['ceiling']:,.0f} in fp32, as longspan rotates: "
        f"{verdict(base < reach['ceiling'])}",
    }
