"""`longspan serve`: a server for clients of OpenAI and Anthropic, with contexts that stay and a page to look at."""

from __future__ import annotations

import sys
from contextlib import nullcontext, redirect_stdout, suppress
from dataclasses import replace
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from longspan.cli.loaded import (
    DeviceOption,
    DtypeOption,
    ModelOption,
    PlanOption,
    WeightsOption,
    loaded_model,
)
from longspan.cli.sizes import read_bytes
from longspan.cli.terminal import say
from longspan.errors import LongspanError
from longspan.parameters import check_range

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from longspan.serving.desk import Desk, Offer


def serve(
    model: ModelOption = None,
    plan: PlanOption = "",
    host: Annotated[
        str, typer.Option(help="Address to listen at; one beyond this machine needs a key.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen at, 0 for a free one.")] = 8000,
    name: Annotated[str, typer.Option(help="What clients call the model, by default its own name.")] = "",
    api_key: Annotated[
        list[str] | None,
        typer.Option(
            envvar="LONGSPAN_API_KEY",
            help="A key that clients must send, or @FILE with one a line; may be repeated. Contexts are apart by key.",
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="A name by which the server may be called besides localhost; may be repeated."),
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            help="Origin of pages elsewhere that may ask, such as https://app.example; may be repeated."
        ),
    ] = None,
    memory: Annotated[
        str, typer.Option(help="Keys and values in memory at most, such as 8GiB; auto: half of what is free.")
    ] = "auto",
    contexts: Annotated[
        str, typer.Option(help="Bytes of contexts on disk at most; 0 keeps them in memory alone.")
    ] = "20GB",
    contexts_folder: Annotated[
        Path | None, typer.Option(help="Where contexts are kept, by default in the cache folder.")
    ] = None,
    chunk: Annotated[
        int, typer.Option(help="Tokens of a prompt that pass through the model at a time.")
    ] = 256,
    max_new_tokens: Annotated[
        int, typer.Option(help="An answer's longest length in tokens where a client names none.")
    ] = 1024,
    waiting: Annotated[
        int, typer.Option(help="Requests that may wait; more are told to come back later.")
    ] = 64,
    timeout: Annotated[float, typer.Option(help="Seconds that a request may take.")] = 3600.0,
    grace: Annotated[
        float, typer.Option(help="Seconds that requests may go on when the server is told to end.")
    ] = 30.0,
    upload: Annotated[str, typer.Option(help="Bytes of a file at most.")] = "64MiB",
    log: Annotated[bool, typer.Option(help="Write a line for each request to standard error.")] = True,
    log_prompts: Annotated[bool, typer.Option(help="Write what was sent, too.")] = False,
    mcp: Annotated[
        bool,
        typer.Option(
            "--mcp",
            help="Serve whoever starts this by the Model Context Protocol, on standard input and output, and open no "
            "port.",
        ),
    ] = False,
    backend: Annotated[
        list[str] | None,
        typer.Option(
            help="Address of an OpenAI-compatible engine that answers instead of a model here, such as "
            "http://host/v1; --model is its name there. May be repeated for engines that serve the same model."
        ),
    ] = None,
    window: Annotated[
        int | None, typer.Option(help="Tokens of prompt and answer, where a backend does not tell.")
    ] = None,
    weights: WeightsOption = "auto",
    dtype: DtypeOption = "auto",
    device: DeviceOption = "auto",
) -> None:
    """Serve a model by the protocols of OpenAI and Anthropic, with contexts that stay and a page at /.

    Contexts are read once and asked about as often as one likes; they survive a restart.
    """
    if find_spec("uvicorn") is None or find_spec("fastapi") is None:
        raise LongspanError("serving needs packages that are not installed; pip install 'longspan[serve]'")
    from longspan.cli.desks import by_backend, by_model, half_of_what_is_free, serve_agents
    from longspan.plan import Plan
    from longspan.serving.admission import Limits
    from longspan.serving.web.app import create_app
    from longspan.serving.web.logs import to_stderr
    from longspan.serving.web.running import serve as serve_on
    from longspan.serving.web.settings import Settings

    check_range("port", port, 0, 65535)
    check_range("grace", grace, 0)
    check_range("timeout", timeout, 1)
    keys = _keys(api_key or [])
    if not keys and not mcp and not _local(host):
        raise ValueError(
            f"host={host} can be reached from other machines and everybody could ask; give an --api-key, or leave the "
            "host out"
        )
    settings = Settings(
        keys=keys,
        hosts=tuple(allow_host or ()),
        origins=tuple(allow_origin or ()),
        upload=read_bytes("--upload", upload),
        log=log,
        log_prompts=log_prompts,
    )
    limits = Limits(
        chunk=chunk,
        answer=max_new_tokens,
        memory=half_of_what_is_free() if memory == "auto" else read_bytes("--memory", memory),
        waiting=waiting,
        seconds=timeout,
    )
    room = read_bytes("--contexts", contexts)
    if window is not None:
        check_range("window", window, 16)
    with redirect_stdout(sys.stderr) if mcp else nullcontext():
        if backend:
            if plan or (weights, dtype, device) != ("auto", "auto", "auto"):
                raise ValueError(
                    "--plan, --weights, --dtype and --device are for models of this process, and --backend names an "
                    "engine; leave them out"
                )
            served = by_backend(
                backend, model, window, name=name, limits=limits, folder=contexts_folder, room=room
            )
        elif window is not None:
            raise ValueError("--window is for engines that do not tell theirs, and no --backend is named")
        else:
            loaded = loaded_model(model, dtype=dtype, device=device, weights=weights)
            served = by_model(
                loaded, Plan.of(plan), name=name, limits=limits, folder=contexts_folder, room=room
            )
    settings = replace(settings, folder=served.folder)
    if log:
        to_stderr()
    if mcp:
        serve_agents(served.make, grace)
        return
    offers: list[Offer] = []

    async def make() -> tuple[Desk, ASGIApp]:
        desk = await served.make()
        offers.extend(desk.offers)
        return desk, create_app(desk, settings)

    def started(address: str) -> None:
        for each in offers:
            say(f"longspan serves {each.id}, window {each.window:,} tokens, {served.about}")
        say(f"page      {address}/")
        say(f"OpenAI    {address}/v1")
        say(f"Anthropic {address}")
        if find_spec("mcp") is not None:
            say(f"MCP       {address}/mcp")

    serve_on(make, host=host, port=port, grace=grace, started=started)


def _keys(given: list[str]) -> tuple[str, ...]:
    keys: list[str] = []
    for each in given:
        if each.startswith("@"):
            try:
                keys += [line.strip() for line in Path(each[1:]).read_text(encoding="utf-8").splitlines()]
            except (OSError, UnicodeDecodeError) as error:
                raise ValueError(
                    f"the keys in {each[1:]} cannot be read ({error}); name a text file"
                ) from None
        else:
            keys.append(each)
    return tuple(each for each in keys if each)


def _local(host: str) -> bool:
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"
