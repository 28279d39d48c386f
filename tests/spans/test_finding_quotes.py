"""A quotation is found where it stands, in the document's wording, and never where it cuts a word or a number."""

import unicodedata

import pytest

from longspan.spans import Document, Span
from longspan.spans.finding import Read, find
from timing import processor_seconds


def found(wording: str, text: str) -> str | None:
    """What the document has in the place of a wording."""
    place = find(wording, [Read(Span(Document("d", text), 0, len(text)))])
    return place.text if place else None


@pytest.mark.parametrize(
    "marked",
    [
        "[he saw the art]illery pass",
        "paid 4[1,234] crowns",
        "paid [1,234],500 crowns",
        "paid [1]234 crowns",
        "paid [12] 345 crowns",
        "paid 12 [345] crowns",
        "paid 12\u00a0[345] crowns",
        "dose 1[3.5] mg",
        "dose [3.5]7 mg",
        "dose [3].5 mg",
        "dose 3.[5] mg",
        "dose .[5 mg]",
        "[5] % of it",
        "[5]% of it",
        "$[5] a month",
        "€ [5] a month",
        "[5] € a month",
        "at -[5 degrees]",
        "at −[5 degrees]",
        "a <[5] mg dose",
        "at [12]:30 sharp",
        "at 12:[30 sharp]",
        "ratio [3]/4",
        "[10]^6 oysters",
        "[10]⁶ oysters",
        "[3 x 10]⁶ oysters",
        "[5 km]/h fast",
        "[5 m]² wide",
        "[5]° north",
        "a non-[refundable deposit]",
        "a [non]-refundable deposit",
        "F-[16 jets]",
        "[COVID]-19",
        "[the light]-\nhouse",
        "light-\n[house by the sea]",
        "light\u00ad[house by the sea]",
        "[I do]n't know",
        "[the keeper]'s boat",
        "the keeper’[s boat]",
        "[snake]_case",
        "snake_[case name]",
        "un**[believable story]**",
        "[cafe]\u0301 noir",
        "e\u0301[te passe]",
        "[हिन]्दी",
        "三[十二万円を支払った]",
        "[三十]二万円",
        "3[万円を支払った]",
        "[5]0円",
        "の[カメ]ラマン",
        "[ผู]้ดูแล",
        "เ[มือง]",
        "[등대지기]는 없다",
        "[family 👨\u200d👩]\u200d👧",
        "👨\u200d[👩 came]",
        "[thumbs 👍]🏽 up",
        "flag 🇩[🇪 there]",
        "B[12 forms]",
        "ﬁ[sh is fresh]",
        "see [the example].com",
        "see www.[example com]",
        "[the user]@host.org",
        "mail user@[host org]",
        "written in [plain C]++ then",
        "written in [plain C]# then",
        "[the AT]&T office",
        "pay [rent and]/or tax",
        "see [the docs]/log.md",
        "in [the U].S. army",
        "the U.[S army]",
        "over [eighteen 18]+ only",
        "it is 2×[3 metres]",
        "EUR [5],- a month",
        "[חייל צה]״ל",
        'חייל [צה]"ל',
        "אי־[אפשר לעשות]",
        "[la col]·lecció",
        "ら[ーめんを食べた]",
        "き[ゃくがいた]",
        "時[々ここに]",
        "百分之[五十的人口]",
        "[百]分之五十",
        "两[千人在那里]",
        "[ស្]រី",
        "[ศุก]ร์ที่แล้ว",
        "[คนรั]กกัน",
        "[ถือมื]อกัน",
        "[ရန်ကု]န်မြို့",
        "[flag 🏴\U000e0067]\U000e0062\U000e007f there",
        "[y equals x]^2",
        "x^[2 is that]",
        "[a ton of CO]_{2}",
        "[about 1] ½ hours",
        "[about 1] 1/2 hours",
        "about 1 [½ hours]",
        "[5 °]C outside",
    ],
)
def test_a_quote_that_cuts_a_word_a_number_or_a_character_is_not_found(marked: str) -> None:
    before, _, rest = marked.partition("[")
    wording, _, after = rest.partition("]")
    assert found(wording, f"So {before}{wording}{after} it was.") is None
    assert found(wording, f"So {wording} it was.") == wording


def test_a_quote_does_not_begin_with_a_mark_that_belongs_to_the_character_before_it() -> None:
    for before in ("So हिन", "So "):
        assert found("्दी भाषा", f"{before}्दी भाषा it was.") is None


