"""What others add from outside, each in one small file, and then use by name."""

import json
import re
import tomllib
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from typer.testing import CliRunner

from longspan import brought
from longspan.cli import app
from longspan.decoding.base import Draft, Exact
from longspan.errors import DocumentError, PlanError
from longspan.evaluation.catalogue import find
from longspan.evaluation.own import own_task
from longspan.evaluation.targets import target_of
from longspan.flows.base import Events
from longspan.flows.chat import Local
from longspan.named import text_of
from longspan.notation import parse_call
from longspan.parts import build
from longspan.plan import Plan
from longspan.sampling.sampler import Sampler
from longspan.sampling.settings import Sampling
from longspan.spans import Document
from tiny import tiny_model, tokens

HERE = Path(__file__).parent
GUIDE = HERE.parents[1] / "docs" / "bringing.md"
NAMES = sorted({path.stem for path in HERE.glob("*.py")} - {"conftest", "test_strangers"})
SUBTITLES = (
    "1\n00:00:01,000 --> 00:00:02,000\nWho hid\nthe letter?\n\n"
    "2\n00:00:03,000 --> 00:00:04,000\nThe baker did.\n"
)


@pytest.mark.parametrize("name", NAMES)
def test_a_stranger_needs_one_file_of_sixty_lines(name):
    lines = (HERE / f"{name}.py").read_text("utf-8").splitlines()
    assert len(lines) <= 60
    assert not any("longspan._" in line or "import _" in line for line in lines)


