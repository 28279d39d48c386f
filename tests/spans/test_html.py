"""A page gives what its reader sees, a block a line."""

from contextlib import suppress
from pathlib import Path

import pytest

from longspan.errors import DocumentError
from longspan.spans import Document
from longspan.spans.formats.html import html
from opening import saved


def text(page: str) -> str:
    return html(page.encode(), "page.html").text


def page(tmp_path: Path, html: str | bytes) -> str:
    data = html if isinstance(html, bytes) else html.encode()
    return Document.open(saved(tmp_path / "page.html", data)).text


def test_html_gives_visible_text_a_block_a_line(tmp_path: Path) -> None:
    html = """<!DOCTYPE html><html><head><title>The  Letter</title><style>p {color: red}</style>
      <script>var hidden = "never";</script></head><body><!-- a comment -->
      <h1>Chapter <em>One</em> of two</h1><p>It was   hidden
      in plain&nbsp;si&shy;ght.<br>By whom?<p>By &lt;him&gt;.</p>
      <ul><li>first</li><li>second</li></ul>
      <table><tr><th>who</th><th>what</th></tr><tr><td>D</td><td>letter</td></tr></table>
      <div hidden>ignore me</div><p style="color: red; display : NONE">ignore me</p>
      <pre>  for x in y:\n    print(x)</pre></body></html>"""
    assert page(tmp_path, html) == (
        "The Letter\n\nChapter One of two\n\nIt was hidden in plain sight.\nBy whom?\n\nBy <him>.\n\n"
        "first\nsecond\n\nwho\twhat\nD\tletter\n\n  for x in y:\n    print(x)"
    )


def test_xhtml_and_odd_pages_are_read_without_noise(tmp_path: Path, capfd) -> None:
    assert page(tmp_path, '<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><p>A</p>') == "A"
    assert page(tmp_path, "notes.txt") == "notes.txt"
    assert capfd.readouterr() == ("", "")


def test_deep_and_wide_pages_take_linear_time(tmp_path: Path) -> None:
    assert page(tmp_path, "<div>" * 20_000 + "deep") == "deep"
    assert page(tmp_path, "<p>" + "x<i> </i>" * 20_000 + " " * 500_000 + "end").endswith("end")


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("3 x 10<sup>6</sup> oysters", "3 x 10^6 oysters"),
        ("x<sup>n+1</sup>, H<sub>2</sub>O", "x^{n+1}, H_{2}O"),
        ("the 1<sup>st</sup> of May", "the 1st of May"),
        ("3<sup>1</sup>&frasl;<sub>2</sub> cups", "3 1⁄2 cups"),
        ("10<span style='vertical-align: super'>6</span>", "10^6"),
        ("10<b><sup>6</sup></b>5 10<sup>6</sup><i>5</i> 10<sup>6</sup> 5", "10^{6}5 10^{6}5 10^6 5"),
        ("10<i style='vertical-align: 4px'>6</i> x<i style='vertical-align: -.3em'>2</i>", "10^6 x_2"),
        ("10<i style='position: relative; top: -4px; font-size: 70%'>6</i>", "10^6"),
        ("oysters<sup><a href='#f'>2</a></sup>", "oysters[2]"),
        ("oysters<sup>[2]</sup>, mussels<sup>*</sup>", "oysters[2], mussels*"),
        ("<del>99</del><ins>88</ins> <s>1</s>2 <strike>3</strike>4", "~~99~~88 ~~1~~2 ~~3~~4"),
        ("<span style='text-decoration: line-through'>99</span>88", "~~99~~88"),
        ("<s>9<del>0</del></s>", "~~90~~"),
        ("<div style='display: flex'><b>12</b><b>34</b></div>", "12 34"),
        ("He said <q>it <q>is</q></q>.", "He said “it ‘is’”."),
        ("<ruby>灯台守<rt>とうだいもり</rt></ruby>は", "灯台守(とうだいもり)は"),
        ("<ruby>山<rp>(</rp><rt>やま</rt><rp>)</rp></ruby>", "山(やま)"),
        ("a&shy;b<wbr>c &notin; &amp 4&nbsp;711 &#x80;", "abc ∉ & 4 711 €"),
        ("a<br>b<br><br><br>c", "a\nb\n\nc"),
        ("<pre>a\n\n\n\n  <b> b</b>  \nc</pre>", "a\n\n\n\n   b\nc"),
        ("<xmp><b>x</b></xmp>", "<b>x</b>"),
        ("1 < 2 & 3 > 2 <3", "1 < 2 & 3 > 2 <3"),
        ("a<!-- b --><![CDATA[c]]><? d ?>e", "ae"),
        ("<![if IE]>old<![endif]> <!--[if IE]>older<![endif]-->", "old"),
        ("<details><summary>More</summary>inside</details>", "More\ninside"),
        ("<dl><dt>key<dd>value</dl>", "key\nvalue"),
        ("<svg><title>Map</title><text>North</text></svg>", "Map\n\nNorth"),
        ("<noscript>Turn it on.</noscript><img alt='The lamp'>", "Turn it on.[image: The lamp]"),
    ],
)
def test_marks_and_signs_keep_their_meaning(page: str, said: str) -> None:
    assert text(page) == said


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("<ol start=4><li>a<li>b</ol>", "4. a\n5. b"),
        ("<ol reversed><li>a<li value=10>b<li>c</ol>", "3. a\n10. b\n9. c"),
        ("<ol type=i start=4><li>a<li type=A>b</ol>", "iv. a\nE. b"),
        ("<ol type=a start=27><li>a</ol>", "aa. a"),
        ("<ol><li>a<ol><li>b</ol><li>c</ol>", "1. a\n\n1. b\n\n2. c"),
        ("<ul><li>a<li>b</ul>", "a\nb"),
        ("<ol style='list-style-type: upper-roman'><li>a<ol><li>b</ol></ol>", "I. a\n\n1. b"),
        ("<style>ol {list-style: none}</style><ol><li>1.1 a<li>1.2 b</ol>", "1.1 a\n1.2 b"),
        ("<ul style='list-style: inside lower-latin'><li>a<li>b</ul>", "a. a\nb. b"),
        ("<ol type=i><li>a<li style='list-style-type: decimal-leading-zero'>b</ol>", "i. a\n02. b"),
        ("<ol style='list-style: url(x.png) none'><li>a</ol>", "a"),
        ("<ol start=3 style='list-style:none lower-greek'><li>a</ol>", "γ. a"),
    ],
)
def test_lists_keep_their_numbers(page: str, said: str) -> None:
    assert text(page) == said


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("<tr><td>a<td>b<tr><td>c<td>d", "a\tb\nc\td"),
        ("<tr><td rowspan=2>Mon<td>one<tr><td>two", "Mon\tone\n\ttwo"),
        ("<tr><td>a<td rowspan=0>b<td>c<tr><td>d<td>e", "a\tb\tc\nd\t\te"),
        ("<tr><td colspan=2>wide<td>z<tr><td>1<td>2<td>3", "wide\t\tz\n1\t2\t3"),
        ("<tr><td rowspan=2 colspan=2>a<td>b<tr><td>c", "a\t\tb\n\t\tc"),
        ("<tr><td>A<table><tr><td>in1<td>in2</table><td>B", "A in1 in2\tB"),
        ("<tr><td><p>two</p><p>lines</p><td>b", "two lines\tb"),
        ("<caption>Watches</caption><tr><th>a<th><th>c", "Watches\na\t\tc"),
        ("<tr><td>a<td colspan=1000 rowspan=65535>b<tr><td>c", "a\tb\nc"),
    ],
)
def test_cells_stand_under_their_heads(rows: str, said: str) -> None:
    assert text(f"<table>{rows}</table>") == said


