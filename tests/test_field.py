"""The map of the field: its facts, searching it, and what implements each paper."""

import json

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from longspan import registry
from longspan.cli.field import field
from longspan.cli.methods import methods
from longspan.field import ROOMS, papers

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
    waiting = next(paper for paper in papers("voxtral"))
    assert waiting.implemented == ()
    assert waiting.status == "not yet"


def test_every_paper_that_a_card_names_is_in_the_map():
    known = {paper.id for paper in papers()}
    assert known.issuperset(id for card in registry.cards() for id in card.field)


def test_the_command_prints_a_table_that_fits():
    printed = run("field", "longbench")
    assert max(map(len, printed.splitlines())) <= 80
    assert "\x1b" not in printed
    assert "LongBench Pro" in printed
    assert "not yet" in printed
    assert "…" not in printed
    assert run("field", "no-such-word") == "0 papers, 0 implemented\n"


def test_the_command_prints_json():
    record = json.loads(run("field", "quest", "--room", "kv", "--json"))[0]
    assert record == {
        "id": 228,
        "room": "KV",
        "name": "Quest",
        "title": "Quest: Query-Aware Sparsity for Efficient Long-Context LLM Inference",
        "implemented": ["selector=quest"],
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
    assert "snapkv" not in run("methods", "--room", "selectors")


def test_methods_are_listed_as_json():
    records = json.loads(run("methods", "--room", "selector", "--json"))
    quest = next(record for record in records if record["name"] == "quest")
    facts = {"room", "name", "paper", "link", "year", "training", "changes", "field", "target"}
    assert set(quest) == facts
    assert quest["room"] == "selector"
    assert quest["training"] is False
