"""`longspan serve`: a server for clients of OpenAI and Anthropic, with contexts that stay and a page to look at."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import replace
from hashlib import blake2b
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.filesize import decimal

from longspan.cli.asked import note
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

    from longspan.model import Model
    from longspan.serving.desk import Desk
    from longspan.serving.shelf import Shelf


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
    weights: WeightsOption = "auto",
    dtype: DtypeOption = "auto",
    device: DeviceOption = "auto",
) -> None:
    """Serve a model by the protocols of OpenAI and Anthropic, with contexts that stay and a page at /.

    Contexts are read once and asked about as often as one likes; they survive a restart.
    """
    if find_spec("uvicorn") is None or find_spec("fastapi") is None:
        raise LongspanError("serving needs packages that are not installed; pip install 'longspan[serve]'")
    from longspan.plan import Plan
    from longspan.serving.admission import Limits
    from longspan.serving.local import LocalDesk
    from longspan.serving.web.app import create_app
    from longspan.serving.web.logs import to_stderr
    from longspan.serving.web.running import serve as serve_on
    from longspan.serving.web.settings import Settings

    check_range("port", port, 0, 65535)
    check_range("grace", grace, 0)
    check_range("timeout", timeout, 1)
    keys = _keys(api_key or [])
    if not keys and not _local(host):
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
    chosen = Plan.of(plan)
    limits = Limits(
        chunk=chunk,
        answer=max_new_tokens,
        memory=_half_of_what_is_free() if memory == "auto" else read_bytes("--memory", memory),
        waiting=waiting,
        seconds=timeout,
    )
    room = read_bytes("--contexts", contexts)
    loaded = loaded_model(model, dtype=dtype, device=device, weights=weights)
    folder = _folder(loaded, contexts_folder)
    shelf = _shelf(folder, room, must=contexts_folder is not None) if room else None
    settings = replace(settings, folder=None if shelf is None else folder)
    if log:
        to_stderr()

    def make() -> tuple[Desk, ASGIApp]:
        desk = LocalDesk(loaded, name=name, plan=chosen, limits=limits, shelf=shelf)
        return desk, create_app(desk, settings)

    def started(address: str) -> None:
        offered = f"{name or loaded.name}, window {loaded.window:,} tokens, plan {str(chosen) or 'none'}"
        say(f"longspan serves {offered}")
        say(f"memory for keys and values {decimal(limits.memory)}, contexts on disk {decimal(room)}")
        say(f"page      {address}/")
        say(f"OpenAI    {address}/v1")
        say(f"Anthropic {address}")

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


def _half_of_what_is_free() -> int:
    try:
        return max(2**28, os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2)
    except (ValueError, OSError, AttributeError):
        return 4 * 2**30


def _folder(model: Model, given: Path | None) -> Path:
    """Where what is read with a model is kept."""
    from longspan.cache_folder import cache_folder

    key = blake2b(json.dumps(model.identity, sort_keys=True).encode(), digest_size=16).hexdigest()
    return given or cache_folder() / "served" / key


def _shelf(folder: Path, room: int, *, must: bool) -> Shelf | None:
    """Where contexts are kept; None, with a note, where they cannot be, and need not."""
    from longspan.errors import ContextError
    from longspan.serving.shelf import Shelf

    try:
        return Shelf(folder, room)
    except ContextError as error:
        if must:
            raise
        note(f"contexts stay in memory alone: {error}")
        return None
