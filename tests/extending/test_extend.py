"""The whole search on a tiny model: what it writes, and that it goes on where it was."""

import json
from dataclasses import replace

import pytest
import torch

from longspan.errors import PlanError, UnsupportedModel
from longspan.extending import extend as module
from longspan.extending.evolving import Evolution
from longspan.extending.extend import extend
from longspan.extending.samples import Writer
from longspan.extending.scoring import mean_loss
from longspan.plan import Plan
from longspan.positions.rescaling import Rescaling
from tiny import WINDOW, model_of, tiny_model, tiny_network, tiny_tokenizer, tokens

SHORT = Evolution.of(4, 2)
TARGET = WINDOW + 200


class Killed(Exception):
    """What ends a search in the middle."""


@pytest.fixture
def scores(monkeypatch):
    """How many candidates were scored, at most `limit` before the search is killed."""

    class Scores:
        count, limit = 0, None

    def counted(seam, positions, samples):
        if Scores.count == Scores.limit:
            raise Killed
        Scores.count += 1
        return mean_loss(seam, positions, samples)

    monkeypatch.setattr(module, "mean_loss", counted)
    return Scores


def run(out, method="longrope", **changes):
    options = {"target": TARGET, "samples": 1, "evolution": SHORT, "seed": 0}
    return extend(tiny_model(), out, method=method, **(options | changes))


@pytest.mark.parametrize("method", ["longrope", "longrope2"])
def test_what_is_written_is_the_best_that_was_scored(method, tmp_path):
    out, stages = tmp_path / "f.json", []
    found = run(out, method, watch=stages.append)
    scored = json.loads((tmp_path / "f.json.search").read_text())["scored"]
    assert found.scored == len(scored) == len(stages) == SHORT.candidates
    assert found.complete
    best = min(scored, key=lambda each: each["loss"])
    assert found.loss == best["loss"] == stages[-1].loss
    assert found.rescaling.factors == tuple(best["factors"])
    assert Rescaling.open(out) == found.rescaling
    writer = Writer(tokenizer=tiny_tokenizer(), length=TARGET)
    texts = writer.plain(1) if method == "longrope" else writer.needles(1, 0)
    scheme = Plan.parse(f'positions={method}(factors="{out}")').positions
    rescaled = scheme.fitted(TARGET, WINDOW)
    assert mean_loss(tiny_model().seam, rescaled, texts) == pytest.approx(found.loss, abs=1e-9)
    with tiny_model().session(Plan(positions=scheme)) as session:
        assert torch.isfinite(session.logits(tokens(TARGET - 50))).all()
        assert session.window == TARGET
    origins = [origin for origin, _ in found.starts]
    if method == "longrope":
        assert origins == ["PI", "NTK", "YaRN"]
    assert found.loss <= min(loss for _, loss in found.starts)


@pytest.mark.parametrize("method", ["longrope", "longrope2"])
def test_a_killed_search_writes_what_an_unbroken_one_writes(method, tmp_path, scores):
    whole = run(tmp_path / "whole.json", method)
    total = scores.count
    for limit in (2, 5):
        scores.limit = total + limit
        with pytest.raises(Killed):
            run(tmp_path / "broken.json", method)
        assert not (tmp_path / "broken.json").exists()
    scores.limit = None
    broken = run(tmp_path / "broken.json", method)
    assert scores.count == 2 * total  # none was scored twice
    assert broken.kept == 5
    assert replace(broken, seconds=0, kept=0) == replace(whole, seconds=0)
    for ending in ("json", "json.search"):
        assert (tmp_path / f"broken.{ending}").read_bytes() == (tmp_path / f"whole.{ending}").read_bytes()


def test_more_iterations_go_on_from_fewer(tmp_path, scores):
    few = run(tmp_path / "f.json")
    many = run(tmp_path / "f.json", evolution=replace(SHORT, iterations=4))
    assert scores.count == many.scored == few.scored + 4
    assert many.kept == few.scored
    whole = run(tmp_path / "g.json", evolution=replace(SHORT, iterations=4))
    assert replace(whole, seconds=0, kept=0) == replace(many, seconds=0, kept=0)


def test_when_the_time_is_over_the_best_so_far_is_written(tmp_path, scores):
    for count in (1, 2):  # what was kept costs no time, and at least the first is scored
        found = run(tmp_path / "f.json", seconds=0.0)
        assert scores.count == 1
        assert (found.scored, found.complete) == (1, False)
        assert Rescaling.open(tmp_path / "f.json") == found.rescaling
        assert found.kept == count - 1
    assert run(tmp_path / "f.json").complete


@pytest.mark.parametrize(
    "changes", [{"seed": 1}, {"target": TARGET + 1}, {"samples": 2}, {"method": "longrope2"}]
)
def test_another_search_needs_another_file(changes, tmp_path):
    run(tmp_path / "f.json")
    with pytest.raises(PlanError, match="kept by a search for something else"):
        run(tmp_path / "f.json", **changes)


def test_another_text_is_another_search(tmp_path):
    run(tmp_path / "f.json", text="It rained for years. " * 100)
    with pytest.raises(PlanError, match="kept by a search for something else"):
        run(tmp_path / "f.json", text="It shone for years. " * 100)


def test_models_differ_by_their_weights_in_what_is_kept(tmp_path):
    run(tmp_path / "f.json")
    named = model_of(tiny_network("llama"))
    named.digest = "1234"
    options = {"method": "longrope", "target": TARGET, "samples": 1, "evolution": SHORT}
    with pytest.raises(PlanError, match="kept by a search for something else"):
        extend(named, tmp_path / "f.json", **options)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"target": WINDOW}, f"target={WINDOW} is outside {WINDOW + 1} .. ∞"),
        ({"samples": 0}, "samples=0 is outside 1"),
        ({"method": "yarn"}, "method='yarn' is not one of longrope, longrope2"),
        ({"text": "Too short."}, "the text has 10 tokens"),
    ],
)
def test_what_cannot_be_searched_is_refused(changes, says, tmp_path):
    with pytest.raises(ValueError, match=says):
        run(tmp_path / "f.json", **changes)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_refused(tmp_path, scores):
    with pytest.raises(PlanError, match="name a file in a folder that exists"):
        run(tmp_path / "absent" / "f.json")
    assert scores.count == 0


def test_a_model_with_windows_only_is_refused(tmp_path):
    with pytest.raises(UnsupportedModel, match="no layer of model family 'mistral' both rotates and sees"):
        extend(tiny_model("mistral"), tmp_path / "f.json", method="longrope", target=TARGET)


@pytest.mark.parametrize("family", ["gemma3_text", "glm"])
def test_other_families_too(family, tmp_path):
    model = tiny_model(family)
    found = extend(model, tmp_path / "f.json", method="longrope2", target=TARGET, samples=1, evolution=SHORT)
    with model.session(f'positions=longrope2(factors="{tmp_path / "f.json"}")') as session:
        assert torch.isfinite(session.logits(tokens(TARGET - 100))).all()
    assert found.rescaling.critical is not None