def test_a_table_that_only_places_parts_of_a_page_is_no_table() -> None:
    page = f"<table><tr><td>menu<td><p>{'long words ' * 40}</p><p>end</p></table>"
    assert text(page) == f"menu\n\n{('long words ' * 40).strip()}\n\nend"


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("Name: <input value='Ada Holm'>.", "Name: Ada Holm."),
        ("<input type=checkbox checked> paid <input type=radio> due", "[x] paid [ ] due"),
        ("<select><option>France<option selected>Germany</select>", "[ ] France\n[x] Germany"),
        ("<select><option>France<option>Germany</select>", "[x] France\n[ ] Germany"),
        ("<select multiple><option>a<option>b</select>", "[ ] a\n[ ] b"),
        ("<textarea>\nline 1\nline 2</textarea>", "line 1\nline 2"),
        ("a<input type=hidden value=x><input type=password value=y>b", "ab"),
        ("<meter value=3 max=10></meter>", "3/10"),
        ("5<input value=6>7 <button>8</button>9 (<input value=1>)", "5 6 7 8 9 (1)"),
        ("<input placeholder='Your name'> <textarea placeholder=More></textarea>", "[Your name] [More]"),
        ("<select multiple><optgroup label=Ports><option>Vessry</optgroup></select>", "Ports\n[ ] Vessry"),
    ],
)
def test_fields_give_what_they_hold(page: str, said: str) -> None:
    assert text(page) == said


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("<mi>E</mi><mo>=</mo><mfrac><mn>1</mn><mn>2</mn></mfrac><mi>m</mi>", "E = 1/2 m"),
        ("<msup><mn>10</mn><mn>6</mn></msup>", "10^6"),
        ("<mn>3</mn><mfrac><mrow><mi>a</mi><mo>+</mo><mn>1</mn></mrow><mn>2</mn></mfrac>", "3 (a + 1)/2"),
        ("<msqrt><mn>2</mn></msqrt>", "sqrt(2)"),
        ("<msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup>", "x_i^2"),
    ],
)
def test_formulas_stand_once_and_keep_their_numbers(formula: str, said: str) -> None:
    annotated = f"<math><semantics><mrow>{formula}</mrow><annotation>TeX</annotation></semantics></math>"
    assert text(f"<p>So {annotated} holds.") == f"So {said} holds."
    drawn = f"<span>{annotated}</span><span aria-hidden=true>E=21m</span>"
    found = html(f"<p>So <span>{drawn}</span> holds.".encode(), "page.html")
    assert (found.text, found.notes) == (f"So {said} holds.", ())


