"""Documents on the page: dropped, picked and pasted; watched, cancelled, chosen, shown and deleted."""

import pytest
from paged import answer, put, quoted

from longspan.spans import Document
from longspan.spans.places import Places

DROP = """(files) => {
  const data = new DataTransfer();
  for (const [name, text] of files) data.items.add(new File([text], name));
  for (const kind of ['dragenter', 'dragover', 'drop'])
    dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
}"""
PASTE = """(text) => {
  const data = new DataTransfer();
  data.setData('text/plain', text);
  const pasted = new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true });
  document.getElementById('talk').dispatchEvent(pasted);
}"""

SEEN = """() => {
  const { top, bottom } = document.querySelector('mark.now').getBoundingClientRect();
  return top > 60 && bottom < innerHeight;
}"""


def spoken(page) -> str:
    return page.locator("#spoken").text_content()


def test_dropped_files_are_read_one_after_the_other_and_asked_about(open_page, desk):
    desk.steps = ((0.25, 0.5), (0.5, 0.1))
    page = open_page()
    page.evaluate(DROP, [["one.txt", "alpha beta gamma delta"], ["two.md", "# Two\n\nwords here"]])
    page.get_by_text("1 of 4 tokens read, about 3 s left").wait_for()
    assert page.locator("#reading progress").first.evaluate("bar => bar.value") == 0.25
    page.get_by_text("Waiting for its turn").wait_for()
    page.get_by_role("radio", name="two.md").wait_for()
    page.get_by_role("radio", name="one.txt").wait_for()
    assert page.get_by_role("radio", name="two.md").is_checked()
    page.get_by_role("radio", name="one.txt").check()
    assert "one.txt is read: 4 tokens." in spoken(page)
    page.fill("#question", "What is it?")
    page.keyboard.press("Enter")
    page.locator(".prose").get_by_text("All is well.").wait_for()
    assert desk.asked[0].context == next(kept.id for kept, _ in desk.kept.values() if kept.name == "one.txt")


def test_files_are_picked_and_text_is_pasted(open_page, desk):
    page = open_page()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Add files").click()
    chooser.value.set_files([{"name": "picked.txt", "mimeType": "text/plain", "buffer": b"picked words"}])
    page.get_by_role("radio", name="picked.txt").wait_for()
    page.evaluate(PASTE, "Pasted anywhere: on the page it was")
    page.get_by_role("radio", name="Pasted anywhere on the page").wait_for()
    page.locator("#library").get_by_role("button", name="Paste text").click()
    page.get_by_label("Name", exact=True).fill("Notes")
    page.get_by_label("Text", exact=True).fill("Typed into the dialog")
    page.get_by_role("button", name="Read it").click()
    page.get_by_role("radio", name="Notes").wait_for()
    texts = {kept.name: documents[0].text for kept, documents in desk.kept.values()}
    assert texts["Pasted anywhere on the page"] == "Pasted anywhere: on the page it was"
    assert texts["Notes"] == "Typed into the dialog"


def test_reading_is_cancelled_and_the_next_goes_on(open_page, desk):
    desk.steps = ((0.1, 30.0),)
    page = open_page()
    page.evaluate(DROP, [["long.txt", "a b c"], ["short.txt", "d e f"]])
    page.locator("#reading progress").first.wait_for()
    page.get_by_text("0 of 3 tokens read").wait_for()
    desk.steps = ()
    page.get_by_role("button", name="Cancel long.txt").click()
    page.get_by_role("radio", name="short.txt").wait_for()
    assert page.locator("#reading li").count() == 0


def test_a_file_that_cannot_be_read_says_why_and_can_be_tried_again(open_page, desk):
    page = open_page()
    page.evaluate(DROP, [["empty.pdf", "%PDF-1.4 nothing"]])
    page.locator(".job.failed").wait_for()
    assert "Not read." in page.locator(".job.failed").text_content()
    page.get_by_role("button", name="Try again empty.pdf").click()
    page.locator(".job.failed").wait_for()
    page.get_by_role("button", name="Dismiss empty.pdf").click()
    assert page.locator("#reading li").count() == 0