@pytest.mark.parametrize(
    "marked",
    [
        "It said[, ]the lamp went out[; ]so",
        "l'[auteur est mort]",
        "qu’[il est parti]",
        "well—[known as it was]—then",
        "([see page 3])",
        "**[third stone]**",
        "_[third stone]_",
        "‘[third stone]’",
        "その夜、[灯は三時に消えた]が",
        "第[5]章",
        "今日は[東京タワー]へ",
        "[ประภาคาร]อยู่",
        "paid [345] crowns, then [1]. Then",
        "at [5]. Then",
        "[$5] a month",
        "the [sailors]' rest",
        "in the year [1999]. 300 men",
        "flags 🇩🇪[🇫🇷 and] so",
        "the [end]",
        "three.[Nobody saw it]",
        "那里[列奥纳多]·达·芬奇",
        "[the oysters]^2 are",
        "[ก็ได้]นะ",
        "([AT&T])",
        "[the lamp]—[it was out]",
        "x = [5 metres]",
    ],
)
def test_a_quote_at_boundaries_is_found(marked: str) -> None:
    pieces = marked.replace("]", "[").split("[")
    text = "".join(pieces)
    for wording in pieces[1::2]:
        if wording.strip(" ,;"):
            assert found(wording, text) == wording


@pytest.mark.parametrize(
    ("wording", "text"),
    [
        ("keeper of the lighthouse", "the keeper of the light-\nhouse was"),
        ("keeper of the lighthouse", "the keeper of the light\u00adhouse was"),
        ("the well-known keeper", "the well-\n  known keeper"),
        ("the café is closed", unicodedata.normalize("NFD", "the café is closed")),
        (unicodedata.normalize("NFD", "the café is closed"), "the café is closed"),
        ("the lamp is out", "the lamp\u200b is\u2060 out"),
        ("under the third stone", "under the **third** stone"),
        ("under the **third** stone", "under the third stone"),
        ("the fish is fine", "the ﬁsh is ﬁne"),
        ("room 4711 is shut", "room ４７１１ is shut"),
        ("灯は三時に消えた", "灯は三\n時に消えた"),
        ("he said 'come' to her", "he said “come” to her"),
        ("the lamp - it was out", "the lamp — it was out"),
        ("wait... then it went", "wait… then it went"),
        ("the lamp went out", "> the lamp\n> went out"),
        ("the lamp went out", "# the lamp\n# went out"),
        ("Corrie Jane 7", "| Corrie Jane | 7 |"),
        ("The lamp went out", "then the lamp went out"),
        ("the lamp went out", "The lamp went out"),
        ("the lamp … at three", "the lamp went out at three"),
        ("… the lamp […] at three …", "so the lamp went out at three"),
        ("[T]he lamp went out", "then the lamp went out"),
        ("[he] said it was out", "Oda said it was out"),
        ("the lamp [sic] went out", "the lamp went out"),
        ("the lamp went out,", "the lamp went out at three"),
        ("שלום עולם וברכה", "\u05e9\u05dc\u05d5\u05dd \u200fעולם וברכה"),
        ("he saw the lamp", "he saw\nthe lamp—it was out"),
        ("the lamp—it was out", "the lamp--it was out"),
        ("the lamp - it was out", "the lamp—it was out"),
        ("Quoi? La lampe!", "Quoi\u202f? La lampe\u00a0!"),
        ('il dit "lampe" ici', "il dit «\u00a0lampe\u00a0» ici"),
        ("Hawai'i is far", "Hawaiʻi is far"),
        ("the lighthouse is out", "the light\u00ad\nhouse is out"),
        ("pages 10-15 are lost", "pages 10-\n15 are lost"),
        ("cut in half- ½ cup", "cut in half-\n½ cup"),
        ("the COVID-19 rules", "the COVID-\n19 rules"),
        ("rent and/or tax", "rent and/\nor tax"),
        ("holds 10⁶ oysters", "holds 10^6 oysters"),
        ("holds 10^{6} oysters", "holds 10⁶ oysters"),
        ("drink H₂O daily", "drink H_{2}O daily"),
        ("drink H2O daily", "drink H₂O daily"),
        ("the oysters are here", "the oysters^2 are here"),
        ("the lamp went out", "the lamp[1][2] went out"),
        ("the lamp went out", "the lamp[comment 1] went out"),
        ("the lamp. It went", "the lamp.¹ It went"),
        ("see the keeper for it", "see [the keeper](http://x.y/z) for it"),
        ("see the keeper for it", "see [the keeper][1] for it"),
        ("the lamp went out", "the `lamp` went out"),
        ("the lamp_post went", "the lamp\\_post went"),
        ("he said come here", "he said\\\ncome here"),
        ("he said “come” to her", "he said ``come'' to her"),
        ("Tom & Ada went", "Tom &amp; Ada went"),
        ("the lamp went out", "the <b>lamp</b><br>went out"),
        ("the lamp went out", "• the lamp\n▪ went out"),
        ("שלום לכל העולם", "שָׁלוֹם לְכָל הָעוֹלָם"),
        ("الحجر تحت الباب", "الحَجَرُ تَحْتَ البابِ"),
        ("الحجر تحت الباب", "الحـــجر تحت الباب"),
        ("старый маяк погас", "ста́рый мая́к пога́с"),
        ("אי-אפשר לעשות", "אי־אפשר לעשות"),
        ("灯。。。三点熄灭", "灯在晚上三点熄灭"),
        ("각각의 등대", unicodedata.normalize("NFD", "각각의 등대")),
    ],
)
def test_what_reads_alike_is_found_in_the_wording_of_the_document(wording: str, text: str) -> None:
    place = found(wording, f"Before it. {text} Behind.")
    assert place is not None
    assert place in text


