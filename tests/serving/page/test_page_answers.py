"""Questions and answers on the page: streams, quotes, stop, again, edit, copy, what is kept, and what breaks."""

import json
import time
from pathlib import Path

from loopback import served
from paged import Shelf, answer, app, made_up, put, quoted

from longspan.serving.refused import Overlong, Refused
from longspan.spans import Document

BOOK = Document(
    "book.txt",
    "The lamp burns.\n\nTwo keepers live on the rock, and a brown dog.\n\nThe boat comes on Mondays.",
)


def ask(page, question: str) -> None:
    page.fill("#question", question)
    page.keyboard.press("Enter")


def test_an_answer_has_numbers_that_lead_to_its_quotes(open_page, desk):
    put(desk, BOOK)
    said = "Two people: “Two keepers live on the rock” it says. But “the boat sank” is made up."
    quotes = [
        quoted(BOOK, "Two keepers live on the rock"),
        made_up("the boat sank"),
        quoted(BOOK, "The lamp burns."),
    ]
    desk.script = lambda asked: answer(said, quotes)
    page = open_page()
    ask(page, "Who lives there?")
    page.locator(".quotes").wait_for()
    assert page.locator(".prose").text_content() == said.replace("rock”", "rock”1").replace(
        "sank”", "sank”2?"
    )
    assert page.locator(".quotes h4").text_content() == "3 quotes, 2 of them word for word in the document"
    assert page.locator(".quote .where").all_text_contents() == [
        "book.txt",
        "Not found in any document",
        "Speaks of the same: book.txt",
    ]
    assert page.locator(".chip").nth(1).evaluate("c => getComputedStyle(c).borderStyle") == "dashed"
    page.get_by_role("button", name="Quote 1: word for word in the document").click()
    page.locator("mark.now").wait_for()
    assert page.locator("mark.now").text_content() == "Two keepers live on the rock"
    assert page.locator("mark").count() == 2
    page.get_by_role("button", name="Next quote").click()
    assert page.locator("#reader-status").text_content() == "Quote 2 of 3: not found in any document"
    page.locator("#reader-close").click()
    assert page.locator(".chip").first.evaluate("c => c === document.activeElement")


def test_what_it_took_is_told(open_page, desk):
    put(desk, BOOK)
    desk.script = lambda asked: answer("One two three four.")
    page = open_page()
    ask(page, "How much?")
    page.locator(".facts").wait_for()
    assert page.locator(".facts li").all_text_contents() == [
        "100 tokens read in 0.4 s",
        "1.6k known before",
        "4 tokens written, 20.0 a second",
        "12.4 MB of memory held",
    ]
    assert "about 1.7k of 8.2k tokens" in page.locator("#meter-text").text_content()


def test_a_slow_stream_is_shown_as_it_comes_and_can_be_stopped(open_page, desk):
    desk.script = lambda asked: answer("One sentence. " + "word " * 500, pause=0.02)
    page = open_page()
    ask(page, "Long?")
    page.locator(".prose").get_by_text("One sentence. word word").wait_for()
    busy = page.locator(".answer")
    assert busy.get_attribute("aria-busy") == "true"
    assert "One sentence." in page.locator("#spoken").text_content()
    page.keyboard.press("Escape")
    page.get_by_text("You stopped it here.").wait_for()
    assert busy.get_attribute("aria-busy") == "false"
    deadline = time.monotonic() + 5
    while not desk.tickets[0].cancelled and time.monotonic() < deadline:
        time.sleep(0.02)
    assert desk.tickets[0].cancelled, "the server goes on with what nobody reads"
    ask(page, "And then?")
    page.locator(".answer").nth(1).wait_for()
    page.get_by_role("button", name="Stop").click()


def test_ask_again_and_edit_replace_what_was_said(open_page, desk):
    answers = iter(["First.", "Second.", "Third."])
    desk.script = lambda asked: answer(next(answers))
    page = open_page()
    ask(page, "One?")
    page.locator(".prose").get_by_text("First.").wait_for()
    page.get_by_role("button", name="Ask again").click()
    page.locator(".prose").get_by_text("Second.").wait_for()
    assert page.locator(".prose").get_by_text("First.").count() == 0
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Edit the question").fill("Two?")
    page.keyboard.press("Enter")
    page.locator(".prose").get_by_text("Third.").wait_for()
    assert page.locator(".said").all_text_contents() == ["Two?"]
    assert [[turn.text for turn in asked.turns] for asked in desk.asked] == [["One?"], ["One?"], ["Two?"]]


def test_an_answer_is_copied_with_its_quotes(open_page, desk):
    put(desk, BOOK)
    desk.script = lambda asked: answer("**So** it is.", [quoted(BOOK, "The lamp burns."), made_up("it sank")])
    page = open_page(own={"permissions": ["clipboard-read", "clipboard-write"]})
    ask(page, "How?")
    page.get_by_role("button", name="Copy the answer").click()
    page.get_by_text("Answer copied").first.wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == (
        "**So** it is.\n\n1. “The lamp burns.” (book.txt): word for word in the document\n"
        "2. “it sank”: not found in any document"
    )


