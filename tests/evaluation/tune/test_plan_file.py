"""The written plan is read back by Plan.load as it was."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from longspan.errors import PlanError
from longspan.evaluation.tune.plan_file import write_plan
from longspan.plan import Plan

PLANS = [
    "",
    "codec=int8",
    "policy=snapkv(budget=0.25,allocator=adakv(floor=0.3)) codec=int8",
    "positions=yarn(factor=4) pattern=a-shape policy=streamingllm(budget=512,when=chunk) selector=quest(budget=64)",
]


@pytest.mark.parametrize("text", PLANS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=20)
@given(notes=st.lists(st.text(), max_size=2))
def test_a_plan_comes_back_whatever_the_notes_say(tmp_path, text, notes):
    file, plan = tmp_path / "plan.toml", Plan.parse(text)
    write_plan(file, plan, notes)
    assert Plan.load(file) == plan
    assert Plan.of(str(file)) == plan
    assert [path.name for path in tmp_path.iterdir()] == ["plan.toml"]


def test_a_file_that_no_command_would_take_is_refused(tmp_path):
    with pytest.raises(PlanError, match=r"does not end with \.toml"):
        write_plan(tmp_path / "plan.txt", Plan())
    with pytest.raises(PlanError, match="name a file in a folder that exists"):
        write_plan(tmp_path / "absent" / "plan.toml", Plan())
