"""An answer comes out on any terminal, pipe and disk, or one line says why not."""

import errno
import io
import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
import typer

import longspan.__main__
from longspan.atomic import write_text
from longspan.cli import app, extend, main, probe, tune
from longspan.cli.terminal import say, streams
from longspan.progress import Progress

TEXT = "✓ “灯台 é 😀” — \udce9"


@pytest.fixture
def pipe(monkeypatch):
    """Makes standard output a pipe in an encoding, and returns what came out of it."""

    def make(encoding):
        data = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(data, encoding=encoding))
        return data

    return make


@pytest.mark.parametrize("encoding", ["cp1252", "shift_jis", "utf-8", "latin-1"])
def test_json_stays_json_in_any_encoding(pipe, encoding):
    data = pipe(encoding)
    with streams():
        typer.echo(json.dumps({"text": TEXT}, ensure_ascii=False))
        sys.stdout.flush()
    assert json.loads(data.getvalue().decode(encoding)) == {"text": TEXT}
    assert sys.stdout.errors == "strict"


def test_marks_have_look_alikes(pipe):
    data = pipe("cp437")
    with streams():
        say("✓ “quote” — a.txt · 3 tokens, é 灯")
        sys.stdout.flush()
    assert data.getvalue().decode("cp437") == '[ok] "quote" -- a.txt · 3 tokens, é \\u706f\n'
    data = pipe("utf-8")
    with streams():
        say("✓ “quote”")
        sys.stdout.flush()
    assert data.getvalue().decode() == "✓ “quote”\n"


def run(command: str) -> tuple[int, str, str]:
    """A shell command in which $LONGSPAN is this command."""
    environment = os.environ | {
        "LONGSPAN": f"{sys.executable} -m longspan",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    done = subprocess.run(
        ["/bin/bash", "-c", command], capture_output=True, text=True, env=environment, check=False
    )
    return done.returncode, done.stdout, done.stderr


def test_a_full_disk_is_one_line():
    code, _, err = run("$LONGSPAN field > /dev/full")
    assert code == 2
    assert (
        err
        == "longspan: the output cannot be written (No space left on device); free some space or send it elsewhere\n"
    )


def test_closed_streams_do_no_harm():
    assert run("$LONGSPAN methods >&- 2>&- <&-") == (0, "", "")
    assert run("$LONGSPAN methods --room zz 2>/dev/full; echo $?")[1:] == ("2\n", "")
    code, out, err = run("set -o pipefail; $LONGSPAN field --json | head -c 1")
    assert (code in (0, 1), out, err) == (True, "[", "")


@pytest.fixture
def refused(monkeypatch, capsys):
    """What a command line says when it is refused: (exit code, its line)."""

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["longspan", *words])
        with pytest.raises(SystemExit) as stopped:
            main()
        printed = capsys.readouterr()
        assert printed.out == ""
        assert printed.err.count("\n") == 1
        return stopped.value.code, printed.err.strip()

    return call


def test_what_the_parser_refuses_is_one_line(refused):
    code, line = refused("ask", "a.txt", "-5 degrees, why?")
    assert code == 2
    assert "put -- before words that begin with a dash" in line
    assert refused("nonsense")[0] == 2
    assert "--help" in refused("ask", "a.txt", "x", "--max-new-tokens", "many")[1]


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (KeyboardInterrupt(), 130, "longspan: interrupted"),
        (
            OSError(errno.EACCES, "Permission denied", "x.txt"),
            2,
            "longspan: x.txt cannot be used (Permission denied)",
        ),
        (KeyError("x"), 1, "longspan: unexpected KeyError: 'x'"),
    ],
)
def test_nothing_ends_in_a_traceback(refused, monkeypatch, error, code, line):
    def fails(*arguments):
        raise error

    monkeypatch.setattr("longspan.registry.cards", fails)
    monkeypatch.setattr("longspan.cli.methods.registry.cards", fails, raising=False)
    monkeypatch.setattr(app, "registered_callback", None)
    got, said = refused("methods")
    assert got == code
    assert said.startswith(line)


def test_long_work_says_how_far_it_has_come_where_there_is_no_terminal(monkeypatch, capsys):
    monkeypatch.setattr("longspan.cli.waiting.SECONDS", 0.0)
    with probe._bar("prompts") as told:
        told(Progress(processed=1, total=2))
    with tune._Display(60) as display:
        display.watch(SimpleNamespace(plans=3, answers=7, seconds=4.0))
    with extend._Display() as display:
        display.watch(SimpleNamespace(done=1, total=16, loss=1.0))
    assert capsys.readouterr().err.splitlines() == [
        "1 of 2 prompts",
        "3 plans, 7 answers: 4 of at most 60 s",
        "1 of 16 candidates, perplexity 2.72",
    ]


@pytest.mark.parametrize(
    "words",
    [
        ("eval", "own", "--out", ""),
        ("report", "x", "--out="),
        ("extend", "--out", "", "--json"),
        ("probe", "heads", "--haystack", ""),
    ],
)
def test_a_path_of_no_word_is_not_this_folder(refused, words):
    code, line = refused(*words)
    assert code == 2
    assert line.endswith("is empty; name a file or folder, or leave the option out")


def test_nothing_takes_the_place_of_a_device(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="no ordinary file"):
        write_text(tmp_path / "pipe", "x")
    assert not (tmp_path / "pipe").is_file()
    (tmp_path / "link").symlink_to(tmp_path / "file")
    write_text(tmp_path / "link", "x")
    assert ((tmp_path / "link").is_symlink(), (tmp_path / "file").read_text()) == (True, "x")


def test_interrupted_before_it_is_there_is_one_line(monkeypatch, capsys):
    class Impatient:
        def find_spec(self, name, path=None, target=None):
            if name == "longspan.cli":
                raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, "longspan.cli")
    monkeypatch.setattr(sys, "meta_path", [Impatient(), *sys.meta_path])
    with pytest.raises(SystemExit) as stopped:
        longspan.__main__.main()
    assert (stopped.value.code, capsys.readouterr().err) == (130, "longspan: interrupted\n")


def test_a_panic_of_a_library_is_one_line(refused, monkeypatch):
    class PanicException(BaseException):
        """As libraries in Rust raise."""

    def panics(*arguments):
        raise PanicException("index out of bounds")

    monkeypatch.setattr("longspan.cli.methods.registry.cards", panics, raising=False)
    monkeypatch.setattr(app, "registered_callback", None)
    code, line = refused("methods")
    assert code == 1
    assert line.startswith("longspan: unexpected RuntimeError: index out of bounds")
