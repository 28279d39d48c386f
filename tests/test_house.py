"""The rules of the house: who may import whom, how large a file may be, who writes files and names options."""

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from parsing import nodes, parsed

ROOT = Path(__file__).parents[1]
SRC = ROOT / "src"

ORDER = (
    {"errors"},
    {"brought"},
    {"atomic", "cache_folder", "credit", "parameters", "progress"},
    {"notation"},
    {"usage"},
    {"kernels"},
    {"store"},
    {"registry", "scene", "slots"},
    {"parts"},
    {"named"},
    {"positions", "patterns", "codecs", "windows"},
    {"policies", "selectors", "decoding"},
    {"plan"},
    {"spans"},
    {"memory"},
    {"forms", "sandbox"},
    {"chat", "sampling", "streaming"},
    {"conversation"},
    {"dialogue"},
    {"loading"},
    {"seam"},
    {"running"},
    {"checking"},
    {"contexts"},
    {"profiles"},
    {"session"},
    {"model"},
    {"retrieval"},
    {"compressing"},
    {"extending", "flows"},
    {"reasoning"},
    {"demonstrations"},
    {"conversing", "writing"},
    {"evaluation"},
    {"serving", "training"},
    {"field"},
    {"longspan"},  # the public names, which only the command may use
    {"cli"},
    {"__main__"},
)
"""The rooms from low to high; a room imports only lower ones, never one beside it."""

RANKS = {room: rank for rank, rooms in enumerate(ORDER) for room in rooms}
MAX_LINES = 400


# Imports point downwards.


class Imports(ast.NodeVisitor):
    """The modules that a file imports, anywhere in it, as (line, dotted name)."""

    def __init__(self, package: str) -> None:
        self.package = package
        self.found: list[tuple[int, str]] = []

    def visit_Import(self, node: ast.Import) -> None:
        self.found += [(node.lineno, alias.name) for alias in node.names]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        above = self.package.split(".")
        base = ".".join(above[: len(above) + 1 - node.level]) if node.level else ""
        module = ".".join(filter(None, (base, node.module)))
        self.found += [(node.lineno, f"{module}.{alias.name}") for alias in node.names]


def room_of(dotted: str, package: Path) -> str:
    """The room that a dotted name within the package belongs to; "longspan" is the package itself."""
    name = dotted.split(".")[1] if "." in dotted else ""
    inside = (package / name).is_dir() or (package / f"{name}.py").is_file()
    return name if name and inside else "longspan"


def own_imports(package: Path) -> Iterator[tuple[Path, list[tuple[int, str]]]]:
    """Each file of a package called longspan but its first, with what it imports of the package."""
    for path in sorted(package.rglob("*.py")):
        if path != package / "__init__.py":
            place = path.relative_to(package)
            imports = Imports(".".join(("longspan", *place.parts[:-1])))
            imports.visit(parsed(path.read_text("utf-8")))
            own = [each for each in imports.found if each[1].split(".")[0] == "longspan"]
            yield place, [each for each in own if each[1] != "longspan.__version__"]


def import_faults(package: Path) -> Iterator[str]:
    """Imports of a higher room, or of one beside it, in a package called longspan."""
    for place, imports in own_imports(package):
        room = place.parts[0].removesuffix(".py")
        if room not in RANKS:
            yield f"{room} has no place in the order of the rooms"
            continue
        for line, dotted in imports:
            other = room_of(dotted, package)
            if other != room and not RANKS.get(other, len(ORDER)) < RANKS[room]:
                yield f"{place}:{line} imports {other}, which is not below {room}"


def file_of(dotted: str, package: Path) -> Path | None:
    """The file that a dotted name within the package lies in, or names."""
    parts = dotted.split(".")[1:]
    for end in range(len(parts), 0, -1):
        within = Path(*parts[:end])
        for place in (within.with_suffix(".py"), within / "__init__.py"):
            if (package / place).is_file():
                return place
    return None


