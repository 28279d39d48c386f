"""How tokens are proposed and verified. No method is in this room yet."""

from longspan.registry import Card

CARDS: tuple[Card, ...] = ()
