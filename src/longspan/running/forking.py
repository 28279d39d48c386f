"""Which sessions can come from one reading, and which can go on side by side."""

from __future__ import annotations

from collections.abc import Sequence

from longspan.plan import Plan
from longspan.running.engine import Engine


def check_fork(plan: Plan, own: Plan, engine: Engine) -> None:
    """Raises ValueError unless a session that read under `own` can be forked under `plan`."""
    if plan.reading != own.reading:
        raise ValueError(
            f"plan {str(plan)!r} reads differently from this session's {str(own)!r}: only selector, decode "
            "and a policy with when=end may differ; open a session of its own"
        )
    if plan.policy == own.policy:
        return
    if own.policy is not None or plan.policy is None:
        raise ValueError(
            f"plan {str(plan)!r} has another policy than this session, whose own has acted; fork a session "
            "without a policy"
        )
    tracking = plan.policy.tracking
    if plan.policy.observed > engine.observed or (
        tracking is not None and tracking not in engine.parts.trackings
    ):
        raise ValueError(
            f"the policy of {str(plan)!r} looks at more than this session gathered while reading; open the session "
            f"with forks=[{str(plan)!r}]"
        )


def check_alike(kinds: Sequence[tuple[int, Plan, int, int | None]]) -> None:
    """Raises ValueError unless sessions are of one model, plan, chunk and window, given of each."""
    different = len(set(kinds))
    if different != 1:
        raise ValueError(
            f"sessions are of {different} kinds, allowed is 1; give sessions of one model, plan, chunk and window"
        )
