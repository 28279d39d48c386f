"""Generated tasks whose answer grows with the length, as the prompt does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Generated, Request


@dataclass(frozen=True, kw_only=True)
class LongAnswer(Generated):
    """A generated task where the length is shared between the prompt and an answer that grows with it.

    Each sample says in `facts["max_new_tokens"]` how long its own answer may be: what the prompt leaves of the
    length, which is never less than a right answer, an eighth more, and `max_new_tokens` for words around it.
    """

    max_new_tokens: int = 256

    def filled(
        self, build: Callable[[int], tuple[Sample, str]], request: Request, *, fewest: int = 1
    ) -> Sample:
        """The sample with the most units, from `fewest` on, whose prompt and answer fit the length.

        `build(n)` gives the sample with n units and a right answer to it; see `largest` for what it must keep to.
        Raises TaskError where `fewest` does not fit.
        """

        def answered(count: int) -> Sample:
            sample, answer = build(count)
            room = answer + answer[: len(answer) // 8]
            return replace(sample, prefix=sample.prefix + room, facts={"units": count})

        fitting = self.largest(answered, request, fewest=fewest)
        sample, _ = build(fitting.facts["units"])
        left = (request.length or 0) - request.prompt_tokens(sample)
        return replace(sample, facts={**sample.facts, "max_new_tokens": left})
