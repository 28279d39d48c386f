"""What the page computes, without looking at it: events, offsets, Markdown, sections, estimates, the window."""

import json

import pytest

from longspan.serving.web.streams import frame


@pytest.fixture(scope="module")
def computed(browser, shelf):
    """Calls a function of a module of the page: computed("offsets.js", "(m) => ...", argument)."""
    page = browser.new_page()
    page.goto(shelf.root)
    yield lambda module, code, argument=None: page.evaluate(
        f"async (argument) => ({code})(await import('/page/code/{module}'), argument)", argument
    )
    page.close()


EVENTS = """async (m, cuts) => {
  const start = (c) => { for (const cut of cuts) c.enqueue(new Uint8Array(cut)); c.close(); };
  const stream = new ReadableStream({ start });
  const found = [];
  for await (const data of m.events(stream)) found.push(data);
  return found;
}"""


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_events_are_the_same_however_the_network_cuts_them(computed, size, end):
    text = f"\ufeff: ping\n\nevent: x\nid: 1\ndata: {json.dumps('Grüße 🌍 — “zu”', ensure_ascii=False)}\n\n"
    text += "data: one\ndata:two\ndata\n\n"
    text += frame({"a": 1}).decode() + "data: [DONE]\n\n" + "data: cut off"
    data = text.replace("\n", end).encode()
    cuts = [list(data[at : at + size]) for at in range(0, len(data), size)]
    assert computed("sse.js", EVENTS, cuts) == ['"Grüße 🌍 — “zu”"', "one\ntwo\n", '{"a":1}', "[DONE]"]


@pytest.mark.parametrize("text", ["", "plain", "Grüße", "a🌍b", "🌍" * 3000 + "x", "👩‍👩‍👧 é 🇫🇷 end" * 700])
def test_offsets_of_code_points_are_found_in_units(computed, text):
    places = [at for at in (0, 1, 2, 3, 1023, 1024, 1025, 2048, 3000, len(text)) if at <= len(text)]
    found = computed(
        "offsets.js",
        """(m, { text, places }) => {
          const offsets = new m.Offsets(text);
          return places.map((at) => text.slice(0, offsets.units(at)));
        }""",
        {"text": text, "places": places},
    )
    assert found == [text[:at] for at in places]


def markdown(computed, *texts: str) -> str:
    """The markup of a text that came in these steps."""
    return computed(
        "markdown.js",
        """(m, texts) => {
          const box = document.createElement('div');
          for (const text of texts) m.render(box, text);
          return box.innerHTML;
        }""",
        list(texts),
    )


@pytest.mark.parametrize(
    ("text", "markup"),
    [
        ("one\n\ntwo", "<p>one</p><p>two</p>"),
        ("# Title\ntext", "<h4>Title</h4><p>text</p>"),
        ("a **b *c*** d", "<p>a <strong>b <em>c</em></strong> d</p>"),
        ("2 * 3 * 4 and snake_case_name", "<p>2 * 3 * 4 and snake_case_name</p>"),
        ("`<b>` and ``a ` b``", "<p><code>&lt;b&gt;</code> and <code>a ` b</code></p>"),
        ("- a\n- b\n  - c\n\nend", "<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul><p>end</p>"),
        ("3. a\n4. b", '<ol start="3"><li>a</li><li>b</li></ol>'),
        ("> said\n> twice\n\nx", "<blockquote><p>said\ntwice</p></blockquote><p>x</p>"),
        ("a\n\n---\n\nb", "<p>a</p><hr><p>b</p>"),
        ("**not closed", "<p>**not closed</p>"),
        ("\\*no\\*", "<p>*no*</p>"),
    ],
)
def test_markdown_becomes_nodes(computed, text, markup):
    assert markdown(computed, text) == markup


def test_code_and_tables_can_be_reached_by_keyboard(computed):
    code = markdown(computed, "```py\nx = '<i>'\n\ny\n```\nafter")
    assert (
        '<pre tabindex="0" role="group" aria-label="Code, py"><code>x = \'&lt;i&gt;\'\n\ny</code></pre><p>after</p>'
        in code
    )
    assert "<th>a</th><th>b</th>" in markdown(computed, "| a | b |\n|---|---|\n| 1 | 2 |")


def test_a_text_that_grows_is_shown_as_one_that_came_whole(computed):
    text = "# Title\n\nIt is *so*:\n\n1. one\n2. two\n   more\n\n```\ncode\n\nmore\n```\n\n"
    text += "> quote\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nend"
    assert markdown(computed, *(text[:end] for end in range(len(text) + 1))) == markdown(computed, text)


