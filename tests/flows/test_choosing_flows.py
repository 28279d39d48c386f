"""Which of a few words a model would say, and what claims make of it."""

import json
import math

import pytest

from longspan.flows.chat import Failed
from longspan.flows.checking import checked, supported
from longspan.flows.choosing import YES_OR_NO, by_likelihood, by_words
from longspan.flows.scripted import Scripted
from longspan.flows.served import EndpointError
from longspan.flows.trace import Trace, Traced
from longspan.spans import Answer, Document, Span, claims
from longspan.spans.logprobs import Logprob, Logprobs

TEXT = "The ship carried 312 barrels of olive oil. The captain fell ill at sea."
JUDGING = "Write one word, YES or NO"


def likely(**shares):
    tokens = [Logprob(token=1, data=text.encode(), value=math.log(p)) for text, p in shares.items()]
    return Logprobs(own=tokens[0], likeliest=tuple(tokens))


def test_shares_are_those_of_tokens_that_begin_one_option():
    found = by_likelihood(likely(YES=0.2, no=0.3, Yes=0.1, N=0.1, The=0.3), YES_OR_NO)
    assert found == pytest.approx((0.3 / 0.7, 0.4 / 0.7))
    assert by_likelihood(likely(The=0.9, **{" ": 0.1}), YES_OR_NO) == (0.5, 0.5)


@pytest.mark.parametrize(
    ("said", "shares"),
    [("**Yes**, it is.", (1, 0)), ("no", (0, 1)), ("Nothing says so.", (0.5, 0.5)), ("", (0.5, 0.5))],
)
def test_what_is_said_is_the_option_with_which_it_begins(said, shares):
    assert by_words(said, YES_OR_NO) == shares


def test_claims_are_supported_where_their_passage_adds_to_the_yes(tmp_path):
    read = [Span(Document("a.txt", TEXT), 0, len(TEXT))]
    said = "The ship carried 312 barrels. The captain fell ill. “The captain fell ill at sea.” Cows fly."
    found = claims(said, read)

    def share(asked):
        return "0.2" if "N/A" in asked else "0.4" if "Answer: The captain" in asked else "0.25"

    with Trace(tmp_path / "t") as trace:
        chat = Scripted([(JUDGING, share)])
        for _ in range(2):
            judged, usages = supported(found, Traced(chat, trace), "What happened?")
            assert [each.state for each in judged] == ["similar", "supported", "verified", "unverified"]
            assert len(usages) == len(chat.calls) == 4
            assert "312 barrels of olive oil" in chat.asked[0]
    failing = Scripted([(JUDGING, EndpointError("away"))])
    again, usages = supported(found, failing)
    assert (again, usages) == (list(found), [])
    assert all(isinstance(each, Failed) for each in failing.choose_all([failing.calls[0]], YES_OR_NO))


def test_nobody_is_asked_where_all_is_quoted():
    read = [Span(Document("a.txt", TEXT), 0, len(TEXT))]
    usage = Scripted([("", "x")]).generate([{"role": "user", "content": "y"}]).usage
    answer = Answer(text="", citations=(), usage=usage, claims=claims("“The captain fell ill at sea.”", read))
    assert checked(answer, Scripted([])) is answer
    assert json.loads(json.dumps(answer.to_dict()))["claims"][0]["state"] == "verified"
