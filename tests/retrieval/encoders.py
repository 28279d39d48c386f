"""Small encoders: a random one in a folder, and one that knows which words mean the same."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, LlamaConfig, LlamaModel

from longspan.retrieval.embedders.base import Embedder, TokenRows
from longspan.retrieval.retrievers.dense import unit

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,!?é東京"


def encoder_folder(folder: Path, *, decoder: bool = False, positions: int = 64) -> Path:
    """A random encoder of 16 dimensions over letters, made as BERT's are, or as a decoder with rotary positions."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    pieces = [*special, *LETTERS, *(f"##{each}" for each in LETTERS)]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(strip_accents=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(special)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    sizes = {"vocab_size": len(pieces), "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2}
    sizes |= {"num_attention_heads": 2, "max_position_embeddings": positions, "initializer_range": 0.5}
    torch.manual_seed(1)
    model = LlamaModel(LlamaConfig(**sizes)) if decoder else BertModel(BertConfig(**sizes))
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


@dataclass(frozen=True, kw_only=True)
class Thesaurus(Embedder):
    """One dimension a meaning: words of one group are the same to it, others nothing, but for a little of their own."""

    groups: tuple[tuple[str, ...], ...] = (("doctor", "physician"), ("car", "automobile"), ("letter", "note"))

    @property
    def identity(self) -> str:
        return f"thesaurus {self.groups}"

    def embed(self, texts: Sequence[str], progress=None) -> np.ndarray:
        return unit(np.stack([self._row(text) for text in texts]).astype(np.float32))

    def embed_query(self, text: str) -> np.ndarray:
        return self.embed([text])[0]

    def embed_tokens(self, text: str) -> TokenRows:
        found = list(re.finditer(r"\w+", text)) or [re.match("", text)]
        rows = np.stack([self._row(each[0]) for each in found]).astype(np.float32)
        return TokenRows(rows=rows, starts=tuple(each.start() for each in found), windows=(len(found),))

    def known(self, text: str) -> float:
        return float(text.isascii())

    def _row(self, text: str) -> np.ndarray:
        words = re.findall(r"\w+", text.lower())
        return np.array([*(sum(words.count(each) for each in group) for group in self.groups), 0.1])