def circle(package: Path) -> list[str]:
    """Files of a package called longspan that import one another in a circle, the first again at the end."""
    after = {
        place: {file_of(dotted, package) for _, dotted in imports} - {place, None}
        for place, imports in own_imports(package)
    }
    try:
        TopologicalSorter(after).prepare()
    except CycleError as error:
        return [place.as_posix() for place in reversed(error.args[1])]
    return []


def test_imports_point_downwards():
    assert list(import_faults(SRC / "longspan")) == []


def test_no_files_import_each_other_in_a_circle():
    assert circle(SRC / "longspan") == []


@pytest.fixture
def tree(tmp_path):
    """Makes a package called longspan out of files."""

    def make(files: dict[str, str]) -> Path:
        for name, code in {"errors.py": "", "plan.py": "", "policies/__init__.py": "", **files}.items():
            path = tmp_path / "longspan" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(code)
        return tmp_path / "longspan"

    return make


@pytest.mark.parametrize(
    ("file", "code", "fault"),
    [
        (
            "policies/a.py",
            "import longspan.plan",
            "policies/a.py:1 imports plan, which is not below policies",
        ),
        ("policies/a.py", "from longspan import plan", "policies/a.py:1 imports plan"),
        ("policies/a.py", "from longspan.plan import Plan", "policies/a.py:1 imports plan"),
        ("policies/a.py", "def f():\n    from longspan.plan import Plan", "policies/a.py:2 imports plan"),
        ("policies/a.py", "from ..plan import Plan", "policies/a.py:1 imports plan"),
        ("policies/b/a.py", "from ...plan import Plan", "policies/b/a.py:1 imports plan"),
        ("policies/a.py", "from .. import plan", "policies/a.py:1 imports plan"),
        ("errors.py", "from .plan import Plan", "errors.py:1 imports plan"),
        ("policies/a.py", "from longspan import load", "policies/a.py:1 imports longspan"),
        ("policies/a.py", "import longspan", "policies/a.py:1 imports longspan"),
        ("policies/a.py", "if TYPE_CHECKING:\n    from longspan.plan import Plan", "a.py:2 imports plan"),
        (
            "policies/a.py",
            "if TYPE_CHECKING:\n    pass\nelse:\n    import longspan.plan",
            "a.py:4 imports plan",
        ),
        ("policies/a.py", "if True:\n    import longspan.plan", "a.py:2 imports plan"),
        ("selectors/a.py", "import longspan.policies.x", "imports policies, which is not below selectors"),
        ("patterns/a.py", "import longspan.positions", "imports longspan, which is not below patterns"),
        ("helpers.py", "", "helpers has no place in the order of the rooms"),
    ],
)
def test_an_import_upwards_or_sideways_is_found(tree, file, code, fault):
    found = list(import_faults(tree({file: code})))
    assert len(found) == 1
    assert fault in found[0]


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("plan.py", "from longspan.policies import x\nfrom longspan.errors import y\nimport torch, os.path"),
        ("policies/a.py", "from longspan.policies.b.c import d\nfrom .b import c\nfrom ..errors import e"),
        ("policies/__init__.py", "from .a import b\nfrom longspan import errors, __version__"),
        ("cli/__init__.py", "from longspan import load, plan"),
        ("__init__.py", "from longspan.plan import Plan"),
    ],
)
def test_an_import_downwards_is_no_fault(tree, file, code):
    assert list(import_faults(tree({file: code}))) == []


@pytest.mark.parametrize(
    ("files", "around"),
    [
        ({"a": "from longspan.policies.b import x", "b": "from .a import y"}, {"a", "b"}),
        (
            {"a": "import longspan.policies.b", "b": "def f():\n    from longspan.policies import a"},
            {"a", "b"},
        ),
        (
            {"a": "from .b import x", "b": "if TYPE_CHECKING:\n    from .c import x", "c": "from . import a"},
            {"a", "b", "c"},
        ),
        ({"a": "from longspan.policies import METHODS", "__init__": "from .a import x"}, {"a", "__init__"}),
        ({"a": "from .b import x\nfrom .c import x", "b": "from .c import x", "c": ""}, set()),
        ({"a": "from longspan.policies.a import x"}, set()),
    ],
)
def test_a_circle_of_files_is_found(tree, files, around):
    found = circle(tree({f"policies/{name}.py": code for name, code in files.items()}))
    assert set(found) == {f"policies/{name}.py" for name in around}


