"""LongRoPE and LongRoPE2 with given factors, against transformers and the formula; and the file of factors."""

import json
import math
from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from longspan.codecs.base import Codec
from longspan.errors import PlanError, WindowExceeded
from longspan.plan import Plan
from longspan.positions.base import Positions
from longspan.positions.longrope import LongRoPE
from longspan.positions.longrope2 import LongRoPE2
from longspan.positions.rescaling import Rescaling
from longspan.store.form import Form, Plain
from naive_llama import causal, naive_logits
from ropes import BASES, CHANNELS, WINDOWS, stock_rope, theirs
from tiny import WINDOW, model_of, stock_logits, tiny_model, tiny_network, tokens

FACTORS = (1.0, 1.0, 1.3, 1.75, 2.5, 3.0, 4.0, 4.5)
INLINE = f"factors=[{','.join(map(str, FACTORS))}],scale=4"
METHODS = (LongRoPE, LongRoPE2)

scales = st.sampled_from([1.5, 2.0, 8.0, 64.0])


@st.composite
def cases(draw):
    """Channels, and as many rising factors as they have pairs."""
    channels, most = draw(CHANNELS), draw(scales) * 1.25
    drawn = st.floats(1, most, width=32)
    return channels, tuple(sorted(draw(st.lists(drawn, min_size=channels // 2, max_size=channels // 2))))


@pytest.mark.parametrize("method", METHODS)
@given(cases(), BASES, WINDOWS, scales)
def test_frequencies_and_magnitude_are_those_of_transformers(method, case, base, window, scale):
    channels, factors = case
    rope = stock_rope(channels, base, window)
    scaled = method(factors=factors, scale=scale).rope(rope)
    inv_freq, magnitude = theirs(
        "longrope",
        channels,
        base,
        window,
        length=window + 1,
        long_factor=list(factors),
        short_factor=[1.0] * len(factors),
        factor=scale,
        original_max_position_embeddings=window,
    )
    assert_close(scaled.inv_freq, inv_freq, rtol=1e-6, atol=0)
    assert scaled.magnitude == pytest.approx(magnitude, rel=1e-12)


@pytest.mark.parametrize("method", ["longrope", "longrope2"])
@pytest.mark.parametrize("family", ["llama", "glm", "qwen3"])
def test_logits_of_long_texts_are_those_of_a_model_with_these_factors(family, method):
    model, ids = tiny_model(family), tokens(600)
    own = dict(model.network.config.rope_parameters)
    factors = FACTORS if own.get("partial_rotary_factor", 1) == 1 else FACTORS[::2]
    parameters = {
        "rope_type": "longrope",
        "long_factor": list(factors),
        "short_factor": [1.0] * len(factors),
        "factor": 4.0,
        "original_max_position_embeddings": WINDOW,
    }
    changes = {"original_max_position_embeddings": WINDOW, "max_position_embeddings": 4 * WINDOW}
    expected = stock_logits(tiny_network(family, rope_parameters=own | parameters, **changes), ids)
    assert (expected - stock_logits(model.network, ids)).abs().max() > 1e-3
    written = ",".join(map(str, factors))
    with model.session(f"positions={method}(factors=[{written}],scale=4)") as session:
        assert_close(session.logits(ids), expected, atol=1e-5, rtol=0)
        assert session.window == 4 * WINDOW


@pytest.mark.parametrize("method", ["longrope", "longrope2"])
def test_short_texts_are_read_by_the_model_as_it_is(method):
    model, ids = tiny_model(), tokens(300)
    with model.session(f"positions={method}({INLINE})", window=WINDOW) as session:
        assert torch.equal(session.logits(ids), stock_logits(model.network, ids))
        with pytest.raises(WindowExceeded):
            session.logits(tokens(300))


@pytest.mark.parametrize("method", METHODS)
@given(st.integers(1, 4 * WINDOW))
def test_the_length_decides(method, length):
    fitted = method(factors=FACTORS, scale=4).fitted(length, WINDOW)
    assert fitted.window(WINDOW) == (WINDOW if length <= WINDOW else 4 * WINDOW)
    assert (fitted == Positions()) == (length <= WINDOW)


@pytest.mark.parametrize("chunk", [7, 64, 2048])
@pytest.mark.parametrize("first", [0, 1, 5, 150])
def test_the_first_tokens_keep_their_rotation(first, chunk):
    network = tiny_network("llama", max_position_embeddings=32)
    factors = torch.tensor(FACTORS)
    ids = tokens(100)
    place = torch.arange(100)[:, None]
    turned_by = torch.where(place < first, place.float(), place / factors)
    expected = naive_logits(
        network,
        ids,
        causal(100),
        relative=turned_by[:, None] - turned_by[None],
        query_scale=torch.full((100,), 1 + math.log(4) / math.log(32)),
    )
    with model_of(network).session(f"positions=longrope({INLINE},first={first})", chunk=chunk) as session:
        assert_close(session.logits(ids), expected, atol=2e-5, rtol=0)


@dataclass(frozen=True, kw_only=True)
class Unturned(Codec):
    """Keeps keys as they are, before their rotation."""

    raw: ClassVar[bool] = True

    def form(self) -> Form:
        return Plain()


@pytest.mark.parametrize("policy", [None, "streamingllm(budget=200,sinks=30)"])
def test_keys_stored_before_their_rotation_turn_as_those_stored_after_it(policy):
    logits = []
    for codec in (None, Unturned()):
        plan = Plan(positions=f"longrope({INLINE},first=20)", codec=codec, policy=policy)
        with tiny_model().session(plan, chunk=128) as session:
            session.read(tokens(600))
            logits.append(session.logits(tokens(3, seed=1)))
    assert_close(*logits, atol=2e-5, rtol=0)


def test_layers_that_do_not_rotate_stay_so():
    rope = stock_rope(16, 1e4, 512)
    still = rope.with_(inv_freq=rope.inv_freq[:0])
    scheme = LongRoPE(factors=FACTORS, scale=4, first=3)
    assert scheme.rope(still).channels == 0
    assert torch.equal(scheme.key_map(still)(torch.arange(5)), torch.arange(5))


def test_factors_of_another_model_are_refused():
    with pytest.raises(PlanError, match="7 rescale factors are given, and the model rotates 8 pairs"):
        LongRoPE(factors=FACTORS[1:], scale=4).rope(stock_rope(16, 1e4, 512))


# The file.


def rescaling(**changes) -> Rescaling:
    facts = {"method": "longrope", "factors": FACTORS, "trained": WINDOW, "target": 4 * WINDOW, "first": 6}
    return Rescaling(**(facts | changes))


@pytest.fixture
def write(tmp_path):
    """Writes a factors file, some of it changed."""

    def call(name="factors.json", of=None, **changes):
        held = (of or rescaling()).to_dict({"about": "a test"}) | changes
        (tmp_path / name).write_text(json.dumps(held))
        return tmp_path / name

    return call


def test_a_file_says_what_a_list_says(write):
    model, ids = tiny_model(), tokens(600)
    path = write()
    assert Rescaling.open(path) == rescaling()
    with (
        model.session(Plan(positions=LongRoPE(factors=str(path)))) as of_file,
        model.session(f"positions=longrope({INLINE},first=6)") as of_list,
    ):
        assert torch.equal(of_file.logits(ids), of_list.logits(ids))
        assert of_file.window == of_list.window == 4 * WINDOW


def test_a_plan_that_was_kept_knows_its_file(write):
    path = write()
    plan = Plan(positions=LongRoPE(factors=str(path)))
    assert Plan.parse(str(plan)) == plan
    assert plan.positions.digest in str(plan)
    write(first=7)
    with pytest.raises(PlanError, match="has changed since the plan was written"):
        Plan.parse(str(plan)).positions.window(WINDOW)
    renewed = Plan(positions=LongRoPE(factors=str(path)))
    assert renewed != plan
    assert renewed.positions.rescaled(WINDOW).first == 7


def test_a_plan_can_be_written_before_its_file(tmp_path, write):
    part = LongRoPE(factors=str(tmp_path / "factors.json"))
    with pytest.raises(PlanError, match=r"cannot be read .*; make one with longspan extend"):
        tiny_model().session(Plan(positions=part))
    write()
    assert part.rescaled(WINDOW).window(WINDOW) == 4 * WINDOW


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"format": "longspan rescaling 9"}, "its format is not 'longspan rescaling 1'"),
        ({"factors": None}, "it has no list of factors"),
        ({"factors": []}, r"factors=\[\] is empty"),
        ({"factors": [1.0, 0.99]}, r"factors\[1\]=0.99 is outside 1.0 .. ∞"),
        ({"factors": [1.0, 3.0, 2.0]}, r"factors\[2\]=2.0 is outside 3.0 .. ∞: a factor is never below"),
        ({"factors": [1.0, math.nan]}, r"factors\[1\]=nan is outside"),
        ({"factors": [1.0, math.inf]}, r"factors\[1\]=inf is outside"),
        ({"factors": [1.0, True]}, r"factors\[1\]=True is outside"),
        ({"factors": [1.0, "2"]}, r"factors\[1\]='2' is outside"),
        ({"method": 3}, "or no method"),
        ({"trained": None}, "trained=None is not a whole number"),
        ({"trained": 0}, "trained=0 is outside 2"),
        ({"target": WINDOW - 1}, f"target={WINDOW - 1} is outside {WINDOW}"),
        ({"target": 8.5}, "target=8.5 is not a whole number"),
        ({"first": -1}, "first=-1 is outside 0"),
        ({"critical": 8}, "critical=8 is outside 0 .. 7"),
        ({"critical": 5}, r"factors\[5\]=3.0 is outside 4.0"),
    ],
)
def test_what_no_search_wrote_is_refused(write, changes, says):
    with pytest.raises(PlanError, match=f"is not one that longspan extend wrote .*{says}.*; make it again"):
        Rescaling.open(write(**changes))


