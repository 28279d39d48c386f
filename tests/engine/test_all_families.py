"""Every family of the installed transformers is reproduced, or refused with what was observed, and none is wrong."""

import pytest
import transformers

from families import FAMILIES, TABLE, outcome_of, table

COMMITTED = table()
WRITTEN_FOR = TABLE.read_text("utf-8").splitlines()[0].removeprefix("# transformers ")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_does_as_the_table_says(family):
    found = outcome_of(family)
    assert found.outcome != "wrong", found.reason
    if transformers.__version__ == WRITTEN_FOR:
        assert found == COMMITTED[family]


def test_the_table_holds_every_family_and_none_that_is_wrong():
    if transformers.__version__ == WRITTEN_FOR:
        assert sorted(COMMITTED) == FAMILIES
    assert {each.outcome for each in COMMITTED.values()} == {"reproduced", "refused", "not built"}