# Files.


def file_faults(root: Path) -> Iterator[str]:
    """Files that are too long, or that are named after no idea."""
    for folder in ("src", "tests", "docs", "benchmarks"):
        for path in sorted((root / folder).rglob("*.py")):
            lines, place = len(path.read_text("utf-8").splitlines()), path.relative_to(root)
            if lines > MAX_LINES:
                yield f"{place} has {lines} lines of at most {MAX_LINES}; is it still one idea?"
            if path.name == "utils.py":
                yield f"{place}: name the file after what is inside"


def test_no_two_files_of_tests_have_one_name():
    """Of two of them only one would be collected."""
    names = [
        path.name
        for path in (ROOT / "tests").rglob("*.py")
        if path.name not in ("conftest.py", "__init__.py")
    ]
    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_files_are_small_and_named_after_an_idea():
    assert list(file_faults(ROOT)) == []


def test_a_large_file_and_a_nameless_one_are_found(tmp_path):
    (tmp_path / "src" / "a").mkdir(parents=True)
    (tmp_path / "src" / "a" / "fits.py").write_text("x = 1\n" * MAX_LINES)
    (tmp_path / "src" / "a" / "utils.py").write_text("x = 1\n" * (MAX_LINES + 1))
    assert [fault.partition(" ")[0] for fault in file_faults(tmp_path)] == [
        "src/a/utils.py",
        "src/a/utils.py:",
    ]


def whole_file_faults(package: Path) -> Iterator[str]:
    """Where a file takes the place of another, outside the one file that does this for all."""
    for path in sorted(package.rglob("*.py")):
        if path.name in ("atomic.py", "cache_folder.py") and path.parent == package:
            continue
        for node in nodes(path.read_text("utf-8")):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            of_a_path = called.endswith((".replace", ".rename")) and len(node.args) == 1 and not node.keywords
            if of_a_path or called in ("os.replace", "os.rename", "shutil.move"):
                yield f"{path.relative_to(package)}:{node.lineno} moves a file; use longspan.atomic"


def test_one_file_writes_whole_files():
    assert list(whole_file_faults(SRC / "longspan")) == []


def test_another_writer_of_whole_files_is_found(tree):
    code = "a.replace('x', 'y')\ndraft.replace(path)\nos.replace(a, b)\nreplace(each)\n"
    assert [fault[:15] for fault in whole_file_faults(tree({"policies/a.py": code}))] == [
        "policies/a.py:2",
        "policies/a.py:3",
    ]


OPTION = re.compile(r"[\s(=,`']--[a-z]|^--[a-z-]+[ =]")
OTHERS = re.compile(r"\b(soffice --headless|ocrmypdf|qpdf|gpg|ray start) --[a-z]|--headless|^--only-binary")
"""Options of other programs, which an error may name."""


def option_faults(package: Path) -> Iterator[str]:
    """Texts of the library that name options of the command, which adds them itself."""
    for path in sorted(package.rglob("*.py")):
        if path.relative_to(package).parts[0] == "cli":
            continue
        for node in nodes(path.read_text("utf-8")):
            text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
            if OPTION.search(OTHERS.sub("", text)):
                yield f"{path.relative_to(package)}:{node.lineno} names an option of the command"


def test_the_library_names_no_options_of_the_command():
    assert list(option_faults(SRC / "longspan")) == []


def test_an_option_that_the_library_names_is_found(tree):
    code = "a = 'raise --length'\nb = f'{a} or --length'\nc = 'e.g. qpdf --decrypt'\nd = '--out={folder}'\n"
    assert sorted(fault[:15] for fault in option_faults(tree({"policies/a.py": code}))) == [
        "policies/a.py:1",
        "policies/a.py:2",
        "policies/a.py:4",
    ]
