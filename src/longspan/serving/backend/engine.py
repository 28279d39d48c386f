"""An engine elsewhere that speaks OpenAI's protocol: what it is, and what is asked of it."""

from __future__ import annotations

import json
import math
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx

from longspan.errors import LongspanError
from longspan.serving.backend import faults
from longspan.serving.refused import Refused

Kind = Literal["longspan", "vllm", "llama.cpp", "other"]
_PER_TOKEN = 3
_CONNECTIONS = 256
_WAIT = 10.0


def estimated(text: str) -> int:
    """Tokens of a text where nobody counts them, rather too many than too few: one for each three bytes of UTF-8."""
    return math.ceil(len(text.encode("utf-8", "surrogatepass")) / _PER_TOKEN)


@dataclass(frozen=True, kw_only=True)
class Engine:
    """One model of an engine.

    url: up to /v1, from whoever runs the server and never from a client. window: tokens of prompt and answer. kind: who
    made it, as far as it tells; what goes beyond OpenAI's protocol is only asked of those that know it. counts: whether
    it counts tokens.
    """

    url: str
    model: str
    window: int
    kind: Kind
    counts: bool
    client: httpx.AsyncClient = field(repr=False, compare=False)

    async def count(self, text: str) -> int:
        """Tokens of a text, by the engine where it counts them, else as `estimated`."""
        if not self.counts:
            return estimated(text)
        body = {"content": text} if self.kind == "llama.cpp" else {"model": self.model, "prompt": text}
        try:
            reply = await self.client.post(_root(self.url) + "/tokenize", json=body)
            said = reply.raise_for_status().json()
            return int(said["count"]) if "count" in said else len(said["tokens"])
        except httpx.HTTPStatusError as error:
            raise faults.refused(error.response.status_code, "", {}, tokens=0, window=self.window) from None
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise faults.unreachable(error) from None

    async def stream(
        self, path: str, body: Mapping[str, Any], *, tokens: int
    ) -> AsyncGenerator[dict[str, Any], None]:
        """The chunks of an answer up to its end. Whoever stops listening closes the connection, which cancels it there.

        Raises Refused, also where it stops before its end. tokens: of the prompt, as they are counted here.
        """
        try:
            async with self.client.stream("POST", self.url + path, json=body) as reply:
                if reply.is_error:
                    text = (await reply.aread())[:65536].decode(errors="replace")
                    raise faults.refused(
                        reply.status_code, text, reply.headers, tokens=tokens, window=self.window
                    )
                async with aclosing(_data(reply)) as data:
                    async for said in data:
                        if said == "[DONE]":
                            return
                        yield _chunk(said)
        except httpx.HTTPError as error:
            raise faults.unreachable(error) from None
        except httpx.StreamError:
            raise _cut_off() from None
        raise _cut_off()

    async def close(self) -> None:
        """Ends all connections."""
        await self.client.aclose()


async def opened(
    url: str, *, model: str = "", window: int | None = None, key: str = "", seconds: float
) -> Engine:
    """The engine at an address. model: by its name there, "" for the first that it lists. window: where it tells none.
    seconds: that it may be silent. Raises LongspanError where it is none, or must be told more."""
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"backend={url} is not an address; write http://HOST:PORT/v1")
    url = url.rstrip("/")
    client = httpx.AsyncClient(
        headers={"authorization": f"Bearer {key}"} if key else {},
        timeout=httpx.Timeout(seconds, connect=_WAIT, pool=_WAIT),
        limits=httpx.Limits(max_connections=_CONNECTIONS),
    )
    try:
        return await _asked(client, url, model, window)
    except BaseException:
        await client.aclose()
        raise


async def _asked(client: httpx.AsyncClient, url: str, model: str, window: int | None) -> Engine:
    try:
        reply = await client.get(url + "/models")
        listed = reply.raise_for_status().json()["data"]
        about = next((each for each in listed if model in ("", each["id"])), None)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, LookupError, TypeError) as error:
        raise LongspanError(
            f"{url}/models does not list models ({str(error)[:200] or type(error).__name__}); is it the address of an "
            "OpenAI-compatible engine, up to /v1?"
        ) from None
    if about is None:
        known = ", ".join(repr(each["id"]) for each in listed) or "none"
        raise LongspanError(f"{url} has no model {model!r}; it has {known}")
    props = await _optional(client, "GET", _root(url) + "/props")
    kind = _kind(about, props)
    told = about.get("max_model_len") or (props.get("default_generation_settings") or {}).get("n_ctx")
    window = window or (told if isinstance(told, int) else None)
    if window is None:
        raise LongspanError(f"{url} does not tell the window of {about['id']}; give it as window=...")
    probe = {"content": "a"} if kind == "llama.cpp" else {"model": about["id"], "prompt": "a"}
    counted = await _optional(client, "POST", _root(url) + "/tokenize", json=probe)
    return Engine(
        url=url,
        model=about["id"],
        window=window,
        kind=kind,
        counts="count" in counted or isinstance(counted.get("tokens"), list),
        client=client,
    )


async def _optional(client: httpx.AsyncClient, method: str, url: str, **more: Any) -> dict[str, Any]:
    """What is said to a question that not every engine knows, nothing where it does not."""
    try:
        reply = await client.request(method, url, **more)
        said = reply.json() if reply.is_success else {}
    except (httpx.HTTPError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def _kind(about: Mapping[str, Any], props: Mapping[str, Any]) -> Kind:
    makers: dict[str, Kind] = {"longspan": "longspan", "vllm": "vllm", "llamacpp": "llama.cpp"}
    if "default_generation_settings" in props:
        return "llama.cpp"
    return makers.get(str(about.get("owned_by")), "other")


def _root(url: str) -> str:
    return url.removesuffix("/v1")


async def _data(reply: httpx.Response) -> AsyncGenerator[str, None]:
    """The data of server-sent events."""
    lines: list[str] = []
    async for line in reply.aiter_lines():
        if line.startswith("data:"):
            lines.append(line[5:].removeprefix(" "))
        elif not line and lines:
            yield "\n".join(lines)
            lines = []
    if lines:
        yield "\n".join(lines)


def _chunk(said: str) -> dict[str, Any]:
    try:
        chunk = json.loads(said)
    except ValueError:
        raise _cut_off() from None
    if not isinstance(chunk, dict):
        raise _cut_off()
    if chunk.get("error"):
        raise faults.broken(chunk["error"])
    return chunk


def _cut_off() -> Refused:
    return Refused(
        "the engine stopped in the midst of its answer; try again", kind="failed", code="engine_failed"
    )
