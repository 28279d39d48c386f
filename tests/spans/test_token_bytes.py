"""The bytes of tokens are those of the text that they make."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from longspan.spans.pieces import pieces_of
from tiny import tiny_tokenizer


def sentence_pieces():
    """Words with their blank, and single bytes for all else."""
    words = ["<unk>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁", "a", "▁a", "b", "ab", "▁ab", "é"]
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(
            json.dumps(
                {
                    "version": "1.0",
                    "added_tokens": [],
                    "normalizer": {
                        "type": "Sequence",
                        "normalizers": [
                            {"type": "Prepend", "prepend": "▁"},
                            {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
                        ],
                    },
                    "decoder": {
                        "type": "Sequence",
                        "decoders": [
                            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
                            {"type": "ByteFallback"},
                            {"type": "Fuse"},
                            {"type": "Strip", "content": " ", "start": 1, "stop": 0},
                        ],
                    },
                    "model": {
                        "type": "BPE",
                        "unk_token": "<unk>",
                        "byte_fallback": True,
                        "vocab": {word: number for number, word in enumerate(words)},
                        "merges": [["▁", "a"], ["a", "b"], ["▁a", "b"]],
                    },
                }
            )
        ),
        unk_token="<unk>",
    )


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
