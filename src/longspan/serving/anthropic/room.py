"""Answers that take what room there is, since clients of Anthropic name more tokens than they want."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from longspan.serving.asked import Asked
from longspan.serving.desk import Desk, Ticket
from longspan.serving.refused import Overlong


@dataclass(frozen=True, kw_only=True)
class Room:
    """Asks a desk, and for fewer tokens where prompt and answer do not fit together. told: called where it did so, that
    an answer that then ends too early says why."""

    desk: Desk
    told: Callable[[], None]

    async def __call__(self, asked: Asked) -> Ticket:
        """The ticket. Raises Overlong where the prompt alone does not fit."""
        try:
            return await self.desk.ask(asked)
        except Overlong as error:
            prompt = error.tokens - asked.generation.get("max_new_tokens", 0)
            room = error.maximum - prompt
            if room < 1:
                raise Overlong(
                    tokens=max(prompt, error.maximum + 1),
                    maximum=error.maximum,
                    advice=error.advice,
                    param=error.param or "messages",
                ) from None
        self.told()
        return await self.desk.ask(replace(asked, generation={**asked.generation, "max_new_tokens": room}))
