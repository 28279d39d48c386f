"""Plans of the methods that longspan brings."""

import pytest

from longspan import parts, registry
from longspan.errors import PlanError, UnknownMethod
from longspan.notation import parse_call
from longspan.plan import Plan
from longspan.policies.allocators.adakv import AdaKV as Adaptive
from longspan.policies.snapkv import SnapKV

CARDS = [(room, registry.card(room, name)) for room in registry.ROOMS for name in registry.own(room)]


@pytest.mark.parametrize(("room", "card"), CARDS, ids=[f"{room}={card.name}" for room, card in CARDS])
def test_every_method_has_parameters_that_text_can_give(room, card):
    for each in parts.parameters(registry.find(room, card.name)):
        assert "in Python" not in each.takes
        assert each.required or "\n" not in each.text(each.default)


@pytest.mark.parametrize(
    ("room", "card"),
    [(room, card) for room, card in CARDS if room in registry.SLOTS],
    ids=lambda value: getattr(value, "name", value),
)
def test_every_method_reads_back_from_its_own_table(room, card, tmp_path):
    known = parts.parameters(registry.find(room, card.name))
    required = ",".join(f"{each.name}=4" for each in known if each.required)
    plan = Plan.parse(f"{room}={card.name}({required})")
    table = plan.describe()[room]
    assert table["method"] == card.name
    assert set(table) == {"method", *(each.name for each in known)}
    written = ",".join(f"{each.name}={each.text(getattr(getattr(plan, room), each.name))}" for each in known)
    assert Plan.parse(f"{room}={card.name}({written})") == plan


FORMERLY = [
    pytest.param(room, card.name, each, id=f"{room}={card.name}({each.formerly})")
    for room, card in CARDS
    for each in parts.parameters(registry.find(room, card.name))
    if each.formerly is not None
]


@pytest.mark.parametrize(("room", "name", "parameter"), FORMERLY)
def test_a_parameter_is_read_by_its_former_name_and_written_by_its_own(room, name, parameter):
    def part(*names: str):
        value = parameter.text(parameter.default)
        return parts.build(room, parse_call(f"{name}({','.join(f'{each}={value}' for each in names)})"))

    assert part(parameter.formerly) == part(parameter.name)
    assert parameter.name in parts.table_of(room, part(parameter.formerly))
    assert parameter.formerly not in [each.name for each in parts.parameters(registry.find(room, name))]
    for both in ((parameter.name, parameter.formerly), (parameter.formerly, parameter.name)):
        with pytest.raises(PlanError, match=f"given twice.*leave {parameter.formerly} out$"):
            part(*both)


def test_plans_with_former_names_are_read_from_text_and_tables(tmp_path):
    plan = Plan.parse(
        "selector=retrieve(grouping=events(longest=64,shortest=4),dense=0) pattern=dhsa(spacing=4)"
    )
    old = "selector=retrieve(grouping=events(most=64,least=4),dense=0) pattern=dhsa(apart=4)"
    assert Plan.parse(old) == plan
    assert str(Plan.parse(old)) == str(plan)
    tables = plan.describe()
    assert Plan.of_tables(tables) == plan
    grouping = tables["selector"]["grouping"]
    grouping["least"], grouping["most"] = grouping.pop("shortest"), grouping.pop("longest")
    tables["pattern"]["apart"] = tables["pattern"].pop("spacing")
    assert Plan.of_tables(tables) == plan


def test_all_slots_together():
    text = (
        "positions=yarn(factor=4) pattern=a-shape policy=snapkv(budget=2048,when=chunk) "
        "selector=quest(budget=512) codec=int8"
    )
    plan = Plan.parse(text)
    assert str(plan) == text
    assert list(plan.parts) == ["positions", "pattern", "policy", "selector", "codec"]
    assert isinstance(plan.policy, SnapKV)
    assert Plan.parse("policy=snapkv(allocator=adakv(floor=10%))").policy.allocator == Adaptive(floor=0.1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("positions=self-extend pattern=xattention", "this pattern works with position schemes of one piece"),
        (
            "positions=in-cache policy=snapkv(disposer=quantize)",
            "in-cache counts entries in the order of the text",
        ),
        ("policy=streamingllm(budget=4,sinks=4)", "streamingllm: budget=4 is outside 5 .. ∞ tokens"),
        ("policy=snapkv(window=0)", "snapkv: window=0 is outside 1 .. ∞"),
        ("policy=snapkv(when=later)", "snapkv: when=later is not one of end, chunk"),
        ("positions=yarn(factor=0.5)", "yarn: factor=0.5 is outside 1.0 .. ∞"),
        ("policy=snapkv(allocator=drop)", "drop is a disposer; write policy=METHOD(disposer=drop)"),
        ("selector=snapkv", "snapkv is a policy; write policy=snapkv"),
        ("policy=snpkv", "no policy method 'snpkv'; did you mean snapkv?"),
        ("decode=prompt-lokup", "no decode method 'prompt-lokup'; did you mean prompt-lookup?"),
    ],
)
def test_what_cannot_be_is_refused(text, said):
    with pytest.raises((PlanError, UnknownMethod)) as caught:
        Plan.parse(text)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
