"""Names lead to classes, lazily; what is missing is said with the nearest names."""

import subprocess
import sys

import pytest

from longspan import brought, registry
from longspan.errors import PlanError, UnknownMethod
from longspan.registry import ROOMS, Card, card, cards, find, name_of, register, room_of


class Ladder:
    """A class to be found."""


class Pyramid:
    """Another one."""


def a_card(name: str, target: str, **facts) -> Card:
    default = {"paper": "A Paper", "link": "https://arxiv.org/abs/2401.00001", "year": 2024}
    return Card(**{**default, "name": name, "target": target, "training": False, "changes": "All.", **facts})


LADDER = a_card("toy-ladder", f"{__name__}:Ladder")
PYRAMID = a_card("toy-pyramid", f"{__name__}:Pyramid")


@pytest.fixture(autouse=True)
def toys(monkeypatch):
    """Two methods of our own, for one test."""
    monkeypatch.setattr(registry, "_added", {room: {} for room in ROOMS})
    register("policy", LADDER)
    register("allocators", PYRAMID)


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Installs a package that announces methods: a module and its metadata, as pip would put them."""

    def install_package(name: str, entry_points: str, code: str) -> None:
        (tmp_path / f"{name}.py").write_text(code)
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[longspan.methods]\n{entry_points}\n")
        brought.announced.cache_clear()

    monkeypatch.syspath_prepend(str(tmp_path))
    yield install_package
    brought.announced.cache_clear()
    for name in [name for name in sys.modules if name.startswith("toy_plugin")]:
        del sys.modules[name]


CODE = """
from longspan.registry import Card

class Mine: ...

card = Card(name="toy-mine", target="{name}:Mine", paper="Mine", link="https://example.org", year=2026,
            training=False, changes="Nothing.")
"""


def test_a_room_answers_to_its_slot_and_to_its_folder():
    for room, package in ROOMS.items():
        assert room_of(room) == room_of(package.rpartition(".")[2]) == room
    assert find("policies", "toy-ladder") is find("policy", "toy-ladder") is Ladder
    with pytest.raises(UnknownMethod, match=r"no room 'polices'; did you mean policy\?.*positions, pattern"):
        room_of("polices")


def test_a_card_is_listed_in_its_room_and_in_the_whole():
    assert LADDER in cards("policy")
    assert PYRAMID not in cards("policy")
    assert {LADDER, PYRAMID} <= set(cards())
    assert card("policy", "toy-ladder") is LADDER


def test_an_unknown_name_gets_the_nearest_of_its_room():
    with pytest.raises(UnknownMethod, match=r"^no policy method 'toy-lader'; did you mean toy-ladder\?$"):
        find("policy", "toy-lader")
    with pytest.raises(UnknownMethod, match=r"did you mean toy-ladder\?$"):
        find("policy", "Toy_Ladder")
    with pytest.raises(UnknownMethod, match=r"^no policy method 'qqqq'; there are .*toy-ladder"):
        find("policy", "qqqq")


def test_a_name_of_another_room_is_shown_the_way():
    with pytest.raises(UnknownMethod, match=r"toy-ladder is a policy; write policy=toy-ladder$"):
        find("selector", "toy-ladder")
    with pytest.raises(
        UnknownMethod, match=r"is an allocator; write policy=METHOD\(allocator=toy-pyramid\)$"
    ):
        find("policy", "toy-pyramid")


def test_an_empty_room_says_that_it_is_empty(monkeypatch):
    monkeypatch.setattr("longspan.decoding.METHODS", ())
    with pytest.raises(UnknownMethod, match="this version has no decode methods; leave decode out"):
        find("decode", "eagle")


def test_a_class_is_known_by_the_name_of_its_card():
    assert name_of("policy", Ladder) == "toy-ladder"
    assert name_of("selector", Ladder) is None
    assert name_of("policy", type("Ladder", (), {})) is None


def test_names_are_taken_once():
    with pytest.raises(ValueError, match="policy=toy-ladder is registered already; give your method another"):
        register("policy", LADDER)
    register("selector", LADDER)


@pytest.mark.parametrize("name", ["SnapKV", "snap kv", "snap_kv", "-snap", "", "a=b"])
def test_a_name_that_no_plan_could_write_is_refused(name):
    with pytest.raises(ValueError, match="hyphens"):
        a_card(name, "module:Class")


@pytest.mark.parametrize("target", ["module", "module:", ":Class", "a b:Class", "module:Class()"])
def test_a_target_is_a_module_and_a_class(target):
    with pytest.raises(ValueError, match="module:Class"):
        a_card("toy", target)


def test_an_installed_package_adds_methods(install):
    install("toy_plugin", "policy.toy-mine = toy_plugin:card", CODE.format(name="toy_plugin"))
    assert "toy_plugin" not in sys.modules
    assert find("policy", "toy-ladder") is Ladder
    assert "toy_plugin" not in sys.modules, "an installed package is loaded only when it is needed"
    mine = find("policy", "toy-mine")
    assert mine is sys.modules["toy_plugin"].Mine
    assert name_of("policy", mine) == "toy-mine"
    assert [each.name for each in cards("policy")].count("toy-mine") == 1


def test_an_installed_package_is_listed(install):
    install("toy_plugin_b", "selector.toy-mine = toy_plugin_b:card", CODE.format(name="toy_plugin_b"))
    assert "toy-mine" in [each.name for each in cards("selector")]
    with pytest.raises(ValueError, match="registered already"):
        register("selector", a_card("toy-mine", f"{__name__}:Ladder"))


@pytest.mark.parametrize(
    ("entry", "code", "trouble"),
    [
        (
            "policy.toy-mine = toy_plugin_c:card",
            "1/0",
            r"cannot be loaded \(ZeroDivisionError: division by zero\)",
        ),
        ("policy.toy-mine = toy_plugin_c:card", "card = 3", "is not the Card of 'toy-mine'"),
        ("policy.other = toy_plugin_c:card", CODE.format(name="toy_plugin_c"), "is not the Card of 'other'"),
        ("polcy.toy-mine = toy_plugin_c:card", "card = 3", "names none of the rooms positions"),
    ],
)
def test_a_broken_package_is_named(install, entry, code, trouble):
    install("toy_plugin_c", entry, code)
    with pytest.raises(PlanError, match=f"of toy_plugin_c {trouble}.*; update or uninstall toy_plugin_c$"):
        cards("policy")


def test_two_packages_cannot_share_a_name(install):
    install("toy_plugin_d", "policy.toy-mine = toy_plugin_d:card", CODE.format(name="toy_plugin_d"))
    install("toy_plugin_e", "policy.toy-mine = toy_plugin_e:card", CODE.format(name="toy_plugin_e"))
    with pytest.raises(PlanError, match=r"announced by both toy_plugin_. and toy_plugin_.; uninstall one"):
        cards("policy")


def test_listing_does_not_import_the_methods():
    code = "import sys, longspan.registry as r; r.cards(); print('torch' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "False\n"
    )
