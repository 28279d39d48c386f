"""How the score, and the attention to random tokens, go with position."""

import json
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from stock_attention import stock_attention

from longspan.evaluation.probes import attention_by_position, position_bias
from longspan.evaluation.record import Record
from longspan.evaluation.task import TaskError
from tiny import SPECIAL, embedded, tiny_model


def record(depth, score, plan="", number=0, **more):
    facts = {} if depth is None else {"depth": depth}
    return Record(
        task="needle/x",
        length=100,
        sample=f"{number}",
        plan=plan,
        scores={"score": score},
        facts=facts,
        **more,
    )


def curve(values, plan=""):
    """One sample at each of as many depths as there are values."""
    last = len(values) - 1
    return [record(number / last, value, plan, number) for number, value in enumerate(values)]


def test_a_parabola_is_found_again():
    (bias,) = position_bias(curve([1 - 3.2 * d * (1 - d) for d in (0, 0.25, 0.5, 0.75, 1)]))
    assert (bias.start, bias.middle, bias.end) == pytest.approx((1, 0.2, 1))
    assert bias.u_shape == pytest.approx(0.8)
    assert bias.tilt == pytest.approx(0)
    assert [(each.depth, each.count) for each in bias.depths] == [
        (0, 1),
        (0.25, 1),
        (0.5, 1),
        (0.75, 1),
        (1, 1),
    ]
    assert [each.mean for each in bias.depths] == pytest.approx([1, 0.4, 0.2, 0.4, 1])


@given(start=st.floats(0, 1), end=st.floats(0, 1), depths=st.sets(st.integers(0, 100), min_size=3))
def test_a_straight_line_has_no_u_shape(start, end, depths):
    records = [record(d / 100, start + (end - start) * d / 100, number=d) for d in depths]
    (bias,) = position_bias(records)
    if max(depths) - min(depths) > 20:  # else small errors of rounding grow far outside the depths
        assert bias.u_shape == pytest.approx(0, abs=1e-6)
        assert bias.tilt == pytest.approx(end - start, abs=1e-6)


def test_samples_weigh_alike_and_plans_stay_apart():
    more = [record(0.5, 0.0, number=number) for number in range(10, 13)]
    flat, bent = position_bias([*curve([1, 1, 1], "policy=a"), *curve([1, 1, 1]), *more])
    assert (flat.plan, flat.u_shape) == ("policy=a", pytest.approx(0))
    assert (bent.middle, bent.u_shape) == (pytest.approx(0.25), pytest.approx(0.75))
    assert bent.depths[1].count == 4


def test_many_depths_are_put_together_for_the_means_only():
    (bias,) = position_bias([record(n / 99, n / 99, number=n) for n in range(100)])
    assert [each.depth for each in bias.depths] == pytest.approx([0.05 + n / 10 for n in range(10)])
    assert sum(each.count for each in bias.depths) == 100
    assert (bias.start, bias.end) == pytest.approx((0, 1), abs=1e-9)


def test_records_without_depth_or_score_take_no_part():
    others = [
        record(None, 0.0),
        Record(task="t", length=1, sample="9", plan="", status="too-long", facts={"depth": 0}),
    ]
    assert position_bias([*curve([1, 0, 1]), *others]) == position_bias(curve([1, 0, 1]))


def test_other_figures_can_be_asked_for():
    records = [
        Record(
            task="t",
            length=1,
            sample=f"{n}",
            plan="",
            scores={"score": 1, "loss": loss},
            facts={"depth": n / 2},
        )
        for n, loss in enumerate((1.0, 4.0, 2.0))
    ]
    (bias,) = position_bias(records, figure="loss")
    assert (bias.figure, bias.u_shape) == ("loss", pytest.approx(-2.5))
    assert json.loads(json.dumps(bias.to_dict()))["u_shape"] == bias.u_shape


@pytest.mark.parametrize(
    ("records", "fault"),
    [
        ([], "no record has a score"),
        ([record(None, 1.0)], "no record"),
        (curve([1, 0]), "at more than 2 depths"),
    ],
)
def test_too_little_is_refused(records, fault):
    with pytest.raises(TaskError, match=fault):
        position_bias(records)


def test_attention_by_position_is_the_stock_models():
    model = tiny_model()
    with embedded(model.network) as taken:
        found = attention_by_position(model, length=60, queries=5, prompts=2, bins=7, seed=3, chunk=25)
    prompts = [taken[:60], taken[60:]]
    assert min(map(min, prompts)) >= len(SPECIAL)
    assert prompts[0] != prompts[1]
    shares = sum(stock_attention(ids)[:, :, -5:].mean((1, 2)) for ids in prompts) / 2
    expected = torch.stack([part.sum(-1) for part in shares.split([9, 9, 8, 9, 8, 9, 8], -1)], -1)
    torch.testing.assert_close(torch.tensor(found.bins), expected, atol=1e-5, rtol=1e-4)
    assert found.mean == pytest.approx(expected.mean(0).tolist(), abs=1e-5)
    assert json.loads(json.dumps(found.to_dict()))["mean"] == list(found.mean)


def test_prompts_are_a_function_of_the_seed():
    one, same, other = (
        attention_by_position(tiny_model(), length=40, prompts=1, bins=4, seed=seed) for seed in (1, 1, 2)
    )
    assert one == same
    assert one != other


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"prompts": 0}, "prompts=0"),
        ({"bins": 50}, r"bins=50 is outside 1 .. 40"),
        ({"plan": "selector=quest"}, "has selector"),
    ],
)
def test_bad_parameters_are_refused(options, fault):
    with pytest.raises(ValueError, match=fault):
        attention_by_position(tiny_model(), length=40, **options)


def test_tasks_and_lengths_are_not_put_together():
    """A hard task with its answers at the ends beside an easy one elsewhere is no bias of position."""
    hard = [replace(record(depth, 0.0, number=n), task="hard") for n, depth in enumerate((0, 1, 0.02, 0.98))]
    easy = [replace(record(depth, 1.0, number=n), task="easy") for n, depth in enumerate((0.3, 0.5, 0.7))]
    longer = [replace(each, length=200, scores={"score": 0.5}) for each in easy]
    found = position_bias([*hard, *easy, *longer])
    assert [(each.task, each.length) for each in found] == [("hard", 100), ("easy", 100), ("easy", 200)]
    assert all(each.u_shape == pytest.approx(0, abs=1e-9) for each in found)
