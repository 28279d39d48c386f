"""Plans with a name."""

import pytest
from torch.testing import assert_close

from longspan.codecs.host import Host
from longspan.codecs.low_rank import LowRank
from longspan.named import NAMED, text_of
from longspan.patterns.minference import MInference
from longspan.plan import Plan
from longspan.positions.dca import DCA
from longspan.selectors.shadowkv import ShadowKV
from tiny import tiny_model, tokens


@pytest.mark.parametrize("each", NAMED, ids=lambda each: each.name)
def test_every_name_stands_for_a_plan(each):
    plan = Plan.parse(each.name)
    assert plan == Plan.parse(each.text)
    assert text_of(each.name) == each.text
    assert Plan.parse(str(plan)) == plan


def test_names_are_sorted_and_stand_once():
    names = [each.name for each in NAMED]
    assert names == sorted(set(names))


def test_what_no_plan_is_called_has_no_text():
    assert text_of("qwen") is None


def test_shadowkv_keeps_low_rank_keys_and_values_on_the_host():
    plan = Plan.parse("shadowkv")
    assert plan.codec == Host(codec=LowRank())
    assert plan.selector == ShadowKV()


def test_qwen_2_5_1m_is_what_its_config_and_code_say():
    plan = Plan.parse("qwen2.5-1m")
    assert set(plan.parts) == {"positions", "pattern"}
    trained = (
        262144  # its config: chunk_size 262144, local_size 8192, original_max_position_embeddings 262144
    )
    assert plan.positions == DCA(chunk=1.0, local=8192 / trained, temperature=0.1)
    assert plan.pattern == MInference(patterns="vertical-slash")
    assert Plan.parse("qwen2.5-1m codec=int8").pattern == plan.pattern


def test_qwen_2_5_1m_leaves_nothing_out_of_a_text_shorter_than_its_lines():
    model, ids = tiny_model(), tokens(700)
    positions = str(Plan(positions=Plan.parse("qwen2.5-1m").positions))
    logits = []
    for plan in ("qwen2.5-1m", positions):
        with model.session(plan, chunk=256) as session:
            logits.append(session.logits(ids))
    assert_close(logits[0], logits[1], atol=1e-5, rtol=0)
