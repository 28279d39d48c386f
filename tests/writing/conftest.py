"""Fixtures of writing."""

import pytest
from ways import WAYS


@pytest.fixture(params=WAYS)
def way(request):
    return WAYS[request.param]
