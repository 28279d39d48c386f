"""From options to what answers: a local model, a server, or models on several machines."""

from __future__ import annotations

from longspan.evaluation.work import Target
from longspan.loading import load_weights
from longspan.loading.progress import Progress, silent


def target_of(
    model: str | None,
    *,
    chunk: int = 2048,
    batch: int = 1,
    dtype: str = "auto",
    device: str = "auto",
    endpoint: str | None = None,
    tokenizer: str | None = None,
    parallel: int = 4,
    timeout: float = 600.0,
    ray: str | None = None,
    progress: Progress = silent,
) -> Target:
    """The local model, unless an endpoint or a Ray cluster is named.

    tokenizer: whose tokens are counted for an endpoint, a name as for a model; by default the embedded model's.
    parallel: requests to it at a time; timeout: seconds to wait for an answer.
    """
    if endpoint is not None and ray is not None:
        raise ValueError(
            "endpoint and ray are both given; an endpoint spreads its work itself, leave out --ray"
        )
    if endpoint is not None and (dtype, device) != ("auto", "auto"):
        raise ValueError(
            f"dtype={dtype} and device={device} are the server's own choice; leave out --dtype and --device"
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

        return Spread(model, address=ray, chunk=chunk, dtype=dtype, device=device, progress=progress)
    from longspan.evaluation.local import Local
    from longspan.model import load

    return Local(load(model, dtype=dtype, device=device, progress=progress), chunk=chunk, batch=batch)
