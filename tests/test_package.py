"""What importing the package does, and what it does not."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SRC = ROOT / "src"


def run(arguments: list[str], *paths: Path) -> str:
    """What a fresh Python prints, with `paths` and src before all others."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (*paths, SRC)))}
    finished = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=environment)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_importing_changes_nothing_global(tmp_path):
    """Neither in transformers nor in torch; a package that does is found by the same look."""
    meddler = tmp_path / "meddler"
    meddler.mkdir()
    (meddler / "__init__.py").write_text("")
    (meddler / "registers.py").write_text(
        "from transformers import AttentionInterface\nAttentionInterface.register('mine', print)\n"
    )
    (meddler / "patches.py").write_text(
        "from transformers.models.llama import modeling_llama as llama\n"
        "llama.apply_rotary_pos_emb = print\n"
        "llama.LlamaAttention.forward = print\n"
    )
    found = json.loads(run([str(ROOT / "tests" / "global_state.py"), "longspan", "meddler"], tmp_path))
    assert found["longspan"] == []
    assert {
        "transformers.modeling_utils.ALL_ATTENTION_FUNCTIONS.mine",
        "transformers.models.llama.modeling_llama.apply_rotary_pos_emb",
        "transformers.models.llama.modeling_llama.LlamaAttention.forward",
    } <= set(found["meddler"])


HEAVY = "import sys; print(sorted({'torch', 'transformers'} & set(sys.modules)))"


def test_a_heavy_import_would_be_seen(tmp_path):
    (tmp_path / "torch.py").write_text("")
    assert run(["-c", f"import torch; {HEAVY}"], tmp_path) == "['torch']\n"


def test_importing_is_light():
    assert run(["-c", f"import longspan; {HEAVY}"]) == "[]\n"
    assert run(["-c", f"import longspan.cli; {HEAVY}"]) == "[]\n"


@pytest.mark.parametrize(
    "arguments", [["--version"], ["--help"], ["methods"], ["methods", "--json"], ["field"]]
)
def test_a_light_command_starts_light(arguments):
    code = f"""
import sys
from longspan.cli import main
sys.argv = ["longspan", *{arguments}]
try:
    main()
except SystemExit as done:
    assert not done.code, done.code
{HEAVY}
"""
    assert run(["-c", code]).splitlines()[-1] == "[]"


def test_every_public_name_is_shown_and_can_be_had():
    code = "import longspan; names = dir(longspan); print([n for n in longspan.__all__ if n not in names])"
    assert run(["-c", code]) == "[]\n"
    code = "import longspan; print([n for n in longspan.__all__ if getattr(longspan, n) is None])"
    assert run(["-c", code]) == "[]\n"


def test_importing_needs_no_heavy_package():
    heavy = ("torch", "transformers", "jinja2", "httpx", "numpy", "matplotlib", "lxml", "pypdf")
    blocked = f"import sys; sys.modules.update(dict.fromkeys({heavy}))"
    run(["-c", f"{blocked}; import longspan; longspan.errors.LongspanError('it')"])


def test_types_are_for_those_who_use_the_package():
    assert (SRC / "longspan" / "py.typed").is_file()
