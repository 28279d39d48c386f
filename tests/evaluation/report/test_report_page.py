"""The page: it needs nothing else, runs nothing of others, and shows what the run found."""

import base64
import hashlib
import re

import pytest
from bs4 import BeautifulSoup
from synthetic_run import PLANS, record, written

from longspan.evaluation.report import write_report

ATTACK = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7 * 7 }}&amp;`"


def page_of(files):
    text = files.html.read_text("utf-8")
    return text, BeautifulSoup(text, "html.parser")


@pytest.fixture(scope="module")
def page(files):
    return page_of(files)


@pytest.fixture
def page_for(tmp_path):
    def make(*records, **changes):
        changes = {"plans": ["", "b"], "tasks": [], "lengths": [4096], "samples": 0, **changes}
        return page_of(write_report(written(tmp_path / "run", records, **changes)))

    return make


def test_the_page_needs_no_other_file(page):
    text, soup = page
    assert not soup.find_all(["link", "img", "iframe", "object", "embed", "base", "form"])
    assert not [tag for tag in soup.find_all() if tag.get("src") or tag.get("srcset")]
    assert "@import" not in text
    assert set(re.findall(r"url\((.)", text)) == {"#"}
    for tag in soup.find_all(href=True):
        if tag.name == "a":
            assert tag["href"].startswith(("#", "https://"))
        else:
            assert tag["href"].startswith("#")


def test_only_our_script_can_run(page):
    _, soup = page
    (script,) = soup.find_all("script")
    digest = base64.b64encode(hashlib.sha256(script.string.encode()).digest()).decode()
    policy = soup.find("meta", {"http-equiv": "Content-Security-Policy"})["content"]
    assert "default-src 'none'" in policy
    assert f"script-src 'sha256-{digest}';" in policy


def test_texts_of_others_are_shown_and_not_obeyed(page_for):
    task = f"f/{ATTACK}"
    fact = dict.fromkeys(
        ("name", "description", "diffusion", "scope", "metric", "form", "paper", "source", "licence"), ATTACK
    )
    text, soup = page_for(
        record(
            ATTACK, 1.0, task=task, output=ATTACK, references=(ATTACK,), facts={ATTACK: ATTACK, "depth": 0}
        ),
        record("2", 1.0, task=task, scores={"score": 1.0, ATTACK: 2.0}, facts={"depth": 1}),
        record("2", 0.0, task=task, plan=ATTACK, length=8192),
        record(ATTACK, None, task="g/t", plan=ATTACK),
        model=dict.fromkeys(("name", "digest", "source", "dtype"), ATTACK),
        tasks=[{**fact, "name": task, "link": "javascript:alert(1)"}],
        haystack={"name": ATTACK},
        machine={"processor": ATTACK},
        versions={ATTACK: ATTACK, "longspan": ATTACK},
        started=ATTACK,
        question=ATTACK,
        too_long=ATTACK,
    )
    assert len(soup.find_all("script")) == 1
    assert "alert" not in soup.find("script").string
    assert not soup.find_all("img")
    assert not [name for tag in soup.find_all() for name in tag.attrs if name.startswith("on")]
    assert not [tag for tag in soup.find_all(href=True) if "javascript" in tag["href"]]
    assert "49&" not in text
    shown = [pre.string for pre in soup.find_all("pre")]
    assert shown.count(ATTACK) == 2  # output and reference, letter for letter
    assert soup.h1.string == ATTACK
    # The facts of this run, the plans and the tasks hold it too.
    assert len([tag for tag in soup.find_all(["dd", "code", "th"]) if ATTACK in tag.get_text()]) > 6


def test_characters_that_steer_a_screen_are_replaced(page_for):
    text, _ = page_for(record(output="before\x1b[31m\u202e\x00\ud800after", references=("\u2028",)))
    assert "before\ufffd[31m\ufffd\ufffd\ufffdafter" in text


def test_every_colour_that_is_used_is_defined_for_light_and_dark(page):
    text, _ = page
    used = set(re.findall(r"var\(--([\w-]+)\)", text)) - {"s", "hue"}
    light, dark = re.split(r"@media \(prefers-color-scheme: dark\)", text, maxsplit=1)
    light = set(re.findall(r"--([\w-]+):", light))
    dark = set(re.findall(r"--([\w-]+):", dark.split("body {")[0]))
    heat = {f"heat-{step}" for step in range(11)}  # mixed of two others
    assert used <= light | heat
    assert light <= dark | {"hue"}
    assert {"plan-0", "plan-5", "heat-0", "heat-10", "ink"} <= used


def test_no_name_stands_twice(page):
    _, soup = page
    names = [tag["id"] for tag in soup.find_all(id=True)]
    assert len(set(names)) == len(names)
    assert {link["href"].removeprefix("#") for link in soup.nav.find_all("a")} <= set(names)


def test_the_table_of_scores_has_every_plan_and_task(page, answers):
    _, soup = page
    tables = soup.find(id="scores").find_all("table")
    assert len(tables) == 4
    rows = tables[0].tbody.find_all("tr")
    assert [row.th.string for row in rows] == ["ruler, mean", "all tasks", *answers.tasks]
    assert all(len(row.find_all("td")) == len(PLANS) for row in rows)
    assert tables[3].tbody.td.get_text(" ", strip=True) == "too long 22 samples"


def test_a_column_can_be_sorted_by_its_numbers(page):
    _, soup = page
    for table in soup.find_all("table"):
        assert all(th.button for th in table.thead.find_all("th"))
    for table in soup.find(id="plans").find_all("table"):
        for row in table.tbody.find_all("tr"):
            for cell in row.find_all("td"):
                assert cell["data-value"] == "" or float(cell["data-value"]) is not None


def test_pictures_are_there(page):
    _, soup = page
    assert len(soup.find(id="cost").find_all("svg")) == 4 * 3
    assert len(soup.find(id="lengths").find_all("svg")) == 2 + 14
    assert len(soup.find(id="depths").find_all("svg")) == 4 + 6


def test_samples_that_are_left_out_are_counted(page, answers):
    _, soup = page
    shown = len(soup.find(id="samples").select("details details summary .mark"))
    assert shown == 300
    assert (
        f"{len(answers.records) - shown:,} answers of {len(answers.records):,} answers"
        in soup.find(id="samples").get_text()
    )


def test_a_long_output_is_cut_and_says_so(page_for):
    _, soup = page_for(record(output="x" * 1501, references=("y" * 1500,)))
    references, output = (pre.get_text() for pre in soup.find(id="samples").find_all("pre"))
    assert references == "y" * 1500
    assert output == "x" * 1500 + " … 1 further character"


def test_an_unfinished_run_says_so(page_for):
    _, soup = page_for(record("1"), record("2"), record("1", plan="b"))
    assert "This run is not finished: 1 answer to come." in soup.header.get_text()


def test_a_finished_run_does_not(page):
    assert "not finished" not in page[1].header.get_text()


@pytest.mark.parametrize(
    "records",
    [
        [record()],
        [record(length=None, kv_bytes=0, peak_kv_bytes=0)],
        [record("1", None)],
        [record("1", facts={"depth": 0.5}), record("2", 0.0, facts={"depth": 0.7}, plan="b")],
        [record("1", 0.5, plan=f"plan {number}") for number in range(40)],
    ],
    ids=["one", "endpoint", "too long", "nothing shared", "many plans"],
)
def test_small_and_strange_runs_have_a_page_too(page_for, records):
    _, soup = page_for(*records, plans=[], model={}, timing={})
    assert soup.find(id="scores").table


def test_a_description_without_anything_has_a_page_too(tmp_path):
    folder = written(tmp_path, [record()])
    folder.describe({})
    _, soup = page_of(write_report(folder))
    assert soup.h1.string == "a run"


def test_what_sharing_saved_is_said(page_for):
    times = {"prefill_seconds": 10.0, "compress_seconds": 1.0, "decode_seconds": 4.0}
    _, soup = page_for(record(**times), record(plan="b", **times), timing={"wall_seconds": 24.0})
    # 15 s for each alone; 15 s for the first and 5 s for what the second does itself.
    said = " ".join(soup.find(id="run").get_text().split())
    assert "would have taken 30.0 s." in said
    assert "takes 20.0 s: the run took 1.20 times as long." in said
