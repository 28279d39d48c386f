import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import longspan.model
from longspan.cli import main
from longspan.model import Model


@pytest.fixture(scope="session")
def loaded() -> dict[object, Model]:
    """Models of folders that all tests share, by folder and options."""
    return {}


@pytest.fixture(autouse=True)
def shared_folders_are_loaded_once(
    request: pytest.FixtureRequest, loaded: dict[object, Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    """load() of a folder that no test changes gives the model that is there already: commands leave no trace on it."""
    folders = [
        str(request.getfixturevalue(name))
        for name in ("small_folder", "tiny_folder")
        if name in request.fixturenames
    ]
    load: Callable[..., Model] = longspan.model.load

    def load_once(name: str | Path | None = None, **options: object) -> Model:
        if str(name) not in folders:
            return load(name, **options)
        key = (str(name), *(options.get(each, "auto") for each in ("dtype", "device", "weights")))
        if key not in loaded:
            loaded[key] = load(name, **options)
        return loaded[key]

    monkeypatch.setattr(longspan.model, "load", load_once)


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., tuple[int, str, str]]:
    """Runs a command in this process: exit code, standard output, standard error."""
    monkeypatch.setenv("LONGSPAN_CACHE", str(tmp_path / "cache"))

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["longspan", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        printed = capsys.readouterr()
        return int(stopped.value.code or 0), printed.out, printed.err

    return call
