"""What documents, file names and models say stays text, whatever it is."""

import pytest
from paged import answer, made_up, put, quoted

from longspan.spans import Document

TRAPS = (
    "<script>window.caught = 1</script>",
    "<img src=x onerror='window.caught = 2'>",
    "<svg/onload=window.caught=3>",
    "<iframe srcdoc='<script>parent.caught=4</script>'></iframe>",
    "[press](javascript:window.caught=5)",
    "[press](JaVaScRiPt&colon;window.caught=6) [x](  javascript:window.caught=7)",
    "![p](https://example.org/steal?q=secret) ![p](data:image/png;base64,AA)",
    "<https://example.org/><javascript:window.caught=8>",
    "<style>body{display:none}</style><link rel=stylesheet href=//example.org/a.css>",
    "</textarea></p><form action=//example.org><input name=q><button>go</button></form>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=window.caught=9>",
    '"><a href="https://example.org" onclick="window.caught=10">x</a>',
    "```html\n<script>window.caught = 11</script>\n```",
    "`<img src=x onerror=window.caught=12>` **<b onmouseover=window.caught=13>bold</b>**",
    "| <script>window.caught=14</script> | [b](javascript:window.caught=15) |\n|---|---|\n| 1 | 2 |",
    "<meta http-equiv=refresh content='0;url=https://example.org'>",
    "<base href=https://example.org/><object data=//example.org></object>",
    "{{constructor.constructor('window.caught=16')()}} ${window.caught=17}",
    "\u202egnp.exe\u202c \u0000 \ufeff",
)
HARM = """() => { const SIZED = ['meter-read', 'meter-said', 'meter-typed', 'question', 'strip']; return {
  caught: window.caught ?? null,
  made: [...document.querySelectorAll('#thread *, #paper *, #library *, #reader *, dialog *')]
    .map((node) => node.localName)
    .filter((name) => ['script', 'img', 'iframe', 'svg', 'style', 'link', 'object', 'meta', 'base'].includes(name)),
  links: [...document.querySelectorAll('#thread a, #paper a')].map((a) => a.protocol),
  handlers: [...document.querySelectorAll('*')].flatMap((node) =>
    node.getAttributeNames().filter((name) => name.startsWith('on') || name === 'style' || name === 'srcdoc')
      .filter((name) => name !== 'style' || !SIZED.includes(node.id) && !node.matches('#strip i, .sheet'))),
}}"""


@pytest.mark.parametrize("first", range(0, len(TRAPS), 5))
def test_nothing_that_is_said_becomes_markup(hostile, first):
    said = "\n\n".join(TRAPS[first : first + 5])
    shown = hostile(said)
    harm = shown.evaluate(HARM)
    assert harm["caught"] is None
    assert harm["made"] == []
    assert set(harm["links"]) <= {"https:", "http:"}
    assert harm["handlers"] == []
    assert shown.locator("#paper").text_content().startswith(said.split("\n")[0][:8])


@pytest.fixture(scope="module")
def hostile(browser, shelf):
    """One page, to which a text comes as an answer, a question, a quote, a document and a name."""
    page = browser.new_page(reduced_motion="reduce", viewport={"width": 1280, "height": 800})
    page.set_default_timeout(3_000)
    asked_away = []
    page.on("request", lambda each: asked_away.append(each.url) if "127.0.0.1" not in each.url else None)

    def shown(said: str):
        shelf.kept.clear()
        name = said.replace("\n", " ")[:200]
        document = Document(name, said)
        put(shelf, document)
        shelf.script = lambda asked: answer(
            said, [made_up(said), quoted(document, document.text[:12])], pause=0.0
        )
        page.goto(shelf.root)
        page.evaluate("localStorage.clear(), sessionStorage.clear()")
        page.goto(shelf.root)
        page.wait_for_selector("html[data-ready]")
        page.fill("#question", said)
        page.keyboard.press("Enter")
        page.locator(".quote").nth(1).click()
        page.locator("mark.now").first.wait_for()
        page.wait_for_timeout(30)
        return page

    yield shown
    page.close()
    assert asked_away == []


def test_the_policy_of_the_server_stops_what_the_page_would_not(browser, shelf):
    """Were there a fault in the page, the browser would still run and fetch nothing of others."""
    page = browser.new_page()
    page.goto(shelf.root)
    stopped = page.evaluate(
        """async () => {
          const found = [];
          addEventListener('securitypolicyviolation', (event) => found.push(event.effectiveDirective));
          try { document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=window.caught=1>'); }
          catch (error) { found.push(error.name); }
          const image = document.createElement('img');
          image.src = 'https://example.org/x.png';
          document.body.append(image);
          const script = document.createElement('script');
          script.append('window.caught = 2');
          try { document.body.append(script); } catch (error) { found.push(error.name); }
          await fetch('https://example.org/').catch(() => {});
          await new Promise((resolve) => setTimeout(resolve, 50));
          return { found, caught: window.caught ?? null };
        }"""
    )
    assert stopped["caught"] is None
    assert {"TypeError", "img-src", "connect-src"} <= set(stopped["found"])
    page.close()


def test_names_of_files_are_shown_as_text(open_page, desk):
    page = open_page()
    name = "<img src=x onerror=window.caught=1>.txt"
    page.locator("#picker").set_input_files([{"name": name, "mimeType": "text/plain", "buffer": b"words"}])
    page.locator(".source .name", has_text="onerror").wait_for()
    page.locator("#library").get_by_role("button", name="Delete").click()
    assert "onerror" in page.locator("#confirm-question").text_content()
    assert page.evaluate("window.caught ?? null") is None
    assert page.locator("#library img, dialog img").count() == 0
