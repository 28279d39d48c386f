"""A GGUF file whose weights stay in its blocks is the same model, but for the rounding of tokens."""

from copy import deepcopy

import gguf
import pytest
import torch
from tiny_models import CONFIG, FAMILIES, tiny_network, write_gguf

from longspan.errors import ContextError, UnsupportedModel
from longspan.kernels import packed
from longspan.loading import load_weights
from longspan.loading.packed_modules import PackedEmbedding, PackedLinear
from longspan.loading.rounding import kind_of, rounded
from longspan.model import Model

KINDS = gguf.GGMLQuantizationType
PROMPT = torch.arange(3, 43)[None]
WIDE = {"hidden_size": 256, "intermediate_size": 512}

pytestmark = pytest.mark.skipif(not packed.suits(KINDS.Q8_0, 256), reason="there is no compiler here")


def load(path, weights="packed", **options):
    return load_weights(path, weights=weights, **{"dtype": "float32", "device": "cpu"} | options)


def made(tmp_path, family="llama", kind=KINDS.Q8_0, **changes):
    return write_gguf(tmp_path / "tiny.gguf", tiny_network(family, **WIDE, **changes), kind=kind)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("tied", [True, False])
def test_weights_are_those_of_the_expanded_network(cache, tmp_path, family, tied):
    path = made(tmp_path, family, tie_word_embeddings=tied, attention_bias=True)
    mine, whole = load(path).network, load(path, "expanded").network
    modules, expected = dict(mine.named_modules()), dict(whole.named_modules())
    for name, module in modules.items():
        if isinstance(module, PackedLinear | PackedEmbedding):
            assert torch.equal(module.weight, expected[name].weight), name
    for name, parameter in mine.named_parameters():
        assert not parameter.numel() or torch.equal(parameter, whole.get_parameter(name)), name
    assert not any(isinstance(each, torch.nn.Linear | torch.nn.Embedding) for each in modules.values())
    held = sum(each.nbytes for each in {id(each): each for each in mine.state_dict().values()}.values())
    assert held <= 1.1 * path.stat().st_size
    found, stock = mine(PROMPT).logits, whole(PROMPT).logits
    assert float((found - stock).norm()) <= 0.1 * float((stock - stock.mean()).norm())


@pytest.mark.parametrize("kind", [KINDS.Q4_0, KINDS.Q4_1, KINDS.Q5_0, KINDS.Q5_1, KINDS.Q8_0, KINDS.MXFP4])
def test_a_session_on_packed_weights_is_the_network_alone_and_beside_others(cache, tmp_path, kind):
    model = Model(load(made(tmp_path, kind=kind)))
    text = PROMPT[0]
    with model.session(chunk=16) as session:
        logits = session.logits(text)
    stock = model.network(PROMPT).logits[0]
    assert float((logits - stock).norm()) <= 0.1 * float((stock - stock.mean()).norm())
    with model.session() as one, model.session(size=2) as two:
        alone = [step.token for step in one.read(text).generate(max_new_tokens=12)]
        found = list(two.read([text, text]).generate(max_new_tokens=12))
    assert [step.token for step in found if step.sequence == 0] == alone
    assert [step.token for step in found if step.sequence == 1] == alone


def test_tokens_are_looked_up_in_any_shape(cache, tmp_path):
    path = made(tmp_path)
    mine, whole = (load(path, each).network.get_input_embeddings() for each in ("packed", "expanded"))
    ids = torch.tensor([[5, 5, 0], [len(mine.weight) - 1, 7, 5]])
    assert torch.equal(mine(ids), whole(ids))


def test_the_tokenizer_is_the_same(cache, tmp_path):
    path = made(tmp_path)
    mine, whole = (load(path, each).tokenizer for each in ("packed", "expanded"))
    for text in ("the and 12", "  \n\nThé<|im_end|>"):
        assert mine.encode(text) == whole.encode(text)
    assert mine.chat_template == whole.chat_template


def test_contexts_of_packed_and_expanded_weights_are_told_apart(cache, tmp_path):
    path = made(tmp_path)
    models = {each: Model(load(path, each)) for each in ("packed", "expanded")}
    named = []
    for form, model in models.items():
        with model.session() as session:
            session.read(PROMPT[0])
            named.append(session.name(PROMPT[0]))
            session.save(tmp_path / form)
    assert named[0] != named[1]
    with models["packed"].restore(tmp_path / "packed") as session:
        assert session.entries(0).lengths == [PROMPT.shape[1]] * 2
    for then, here in (("packed", "expanded"), ("expanded", "packed")):
        with pytest.raises(
            ContextError,
            match=f"with {then} weights and the model has {here} ones; load it with weights='{then}'",
        ):
            models[here].restore(tmp_path / then)


@pytest.mark.parametrize(
    ("kind", "form", "note"),
    [
        (KINDS.Q5_0, "packed", ""),
        (KINDS.TQ2_0, "expanded", "weights are expanded: there are no products with its blocks of TQ2_0"),
    ],
)
def test_auto_keeps_the_blocks_that_there_are_products_for(cache, tmp_path, monkeypatch, kind, form, note):
    monkeypatch.setattr(packed, "KINDS", packed.KINDS - {KINDS.TQ2_0})
    loaded = load(made(tmp_path, kind=kind), "auto")
    assert (loaded.weights, loaded.note) == (form, note)
    assert (cache / "converted").exists() == (form == "expanded")


