"""Flows on documents that were made shorter: what the model reads, and where its answer is led back to."""

import pytest
from stories import FACT, OTHER, book, heard

from longspan.compressing.compress import compress
from longspan.compressing.extractive import Extractive
from longspan.errors import FlowError, PlanError
from longspan.flows.base import Events
from longspan.flows.chat import Local
from longspan.flows.compressed import CompressedReading
from longspan.flows.map_reduce import MapReduce
from longspan.flows.scripted import Scripted
from longspan.notation import parse_call
from longspan.parts import build
from longspan.spans import Answer, Citation, Claim, Document, Span, Unread
from longspan.usage import Usage
from tiny import tiny_model

BOOK = book({3: FACT, 9: OTHER})
QUESTION = "Where did the baker hide the letter?"


def test_the_model_reads_only_what_stays_and_its_quote_stands_in_the_document():
    chat = Scripted([("", f"Under the stone: “{FACT}”")])
    events, steps, _ = heard()
    answer = CompressedReading(rate=0.1).answer(chat, [BOOK], QUESTION, events)
    (asked,) = chat.asked
    assert FACT in asked
    assert len(asked.split()) < 0.2 * len(BOOK.text.split())
    assert asked.count("The sea was calm") < BOOK.text.count("The sea was calm")
    quoted = answer.citations[0]
    assert (quoted.verified, BOOK.text[quoted.start : quoted.end], quoted.document) == (
        True,
        FACT,
        "book.txt",
    )
    (claim,) = answer.claims
    assert [BOOK.text[each.start : each.end] for each in claim.sources] == [FACT]
    assert claim.sources[0].document is BOOK
    assert answer.usage.truncated_tokens > 0.8 * len(BOOK.text.split())
    assert "kept" in steps[0]


def test_any_flow_runs_on_what_stays():
    note = f"Information: {FACT}\nAnswer: the stone\nConfidence: 5"
    chat = Scripted([("Note 1", f"Answer: under the stone. “{FACT}”"), ("one part", note)])
    flow = CompressedReading(rate=0.2, flow=MapReduce(chunk=512), compressor=Extractive(neighbours=1))
    answer = flow.answer(chat, [BOOK, Document("other.txt", "It rained. " * 40)], QUESTION, Events())
    assert any(each.verified and BOOK.text[each.start : each.end] == FACT for each in answer.citations)
    assert all(each.document in (BOOK,) for claim in answer.claims for each in claim.sources)


def test_a_quotation_that_joins_what_stood_apart_is_not_verified():
    held = Document("a.txt", "No payment is due in June, by law. Another line.")
    text = "The rule: “payment is due by law”"
    shorter = compress(held, 0.9, by=Kept(((3, 17), (27, 34))), count=len)
    assert shorter.text == "payment is due by law."
    inner = Span(shorter.documents[0], 0, 21)
    claim = Claim(text=text, sources=(inner,), state="verified")
    unread = Unread(span=Span(shorter.documents[0], 15, 21), reason="it failed")
    cited = (Citation("a.txt", 0, 21, "payment is due by law", verified=True, number=1),)
    usage = Usage(
        prompt_tokens=5, generated_tokens=1, kv_bytes=0, peak_kv_bytes=0, prefill_seconds=0, decode_seconds=0
    )
    said = Answer(text, cited, usage, claims=(claim,), unread=(unread,))
    led = shorter.traced(said, "Is it due?")
    assert [(each.quote, each.verified) for each in led.citations if each.start is None] == [
        ("payment is due by law", False)
    ]
    assert led.claims[0].state == "unverified"
    (source,) = led.claims[0].sources
    assert (source.document, source.start, source.end) == (held, 3, 33)
    assert led.unread[0].span.text == "by law"


class Kept:
    """Stands for a compressor that wants these places."""

    asks = looks = False

    def __init__(self, places):
        self.places = places

    def ranked(self, task):
        return [Span(task.documents[0], *place) for place in self.places]


@pytest.mark.parametrize(
    ("rate", "said"),
    [(0, "rate=0 is outside 0 < rate"), (1.5, "rate=1.5"), (-1, "rate=-1"), (float("nan"), "rate=nan")],
)
def test_a_rate_is_a_share_that_can_stay(rate, said):
    with pytest.raises(ValueError, match=said):
        CompressedReading(rate=rate)
    with pytest.raises(ValueError, match=said):
        compress(BOOK, rate, count=len)


def test_whole_and_empty_documents():
    blank = Document("blank.txt", " \n\n")
    whole = compress([BOOK, blank, BOOK], 1.0, by="gemfilter", model=tiny_model())
    assert [(each.document, each.start, each.end) for each in whole.spans] == [(BOOK, 0, len(BOOK.text))]
    assert (whole.rate, whole.usage.prompt_tokens) == (1.0, 0)
    nothing = compress([blank, Document("empty.txt", "")], 0.5, count=len)
    assert (nothing.text, nothing.spans, nothing.tokens, nothing.rate) == ("", (), 0, 1.0)
    with pytest.raises(ValueError, match="documents holds no text to read"):
        CompressedReading().answer(Scripted([("", "x")]), [blank], "Who?", Events())
    with pytest.raises(
        ValueError, match=r"leaves 1 of 20 tokens, and the first word .* takes 4; use a rate of 0.201"
    ):
        compress(Document("a.txt", "word word word word."), 0.05, count=len)


def test_what_a_method_cannot_do_without_is_named():
    chat = Scripted([("", "x")])
    with pytest.raises(ValueError, match="gemfilter looks inside a model, which no server shows"):
        CompressedReading(compressor=build("compressor", parse_call("gemfilter"))).answer(
            chat, [BOOK], QUESTION, Events()
        )
    with pytest.raises(ValueError, match="longllmlingua needs a question"):
        compress(BOOK, 0.5, by="longllmlingua", model=tiny_model())
    with pytest.raises(ValueError, match="neither model nor count is given"):
        compress(BOOK, 0.5)
    for wrong in (
        "extractiv",
        "extractive(unit=word)",
        "gemfilter(pool=2)",
        "random-access(window=1)",
        "bm25",
    ):
        with pytest.raises((PlanError, ValueError), match=wrong.partition("(")[0]):
            compress(BOOK, 0.5, by=wrong, count=len)


def test_a_reranker_that_asks_may_reply_anything_or_fail():
    words = "extractive(reranker=listwise,unit=passage,passage=24)"
    flow = CompressedReading(rate=0.3, compressor=build("compressor", parse_call(words)))
    for reply in ("", "no idea", "[99] > [0] > [2]", "[2] > [1]", FlowError("gone")):
        chat = Scripted([("Rank the passages", reply), ("", "Under the stone.")])
        answer = flow.answer(chat, [BOOK], QUESTION, Events())
        assert FACT in chat.asked[-1]
        assert answer.usage.truncated_tokens > 700


def test_a_model_of_this_process_answers_on_what_it_chose_itself():
    held = Document("a.txt", "The sea was calm. The baker hid the letter. It rained. " * 4)
    flow = CompressedReading(rate=0.3, compressor=build("compressor", parse_call("selective-context")))
    chat = Local(tiny_model())
    answer = flow.answer(chat, [held], "Who?", Events(generation={"max_new_tokens": 3}))
    assert answer.usage.prompt_tokens > chat.count_tokens(held.text)
    assert answer.usage.truncated_tokens == pytest.approx(0.7 * chat.count_tokens(held.text), abs=12)
