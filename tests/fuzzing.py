"""How many inputs a fuzz test is given."""

import os

from hypothesis import HealthCheck, settings


def inputs(count: int) -> settings:
    """So many generated inputs in the suite; LONGSPAN_FUZZ asks for another number in a longer run."""
    return settings(
        max_examples=int(os.environ.get("LONGSPAN_FUZZ", count)),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
