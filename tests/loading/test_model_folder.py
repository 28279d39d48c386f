"""A folder in transformers' format: what loads, what is refused and why."""

import json
import pickle
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_models import tiny_network, write_gguf

from longspan.errors import CorruptModel, ModelNotFound, UnsupportedModel
from longspan.loading import load_weights
from longspan.loading.digest import weights_digest
from longspan.loading.folder import weight_files

PROMPT = torch.arange(3, 43)[None]


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A network and the folder it was saved to, with a tokenizer."""
    folder = tmp_path_factory.mktemp("original")
    network = tiny_network("llama")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LONGSPAN_CACHE", str(folder / "cache"))
        load_weights(write_gguf(folder / "tiny.gguf", network)).tokenizer.save_pretrained(folder / "model")
    network.save_pretrained(folder / "model")
    return network, folder / "model"


@pytest.fixture
def folder(original, tmp_path):
    """A copy of the folder that a test may spoil."""
    return shutil.copytree(original[1], tmp_path / "model")


def load(folder):
    return load_weights(folder, dtype="float32", device="cpu")


def edit_config(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def refusal(folder, error):
    with pytest.raises(error) as caught:
        load(folder)
    assert "\n" not in str(caught.value)
    assert ";" in str(caught.value)
    return str(caught.value)


def test_a_saved_model_loads_frozen_with_the_same_logits(original, folder):
    loaded = load(folder)
    assert torch.equal(loaded.network(PROMPT).logits, original[0](PROMPT).logits)
    assert not loaded.network.training
    assert not any(weight.requires_grad for weight in loaded.network.parameters())
    assert loaded.tokenizer.is_fast
    assert (loaded.name, loaded.source) == ("model", f"folder {folder}")


class Bomb:
    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return (open, (str(self.trace), "w"))


def test_pickled_weights_are_refused_unopened(folder, tmp_path):
    (folder / "model.safetensors").unlink()
    trace = tmp_path / "it ran"
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb(trace)))
    assert "unpickling a file can run any code" in refusal(folder, UnsupportedModel)
    assert not trace.exists()


def test_pickled_weights_beside_safetensors_are_left_alone(folder, tmp_path):
    trace = tmp_path / "it ran"
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb(trace)))
    load(folder)
    assert not trace.exists()


def test_code_in_the_folder_is_not_run(folder, tmp_path):
    trace = tmp_path / "it ran"
    (folder / "code.py").write_text(f"open({str(trace)!r}, 'w')\nclass C: pass\n")
    edit_config(
        folder, model_type="homemade", auto_map={"AutoConfig": "code.C", "AutoModelForCausalLM": "code.C"}
    )
    assert "its own code, which is never run" in refusal(folder, UnsupportedModel)
    edit_config(folder, model_type="llama")
    load(folder)
    assert not trace.exists()


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"model_type": "t5"}, UnsupportedModel, "'t5'"),
        ({"model_type": None}, UnsupportedModel, "None"),
        ({"attn_implementation": "somebody/kernel"}, UnsupportedModel, "'somebody/kernel'"),
        ({"rope_parameters": {"rope_type": "mrope"}}, UnsupportedModel, "rope_type='mrope'"),
        (
            {"rope_parameters": None, "rope_scaling": {"type": "banana"}},
            UnsupportedModel,
            "rope_type='banana'",
        ),
        ({"hidden_size": 65}, CorruptModel, "cannot be loaded"),
        ({"num_hidden_layers": 3}, CorruptModel, "lacks 9 of the weights"),
        ({"intermediate_size": 32}, CorruptModel, "cannot be loaded"),
    ],
)
def test_a_config_that_does_not_fit_is_one_clear_line(folder, changes, error, said):
    edit_config(folder, **changes)
    assert said in refusal(folder, error)


def test_an_adapter_is_not_a_model(folder):
    (folder / "adapter_config.json").write_text("{}")
    assert "adapter" in refusal(folder, UnsupportedModel)


def test_missing_and_broken_files_are_named(folder):
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    for size in (0, 4, 40, len(whole) - 1):
        weights.write_bytes(whole[:size])
        assert "download the model again" in refusal(folder, CorruptModel)
    weights.unlink()
    assert "model.safetensors" in refusal(folder, ModelNotFound)
    weights.write_bytes(whole)
    (folder / "tokenizer.json").unlink()
    assert "tokenizer" in refusal(folder, CorruptModel)
    (folder / "config.json").write_text("[1")
    assert "config.json" in refusal(folder, CorruptModel)
    (folder / "config.json").unlink()
    (folder / "tiny.gguf").write_bytes(b"")
    assert "did you mean" in refusal(folder, ModelNotFound)


def split(folder):
    """The weights of the folder in two files with an index."""
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(weights)
    index = {}
    for number, part in enumerate((names[:5], names[5:]), 1):
        file = f"model-0000{number}-of-00002.safetensors"
        save_file({name: weights[name] for name in part}, folder / file, metadata={"format": "pt"})
        index |= dict.fromkeys(part, file)
    path = folder / "model.safetensors.index.json"
    path.write_text(json.dumps({"metadata": {}, "weight_map": index}))
    return path


def test_a_model_in_several_files_loads(original, folder):
    split(folder)
    assert torch.equal(load(folder).network(PROMPT).logits, original[0](PROMPT).logits)
    (folder / "model-00002-of-00002.safetensors").unlink()
    assert "lacks model-00002-of-00002.safetensors" in refusal(folder, CorruptModel)


@pytest.mark.parametrize("name", ["../model.safetensors", "/etc/passwd", "weights.bin", "", 3])
def test_an_index_names_only_safetensors_beside_it(folder, name):
    index = split(folder)
    index.write_text(json.dumps({"weight_map": {"a": name}}))
    assert "as a file of weights" in refusal(folder, CorruptModel)
    index.write_text(json.dumps({"weight_map": {}}))
    assert "lists no weights" in refusal(folder, CorruptModel)


def test_the_digest_follows_the_weights_and_nothing_else(folder, tmp_path):
    before = load(folder).digest
    edit_config(folder, rope_theta=5.0)
    moved = shutil.copytree(folder, tmp_path / "moved")
    assert load(moved).digest == before
    weights = load_file(moved / "model.safetensors")
    for name in weights:
        retrained = {other: weight.clone() for other, weight in weights.items()}
        retrained[name].view(-1)[-1] += 1e-3
        save_file(retrained, moved / "model.safetensors", metadata={"format": "pt"})
        assert weights_digest(weight_files(moved)) != before, name
    renamed = {f"{name}2": weight for name, weight in weights.items()}
    save_file(renamed, moved / "model.safetensors", metadata={"format": "pt"})
    assert weights_digest(weight_files(moved)) != before
