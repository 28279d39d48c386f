"""What a run was made with, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from longspan.evaluation.report.wording import length_name, memory, seconds

_QUESTIONS = {"seen": "known when a plan compresses", "unseen": "not known when a plan compresses"}
_TIMES = {"read_seconds": "reading", "compress_seconds": "compressing", "decode_seconds": "generating"}


def about(run: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Titles and facts; what `run.json` does not say is left out."""
    model, haystack, machine = (run.get(part) or {} for part in ("model", "haystack", "machine"))
    said = {
        "model": _joined(model, "name", "source", "dtype", "weights"),
        "digest": str(model.get("digest") or ""),
        "window": f"{model['window']:,} tokens" if model.get("window") else "",
        "lengths": ", ".join(length_name(length) for length in run.get("lengths") or ()),
        "samples of a task": str(run.get("samples") or ""),
        "seed": str(run.get("seed", "")),
        "question": _QUESTIONS.get(run.get("question", ""), str(run.get("question") or "")),
        "samples too long": str(run.get("too_long") or ""),
        "haystack": _joined(haystack, "name", "digest"),
        "machine": ", ".join(_machine(machine)),
        "versions": ", ".join(f"{name} {version}" for name, version in (run.get("versions") or {}).items()),
        "started": str(run.get("started") or ""),
        "time": ", ".join(_times(run.get("timing") or {})),
    }
    yield from ((title, text) for title, text in said.items() if text)


def _joined(values: Mapping[str, Any], *names: str) -> str:
    return ", ".join(str(values[name]) for name in names if values.get(name))


def _machine(machine: Mapping[str, Any]) -> Iterator[str]:
    yield from (str(machine[name]) for name in ("processor", "device") if machine.get(name))
    yield from (f"{machine[name]} {name}" for name in ("cores", "threads") if machine.get(name))
    if machine.get("memory_bytes"):
        yield memory(machine["memory_bytes"])


def _times(timing: Mapping[str, float]) -> Iterator[str]:
    if "wall_seconds" in timing:
        yield f"{seconds(timing['wall_seconds'])} in all"
    yield from (f"{seconds(timing[name])} {word}" for name, word in _TIMES.items() if name in timing)
