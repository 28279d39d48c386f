"""GPTQ and AWQ checkpoints, packed here by loops that follow their formats, are read without loss."""

import json

import gguf
import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_models import tiny_network, write_gguf

from longspan.errors import CorruptModel, LongspanError, UnsupportedModel
from longspan.kernels import packed
from longspan.loading import load_weights
from longspan.loading.packed_modules import PackedLinear, PermutedLinear
from longspan.model import Model

PROMPT = torch.arange(3, 43)[None]
AWQ_ORDER = (0, 2, 4, 6, 1, 3, 5, 7)

pytestmark = pytest.mark.skipif(
    not packed.suits(gguf.GGMLQuantizationType.Q8_0, 32), reason="there is no compiler here"
)


def words(numbers, bits, order=None):
    """A row of numbers as int32 words, the first in the lowest bits."""
    size = 32 // bits
    found = []
    for start in range(0, len(numbers), size):
        word = 0
        for place in range(size):
            word |= int(numbers[start + (order[place] if order else place)]) << bits * place
        found.append(word - (1 << 32) if word >= 1 << 31 else word)
    return found


def gptq(q, z, scales, groups, bits, minus_one):
    """q [out, in], z and scales [out, groups]."""
    stored = (z - 1) if minus_one else z
    return {
        "qweight": torch.tensor([words(row.tolist(), bits) for row in q]).to(torch.int32).T.contiguous(),
        "qzeros": torch.tensor([words(row.tolist(), bits) for row in stored.T]).to(torch.int32),
        "scales": scales.T.contiguous(),
        "g_idx": groups.to(torch.int32),
    }


def awq(q, z, scales, groups, bits, minus_one):
    return {
        "qweight": torch.tensor([words(row.tolist(), 4, AWQ_ORDER) for row in q.T]).to(torch.int32),
        "qzeros": torch.tensor([words(row.tolist(), 4, AWQ_ORDER) for row in z.T]).to(torch.int32),
        "scales": scales.T.contiguous(),
    }


def stored(tmp_path, method="gptq", bits=4, group=32, symmetric=False, mixed_up=False, more=None, **changes):
    """A folder, and its weights as they are meant: name -> fp32."""
    network = tiny_network("qwen2", **changes)
    folder = tmp_path / f"{method}{bits}"
    network.half().save_pretrained(folder)
    said = {"quant_method": method, "bits": bits, "group_size": group, "desc_act": mixed_up, "sym": symmetric}
    said |= more or {}
    minus_one = method == "gptq" and said.get("checkpoint_format", "gptq") == "gptq"
    tensors = {name: each.clone() for name, each in network.state_dict().items()}
    meant = {}
    generator = torch.Generator().manual_seed(0)
    for name, module in network.named_modules():
        if isinstance(module, torch.nn.Linear) and name != "lm_head":
            rows, columns = module.weight.shape
            count = -(-columns // group) if group > 0 else 1
            groups = torch.arange(columns) // (group if group > 0 else columns)
            if mixed_up:
                groups = groups[torch.randperm(columns, generator=generator)]
            q = torch.randint(1 << bits, (rows, columns), generator=generator)
            z = torch.randint(1, 1 << bits, (rows, count), generator=generator)
            z = torch.full_like(z, 1 << bits - 1) if symmetric else z
            scales = (0.2 * torch.rand(rows, count, generator=generator) / (1 << bits)).half()
            parts = (awq if method == "awq" else gptq)(q, z, scales, groups, bits, minus_one)
            del tensors[f"{name}.weight"]
            tensors |= {f"{name}.{part}": each for part, each in parts.items()}
            meant[name] = (q - z[:, groups]) * scales.float()[:, groups]
    save_file(tensors, folder / "model.safetensors")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"quantization_config": said}))
    tokenizer = load_weights(write_gguf(tmp_path / "tiny.gguf", tiny_network("qwen2"))).tokenizer
    tokenizer.save_pretrained(folder)
    return folder, meant


def load(folder, weights="auto"):
    return load_weights(folder, weights=weights, dtype="float32", device="cpu")


@pytest.mark.parametrize(
    "options",
    [
        {"symmetric": True},
        {},
        {"bits": 2},
        {"bits": 8, "symmetric": True},
        {"group": -1},
        {"group": 64, "intermediate_size": 128, "more": {"checkpoint_format": "gptq_v2"}},
        {"mixed_up": True},
        {"method": "awq", "more": {"version": "GEMM", "zero_point": True}},
    ],
    ids=str,
)
def test_weights_are_those_that_were_packed(cache, tmp_path, options):
    folder, meant = stored(tmp_path, **options)
    mine, whole = load(folder), load(folder, "expanded")
    assert (mine.weights, mine.note, whole.weights, whole.note) == ("packed", "", "expanded", "")
    kind = PermutedLinear if options.get("mixed_up") else PackedLinear
    for name, expected in meant.items():
        module = mine.network.get_submodule(name)
        assert isinstance(module, kind)
        assert torch.allclose(module.weight, expected, rtol=1e-6, atol=0)
        assert torch.allclose(whole.network.get_submodule(name).weight, expected, rtol=1e-6, atol=0)
    stock = whole.network(PROMPT).logits
    found = mine.network(PROMPT).logits
    assert float((found - stock).norm()) <= 0.1 * float((stock - stock.mean()).norm())
    model = Model(mine)
    with model.session() as session:
        assert float((session.logits(PROMPT[0]) - found[0]).norm()) <= 0.1 * float(
            (stock - stock.mean()).norm()
        )


