"""The README's commands and figures, and the links of all pages."""

import re
import subprocess
from collections import Counter
from urllib.parse import urlsplit

import pytest
from documentation import GENERATED, PAGES, ROOT, SAMPLE, blocks, commands

from longspan import registry
from longspan.plan import Plan

README = ROOT / "README.md"
FIRST, *_ = (block for block in blocks(README) if block.kind == "bash")


def test_the_test_command_is_what_ci_runs():
    (block,) = (block for block in blocks(README) if block.note == "test command")
    (line,) = block.code.splitlines()
    (extraction,) = (
        line for line in (ROOT / ".ci" / "run").read_text().splitlines() if line.startswith("command=")
    )
    script = f'{extraction}\nprintf %s "$command"'
    extracted = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S607
    assert extracted.stdout == line
    steps = [step.split()[:3] for step in line.split(" && ")]
    assert [words for words in steps if words[:2] != ["python", "-m"]] == [
        ["ruff", "check", "."],
        ["ruff", "format", "--check"],
        ["mypy"],
        ["pytest", "-q", "-n"],
    ]
    assert line.startswith("python -m pip install ")


def test_the_first_command_installs_and_asks_in_one_line():
    (line,) = FIRST.code.splitlines()
    environment, install, _ = line.split(" && ")
    assert environment == "python3 -m venv .venv"
    assert install == ".venv/bin/pip install ."
    (arguments,) = commands(FIRST)
    assert arguments[:2] == ["ask", SAMPLE.relative_to(ROOT).as_posix()]


def test_the_table_of_plans_names_every_slot_and_real_methods():
    rows = re.findall(r"^\| `(\w+)` \|.*\| (.+) \|$", README.read_text("utf-8"), re.MULTILINE)
    assert [slot for slot, _ in rows] == list(registry.SLOTS)
    for slot, names in rows:
        calls = re.findall(r"`(.+?)`", names)
        assert bool(calls) == bool(registry.cards(slot))
        for call in calls:
            Plan(**{slot: call})


def test_the_families_are_those_that_were_compared():
    rows = [row.split("\t") for row in (ROOT / "tests" / "families.tsv").read_text("utf-8").splitlines()]
    outcomes = Counter(row[1] for row in rows if len(row) > 1)
    numbers = re.findall(
        r"\b\d+\b", README.read_text("utf-8").partition("* **Models:**")[2].partition("longspan")[0]
    )
    expected = [outcomes.total(), outcomes["reproduced"], outcomes["refused"], outcomes["not built"]]
    assert [int(each) for each in numbers if int(each) > 24][: len(expected)] == expected


def anchors(text):
    """The names by which the headings of a page can be linked to."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [*PAGES, GENERATED, ROOT / "CHANGELOG.md"], ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        address = urlsplit(target)
        if address.scheme:
            assert address.scheme == "https", target
            continue
        path = (page.parent / address.path) if address.path else page
        assert path.exists(), f"{page.name} links to {target}"
        if address.fragment:
            assert address.fragment in anchors(path.read_text("utf-8")), f"{page.name} links to {target}"