def test_conversations_are_kept_renamed_exported_and_deleted(open_page, desk):
    page = open_page()
    ask(page, "What about the *lamp*?")
    page.locator(".prose").get_by_text("All is well.").wait_for()
    page.get_by_role("button", name="New").click()
    assert page.locator("#welcome").is_visible()
    ask(page, "Second?")
    page.locator(".prose").get_by_text("All is well.").wait_for()
    assert page.locator("#conversations .name").all_text_contents() == ["Second?", "What about the *lamp*?"]
    page.get_by_role("button", name="What about the *lamp*?").click()
    assert page.locator(".said").all_text_contents() == ["What about the *lamp*?"]
    row = page.locator(".conversation").nth(1)
    row.locator("summary").click()
    with page.expect_download() as download:
        row.get_by_role("button", name="Save as Markdown").click()
    assert download.value.suggested_filename == "What-about-the-lamp.md"
    assert Path(download.value.path()).read_text("utf-8") == (
        "# What about the *lamp*?\n\n## What about the *lamp*?\n\nAll is well.\n"
    )
    with page.expect_download() as download:
        row.get_by_role("button", name="Save as JSON").click()
    kept = json.loads(Path(download.value.path()).read_text("utf-8"))
    assert [turn["text"] for turn in kept["turns"]] == ["What about the *lamp*?", "All is well."]
    row.get_by_role("button", name="Rename").click()
    page.get_by_label("Name of the conversation").fill("About lamps")
    page.keyboard.press("Enter")
    page.reload()
    page.wait_for_selector("html[data-ready]")
    row = page.locator(".conversation", has_text="About lamps")
    row.locator("summary").click()
    row.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.locator("#welcome").wait_for()
    assert page.locator("#conversations .name").all_text_contents() == ["Second?"]


def test_a_reload_in_mid_answer_keeps_what_came(open_page, desk):
    desk.script = lambda asked: answer("One two three. " + "word " * 500, pause=0.02)
    page = open_page()
    ask(page, "Long?")
    page.locator(".prose").get_by_text("One two three. word word").wait_for()
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert page.locator(".prose").text_content().startswith("One two three. word word")
    assert "Cut short." in page.locator(".fault").text_content()
    desk.script = lambda asked: answer("Whole.")
    page.get_by_role("button", name="Ask again").click()
    page.locator(".prose").get_by_text("Whole.").wait_for()
    assert page.locator(".fault").count() == 0
    assert [turn.text for turn in desk.asked[-1].turns] == ["Long?"]


def test_a_server_that_dies_in_mid_answer_is_told_and_nothing_is_lost(open_page):
    desk = Shelf()
    desk.script = lambda asked: answer("One two three. " + "word " * 500, pause=0.02)
    with served(lambda: (app(desk), desk.close)) as address:
        page = open_page(root=address.removesuffix("/v1"))
        ask(page, "Long?")
        page.locator(".prose").get_by_text("One two three. word word").wait_for()
        desk.tickets[0].cancel()
    page.get_by_text("The connection broke off before the end.").first.wait_for()
    assert page.locator(".prose").text_content().startswith("One two three. word word")
    ask(page, "Still there?")
    page.get_by_text("The server does not answer.").first.wait_for()
    assert page.locator(".said").all_text_contents() == ["Long?", "Still there?"]


REFUSALS = [
    (Overlong(tokens=9000, maximum=8192, advice="choose a flow"), "8192 tokens"),
    (Refused("too many ask", kind="overloaded", retry_after=12), "Too many ask. Try again in 12 s."),
    (Refused("no plan 'x'; see the list of plans"), "No plan 'x'; see the list of plans."),
]


def test_a_refusal_is_told_in_words(open_page, desk):
    page = open_page()
    for refused, said in REFUSALS:
        desk.script = lambda asked, refused=refused: [refused]
        ask(page, "May I?")
        page.locator(".fault", has_text=said).wait_for()
    desk.script = lambda asked: answer("You may.")
    page.get_by_role("button", name="Ask again").click()
    page.locator(".prose").get_by_text("You may.").wait_for()


def test_a_failure_within_a_stream_is_told(open_page, desk):
    desk.script = lambda asked: [*answer("Half of it")[:3], Refused("it took too long", kind="timeout")]
    page = open_page()
    ask(page, "Whole?")
    page.locator(".fault").wait_for()
    assert "It took too long." in page.locator(".fault").text_content()
    assert page.locator(".prose").text_content().startswith("Half")


def test_a_key_is_asked_for_and_kept_for_the_tab_alone(open_page):
    desk = Shelf()
    with served(lambda: (app(desk, keys=("secret-key",)), desk.close)) as address:
        page = _keyed(open_page, address.removesuffix("/v1"))
        ask(page, "Now?")
        page.locator(".prose").get_by_text("All is well.").wait_for()
        assert page.evaluate("JSON.stringify(localStorage)").count("secret-key") == 0
        assert page.evaluate("sessionStorage.getItem('longspan.key')") == "secret-key"


def _keyed(open_page, root):
    """The page of a server with a key, given at the second attempt."""

    def given(page):
        page.get_by_text("This server asks for a key.").wait_for()
        page.get_by_label("Key", exact=True).fill("wrong")
        page.keyboard.press("Enter")
        page.get_by_text("The key was not taken.").wait_for()
        page.get_by_label("Key", exact=True).fill("secret-key")
        page.keyboard.press("Enter")
        page.wait_for_selector("html[data-ready]")

    return open_page(root=root, before=given)


def test_a_window_that_is_nearly_full_warns(open_page, desk):
    put(desk, Document("long.txt", "word " * 7500))
    page = open_page()
    assert page.locator("#meter-warning").text_content().startswith("Nearly full.")
    page.fill("#question", "and more " * 500)
    page.get_by_text("Too long for the window.").wait_for()
    page.locator("#ways summary").click()
    page.get_by_label("Flow").fill("map-reduce")
    assert page.locator("#meter-warning").text_content() == ""
