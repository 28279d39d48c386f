"""Fixtures for all rooms."""

import os
from pathlib import Path

# Tests run side by side, one a core, and tiny models gain nothing from more threads. Torch asks when it is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import settings

from longspan.loading import Loaded, load_weights

# The first call of a kernel takes long; how long, says nothing.
settings.register_profile("longspan", settings(), deadline=None, max_examples=50)
settings.load_profile("longspan")


@pytest.fixture(autouse=True)
def own_contexts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees contexts that were saved outside it."""
    monkeypatch.setenv("LONGSPAN_CONTEXTS", str(tmp_path / "contexts"))


@pytest.fixture(scope="session")
def default_weights() -> Loaded:
    """The embedded default model in float32, from the user's cache or LONGSPAN_CACHE."""
    return load_weights(None, dtype="float32", device="cpu")
