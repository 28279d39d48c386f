"""Flows that look inside the model: against the model's own eager attention, and what they carry on."""

from itertools import pairwise

import pytest
import torch
from torch.testing import assert_close

from longspan.compressing.gemfilter import products
from longspan.errors import FlowError
from longspan.flows.base import Events
from longspan.flows.cafe import CAFE, attended, best_heads
from longspan.flows.chat import Local
from longspan.flows.gemfilter import GemFilter, staying
from longspan.flows.infini_retri import InfiniRetri, along
from longspan.flows.looking import local, looked, placed
from longspan.flows.prompting import laid
from longspan.flows.scripted import Scripted
from longspan.flows.trace import Trace, Traced
from longspan.flows.xl3m import XL3M, entropy, surprises
from longspan.model import Model
from longspan.profiles import documents
from longspan.spans import Document, Span, passages
from tiny import model_of, tiny_model, tiny_network

REPLY = Scripted([("", "The baker.")]).generate([{"role": "user", "content": "?"}])
QUESTION = "Who hid the letter?"
BOOK = Document(
    "book.txt", "The sea was calm. The baker hid the letter. It rained. “Señor 🙂” said nobody. " * 2
)


def eager(family, ids, layer):
    network = tiny_network(family, attn_implementation="eager")
    with torch.no_grad():
        out = network(input_ids=torch.tensor(ids)[None], output_attentions=True)
    return out.attentions[layer][0]


@pytest.mark.parametrize("family", ["llama", "qwen2", "packed llama"])
@pytest.mark.parametrize("layer", [0, 1, 2])
def test_what_is_seen_of_the_last_rows_is_eager_attention(family, layer):
    chat = Local(tiny_model(family))
    prompt = placed(chat, [Span(BOOK, 0, len(BOOK.text))], QUESTION)
    with looked(chat, prompt.ids, prompt.asking, [layer]) as look:
        seen = look.views[layer].attention().flatten(0, 1)
    assert look.usage.prompt_tokens == len(prompt.ids)
    expected = eager(family, prompt.ids, layer)[:, prompt.question :] if "packed" not in family else None
    if expected is None:
        with looked(chat, prompt.ids, prompt.asking, [layer, 2]) as whole:
            expected = whole.views[layer].attention().flatten(0, 1)
    assert_close(seen, expected, atol=1e-5, rtol=0)
    with looked(chat, prompt.ids, prompt.asking, [layer]) as again:
        assert torch.equal(again.views[layer].attention().flatten(0, 1), seen)


def test_tokens_know_the_characters_that_they_stand_for():
    chat = Local(tiny_model())
    spans = [Span(BOOK, 18, 44), Span(BOOK, 53, 77)]
    prompt = placed(chat, spans, QUESTION)
    held = [place for place in prompt.places if place is not None]
    assert len(held) == sum(len(span.text.encode()) for span in spans)
    characters = list(dict.fromkeys((place.start, place.end) for place in held))
    assert characters == [(at, at + 1) for span in spans for at in range(span.start, span.end)]
    tokenizer = chat.model.tokenizer
    assert tokenizer.decode(prompt.ids[prompt.question :]).startswith(QUESTION)
    assert prompt.asking > len(QUESTION)
    within = prompt.within(spans[::-1])
    assert [each for each in within if each is not None] == [1] * 26 + [0] * (len(held) - 26)
    assert prompt.ids == placed(chat, spans, QUESTION).ids


def test_a_network_that_was_looked_into_is_its_own_again():
    network = tiny_network("llama")
    chat = Local(model_of(network))
    ids = torch.tensor([5, 9, 40, 8])
    before = chat.model.seam.stock(ids)
    with looked(chat, list(range(3, 90)), 4, [0]):
        pass
    with pytest.raises(RuntimeError, match="halt"), looked(chat, list(range(3, 90)), 4, [1]):
        raise RuntimeError("halt")
    assert torch.equal(chat.model.seam.stock(ids), before)
    with torch.no_grad():
        assert torch.equal(network(input_ids=ids[None]).logits[0], before)


def test_a_server_does_not_show_what_is_inside(tmp_path):
    with pytest.raises(FlowError, match=r"infini-retri looks inside the model.*or use best-passages"):
        InfiniRetri().answer(Scripted([]), [BOOK], QUESTION, Events())
    chat = Local(tiny_model())
    with Trace(tmp_path / "trace.jsonl") as trace, pytest.raises(FlowError, match="looks inside"):
        local(Traced(Scripted([]), trace), "xl3m")
    assert local(chat, "xl3m") is chat


