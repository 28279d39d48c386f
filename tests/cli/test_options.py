"""The command's own names for what the library calls otherwise."""

import pytest
import typer

from longspan.cli import app
from longspan.cli.options import options_of, with_options


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("too short; raise length=...", "too short; raise --length"),
        ("length=513 is over the window", "--length=513 is over the window"),
        ("shorten it, or lower max_new_tokens=5", "shorten it, or lower --max-new-tokens=5"),
        ("leave out plan=...", "leave out plan=..."),
        ("choose snapkv(length=3,max_new_tokens=2)", "choose snapkv(length=3,max_new_tokens=2)"),
        ("window=9 or --length=3", "window=9 or --length=3"),
    ],
)
def test_an_option_is_called_by_its_name(said, shown):
    assert with_options(said, {"length", "max_new_tokens"}) == shown


def test_only_the_options_of_the_command_that_is_called_count():
    command = typer.main.get_command(app)
    asked, probed = (options_of(command, words) for words in (["ask", "a.md", "eval"], ["probe", "heads"]))
    assert {"max_new_tokens", "flow", "json"} <= asked
    assert {"depths", "top"} <= probed
    assert not {"max_new_tokens", "flow"} & probed
    assert options_of(command, ["nothing"]) == {"version"}


def commands(group, words=()):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*words, name))
        else:
            yield " ".join((*words, name)), command


def test_every_command_that_loads_a_model_says_how_its_weights_are_held():
    known = dict(commands(typer.main.get_command(app)))
    takes = {
        name: {each.name for each in command.params}
        for name, command in known.items()
        if name.partition(" ")[0] not in ("cache", "methods", "field", "report") and name != "models list"
    }
    loads = {name for name, names in takes.items() if {"model"} & names} | {"models pull"}
    assert {"ask", "eval", "tune", "extend", "check", "probe heads", "probe position"} <= loads
    assert {name for name, names in takes.items() if "weights" in names} == loads