@pytest.mark.parametrize(
    "text",
    [
        "*" * 20_000,
        "[" * 20_000,
        "`" * 20_001,
        "> " * 5_000,
        "- " * 5_000,
        "**a" * 5_000,
        "_a" * 9_000,
        "http://" * 3_000,
    ],
)
def test_no_text_keeps_markdown_busy(computed, text):
    taken = computed(
        "markdown.js",
        """(m, text) => {
          const begun = performance.now();
          m.render(document.createElement('div'), text);
          return performance.now() - begun;
        }""",
        text,
    )
    assert taken < 3_000


@pytest.mark.parametrize(
    ("target", "leads"),
    [
        ("https://example.org/a?b", True),
        ("http://example.org/", True),
        ("javascript:alert(1)", False),
        ("JaVaScRiPt:alert(1)", False),
        ("data:text/html,x", False),
        ("//example.org", False),
        ("https://user:word@example.org", False),
        ("vbscript:x", False),
        ("file:///etc/passwd", False),
    ],
)
def test_links_lead_to_the_web_alone_and_show_their_host(computed, target, leads):
    shown = markdown(computed, f"[your bank]({target})")
    assert ("<a " in shown) == leads
    if leads:
        assert 'rel="noopener noreferrer nofollow"' in shown
        assert "(example.org)" in shown


def test_sections_cover_a_text_and_cut_no_character(computed):
    text = "🌍" * 30_000 + "\n\nword " * 4_000
    pages = [0, 100, 50_000]
    found = computed(
        "sections.js", "(m, { text, pages }) => m.sections(text, pages)", {"text": text, "pages": pages}
    )
    units = text.encode("utf-16-le")
    pieces = [units[2 * each["start"] : 2 * each["end"]].decode("utf-16-le") for each in found]
    assert "".join(pieces) == text
    assert [each["start"] for each in found if each["page"]] == pages
    assert max(map(len, pieces)) <= 12_000


def test_estimates_count_what_is_left_to_do(computed):
    progress = {"total": 1000, "cache": 500, "processed": 750, "time_ms": 10_000}
    assert computed("sources.js", "(m, p) => m.estimate(p)", progress) == {"share": 0.75, "left": 10}
    begun = {"total": 1000, "cache": 500, "processed": 500, "time_ms": 900}
    assert computed("sources.js", "(m, p) => m.estimate(p)", begun) == {"share": 0.5, "left": None}


def test_the_window_counts_what_was_read_said_and_typed(computed):
    said = {
        "role": "assistant",
        "text": "x",
        "source": "s",
        "usage": {"prompt_tokens": 1100, "completion_tokens": 50},
    }
    turns = [{"role": "user", "text": "q"}, said, {"role": "user", "text": "abcd" * 10}]
    filled = computed(
        "meter.js",
        "(m, turns) => m.filling({ source: 's', turns }, { tokens: 1000 }, 'abcd', 8192)",
        turns,
    )
    assert filled == {"read": 1000, "said": 150 + 15, "typed": 6, "window": 8192}


def test_messages_leave_out_questions_without_an_answer(computed):
    turns = [
        {"role": "user", "text": "one"},
        {"role": "assistant", "text": ""},
        {"role": "user", "text": "two"},
        {"role": "assistant", "text": "half", "state": "stopped"},
        {"role": "user", "text": "three"},
    ]
    said = computed("conversations.js", "(m, turns) => m.messages(turns)", turns)
    assert [each["content"] for each in said] == ["two", "half", "three"]
    assert [each["role"] for each in said] == ["user", "assistant", "user"]


def test_sentences_are_told_when_they_have_ended(computed):
    told = computed(
        "speaker.js",
        """(m, text) => {
          m.begin();
          const said = () => [...document.querySelectorAll('#spoken p')].map((p) => p.textContent);
          document.getElementById('spoken').replaceChildren();
          for (let end = 1; end <= text.length; end += 1) m.follow(text.slice(0, end));
          const before = said();
          m.follow(text, true);
          return { before, after: said() };
        }""",
        "It is **3.5** metres. “Really?” Yes! And so on",
    )
    assert told["before"] == ["It is 3.5 metres.", "“Really?”", "Yes!"]
    assert told["after"] == [*told["before"], "And so on"]