def test_attention_is_added_up_around_each_token():
    seen = torch.arange(1.0, 11.0)
    expected = [sum(range(max(1, at - 4), min(10, at + 3) + 1)) for at in range(1, 11)]
    assert along(seen, 8).tolist() == expected
    assert torch.equal(along(seen, 1), seen)


def test_sentences_are_carried_on_whole_and_within_the_budget(monkeypatch):
    chat, shown = Local(tiny_model()), []
    monkeypatch.setattr(
        "longspan.flows.infini_retri.placed",
        lambda model, spans, question: shown.append(spans) or placed(model, spans, question),
    )
    lines = []
    events = Events(step=lines.append, generation={"max_new_tokens": 4})
    text = "".join(f"The sailor slept on day {day}. " for day in range(40))
    document = Document("log.txt", text)
    flow = InfiniRetri(window=60, kept=70, tokens=20)
    answer = flow.answer(chat, [document], QUESTION, events)
    assert len(shown) > 3
    ends = [spans[-1].end for spans in shown]
    assert ends == sorted(ends)
    assert ends[-1] == len(text)
    for before, spans in pairwise(shown):
        new = chat.count_tokens(text[before[-1].end : spans[-1].end])
        kept = sum(len(span.text) for span in spans) - new
        assert 0 < kept <= 70
        assert all(not span.start or text[span.start - 2 : span.start] == ". " for span in spans)
    assert answer.usage.prompt_tokens > chat.count_tokens(text)
    assert answer.usage.truncated_tokens == 0


# GemFilter: tokens that an early layer looks at.


def test_products_are_those_of_the_last_query_with_all_keys():
    chat = Local(tiny_model())
    ids = list(range(3, 40))
    with looked(chat, ids, 1, [1]) as look:
        view = look.views[1]
        seen = products(view, 5)
    keys = view.keys.repeat_interleave(view.group, 0)
    plain = [
        sum(float(keys[head, at] @ view.queries[head, -1]) for head in range(4)) for at in range(len(ids))
    ]
    expected = [sum(plain[max(0, at - 2) : at + 3]) / 5 for at in range(len(ids))]
    assert_close(seen, torch.tensor(expected), atol=1e-4, rtol=1e-4)


def test_the_template_and_the_question_always_stay():
    prompt = placed(Local(tiny_model()), [Span(BOOK, 0, len(BOOK.text))], QUESTION)
    inside = [token for token, place in enumerate(prompt.places) if place is not None]
    seen = torch.zeros(len(prompt.ids))
    seen[inside[7]], seen[inside[3]], seen[0] = 2.0, 1.0, 9.0
    stay = staying(prompt, seen, 3)
    assert [token for token in stay if token in inside] == [inside[0], inside[3], inside[7]]
    assert set(stay) >= set(range(len(prompt.ids))) - set(inside)
    assert staying(prompt, seen, 9_999) == list(range(len(prompt.ids)))


def test_where_all_tokens_stay_the_reply_is_the_models_own():
    chat = Local(tiny_model())
    events = Events(generation={"max_new_tokens": 12})
    answer = GemFilter(tokens=9_999).answer(chat, [BOOK], QUESTION, events)
    message = laid("passages", [Span(BOOK, 0, len(BOOK.text))], QUESTION).message
    assert answer.text == chat.generate([message], max_new_tokens=12).text
    fewer = GemFilter(tokens=30).answer(chat, [BOOK], QUESTION, events)
    assert fewer.usage.prompt_tokens == answer.usage.prompt_tokens - (len(BOOK.text.encode()) - 30)
    with pytest.raises(ValueError, match="pool=4 is even"):
        GemFilter(pool=4)


# XL3M: how sure the model is after each segment.