def test_auto_expands_where_nothing_is_compiled_and_says_so(cache, tmp_path, monkeypatch):
    monkeypatch.setattr(packed, "suits", lambda kind, columns: False)
    loaded = load(made(tmp_path), "auto")
    assert loaded.weights == "expanded"
    assert "need a C++ compiler" in loaded.note


def test_packed_weights_are_on_the_cpu_alone(cache, tmp_path, monkeypatch):
    monkeypatch.setattr("longspan.loading.precision.resolve_device", lambda device: torch.device("cuda"))
    for weights in ("packed", "int8", "int4"):
        with pytest.raises(ValueError, match=f"weights='{weights}' are multiplied on the CPU, not on cuda"):
            load(tmp_path, weights)


def test_a_policy_that_looks_at_output_weights_sees_them(cache, tmp_path):
    model = Model(load(made(tmp_path)))
    with model.session("policy=criticalkv(budget=24,scorer=knorm)") as session:
        session.read(PROMPT[0])
        assert session.entries(0).lengths == [24, 24]


def test_what_cannot_be_packed_is_refused_with_the_way_out(cache, tmp_path, monkeypatch):
    monkeypatch.setattr(packed, "KINDS", packed.KINDS - {KINDS.TQ2_0})
    path = write_gguf(tmp_path / "tiny.gguf", tiny_network("llama", **WIDE), kind=KINDS.TQ2_0)
    with pytest.raises(UnsupportedModel, match=r"as TQ2_0, and products .* load it with weights='expanded'"):
        load(path)
    tiny_network("llama").save_pretrained(tmp_path / "folder")
    with pytest.raises(
        UnsupportedModel, match="holds floating weights, and weights='packed' keeps the blocks of a file"
    ):
        load(tmp_path / "folder")
    with pytest.raises(ValueError, match="weights='int3' is not one of"):
        load(path, "int3")


def test_packed_weights_do_not_learn(cache, tmp_path):
    network = load(made(tmp_path)).network
    with pytest.raises(RuntimeError, match="no gradients; load the model with weights='expanded'"):
        network(inputs_embeds=torch.randn(1, 3, CONFIG["hidden_size"] * 4, requires_grad=True))


# What is done with modules whose weights are not floating parameters.


@pytest.fixture
def network(cache, tmp_path):
    return load(made(tmp_path, tie_word_embeddings=True)).network


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_another_number_format_is_that_of_all_besides_the_blocks(network, dtype):
    before, packed_before = network(PROMPT).logits, network.lm_head.weights.packed.clone()
    logits = network.to(dtype)(PROMPT).logits
    assert logits.dtype is dtype
    assert {each.dtype for each in network.parameters()} == {dtype}
    assert torch.equal(network.lm_head.weights.packed, packed_before)
    assert float((logits.float() - before).norm()) <= 0.1 * float((before - before.mean()).norm())


def test_another_device_is_refused(network):
    with pytest.raises(RuntimeError, match="on the CPU, not on meta; load the model with weights='expanded'"):
        network.to("meta")


def test_a_copy_is_the_same_and_shares_what_was_shared(network):
    copied = deepcopy(network)
    assert torch.equal(copied(PROMPT).logits, network(PROMPT).logits)
    assert copied.lm_head.weights is copied.get_input_embeddings().weights is not network.lm_head.weights
    assert torch.equal(torch.compile(network, backend="eager")(PROMPT).logits, network(PROMPT).logits)


def test_a_state_is_taken_back_where_its_bytes_mean_the_same(network, tmp_path):
    other = load(made(tmp_path, tie_word_embeddings=True)).network
    with torch.no_grad():
        other.lm_head.weights.packed.zero_()
    other.load_state_dict(network.state_dict())
    assert torch.equal(other(PROMPT).logits, network(PROMPT).logits)
    q5 = load(made(tmp_path, kind=KINDS.Q5_0, tie_word_embeddings=True)).network
    with pytest.raises(RuntimeError):
        q5.load_state_dict(network.state_dict())
    state = network.state_dict()
    state["lm_head.weights._extra_state"] = state["lm_head.weights._extra_state"] + 1
    with pytest.raises(RuntimeError, match="another form here; load the model again from its files"):
        network.load_state_dict(state)


def test_saving_is_refused_with_the_next_step(network, tmp_path):
    with pytest.raises(
        UnsupportedModel, match="not saved again; copy the files that they came from, or load"
    ):
        network.save_pretrained(tmp_path / "saved")
    assert not (tmp_path / "saved").exists()


def test_a_network_without_any_other_parameter_has_a_format_and_a_device(cache, tmp_path):
    """OLMo's norms have no gains."""
    folder = tmp_path / "folder"
    tiny_network("olmo", **WIDE).save_pretrained(folder)
    load_weights(made(tmp_path)).tokenizer.save_pretrained(folder)
    model = Model(load(folder, "int8"))
    with model.session() as session:
        assert len(list(session.read(PROMPT[0]).generate(max_new_tokens=3))) == 3


