"""Any text as a plan: a plan that says itself again, or one line of refusal."""

from hypothesis import example, given
from hypothesis import strategies as st

from fuzzing import inputs
from longspan.errors import LongspanError
from longspan.plan import Plan
from longspan.registry import ROOMS, cards

_WORD = st.sampled_from(
    [*ROOMS, *(card.name for card in cards()), "budget", "window", "chunk", "factor", "bits"]
)
_MARK = st.sampled_from(
    ["=", "(", ")", ",", " ", '"', "'", "{", "}", "[", "]", "\\", "%", "-", ".", "\n", "\t", "\0"]
)
_VALUE = st.one_of(
    st.integers(-(2**70), 2**70).map(str),
    st.floats().map(str),
    st.sampled_from(["true", "none", "1e999", "25%", "٣"]),
)
_TEXT = st.lists(st.one_of(_WORD, _MARK, _VALUE, st.text(max_size=3)), max_size=24).map("".join)


@inputs(300)
@given(_TEXT)
@example("policy=snapkv(budget=1e999)")
def test_text_is_a_plan_that_reads_back_or_is_refused_in_one_line(text: str) -> None:
    said = ""
    try:
        plan = Plan.parse(text)
    except (LongspanError, ValueError) as error:
        said = str(error)
    if said:
        assert "\n" not in said
    else:
        assert Plan.parse(str(plan)) == plan
