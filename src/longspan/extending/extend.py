"""The whole search: texts, candidates, and the file for the best of them."""

from __future__ import annotations

import hashlib
import json
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from longspan.errors import UnsupportedModel
from longspan.extending.candidate import CHILDREN, Candidate
from longspan.extending.evolving import Evolution, Scored, evolve
from longspan.extending.journal import Journal
from longspan.extending.methods import METHODS
from longspan.extending.samples import Sample, Writer
from longspan.extending.scoring import mean_loss
from longspan.extending.writing import check_path, write_json
from longspan.parameters import check_choice, check_range
from longspan.positions.base import Rope
from longspan.positions.rescaling import Rescaling
from longspan.profiles.reading import full_layers
from longspan.seam.seam import Seam

if TYPE_CHECKING:
    from longspan.model import Model

JOURNAL = ".search"
"""What is added to the name of the result's file for that of the search's memory."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """How far a search has come: candidates scored, of how many at most; the best loss; seconds since it began."""

    done: int
    total: int
    loss: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a search found.

    rescaling: the best factors. loss: theirs, in nats a token. starts: losses of what the search began with, by name
    where it has one. scored: candidates, of `total` at most; of these `kept` were scored by an earlier run. complete:
    whether the time was enough. seconds: of this run.
    """

    rescaling: Rescaling
    loss: float
    starts: tuple[tuple[str, float], ...]
    scored: int
    total: int
    kept: int
    complete: bool
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            "perplexity": math.exp(self.loss),
            "loss": self.loss,
            "starts": [{"origin": origin, "loss": loss} for origin, loss in self.starts],
            "scored": self.scored,
            "total": self.total,
            "kept": self.kept,
            "complete": self.complete,
            "seconds": round(self.seconds, 1),
        }


def extend(
    model: Model,
    out: str | os.PathLike[str],
    *,
    method: str,
    target: int,
    text: str | None = None,
    samples: int | None = None,
    evolution: Evolution | None = None,
    seed: int = 0,
    seconds: float | None = None,
    watch: Callable[[Stage], None] = lambda stage: None,
) -> Found:
    """Searches for the rescale factors with which a model best foretells texts of `target` tokens.

    Writes them to the file `out`, which positions=longrope(factors=...) takes. What was scored is kept beside it, as
    `out`.search, after each candidate; the same call goes on from there, also for more iterations, and finds what it
    would have found without a break.

    method: "longrope", by the perplexity of all tokens, or "longrope2", by that of needles' tokens. text: what the
    samples are cut from, by default made-up prose. samples: how many, by default the paper's 5 or 10. evolution:
    how many candidates. seconds: after which no further candidate is begun; the first is always scored.

    Raises ValueError for a target within the model's window, or a text that is too short, PlanError for files that
    cannot be read or written, and UnsupportedModel for a model without a rotating layer that sees everything.
    """
    check_choice("method", method, METHODS)
    trained, began = model.window, time.monotonic()
    check_range("target", target, trained + 1)
    kind, evolution = METHODS[method], evolution or Evolution()
    count = kind.samples if samples is None else samples
    check_range("samples", count, 1)
    file = check_path(out)
    space = kind.space(rope=_rope(model.seam), scale=target / trained)
    texts = kind.write(Writer(tokenizer=model.tokenizer, length=target, text=text), count, seed)
    about = _about(model, texts, evolution) | {"method": method, "target": target, "seed": seed}

    def loss(candidate: Candidate) -> float:
        return mean_loss(model.seam, space.positions(candidate), texts)

    journal = Journal(check_path(file.with_name(file.name + JOURNAL)), about, loss)
    scored, lowest, complete = list[Scored](), math.inf, True
    for each in evolve(space, journal, evolution, seed):
        scored.append(each)
        lowest, spent = min(lowest, each.loss), time.monotonic() - began
        watch(Stage(done=len(scored), total=evolution.candidates, loss=lowest, seconds=spent))
        if seconds is not None and spent >= seconds and len(scored) >= journal.kept:
            complete = len(scored) >= evolution.candidates
            break
    best = min(scored, key=lambda each: each.loss)
    rescaling = Rescaling(
        method=method,
        factors=best.candidate.factors,
        trained=trained,
        target=target,
        first=best.candidate.first,
        critical=best.candidate.critical,
    )
    write_json(file, rescaling.to_dict(about | {"loss": best.loss, "scored": len(scored)}))
    return Found(
        rescaling=rescaling,
        loss=best.loss,
        starts=tuple(
            (each.candidate.origin, each.loss) for each in scored if each.candidate.origin not in CHILDREN
        ),
        scored=len(scored),
        total=evolution.candidates,
        kept=min(journal.kept, len(scored)),
        complete=complete,
        seconds=time.monotonic() - began,
    )


def _about(model: Model, texts: Sequence[Sample], evolution: Evolution) -> dict[str, Any]:
    """What losses and candidates depend on, besides method, target and seed. More iterations change neither."""
    tokens = json.dumps([each.ids for each in texts])
    return {
        "model": model.digest or model.name,
        "dtype": str(model.seam.dtype).removeprefix("torch."),
        "trained": model.window,
        "samples": len(texts),
        "texts": hashlib.sha256(tokens.encode()).hexdigest()[:16],
        "population": evolution.population,
        "mutated": evolution.mutated,
        "crossed": evolution.crossed,
        "parents": evolution.parents,
    }


def _rope(seam: Seam) -> Rope:
    """The rotation of the layers that positions are for."""
    ropes = [rope for index in full_layers(seam) if (rope := seam.layers[index].rope).channels]
    if not ropes:
        raise UnsupportedModel(
            f"no layer of model family {seam.family!r} both rotates and sees everything, so there is nothing to "
            "rescale; use a model with full attention"
        )
    return ropes[0]