@pytest.mark.parametrize(
    "content", [b"", b"\x00\xff", b"[1]", b"[" * 100_000, b'{"format": 1' + b" " * 2_000_000]
)
def test_what_is_no_json_is_refused(tmp_path, content):
    path = tmp_path / "factors.json"
    path.write_bytes(content)
    with pytest.raises(PlanError, match="is not one that longspan extend wrote"):
        Rescaling.open(path)


def test_a_file_for_another_method_or_model_is_refused(write):
    path = str(write())
    with pytest.raises(PlanError, match=r"was searched for longrope; write positions=longrope\(factors="):
        LongRoPE2(factors=path).window(WINDOW)
    other = str(write("other.json", rescaling(trained=256)))
    scheme = LongRoPE(factors=other)
    with pytest.raises(PlanError, match="is for a model made for 256 tokens, this one was made for 512"):
        scheme.rope(stock_rope(16, 1e4, WINDOW))
    with pytest.raises(PlanError, match="is for a model made for 256 tokens"):
        scheme.window(WINDOW)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"factors": FACTORS}, "scale=None is outside 1.0 .. ∞; give it with a list"),
        ({"factors": FACTORS, "scale": 0.5}, "scale=0.5 is outside 1.0"),
        ({"factors": FACTORS[::-1], "scale": 4}, r"factors\[1\]=4.0 is outside 4.5"),
        ({"factors": (), "scale": 4}, "is empty"),
        ({"factors": FACTORS, "scale": 4, "digest": "a"}, "digest='a' is of a file; leave it out"),
        ({"factors": "a.json", "scale": 4}, "scale=4 belongs to a list of factors, a file has its own"),
    ],
)
def test_wrong_parameters_are_refused(method, given, says):
    with pytest.raises(ValueError, match=says):
        method(**given)


def test_first_is_a_number_of_tokens_of_a_list():
    with pytest.raises(ValueError, match="first=-1 is outside 0"):
        LongRoPE(factors=FACTORS, scale=4, first=-1)
    with pytest.raises(ValueError, match="first=3 belongs to a list of factors"):
        LongRoPE(factors="a.json", first=3)
