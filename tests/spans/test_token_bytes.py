"""The bytes of tokens are those of the text that they make."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longspan.spans.pieces import pieces_of
from piecewise import sentence_pieces
from tiny import tiny_tokenizer


@pytest.mark.parametrize(
    "tokenizer", [tiny_tokenizer(), sentence_pieces()], ids=["byte level", "byte fallback"]
)
@settings(max_examples=60, deadline=None)
@given(text=st.text(st.sampled_from("ab é🜂\n"), max_size=12))
def test_the_pieces_of_a_text_are_its_bytes(tokenizer, text):
    pieces = pieces_of(tokenizer)
    ids = tokenizer.backend_tokenizer.encode("b" + text, add_special_tokens=False).ids
    assert b"".join(map(pieces.data, ids)).lstrip(b" ") == ("b" + text).encode()


def test_control_tokens_are_called_what_they_are_called():
    assert pieces_of(tiny_tokenizer()).data(1) == b"<|im_start|>"
    assert pieces_of(tiny_tokenizer()).data(10_000) == b""
