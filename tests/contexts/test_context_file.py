"""A context's file: what is written is read again, and what is not what was written is refused."""

import multiprocessing
import time
from collections import UserDict

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from longspan.contexts import file as context_file
from longspan.contexts.file import read, write
from longspan.contexts.header import FORMAT, read_header
from longspan.errors import ContextError

DTYPES = [
    torch.float64,
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.float8_e4m3fn,
    torch.float8_e5m2,
    torch.int64,
    torch.int32,
    torch.int16,
    torch.int8,
    torch.uint64,
    torch.uint32,
    torch.uint16,
    torch.uint8,
    torch.bool,
]


def random_tensor(dtype, shape, seed=0):
    """Random bytes seen as numbers."""
    generator = torch.Generator().manual_seed(seed)
    high = 2 if dtype is torch.bool else 256
    data = torch.randint(high, (*shape, torch.empty((), dtype=dtype).itemsize), generator=generator)
    return data.to(torch.uint8).view(dtype).reshape(shape)


def as_bytes(tensor):
    return tensor.contiguous().flatten().view(torch.uint8).tolist()


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=8),
        st.tuples(st.sampled_from(DTYPES), st.lists(st.integers(0, 5), max_size=3)),
        max_size=5,
    ),
    st.dictionaries(st.text(max_size=4), st.text() | st.integers() | st.lists(st.floats(allow_nan=False))),
)
def test_what_is_written_is_read_again(tmp_path_factory, kinds, manifest):
    path = tmp_path_factory.mktemp("contexts") / "some.safetensors"
    kinds.pop("__metadata__", None)
    tensors = {name: random_tensor(dtype, shape) for name, (dtype, shape) in kinds.items()}
    write(path, tensors, manifest)
    found, said = read(path)
    assert said == read_header(path).manifest == manifest
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert (found[name].dtype, found[name].shape) == (tensor.dtype, tensor.shape)
        assert as_bytes(found[name]) == as_bytes(tensor)
    assert load_file(path).keys() == tensors.keys(), "others can read it too"


def test_views_are_written_without_what_lies_between(tmp_path, monkeypatch):
    monkeypatch.setattr(context_file, "_PIECE", 1 << 10)
    table = torch.arange(2 * 700 * 16, dtype=torch.float32).view(2, 700, 16)
    tensors = {"view": table[:, :650], "whole": table, "turned": table.transpose(0, 2)}
    write(tmp_path / "a", tensors, {})
    found, _ = read(tmp_path / "a")
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)
    assert (tmp_path / "a").stat().st_size < sum(tensor.nbytes for tensor in tensors.values()) + 1000


def test_tensors_begin_as_well_aligned_as_in_memory(tmp_path):
    tensors = {
        f"t{i}": torch.zeros(count, dtype=dtype)
        for i, (count, dtype) in enumerate(
            [(3, torch.uint8), (16, torch.float32), (5, torch.int64), (64, torch.int8), (7, torch.bfloat16)]
        )
    }
    write(tmp_path / "a", tensors, {})
    found, _ = read(tmp_path / "a")
    assert [found[name].data_ptr() % 64 for name in ("t1", "t3")] == [0, 0]
    assert all(tensor.data_ptr() % tensor.itemsize == 0 for tensor in found.values())


def test_only_the_user_may_read_it(tmp_path):
    write(tmp_path / "a", {}, {})
    assert (tmp_path / "a").stat().st_mode & 0o077 == 0


def test_what_is_done_to_a_tensor_is_not_done_to_the_file(tmp_path):
    write(tmp_path / "a", {"t": torch.zeros(1000)}, {})
    found, _ = read(tmp_path / "a")
    found["t"].fill_(1.0)
    again, _ = read(tmp_path / "a")
    assert not again["t"].any()


# Damage.


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "saved.safetensors"
    write(path, {"a": random_tensor(torch.int8, (300,)), "b": random_tensor(torch.float32, (5, 7))}, {"x": 1})
    return path


def test_a_file_cut_off_anywhere_is_refused(saved):
    whole = saved.read_bytes()
    for length in range(len(whole)):
        saved.write_bytes(whole[:length])
        with pytest.raises(ContextError, match=r"is damaged: it|is no saved context"):
            read_header(saved)
        with pytest.raises(ContextError):
            read(saved)


