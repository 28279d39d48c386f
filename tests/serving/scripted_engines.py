"""An engine that answers from a script, so that it can fail in the ways that engines fail."""

from __future__ import annotations

import asyncio
import json

from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, Response, StreamingResponse


class ScriptedEngine:
    """script: gives for a body the chunks of an answer, numbers of seconds, or a `Response`. about: of its model.

    props: as llama.cpp's server has them; counts: whether it counts tokens. bodies: what was asked; left: how often a
    client went away."""

    def __init__(self, script, *, about=None, props=None, counts=False) -> None:
        self.script, self.props, self.counts = script, props, counts
        self.about = {
            "id": "engine-model",
            "object": "model",
            **({"max_model_len": 4096} if about is None else about),
        }
        self.bodies, self.left = [], 0
        self.app = FastAPI()
        self.app.get("/v1/models")(self.models)
        self.app.get("/props")(self.properties)
        self.app.post("/tokenize")(self.tokenize)
        self.app.post("/v1/chat/completions")(self.answer)
        self.app.post("/v1/completions")(self.answer)

    async def close(self, grace) -> None:
        pass

    async def models(self):
        return {"object": "list", "data": [self.about]}

    async def properties(self):
        return JSONResponse(self.props or {}, 200 if self.props else 404)

    async def tokenize(self, request: Request):
        if not self.counts:
            return JSONResponse({}, 404)
        body = await request.json()
        words = (body.get("prompt") or body.get("content") or "").split()
        return {"tokens": list(range(len(words)))} | ({} if self.props else {"count": len(words)})

    async def answer(self, request: Request):
        body = await request.json()
        self.bodies.append(body)
        said = self.script(body)
        if isinstance(said, Response):
            return said
        return StreamingResponse(self.chunks(said), media_type="text/event-stream")

    async def chunks(self, said):
        try:
            for each in said:
                if isinstance(each, float):
                    await asyncio.sleep(each)
                else:
                    text = each if isinstance(each, str) else json.dumps(each)
                    yield f": hello\n\ndata: {text}\n\n".encode()
        except asyncio.CancelledError:
            self.left += 1
            raise


def words(text, why="stop", usage=True):
    """The chunks of an answer, a word at a time."""
    for word in text.split(" "):
        yield {"choices": [{"index": 0, "delta": {"content": word + " "}}]}
    yield {"choices": [{"index": 0, "delta": {}, "finish_reason": why}]}
    if usage:
        details = {"prompt_tokens_details": {"cached_tokens": 5}}
        yield {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 3, **details}}
    yield "[DONE]"
