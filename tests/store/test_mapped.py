"""Mapped files: real files in a folder of the test's own."""

import ctypes
import gc
import mmap
import multiprocessing
import time
from pathlib import Path

import pytest
import torch

from longspan.codecs.kivi import Kivi
from longspan.store.form import Plain
from longspan.store.layer import LayerStore
from longspan.store.ledger import Ledger
from longspan.store.mapped import MappedFile

linux = pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="reads /proc")


def mapping_of(address: int) -> str:
    """The line of /proc/self/maps that an address lies in, "" if there is none."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        start, _, stop = line.split()[0].partition("-")
        if int(start, 16) <= address < int(stop, 16):
            return line
    return ""


@pytest.mark.parametrize(
    "dtype", [torch.float32, torch.bfloat16, torch.float16, torch.int8, torch.uint8, torch.int32]
)
def test_a_tensor_holds_what_is_written_to_it(tmp_path, dtype):
    medium = MappedFile(str(tmp_path))
    one, two = (medium.empty((3, 5), torch.empty(0, dtype=dtype)) for _ in range(2))
    numbers = torch.arange(15).view(3, 5).to(dtype)
    one.copy_(numbers)
    two.zero_()
    assert one.dtype == dtype
    assert torch.equal(one, numbers)


@linux
def test_it_is_a_file_without_a_name_and_goes_with_the_last_view_of_it(tmp_path):
    tensor = MappedFile(str(tmp_path)).empty((1000, 3), torch.zeros(()))
    view, address = tensor[5:], tensor.data_ptr()
    assert str(tmp_path) in mapping_of(address)
    assert mapping_of(address).endswith("(deleted)")
    assert list(tmp_path.iterdir()) == []
    del tensor
    gc.collect()
    assert mapping_of(address) != ""
    view.zero_()
    del view
    gc.collect()
    assert str(tmp_path) not in mapping_of(address)


@linux
def test_no_file_stays_open(tmp_path):
    before = len(list(Path("/proc/self/fd").iterdir()))
    tensors = [MappedFile(str(tmp_path)).empty((10,), torch.zeros(())) for _ in range(20)]
    assert len(tensors) == 20
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_process_that_is_killed_leaves_nothing(tmp_path):
    processes = multiprocessing.get_context("fork")
    filled = processes.Event()

    def fill():
        tensor = MappedFile(str(tmp_path)).empty((1 << 20,), torch.zeros(())).fill_(1)
        filled.set()
        time.sleep(60)
        del tensor

    child = processes.Process(target=fill)
    child.start()
    try:
        assert filled.wait(60)
    finally:
        child.kill()
        child.join()
    assert list(tmp_path.iterdir()) == []


def test_nothing_needs_no_file():
    assert MappedFile("/nowhere").empty((0, 4), torch.zeros((), dtype=torch.bfloat16)).shape == (0, 4)


def test_a_folder_that_is_not_there_is_named_with_what_to_do(tmp_path):
    with pytest.raises(OSError, match=r"no file of 12 bytes in .*/missing: .*codec=mapped\(folder=\.\.\.\)"):
        MappedFile(str(tmp_path / "missing")).empty((3,), torch.zeros(()))


@linux
def test_a_disk_that_is_full_is_told_at_once_and_leaves_no_file(tmp_path):
    with pytest.raises(OSError, match=r"no file of 4,611,686,018,427,387,904 bytes in"):
        MappedFile(str(tmp_path)).empty((1 << 60,), torch.zeros(()))
    assert list(tmp_path.iterdir()) == []


def test_the_default_folder_is_the_one_that_tmpdir_names(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "missing"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    with pytest.raises(OSError, match="missing"):
        MappedFile().empty((3,), torch.zeros(()))
    monkeypatch.delenv("TMPDIR")
    assert MappedFile().empty((3,), torch.zeros(())).shape == (3,)


def pages_in_memory(tensor: torch.Tensor) -> int:
    flags = (ctypes.c_ubyte * (tensor.nbytes // mmap.PAGESIZE))()
    assert (
        ctypes.CDLL(None).mincore(ctypes.c_void_p(tensor.data_ptr()), ctypes.c_size_t(tensor.nbytes), flags)
        == 0
    )
    return sum(flag & 1 for flag in flags)


@linux
def test_prefetch_brings_pages_into_memory(tmp_path):
    medium = MappedFile(str(tmp_path))
    tensor = medium.empty((64 * mmap.PAGESIZE,), torch.zeros((), dtype=torch.uint8))
    if pages_in_memory(tensor):
        pytest.skip("the folder is in memory")
    medium.prefetch([tensor[: 32 * mmap.PAGESIZE], tensor[100:200]])
    until = time.monotonic() + 60
    while pages_in_memory(tensor) < 32 and time.monotonic() < until:
        time.sleep(0.01)
    assert pages_in_memory(tensor) >= 32
    assert not bool(tensor.any())


@pytest.mark.parametrize("form", [Plain(), Kivi(group_size=4, residual_length=8).form()])
def test_a_store_in_files_holds_what_a_store_in_memory_holds(tmp_path, form):
    ledgers = Ledger(), Ledger()
    here = LayerStore(2, form, ledgers[0])
    there = LayerStore(2, form, ledgers[1], medium=MappedFile(str(tmp_path)))
    generator = torch.Generator().manual_seed(0)
    for _ in range(9):
        keys, values = torch.randn(2, 2, 20, 8, generator=generator)
        for store in (here, there):
            store.append(keys, values)
    for store in (here, there):
        store.keep([torch.arange(0, 180, 2), torch.arange(90)])
        store.append(keys, values)
    for one, other in zip(here.vectors(), there.vectors(), strict=True):
        assert torch.equal(one, other)
    assert ledgers[0].offloaded == 0
    assert ledgers[1].offloaded > 0
    assert ledgers[1].held + ledgers[1].offloaded == ledgers[0].held
    there.release()
    assert ledgers[1].held == ledgers[1].offloaded == 0
