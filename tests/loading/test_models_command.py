"""`longspan models` on a cache with converted copies of tiny models."""

import json
import shutil

import pytest
from tiny_models import tiny_network, write_gguf
from typer.testing import CliRunner

from longspan.cache_folder import bytes_below
from longspan.cli.models import app
from longspan.errors import LongspanError, ModelNotFound
from longspan.loading.find import find
from longspan.loading.inventory import remove
from longspan.loading.known import DEFAULT, KNOWN


@pytest.fixture(autouse=True)
def own_hub_cache(tmp_path, monkeypatch):
    """A hub's cache of the test's own, so that the user's is not looked at."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.fixture
def gguf_file(tmp_path):
    return write_gguf(tmp_path / "my model.gguf", tiny_network("qwen2"))


def run(*arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def listed():
    return {entry["name"]: entry for entry in json.loads(run("list", "--json"))}


def test_an_empty_cache_lists_the_known_models_and_stays_empty(cache):
    entries = listed()
    assert list(entries) == list(KNOWN)
    assert [name for name, entry in entries.items() if entry["default"]] == ["smollm2-135m"]
    for name, entry in entries.items():
        assert not entry["cached"]
        assert entry["bytes"] == 0
        assert KNOWN[name].hub_id in entry["source"]
    assert not cache.exists()
    table = run("list")
    assert all(name in table for name in KNOWN)


def test_a_file_is_pulled_listed_and_removed_by_the_listed_name(cache, gguf_file):
    pulled = json.loads(run("pull", gguf_file, "--weights", "expanded", "--dtype", "float32", "--json"))
    assert "is ready in" in run("pull", gguf_file, "--weights", "expanded", "--dtype", "bfloat16")
    (name,) = listed().keys() - KNOWN.keys()
    assert name == f"my model@{pulled['digest'][:8]}"
    entry = listed()[name]
    assert entry["cached"]
    assert entry["source"] == f"file {gguf_file}"
    assert entry["bytes"] == bytes_below(cache / "converted")
    assert name in run("list")
    removed = json.loads(run("remove", name, "--json"))
    assert removed == {"name": name, "freed_bytes": entry["bytes"]}
    assert listed().keys() == KNOWN.keys()
    assert gguf_file.exists()
    with pytest.raises(ModelNotFound):
        remove(name)


def test_a_copy_with_a_broken_manifest_can_still_be_removed(cache, gguf_file):
    run("pull", gguf_file, "--weights", "expanded")
    (copy,) = (cache / "converted").iterdir()
    (copy / "longspan.json").write_text("broken")
    assert copy.name in listed()
    run("remove", copy.name)
    assert not copy.exists()


@pytest.mark.parametrize("name", ["default", "smollm2-135m", "SmolLM2-135M"])
def test_the_default_is_removed_with_its_copies(cache, default_weights, monkeypatch, name):
    with monkeypatch.context() as users:
        users.delenv("LONGSPAN_CACHE")
        wheel_file = find(None).path
    folder = cache / "models" / "smollm2-135m"
    folder.mkdir(parents=True)
    shutil.copy(wheel_file, folder)
    assert listed()["smollm2-135m"]["cached"]
    freed = remove(name)
    assert freed == wheel_file.stat().st_size
    assert not folder.exists()
    assert wheel_file.exists()


@pytest.mark.parametrize(
    "name", ["../../outside", "..", ".", "/", "", "../outside", "converted", "models", "locks", "*", "x\0y"]
)
def test_a_name_is_never_used_as_a_path(cache, tmp_path, gguf_file, name):
    run("pull", gguf_file, "--weights", "expanded")
    (tmp_path / "outside").mkdir()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ModelNotFound, match="see 'longspan models list'"):
        remove(name)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_name_in_a_manifest_is_never_used_as_a_path(cache, tmp_path, gguf_file):
    run("pull", gguf_file, "--weights", "expanded")
    (copy,) = (cache / "converted").iterdir()
    (tmp_path / "outside").mkdir()
    manifest = json.loads((copy / "longspan.json").read_text())
    (copy / "longspan.json").write_text(json.dumps(manifest | {"name": "../../outside", "digest": ""}))
    run("remove", "../../outside")
    assert not copy.exists()
    assert (tmp_path / "outside").exists()


def test_nothing_to_remove_says_so(cache):
    with pytest.raises(ModelNotFound, match="nothing to remove"):
        remove("qwen3-0.6b")
    with pytest.raises(ModelNotFound, match=r"did you mean 'qwen3-0\.6b'"):
        remove("qwen3-0.6")


def test_a_model_in_the_hubs_cache_is_left_to_the_hub(cache, tmp_path, gguf_file):
    repository = tmp_path / "hub" / "models--HuggingFaceTB--SmolLM2-135M-Instruct"
    pulled = json.loads(run("pull", gguf_file, "--weights", "expanded", "--json"))
    shutil.copytree(pulled["path"], repository / "snapshots" / ("0" * 40))
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0" * 40)
    entry = listed()["smollm2-135m"]
    assert entry["cached"]
    assert entry["bytes"] == bytes_below(repository / "snapshots")
    with pytest.raises(LongspanError, match="hf cache rm model/HuggingFaceTB/SmolLM2-135M-Instruct"):
        remove("default")
    assert find(None).source == f"hub {DEFAULT.hub_id}@{'0' * 40}"
