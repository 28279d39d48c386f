"""The page by keyboard, by ear, on a phone, in large print, in few colours and without motion."""

import os
from pathlib import Path

import pytest
from paged import answer, made_up, put, quoted

from longspan.spans import Document

PHONE = {"width": 360, "height": 740}
BOOK = Document(
    "book.md", "# Log\n\nThe lamp burns bright.\n\n## May\n\nTwo keepers live on the rock.\n" * 12
)
SAID = "It **burns**: “The lamp burns bright.” But “the boat sank” is not said.\n\n- one\n- two\n\n```\ncode\n```"
QUOTES = [quoted(BOOK, "The lamp burns bright."), made_up("the boat sank")]
AXE = Path(os.environ.get("AXE_CORE", "node_modules/axe-core")) / "axe.min.js"


@pytest.fixture
def answered(open_page, desk):
    """The page with a source, an answer with quotes, and the document open."""

    def opened(**settings):
        put(desk, BOOK)
        desk.script = lambda asked: answer(SAID, QUOTES)
        page = open_page(**settings)
        page.fill("#question", "Does it burn?")
        page.keyboard.press("Enter")
        page.locator(".quote").first.click()
        page.locator("mark.now").wait_for()
        return page

    return opened


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [{"width": 1280, "height": 800}, PHONE], ids=["desk", "phone"])
def test_axe_finds_nothing(answered, scheme, size):
    if not AXE.is_file():
        pytest.skip("axe-core is not here; put the folder of its package into AXE_CORE")
    page = answered(viewport=size, color_scheme=scheme, own={"bypass_csp": True})
    page.add_script_tag(path=str(AXE))
    for panel in ("reader", "talk-panel", "library"):
        page.evaluate("(name) => document.querySelector(`[data-panel-button=${name}]`).click()", panel)
        # where one panel is shown at a time, the main one is not always
        rules = {"landmark-one-main": {"enabled": panel == "talk-panel"}}
        found = page.evaluate("(rules) => axe.run(document, { rules })", rules)["violations"]
        assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []
    for dialog in ("pasting", "key", "confirm"):
        page.evaluate("(id) => document.getElementById(id).showModal()", dialog)
        if dialog == "confirm":
            page.evaluate("document.getElementById('confirm-question').textContent = 'Delete it?'")
        found = page.evaluate("(id) => axe.run(document.getElementById(id))", dialog)["violations"]
        assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []
        page.evaluate("(id) => document.getElementById(id).close()", dialog)


def test_there_is_one_h1_and_every_part_is_a_landmark(answered):
    page = answered()
    assert page.get_by_role("heading", level=1).count() == 1
    assert page.get_by_role("main").count() == 1
    assert page.get_by_role("banner").count() == 1
    assert page.get_by_role("complementary", name="Library").count() == 1
    assert page.get_by_role("complementary", name="book.md").count() == 1
    assert page.locator("html").get_attribute("lang") == "en"
    assert (
        page.locator("button, input, select, textarea").evaluate_all(
            "all => all.filter((e) => e.checkVisibility() && !e.textContent.trim() && !e.labels?.length"
            " && !e.ariaLabel).map((e) => e.outerHTML)"
        )
        == []
    )


def test_all_of_it_goes_by_keyboard(open_page, desk):
    put(desk, BOOK)
    desk.script = lambda asked: answer(SAID, QUOTES)
    page = open_page()
    focused = "(s) => document.activeElement.matches(s) && document.activeElement.matches(':focus-visible')"

    def tab_to(selector: str, key: str = "Tab") -> None:
        for _ in range(40):
            page.keyboard.press(key)
            if page.evaluate(focused, selector):
                return
        raise AssertionError(f"no way to {selector} with {key}")

    page.keyboard.press("Tab")
    assert page.evaluate(focused, ".skip")
    tab_to("[data-opens=pasting]")
    page.keyboard.press("Enter")
    page.keyboard.type("Typed by hand.")
    tab_to("dialog button.main")
    page.keyboard.press("Enter")
    page.get_by_role("radio", name="Typed by hand..txt").or_(
        page.get_by_role("radio", name="Typed by hand")
    ).wait_for()
    page.evaluate("document.activeElement.blur()")
    tab_to("input[type=radio]:checked")
    page.keyboard.press("ArrowDown")
    assert page.get_by_role("radio", name="book.md").is_checked()
    tab_to("#question")
    page.keyboard.type("Does it burn?")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("Really?")
    page.keyboard.press("Enter")
    page.locator(".quotes").wait_for()
    assert desk.asked[0].turns[-1].text == "Does it burn?\nReally?"
    assert page.evaluate(focused, "#question")
    tab_to(".chip:not(.doubtful)", "Shift+Tab")
    page.keyboard.press("Enter")
    page.locator("mark.now").wait_for()
    assert page.evaluate("document.activeElement.matches('mark.now')")
    page.keyboard.press("Escape")
    assert page.locator("#reader").is_hidden()
    assert page.evaluate("document.activeElement.matches('.chip')")


