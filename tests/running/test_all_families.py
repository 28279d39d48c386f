"""Every family of the installed transformers is reproduced, or refused with what was observed, and none is wrong."""

from collections import Counter
from pathlib import Path

import pytest
import transformers

from families import FAMILIES, TABLE, outcome_of, table

PAGE = Path(__file__).parents[2] / "docs" / "design.md"
COMMITTED = table()
WRITTEN_FOR = TABLE.read_text("utf-8").splitlines()[0].removeprefix("# transformers ")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_does_as_the_table_says(family):
    found = outcome_of(family)
    assert found.outcome != "wrong", found.reason
    if transformers.__version__ == WRITTEN_FOR:
        assert found == COMMITTED[family]


def test_the_design_page_says_the_same():
    rows = [line.split(" | ") for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
    said = {
        family: outcome.removeprefix("| ").split(":")[0]
        for outcome, *families in rows
        if outcome.startswith(("| reproduced", "| refused", "| not built"))
        for family in families[0].removesuffix(" |").split(", ")
    }
    assert said == {family: found.outcome for family, found in COMMITTED.items()}


def test_the_front_page_counts_them():
    text = " ".join((PAGE.parents[1] / "README.md").read_text("utf-8").split())
    count = Counter(found.outcome for found in COMMITTED.values())
    said = (
        f"of the {len(COMMITTED)} families of causal language models in transformers {WRITTEN_FOR[:4]}, small random "
        f"networks of {count['reproduced']} are reproduced, {count['refused']} are refused with the reason, and "
        f"{count['not built']} were not tried"
    )
    assert said in text


def test_the_table_holds_every_family_and_none_that_is_wrong():
    if transformers.__version__ == WRITTEN_FOR:
        assert sorted(COMMITTED) == FAMILIES
    assert {each.outcome for each in COMMITTED.values()} == {"reproduced", "refused", "not built"}
