"""The method of "write a method": its test passes, and its package is found where it is installed."""

import subprocess
import sys
import tomllib

import pytest
from documentation import ROOT, blocks

from longspan import brought, registry
from longspan.plan import Plan

PAGE = ROOT / "docs" / "write-a-method.md"


@pytest.fixture
def project(workplace):
    """The files that the page shows."""
    for block in blocks(PAGE):
        if block.file:
            path = workplace / block.file
            path.parent.mkdir(exist_ok=True)
            path.write_text(block.code)
    yield workplace
    for name in [name for name in sys.modules if name.split(".")[0] == "large_values"]:
        del sys.modules[name]


TWICE = """
import sys
from pathlib import Path
import pytest
for change in ("p=self.order", "p=3"):
    scorer = Path("large_values", "scorer.py")
    scorer.write_text(scorer.read_text().replace("p=self.order", change))
    for name in [name for name in sys.modules if "large_values" in name]:
        del sys.modules[name]
    pytest.main(["-q", "-p", "no:cacheprovider", "test_large_values.py"])
"""


def test_its_test_passes_and_can_fail(project):
    """Twice in one process: as the page has it, and with a fault."""
    finished = subprocess.run([sys.executable, "-c", TWICE], cwd=project, capture_output=True, text=True)
    passed, _, failed = finished.stdout.partition("5 passed")
    assert failed, finished.stdout
    assert "failed" not in passed
    assert "4 failed, 1 passed" in failed


def test_its_package_is_found_where_it_is_installed(project):
    described = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    points = described["entry-points"][registry.METHODS.group]
    info = project / "large_values-1.0.dist-info"  # what pip makes of it
    info.mkdir()
    about = f"Metadata-Version: 2.1\nName: {described['name']}\nVersion: {described['version']}\n"
    (info / "METADATA").write_text(about)
    lines = [f"[{registry.METHODS.group}]", *(f"{name} = {target}" for name, target in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines))
    brought.announced.cache_clear()
    try:
        card = registry.card("policy", "large-values")
        plan = Plan.parse("policy=large-values(budget=256)")
    finally:
        brought.announced.cache_clear()
    assert f"{type(plan.policy).__module__}:{type(plan.policy).__name__}" == card.target
