"""EMS's global-local score against a loop, and what its policy does in a session."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from longspan.policies.ems import EMS
from longspan.policies.view import View
from scenes import scene


@st.composite
def readings(draw: st.DrawFn) -> tuple[View, list[int]]:
    """A layer that has read a text, with all its queries, and how many tokens were read at a time."""
    chunks = draw(st.lists(st.integers(1, 9), min_size=1, max_size=4))
    rows, group, seen = draw(st.integers(1, 2)), draw(st.integers(1, 2)), sum(chunks)
    generator = torch.Generator().manual_seed(draw(st.integers(0, 99)))
    view = View(
        keys=torch.randn(rows, seen, 4, generator=generator),
        values=torch.randn(rows, seen, 4, generator=generator),
        positions=torch.arange(seen).expand(rows, -1),
        lengths=[seen] * rows,
        queries=torch.randn(rows * group, seen, 4, generator=generator),
        query_positions=torch.arange(seen),
        scene=scene(seen=seen, scale=0.5),
    )
    return view, chunks


def until(view: View, first: int, stop: int, **changes: object) -> View:
    """The layer after `stop` tokens, with the queries from `first` on."""
    return replace(
        view,
        keys=view.keys[:, :stop],
        values=view.values[:, :stop],
        positions=view.positions[:, :stop],
        lengths=[stop] * len(view.keys),
        queries=view.queries[:, first:stop],
        query_positions=view.query_positions[first:stop],
        scene=replace(view.scene, seen=stop),
        **changes,
    )


def naive_scores(view: View, row: int, window: int, local: float) -> list[float]:
    """Entry by entry."""
    group = len(view.queries) // len(view.keys)
    outside = max(0, view.scene.seen - window)
    everywhere, lately = [0.0] * outside, [0.0] * outside
    for head in range(row * group, (row + 1) * group):
        for at in range(view.scene.seen):
            weights = (
                (view.keys[row, : at + 1] @ view.queries[head, at] * view.scene.softmax.scale)
                .softmax(0)
                .tolist()
            )
            for entry, weight in enumerate(weights[:outside]):
                everywhere[entry] += weight / group
                if at >= outside:
                    lately[entry] += weight / group
    mixed = [
        (1 - local) * some / sum(everywhere) + local * few / sum(lately)
        for some, few in zip(everywhere, lately, strict=True)
    ]
    return mixed + [float("inf")] * (view.scene.seen - outside)


@given(readings(), st.sampled_from([1, 4, 30]), st.sampled_from([0.0, 0.3, 1.0]))
def test_the_score_is_that_of_a_loop(reading, window, local):
    view, chunks = reading
    policy = EMS(window=window, local=local, budget=1.0)
    tracker, read = policy.tracking.tracker(), 0
    for chunk in chunks:
        tracker.watch(until(view, read, read + chunk), view.queries, rehearsed=False)
        read += chunk
    scores = policy.scores(until(view, max(0, read - window), read, tracker=tracker))
    for row in range(len(view.keys)):
        assert_close(scores[row], torch.tensor(naive_scores(view, row, window, local)), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("wrong", [{"window": 0}, {"local": 1.5}, {"budget": 8, "window": 9}])
def test_parameters_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match="is outside"):
        EMS(**wrong)