def test_the_guide_shows_these_files_and_announces_them_as_they_do(announced_by):
    text = GUIDE.read_text("utf-8")
    shown = dict(re.findall(r"^<!-- file: (.+?) -->\n```\w+\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
    announced = tomllib.loads(shown.pop("pyproject.toml"))["project"]["entry-points"]
    assert announced == announced_by(HERE / "own_facts.py")
    assert len(shown) > 4
    for name, code in shown.items():
        assert code == (HERE / name).read_text("utf-8"), f"copy tests/strangers/{name} to {GUIDE.name} anew"
    groups = {group for name in shown for group in announced_by(HERE / name)}
    kinds = set(re.findall(r"^\| `(longspan\.\w+)`", brought.__doc__, re.MULTILINE))
    assert groups == kinds == set(re.findall(r"^\| .+? \| `(longspan\.\w+)`", text, re.MULTILINE))


def test_a_scorer_reads_token_ids(install):
    install("rare_tokens")
    ids = torch.tensor([50, 60, 70, 80] + [90, 91] * 30)
    with tiny_model().session("policy=rare-tokens(budget=5)", chunk=16) as session:
        session.read(ids.tolist())
        for layer in session.sequences[0].layers:
            kept = layer.store.positions()
            assert kept.tolist() == [[0, 1, 2, 3, 63]] * len(kept)


def test_a_selector_is_used_by_name(install):
    install("every_other")
    ids = tokens(60)
    model = tiny_model()
    with model.session("selector=every-other(recent=2)") as some, model.session() as stock:
        with model.session("selector=every-other(recent=1000)") as everything:
            first = stock.read(ids[:50]).logits(ids[50:])
            assert torch.allclose(everything.read(ids[:50]).logits(ids[50:51]), first[:1], atol=1e-4)
        assert not torch.allclose(some.read(ids[:50]).logits(ids[50:51]), first[:1], atol=1e-3)


def test_a_document_format_is_read_by_its_suffix(install, tmp_path):
    path = tmp_path / "film.srt"
    path.write_text(SUBTITLES)
    assert "-->" in Document.open(path).text, "without the package it is plain text"
    install("subtitles")
    document = Document.open(path)
    assert document.text == "Who hid the letter?\nThe baker did."
    assert document.notes == ("has times that are not in the text",)
    path.write_text("nothing")
    with pytest.raises(DocumentError, match="has no subtitles; give a file in SubRip's format"):
        Document.open(path)
    path.write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(
        DocumentError, match=r"srt of subtitles cannot read .*UnicodeDecodeError.*uninstall subtitles$"
    ):
        Document.open(path)


def test_a_task_and_a_metric_are_found_by_name(install, tmp_path):
    install("counting")
    (task,) = find(["stars"])
    listed = CliRunner().invoke(app, ["eval", "--list", "stars/*", "--json"])
    assert [each["name"] for each in json.loads(listed.stdout)] == [task.name] == ["stars/count"]
    own = tmp_path / "own.jsonl"
    own.write_text(json.dumps({"question": "How many?", "answer": "4", "metric": "near"}))
    mine = own_task(own)
    (sample,) = mine.samples(None)
    assert mine.score("3", sample) == {"score": 0.5}


def test_a_target_is_opened_by_the_scheme_of_its_address(install):
    install("parrot")
    target = target_of(None, endpoint="parrot://seven stars")
    assert target.describe()["source"] == "seven stars"


def test_a_flow_is_asked_by_name(install):
    install("relay")
    document = Document("letter.txt", "The baker hid the letter. " * 30)
    lines, said = [], []
    flow = build("flow", parse_call("relay(characters=300)"))
    answer = flow.answer(
        Local(tiny_model()),
        [document],
        "Who?",
        Events(step=lines.append, stream=said.append, generation={"max_new_tokens": 5}),
    )
    assert lines == [f"asks part {number} of 3" for number in (1, 2, 3)]
    assert "".join(said).strip() == answer.text
    assert answer.usage.generated_tokens == 3 * 8 + 5


@pytest.mark.parametrize("plan", ["", "policy=streamingllm(budget=40,when=chunk)", "selector=quest"])
def test_a_proposer_changes_no_token(install, plan):
    install("echo")
    ids, model = tokens(90), tiny_model()
    for options in ({}, {"temperature": 1.5, "seed": 3}):
        with (
            model.session(plan, chunk=32) as plain,
            model.session(f"{plan} decode=echo", chunk=32) as drafted,
        ):
            plain.read(ids)
            drafted.read(ids)
            expected = list(plain.generate(max_new_tokens=30, **options))
            assert list(drafted.generate(max_new_tokens=30, **options)) == expected
            assert drafted.usage.generated_tokens == plain.usage.generated_tokens
            assert drafted.seen == plain.seen


def test_a_method_brings_weights_a_profile_and_a_plan(install):
    site = install("own_facts")
    save_file({"direction": torch.ones(16)}, site / "learned.safetensors")
    assert text_of("lean") == "policy=learned(budget=20)"
    with tiny_model().session("lean") as session:
        session.read(tokens(50))
        assert session.peak_entries == 50
        assert {tuple(layer.store.lengths) for layer in session.sequences[0].layers} == {(20, 20)}


def test_a_package_that_clashes_is_named_and_ours_stays(install):
    site = install("own_facts")
    (site / "own_facts-1.0.dist-info" / "entry_points.txt").write_text(
        "[longspan.plans]\nshadowkv = own_facts:PLAN\n[longspan.formats]\npdf = own_facts:PLAN\n"
    )
    assert Plan.parse("shadowkv").selector is not None
    from longspan.named import plans

    with pytest.raises(
        PlanError, match="plan shadowkv of own_facts has the name of one of longspan's own; update or"
    ):
        plans()


def test_a_draft_is_a_tree():
    tree = Draft((5, 6, 7, 8), (-1, 0, 0, 2))
    logits = torch.zeros(5, 10)
    for row, token in enumerate((5, 7, 1, 8, 2)):
        logits[row, token] = 1
    draws = Sampler(Sampling(), torch.device("cpu"))
    assert Exact().accept(tree, logits, draws) == [5, 7, 8, 2]
    assert tree.path(3) == (5, 7, 8)
    assert Exact().accept(Draft(), logits[:1], draws) == [5]
    with pytest.raises(ValueError, match=r"parents\[1\]=1 is outside -1 .. 0"):
        Draft((1, 2), (-1, 1))
