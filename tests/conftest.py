"""Fixtures for all rooms."""

import pytest

from longspan.loading import Loaded, load_weights


@pytest.fixture(scope="session")
def default_weights() -> Loaded:
    """The embedded default model in float32, from the user's cache or LONGSPAN_CACHE."""
    return load_weights(None, dtype="float32", device="cpu")
