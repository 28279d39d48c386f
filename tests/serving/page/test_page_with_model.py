"""The page, the whole server and a model: a document is read once, asked about, and shown."""

from loopback import served

import longspan
from longspan.serving.local import Limits, LocalDesk
from longspan.serving.web.app import create_app
from longspan.serving.web.settings import Settings

BOOK = "The lamp burns.\n\nTwo keepers live on the rock.\n"


def test_a_model_reads_and_answers(open_page, small_folder):
    def make():
        desk = LocalDesk(longspan.load(small_folder), name="small", limits=Limits(chunk=8, answer=12))
        return create_app(desk, Settings(log=False)), desk.close

    with served(make) as address:
        page = open_page(root=address.removesuffix("/v1"))
        page.locator("#picker").set_input_files(
            [{"name": "b.txt", "mimeType": "text/plain", "buffer": BOOK.encode()}]
        )
        page.get_by_role("radio", name="b.txt").wait_for()
        page.fill("#question", "Who?")
        page.keyboard.press("Enter")
        page.locator(".facts").wait_for()
        told = page.locator(".facts").text_content()
        assert "known before" in told, "the document was read again"
        assert "of memory held" in told
        assert page.locator(".answer").get_attribute("aria-busy") == "false"
        page.get_by_role("button", name="Read b.txt").click()
        page.locator("#paper").get_by_text("Two keepers live on the rock.").wait_for()
        page.get_by_role("button", name="Delete b.txt").click()
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        page.locator("#sources-empty").wait_for()
