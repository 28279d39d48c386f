"""The generated pages say what the code says."""

import importlib.util
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
REGENERATE = "run `python docs/generate.py` and keep what it writes"


@pytest.fixture(scope="module")
def generate():
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_pages_are_current(generate):
    pages = generate.pages()
    stale = [path for path, text in pages.items() if not path.is_file() or path.read_text("utf-8") != text]
    stale += [path for path in (DOCS / "methods").glob("*.md") if path not in pages]
    assert not stale, f"{', '.join(path.name for path in stale)}: {REGENERATE}"


def test_a_docstring_is_split_into_prose_and_meanings(generate):
    from longspan.policies.snapkv import SnapKV

    prose, meanings = generate.explain(SnapKV)
    assert set(meanings) == {"budget", "when", "unit", "allocator", "disposer", "window", "kernel", "pooling"}
    assert meanings["kernel"].startswith("width of the pooling")
    assert "kernel:" not in prose
    assert "https://arxiv.org/abs/2404.14469" in prose
