import pytest


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache folder of longspan for one test."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("LONGSPAN_CACHE", str(folder))
    return folder


@pytest.fixture
def no_hub(monkeypatch):
    """A hub that refuses connections at once."""
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
