"""A search that is killed at any moment goes on as if it had not been."""

import json
from contextlib import suppress
from itertools import islice

import pytest
from scripted import SPACES, distance

from longspan.errors import PlanError
from longspan.extending.evolving import Evolution, evolve
from longspan.extending.journal import Journal

SHORT = Evolution.of(8, 3)
ABOUT = {"target": 2048}


class Killed(Exception):
    """What ends a search in the middle."""


def counting(method, limit=None):
    """The loss of a method, and how often it was asked; the call after `limit` ones kills."""
    calls = []

    def loss(candidate):
        if len(calls) == limit:
            raise Killed
        calls.append(candidate)
        return distance(method)(candidate)

    return loss, calls


@pytest.mark.parametrize("method", SPACES)
@pytest.mark.parametrize("cuts", [[1], [0, 7, 2], [3, 3, 3, 3], [20]])
def test_a_killed_search_goes_on_with_the_same_candidates(method, cuts, tmp_path):
    whole = list(evolve(SPACES[method], distance(method), SHORT, 0))
    path, calls = tmp_path / "f.search", []
    for cut in [*cuts, None]:
        loss, asked = counting(method, cut)
        journal = Journal(path, ABOUT, loss)
        assert journal.kept == len(calls)
        with suppress(Killed):
            found = list(evolve(SPACES[method], journal, SHORT, 0))
        calls += asked
    assert found == whole
    assert [each.candidate for each in whole] == calls  # none was measured twice


def test_each_candidate_is_on_disk_before_it_is_told(tmp_path):
    path = tmp_path / "f.search"
    journal = Journal(path, ABOUT, distance("longrope"))
    for number, each in enumerate(islice(evolve(SPACES["longrope"], journal, SHORT, 0), 6), 1):
        held = json.loads(path.read_text())
        assert held["search"] == ABOUT
        assert len(held["scored"]) == number
        assert held["scored"][-1]["loss"] == each.loss
        assert held["scored"][-1]["factors"] == list(each.candidate.factors)


def test_a_file_cut_off_while_it_was_written_does_not_count(tmp_path, monkeypatch):
    path = tmp_path / "f.search"
    list(islice(evolve(SPACES["longrope"], Journal(path, ABOUT, distance("longrope")), SHORT, 0), 3))

    def killed(number):
        raise Killed

    monkeypatch.setattr("longspan.atomic.os.fsync", killed)
    with pytest.raises(Killed):
        list(evolve(SPACES["longrope"], Journal(path, ABOUT, distance("longrope")), SHORT, 0))
    monkeypatch.undo()
    assert Journal(path, ABOUT, distance("longrope")).kept == 3


@pytest.mark.parametrize(
    ("about", "seed", "method"),
    [({"target": 4096}, 0, "longrope"), (ABOUT, 1, "longrope"), (ABOUT, 0, "longrope2")],
)
def test_what_another_search_kept_is_refused(about, seed, method, tmp_path):
    path = tmp_path / "f.search"
    list(evolve(SPACES["longrope"], Journal(path, ABOUT, distance("longrope")), SHORT, 0))
    with pytest.raises(PlanError, match=r"kept by a search for something else, .* remove it to begin anew"):
        list(evolve(SPACES[method], Journal(path, about, distance("longrope")), SHORT, seed))


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{",
        '{"search": {"target": 2048}}',
        '{"search": {"target": 2048}, "scored": [3]}',
        "[" * 10**5,
    ],
)
def test_what_cannot_be_read_is_refused(content, tmp_path):
    path = tmp_path / "f.search"
    path.write_text(content)
    with pytest.raises(PlanError, match=r"is not what a search has kept .*; remove it to begin anew"):
        Journal(path, ABOUT, distance("longrope"))


def test_a_loss_that_is_no_number_is_refused(tmp_path):
    path = tmp_path / "f.search"
    path.write_text('{"search": {"target": 2048}, "scored": [{"loss": "low"}]}')
    with pytest.raises(PlanError, match="remove it to begin anew"):
        Journal(path, ABOUT, distance("longrope"))


def test_a_folder_that_is_gone_is_one_line(tmp_path):
    journal = Journal(tmp_path / "gone" / "f.search", ABOUT, distance("longrope"))
    with pytest.raises(
        PlanError, match=r"cannot be written \(No such file or directory\); free some space or"
    ):
        list(evolve(SPACES["longrope"], journal, SHORT, 0))
