import os
import shutil

import pytest
from documentation import ROOT, SAMPLE

import longspan.model
from longspan import registry
from longspan.model import Model


@pytest.fixture(scope="session")
def default_model(default_weights):
    return Model(default_weights)


@pytest.fixture
def workplace(default_model, tmp_path, monkeypatch):
    """A folder with the sample document, where load() gives the default model in float32."""
    load = longspan.model.load

    def load_exactly(name=None, **options):
        same = name in (None, "default", default_model.name) and options.get("dtype") in (None, "float32")
        return default_model if same else load(name, **options)

    (tmp_path / "docs").mkdir()
    shutil.copy(SAMPLE, tmp_path / "docs")
    monkeypatch.setattr(longspan.model, "load", load_exactly)
    monkeypatch.setattr(registry, "_added", {room: {} for room in registry.ROOMS})
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(tmp_path), str(ROOT / "src"))))
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.chdir(tmp_path)
    return tmp_path