@pytest.mark.parametrize(
    ("wording", "text"),
    [
        ("3 x 106 oysters", "3 x 10⁶ oysters"),
        ("half of it is 12", "half of it is ½"),
        ("the sum is 23", "the sum is 2*3"),
        ("the lamp went out", "the lamp never went out"),
        ("THE lamp went out", "the lamp went out"),
        ("the lamp … out … the keeper", "the keeper saw the lamp go out"),
        ("the lamp … at three", "the lamp went out." + " The wind blew." * 40 + " It was at three"),
        ("pages 1015 are lost", "pages 10-\n15 are lost"),
        ("the sum is 106", "the sum is 10^{6}"),
        ("x2 is that", "x² is that"),
        ("x^23 is that", "x^{2}3 is that"),
        ("the sum is a12", "the sum is a_{1}2"),
        ("x = arr + 2", "x = arr[1] + 2"),
        ("so a d e f", "so a <b and c> d e f"),
        ("f(x) is good", "f[x](y) is good"),
        ("כָּתַב את הספר", "כֻּתַּב את הספר"),
        ("it was 5 degrees", "it was −5 degrees"),
        ("the years 19141918", "the years 1914-1918"),
        ("he was able to see", "he was unable to see"),
        ("Le pecheur est mort", "Le pêcheur est mort"),
        ("the dose is 1,5 mg", "the dose is 1.5 mg"),
        ("カラスを買った人", "ガラスを買った人"),
        ("燈在三點熄滅了", "灯在三点熄灭了"),
    ],
)
def test_what_reads_otherwise_is_not_found(wording: str, text: str) -> None:
    assert found(wording, f"Before it. {text} Behind.") is None


def test_what_was_not_read_is_not_found_though_the_document_has_it() -> None:
    document = Document("d", "The lamp went out at three. Nobody saw it.")
    read = [Read(Span(document, 0, document.text.index("out")))]
    assert find("the lamp went", read)
    assert not find("lamp went out", read)
    assert not find("The lamp we", [Read(Span(document, 0, 11))])


def test_time_is_linear_in_the_document() -> None:
    read = [
        Read(Span(Document("d", text), 0, len(text)))
        for text in ["The keeper slept; it was dark.\n" * 20_000]
    ]

    def each() -> None:
        for number in range(20):
            assert find(f"The keeper slept in number {number} of them", read) is None

    assert processor_seconds(each) < 4
    for blanks in (
        " " * 50_000 + "灯",
        "<a " * 20_000,
        "](" * 20_000,
        "[" * 50_000,
        "-" * 50_000,
        "^{" * 20_000,
    ):
        span = Span(Document("d", blanks), 0, len(blanks))
        assert processor_seconds(lambda span=span: find("the lamp is out", [Read(span)])) < 4
    hostile = "a" * 50_000
    whole = [Read(Span(Document("d", hostile), 0, len(hostile)))]
    assert processor_seconds(lambda: find("a" * 1000, whole)) < 4
    assert find("a" * 1000, whole) is None