def test_scores_are_entropies_of_the_stock_model_alone_and_side_by_side():
    chat, ahead = Local(tiny_model()), 3
    segments = passages(BOOK, 40, chat.count_tokens)
    scores, tokens = surprises(chat, segments, QUESTION, ahead)
    single, _ = surprises(Local(tiny_model(), together=1), segments, QUESTION, ahead)
    assert scores == pytest.approx(single, abs=1e-6)
    alone = placed(chat, [], QUESTION).ids
    expected = []
    for segment in segments:
        ids, said = placed(chat, [segment], QUESTION).ids, []
        for _ in range(ahead):
            said.append(int(stock(ids + said)[-1].argmax()))
        after = entropy(stock(ids + said[:-1])[-ahead:]).mean()
        before = entropy(stock(alone + said[:-1])[-ahead:]).mean()
        expected.append(float(after - before))
    assert scores == pytest.approx(expected, abs=1e-4)
    assert tokens == len(alone) + sum(len(placed(chat, [each], QUESTION).ids) for each in segments)


def stock(ids):
    return tiny_model().seam.stock(torch.tensor(ids))


def test_the_surest_segments_are_read_in_their_order(monkeypatch):
    chat = Local(tiny_model())
    text = "".join(f"The sailor slept on day {day}. " for day in range(20))
    document, given = Document("log.txt", text), []

    def ranked(model, segments, question, ahead):
        given.extend(segments)
        return [-float(number % 3) for number in range(len(segments))], 0

    monkeypatch.setattr("longspan.flows.xl3m.surprises", ranked)
    asked = []
    monkeypatch.setattr(Local, "generate", lambda self, messages, **rest: asked.append(messages) or REPLY)
    events = Events(generation={"max_new_tokens": 4})
    XL3M(segment=60, tokens=140).answer(chat, [document], QUESTION, events)
    assert "".join(each.text for each in given) == text
    assert [number for number, each in enumerate(given) if each.text in asked[0][0]["content"]] == [2, 5]


# CAFE: heads that look for documents.


def test_the_chosen_heads_are_the_best_of_those_that_look():
    scores = torch.tensor([[0.0, 0.2, 0.1], [0.4, 0.0, 0.3]])
    assert best_heads(scores, 0.5) == [(1, 0), (1, 2)]
    assert best_heads(scores, 0.0) == [(1, 0)]
    assert len(best_heads(scores, 1.0)) == 4


def test_passages_are_ranked_by_the_attention_that_they_get():
    chat, usages = Local(tiny_model()), []
    segments = passages(BOOK, 40, chat.count_tokens)
    scores = attended(chat, segments, QUESTION, [(0, 1), (2, 3)], usages)
    prompt = placed(chat, segments, QUESTION)
    weights = sum(
        eager("llama", prompt.ids, layer)[head, prompt.question :].mean(0) for layer, head in [(0, 1), (2, 3)]
    )
    within = prompt.within(segments)
    for number, score in enumerate(scores):
        mine = [token for token, each in enumerate(within) if each == number]
        assert score == pytest.approx(float(weights[mine].sum()), abs=1e-5)
    assert usages[0].prompt_tokens == len(prompt.ids)


def test_the_second_pass_looks_at_the_best_of_the_first(monkeypatch):
    chat, looks, asked = Local(tiny_model()), [], []
    text = "".join(f"The sailor slept on day {day}. " for day in range(20))

    def ranked(model, spans, question, heads, usages):
        looks.append(spans)
        return [float("day 7." in span.text) + 0.5 * ("day 3." in span.text) for span in spans]

    monkeypatch.setattr("longspan.flows.cafe.attended", ranked)
    monkeypatch.setattr(Model, "profile", lambda self, name: torch.ones(3, 4))
    monkeypatch.setattr(Local, "generate", lambda self, messages, **rest: asked.append(messages) or REPLY)
    flow = CAFE(passage=32, window=100, coarse=3, fine=2)
    flow.answer(chat, [Document("log.txt", text)], QUESTION, Events(generation={"max_new_tokens": 4}))
    *first, second = looks
    assert "".join(span.text for spans in first for span in spans) == text
    assert len(second) == 3
    ((message,),) = asked
    assert "day 3." in message["content"]
    assert "day 7." in message["content"]
    assert message["content"].count("The sailor slept on day") == 2


def test_a_model_is_measured_by_what_its_heads_give_the_right_document():
    model = tiny_model()
    scores = documents.measure(model.seam, model.tokenizer)
    assert scores.shape == documents.shape(model.seam) == (3, 4)
    ids, places, asked = documents._prompt(model.tokenizer, 3)
    assert model.tokenizer.decode(ids[-asked:]).strip() == "What is the passkey of the library?"
    assert "library" in model.tokenizer.decode(ids[places[3].start : places[3].stop])
    assert ((scores > 0) & (scores < 1)).all()
