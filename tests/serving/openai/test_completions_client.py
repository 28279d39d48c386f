"""Texts that are gone on with, models and embeddings, through the official client."""

import asyncio
import base64
import time

import numpy as np
import openai
import pytest
from loopback import app_of, served

from longspan.retrieval.embedders.base import Embedder
from longspan.serving.events import Spoken
from longspan.serving.openai.embedding import Encoder
from longspan.serving.refused import Refused

TEXT = "The lamp was lit"


@pytest.fixture(scope="module")
def client(small):
    with openai.OpenAI(base_url=small, api_key="none", max_retries=0) as client:
        yield client


def complete(client, prompt=TEXT, **fields):
    return client.completions.create(**{"model": "small", "prompt": prompt, "max_tokens": 6, **fields})


def test_a_stream_says_what_the_whole_says(client):
    whole = complete(client)
    chunks = list(complete(client, stream=True, stream_options={"include_usage": True}))
    assert whole.object == chunks[0].object == "text_completion"
    assert "".join(each.choices[0].text for each in chunks[:-1]) == whole.choices[0].text
    assert whole.choices[0].finish_reason == chunks[-2].choices[0].finish_reason == "length"
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens == 6


def test_several_prompts_are_answered_in_their_order(client):
    prompts = [f"Lamp {number} was" for number in range(12)]
    alone = [complete(client, each).choices[0].text for each in prompts]
    together = complete(client, prompts)
    assert [each.text for each in together.choices] == alone
    assert [each.index for each in together.choices] == list(range(12))
    assert together.usage.completion_tokens == 72
    said = dict.fromkeys(range(12), "")
    for chunk in complete(client, prompts, stream=True):
        for choice in chunk.choices:
            said[choice.index] += choice.text
    assert list(said.values()) == alone
    twice = complete(client, prompts[:2], n=2, seed=1, temperature=1)
    assert [each.index for each in twice.choices] == [0, 1, 2, 3]


def test_a_prompt_is_told_with_how_likely_it_was(client):
    """As programs that weigh answers ask it: a prompt in ids of tokens, and one token more."""
    ids = [504, 20, 3080, 42, 6]
    told = complete(client, ids, echo=True, logprobs=1, max_tokens=1).choices[0]
    likely = told.logprobs
    assert len(likely.tokens) == len(likely.token_logprobs) == len(likely.top_logprobs) == len(ids) + 1
    assert likely.token_logprobs[0] is None
    assert all(each <= 0 for each in likely.token_logprobs[1:])
    assert all(
        value <= max(top.values())
        for value, top in zip(likely.token_logprobs[1:], likely.top_logprobs[1:], strict=True)
    )
    assert told.text == "".join(likely.tokens)
    assert likely.text_offset == [
        told.text.index(each, at) for each, at in zip(likely.tokens, likely.text_offset, strict=True)
    ]
    only = complete(client, ids, echo=True, logprobs=1, max_tokens=0).choices[0]
    assert only.logprobs.token_logprobs[1:] == pytest.approx(likely.token_logprobs[1:-1], abs=1e-4)
    assert told.text.startswith(only.text)
    words = {"prompt": "Mara lit lamp 7 of 9. " * 12, "echo": True, "logprobs": 0, "max_tokens": 1}
    once, again = (complete(client, **words) for _ in range(2))
    assert once.usage.prompt_tokens > 64
    assert once.choices[0].logprobs == again.choices[0].logprobs
    assert len(once.choices[0].logprobs.tokens) == once.usage.prompt_tokens + 1
    several = complete(client, [ids, ids[:3]], echo=True, logprobs=1, max_tokens=0).choices
    assert several[1].logprobs.token_logprobs[1:] == pytest.approx(likely.token_logprobs[1:3], abs=1e-4)


def test_a_text_is_told_before_its_answers(client):
    answer = complete(client, echo=True, n=2, temperature=0, logprobs=0)
    assert all(each.text.startswith(TEXT) for each in answer.choices)
    for each in answer.choices:
        assert len(each.logprobs.tokens) == answer.usage.prompt_tokens + 6
        assert each.logprobs.text_offset[answer.usage.prompt_tokens] == len(TEXT)
    first = next(iter(complete(client, echo=True, stream=True)))
    assert first.choices[0].text.startswith(TEXT)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"suffix": "end"}, "suffix"),
        ({"best_of": 3}, "best_of"),
        ({"prompt": []}, "prompt"),
        ({"prompt": ["a", ""]}, "prompt[1]"),
        ({"prompt": [["a"]]}, "prompt"),
        ({"prompt": "lamp " * 2000}, "prompt"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"extra_body": {"longspan": {"documents": [{"text": "a"}]}}}, "longspan.documents"),
    ],
)
def test_what_is_not_offered_is_refused_by_its_name(client, fields, param):
    with pytest.raises(openai.BadRequestError) as caught:
        complete(client, **fields)
    assert caught.value.param == param


