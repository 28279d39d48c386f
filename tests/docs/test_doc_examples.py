"""Every example in the documentation runs, and prints what the page says that it prints."""

import re
import sys

import pytest
import typer
from documentation import PAGES, ROOT, SHOWN, blocks, commands, examples

from longspan import cli
from longspan.plan import Plan

KINDS = {"python", "bash", "text", "toml", "json"}


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs `longspan` with arguments: its exit code, and what it printed on each stream."""

    def run_command(arguments):
        monkeypatch.setattr(sys, "argv", ["longspan", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return ended.value.code or 0, printed.err, printed.out

    return run_command


def without_seconds(text):
    """The lines that say something, with the seconds of this run and of the page made alike."""
    alike = re.sub(r"[\d.]+(?= s\b)|(?<=_seconds\": )[\d.]+", "#", text)
    return [line.rstrip() for line in alike.splitlines() if line.strip()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_examples_of_a_page_run_as_shown(page, workplace, capsys, run):
    namespace = {"__name__": "example"}
    for block, shown in examples(page):
        if block.file:
            path = workplace / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.code)
        if block.kind == "python":
            code = compile("\n" * (block.line - 1) + block.code, str(page), "exec")
            if block.runs:
                capsys.readouterr()
                exec(code, namespace)  # noqa: S102
                assert capsys.readouterr().out == shown, f"{block} prints something else than the page says"
        elif block.kind == "bash" and block.runs:
            for arguments in commands(block):
                code, *printed = run(arguments)
                assert code == (2 if shown.startswith("longspan: ") else 0), (block, printed)
                if shown:
                    lines, parts = without_seconds(shown), [without_seconds(each) for each in printed]
                    assert sorted(lines) == sorted(line for part in parts for line in part), block
                    for part in parts:  # the page shows both streams as a terminal does, one among the other
                        assert [line for line in lines if line in part] == part, block


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_a_page_can_be_given(page):
    for block in blocks(page):
        for arguments in commands(block) if block.kind == "bash" else ():
            command = typer.main.get_command(cli.app)
            while arguments and arguments[0] in getattr(command, "commands", {}):
                command = command.commands[arguments[0]]
                arguments = arguments[1:]
            if arguments in (["--version"], ["--help"]):
                continue
            assert not hasattr(command, "commands"), f"{block} gives no command"
            given = command.make_context(command.name, arguments).params
            plans = given.get("plan") or []
            for plan in [plans] if isinstance(plans, str) else plans:
                if not block.runs and not plan.endswith(".toml"):
                    Plan.of(plan)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_of_a_page_is_seen(page):
    found = blocks(page)
    text = re.sub(r"^```\{.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    fences = re.findall(r"^\s*```", text, re.MULTILINE)
    assert len(fences) == 2 * len(found)
    for before, block in zip([None, *found], found, strict=False):
        if block.kind in SHOWN and block.runs:
            assert before.runs, block
            assert before.kind in ("python", "bash"), block
        assert block.kind in KINDS, block
        assert block.runs or block.file or block.note in ("not run", "test command"), block


def test_the_examples_are_many():
    kinds = [block.kind for page in PAGES for block in blocks(page) if block.runs]
    assert kinds.count("python") > 15
    assert kinds.count("bash") > 5
    assert (ROOT / "README.md") in PAGES
