"""The folder of contexts: listing, finding, removing, pruning by last use."""

import os
from copy import deepcopy
from dataclasses import asdict

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from longspan.contexts import folder
from longspan.contexts.about import About
from longspan.contexts.digest import context_name
from longspan.contexts.file import write
from longspan.contexts.origin import Origin
from longspan.errors import ContextError
from tiny import tiny_network, tiny_tokenizer

ABOUT = About(
    model="tiny", dtype="float32", plan="", documents=["a.txt"], tokens=[7], read_seconds=1.5, longspan="0"
)


def saved(name, *, size=1000, used=0.0):
    path = folder.place(name)
    write(path, {"t": torch.zeros(size, dtype=torch.uint8)}, {"about": asdict(ABOUT)})
    os.utime(path, (used, used))
    return path


def test_contexts_are_listed_last_used_first():
    assert folder.entries() == []
    paths = [saved(name, used=used) for name, used in (("aa", 10), ("bb", 30), ("cc", 20))]
    assert [entry.name for entry in folder.entries()] == ["bb", "cc", "aa"]
    folder.used(paths[0])
    first = folder.entries()[0]
    assert (first.name, first.path, first.about, first.problem) == ("aa", paths[0], ABOUT, "")
    assert first.bytes == paths[0].stat().st_size


def test_a_damaged_context_is_listed_with_its_problem():
    path = saved("aa")
    path.write_bytes(path.read_bytes()[:-5])
    (entry,) = folder.entries()
    assert entry.about is None
    assert "is damaged" in entry.problem
    write(folder.place("aa"), {}, {"about": {"model": 3}})
    (entry,) = folder.entries()
    assert "its manifest" in entry.problem


@pytest.mark.parametrize("field", list(asdict(ABOUT)))
def test_a_manifest_that_says_something_else_is_a_problem(field):
    with pytest.raises(ValueError, match="its manifest"):
        About.of({"about": asdict(ABOUT) | {field: {"a": None}}})
    with pytest.raises(ValueError, match="its manifest"):
        About.of({"about": asdict(ABOUT) | {"more": 1}})
    with pytest.raises(ValueError, match="its manifest"):
        About.of({})


def test_a_context_is_found_by_how_its_name_begins():
    for name in ("abc", "abd", "x", "xy"):
        saved(name)
    assert folder.find("abc").name == "abc"
    assert folder.find("x").name == "x", "a whole name, though another begins with it"
    with pytest.raises(ContextError, match="2 saved contexts begin with 'ab'; give more"):
        folder.find("ab")
    for unknown in ("", "q", "*", "../x", "/", "."):
        with pytest.raises(ContextError, match=r"no saved context .*; see 'longspan cache list'"):
            folder.find(unknown)


def test_a_whole_context_passes_the_check_and_an_altered_one_does_not():
    path = saved("aa")
    folder.check(folder.find("aa"))
    content = bytearray(path.read_bytes())
    content[-500] ^= 1
    path.write_bytes(content)
    with pytest.raises(ContextError, match="is damaged"):
        folder.check(folder.find("aa"))


def test_removing_takes_one_and_says_what_it_freed():
    saved("aa")
    path = saved("bb")
    size = path.stat().st_size
    assert folder.remove(folder.find("bb")) == size
    assert [entry.name for entry in folder.entries()] == ["aa"]


@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(1, 100)), max_size=6), st.integers(0, 20_000))
def test_pruning_deletes_what_was_not_used_for_longest_and_no_more(contexts, limit):
    folder.prune(0)
    assert folder.entries() == []
    for number, (size, used) in enumerate(contexts):
        saved(str(number), size=size, used=used)
    before = folder.entries()
    gone = folder.prune(limit)
    left = folder.entries()
    assert before == left + gone[::1]
    assert sum(entry.bytes for entry in left) <= limit
    if gone:
        assert sum(entry.bytes for entry in [*left, gone[0]]) > limit


def test_pruning_sweeps_what_was_never_finished():
    path = saved("aa")
    stray = path.with_name(".longspan-abc.partial")
    stray.write_bytes(b"half")
    assert [entry.name for entry in folder.entries()] == ["aa"]
    assert folder.prune(1 << 30) == []
    assert not stray.exists()
    assert path.exists()


def test_pruning_to_less_than_nothing_is_refused():
    with pytest.raises(ValueError, match="max_bytes=-1 is outside 0"):
        folder.prune(-1)