# Blocks that are made here.


def stored(tmp_path, family="llama", dtype=torch.float32, **changes):
    folder = tmp_path / "folder"
    tiny_network(family, **WIDE | changes).to(dtype).save_pretrained(folder)
    load_weights(made(tmp_path)).tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.parametrize(("form", "steps"), [("int8", 254), ("int4", 15)])
@pytest.mark.parametrize("spread", [1.0, 1e-3, 1e-30, 3e3])
def test_no_weight_is_rounded_by_more_than_a_step(form, steps, spread):
    torch.manual_seed(0)
    x = torch.randn(48, 96) * spread
    x[0], x[1], x[2, 3] = 0, spread, 9 * spread
    kind = kind_of(form, outer=False)
    found = torch.from_numpy(gguf.dequantize(rounded(x, kind).numpy(), kind))
    groups = x.unflatten(1, (-1, 32))
    width = 2 * groups.abs().amax(-1) if form == "int8" else groups.amax(-1) - groups.amin(-1)
    apart = (found.unflatten(1, (-1, 32)) - groups).abs().amax(-1)
    # Half a step, the grid narrowed by a fifth, and what a half-precision scale and least value are off by.
    allowed = (
        (0.5 if form == "int8" else 0.1 * steps + 1) * width / steps + groups.abs().amax(-1) * 2**-9 + 1e-5
    )
    assert bool((apart <= allowed).all())
    assert torch.equal(found[0], x[0])


def test_four_bits_are_closer_than_those_of_the_reference():
    torch.manual_seed(0)
    x = torch.distributions.StudentT(5.0).sample((64, 256))
    kind = kind_of("int4", outer=False)
    mine, reference = (
        torch.from_numpy(gguf.dequantize(blocks, kind))
        for blocks in (rounded(x, kind).numpy(), gguf.quantize(x.numpy(), kind))
    )
    assert float((mine - x).norm()) < 0.95 * float((reference - x).norm())


@pytest.mark.parametrize("form", ["int8", "int4"])
@pytest.mark.parametrize(("dtype", "tied"), [(torch.float32, True), (torch.bfloat16, False)])
def test_blocks_are_made_of_a_folder(cache, tmp_path, form, dtype, tied):
    folder = stored(tmp_path, dtype=dtype, tie_word_embeddings=tied)
    mine, whole = load(folder, form), load(folder, "expanded").network
    modules = dict(mine.network.named_modules())
    assert (mine.weights, mine.note) == (form, "")
    outer, rounded_too = {"model.embed_tokens", "lm_head"}, {}
    for name, module in whole.named_modules():
        if isinstance(module, torch.nn.Linear | torch.nn.Embedding):
            stands_in = modules[name]
            kind = kind_of(form, outer=name in outer)
            expected = torch.from_numpy(gguf.dequantize(rounded(module.weight, kind).numpy(), kind))
            assert torch.equal(stands_in.weight, expected), name
            rounded_too[name] = expected
        elif hasattr(module, "inv_freq"):
            assert torch.equal(modules[name].inv_freq, module.inv_freq)
    for name, parameter in mine.network.named_parameters():
        assert not parameter.numel() or torch.equal(parameter, whole.get_parameter(name)), name
        assert parameter.untyped_storage().filename is None
    assert (modules["lm_head"].weights is modules["model.embed_tokens"].weights) == tied
    for name, expected in rounded_too.items():
        whole.get_submodule(name).weight.data = expected
    stock = whole(PROMPT).logits
    assert float((mine.network(PROMPT).logits - stock).norm()) <= 0.1 * float((stock - stock.mean()).norm())
    assert Model(mine).weights == form


def test_blocks_of_a_file_in_single_numbers_are_those_of_its_folder(cache, tmp_path):
    folder, path = stored(tmp_path), made(tmp_path, kind=KINDS.F32)
    of_folder, of_file = (load(each, "int4").network.state_dict() for each in (folder, path))
    assert of_folder.keys() == of_file.keys()
    assert all(torch.equal(of_folder[name], each) for name, each in of_file.items())


def test_blocks_are_not_rounded_a_second_time(cache, tmp_path):
    with pytest.raises(
        UnsupportedModel, match=r"as Q8_0, which weights='int4' would round a second time; load it"
    ):
        load(made(tmp_path), "int4")


def test_rows_that_no_block_divides_stay_expanded_and_are_named(cache, tmp_path):
    folder = stored(
        tmp_path, hidden_size=80, intermediate_size=96, num_attention_heads=5, num_key_value_heads=5
    )
    loaded = load(folder, "int8")
    down = [each for name, each in loaded.network.named_modules() if name.endswith("down_proj")]
    assert all(isinstance(each, PackedLinear) for each in down)
    assert loaded.note == "14 of its matrices stay expanded, model.embed_tokens first"
    assert Model(loaded).note == loaded.note
