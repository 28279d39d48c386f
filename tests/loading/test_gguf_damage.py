"""Whatever is in a file called .gguf, reading it ends soon and in one clear line."""

import os
import struct
import tempfile
from pathlib import Path

import gguf
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tiny_models import tiny_network, write_gguf

from fuzzing import inputs
from ggufs import LIST, TEXT, Entry, Gguf
from longspan.errors import CorruptModel, ModelNotFound, UnsupportedModel
from longspan.loading import load_weights
from longspan.loading.gguf_config import config_of
from longspan.loading.gguf_header import read_header
from timing import processor_seconds

FILE_FIXTURES = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


class Whole:
    """An undamaged file; `header` is about the length of everything before the tensors' values."""

    def __init__(self, folder):
        path = write_gguf(folder / "tiny.gguf", tiny_network("llama"), kind=gguf.GGMLQuantizationType.Q8_0)
        self.content = path.read_bytes()
        self.header = self.content.rindex(b"output_norm.weight") + 100
        self.last = max(tensor.start + tensor.size for tensor in read_header(path).tensors.values())

    def with_changes(self, changes):
        content = bytearray(self.content)
        for place, value in changes.items():
            content[int(place * self.header)] = value
        return bytes(content)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return Whole(tmp_path_factory.mktemp("damage"))


