"""The plans that are raced by default come from the registry."""

from dataclasses import dataclass

import pytest

from longspan import registry
from longspan.evaluation.tune.candidates import candidates
from longspan.plan import Plan
from longspan.policies.snapkv import SnapKV
from longspan.registry import Card


def card(name: str, cls: str, **changes: object) -> Card:
    facts = {
        "name": name,
        "target": f"{__name__}:{cls}",
        "paper": "P",
        "link": "https://example.org",
        "year": 2024,
        "training": False,
        "changes": "Nothing.",
    }
    return Card(**facts | changes)


@dataclass(frozen=True, kw_only=True)
class Mine(SnapKV):
    """A method of one's own."""


@dataclass(frozen=True, kw_only=True)
class Demanding(SnapKV):
    """Cannot be made without its parameter."""

    needed: int


@pytest.fixture
def added(monkeypatch):
    monkeypatch.setattr(registry, "_added", {room: dict(cards) for room, cards in registry._added.items()})
    registry.register("policy", card("mine", "Mine"))
    registry.register("policy", card("demanding", "Demanding"))
    registry.register("policy", card("learned", "Mine", training=True))


def test_the_empty_plan_is_first_and_none_comes_twice():
    plans = candidates(1024)
    assert plans[0] == Plan()
    assert len(set(map(str, plans))) == len(plans)


def test_every_policy_is_there_at_three_budgets_with_and_without_int8():
    texts = set(map(str, candidates(1024)))
    for each in registry.cards("policy"):
        if each.training or each.name == "random":
            continue
        for budget in (0.5, 0.25, 0.125):
            for codec in ("", " codec=int8"):
                assert str(Plan.parse(f"policy={each.name}(budget={budget}){codec}")) in texts


def test_every_policy_is_there_once_with_most_of_the_text_in_int8():
    texts = set(map(str, candidates(1024)))
    named = {each.name for each in registry.cards("policy") if not each.training} - {"random"}
    assert {f"policy={name}(budget=0.9) codec=int8" for name in named} <= texts
    assert not {f"policy={name}(budget=0.9)" for name in named} & texts


def test_codecs_are_there_alone_and_selectors_with_the_full_cache():
    texts = set(map(str, candidates(1024)))
    codecs = {f"codec={each.name}" for each in registry.cards("codec")}
    assert codecs - texts == {"codec=host", "codec=mapped"}
    assert not any("random" in text for text in texts)
    assert {f"selector=quest(budget={budget})" for budget in (512, 256, 128)} <= texts


def test_new_methods_take_part_by_themselves(added):
    named = {plan.describe().get("policy", {}).get("method") for plan in candidates(1024)}
    assert "mine" in named
    assert not named & {"demanding", "learned"}


def test_each_method_is_tried_once_before_any_is_tried_twice():
    policies = [plan.policy for plan in candidates(1024) if plan.policy]
    kinds = len({type(policy) for policy in policies})
    assert len({type(policy) for policy in policies[:kinds]}) == kinds
