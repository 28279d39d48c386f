"""The map of the field: its facts, searching it, and what implements each paper."""

import json
import re
from dataclasses import replace

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from longspan import registry
from longspan.cli import app as main
from longspan.cli.field import field
from longspan.cli.methods import methods
from longspan.evaluation.catalogue import find
from longspan.field import ROOMS, commands, papers

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


OTHER_TITLES = {("dca", 229), ("hip", 109)}
"""A report that made a method known, and a paper that was renamed."""


def test_a_card_names_the_paper_of_its_title():
    titles = {paper.id: paper.title for paper in papers()}
    named = [(card, id) for card in registry.cards() for id in card.field]
    other = {
        (card.name, id)
        for card, id in named
        if re.sub(r"\W", "", card.paper.lower()) != re.sub(r"\W", "", titles[id].lower())
    }
    assert other == OTHER_TITLES
    assert next(paper for paper in papers("s4", "arch") if paper.name == "S4").implemented == ()


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
    said = [card.missing for card in registry.cards()] + [missing for _, _, missing in commands()]
    assert all(text.endswith(".") and ". " not in text for text in said if text)


def test_a_command_that_implements_a_paper_is_one():
    known = {paper.id for paper in papers()}
    for id, command, _ in commands():
        program, name, *arguments = command.split()
        assert id in known
        assert program == "longspan"
        at = typer.main.get_command(main)
        for word in (name, *arguments):
            if word.startswith("--"):
                assert word in {option for each in at.params for option in each.opts}, command
            elif hasattr(at, "commands"):
                at = at.commands[word]
            else:
                assert find([word]), command


def test_benchmarks_and_probes_are_papers_with_a_command():
    done = {paper.name: paper.implemented for paper in papers() if paper.room in ("EVAL", "PROBE")}
    assert done["LongBench"] == ("longspan eval longbench longbench-e",)
    assert done["Semantic Grounding Index"] == ("longspan probe grounding",)
    assert done["NeedleChain + RoPE contraction"] == (
        "positions=rope-contraction",
        "longspan eval needlechain",
    )


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
        "implemented": ["selector=quest"],
        "missing": "",
        "state": "in full",
    }


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