def test_any_altered_byte_is_found(saved):
    whole = saved.read_bytes()
    for place in range(len(whole)):
        for flip in (1, 0x80):
            altered = bytearray(whole)
            altered[place] ^= flip
            saved.write_bytes(altered)
            with pytest.raises(ContextError, match="; "):
                read(saved)


def test_bytes_added_or_exchanged_are_found(saved):
    whole = saved.read_bytes()
    for altered in (whole + b"\0", whole[:-8] + whole[-4:] + whole[-8:-4], whole[:-64] + whole[:64]):
        saved.write_bytes(altered)
        with pytest.raises(ContextError, match="is damaged"):
            read(saved)


def test_another_format_is_refused_with_both_numbers(saved):
    old, new = (f'"version":"{number}"'.encode() for number in (FORMAT, FORMAT + 1))
    saved.write_bytes(saved.read_bytes().replace(old, new))
    with pytest.raises(ContextError, match=rf"has format '{FORMAT + 1}', this longspan reads {FORMAT}; read"):
        read(saved)


@given(st.binary(max_size=200))
def test_any_other_file_is_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("contexts") / "other"
    path.write_bytes(content)
    with pytest.raises(ContextError):
        read(path)


def test_a_header_of_nonsense_is_refused(tmp_path):
    path = tmp_path / "other"
    start = (
        '{"__metadata__":{"checksum":"' + "0" * 64 + '","format":"longspan context","version":"3","manifest":'
    )
    for rest in (
        '"{}"},"a":7}',
        "7}}",
        '"[]"}}',
        '"{}"},"a":{"data_offsets":[0,"9"]}}',
        '"' + "[" * 9999 + '"}}',
    ):
        text = (start + rest).encode()
        path.write_bytes(len(text).to_bytes(8, "little") + text)
        with pytest.raises(ContextError, match="is damaged"):
            read(path)


def test_another_safetensors_file_is_refused(tmp_path):
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(3)}, tmp_path / "weights")
    with pytest.raises(ContextError, match="is no saved context; give"):
        read(tmp_path / "weights")


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(ContextError, match=r"no saved context .*; make it with session\.save"):
        read(tmp_path / "none")
    with pytest.raises(ContextError, match="cannot be read"):
        read(tmp_path)


# Killed while saving.


class Slow(UserDict):
    """Tensors of which one never comes while the file is written."""

    def __init__(self, tensors, path, stops_at, waiting):
        super().__init__(tensors)
        self.path, self.stops_at, self.waiting = path, stops_at, waiting

    def __getitem__(self, name):
        if name == self.stops_at and any(self.path.parent.glob(".longspan-*.partial")):
            self.waiting.set()
            time.sleep(600)
        return self.data[name]


@pytest.mark.parametrize(("name", "before"), [("a", False), ("c", True), ("d", False)])
def test_killed_while_saving_nothing_is_half_there(tmp_path, name, before):
    path = tmp_path / "context.safetensors"
    if before:
        write(path, {"old": torch.ones(3)}, {"old": True})
    processes = multiprocessing.get_context("fork")
    waiting = processes.Event()
    tensors = {each: torch.full((1 << 18,), float(number)) for number, each in enumerate("abcd")}
    child = processes.Process(target=write, args=(path, Slow(tensors, path, name, waiting), {}))
    child.start()
    try:
        assert waiting.wait(60)
        partial = [each for each in tmp_path.iterdir() if each != path]
        assert len(partial) == 1
        assert path.exists() == before
    finally:
        child.kill()
        child.join()
    assert path.exists() == before
    if before:
        assert read(path)[1] == {"old": True}
    assert partial[0].exists()
    write(path, {"new": torch.ones(3)}, {"new": True})
    assert read(path)[1] == {"new": True}
    assert list(tmp_path.iterdir()) == [path], "what the killed process left is swept away"


def test_a_save_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "context.safetensors"
    write(path, {"old": torch.ones(3)}, {"old": True})
    with pytest.raises(KeyError):
        write(path, {"a": torch.ones(3), "b": torch.ones(3, dtype=torch.complex64)}, {})
    with pytest.raises(TypeError):
        write(path, {}, {"no": {1, 2}})
    assert read(path)[1] == {"old": True}
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ContextError, match=r"cannot be saved as .*; free some space or give another path"):
        write(tmp_path / "file" / "context", {}, {})
    (tmp_path / "folder").mkdir()
    with pytest.raises(ContextError, match="cannot be saved"):
        write(tmp_path / "folder", {}, {})
    assert sorted(each.name for each in tmp_path.iterdir()) == ["file", "folder"]
