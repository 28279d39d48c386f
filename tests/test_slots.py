"""What a type checker is told of a plan's slots."""

import dataclasses
import inspect

import pytest

from longspan import registry
from longspan.plan import Plan
from longspan.slots import Slots


@pytest.mark.parametrize("slot", registry.SLOTS)
def test_a_slot_takes_its_contract_or_text_and_holds_its_contract(slot):
    contract = registry.contract(slot).__name__
    taken = inspect.signature(Plan).parameters[slot]
    assert taken.annotation == f"{contract} | str | None"
    assert taken.kind is inspect.Parameter.KEYWORD_ONLY
    (held,) = (each for each in dataclasses.fields(Plan) if each.name == slot)
    assert held.type == f"{contract} | None"


def test_each_slot_is_given_to_its_own_name():
    """The order in which slots are listed is that in which a plan takes them."""
    assert tuple(inspect.signature(Plan).parameters) == registry.SLOTS
    assert tuple(each.name for each in dataclasses.fields(Plan)) == registry.SLOTS
    assert tuple(each.name for each in dataclasses.fields(Slots)) == registry.SLOTS


def test_a_plan_is_changed_by_replacing_slots():
    plan = Plan(positions="yarn(factor=4)", policy="snapkv(budget=64)")
    other = dataclasses.replace(plan, policy=None, codec="int8")
    assert other == Plan(positions="yarn(factor=4)", codec="int8")
    assert hash(other) == hash(Plan.parse(str(other)))