def test_a_source_is_shown_and_deleted(open_page, desk):
    put(desk, Document("book.txt", "Some words\n\nand some more"))
    page = open_page()
    page.get_by_role("button", name="Read book.txt").click()
    page.locator("#paper").get_by_text("and some more").wait_for()
    assert page.locator("#reader-title").text_content() == "book.txt"
    page.get_by_role("button", name="Delete book.txt").click()
    page.get_by_role("button", name="Keep it").click()
    assert len(desk.kept) == 1
    page.get_by_role("button", name="Delete book.txt").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.locator("#sources-empty").wait_for()
    assert not desk.kept
    assert page.locator("#reader").is_hidden()


def test_a_plan_that_was_chosen_is_used_for_reading_and_answering(open_page, desk):
    page = open_page()
    page.locator("#ways summary").click()
    page.get_by_label("Plan").fill("codec=int8")
    page.get_by_label("Flow").fill("best-passages")
    page.evaluate(DROP, [["one.txt", "alpha"]])
    page.get_by_role("radio", name="one.txt").wait_for()
    page.fill("#question", "What?")
    page.get_by_role("button", name="Ask", exact=True).click()
    page.locator(".prose").get_by_text("All is well.").wait_for()
    assert next(kept.plan for kept, _ in desk.kept.values()) == "codec=int8"
    assert (desk.asked[0].plan, desk.asked[0].flow) == ("codec=int8", "best-passages")
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert page.locator("#plan").input_value() == "codec=int8"


def test_a_large_document_scrolls_to_its_quotes(open_page, desk):
    """A megabyte, with characters that are two units in the browser, and pages."""
    parts = [f"Paragraph {number} speaks 🌍 of many things that fill a line.\n\n" for number in range(19_000)]
    text = "".join(parts)
    assert len(text) > 1_000_000
    starts = tuple(sum(map(len, parts[: 1900 * page])) for page in range(10))
    document = Document("big.pdf", text, Places(page_starts=starts))
    put(desk, document)
    quotes = ["Paragraph 18500 speaks 🌍 of many things that fill a line.", "Paragraph 3 speaks 🌍 of"]
    desk.script = lambda asked: answer("It is said.", [quoted(document, each) for each in quotes])
    page = open_page()
    page.fill("#question", "Where?")
    page.keyboard.press("Enter")
    page.locator(".quotes").get_by_text("Speaks of the same: big.pdf, page 10").wait_for()
    for number, quote in enumerate(quotes):
        page.locator(".quote").nth(number).click()
        mark = page.locator("mark.now")
        mark.wait_for()
        assert mark.text_content() == quote
        page.wait_for_function(SEEN)
        page.wait_for_timeout(300)
        assert page.evaluate(SEEN), "it went out of sight again"
        assert mark.evaluate("m => m === document.activeElement")
    assert (
        page.locator("#reader-status").text_content() == "Quote 2 of 2, page 1: word for word in the document"
    )


@pytest.mark.parametrize("end", ["", "🏳️‍🌈", "\U00020000\u0301"])
def test_quotes_behind_characters_of_two_units_are_marked_exactly(open_page, desk, end):
    text = f"# 🌍🌍 Title\n\nBefore 👩‍👩‍👧 and\nthen: the quote\n\ngoes on here{end} and after 🇫🇷."
    document = Document("emoji.md", text)
    put(desk, document)
    desk.script = lambda asked: answer("So.", [quoted(document, f"the quote\n\ngoes on here{end}")])
    page = open_page()
    page.fill("#question", "Where?")
    page.keyboard.press("Enter")
    page.locator(".quote").click()
    page.locator("mark.now").first.wait_for()
    assert page.locator("mark").all_text_contents() == ["the quote", f"goes on here{end}"]
