"""The answer that is being given, as proposers see it that draft with a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from longspan.decoding.base import Drafter, Draws, Host
from longspan.plan import Plan
from longspan.running.engine import Engine
from longspan.running.outsider import Outsider
from longspan.running.sequence import Sequence
from longspan.running.shadow import Shadow
from longspan.sampling.sampler import Sampler
from longspan.seam.seam import Seam


class Answering(Host):
    """A sequence that speaks.

    sampler: draws its tokens. others: finds another model. Drafters stay with the sequence, so that the next answer
    finds what they have read.
    """

    def __init__(self, sequence: Sequence, sampler: Sampler, others: Callable[[str], Seam] | None) -> None:
        self._sequence, self._sampler, self._others = sequence, sampler, others

    def ahead(self) -> Draws:
        """Draws what the answer would draw next."""
        return self._sampler.ahead()

    def apart(self, place: int) -> Draws:
        """Draws by chance of its own."""
        return self._sampler.apart(place)

    def kept(self, name: str, make: Callable[[], Any]) -> Any:
        """What proposers keep from one answer to the next."""
        learned = self._sequence.learned
        if name not in learned:
            learned[name] = make()
        return learned[name]

    def same(self, parts: Mapping[str, Any], *, every: int) -> Drafter:
        """The answer's own model, under its own plan but for some parts."""
        main = self._sequence.engine
        plan = replace(main.plan, decode=None, **parts)
        return self._kept(f"itself {plan} {every}", lambda: self._shadow(plan, every))

    def other(self, model: str | None, parts: Mapping[str, Any], *, text: str = "") -> Drafter:
        """A model that reads by itself, under a plan of these parts."""
        plan = Plan(**parts)
        return self._kept(f"{model} {plan} {text}", lambda: self._outsider(model, plan))

    def _kept(self, name: str, make: Callable[[], Drafter]) -> Drafter:
        kept = self._sequence.companions
        if name not in kept:
            kept[name] = make()
        return kept[name]

    def _shadow(self, plan: Plan, every: int) -> Shadow:
        main = self._sequence.engine
        engine = Engine(main.seam, plan, chunk=main.chunk, profile=main.profile, window=main.window).checked()
        gathered = engine.observed <= max(1, main.observed) and set(engine.parts.trackings) <= set(
            main.parts.trackings
        )
        if not gathered:
            raise ValueError(
                f"policy of {str(plan)!r} looks at more than was gathered while reading; draft under streamingllm or "
                "with a selector"
            )
        return Shadow(self._sequence, engine, every)

    def _outsider(self, model: str | None, plan: Plan) -> Outsider:
        main = self._sequence
        seam = main.engine.seam
        if model is not None:
            if self._others is None:
                raise LookupError(
                    f"no model={model} was given to draft with; open the session by Model.session"
                )
            seam = self._others(model)
        return Outsider(model, Engine(seam, plan, chunk=main.engine.chunk).checked(), main)
