"""What importing the package does, and what it does not."""

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import longspan
from parsing import nodes

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


def test_importing_and_the_light_commands_are_light():
    """One after another in one process: the first that is not shows in what is printed after it."""
    commands = (["--version"], ["--help"], ["methods"], ["methods", "--json"], ["field"])
    code = f"""
import contextlib, os, sys
import longspan
names = dir(longspan)
print("not shown", [name for name in longspan.__all__ if name not in names])
print("longspan", end=" "); {HEAVY}
from longspan.cli import main
print("longspan.cli", end=" "); {HEAVY}
for arguments in {commands}:
    sys.argv = ["longspan", *arguments]
    try:
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
            main()
    except SystemExit as done:
        assert not done.code, (arguments, done.code)
    print(*arguments, end=" "); {HEAVY}
"""
    started = ("not shown", "longspan", "longspan.cli", *map(" ".join, commands))
    assert run(["-c", code]).splitlines() == [f"{each} []" for each in started]


def test_every_public_name_can_be_had():
    assert all(getattr(longspan, name) is not None for name in longspan.__all__)


def test_importing_needs_no_heavy_package():
    heavy = ("torch", "transformers", "jinja2", "httpx", "numpy", "matplotlib", "lxml", "pypdf")
    blocked = f"import sys; sys.modules.update(dict.fromkeys({heavy}))"
    run(["-c", f"{blocked}; import longspan; longspan.errors.LongspanError('it')"])


def test_types_are_for_those_who_use_the_package():
    assert (SRC / "longspan" / "py.typed").is_file()


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]


def distribution(requirement: str) -> str:
    """The name of a requirement, as it is compared."""
    return canonicalize_name(Requirement(requirement).name)


@cache
def imported() -> dict[str, set[str]]:
    """The packages of others that each file of longspan imports anywhere, as distributions."""
    known = packages_distributions()
    found = {}
    for path in sorted((SRC / "longspan").rglob("*.py")):
        names = set()
        for node in nodes(path.read_text("utf-8")):
            if isinstance(node, ast.Import):
                names |= {each.name.partition(".")[0] for each in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add(str(node.module).partition(".")[0])
        others = names - sys.stdlib_module_names - {"longspan"}
        found[path.relative_to(SRC).as_posix()] = {
            canonicalize_name(known.get(each, [each])[0]) for each in others
        }
    return found


def test_what_is_imported_is_required_or_of_an_extra():
    base = {distribution(each) for each in PROJECT["dependencies"]}
    extras = {distribution(each) for name in EXTRAS for each in EXTRAS[name]}
    strange = {file: names - base - extras for file, names in imported().items() if names - base - extras}
    assert strange == {}
    assert base <= set().union(*imported().values()), "a package is required that nothing imports"


def test_errors_name_extras_that_there_are_and_all_has_them():
    text = "".join(path.read_text("utf-8") for path in sorted((SRC / "longspan").rglob("*.py")))
    named = set(re.findall(r"longspan\[(\w+)\]", text))
    (everything,) = EXTRAS["all"]
    assert {"documents", "evaluation"} <= named <= set(EXTRAS)
    assert Requirement(everything).extras == set(EXTRAS) - {"all", "docs", "test", "benchmarks"} >= named


def test_a_format_whose_package_is_absent_names_its_extra(tmp_path):
    letters = {
        ".txt": "Hello",
        ".pdf": "%PDF-1.4\n%%EOF",
        ".html": "<html><p>Hello",
        ".rtf": "{\\rtf1 Hello}",
        ".eml": "From: a@b.example\nSubject: c\n\nHello",
        ".ipynb": "{}",
    }
    for suffix, text in letters.items():
        (tmp_path / f"letter{suffix}").write_text(text)
    absent = sorted({name.replace("-", "_") for name in map(distribution, EXTRAS["documents"])})
    code = f"""
import sys
sys.modules.update(dict.fromkeys({absent}))
from longspan import Document, errors
for suffix in {[*letters]}:
    try:
        print(Document.open({str(tmp_path / "letter")!r} + suffix).text)
    except errors.DocumentError as error:
        print(error)
"""
    read, *refused = run(["-c", code]).splitlines()
    assert read == "Hello"
    assert len(refused) == len(letters) - 1
    for said, suffix in zip(refused, list(letters)[1:], strict=True):
        assert f"letter{suffix}" in said
        assert said.endswith("which is not installed; pip install 'longspan[documents]'")
