"""Text as it comes: whole characters, and nothing of a stop string or after it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longspan.streaming import TextStream
from tiny import saying, tiny_model, tiny_tokenizer, tokens

TEXTS = st.text(st.sampled_from("abé€😀 \n"), max_size=30)
STOPS = st.lists(st.text(st.sampled_from("abé€ "), min_size=1, max_size=4), max_size=3)


def ids(text: str) -> list[int]:
    return tiny_tokenizer()(text, add_special_tokens=False)["input_ids"]


def cut(text: str, stops: list[str]) -> str:
    """Everything before the stop string that is complete first."""
    for end in range(len(text) + 1):
        starts = [end - len(stop) for stop in stops if text[:end].endswith(stop)]
        if starts:
            return text[: min(starts)]
    return text


@given(TEXTS, STOPS)
def test_the_pieces_are_the_text_before_the_first_stop(text, stops):
    stream = TextStream(tiny_tokenizer(), stops)
    pieces = []
    for token in ids(text):
        pieces.append(stream.push(token))
        assert not any(stop in "".join(pieces) for stop in stops)
        if stream.stopped:
            break
    assert stream.stopped == any(stop in text for stop in stops)
    assert "".join(pieces) + stream.flush() == cut(text, stops)
    assert stream.flush() == ""


@given(TEXTS)
def test_characters_come_whole_and_as_soon_as_they_are(text):
    stream = TextStream(tiny_tokenizer(), ())
    for character in text:
        *parts, last = ids(character)
        assert [stream.push(token) for token in parts] == [""] * len(parts)
        assert stream.push(last) == character


def test_what_may_become_a_stop_string_is_held_back():
    stream = TextStream(tiny_tokenizer(), ["END."])
    assert [stream.push(token) for token in ids("an ENDED")] == ["a", "n", " ", "", "", "", "END", "ED"]
    assert stream.flush() == ""


def test_special_tokens_are_no_text():
    stream = TextStream(tiny_tokenizer(), ())
    assert [stream.push(token) for token in (*ids("a"), 1, *ids("b"))] == ["a", "", "b"]


def test_special_tokens_are_text_where_they_are_shown():
    stream = TextStream(tiny_tokenizer(), "b<|im_end|>", shown=["<|im_start|>", "<|im_end|>"])
    assert "".join(map(stream.push, ids("a<|im_start|>c<|im_end|>"))) == "a<|im_start|>c<|im_end|>"
    assert "".join(map(stream.push, ids("b<|im_end|>"))) == ""
    assert stream.stopped_by == "b<|im_end|>"


def test_a_stop_may_be_one_text_or_hold_a_special_token():
    for stop, said in (("END", "fly END now"), (["<|im_end|>"], "fly <|im_end|> now")):
        stream = TextStream(tiny_tokenizer(), stop)
        text = "".join(stream.push(token) for token in ids(said) if not stream.stopped)
        assert (text, stream.stopped) == ("fly ", True)


def test_an_empty_stop_string_is_refused():
    with pytest.raises(ValueError, match="stop=''"):
        TextStream(tiny_tokenizer(), ["a", ""])


def generated(said: str, **how):
    model = tiny_model()
    with saying(model.network, [*ids(said), 2, 2]), model.session() as session:
        return list(session.read(tokens(10)).generate(**how))


@pytest.mark.parametrize(
    ("how", "text", "finished"),
    [
        ({}, "tea at nine, bread at ten", "stop"),
        ({"stop": ["bread"]}, "tea at nine, ", "stop"),
        ({"stop": ["ten", ", b"]}, "tea at nine", "stop"),
        ({"stop": ["milk"]}, "tea at nine, bread at ten", "stop"),
        ({"max_new_tokens": 8}, "tea at n", "length"),
        ({"max_new_tokens": 8, "stop": ["nine"]}, "tea at n", "length"),
    ],
)
def test_a_session_streams_until_a_stop_string_an_end_token_or_the_limit(how, text, finished):
    steps = generated("tea at nine, bread at ten", **how)
    assert "".join(step.text for step in steps) == text
    assert [step.finished for step in steps] == [""] * (len(steps) - 1) + [finished]
    if "max_new_tokens" in how:
        assert len(steps) == 8


@pytest.mark.parametrize(("ends", "end"), [([1, 2], 1), ([1, 2], 2), (1, 1), (1, 2), (None, 2)])
def test_end_tokens_of_the_model_and_of_its_tokenizer_end_the_text(ends, end, monkeypatch):
    model = tiny_model()
    monkeypatch.setattr(model.network.generation_config, "eos_token_id", ends)
    with saying(model.network, [*ids("ab"), end, 5]), model.session() as session:
        steps = list(session.read(tokens(10)).generate())
    assert [step.token for step in steps] == [*ids("ab"), end]
    assert (steps[-1].text, steps[-1].finished) == ("", "stop")
