"""Embedders: pooling, padding, windows and positions."""

from pathlib import Path

import numpy as np
import pytest
import torch
from encoders import LETTERS, encoder_folder
from hypothesis import given, settings
from hypothesis import strategies as st

from longspan.errors import CorruptModel, ModelNotFound, UnsupportedModel
from longspan.retrieval.embedders.folder import Folder
from longspan.retrieval.embedders.stretched import stretched_table
from longspan.retrieval.retrievers.late_chunks import LateChunks
from longspan.spans import Document, Span


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> str:
    return str(encoder_folder(tmp_path_factory.mktemp("bert")))


@pytest.fixture(scope="module")
def decoder(tmp_path_factory) -> str:
    return str(encoder_folder(tmp_path_factory.mktemp("llama"), decoder=True))


def states(embedder: Folder, ids: list[int]) -> torch.Tensor:
    """The network's own last states of one text, without padding."""
    with torch.no_grad():
        return embedder._network().network(input_ids=torch.tensor([ids])).last_hidden_state[0]


def ids_of(text: str) -> list[int]:
    """[CLS], a token for each letter, [SEP]; letters behind others of a word have the second half of the vocabulary."""
    inside = [
        4 + LETTERS.index(letter) + (len(LETTERS) if at else 0)
        for word in text.split()
        for at, letter in enumerate(word)
    ]
    return [2, *inside, 3]


@pytest.mark.parametrize("pooling", ["mean", "first", "last"])
def test_a_row_is_the_pooled_states_of_the_text_alone(folder, decoder, pooling):
    texts = ["abc de", "a", "zzz yyy xxx www", "0 1 2"]
    for path in (folder, decoder):
        embedder = Folder(path=path, pooling=pooling, tokens=64)
        rows = embedder.embed(texts)
        for text, row in zip(texts, rows, strict=True):
            own = states(embedder, ids_of(text))
            naive = {"mean": own.mean(dim=0), "first": own[0], "last": own[-1]}[pooling]
            np.testing.assert_allclose(row, naive / naive.norm(), atol=1e-5)
        np.testing.assert_allclose(rows[::-1], embedder.embed(texts[::-1]), atol=1e-6)


TEXTS = st.text(st.sampled_from("ab de.\n東京🙂é\u0301\x00\ud800"), max_size=300)


@settings(max_examples=15)
@given(text=TEXTS)
def test_no_token_of_a_text_is_cut_off(folder, text):
    network = Folder(path=folder, tokens=16)._network()
    windows = network.windows(text)
    whole = [each for window in windows for each in window.ids]
    assert whole == [number for ids, _ in network._pieces(text) for number in ids]
    lengths = [len(window.ids) for window in windows]
    assert max(lengths) <= 14
    assert max(lengths) - min(lengths) <= 1
    row = network.embed([text])[0]
    assert np.linalg.norm(row) == pytest.approx(1)
    each = np.stack([network.embed([""])[0] for _ in windows]) if not whole else None
    if each is None:
        tokens = network.embed_tokens(text)
        parts = np.split(tokens.rows, np.cumsum(tokens.windows)[:-1])
        each = np.stack([part.mean(axis=0) / np.linalg.norm(part.mean(axis=0)) for part in parts])
        assert all(0 <= start < len(text) for start in tokens.starts)
    mean = each.mean(axis=0)
    np.testing.assert_allclose(row, mean / np.linalg.norm(mean), atol=1e-5)


def test_a_word_without_end_is_read_letter_by_letter(folder):
    network = Folder(path=folder, tokens=64)._network()
    assert sum(len(window.ids) for window in network.windows("a" * 5000)) == 5000
    assert network.known("a" * 5000) == 1
    assert network.known("ab 漢 漢") == pytest.approx(0.5)
    assert network.known("ab 東", english=True) == pytest.approx(2 / 3)


def test_control_tokens_in_a_text_are_text(folder):
    assert 3 not in Folder(path=folder, tokens=64)._network().windows("a [SEP] b")[0].ids


def test_one_late_chunk_is_the_plain_row(folder):
    embedder = Folder(path=folder, tokens=64)
    document = Document("a.txt", "abc de. fgh ij. klm no.")
    whole = Span(document, 0, len(document.text))
    (rows,) = LateChunks(embedder=embedder).encode([whole])
    np.testing.assert_allclose(rows[0], embedder.embed([document.text])[0], atol=1e-6)
    halves = [Span(document, 0, 8), Span(document, 8, len(document.text))]
    together = LateChunks(embedder=embedder).encode(halves)
    alone = embedder.embed([half.text for half in halves])
    assert not np.allclose(together[0][0], alone[0], atol=1e-2), "it knows of what follows"
    tokens = embedder.embed_tokens(document.text)
    counts = np.array([sum(start < 8 for start in tokens.starts), sum(start >= 8 for start in tokens.starts)])
    sums = [tokens.rows[: counts[0]].sum(axis=0), tokens.rows[counts[0] :].sum(axis=0)]
    np.testing.assert_allclose(together[1][0], sums[1] / np.linalg.norm(sums[1]), atol=1e-5)


def test_a_stretched_table_keeps_its_rows():
    table = torch.arange(6.0)[:, None] * torch.tensor([1.0, -2.0])
    for positions in ("interpolated", "grouped", "recurrent"):
        assert torch.equal(stretched_table(table, positions, 1), table)
    twice = stretched_table(table, "interpolated", 2)[:, 0]
    assert twice.tolist() == [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 5]
    assert stretched_table(table, "grouped", 2)[:, 0].tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert stretched_table(table, "recurrent", 2)[:, 0].tolist() == [0, 1, 2, 3, 4, 5] * 2


def test_stretched_positions_read_longer_texts_at_once(folder, decoder):
    text = "abcdefghij " * 12
    plain = Folder(path=folder, tokens=64)
    far = Folder(path=folder, tokens=128, positions="interpolated", factor=2)
    assert len(plain._network().windows(text)) == 2
    assert len(far._network().windows(text)) == 1
    assert np.linalg.norm(far.embed([text])[0]) == pytest.approx(1)
    assert far.identity != plain.identity
    with pytest.raises(UnsupportedModel, match=r"tokens=65 is outside 3 \.\. 64"):
        Folder(path=folder, tokens=65).embed([""])
    with pytest.raises(UnsupportedModel, match="needs an encoder with a table of positions"):
        Folder(path=decoder, positions="grouped", factor=2).embed([""])


def test_a_folder_that_holds_no_encoder_is_told(folder, tmp_path):
    with pytest.raises(ModelNotFound, match="has no config"):
        Folder(path=str(tmp_path)).embed(["a"])
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelNotFound, match="has no tokenizer"):
        Folder(path=str(tmp_path)).embed(["a"])
    (tmp_path / "tokenizer.json").write_bytes(Path(folder, "tokenizer.json").read_bytes())
    with pytest.raises(CorruptModel, match="no encoder in transformers' format"):
        Folder(path=str(tmp_path)).embed(["a"])
    with pytest.raises(ValueError, match="pooling='max' is not one of mean, first, last"):
        Folder(path=folder, pooling="max")
