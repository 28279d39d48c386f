"""The map of the field: its facts, searching it, and what implements each paper."""

import importlib
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from longspan import field as field_module
from longspan import registry
from longspan.cli import app as main
from longspan.cli.field import field
from longspan.cli.methods import methods
from longspan.evaluation.catalogue import FAMILIES, find, module_of
from longspan.evaluation.catalogue import tasks as all_tasks
from longspan.evaluation.task import TaskError
from longspan.extending.methods import METHODS
from longspan.field import KINDS, ROOMS, State, counts, credits, papers
from longspan.named import NAMED
from longspan.profiles.measure import MEASURES

ROOM_WORDS = {code.casefold() for code in ROOMS}
words = st.sampled_from(
    [word for paper in papers() for word in f"{paper.name} {paper.title}".casefold().split()]
)

app = typer.Typer()
app.command()(field)
app.command()(methods)


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "80"})
    assert result.exit_code == 0, result.output
    return result.output


def names(words: str, room: str | None = None) -> list[str]:
    return [paper.name for paper in papers(words, room)]


def test_the_facts_are_whole():
    found = papers()
    assert len(found) == len({paper.id for paper in found}) == 285
    assert (
        len({paper.name.lower() for paper in found}) == len({paper.title.lower() for paper in found}) == 285
    )
    assert {paper.room for paper in found} == set(ROOMS)
    assert all(text and text == text.strip() for paper in found for text in (paper.name, paper.title))
    assert [paper.id for paper in found] == sorted(paper.id for paper in found)


def test_every_word_must_occur_somewhere():
    assert names("yarn") == ["YaRN"]
    assert names("Middle lost") == ["Lost in the Middle"]
    assert names("yarn quest") == []
    assert names("∞bench") == ["InfiniteBench"]
    assert names("") == names(None) == [paper.name for paper in papers()]


@settings(deadline=None)
@given(words, words)
def test_more_words_find_fewer_papers_and_names_come_before_titles(first, second):
    assert set(names(f"{first} {second}")) <= set(names(first))
    in_name = [first in name.casefold() for name in names(first) if first not in ROOM_WORDS]
    assert in_name == sorted(in_name, reverse=True)


def test_the_best_match_comes_first():
    assert names("LongBench")[:2] == ["LongBench", "LongBench Pro"]
    assert names("quest")[0] == "Quest"


def test_a_room_can_be_searched_by_its_code_and_its_words():
    codes = {paper.room for paper in papers("diffusion language")}
    assert "DLM" in codes
    assert {paper.room for paper in papers(room="pos")} == {"POS"}
    assert "LongRoPE" in names("rope", "POS")
    with pytest.raises(ValueError, match="room='KVS' is not one of ARCH, ATT"):
        papers(room="kvs")


def test_a_paper_knows_the_parts_that_implement_it():
    quest = next(paper for paper in papers("quest") if paper.name == "Quest")
    assert quest.implemented == ("selector=quest",)
    assert quest.status == "selector=quest"
    assert quest.state == "in full"
    retrolm = next(paper for paper in papers("retrolm"))
    assert retrolm.state == "in part"
    assert retrolm.status == f"selector=retrolm; in part: {retrolm.missing}"
    assert "retriever" in retrolm.missing
    waiting = next(paper for paper in papers("voxtral"))
    assert waiting.implemented == ()
    assert waiting.status == waiting.state == "not yet"
    left = replace(waiting, reason="It is of no use.")
    assert (left.state, left.status) == ("left out", "left out: It is of no use.")


def key(title):
    return re.sub(r"\W", "", title.lower())


