"""Packages of one file each, installed as pip would put them: the file, and metadata that names its entry points."""

import ast
import shutil
import sys
from pathlib import Path

import pytest

from longspan import brought, registry

HERE = Path(__file__).parent
NAMES = sorted(
    path.stem for path in HERE.glob("*.py") if not path.stem.startswith("test_") and path.stem != "conftest"
)


def entry_points(path: Path) -> dict[str, dict[str, str]]:
    """What a stranger's file announces, read without running it."""
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "ENTRY_POINTS":
            return ast.literal_eval(node.value)
    raise LookupError(f"{path.name} announces nothing")


@pytest.fixture
def announced_by():
    """The entry points of a stranger's file, by group, from its path."""
    return entry_points


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Installs strangers' packages for one test, by the names of their files."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setattr(registry, "_added", {room: {} for room in registry.ROOMS})

    def put(*names: str) -> Path:
        for name in names:
            shutil.copy(HERE / f"{name}.py", site)
            info = site / f"{name}-1.0.dist-info"
            info.mkdir()
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
            lines = []
            for group, points in entry_points(HERE / f"{name}.py").items():
                lines += [f"[{group}]", *(f"{key} = {target}" for key, target in points.items())]
            (info / "entry_points.txt").write_text("\n".join(lines))
        brought.announced.cache_clear()
        return site

    yield put
    brought.announced.cache_clear()
    for name in NAMES:
        sys.modules.pop(name, None)
