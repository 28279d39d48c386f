"""Any words behind `longspan`: done, or one line of refusal; never a traceback, never half a page."""

import contextlib
import io
import json
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fuzzing import inputs
from longspan.cli import main

_COMMAND = st.sampled_from(
    [
        "ask",
        "methods",
        "field",
        "check",
        "report",
        "models",
        "cache",
        "extend",
        "eval",
        "tune",
        "probe",
        "nonsense",
    ]
)
_SUBCOMMAND = st.sampled_from(["list", "show", "remove", "prune", "pull", "grounding", "bias"])
_OPTION = st.sampled_from(
    [
        "--json",
        "--flow",
        "--plan",
        "--model",
        "--max-new-tokens",
        "--temperature",
        "--top-k",
        "--top-p",
        "--min-p",
        "--seed",
        "--stop",
        "--regex",
        "--choice",
        "--json-schema",
        "--grammar",
        "--logit-bias",
        "--logprobs",
        "--chunk",
        "--dtype",
        "--device",
        "--no-save",
        "--max-bytes",
        "--room",
        "--help",
        "--length",
        "--list",
        "--out",
        "--documents",
        "--version",
        "-5",
        "--",
        "-",
    ]
)
_VALUE = st.one_of(
    st.sampled_from(
        ["note.txt", "./note.txt", "empty.txt", "photo.png", "folder", "no.txt", "what?", "", "  ", "\u200b"]
    ),
    st.sampled_from(
        [
            "policy=snapkv(budget=8)",
            "direct",
            "2GiB",
            "auto",
            "float32",
            "cpu",
            "nan",
            "-1",
            "1e999",
            "caf\udce9",
        ]
    ),
    st.integers(-(2**65), 2**65).map(str),
    st.text(st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), max_size=8),
)
_WORDS = st.lists(st.one_of(_OPTION, _VALUE, _SUBCOMMAND), max_size=7)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    """A folder with files to name, where no model, network or context of the user is reached."""
    folder = tmp_path_factory.mktemp("requests")
    (folder / "note.txt").write_text("The key lies under the third stone.\n")
    (folder / "empty.txt").write_text("")
    (folder / "photo.png").write_bytes(bytes(range(256)))
    (folder / "folder").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("LONGSPAN_CACHE", str(folder / "cache"))
        patch.setenv("LONGSPAN_CONTEXTS", str(folder / "contexts"))
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setattr("longspan.model.load_weights", _no_model)
        yield patch


def _no_model(name, **options):
    from longspan.errors import ModelNotFound

    raise ModelNotFound(f"there is no model {name!r}; name another")


def run(patch, words):
    """What a command line gives: its exit code, standard output and standard error."""
    out, err = io.StringIO(), io.StringIO()
    patch.setattr(sys, "argv", ["longspan", *words])
    patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"From standard input.\n")))
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as stopped,
    ):
        main()
    return stopped.value.code, out.getvalue(), err.getvalue()


@inputs(40)
@given(_COMMAND, _WORDS)
@example("ask", ["note.txt", "what?"])
@example("ask", ["note.txt", "no\ntes", "--dtype", "complex"])
@example("ask", ["-", "what?", "--seed", str(2**70)])
@example("ask", ["note.txt", "x" * 5000])
@example("cache", ["show", "\n"])
def test_every_request_is_done_or_refused_in_a_line(workplace, command, words):
    code, out, err = run(workplace, [command, *words])
    assert code in (0, 1, 2)
    assert "Traceback" not in err
    assert "LONGSPAN_TRACEBACK" not in err
    if code and "Usage:" not in out + err:
        assert out == ""
        refusal = [line for line in err.splitlines() if not line.startswith("note: ")]
        assert len(refusal) == 1, err
        assert refusal[0].startswith("longspan: ")
    elif "--json" in words and out and "--help" not in words and "--version" not in words:
        json.loads(out)
