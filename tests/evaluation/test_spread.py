"""A run spread over Ray gives what a local one gives; needs the extra `ray`."""

import pytest

from longspan.errors import LongspanError
from longspan.evaluation import RunFolder, find
from longspan.evaluation.job import Job
from longspan.evaluation.run import run
from longspan.evaluation.targets import target_of
from longspan.plan import Plan

ray = pytest.importorskip("ray")


@pytest.mark.slow
def test_spread_is_local(tmp_path, monkeypatch):
    job = Job(
        tasks=find(["needle/passkey"]),
        plans=(Plan(), Plan.of("policy=snapkv(budget=0.5)")),
        lengths=(400,),
        samples=3,
    )
    spread = target_of(None, ray="local")
    try:
        run(job, spread, RunFolder(tmp_path / "spread"))
    finally:
        spread.close()
        ray.shutdown()
    run(job, target_of(None), RunFolder(tmp_path / "local"))
    one, two = (
        {r.key: (r.output, r.score) for r in RunFolder(tmp_path / name).records()}
        for name in ("spread", "local")
    )
    assert one == two
    assert len(one) == 6


@pytest.mark.slow
def test_no_cluster_is_one_line():
    with pytest.raises(LongspanError, match=r"no Ray cluster at 127\.0\.0\.1:1"):
        target_of(None, ray="127.0.0.1:1")
