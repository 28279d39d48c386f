"""A plan: its slots, its text, its file, and what it refuses."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longspan import registry
from longspan.codecs.base import Codec
from longspan.errors import PlanError, UnknownMethod
from longspan.parameters import Budget, check_budget, check_range
from longspan.plan import Plan
from longspan.registry import Card, register
from longspan.store.form import Plain


@dataclass(frozen=True, kw_only=True)
class ToyPositions:
    factor: float
    parts: tuple[float, ...] = (1.0, 0.5)


@dataclass(frozen=True, kw_only=True)
class ToyAllocator:
    floor: float = 0.2

    def __post_init__(self) -> None:
        check_range("floor", self.floor, 0, 1)


@dataclass(frozen=True, kw_only=True)
class ToyPolicy:
    budget: Budget = 1024
    when: Literal["end", "chunk"] = "end"
    window: int = 64
    pair: tuple[int, str] | None = None
    label: int | str = "a"
    note: str | None = None
    share: bool = False
    allocator: ToyAllocator | None = field(default=None, metadata={"room": "allocator"})
    chain: tuple[ToyAllocator, ...] = field(default=(), metadata={"room": "allocator"})

    def __post_init__(self) -> None:
        check_budget("budget", self.budget)
        check_range("toy-snap: window", self.window, 1)

    def check(self, plan: Plan) -> None:
        if plan.selector is not None and self.when == "chunk":
            raise PlanError("toy-snap(when=chunk) cannot work with a selector; write when=end")


@dataclass(frozen=True, kw_only=True)
class ToySelector:
    budget: int = 512


@dataclass(frozen=True, kw_only=True)
class Mine(Codec):
    """A codec that nobody registered."""

    keep: int = 4
    odd: Any = None
    inner: Any = field(default=None, metadata={"room": "allocator"})

    def check(self, plan: Plan) -> None:
        if plan.policy is not None:
            raise PlanError("mine stands alone")

    def form(self):
        return Plain()


TOYS = {
    "toy-yarn": ("positions", ToyPositions),
    "toy-ada": ("allocator", ToyAllocator),
    "toy-snap": ("policy", ToyPolicy),
    "toy-quest": ("selector", ToySelector),
}


@pytest.fixture(autouse=True, scope="module")
def toys():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "_added", {room: {} for room in registry.ROOMS})
        for name, (room, cls) in TOYS.items():
            facts = {"paper": "Toys", "link": "https://example.org", "year": 2026, "changes": "Little."}
            register(room, Card(name=name, target=f"{__name__}:{cls.__name__}", training=False, **facts))
        yield


words = st.text(max_size=8) | st.sampled_from(["none", "true", "64", "25%", "inf", "toy-ada(floor=1)"])
fractions = st.floats(0, 1, exclude_min=True)
numbers = st.floats(allow_nan=False, allow_infinity=False)
allocators = st.builds(ToyAllocator, floor=st.floats(0, 1))
plans = st.builds(
    Plan,
    positions=st.none()
    | st.builds(ToyPositions, factor=numbers, parts=st.lists(numbers, max_size=3).map(tuple)),
    policy=st.none()
    | st.builds(
        ToyPolicy,
        budget=st.integers(1) | fractions,
        when=st.sampled_from(["end", "chunk"]),
        window=st.integers(1),
        pair=st.none() | st.tuples(st.integers(), words),
        label=st.integers() | words,
        note=st.none() | words,
        share=st.booleans(),
        allocator=st.none() | allocators,
        chain=st.lists(allocators, max_size=2).map(tuple),
    ),
)


@settings(deadline=None)
@given(plans)
def test_a_plan_reads_back_from_its_text(plan):
    again = Plan.parse(str(plan))
    assert again == plan
    assert str(again) == str(plan)
    assert json.dumps(again.describe()) == json.dumps(plan.describe())


def test_the_empty_plan():
    assert str(Plan()) == ""
    assert Plan.parse("") == Plan.of(None) == Plan.of("") == Plan()
    assert Plan().parts == Plan().describe() == {}


def test_the_text_has_only_what_differs_from_the_defaults():
    for text in [
        "positions=toy-yarn(factor=4)",
        "positions=toy-yarn(factor=4.5,parts=[])",
        "policy=toy-snap",
        "policy=toy-snap(budget=2048,when=chunk)",
        "policy=toy-snap(budget=1.0)",
        'policy=toy-snap(pair=[3,"4"],label="two words",note="none",share=true)',
        "positions=toy-yarn(factor=1e+300) policy=toy-snap(allocator=toy-ada)",
        "policy=toy-snap(chain=[toy-ada,toy-ada(floor=1)])",
    ]:
        assert str(Plan.parse(text)) == text
    long = "policy=toy-snap( budget = 1024 , allocator=none ) positions=toy-yarn(factor=4.0,parts=[1,50%])"
    assert str(Plan.parse(long)) == "positions=toy-yarn(factor=4) policy=toy-snap"


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ("budget=25%", 0.25),
        ("budget=29%", 0.29),
        ("budget=100%", 1.0),
        ("budget=1", 1),
        ("budget=0.5", 0.5),
        ("window=32_768", 32768),
        ("note=none", None),
        ('note="none"', "none"),
        ("note=64", "64"),
        ("share=True", True),
        ("pair=[1,x]", (1, "x")),
        ("allocator=toy-ada", ToyAllocator()),
        ("allocator=toy-ada(floor=50%)", ToyAllocator(floor=0.5)),
        ('allocator="toy-ada(floor=50%)"', ToyAllocator(floor=0.5)),
    ],
)
def test_a_value_is_read_by_its_annotation(given, value):
    policy = Plan.parse(f"policy=toy-snap({given})").policy
    read = getattr(policy, given.partition("=")[0])
    assert read == value
    assert type(read) is type(value)


def test_a_slot_takes_a_part_its_text_or_none():
    plan = Plan(
        positions="toy-yarn(factor=4)", policy=ToyPolicy(budget=0.5, allocator=ToyAllocator()), codec=None
    )
    assert plan == Plan.parse("positions=toy-yarn(factor=4) policy=toy-snap(budget=50%,allocator=toy-ada)")
    assert plan.parts == {"positions": ToyPositions(factor=4), "policy": plan.policy}
    assert Plan.of(plan) is plan
    assert plan.describe() == {
        "positions": {"method": "toy-yarn", "factor": 4, "parts": [1, 0.5]},
        "policy": {
            "method": "toy-snap",
            "budget": 0.5,
            "when": "end",
            "window": 64,
            "pair": None,
            "label": "a",
            "note": None,
            "share": False,
            "allocator": {"method": "toy-ada", "floor": 0.2},
            "chain": [],
        },
    }


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        (
            "polcy=toy-snap",
            PlanError,
            "no slot 'polcy'; did you mean policy? the slots are positions, pattern,",
        ),
        ("allocator=toy-ada", PlanError, "no slot 'allocator'; the slots are positions"),
        ("policy=toy-snp", UnknownMethod, "no policy method 'toy-snp'; did you mean toy-snap?"),
        ("policy=toy-quest", UnknownMethod, "toy-quest is a selector; write selector=toy-quest"),
        (
            "policy=toy-snap(allocator=toy-add)",
            UnknownMethod,
            "no allocator method 'toy-add'; did you mean toy-ada?",
        ),
        ("policy=toy-snap(allocator=toy-snap)", UnknownMethod, "toy-snap is a policy; write policy=toy-snap"),
        ("policy=os:system", UnknownMethod, "no policy method 'os:system'"),
        ("decode=draft-modal", UnknownMethod, "no decode method 'draft-modal'; did you mean draft-model?"),
        (
            "policy=toy-snap(windw=3)",
            PlanError,
            "toy-snap has no parameter 'windw'; did you mean window? it has budget, ",
        ),
        ("positions=toy-yarn", PlanError, "toy-yarn needs factor; write toy-yarn(factor=...)"),
        ("positions=toy-yarn(factor=none)", PlanError, "toy-yarn: factor=none is not a number"),
        ("positions=toy-yarn(factor=inf)", PlanError, "toy-yarn: factor=inf is not a number"),
        ("positions=toy-yarn(factor=1e999)", PlanError, "toy-yarn: factor=1e999 is not a number"),
        ("positions=toy-yarn(factor=[1])", PlanError, "toy-yarn: factor=[1] is not a number"),
        (
            "policy=toy-snap(budget=many)",
            PlanError,
            "toy-snap: budget=many is not a whole number or a fraction such as 25%",
        ),
        ("policy=toy-snap(window=4.0)", PlanError, "toy-snap: window=4.0 is not a whole number"),
        ("policy=toy-snap(window=5%)", PlanError, "toy-snap: window=5% is not a whole number"),
        (f"policy=toy-snap(window={'9' * 5000})", PlanError, "is not a whole number"),
        ("policy=toy-snap(when=later)", PlanError, "toy-snap: when=later is not one of end, chunk"),
        ("policy=toy-snap(share=yes)", PlanError, "toy-snap: share=yes is not true or false"),
        (
            "policy=toy-snap(label=toy-ada(floor=1))",
            PlanError,
            "toy-snap: label=toy-ada(...) is not a whole number or a text",
        ),
        ("policy=toy-snap(pair=[1])", PlanError, "toy-snap: pair=[1] is not a list such as [1,2,3] or none"),
        ("policy=toy-snap(pair=[x,1])", PlanError, "toy-snap: pair=[x,1] is not a list"),
        (
            "policy=toy-snap(allocator=[1])",
            PlanError,
            "allocator=[1] is not a method of room allocator or none",
        ),
        ("policy=toy-snap(window=0)", PlanError, "toy-snap: window=0 is outside 1 .. ∞"),
        ("policy=toy-snap(budget=0)", PlanError, "toy-snap: budget=0 is outside 1 .. ∞ tokens"),
        ("policy=toy-snap(allocator=toy-ada(floor=2))", PlanError, "toy-ada: floor=2.0 is outside 0 .. 1"),
        (
            "policy=toy-snap(when=chunk) selector=toy-quest",
            PlanError,
            "cannot work with a selector; write when=end",
        ),
    ],
)
def test_a_plan_that_cannot_be_is_refused_in_one_line(text, error, said):
    with pytest.raises(error) as caught:
        Plan.parse(text)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(caught.value).count("toy-snap: ") <= 1


@pytest.mark.parametrize(
    ("slot", "value", "said"),
    [
        ("policy", 3, 'policy=3 is neither a part nor the text of one; write policy="METHOD"'),
        ("policy", ToyPolicy, r"policy=ToyPolicy is a class; give a part, such as ToyPolicy\(\)"),
        (
            "policy",
            ToySelector(),
            "policy=toy-quest: toy-quest belongs to selector; write selector=toy-quest",
        ),
        ("policy", Mine(), "policy=Mine is no policy; derive it from longspan.policies.base.Policy"),
        ("decode", Mine(), "decode=Mine is no decode; derive it from longspan.decoding.base.Decode"),
        ("policy", "", "expected the name of a method, found the end"),
        ("policy", "toy-snap selector=toy-quest", "expected nothing more, found 'selector'"),
    ],
)
def test_a_slot_refuses_what_is_no_part_of_it(slot, value, said):
    with pytest.raises((PlanError, UnknownMethod), match=said):
        Plan(**{slot: value})


TOML = """
positions = "toy-yarn(factor=4)"
selector = "toy-quest"