def complaint(path, error):
    """The message of the error that reading the file ends in, checked to be one line."""
    with pytest.raises(error) as caught:
        config_of(read_header(path))
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    assert ";" in message
    return message


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not a GGUF file"),
        (b"GG", "not a GGUF file"),
        (b"PK\x03\x04" + bytes(100), "not a GGUF file"),
        (b"GGUF", "header ends at byte 4 of 4"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 0), "does not name its architecture"),
        (b"GGUF" + struct.pack("<IQQ", 3, 2**63, 2**63), "header ends"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 1, 1, 2**64 - 1), "header ends"),
        (b"GGUF" + struct.pack("<IQQQ1sIIQ", 3, 0, 1, 1, b"k", 9, 0, 2**62) + bytes(99), "header ends"),
        (b"GGUF" + struct.pack("<IQQQ1sIIQ", 3, 0, 1, 1, b"k", 9, 9, 2**62) + bytes(99), "array of arrays"),
        (b"GGUF" + struct.pack("<IQQQ1sI", 3, 0, 1, 1, b"k", 77), "unknown type 77"),
        (b"GGUF" + struct.pack("<IQQQ1sI", 3, 0, 1, 1, b"\xff", 4) + bytes(4), "not UTF-8"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 2) + struct.pack("<Q1sIB", 1, b"k", 0, 1) * 2, "comes twice"),
        (b"GGUF" + struct.pack("<IQQQ1sI", 3, 1, 0, 1, b"t", 9), "9 dimensions"),
        (b"GGUF" + struct.pack("<IQQQ1sIQIQ", 3, 1, 0, 1, b"t", 1, 0, 0, 0), "0 values"),
        (
            b"GGUF" + struct.pack("<IQQQ1sIQIQ", 3, 1, 0, 1, b"t", 1, 33, 8, 0),
            "33 values, not a multiple of 32",
        ),
        (b"GGUF" + struct.pack("<IQQQ1sIQIQ", 3, 1, 0, 1, b"t", 1, 2**40, 0, 0), "cut short"),
        (b"GGUF" + struct.pack("<IQQQ17sII", 3, 0, 1, 17, b"general.alignment", 4, 0), "power of two"),
    ],
)
def test_each_kind_of_damage_is_named(tmp_path, content, said):
    path = tmp_path / "damaged.gguf"
    path.write_bytes(content)
    complaints = []
    assert processor_seconds(lambda: complaints.append(complaint(path, CorruptModel))) < 1
    assert said in complaints[0]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"GGUF" + struct.pack("<IQQ", 1, 0, 0), "version 1"),
        (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "big-endian"),
        (b"GGUF" + struct.pack("<IQQQ1sIQIQ", 3, 1, 0, 1, b"t", 1, 32, 999, 0), "number 999"),
        (
            b"GGUF" + struct.pack("<IQQQ20sIQ6s", 3, 0, 1, 20, b"general.architecture", 8, 6, b"falcon"),
            "'falcon'",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(tmp_path, content, said):
    path = tmp_path / "other.gguf"
    path.write_bytes(content)
    assert said in complaint(path, UnsupportedModel)


@settings(max_examples=200, deadline=None, suppress_health_check=FILE_FIXTURES)
@given(keep=st.floats(0, 1, exclude_max=True))
def test_a_file_cut_anywhere_is_damaged(whole, tmp_path, keep):
    path = tmp_path / "cut.gguf"
    path.write_bytes(whole.content[: int(keep * whole.last)])
    complaint(path, CorruptModel)


CHANGES = st.dictionaries(st.floats(0, 1), st.integers(0, 255), min_size=1, max_size=4)


@settings(max_examples=400, deadline=None, suppress_health_check=FILE_FIXTURES)
@given(changes=CHANGES)
def test_changed_bytes_in_the_header_are_harmless(whole, tmp_path, changes):
    """Either they do not matter, or there is one clear line."""
    path = tmp_path / "changed.gguf"
    path.write_bytes(whole.with_changes(changes))
    try:
        config_of(read_header(path))
    except (CorruptModel, UnsupportedModel) as error:
        assert "\n" not in str(error)  # noqa: PT017


@settings(max_examples=20, deadline=None, suppress_health_check=FILE_FIXTURES)
@given(changes=CHANGES)
@example(changes={0.0: 0})
def test_loading_a_changed_file_loads_or_ends_in_one_line(whole, tmp_path, monkeypatch, changes):
    folder = Path(tempfile.mkdtemp(dir=tmp_path))
    monkeypatch.setenv("LONGSPAN_CACHE", str(folder))
    path = folder / "changed.gguf"
    path.write_bytes(whole.with_changes(changes))
    try:
        load_weights(path, dtype="float32")
    except (CorruptModel, UnsupportedModel) as error:
        assert "\n" not in str(error)  # noqa: PT017
        assert not list(folder.glob("converted/*"))


@settings(max_examples=100, deadline=None, suppress_health_check=FILE_FIXTURES)
@given(content=st.binary(max_size=400))
def test_random_bytes_after_the_magic_are_damaged_or_refused(tmp_path, content):
    path = tmp_path / "random.gguf"
    path.write_bytes(b"GGUF" + struct.pack("<I", 3) + content)
    with pytest.raises((CorruptModel, UnsupportedModel)):
        config_of(read_header(path))


def test_missing_and_misshapen_tensors_are_named(tmp_path, cache):
    path = write_gguf(tmp_path / "tiny.gguf", tiny_network("qwen2"), without=("blk.1.ffn_up.weight",))
    with pytest.raises(CorruptModel, match=r"blk\.1\.ffn_up\.weight' is missing"):
        load_weights(path)
    network = tiny_network("qwen2")
    network.config.intermediate_size = 128
    path = write_gguf(tmp_path / "tiny.gguf", network)
    with pytest.raises(CorruptModel, match="has shape"):
        load_weights(path)


def test_impossible_numbers_in_the_metadata_are_named(tmp_path, cache):
    path = tmp_path / "tiny.gguf"
    content = write_gguf(path, tiny_network("qwen2")).read_bytes()
    key = b"qwen2.block_count" + struct.pack("<I", 4)
    place = content.index(key) + len(key)
    path.write_bytes(content[:place] + struct.pack("<I", 2**30) + content[place + 4 :])
    assert "1,073,741,824 layers" in complaint(path, CorruptModel)


@pytest.fixture(scope="module")
def fields(tmp_path_factory):
    """An undamaged file, field by field."""
    path = write_gguf(tmp_path_factory.mktemp("fields") / "tiny.gguf", tiny_network("llama"))
    return path, {name: weight.clone() for name, weight in tiny_network("llama").state_dict().items()}


VALUES, ROPE = "tokenizer.ggml.", "llama.rope."
U8, U32, I32, F32, BOOL = 0, 4, 5, 6, 7


def last(file):
    return file.tensors[-1]


def moved(file, place):
    file.tensors[3].offset = place
    return file


@pytest.mark.parametrize(
    ("lie", "said"),
    [
        (lambda file: moved(file, 0), "lies at byte 0 of the weights"),
        (lambda file: moved(file, 2**64 - 1), "cut short"),
        (lambda file: setattr(file, "tensor_count", len(file.tensors) - 1), "belong to no tensor"),
        (lambda file: setattr(file, "tensor_count", 2**60), "damaged"),
        (lambda file: setattr(file, "metadata_count", 2**60), "header ends"),
        (lambda file: setattr(last(file), "sizes", [2**62, 2**62]), "cut short"),
        (lambda file: setattr(last(file), "sizes", [64, 269, 1, 0]), "belong to no tensor"),
        (lambda file: setattr(file.tensors[1], "kind", 1), "lies at byte"),
        (lambda file: file.set(ROPE + "scaling.type", LIST, (TEXT, ["yarn"])), "a single value was expected"),
        (lambda file: file.set("llama.attention.scale", LIST, (F32, [2.0])), "a single value was expected"),
        (
            lambda file: file.set("general.architecture", LIST, (TEXT, ["llama"])),
            "a single value was expected",
        ),
        (lambda file: file.set("x", LIST, (U8, b"\0" * (2**22 + 1))), "lists 4,19"),
        (lambda file: file.set("llama.block_count", U32, 5000), "5,000 layers, allowed are 1,000"),
        (lambda file: file.set(ROPE + "freq_base", F32, 0.0), "frequencies from"),
        (lambda file: file.set(ROPE + "freq_base", F32, float("nan")), "is nan"),
        (lambda file: file.set(ROPE + "scaling.factor", F32, 1e-30), "frequencies from"),
        (lambda file: file.set(VALUES + "tokens", LIST, (U8, [1] * 269)), "holds no texts"),
        (lambda file: file.set(VALUES + "tokens", U32, 3), "it names 0 tokens"),
        (
            lambda file: file.set(VALUES + "token_type", LIST, (I32, [1] * 5)),
            "5 values of 'token_type' for 269",
        ),
        (lambda file: file.set(VALUES + "token_type", LIST, (F32, [1.0] * 269)), "holds no whole numbers"),
        (lambda file: file.set(VALUES + "scores", LIST, (F32, [1.0])), "1 values of 'scores'"),
        (lambda file: file.set(VALUES + "merges", U32, 3), "a list was expected"),
        (lambda file: file.set(VALUES + "merges", LIST, (TEXT, ["t h e"])), "'t h e' is not two parts"),
        (lambda file: file.set(VALUES + "merges", LIST, (TEXT, ["zz qq"])), "zz"),
        (lambda file: file.drop(VALUES + "merges"), "no merges"),
        (lambda file: file.set(VALUES + "bos_token_id", U32, 269), "is 269 and it names 269 tokens"),
        (lambda file: file.set(VALUES + "unknown_token_id", I32, -1), "token id 'unknown' is -1"),
        (lambda file: file.set(VALUES + "eot_token_id", LIST, (U32, [1])), "a single value was expected"),
        (lambda file: file.set(VALUES + "add_bos_token", TEXT, "false"), "allowed are true and false"),
        (lambda file: file.set("tokenizer.chat_template", U32, 1), "no text"),
    ],
)
def test_a_field_that_lies_is_named(fields, tmp_path, cache, lie, said):
    file = Gguf.read(fields[0])
    lie(file)
    with pytest.raises(CorruptModel) as caught:
        load_weights(file.write(tmp_path / "lie.gguf"), dtype="float32")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(("download it again", "download the model again"))
    assert not list(cache.glob("converted/*/model*")) or "frequencies" in said


@pytest.mark.parametrize(
    ("lie", "said"),
    [
        (lambda file: file.set("llama.attention.causal", BOOL, False), "tokens see those behind them"),
        (lambda file: file.set("llama.attn_logit_softcapping", F32, 30.0), "attn_logit_softcapping"),
        (lambda file: file.set(VALUES + "model", TEXT, "bert"), "of the kind 'bert'"),
        (lambda file: file.set(VALUES + "pre", TEXT, "unheard-of"), "'unheard-of'"),
        (lambda file: file.tensors.append(Entry("more.weight", [8], 0, bytes(32))), "has no place for"),
    ],
)
def test_what_a_model_does_besides_is_refused(fields, tmp_path, cache, lie, said):
    file = Gguf.read(fields[0])
    lie(file)
    with pytest.raises(UnsupportedModel, match=said):
        load_weights(file.write(tmp_path / "more.gguf"), dtype="float32")


def test_only_a_file_is_read(tmp_path):
    os.mkfifo(tmp_path / "pipe.gguf")
    with pytest.raises(ModelNotFound, match="neither a folder nor a"):
        load_weights(tmp_path / "pipe.gguf")


@inputs(25)
@given(data=st.data())
def test_whatever_the_list_of_tensors_says_the_weights_are_the_same_or_refused(fields, data):
    """Counts and the entries of tensors are changed at any byte, cut and doubled; metadata stays as it is."""
    path, weights = fields
    whole = path.read_bytes()
    start = whole.index(b"\0\0\0token_embd.weight") - 5
    stop = min(tensor.start for tensor in read_header(path).tensors.values())
    changed = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.one_of(st.integers(8, 23), st.integers(start, stop - 1)))
        kind = data.draw(st.sampled_from(["bit", "byte", "cut", "double"]))
        if kind == "bit":
            changed[place] ^= 1 << data.draw(st.integers(0, 7))
        elif kind == "byte":
            changed[place] = data.draw(st.integers(0, 255))
        elif kind == "cut":
            del changed[place : place + data.draw(st.integers(1, 40))]
        else:
            changed[place:place] = changed[place : place + data.draw(st.integers(1, 40))]
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("LONGSPAN_CACHE", folder)
        (file := Path(folder) / "changed.gguf").write_bytes(changed)
        try:
            network = load_weights(file, dtype="float32").network
        except (CorruptModel, UnsupportedModel) as error:
            assert "\n" not in str(error)  # noqa: PT017
            assert ";" in str(error)  # noqa: PT017
        else:
            assert all(torch.equal(weight, weights[name]) for name, weight in network.state_dict().items())