def test_what_a_page_hides_is_named_and_not_read() -> None:
    page = """<style>.x {display: none} #y {visibility: hidden} .m {display: none} p.m.o {display: block}
      @media print {p {display: none}} p:hover {display: none}</style>
      <p>Seen. <p class=x>class <p id=y>id <b style='visibility: visible'>shown</b> <p class='m o'>open
      <p style='font-size: 0'>zero <p style='opacity: 0.0'>clear <p hidden>attribute <dialog>closed</dialog>
      <p aria-hidden=true>seen by eyes <p id=y style='visibility: visible'>own style <div popover>pop</div>"""
    found = html(page.encode(), "page.html")
    assert found.text.split() == ["Seen.", "shown", "open", "seen", "by", "eyes", "own", "style"]
    assert len(found.notes) == 1
    assert "7 passages that the page hides" in found.notes[0]
    assert "“class”" in found.notes[0]


@pytest.mark.parametrize(
    ("part", "named"),
    [
        ("<iframe srcdoc='<p>in'></iframe>", "embedded page"),
        ("<video>v</video>", "video"),
        ("<object>o</object>", "embedded object"),
        ("<template>t</template>", "template"),
        ("<img src=x>", "picture without a description"),
        ("<style>p::before {content: 'Not '}</style>", "added by a style"),
        ("<style>p:after {content: attr(data-x)}</style>", "added by a style"),
        ("<style>h2::before {content: counter(h)}</style>", "added by a style"),
        ("<script>x", "line 1"),
        ("<!-- x", "line 1"),
        ('<p title="x>', "line 1"),
    ],
)
def test_what_is_no_text_is_named(part: str, named: str) -> None:
    found = html(f"<p>seen</p>{part}".encode(), "page.html")
    assert found.text == "seen"
    assert [named in note for note in found.notes] == [True]


def test_decoration_is_not_named() -> None:
    styles = rb"<style>p {color: red} i::before {content: '\f101'}</style>"
    assert html(b"<p>a<img alt=''><script>x</script>" + styles, "page.html").notes == ()


def test_a_page_of_frames_is_refused_by_name() -> None:
    with pytest.raises(DocumentError, match=r"frames \(a.html, b.html\); save these"):
        html(b"<frameset><frame src=a.html><frame src=b.html></frameset>", "page.html")


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    page = "<html>\n<!-- \n --><body\ni\n>\n<p>first\n<table>foster<tr><td>\ncell</table>\n<pre>\nalpha\nbeta</pre>"
    document = Document.open(saved(tmp_path / "a.html", page.encode()))
    for word in ("first", "foster", "cell", "alpha", "beta"):
        line = page[: page.index(word, page.index("<p>"))].count("\n") + 1
        assert document.place(document.text.index(word)).line == line, word


def test_xhtml_closes_its_elements_and_keeps_its_data() -> None:
    page = '<?xml version="1.0"?><html><head><title/><script src="x"/></head><p>A<![CDATA[<q>]]></p><div/><p>B</p>'
    assert html(page.encode(), "a.xhtml").text == "A<q>\n\nB"


@pytest.mark.parametrize("name", ["page.shtml", "page", "page.txt"])
def test_a_page_is_known_by_its_beginning_or_its_name(tmp_path: Path, name: str) -> None:
    page = b"<!-- made --> <!DOCTYPE html><p>The <b>lamp</b><script>x</script>"
    assert Document.open(saved(tmp_path / name, page)).text == "The lamp"


@pytest.mark.parametrize(
    "page",
    [
        "<meta " * 80_000,
        "<!--" * 50_000,
        "<!---->" * 500 + "x",
        "<p " + " ".join(f"a{number}=1" for number in range(30_000)) + ">y",
        "<table>" * 10_000 + "x",
        "<a>x" * 10_000,
        "<style>" + "{" * 20_000 + "</style>y",
        "<math>" + "<msup>" * 2_000 + "x",
        '="' * 50_000,
        "<td colspan=1000 rowspan=65535>x" * 500,
    ],
    ids=lambda page: page[:12],
)
@pytest.mark.timeout(60)
def test_hostile_pages_are_read_or_refused_in_time(page: str, tmp_path: Path) -> None:
    with suppress(DocumentError):
        Document.open(saved(tmp_path / "page.html", page.encode()))
