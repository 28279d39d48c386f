"""What a run cost, and what it saved by reading a prompt once for several plans."""

from __future__ import annotations

from dataclasses import dataclass
from math import fsum
from typing import Any

from longspan.evaluation.report.answers import Answers


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Seconds of a run.

    wall: that it took, None if it does not say. one_by_one: that its plans would have taken one after the other, each
    reading every prompt. floor: that the first plan alone and the other plans' own compressing and generating take.
    """

    wall: float | None
    one_by_one: float
    floor: float

    @property
    def ratio(self) -> float | None:
        """Of the run's time to the floor."""
        return self.wall / self.floor if self.wall is not None and self.floor > 0 else None

    def to_dict(self) -> dict[str, Any]:
        """All figures by name."""
        return {
            "wall_seconds": self.wall,
            "apart_seconds": self.one_by_one,
            "least_seconds": self.floor,
            "ratio": self.ratio,
        }


def cost(answers: Answers) -> Cost:
    """What the run cost so far."""
    records = answers.records.values()
    alone = fsum(record.seconds for record in records if record.plan == answers.plans[0])
    own = fsum(
        record.compress_seconds + record.decode_seconds
        for record in records
        if record.plan != answers.plans[0]
    )
    return Cost(
        wall=(answers.run.get("timing") or {}).get("wall_seconds"),
        one_by_one=fsum(record.seconds for record in records),
        floor=alone + own,
    )
