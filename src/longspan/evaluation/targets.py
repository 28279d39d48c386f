"""From options to what answers: a local model, a server, or models on several machines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from longspan import brought
from longspan.evaluation.task import TaskError
from longspan.evaluation.work import Target
from longspan.loading import load_weights
from longspan.progress import Watcher


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a target is that a package brings, and what was said about it.

    scheme, rest: of the address, as in scheme://rest. model: the model to ask there, "" where none was named.
    tokenizer: the model whose tokens may be counted for it, None for the embedded default. parallel, timeout: requests
    at a time, and seconds to wait for an answer.
    """

    scheme: str
    rest: str
    model: str = ""
    tokenizer: str | None = None
    parallel: int = 4
    timeout: float = 600.0


Opener: TypeAlias = Callable[[Address], Target]
"""Opens a target: an object with all that `work.Target` says. It raises a LongspanError, one line with the next step,
where there is nothing to open, and its `answers` raises TaskError for plans and tasks that it cannot do."""


def _opener(name: str, found: Any) -> Opener:
    if not callable(found):
        raise ValueError(f"is no function that opens {name}://...")
    opener: Opener = found
    return opener


BROUGHT = brought.Kind(
    group="longspan.targets",
    what="target",
    own=lambda: ("http", "https"),
    read=_opener,
    error=TaskError,
)
"""Targets that packages bring, each announced by the scheme of its addresses as an `Opener`."""


def target_of(
    model: str | None,
    *,
    chunk: int = 2048,
    batch: int = 1,
    dtype: str = "auto",
    device: str = "auto",
    weights: str = "auto",
    endpoint: str | None = None,
    tokenizer: str | None = None,
    parallel: int = 4,
    timeout: float = 600.0,
    ray: str | None = None,
    progress: Watcher | None = None,
) -> Target:
    """The local model, unless an endpoint or a Ray cluster is named.

    endpoint: an OpenAI-compatible server, or an address whose scheme is that of a target of another package.
    tokenizer: whose tokens are counted for an endpoint, a name as for a model; by default the embedded model's.
    parallel: requests to it at a time; timeout: seconds to wait for an answer.
    """
    if endpoint is not None and ray is not None:
        raise ValueError(
            "endpoint and ray are both given; an endpoint spreads its work itself, leave out ray=..."
        )
    held = {"dtype": dtype, "device": device, "weights": weights}
    if endpoint is not None and (told := {name: value for name, value in held.items() if value != "auto"}):
        said, names = (
            " and ".join(map("=".join, each.items())) for each in (told, dict.fromkeys(told, "..."))
        )
        raise ValueError(f"{said} would be the server's own choice; leave out {names}")
    scheme, separator, rest = (endpoint or "").partition("://")
    if separator and scheme in BROUGHT.names:
        return BROUGHT.load(scheme)(
            Address(
                scheme=scheme,
                rest=rest,
                model=model or "",
                tokenizer=tokenizer,
                parallel=parallel,
                timeout=timeout,
            )
        )
    if endpoint is not None:
        from longspan.evaluation.endpoint import Endpoint

        counting = load_weights(tokenizer, progress=progress)
        return Endpoint(
            url=endpoint,
            model=model or "",
            tokenizer=counting.tokenizer,
            tokenizer_name=counting.digest,
            parallel=parallel,
            timeout=timeout,
        )
    if ray is not None:
        from longspan.evaluation.spread import Spread

        return Spread(model, address=ray, chunk=chunk, progress=progress, **held)  # type: ignore[arg-type]
    from longspan.evaluation.local import Local
    from longspan.model import load

    return Local(load(model, progress=progress, **held), chunk=chunk, batch=batch)  # type: ignore[arg-type]