def test_what_no_block_holds_stays_expanded_or_is_refused(cache, tmp_path):
    folder, meant = stored(tmp_path, bits=8)
    mine = load(folder)
    assert mine.note.startswith("14 of its matrices stay expanded, model.layers.")
    assert all(torch.equal(mine.network.get_submodule(name).weight, each) for name, each in meant.items())
    with pytest.raises(UnsupportedModel, match=r"without loss: its numbers reach from -.*weights='expanded'"):
        load(folder, "packed")
    with pytest.raises(UnsupportedModel, match="weights='int4' would round a second time"):
        load(folder, "int4")


@pytest.mark.parametrize(
    ("said", "error", "match"),
    [
        ({"bits": 3}, UnsupportedModel, "gptq weights have 3 bits, and 2 or 4 or 8 are read; take the model"),
        ({"bits": "4"}, UnsupportedModel, "have 4 bits"),
        ({"group_size": 0}, CorruptModel, "says group_size=0, allowed are -1 and 1 or more"),
        ({"group_size": 7}, CorruptModel, "'g_idx'|groups"),
        (
            {"checkpoint_format": "marlin"},
            UnsupportedModel,
            "stored as 'marlin', and gptq and gptq_v2 are read",
        ),
        ({"pack_dtype": "int64"}, UnsupportedModel, "packs numbers into 'int64', and int32 is read"),
        ({"quant_method": "awq", "version": "gemv"}, UnsupportedModel, "stored as 'gemv', and gemm are read"),
        ({"quant_method": "awq", "bits": 8}, UnsupportedModel, "awq weights have 8 bits, and 4 are read"),
        ({"quant_method": "awq"}, CorruptModel, "'qweight' has shape"),
        ({"bits": 8}, CorruptModel, "'qweight' has shape"),
        (
            {"quant_method": "bitsandbytes"},
            UnsupportedModel,
            "quantized by 'bitsandbytes', which is not read here; take",
        ),
        ({"quant_method": "fp8"}, UnsupportedModel, "quantized by 'fp8'"),
        ({"quant_method": "mxfp4"}, UnsupportedModel, "quantized by 'mxfp4'"),
        ({"quant_method": "compressed-tensors"}, UnsupportedModel, "quantized by 'compressed-tensors'"),
        ({"quant_method": None}, UnsupportedModel, "quantized by 'None'"),
    ],
)
@pytest.mark.parametrize("weights", ["auto", "expanded"])
def test_what_a_config_claims_is_read_or_refused_by_name(cache, tmp_path, said, error, match, weights):
    folder, _ = stored(tmp_path)
    config = json.loads((folder / "config.json").read_text())
    config["quantization_config"] |= said
    (folder / "config.json").write_text(json.dumps(config))
    if said == {"group_size": 7}:
        tensors = load_file(folder / "model.safetensors")
        save_file(
            {name: each for name, each in tensors.items() if "g_idx" not in name},
            folder / "model.safetensors",
        )
    with pytest.raises(error, match=match) as caught:
        load(folder, weights)
    assert "\n" not in str(caught.value)
    assert ";" in str(caught.value)


LAYER = "model.layers.0.self_attn.q_proj"


def spoiled(name, change):
    def spoil(tensors):
        tensors[f"{LAYER}.{name}"] = change(tensors[f"{LAYER}.{name}"])

    return spoil


@pytest.mark.parametrize(
    "spoil",
    [
        lambda tensors: tensors.pop(f"{LAYER}.scales"),
        lambda tensors: tensors.pop(f"{LAYER}.qzeros"),
        lambda tensors: tensors.pop(f"{LAYER}.qweight"),
        lambda tensors: tensors.pop("model.norm.weight"),
        lambda tensors: tensors.pop(f"{LAYER}.bias"),
        lambda tensors: tensors.update({"model.layers.7.self_attn.q_proj.qweight": torch.zeros(2, 2)}),
        lambda tensors: tensors.update({"model.extra.weight": torch.zeros(2)}),
        lambda tensors: tensors.update({"model.norm.weight": torch.zeros(3)}),
        lambda tensors: tensors.update({"model.norm.weight": torch.zeros(64, dtype=torch.int32)}),
        spoiled("qweight", lambda each: each[:-1].contiguous()),
        spoiled("qweight", lambda each: each.flatten()),
        spoiled("qweight", lambda each: each.to(torch.int64)),
        spoiled("qzeros", lambda each: each[:, :-1].contiguous()),
        spoiled("qzeros", lambda each: each.float()),
        spoiled("scales", lambda each: each[:, :-1].contiguous()),
        spoiled("scales", lambda each: each.to(torch.int32)),
        spoiled("scales", lambda each: each.fill_(torch.nan)),
        spoiled("scales", lambda each: each[:0].contiguous()),
        spoiled("g_idx", lambda each: each + 90),
        spoiled("g_idx", lambda each: each - 90),
        spoiled("g_idx", lambda each: each.float()),
        spoiled("g_idx", lambda each: each[:-1].contiguous()),
    ],
)
def test_a_damaged_checkpoint_is_one_line(cache, tmp_path, spoil):
    folder, _ = stored(tmp_path)
    tensors = load_file(folder / "model.safetensors")
    spoil(tensors)
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(LongspanError) as caught:
        load(folder)
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)
    assert ";" in str(caught.value)
