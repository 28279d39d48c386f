"""Chats with a real model behind a real server, through the official client."""

import asyncio
from typing import Literal

import openai
import pytest
from pydantic import BaseModel

ASKED = [{"role": "user", "content": "Who lit the lamp?"}]


@pytest.fixture(scope="module")
def client(small):
    with openai.OpenAI(base_url=small, api_key="none", max_retries=0) as client:
        yield client


def chat(client, messages=ASKED, **fields):
    return client.chat.completions.create(
        **{"model": "small", "messages": messages, "max_tokens": 8, **fields}
    )


def test_a_stream_says_what_the_whole_answer_says(client):
    whole = chat(client)
    chunks = list(chat(client, stream=True, stream_options={"include_usage": True}))
    assert whole.choices[0].message.content
    assert (
        "".join(each.choices[0].delta.content or "" for each in chunks[:-1])
        == whole.choices[0].message.content
    )
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [each.choices[0].finish_reason for each in chunks[:-1]] == [None] * (len(chunks) - 2) + ["length"]
    assert whole.choices[0].finish_reason == "length"
    assert chunks[-1].choices == []
    assert chunks[-1].usage.total_tokens == whole.usage.total_tokens == whole.usage.prompt_tokens + 8
    assert all(each.usage is None for each in chunks[:-1])
    assert len({each.id for each in chunks}) == 1
    assert whole.usage.longspan["bytes_held"] > 0
    assert whole.timings["predicted_n"] == chunks[-2].timings["predicted_n"] == 8


def test_the_helper_for_streams_ends_with_the_whole_answer(client):
    stop = chat(client).choices[0].message.content.strip()[6:9]
    whole = chat(client, stop=stop).choices[0].message.content
    with client.chat.completions.stream(model="small", messages=ASKED, max_tokens=8, stop=stop) as stream:
        kinds = {event.type for event in stream}
    assert {"chunk", "content.delta", "content.done"} <= kinds
    assert stream.get_final_completion().choices[0].message.content == whole


def test_clients_that_wait_for_many_are_answered_side_by_side(small):
    async def work():
        async with openai.AsyncOpenAI(base_url=small, api_key="none", max_retries=0) as client:
            answers = await asyncio.gather(*(chat(client) for _ in range(4)))
            chunks = [each async for each in await chat(client, stream=True)]
            return [each.choices[0].message.content for each in answers], chunks

    texts, chunks = asyncio.run(work())
    assert len(set(texts)) == 1
    assert "".join(each.choices[0].delta.content or "" for each in chunks) == texts[0]


def test_several_answers_and_a_seed(client):
    first, again = (chat(client, n=3, seed=7, temperature=1) for _ in range(2))
    texts = [each.message.content for each in first.choices]
    assert [each.index for each in first.choices] == [0, 1, 2]
    assert len(set(texts)) > 1
    assert texts == [each.message.content for each in again.choices]
    assert first.system_fingerprint == again.system_fingerprint
    said = {}
    for chunk in chat(client, n=3, seed=7, temperature=1, stream=True):
        for choice in chunk.choices:
            said[choice.index] = said.get(choice.index, "") + (choice.delta.content or "")
    assert [said[index] for index in range(3)] == texts


def test_a_stop_ends_an_answer_and_is_not_said(client):
    text = chat(client, max_tokens=16).choices[0].message.content
    stop = text.strip()[5:9]
    stopped = chat(client, max_tokens=16, stop=[stop]).choices[0]
    assert stopped.finish_reason == "stop"
    assert stopped.message.content == text[: text.index(stop)]


def test_likelihoods_are_of_each_token(client):
    answer = chat(client, logprobs=True, top_logprobs=3).choices[0]
    told = answer.logprobs.content
    assert len(told) == 8
    assert b"".join(bytes(each.bytes) for each in told).decode(errors="replace") == answer.message.content
    assert all(len(each.top_logprobs) == 3 for each in told)
    assert all(each.logprob == each.top_logprobs[0].logprob <= 0 for each in told)
    chunks = chat(client, logprobs=True, stream=True)
    streamed = [
        one for each in chunks if each.choices[0].logprobs for one in each.choices[0].logprobs.content
    ]
    assert [each.logprob for each in streamed] == pytest.approx([each.logprob for each in told], abs=1e-4)


class Lamp(BaseModel):
    lit: bool
    keeper: Literal["Mara", "Joel"]


def test_an_answer_of_a_schema_is_parsed(client):
    asked = {"model": "small", "messages": ASKED, "response_format": Lamp, "max_tokens": 120}
    parsed = client.chat.completions.parse(**asked)
    assert isinstance(parsed.choices[0].message.parsed, Lamp)
    with client.chat.completions.stream(**asked) as stream:
        stream.until_done()
    assert stream.get_final_completion().choices[0].message.parsed == parsed.choices[0].message.parsed
    loose = chat(client, response_format={"type": "json_object"}, max_tokens=1)
    assert loose.choices[0].message.content.strip()[0] == "{"


def test_a_bias_decides_which_token_comes(client):
    usual = chat(client, logprobs=True, top_logprobs=2, max_tokens=1).choices[0].logprobs.content[0]
    ids = {}
    assert usual.top_logprobs[0].token == usual.token
    for token in range(40, 45):
        answer = chat(client, max_tokens=1, logit_bias={str(token): 100}, logprobs=True)
        ids[token] = answer.choices[0].logprobs.content[0].token
    assert len(set(ids.values())) == 5


def test_what_was_read_is_not_read_again(client):
    words = " ".join(f"The lamp of keeper {number} is lit at dusk." for number in range(30))
    first = chat(client, [{"role": "user", "content": f"{words} Who?"}])
    again = chat(client, [{"role": "user", "content": f"{words} Why?"}])
    assert again.usage.prompt_tokens_details.cached_tokens > 0.7 * first.usage.prompt_tokens


def test_reading_is_told_where_that_is_asked_for(client):
    words = " ".join(f"Keeper {number} sleeps." for number in range(60))
    asked = [{"role": "user", "content": words}]
    chunks = list(chat(client, asked, stream=True, extra_body={"return_progress": True}))
    told = [each.prompt_progress for each in chunks if "prompt_progress" in each.model_extra]
    assert told
    assert told[-1]["processed"] == told[-1]["total"]
    assert [each["processed"] for each in told] == sorted(each["processed"] for each in told)
    assert set(told[0]) == {"total", "cache", "processed", "time_ms"}
    assert not any("prompt_progress" in each.model_extra for each in chat(client, asked, stream=True))


def test_quotes_are_checked_against_documents(client):
    documents = [{"name": "log.txt", "text": "The lamp was lit by Mara at nine in the evening."}]
    answer = chat(client, extra_body={"longspan": {"documents": documents}})
    assert "citations" in answer.longspan
    assert answer.usage.prompt_tokens > chat(client).usage.prompt_tokens


def test_too_long_a_prompt_is_refused_with_the_numbers(client):
    with pytest.raises(openai.BadRequestError) as caught:
        chat(client, [{"role": "user", "content": "lamp " * 2000}])
    assert caught.value.code == "context_length_exceeded"
    assert caught.value.param == "messages"
    assert "This model's maximum context length is 1024 tokens" in caught.value.message
    with pytest.raises(openai.BadRequestError, match="maximum context length"):
        chat(client, [{"role": "user", "content": "lamp " * 2000}], stream=True)


def test_another_model_is_not_found(client):
    with pytest.raises(openai.NotFoundError) as caught:
        chat(client, model="other")
    assert caught.value.code == "model_not_found"
    assert caught.value.request_id == "req_1"