def test_contexts_lie_in_the_cache_unless_a_folder_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("LONGSPAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LONGSPAN_CONTEXTS")
    assert folder.entries() == []
    assert saved("aa").parent == tmp_path / "cache" / "contexts"
    monkeypatch.setenv("LONGSPAN_CONTEXTS", str(tmp_path / "mine"))
    assert folder.entries() == []
    assert saved("aa").parent == tmp_path / "mine"


# Names.

FACTS = {"model": {"weights": "a", "dtype": "float32"}, "plan": {}, "chunk": 8}
TOKENS = [[1, 2], [3]]


def test_equal_contexts_have_equal_names():
    name = context_name(FACTS, TOKENS)
    assert len(name) == 32
    assert context_name(dict(reversed(FACTS.items())), [list(each) for each in TOKENS]) == name


def test_whatever_differs_gives_another_name():
    others = [
        ({"model": {"weights": "b", "dtype": "float32"}}, TOKENS),
        ({"plan": {"codec": {"method": "int8"}}}, TOKENS),
        ({"chunk": 9}, TOKENS),
        ({"more": None}, TOKENS),
        ({}, [[1, 2, 3]]),
        ({}, [[1, 2], [3], []]),
        ({}, [[1], [2, 3]]),
        ({}, [[12], [3]]),
        ({}, []),
    ]
    names = {context_name(FACTS | facts, tokens) for facts, tokens in others}
    assert len(names | {context_name(FACTS, TOKENS)}) == len(others) + 1


def test_a_model_is_the_same_wherever_it_came_from():
    def origin(**changes):
        network = tiny_network("llama", **changes)
        network.config._name_or_path = str(changes)
        return Origin(network, tiny_tokenizer(), name="tiny", digest="a").identity

    assert origin() == origin()
    assert origin(rope_theta=5.0) != origin()
    half = tiny_network("llama").to(torch.bfloat16)
    found = Origin(half, tiny_tokenizer(), name="b", digest="a").identity
    assert {key for key, said in found.items() if said != origin()[key]} == {"dtype", "weights"}
    other = tiny_network("llama")
    other.lm_head.weight.data[0, 0] += 1  # as in a converted copy that was changed
    assert Origin(other, tiny_tokenizer(), name="tiny", digest="a").identity != origin()


@pytest.mark.parametrize(
    "change",
    [
        lambda network, name: network.get_parameter(name).data.view(-1)[-1:].add_(1e-3),
        lambda network, name: (
            network.get_parameter(name)
            .data.view(-1)[:2]
            .copy_(network.get_parameter(name).data.view(-1)[:2].flip(0))
        ),
        lambda network, name: network.get_submodule(name.rpartition(".")[0]).register_parameter(
            "lora", torch.nn.Parameter(torch.zeros(1))
        ),
        lambda network, name: network.get_submodule(name.rpartition(".")[0]).register_parameter(
            "weight", torch.nn.Parameter(network.get_parameter(name) * 2)
        ),
    ],
    ids=["one value", "two values change places", "an adapter beside it", "another parameter"],
)
@pytest.mark.parametrize("name", ["model.norm.weight", "model.layers.1.self_attn.k_proj.weight"])
def test_weights_that_changed_in_memory_have_no_identity(change, name):
    network = tiny_network("llama")
    with torch.no_grad():  # norms begin with ones, which could change places unseen
        network.get_parameter(name).view(-1)[0] = 0.5
    origin = Origin(network, tiny_tokenizer(), name="tiny", digest="a")
    assert origin.identity
    with torch.no_grad():
        change(network, name)
    with pytest.raises(ContextError, match="changed in memory since they were loaded; save"):
        _ = origin.identity


def test_a_network_in_another_number_format_has_no_identity():
    network = tiny_network("llama")
    origin = Origin(network, tiny_tokenizer(), name="tiny", digest="a")
    network.to(torch.bfloat16)
    with pytest.raises(
        ContextError, match=r"loaded in float32 and is in bfloat16 now; load it with dtype='bfloat16'"
    ):
        _ = origin.identity


def test_the_tokenizer_is_part_of_a_model_but_not_how_it_cut_text():
    network = tiny_network("llama")

    def identity(tokenizer):
        return Origin(network, tokenizer, name="tiny", digest="a").identity

    cut, other, templated = (deepcopy(tiny_tokenizer()) for _ in range(3))
    cut("lamp", truncation=True, max_length=3)
    other.add_tokens(["<|more|>"])
    templated.chat_template = "{{ messages[0].content }} and so on"
    assert identity(cut) == identity(tiny_tokenizer())
    assert len({identity(each)["tokenizer"] for each in (cut, other, templated)}) == 3