def test_sentences_are_announced_and_not_words(open_page, desk):
    desk.script = lambda asked: answer("It is so. And it was.", pause=0.03)
    page = open_page()
    page.evaluate(
        """() => {
          window.told = [];
          const seen = (all) => all.forEach((each) => each.addedNodes.forEach((node) => told.push(node.textContent)));
          new MutationObserver(seen).observe(document.getElementById('spoken'), { childList: true });
        }"""
    )
    page.fill("#question", "Is it?")
    page.keyboard.press("Enter")
    page.locator(".facts").wait_for()
    assert page.evaluate("told") == ["It is so.", "And it was."]
    assert page.locator("#spoken").get_attribute("aria-live") == "polite"
    assert page.locator("#thread [aria-live]").count() == 0


@pytest.mark.parametrize("size", [PHONE, {"width": 320, "height": 256}], ids=["phone", "400 %"])
def test_nothing_goes_over_the_edge_of_a_narrow_window(answered, size):
    page = answered(viewport=size)
    for panel in ("reader", "talk-panel", "library"):
        page.evaluate("(name) => document.querySelector(`[data-panel-button=${name}]`).click()", panel)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        over = page.evaluate(
            """(width) => [...document.querySelectorAll('body *')]
              .filter((e) => e.checkVisibility() && !e.closest('pre, svg'))
              .filter((e) => !e.closest('.unseen, .skip') && e.getBoundingClientRect().right > width + 1)
              .map((e) => e.outerHTML.slice(0, 80))""",
            size["width"],
        )
        assert over == []


def test_a_phone_shows_one_panel_at_a_time(answered):
    page = answered(viewport=PHONE)
    assert page.locator("#reader").is_visible()
    assert page.locator("#talk-panel").is_hidden()
    page.get_by_role("button", name="Questions").click()
    assert page.locator(".quotes").is_visible()
    assert page.locator("#reader").is_hidden()
    page.get_by_role("button", name="Library").click()
    assert page.get_by_role("radio", name="book.md").is_visible()
    page.get_by_role("button", name="Document", exact=True).click()
    assert page.locator("mark.now").is_visible()


@pytest.mark.parametrize("size", [{"width": 1280, "height": 800}, PHONE], ids=["desk", "phone"])
def test_what_is_pressed_is_large_enough(answered, size):
    page = answered(viewport=size)
    pressed = "button, summary, select, input:not([type=radio]), label:has([type=radio])"
    small = """(pressed) => [...document.querySelectorAll(pressed)]
      .filter((e) => e.checkVisibility() && !e.closest('.unseen'))
      .filter((e) => { const r = e.getBoundingClientRect(); return r.width && (r.width < 24 || r.height < 24); })
      .map((e) => e.outerHTML.slice(0, 90))"""
    for panel in ("reader", "talk-panel", "library"):
        page.evaluate("(name) => document.querySelector(`[data-panel-button=${name}]`).click()", panel)
        assert page.evaluate(small, pressed) == []


def test_few_colours_and_no_motion_leave_everything_told(answered):
    page = answered(forced_colors="active")
    style = "(e) => { const s = getComputedStyle(e); return [s.outlineStyle, s.outlineWidth]; }"
    assert page.locator("mark.now").evaluate(style) == ["solid", "2px"]
    chips = page.locator(".chip")
    assert chips.all_text_contents() == ["1", "2?"]
    assert chips.evaluate_all("all => all.map((e) => getComputedStyle(e).borderStyle)") == ["solid", "dashed"]
    assert page.evaluate("document.getAnimations().length") == 0


def test_colours_are_chosen_and_kept(open_page, desk):
    page = open_page(color_scheme="light")
    colour = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(colour)
    page.get_by_role("button", name="Colours: automatic").click()
    page.get_by_role("button", name="Colours: light").click()
    dark = page.evaluate(colour)
    assert light != dark
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert page.evaluate(colour) == dark
