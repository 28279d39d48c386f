"""A real browser before a server with the page. Everything that it asks of anybody else is refused and told."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from loopback import served
from paged import Shelf, app

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DESK, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}


@pytest.fixture(scope="session")
def browser():
    """Chromium, started once."""
    if CHROMIUM is None:
        pytest.skip("the page is tested in Chromium, which is not installed here")
    api = pytest.importorskip(
        "playwright.sync_api", reason="the page is tested with Playwright, which is not installed"
    )
    arguments = ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def shelf() -> Iterator[Shelf]:
    """The desk behind the server of a file of tests; its `root` is the address of the page."""
    desk = Shelf()
    with served(lambda: (app(desk), desk.close)) as address:
        desk.root = address.removesuffix("/v1")
        yield desk


@pytest.fixture
def desk(shelf) -> Shelf:
    """The same, with nothing read and nothing asked."""
    shelf.script, shelf.steps = Shelf().script, ()
    shelf.kept.clear()
    shelf.asked.clear()
    shelf.tickets.clear()
    return shelf


@pytest.fixture
def open_page(browser, desk):
    """Opens the page: open_page(**settings of the browser's context). What goes wrong on it fails the test.

    root: of another server. before: what is done with the page before it is ready.
    """
    contexts, faults, away = [], [], []

    def opened(root: str = "", before=lambda page: None, **settings):
        own = root or desk.root
        context = browser.new_context(**{"viewport": DESK, "reduced_motion": "reduce", **settings})
        context.set_default_timeout(5_000)
        contexts.append(context)

        context.on(
            "request", lambda request: away.append(request.url) if _is_away(request.url, own) else None
        )
        page = context.new_page()
        page.faults = faults
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if _is_fault(said) else None)
        page.goto(own)
        before(page)
        page.wait_for_selector("html[data-ready]")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert away == [], "somebody else was asked for something"
    assert faults == []


def _is_fault(said) -> bool:
    return said.type == "error" and "Failed to load resource" not in said.text


def _is_away(url: str, root: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme not in ("data", "blob") and parts.netloc != urlsplit(root).netloc
