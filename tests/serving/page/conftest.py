"""A real browser before a server with the page. Everything that it asks of anybody else is refused and told."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from loopback import served
from paged import Shelf, app

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DESK = {"width": 1280, "height": 800}


class Running:
    """Chromium, from the first test that needs it to the last before another folder's.

    As long as Playwright is there an event loop runs, and nobody else can run one.
    """

    def __init__(self) -> None:
        self._open = ExitStack()
        self._browser = None

    def browser(self, api):
        """The browser, started unless it is there."""
        if self._browser is None:
            arguments = ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
            if os.geteuid() == 0:
                arguments.append("--no-sandbox")
            playwright = self._open.enter_context(api.sync_playwright())
            self._browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
            self._open.callback(self._browser.close)
        return self._browser

    def end(self) -> None:
        """Closes all."""
        self._open.close()
        self._browser = None


RUNNING = Running()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    """Called after tests of this folder alone."""
    if nextitem is None or Path(__file__).parent not in nextitem.path.parents:
        RUNNING.end()


@pytest.fixture(scope="module")
def browser():
    """Chromium."""
    if CHROMIUM is None:
        pytest.skip("the page is tested in Chromium, which is not installed here")
    api = pytest.importorskip(
        "playwright.sync_api", reason="the page is tested with Playwright, which is not installed"
    )
    return RUNNING.browser(api)


@pytest.fixture(scope="session")
def shelf() -> Iterator[Shelf]:
    """The desk behind a server; its `root` is the address of the page."""
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


@pytest.fixture(scope="module")
def window(browser):
    """What tests share that need nothing of their own: its pages find most files in its cache."""
    context = browser.new_context()
    yield context
    context.close()


@pytest.fixture
def open_page(browser, window, desk):
    """Opens the page: open_page(viewport=..., color_scheme=...). What goes wrong on it fails the test.

    root: of another server. before: what is done with the page before it is ready. own: settings of a browser's
    context, which the test then has to itself.
    """
    contexts, pages, faults, away = [], [], [], []

    def opened(root: str = "", *, viewport=DESK, before=lambda page: None, own=None, **media):
        home = root or desk.root
        context = window if own is None else browser.new_context(**own)
        if own is not None:
            contexts.append(context)
        page = context.new_page()
        pages.append(page)
        page.set_default_timeout(5_000)
        page.set_viewport_size(viewport)
        page.emulate_media(**{"reduced_motion": "reduce", **media})
        page.on("request", lambda request: away.append(request.url) if _is_away(request.url, home) else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if _is_fault(said) else None)
        page.goto(home)
        before(page)
        page.wait_for_selector("html[data-ready]")
        return page

    yield opened
    for page in pages:
        page.evaluate("localStorage.clear()")
        page.close()
    for context in contexts:
        context.close()
    assert away == [], "somebody else was asked for something"
    assert faults == []


def _is_fault(said) -> bool:
    return said.type == "error" and "Failed to load resource" not in said.text


def _is_away(url: str, root: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme not in ("data", "blob") and parts.netloc != urlsplit(root).netloc
