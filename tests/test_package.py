"""What importing the package does, and what it does not."""

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

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


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]


def distribution(requirement: str) -> str:
    """The name of a requirement, as it is compared."""
    return canonicalize_name(Requirement(requirement).name)


def imported() -> dict[str, set[str]]:
    """The packages of others that each file of longspan imports anywhere, as distributions."""
    known = packages_distributions()
    found = {}
    for path in sorted((SRC / "longspan").rglob("*.py")):
        names = set()
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
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


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        (".pdf", "%PDF-1.4\n%%EOF"),
        (".html", "<html><p>Hello"),
        (".rtf", "{\\rtf1 Hello}"),
        (".eml", "From: a@b.example\nSubject: c\n\nHello"),
        (".ipynb", "{}"),
    ],
)
def test_a_format_whose_package_is_absent_names_its_extra(tmp_path, suffix, text):
    path = tmp_path / f"letter{suffix}"
    path.write_text(text)
    absent = sorted({name.replace("-", "_") for name in map(distribution, EXTRAS["documents"])})
    code = f"""
import sys
sys.modules.update(dict.fromkeys({absent}))
from longspan import Document, errors
(open({str(path)!r} + ".txt", "w").write("Hello"))
print(Document.open({str(path)!r} + ".txt").text)
try:
    Document.open({str(path)!r})
except errors.DocumentError as error:
    print(error)
"""
    said = run(["-c", code]).splitlines()
    assert said[0] == "Hello"
    assert said[1].endswith("which is not installed; pip install 'longspan[documents]'")
