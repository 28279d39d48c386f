"""A tokenizer as SentencePiece makes them."""

import json
from functools import cache

from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

CONTROLS = ["</s>", "<think>", "</think>"]
STOP, BEGIN, END = range(264, 267)
"""Their tokens."""

_CONTROL = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}


@cache
def sentence_pieces():
    """Words with their blank, and single bytes for all else; besides, what begins and ends a reasoning."""
    words = ["<unk>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁", "a", "▁a", "b", "ab", "▁ab", "é"]
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(
            json.dumps(
                {
                    "version": "1.0",
                    "added_tokens": [
                        {**_CONTROL, "id": STOP + number, "content": content}
                        for number, content in enumerate(CONTROLS)
                    ],
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
