"""Fixtures for all rooms."""

import gc
import os
from collections.abc import Generator, Iterable, Iterator
from functools import cache
from itertools import count
from pathlib import Path

# Tests run side by side, one a core, and tiny models gain nothing from more threads. Torch asks when it is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["LONGSPAN_OCR"] = "off"  # whatever is installed here; tests of it bring their own

import pytest
import torch
import typer.main
import typer.testing
from hypothesis import HealthCheck, settings
from transformers import AutoConfig, AutoModelForCausalLM

import longspan.model
from longspan.loading import Loaded, load_weights
from longspan.model import Model
from tiny import tiny_network, tiny_tokenizer

# How long an example takes says nothing: the first call of a kernel takes long, and so does a busy machine.
settings.register_profile(
    "longspan",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    max_examples=int(os.environ.get("LONGSPAN_EXAMPLES", "25")),
)
settings.load_profile("longspan")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Of what is imported and collected nothing is let go, so that the garbage collector would find nothing."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


class Backwards(pytest.Dir):
    """A folder whose last file is collected first."""

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        return reversed([*super().collect()])


def pytest_collect_directory(path: Path, parent: pytest.Collector) -> Backwards | None:
    """Every other worker begins at the end, so that two of them compile each half of the files and not all of them."""
    number = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    return Backwards.from_parent(parent, path=path) if int(number) % 2 else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The order is that of the names, wherever collecting began."""
    items.sort(key=lambda item: item.path.parts)


def pytest_collection_finish() -> None:
    """What thousands of tests and the libraries hold stays: the garbage collector need not look at it again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def options_are_made_once() -> Iterator[None]:
    """Typer makes all commands with all their options anew for each call; what it makes holds nothing of a call."""
    made = cache(typer.main.get_command)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typer.main, "get_command", made)
        patch.setattr(typer.testing, "_get_command", made)
        yield


@pytest.fixture(scope="session")
def empty_places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Places where nothing is yet. None is made before it is used, since few tests use theirs."""
    folder = tmp_path_factory.mktemp("places")
    return (folder / str(number) for number in count())


@pytest.fixture(autouse=True)
def own_contexts(empty_places: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees contexts that were saved outside it."""
    monkeypatch.setenv("LONGSPAN_CONTEXTS", str(next(empty_places)))


@pytest.fixture(scope="session")
def default_weights() -> Loaded:
    """The embedded default model in float32, from the user's cache or LONGSPAN_CACHE."""
    return load_weights(None, dtype="float32", device="cpu", weights="expanded")


@pytest.fixture(scope="session")
def default_model(default_weights: Loaded) -> Model:
    """The default model in float32, through the self-check."""
    return Model(default_weights)


@pytest.fixture
def default_loaded(default_model: Model, monkeypatch: pytest.MonkeyPatch) -> Model:
    """load() gives the default model that is there already, in float32."""
    load = longspan.model.load

    def load_exactly(name: str | None = None, **options: object) -> Model:
        same = name in (None, "default", default_model.name) and options.get("dtype") in (
            None,
            "auto",
            "float32",
        )
        asked = options.get("weights", "auto") not in ("auto", "expanded")
        return load(name, **options) if asked or not same else default_model

    monkeypatch.setattr(longspan.model, "load", load_exactly)
    return default_model


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny random model and a tokenizer of its own, which knows few words."""
    folder = tmp_path_factory.mktemp("tiny")
    tiny_network("llama").save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def small_folder(default_weights: Loaded, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random model of 1,024 tokens' window and the default model's tokenizer: it reads any text."""
    folder = tmp_path_factory.mktemp("small")
    torch.manual_seed(0)
    config = AutoConfig.for_model(
        "llama",
        vocab_size=len(default_weights.tokenizer),
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        max_position_embeddings=1024,
        pad_token_id=0,
        eos_token_id=2,
    )
    AutoModelForCausalLM.from_config(config, dtype=torch.float32).save_pretrained(folder)
    default_weights.tokenizer.save_pretrained(folder)
    return folder
