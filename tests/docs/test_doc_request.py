"""The way of a question names each file once, and exactly the files whose functions run."""

import json
import re
import subprocess
import sys

import pytest
from documentation import ROOT

PAGE = ROOT / "docs" / "request.md"
TOKEN, LAYER = PAGE.read_text("utf-8").split("\n## ")[1:]


def named(text):
    return re.findall(r"`([\w/]+\.py)`", text)


def leading(text):
    """The first file of each entry."""
    return re.findall(r"^\d+\. `([\w/]+\.py)`", text, re.MULTILINE)


@pytest.fixture(scope="module")
def ran():
    """The files that ran, by the script that the page names."""
    finished = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "way.py")], capture_output=True, text=True, check=True
    )
    return json.loads(finished.stdout.splitlines()[-1])


def test_each_file_is_named_once():
    files = named(TOKEN) + named(LAYER)
    assert sorted(set(files)) == sorted(files)


def test_the_way_to_the_first_token_is_that_of_a_question(ran):
    assert set(named(TOKEN)) == set(ran["token"]) - set(ran["layer"])
    assert set(ran["layer"]) < set(ran["token"])


def test_the_way_through_a_layer_is_that_of_its_attention(ran):
    assert set(named(LAYER)) == set(ran["layer"])


@pytest.mark.parametrize(("text", "way"), [(TOKEN, "token"), (LAYER, "layer")])
def test_the_order_is_that_in_which_they_are_met(ran, text, way):
    at = [ran[way].index(file) for file in leading(text)]
    assert at == sorted(at)
    assert len(at) == len(re.findall(r"^\d+\. ", text, re.MULTILINE))
