"""Attention compiled on this machine: what it computes without the newest instructions, and where it cannot be had."""

import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from longspan.kernels import building, compiled, gathered, naive
from longspan.kernels.block_index import BlockIndex, Bundle
from longspan.kernels.blocks import attend_blocks

needs_compiler = pytest.mark.skipif(
    not any(map(shutil.which, ("c++", "g++", "clang++"))), reason="no C++ compiler"
)
WHOLE = {"scale": 0.25, "softcap": None, "bounds": None}


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """As on a machine where nothing has been built; returns what `library` then finds."""
    monkeypatch.setenv("LONGSPAN_CACHE", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    building.library.cache_clear()
    yield tmp_path / "compiled"
    building.library.cache_clear()


def case(dtype, rows=130, keys=200, block=16):
    generator = torch.Generator().manual_seed(0)
    query, key, value = (
        torch.randn(heads, count, 24, generator=generator).to(dtype)
        for heads, count in ((4, rows), (2, keys), (2, keys))
    )
    first, last = (keys - rows) // block, (keys - 1) // block
    own = torch.arange(first, last + 1)[:, None]
    visits = torch.arange(0, last, 2).expand(2, len(own), -1)
    columns = torch.arange(20, keys, 32).expand(1, len(own), -1)
    bundle = Bundle(rows=torch.arange(rows).flip(0)[None, None], columns=torch.tensor([[[24, 57, -1]]]))
    return (
        (query, key, value),
        BlockIndex(
            block=block,
            first=first,
            visits=visits.masked_fill(visits >= own, -1),
            columns=columns.masked_fill(columns >= own * block, -1),
            bundles=(bundle,),
        ),
    )


def close(mine, theirs, dtype):
    tolerance = {"atol": 2e-6, "rtol": 1e-5} if dtype is torch.float32 else {"atol": 0.02, "rtol": 0.02}
    assert_close(mine, theirs, **tolerance)


@needs_compiler
def test_here_it_is_compiled():
    assert compiled.library() is not None


@needs_compiler
def test_without_special_instructions_it_computes_the_same(fresh, monkeypatch):
    monkeypatch.setattr(building, "_FLAGS", tuple(flag for flag in building._FLAGS if "march" not in flag))
    for dtype in (torch.float32, torch.bfloat16):
        tensors, index = case(dtype)
        assert compiled.suits(*tensors)
        close(compiled.attend(*tensors, index, **WHOLE), gathered.attend(*tensors, index, **WHOLE), dtype)


@needs_compiler
def test_it_is_built_once(fresh):
    assert building.library("fused.cpp") is not None
    (built,) = fresh.iterdir()
    before = built.stat()
    building.library.cache_clear()
    assert building.library("fused.cpp") is not None
    assert [each.name for each in fresh.iterdir()] == [built.name]
    assert (built.stat().st_ino, built.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.fixture
def commands(monkeypatch):
    """What the compiler is asked meanwhile."""
    run = building.subprocess.run
    found = []

    def counted(command, **options):
        found.append(command)
        return run(command, **options)

    monkeypatch.setattr(building.subprocess, "run", counted)
    return found


@needs_compiler
def test_what_is_begun_ahead_is_waited_for_and_the_compiler_asked_once(fresh, commands):
    building.ahead("fused.cpp")
    assert building.library("fused.cpp") is not None
    assert len(list(fresh.iterdir())) == 1
    building.library.cache_clear()
    assert building.library("fused.cpp") is not None
    assert ["-dM" in each for each in commands] == [True, False]  # what it knows, and one build


@needs_compiler
def test_what_another_builds_is_waited_for(fresh, commands):
    """Locks hold between threads as they do between processes."""
    with ThreadPoolExecutor(4) as others:
        (built,) = set(others.map(building._file, ["fused.cpp"] * 4))
    assert built.exists()
    assert ["-o" in each for each in commands].count(True) == 1


@needs_compiler
def test_what_was_not_built_for_this_compiler_is_not_used(fresh, monkeypatch):
    assert building.library("fused.cpp") is not None
    monkeypatch.setattr(building, "_FLAGS", (*building._FLAGS, "-DOTHER"))
    building.library.cache_clear()
    assert building.library("fused.cpp") is not None
    assert len(list(fresh.iterdir())) == 2


def no_compiler(monkeypatch, folder):
    monkeypatch.setenv("PATH", "")


def a_compiler_that_fails(monkeypatch, folder):
    monkeypatch.setenv("CXX", "false")


def source_that_does_not_compile(monkeypatch, folder):
    monkeypatch.setattr(building, "_FLAGS", (*building._FLAGS, "-DTILE=0"))


def nowhere_to_keep_it(monkeypatch, folder):
    folder.write_text("a file where the folder should be")


@pytest.mark.parametrize(
    "trouble", [no_compiler, a_compiler_that_fails, source_that_does_not_compile, nowhere_to_keep_it]
)
def test_where_it_cannot_be_built_torch_does_the_work(fresh, monkeypatch, trouble, recwarn, capfd):
    trouble(monkeypatch, fresh)
    tensors, index = case(torch.float32)
    merge = attend_blocks(*tensors, index, scale=0.25)
    assert compiled.library() is None
    theirs = gathered.attend(*tensors, index, **WHOLE)
    assert all(map(torch.equal, merge.result(torch.float32), theirs))
    assert not list(recwarn)
    assert capfd.readouterr() == ("", "")
    assert fresh.is_file() or not fresh.exists() or not list(fresh.iterdir())


@needs_compiler
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_threads_change_nothing(dtype):
    tensors, index = case(dtype)
    results = []
    before = torch.get_num_threads()
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            results.append(compiled.attend(*tensors, index, **WHOLE))
    finally:
        torch.set_num_threads(before)
    assert all(map(torch.equal, *results))


@needs_compiler
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_views_are_read_where_they_lie(dtype):
    tensors, index = case(dtype)
    expected = compiled.attend(*tensors, index, **WHOLE)
    turned = [x.transpose(0, 1).contiguous().transpose(0, 1) for x in tensors]
    strided = [torch.stack((x, x), -1)[..., 0] for x in tensors]
    for views in (turned, strided):
        assert not any(x.is_contiguous() for x in views)
        assert all(map(torch.equal, compiled.attend(*views, index, **WHOLE), expected))


@needs_compiler
def test_large_scores_in_bf16_keep_their_weights():
    (query, key, value), index = case(torch.bfloat16)
    query, key = query * 8, key * 8 + 30
    mine = compiled.attend(query, key, value, index, **WHOLE)
    exact = gathered.attend(query.float(), key.float(), value.float(), index, **WHOLE)
    assert float(exact[1].abs().max()) > 500
    close(mine, exact, torch.bfloat16)


def test_what_it_does_not_know_is_left_to_torch():
    query, key, value = case(torch.float32)[0]
    assert not compiled.suits(query.half(), key.half(), value.half())
    assert not compiled.suits(query.bfloat16(), key, value)
    assert not compiled.suits(query.clone().requires_grad_(), key, value)
    assert not compiled.suits(query.to("meta"), key.to("meta"), value.to("meta"))


@needs_compiler
@given(
    st.tuples(st.integers(1, 2), st.integers(1, 3)),
    st.integers(1, 300),
    st.integers(1, 300),
    st.booleans(),
    st.integers(0, 999),
)
def test_dense_attention_is_its_formula(heads, rows, keys, causal, seed):
    generator = torch.Generator().manual_seed(seed)
    keys = rows if causal else keys
    query = torch.randn(heads[0] * heads[1], rows, 20, generator=generator)
    key, value = (torch.randn(heads[0], keys, 20, generator=generator) for _ in range(2))
    mask = torch.ones(rows, keys, dtype=torch.bool).tril() if causal else None
    expected = naive.attention(query, key, value, scale=0.3, mask=mask)
    found = compiled.attend_all(query, key, value, scale=0.3, causal=causal)
    for mine, theirs in zip(found, expected, strict=True):
        assert_close(mine, theirs, atol=1e-5, rtol=1e-5)
