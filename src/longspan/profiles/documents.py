"""How much each head looks from a question to the document that answers it."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from longspan.conversation import begin_ids
from longspan.policies.view import View
from longspan.profiles.prose import facts, sentences
from longspan.profiles.reading import full_layers
from longspan.running.reader import Reader, chunk_ends
from longspan.seam.seam import Seam
from longspan.spans import tokenize

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

_CHUNK = 512
_DOCUMENTS = 8
_QUESTIONS = 4


def shape(seam: Seam) -> tuple[int, ...]:
    """Of the scores."""
    return len(seam.layers), max(layer.heads for layer in seam.layers)


def measure(seam: Seam, tokenizer: PreTrainedTokenizerFast) -> Tensor:
    """Scores of query heads, fp32 `[layers, heads]` in 0 .. 1.

    The model reads eight short documents with a passkey each and a question for one of them, four times. A head's score
    is the share of the attention of the question's tokens that goes to this document, mean over tokens and questions; 0
    in layers with a window, and for heads that a layer lacks.

    The selection of heads is CAFE's, https://arxiv.org/abs/2505.10063, which takes a validation set of a benchmark.
    """
    scores = torch.zeros(shape(seam))
    layers = full_layers(seam)
    for number in range(_QUESTIONS if layers else 0):
        gold = 2 * number + 1
        ids, documents, asked = _prompt(tokenizer, gold)
        with Reader(seam, observe=asked, length=len(ids)) as reader:
            for _ in reader.read(ids, chunk_ends(len(ids), _CHUNK)):
                pass
            for layer in layers:
                found = looked_at(reader.view(layer, asked), documents[gold]).cpu()
                scores[layer, : len(found)] += found / _QUESTIONS
    return scores


def looked_at(view: View, document: range) -> Tensor:
    """The share of attention that goes from the view's queries to some entries, by query head: fp32 `[heads]`."""
    weights = view.attention().flatten(0, 1)
    return weights[..., document.start : document.stop].sum(-1).mean(-1)


def _prompt(tokenizer: PreTrainedTokenizerFast, gold: int) -> tuple[list[int], list[range], int]:
    """Tokens of documents and a question, where each document stands, and how many tokens ask."""
    told, names = sentences(), list(facts())[:_DOCUMENTS]
    ids, documents = begin_ids(tokenizer), []
    for place, words in names:
        text = f"\n\nThe passkey of the {place} is {words}.{''.join(islice(told, 2))}"
        begin = len(ids)
        ids += tokenize(tokenizer, text, plain=True).ids
        documents.append(range(begin, len(ids)))
    asking = tokenize(tokenizer, f"\n\nWhat is the passkey of the {names[gold][0]}?", plain=True).ids
    return ids + asking, documents, len(asking)