[policy]
method = "toy-snap"
budget = "25%"
share = true
pair = [1, "x"]
chain = ["toy-ada(floor=1)", { method = "toy-ada", floor = 0 }]

[policy.allocator]
method = "toy-ada"
floor = 0.5
"""


def test_a_plan_in_a_file(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(TOML)
    plan = Plan.load(path)
    assert str(plan) == (
        "positions=toy-yarn(factor=4) policy=toy-snap(budget=0.25,pair=[1,x],share=true,"
        "allocator=toy-ada(floor=0.5),chain=[toy-ada(floor=1),toy-ada(floor=0)]) selector=toy-quest"
    )
    assert Plan.of(path) == Plan.of(str(path)) == plan
    path.write_text("")
    assert Plan.load(path) == Plan()


@pytest.mark.parametrize(
    ("content", "error", "said"),
    [
        ("policy = snap", PlanError, "is not TOML: Invalid value (at line 1, column 10)"),
        (b"\xff\xfe", PlanError, "is not TOML: 'utf-8' codec"),
        ("x = " + "[" * 100_000, PlanError, "is not TOML: "),
        ("x = " + "[" * 300 + "]" * 300, PlanError, "x is neither a text nor a table with its method"),
        (
            "policy = 3",
            PlanError,
            'policy is neither a text nor a table with its method; write policy = "METHOD"',
        ),
        ("[policy]\nbudget = 3", PlanError, "policy is neither a text nor a table with its method"),
        ("[policy]\nmethod = 3", PlanError, "policy is neither a text nor a table with its method"),
        ("[polcy]\nmethod = 'toy-snap'", PlanError, "no slot 'polcy'; did you mean policy?"),
        ("policy = 'toy-snp'", UnknownMethod, "no policy method 'toy-snp'; did you mean toy-snap?"),
        (
            "[policy]\nmethod = 'toy-snap'\nwindow = true",
            PlanError,
            "toy-snap: window=true is not a whole number",
        ),
        ("[policy]\nmethod = 'toy-snap'\nwindow = 1979-05-27", PlanError, "is not a whole number"),
        ("[positions]\nmethod = 'toy-yarn'\nfactor = nan", PlanError, "toy-yarn: factor=NaN is not a number"),
        (f"[positions]\nmethod = 'toy-yarn'\nfactor = 1{'0' * 400}", PlanError, "is not a number"),
        (
            "[policy]\nmethod='toy-snap'\n[policy.allocator]\nfloor=1",
            PlanError,
            "allocator is neither a text nor",
        ),
        (
            "policy.method='toy-snap'\npolicy" + ".label" * 20 + ".method='x'",
            PlanError,
            "label is neither a text",
        ),
    ],
)
def test_a_file_that_holds_no_plan_is_named_with_the_reason(tmp_path, content, error, said):
    path = tmp_path / "plan.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(error) as caught:
        Plan.load(path)
    assert str(caught.value).startswith(f"plan file {path}")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named():
    with pytest.raises(PlanError, match=r"^plan file nowhere.toml cannot be read \(No such file"):
        Plan.of("nowhere.toml")
    with pytest.raises(PlanError, match=r"^plan file \. cannot be read \("):
        Plan.of(Path())


def test_a_part_of_your_own_needs_no_registration():
    plan = Plan(codec=Mine(keep=3))
    assert str(plan) == f"codec={__name__}:Mine(keep=3)"
    assert plan.describe()["codec"]["method"] == f"{__name__}:Mine"
    with pytest.raises(UnknownMethod, match="no codec method"):
        Plan.parse(str(plan))


def test_what_cannot_be_recorded_is_refused_when_the_plan_is_made():
    with pytest.raises(PlanError, match="a parameter of type function cannot be recorded; make it a number"):
        Plan(codec=Mine(odd=lambda: 0))
    with pytest.raises(
        PlanError, match="allocator='toy-ada' is not a part; pass one, or write the whole slot"
    ):
        Plan(policy=ToyPolicy(allocator="toy-ada"))


def test_parts_within_parts_are_checked_too():
    with pytest.raises(PlanError, match="mine stands alone"):
        Plan(policy=ToyPolicy(chain=(Mine(),)))


def test_a_plan_cannot_be_changed():
    with pytest.raises(AttributeError):
        Plan().policy = "toy-snap"