DECLARED = (
    [
        (f"{room}={card.name}", card.paper, card.field)
        for room in registry.ROOMS
        for card in registry.cards(room)
    ]
    + [(f"plan {each.name}", each.paper, each.field) for each in NAMED]
    + [
        (task.name, task.paper, {each.field for each in credits() if each.name in (task.name, task.family)})
        for task in all_tasks()
    ]
)
OTHER_TITLES = {
    ("positions=dca", 229),
    ("pattern=hip", 109),
    ("flow=rlm", 231),
    ("windows=pcw", 239),
    ("reasoner=inftythink", 198),
}
"""A report that made a method known, a paper that was renamed, one that stands in the map with its successor, one
that is in the map for what was found about it, and one that runs as another does."""


def test_a_part_names_the_paper_of_its_title():
    titles = {paper.id: paper.title for paper in papers()}
    cards = [(name, title, id) for name, title, ids in DECLARED if "=" in name or " " in name for id in ids]
    assert {(name, id) for name, title, id in cards if key(title) != key(titles[id])} == OTHER_TITLES


def test_no_part_forgets_the_paper_that_it_is_from():
    """A task and a plan count for the paper that they give as their source; of methods one must, not each piece."""
    ids = {key(paper.title): paper for paper in papers()}
    for name, title, declared in DECLARED:
        paper = ids.get(key(title))
        pieces = "=" in name and paper is not None and paper.parts
        assert paper is None or pieces or paper.id in declared, f"{name} does not count for {title}"


def test_a_paper_is_in_part_where_one_of_its_parts_says_what_is_missing(monkeypatch):
    facts = registry.card("selector", "quest")
    for card in (
        replace(facts, name="whole"),
        replace(facts, name="half", missing="The other half is absent."),
        replace(facts, name="third", missing="The other half is absent."),
    ):
        monkeypatch.setitem(registry._added["selector"], card.name, card)
    quest = next(paper for paper in papers("quest") if paper.name == "Quest")
    assert quest.implemented == ("selector=quest", "selector=whole", "selector=half", "selector=third")
    assert (quest.state, quest.missing) == ("in part", "The other half is absent.")


def test_what_is_missing_is_a_sentence():
    said = [each.missing for each in (*registry.cards(), *NAMED, *credits())]
    assert all(text.endswith(".") and ". " not in text for text in said if text)


def is_there(kind, name):
    """Whether a part without a card exists under the name that it is given credit for."""
    command = typer.main.get_command(main)
    match kind:
        case "task":
            return bool(find([name]))
        case "metric":
            return importlib.import_module(f"longspan.evaluation.metrics.{name}")
        case "profile":
            return name in MEASURES
        case "probe":
            return name in command.commands["probe"].commands
        case "recipe":
            return name in METHODS
        case "command":
            return name in command.commands
        case "flow" | "function":
            module, _, cls = name.rpartition(".")
            return hasattr(importlib.import_module(module), cls)


def test_every_credit_is_of_a_paper_and_of_a_part_that_are_there():
    known = {paper.id for paper in papers()}
    given = list(credits())
    assert len(set(given)) == len(given) > 40
    assert [each for each in given if each.field not in known or not is_there(each.kind, each.name)] == []
    assert {each.kind for each in given} == set(KINDS) - {"method", "plan"}
    with pytest.raises(TaskError):
        is_there("task", "longbench-f")
    assert not any(is_there(kind, "none") for kind in ("profile", "probe", "recipe", "command"))


def test_every_credit_is_gathered():
    """A module that gives credit is one that is looked into."""
    source = Path(field_module.__file__).parent
    giving = {
        path.relative_to(source)
        for path in source.rglob("*.py")
        if re.search(r"^CREDITS\b.*=", path.read_text("utf-8"), re.MULTILINE)
    }
    looked = {source / name.replace(".", "/") for name in field_module.CREDITED}
    looked |= {Path(module_of(family).__file__).with_suffix("") for family in FAMILIES}
    found = {source / path.with_suffix("") for path in giving}
    assert {path.parent if path.name == "__init__" else path for path in found} <= {
        path.parent if path.name == "__init__" else path for path in looked
    }


