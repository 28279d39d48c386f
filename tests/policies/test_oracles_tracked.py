"""The entries that kvpress keeps, for policies that gather something while text is read."""

import pytest
from kept import kept
from test_oracles import oracle  # noqa: F401, a fixture

from longspan.plan import Plan
from longspan.policies.criticalkv import CriticalKV
from longspan.policies.expected_attention import ExpectedAttention
from longspan.policies.h2o import H2O
from longspan.policies.snapkv import SnapKV

METHODS = {
    "observed-attention": (H2O, {"recent": 0.0, "score": "mean"}),
    "expected-attention(future=512,sinks=4)": (
        ExpectedAttention,
        {"future": 512, "sinks": 4, "epsilon": 0.0},
    ),
    "criticalkv(snapkv)": (CriticalKV, {"scorer": SnapKV(window=32, kernel=5, pooling="avg")}),
}


@pytest.mark.parametrize("chunk", [2048, 64])
@pytest.mark.parametrize("removed", ["0.5", "0.75"])
@pytest.mark.parametrize("method", METHODS)
def test_kept_sets_are_those_of_kvpress(oracle, method, removed, chunk):  # noqa: F811
    model, answers = oracle
    part, parameters = METHODS[method]
    with model.session(Plan(policy=part(budget=1 - float(removed), **parameters)), chunk=chunk) as session:
        assert kept(session.read(answers["input_ids"])) == answers["kept"][f"{method} @ removed={removed}"]
