"""A folder in transformers' format: what loads, what is refused and why."""

import json
import pickle
import shutil
import struct
import tempfile
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from tiny_models import tiny_network, write_gguf

from fuzzing import inputs
from longspan.errors import CorruptModel, ModelNotFound, UnsupportedModel
from longspan.loading import load_weights
from longspan.loading.digest import weights_digest
from longspan.loading.folder import weight_files

PROMPT = torch.arange(3, 43)[None]
YARN = {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0}


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
        ({"num_hidden_layers": 1}, CorruptModel, "'model.layers.1.input_layernorm.weight', for which"),
        ({"num_hidden_layers": 10**9}, CorruptModel, "the weights are 21 tensors"),
        ({"num_hidden_layers": 0}, CorruptModel, "allowed are 1 or more"),
        ({"num_labels": 10**9}, CorruptModel, "num_labels=1000000000"),
        ({"head_dim": 10**12}, CorruptModel, "the weights are 386,912 bytes"),
        ({"intermediate_size": 32}, CorruptModel, "has shape (64, 96) and its config.json asks for (64, 32)"),
        ({"rms_norm_eps": float("nan")}, CorruptModel, "rms_norm_eps=nan, which is no number"),
        ({"model_type": ["llama"]}, UnsupportedModel, "['llama']"),
        (
            {"rope_parameters": {"rope_type": "default", "rope_theta": 0.0}},
            CorruptModel,
            "from 1 to inf radians",
        ),
        ({"rope_parameters": YARN | {"factor": -4.0}}, CorruptModel, "radians a token"),
        ({"rope_parameters": YARN | {"attention_factor": -1.0}}, CorruptModel, "attention factor of -1.0"),
        (
            {"quantization_config": {"quant_method": "unheard-of"}},
            UnsupportedModel,
            "quantized by 'unheard-of'",
        ),
        ({"quantization_config": []}, UnsupportedModel, "quantized by '[]'"),
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


def test_a_tensor_in_two_files_is_named(folder):
    weights = load_file(folder / "model.safetensors")
    split(folder)
    name = min(weights)
    again = load_file(folder / "model-00002-of-00002.safetensors") | {name: 2 * weights[name]}
    save_file(again, folder / "model-00002-of-00002.safetensors", metadata={"format": "pt"})
    assert f"tensor {name!r} in two of its files" in refusal(folder, CorruptModel)


QUERY = "model.layers.0.self_attn.q_proj"


@pytest.mark.parametrize(
    ("more", "error", "said"),
    [
        ({f"{QUERY}.bias": torch.ones(64)}, CorruptModel, "q_proj.bias', for which"),
        ({f"{QUERY}.weight_scale": torch.ones(1)}, CorruptModel, "q_proj.weight_scale', for which"),
        (
            {"model.layers.2.mlp.up_proj.weight": torch.ones(96, 64)},
            CorruptModel,
            "layers.2.mlp.up_proj.weight'",
        ),
        (
            {f"{QUERY}.weight": torch.ones(64, 64, dtype=torch.int8)},
            UnsupportedModel,
            "in I8 and does not say",
        ),
        ({f"{QUERY}.weight": torch.ones(64, 64).to(torch.float8_e4m3fn)}, UnsupportedModel, "in F8_E4M3 and"),
        ({f"{QUERY}.weight": torch.ones(64, 64, dtype=torch.complex64)}, UnsupportedModel, "in C64 and does"),
        ({f"{QUERY}.weight": torch.ones(64 * 64)}, CorruptModel, "has shape (4096,)"),
    ],
)
def test_weights_that_would_be_left_out_or_bent_are_named(folder, more, error, said):
    weights = load_file(folder / "model.safetensors") | more
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert said in refusal(folder, error)


def test_what_no_part_of_the_model_is_made_of_is_left_out(original, folder):
    more = {"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(8), "note": torch.ones(1)}
    weights = load_file(folder / "model.safetensors") | more
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert torch.equal(load(folder).network(PROMPT).logits, original[0](PROMPT).logits)


def edit_tokenizer(folder, **changes):
    path = folder / "tokenizer.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_tokenizer_that_breaks_its_library_is_one_clear_line(folder, original):
    model = json.loads((folder / "tokenizer.json").read_text())["model"]
    edit_tokenizer(folder, normalizer={"type": "Precompiled", "precompiled_charsmap": "AAAA"})
    assert "no readable tokenizer" in refusal(folder, CorruptModel)
    edit_tokenizer(folder, normalizer=None, model=model | {"dropout": 0.1})
    assert "at random" in refusal(folder, UnsupportedModel)
    endless = {
        "direction": "Left",
        "pad_id": 0,
        "pad_type_id": 0,
        "pad_token": "x",
        "pad_to_multiple_of": None,
    }
    edit_tokenizer(folder, model=model, padding=endless | {"strategy": {"Fixed": 10**10}})
    assert len(load(folder).tokenizer.backend_tokenizer.encode("the and").ids) < 8


@pytest.mark.parametrize("content", [b"", b"[1]", b"null", b"\xff\xfe", b"[" * 200_000, bytes(range(256))])
def test_a_file_of_settings_that_is_not_json_is_named(folder, content):
    for name in ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"):
        whole = (folder / name).read_bytes()
        (folder / name).write_bytes(content)
        assert refusal(folder, CorruptModel)
        (folder / name).write_bytes(whole)


@inputs(25)
@given(data=st.data())
def test_whatever_the_header_says_the_weights_are_the_same_or_refused(original, data):
    network, folder = original
    whole = (folder / "model.safetensors").read_bytes()
    stop = 8 + struct.unpack("<Q", whole[:8])[0]
    changed = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.one_of(st.integers(0, 7), st.integers(8, stop - 1)))
        kind = data.draw(st.sampled_from(["digit", "byte", "cut", "double"]))
        if kind == "digit":
            digits = [at for at in range(8, stop) if changed[at] in b"0123456789"]
            changed[data.draw(st.sampled_from(digits))] = data.draw(st.sampled_from(b"0123456789-."))
        elif kind == "byte":
            changed[place] = data.draw(st.integers(0, 255))
        elif kind == "cut":
            del changed[place : place + data.draw(st.integers(1, 40))]
        else:
            changed[place:place] = changed[place : place + data.draw(st.integers(1, 40))]
    with tempfile.TemporaryDirectory() as copy:
        spoilt = shutil.copytree(folder, Path(copy) / "model")
        (spoilt / "model.safetensors").write_bytes(changed)
        try:
            found = load(spoilt).network
        except (CorruptModel, UnsupportedModel) as error:
            assert "\n" not in str(error)  # noqa: PT017
            assert ";" in str(error)  # noqa: PT017
        else:
            weights = network.state_dict()
            assert all(torch.equal(weight, weights[name]) for name, weight in found.state_dict().items())


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