def test_each_kind_of_part_counts_for_its_paper():
    done = {paper.name: paper.implemented for paper in papers()}
    assert done["LongBench"] == ("longspan eval longbench", "longspan eval longbench-e")
    assert done["Semantic Grounding Index"] == ("longspan probe grounding",)
    assert done["NeedleChain + RoPE contraction"] == (
        "positions=rope-contraction",
        "longspan eval needlechain",
    )
    assert done["MInference"] == ("pattern=minference", "profile patterns")
    assert done["LongRoPE2"] == ("positions=longrope2", "longspan extend (longrope2)")
    assert done["ShadowKV"] == ("selector=shadowkv", "plan shadowkv")
    assert done["NoLiMa"] == ("metric effective", "longspan eval nolima")
    assert "flow=best-passages" in done["Retrieval meets long context"]
    assert done["RoPE base bounds"] == ("longspan check",)


def test_counts_are_of_papers_once_for_each_kind():
    found = papers()
    counted = counts(found)
    assert set(counted) == set(KINDS)
    for kind, by_state in counted.items():
        of_kind = [paper for paper in found if kind in [part.kind for part in paper.parts]]
        assert by_state == {
            state: [paper.state for paper in of_kind].count(state) for state in ("in full", "in part")
        }
        assert of_kind, f"no paper has a {kind}"
    assert counts([]) == {kind: {"in full": 0, "in part": 0} for kind in KINDS}


def test_the_command_prints_a_table_that_fits():
    printed = run("field", "longbench")
    assert max(map(len, printed.splitlines())) <= 80
    assert "\x1b" not in printed
    assert "LongBench Pro" in printed
    assert "not yet" in printed
    assert "…" not in printed
    assert run("field", "no-such-word") == "0 papers, 0 implemented in full, 0 in part\n"
    assert run("field", "retrolm").endswith("1 papers, 0 implemented in full, 1 in part\n")


def test_the_command_prints_json():
    record = json.loads(run("field", "quest", "--room", "kv", "--json"))[0]
    assert record == {
        "id": 228,
        "room": "KV",
        "name": "Quest",
        "title": "Quest: Query-Aware Sparsity for Efficient Long-Context LLM Inference",
        "parts": [{"kind": "method", "name": "selector=quest", "missing": ""}],
        "reason": "",
        "implemented": ["selector=quest"],
        "missing": "",
        "state": "in full",
    }


def test_the_command_counts_by_kind():
    found = papers(room="eval")
    record = json.loads(run("field", "--room", "eval", "--count", "--json"))
    assert record["papers"] == len(found) == sum(record[state] for state in get_args(State))
    assert record["kinds"] == counts(found)
    lines = run("field", "--room", "eval", "--count").splitlines()
    tasks = counts(found)["task"]
    assert [line.split() for line in lines if line.split()[:1] == ["task"]] == [
        ["task", *map(str, tasks.values())]
    ]
    assert lines[-1].startswith(f"{len(found)} papers, ")


def test_an_unknown_room_is_a_usage_error():
    result = CliRunner().invoke(app, ["field", "--room", "kvs"], env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert "room='KVS' is not one of ARCH, ATT" in result.output


def test_methods_are_listed_with_every_fact():
    printed = run("methods")
    lines = printed.splitlines()
    assert max(map(len, lines)) <= 80
    assert "…" not in printed
    for card in registry.cards():
        assert any(line.split()[:1] == [card.name] for line in lines)
        assert card.link in printed
    together = " ".join(printed.split())
    assert "in part: Its trained retriever" in together
    assert "2025; training: in the paper, not here" in together
    assert "2023; training: needed" in together
    assert "snapkv" not in run("methods", "--room", "selectors")


def test_methods_are_listed_as_json():
    records = json.loads(run("methods", "--room", "selector", "--json"))
    quest = next(record for record in records if record["name"] == "quest")
    facts = {"room", "name", "paper", "link", "year", "training", "trained", "changes", "field", "missing"}
    assert set(quest) == facts | {"target"}
    assert quest["room"] == "selector"
    assert quest["training"] is False
