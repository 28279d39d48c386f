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