def test_a_token_that_no_model_has_harms_nobody_else(client):
    with pytest.raises(openai.BadRequestError):
        complete(client, [1, 2_000_000])
    assert complete(client).choices[0].text


def test_all_prompts_are_given_up_together(scripted):
    address, desk = scripted
    before, already = desk.script, len(desk.tickets)
    desk.script = lambda asked: [Spoken(index=0, text="a"), 30.0]

    async def work():
        async with openai.AsyncOpenAI(base_url=address, api_key="none", max_retries=0) as client:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(complete(client, ["a", "b", "c"], model="scripted"), 0.3)

    asyncio.run(work())
    until = time.monotonic() + 5
    while not all(each.cancelled for each in desk.tickets[already:]) and time.monotonic() < until:
        time.sleep(0.02)
    assert [each.cancelled for each in desk.tickets[already:]] == [True] * 3
    desk.script = lambda asked: (
        [Refused("no", kind="rate", retry_after=1)]
        if asked.prompt == "b"
        else [Spoken(index=0, text="a"), 30.0]
    )
    client = openai.OpenAI(base_url=address, api_key="none", max_retries=0)
    with client, pytest.raises(openai.RateLimitError):
        complete(client, ["a", "b"], model="scripted")
    assert desk.tickets[-1].cancelled or desk.tickets[-2].cancelled
    desk.script = before


def test_models_are_those_of_both_protocols(client):
    (model,) = client.models.list().data
    assert (model.id, model.object, model.owned_by) == ("small", "model", "longspan")
    assert model.meta["n_ctx_train"] == 1024
    assert (model.type, model.display_name) == ("model", "small")
    assert model.created_at.endswith("Z")
    assert client.models.retrieve("small").max_model_len == 1024
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("org/other")


class Counting(Embedder):
    """Texts as their numbers of vowels."""

    @property
    def identity(self):
        return "vowels"

    def embed(self, texts, progress=None):
        rows = np.array([[each.count(vowel) for vowel in "aeiou"] for each in texts], np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def embed_query(self, text):
        return self.embed([text])[0]

    def embed_tokens(self, text):
        raise NotImplementedError

    def known(self, text):
        return 1.0

    def count(self, text):
        return len(text.split())


def test_texts_become_vectors(scripted):
    _, desk = scripted
    texts = ["a lamp", "under a bridge"]
    encoder = Encoder(Counting(), name="vowels")
    with served(lambda: (app_of(desk, encoder=encoder), desk.close)) as address:
        client = openai.OpenAI(base_url=address, api_key="none", max_retries=0)
        usual = client.embeddings.create(model="vowels", input=texts)
        floats = client.embeddings.create(model="vowels", input=texts, encoding_format="float")
        raw = client.embeddings.with_raw_response.create(model="vowels", input="a lamp").http_response.json()
        assert [each.embedding for each in floats.data] == [
            pytest.approx([float(one) for one in row]) for row in Counting().embed(texts)
        ]
        assert [each.embedding for each in usual.data] == [each.embedding for each in floats.data]
        assert np.frombuffer(base64.b64decode(raw["data"][0]["embedding"]), "<f4") == pytest.approx(
            [1, 0, 0, 0, 0]
        )
        assert usual.usage.prompt_tokens == 5
        assert "vowels" in [each.id for each in client.models.list()]
        with pytest.raises(openai.BadRequestError, match="dimensions"):
            client.embeddings.create(model="vowels", input="a", dimensions=2)
        for wrong in ("", [], ["a", ""], [1, 2]):
            with pytest.raises(openai.BadRequestError, match="input"):
                client.embeddings.create(model="vowels", input=wrong)
        with pytest.raises(openai.NotFoundError):
            client.embeddings.create(model="other", input="a")


def test_no_encoder_is_fetched_for_a_client(client, monkeypatch, tmp_path):
    monkeypatch.setenv("LONGSPAN_CACHE", str(tmp_path))
    with pytest.raises(openai.NotFoundError, match="no sentence encoder is installed"):
        client.embeddings.create(model="all-minilm-l6-v2", input="a")
    assert not list(tmp_path.iterdir())
