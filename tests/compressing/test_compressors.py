"""What each compressor wants to stay, against the model's own numbers and naive loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertForTokenClassification, RobertaConfig, RobertaForTokenClassification

from longspan.compressing.classifier import Classifier, classifier_folder
from longspan.compressing.compress import compress
from longspan.compressing.extractive import central
from longspan.compressing.gemfilter import products
from longspan.compressing.grounding import grounded
from longspan.compressing.random_access import RandomAccess
from longspan.compressing.selective_context import units_of
from longspan.compressing.surprise import surprises
from longspan.dialogue import dialogue
from longspan.errors import CorruptModel, ModelNotFound, UnsupportedModel, WindowExceeded
from longspan.plan import Plan
from longspan.retrieval.judge import Judge
from longspan.retrieval.rerankers.likelihood import log_likelihood
from longspan.running.looking import looked
from longspan.spans import Document, Span, passages
from tiny import stock_logits, tiny_model, tiny_network

TEXT = "The sea was calm. The baker hid the letter. It rained; 10 000 drops fell. “Señor 🙂” said nobody. 東京。 "
BOOK = Document("book.txt", TEXT * 2)
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,!?é東京"
QUESTION = "Who hid the letter?"


def judge(model, spent=None):
    return Judge(ask=None, model=model, spent=(spent if spent is not None else []).append)


# Selective Context.


def test_surprise_is_minus_log_p_behind_all_that_was_read():
    model, spent = tiny_model(), []
    tokens, found = surprises(judge(model, spent), BOOK, window=2048)
    logs = stock_logits(tiny_network("llama"), torch.tensor(tokens.ids)).log_softmax(-1)
    expected = [-float(logs[at - 1, token]) for at, token in enumerate(tokens.ids) if at]
    assert found[1:] == pytest.approx(expected, abs=1e-4)
    assert found[0] == pytest.approx(sum(expected) / len(expected), abs=1e-4)
    assert sum(each.prompt_tokens for each in spent) == len(tokens)


def test_a_long_text_is_read_in_windows_that_know_a_quarter_of_the_one_before():
    tokens, found = surprises(judge(tiny_model()), BOOK, window=40)
    network, expected, first = tiny_network("llama"), [], 0
    while len(expected) < len(tokens):
        first = max(0, len(expected) - 10)
        piece = torch.tensor(tokens.ids[first : first + 40])
        logs = stock_logits(network, piece).log_softmax(-1)
        own = [math.nan, *(-float(logs[at - 1, token]) for at, token in enumerate(piece.tolist()) if at)]
        expected += own[len(expected) - first :]
    assert found[1:] == pytest.approx(expected[1:], abs=1e-4)


@pytest.mark.parametrize("unit", ["sentence", "phrase", "word"])
def test_the_most_surprising_units_stay(unit):
    model = tiny_model()
    tokens, known = surprises(judge(model), BOOK, window=2048)
    means = {}
    for span in units_of(BOOK, unit):
        inside = [
            loss
            for loss, (first, last) in zip(known, tokens.offsets, strict=True)
            if first < span.end and last > span.start
        ]
        means[span.start, span.end] = sum(inside) / len(inside)
    kept = compress(BOOK, 0.4, by=f"selective-context(unit={unit})", model=model)
    stays = {
        place: any(each.start <= place[0] and place[1] <= each.end for each in kept.spans) for place in means
    }
    assert 0 < sum(stays.values()) < len(means)
    worst = min(mean for place, mean in means.items() if stays[place])
    assert worst >= max(mean for place, mean in means.items() if not stays[place])


def test_a_phrase_is_a_run_of_words_that_say_something():
    held = Document("a.txt", "The old baker of Lisbon hid letters, notes and the 3 blue keys.")
    assert [span.text for span in units_of(held, "phrase")] == [
        "The", "old baker", "of", "Lisbon hid letters,", "notes", "and", "the", "3 blue keys.",
    ]  # fmt: skip


# Extractive.


def test_sentences_that_speak_of_the_question_stay_first():
    kept = compress(BOOK, 0.1, question="Who hid the letter?", count=len)
    assert kept.text == "The baker hid the"
    more = compress(BOOK, 0.5, question="Who hid the letter?", count=len)
    assert more.text.count("The baker hid the letter.") == 2


def test_neighbours_of_what_speaks_come_next():
    kept = compress(BOOK, 0.55, by="extractive(neighbours=1)", question=QUESTION, count=len)
    assert "calm. The baker hid the letter. It" in " ".join(kept.text.split())


def test_without_a_question_the_sentence_that_is_most_like_all_comes_first():
    texts = [
        "Rain fell.",
        "The harbour light burned.",
        "The harbour light burned all night in rain.",
        "Nobody came.",
    ]
    words = [set(text.lower().strip(".").split()) - {"the", "all", "in", "nobody", "came"} for text in texts]
    assert central(texts)[0] == max(range(4), key=lambda number: len(words[number])) == 2


def test_a_reranker_that_asks_in_words_says_what_it_needs():
    with pytest.raises(ValueError, match="needs a chat; use likelihood"):
        compress(BOOK, 0.5, by="extractive(reranker=listwise)", question=QUESTION, model=tiny_model())


# LongLLMLingua.


def test_passages_that_make_the_question_likely_stay():
    model = tiny_model()
    found = passages(BOOK, 48, model.count)
    after = QUESTION + " We can get the answer to this question in the given documents."
    best = max(found, key=lambda span: log_likelihood(model, span.text, after))
    kept = compress(BOOK, 0.25, by="longllmlingua(passage=48)", question=QUESTION, model=model)
    assert any(span.start <= best.start and best.end - 1 <= span.end for span in kept.spans)
    assert kept.usage.prompt_tokens > model.count(BOOK.text)


# GemFilter.


def test_words_stay_by_the_product_of_their_best_token():
    model = tiny_model()
    held = Document("b.txt", TEXT)
    said = dialogue(model.tokenizer, [("user", f"{TEXT}\n\n{QUESTION}")])
    with looked(model.seam, Plan(), said.ids, 1, [1]) as look:
        seen = products(look.views[1], 5).tolist()
    best = {}
    for token, start in enumerate(said.starts):
        at = start - said.said[0]
        if 0 <= at < len(TEXT) and not TEXT[at].isspace():
            word = max(TEXT.rfind(blank, 0, at + 1) for blank in " \n") + 1
            best[word] = max(best.get(word, -math.inf), seen[token])
    kept = compress(held, 0.2, by="gemfilter", question=QUESTION, model=model)
    assert 0.1 < kept.rate <= 0.2
    top = max(
        (word for word in best if TEXT[word : word + 2] not in ("10", "00", "東京")), key=best.__getitem__
    )
    others = sum(score > best[top] for score in best.values())
    assert others > 3 or any(span.start <= top < span.end for span in kept.spans)


def test_gemfilter_says_that_a_document_is_beyond_its_window():
    with pytest.raises(WindowExceeded, match=r"reads [\d,]+ tokens of book.txt at once > window 512; raise"):
        compress(Document("book.txt", TEXT * 6), 0.5, by="gemfilter", question=QUESTION, model=tiny_model())


# Random-Access Reading.


def test_what_is_read_stays_and_no_more_is_read():
    model, spent = tiny_model(), []
    long = Document("long.txt", TEXT * 12)
    kept = compress(
        long, 0.25, by="random-access(window=24,step=4)", judge=judge(model, spent), count=model.count
    )
    read = sum(each.prompt_tokens for each in spent)
    assert read == pytest.approx(0.25 * model.count(long.text), abs=1)
    assert kept.usage.prompt_tokens == read
    assert max(span.end for span in kept.spans) > 0.7 * len(long.text)
    assert kept.spans[0].start == 0


def test_the_surer_the_window_the_further_the_skip():
    method = RandomAccess(window=64, step=16)
    skips = [method.skip([2.0, loss], rest=4000, left=500) for loss in (0.5, 1.0, 2.0, 8.0)]
    assert skips == sorted(skips, reverse=True)
    assert all(each % 16 == 0 for each in skips)
    mean = (2.0 + 1.0) / 2
    assert skips[1] == round(64 * (4000 - 500) / 500 * mean / 1.0 / 16) * 16
    assert method.skip([1e-9], rest=4000, left=500) <= 3500
    assert method.skip([1.0], rest=300, left=500) == method.skip([1.0], rest=300, left=0) == 0


# LLMLingua-2.


@pytest.fixture(scope="module", params=["bert", "roberta"])
def classifier(request, tmp_path_factory):
    """The folder of a random token classifier over letters."""
    folder = tmp_path_factory.mktemp(request.param)
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    pieces = [*special, *LETTERS, *(f"##{each}" for each in LETTERS)]
    tokenizer = Tokenizer(models.WordPiece({piece: at for at, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(special)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    sizes = {"vocab_size": len(pieces), "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2}
    sizes |= {"num_attention_heads": 2, "initializer_range": 0.6, "pad_token_id": 0, "num_labels": 2}
    config, network = {
        "bert": (BertConfig, BertForTokenClassification),
        "roberta": (RobertaConfig, RobertaForTokenClassification),
    }[request.param]
    torch.manual_seed(3)
    network(config(max_position_embeddings=65, **sizes)).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


LOWER = "the baker hid it. nobody saw the boat leave. it rained all night, and the road was gone. "


def test_a_word_is_as_likely_to_stay_as_its_tokens_are(classifier):
    held = Classifier(classifier, 512)
    offsets, likely = held.kept(LOWER)
    kind = BertForTokenClassification if classifier.name.startswith("bert") else RobertaForTokenClassification
    network = kind.from_pretrained(classifier).eval()
    tokenizer = Tokenizer.from_file(str(classifier / "tokenizer.json"))
    expected = []
    for window in _windows(offsets, (65 if kind is BertForTokenClassification else 64) - 2):
        text = LOWER[offsets[window[0]][0] : offsets[window[-1]][1]]
        ids = torch.tensor([tokenizer.encode(text).ids])
        with torch.no_grad():
            expected += network(input_ids=ids).logits[0].softmax(-1)[1:-1, 1].tolist()
    assert len(expected) == len(offsets)
    assert likely == pytest.approx(expected, abs=1e-5)
    kept = compress(
        Document("a.txt", LOWER), 0.5, by=f'llmlingua-2(classifier="{classifier}")', count=len, question="x"
    )
    means = {}
    for start in [0, *(at + 1 for at, sign in enumerate(LOWER[:-1]) if sign == " ")]:
        end = LOWER.index(" ", start)
        inside = [p for p, (a, b) in zip(likely, offsets, strict=True) if start <= a and b <= end]
        means[start] = sum(inside) / len(inside)
    stays = {start: any(span.start <= start < span.end for span in kept.spans) for start in means}
    worst = min(mean for start, mean in means.items() if stays[start])
    assert worst >= max(mean for start, mean in means.items() if not stays[start])


def _windows(offsets, room):
    """As many tokens as there is room for, up to the last full stop among them."""
    windows, rest = [], list(range(len(offsets)))
    while len(rest) > room:
        stops = [at for at in range(room) if "." in LOWER[slice(*offsets[rest[at]])]]
        cut = stops[-1] + 1 if stops else room
        windows.append(rest[:cut])
        rest = rest[cut:]
    return [*windows, rest]


def test_texts_without_blanks_or_with_unknown_signs_are_read_whole(classifier):
    held = Classifier(classifier, 16)
    for text in ("a" * 500, "東京🙂" * 40, "\ud800x", "[SEP] a", "\n\n", "."):
        offsets, likely = held.kept(text)
        assert len(offsets) == len(likely)
        assert all(0 <= start <= end <= len(text) for start, end in offsets)
        assert all(0 <= each <= 1 for each in likely)
    assert held.kept("") == ([], [])


def test_a_classifier_that_is_none_is_told(classifier, tmp_path, monkeypatch):
    with pytest.raises(ModelNotFound, match="no folder and no hub id"):
        classifier_folder("nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelNotFound, match=r"has no config\.json"):
        classifier_folder(str(tmp_path / "empty"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("longspan.compressing.classifier.on_disk", lambda name: None)

    def unreachable(name, progress):
        from longspan.loading.reason import SourceUnavailableError

        raise SourceUnavailableError("the hub does not answer")

    monkeypatch.setattr("longspan.compressing.classifier.fetch_from_hub", unreachable)
    with pytest.raises(
        ModelNotFound, match=r"could not be fetched \(the hub does not answer\); connect once, give"
    ):
        compress(BOOK, 0.5, by="llmlingua-2", count=len)
    sizes = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2}
    for labels, wrong, error in (
        (3, "3 labels apart", UnsupportedModel),
        (2, "no weights for", CorruptModel),
    ):
        folder = tmp_path / f"labels{labels}"
        network = BertForTokenClassification(BertConfig(vocab_size=40, num_labels=labels, **sizes))
        (network if labels == 3 else network.bert).save_pretrained(folder)
        (folder / "tokenizer.json").write_bytes((classifier / "tokenizer.json").read_bytes())
        with pytest.raises(error, match=wrong):
            Classifier(folder, 512)


# Grounding.


class Directions:
    """Texts that name their own vectors."""

    def embed(self, texts):
        return np.array([[float(each) for each in text.split()] for text in texts])

    def embed_query(self, text):
        return self.embed([text])[0]


def test_what_was_read_is_one_direction_whatever_its_length():
    read = Document("a.txt", "0 1 0\n\n0 0 1 ")
    spans = [Span(read, 0, 5), Span(read, 5, 7), Span(read, 7, 13)]
    found = grounded("1 1 1", "1 0 0", spans, Directions())
    to_question, to_context = math.acos(1 / math.sqrt(3)), math.acos(2 / math.sqrt(6))
    assert (found.to_question, found.to_context) == pytest.approx((to_question, to_context))
    assert found.sgi == pytest.approx(to_question / to_context)
    assert found.informative
    assert not grounded("1 1 1", "0 1 1", spans, Directions()).informative
    for answer, held, name in (
        (" ", spans, "answer"),
        ("1 0 0", spans[1:2], "read"),
        ("0 0 0", spans, "answer"),
    ):
        with pytest.raises(ValueError, match=name):
            grounded(answer, "1 0 0", held, Directions())
