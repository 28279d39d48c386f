"""Which plans are raced when none are named: made from the registry, so that new methods take part by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import get_args

from longspan import parts, registry
from longspan.errors import PlanError
from longspan.parameters import tokens
from longspan.plan import Plan

SHARES = (0.25, 0.125, 0.5)
"""Parts of the text that a policy keeps or a selector visits; the one that most often pays comes first."""

CODEC = "int8"
"""The codec that every policy is also raced with."""

RICH_SHARE = 0.9
"""What a policy keeps with the codec only: together just under half of the memory, and little is forgotten."""


CONTROL = "random"
"""The policy that others are compared with, not one to win."""


def candidates(length: int) -> tuple[Plan, ...]:
    """The empty plan, each codec, and each policy and selector at each share of a text of `length` tokens.

    Policies come with and without int8, and once with most of the text in int8. Left out are methods that a model
    must be trained for, those with a parameter that must be given, those that cannot work alone, codecs that only
    say where entries lie, and the policy that chooses at random. What should be tried first comes first, since a race
    that is short of time leaves out the last ones.
    """
    rich = (f"policy={each} codec={CODEC}" for each in _calls("policy", RICH_SHARE, length))
    first, *others = (_at(share, length) for share in SHARES)
    texts = chain([""], _codecs(), first, rich, *others)
    plans = dict.fromkeys(plan for text in texts if (plan := _plan(text)) is not None)
    return tuple(plans)


def _at(share: float, length: int) -> Iterator[str]:
    """All policies at one share, then the same with the codec, then all selectors."""
    policies = [f"policy={each}" for each in _calls("policy", share, length)]
    yield from policies
    yield from (f"{policy} codec={CODEC}" for policy in policies)
    yield from (f"selector={each}" for each in _calls("selector", share, length))


def _codecs() -> Iterator[str]:
    """Those that decide on the form; where entries of another codec lie changes no answer."""
    for card in registry.cards("codec"):
        held = {each.room for each in parts.parameters(registry.find("codec", card.name))}
        if not card.training and "codec" not in held:
            yield f"codec={card.name}"


def _calls(room: str, share: float, length: int) -> Iterator[str]:
    """Each method of a room with its budget, as a fraction where it takes one; without, if it has none."""
    for card in registry.cards(room):
        known = {each.name: each for each in parts.parameters(registry.find(room, card.name))}
        if card.training or card.name == CONTROL:
            continue
        if "budget" not in known:
            yield card.name
        else:
            kind = known["budget"].kind
            fraction = float in (get_args(kind) or (kind,))
            yield f"{card.name}(budget={share if fraction else tokens(share, length)})"


def _plan(text: str) -> Plan | None:
    """The plan, None where its methods need more than is given here or refuse it."""
    try:
        return Plan.parse(text)
    except PlanError:
        return None
