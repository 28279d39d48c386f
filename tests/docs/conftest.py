import os
import shutil

import pytest
from documentation import ROOT, SAMPLE

from longspan import registry


@pytest.fixture
def workplace(default_loaded, tmp_path, monkeypatch):
    """A folder with the sample document, where load() gives the default model in float32."""
    (tmp_path / "docs").mkdir()
    shutil.copy(SAMPLE, tmp_path / "docs")
    monkeypatch.setattr(registry, "_added", {room: {} for room in registry.ROOMS})
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(tmp_path), str(ROOT / "src"))))
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.chdir(tmp_path)
    return tmp_path
