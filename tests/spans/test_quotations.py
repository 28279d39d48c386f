"""Quotations are seen in the marks of all common writing systems, and apostrophes are none."""

import pytest

from longspan.spans.quotations import quotations
from timing import processor_seconds

QUOTE = "the lamp went out at three"


def seen(answer: str) -> list[str]:
    return [quotation.wordings[0] for quotation in quotations(answer)]


@pytest.mark.parametrize(
    "pair",
    [
        "“ ”",
        "„ “",
        "„ ”",
        "” ”",
        "« »",
        "» «",
        "» »",
        "‹ ›",
        "› ‹",
        "‚ ‘",
        "‘ ’",
        "’ ’",
        '" "',
        "' '",
        "` `",
        "` '",
        "`` ''",
        "「 」",
        "『 』",
        "《 》",
        "〈 〉",
        "〝 〟",
        "｢ ｣",
        "﹁ ﹂",
        "≪ ≫",
        "❝ ❞",
        "❛ ❜",
        "＂ ＂",
        "＇ ＇",
        "‛ ’",
        "״ ״",
        "<< >>",
        ",, ''",
        "'' ''",
        '„ "',
        '“ "',
        '" ”',
        "‘ '",
    ],
)
def test_marks_of_all_writing_systems(pair: str) -> None:
    before, after = pair.split()
    assert seen(f"It says {before}{QUOTE}{after}, and {before}then it was dark{after} there.") == [
        QUOTE,
        "then it was dark",
    ]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            "Er schreibt »Das Licht erlosch« und später »der Wärter schlief«.",
            ["Das Licht erlosch", "der Wärter schlief"],
        ),
        ("Il dit « la lampe est en panne » ici.", ["la lampe est en panne"]),
        ("他说“灯在三点熄灭”，又说“没有人看见它”。", ["灯在三点熄灭", "没有人看见它"]),
        ("日誌には「灯は三時に消えた」とある。", ["灯は三時に消えた"]),
        ('그는 "등대지기가 없었다"라고 했다.', ["등대지기가 없었다"]),
        ('הוא אמר "שירת בצה"ל כל חייו" לפני', ['שירת בצה"ל כל חייו']),
        (
            "He said “the log has ‘the lamp went out’ in it” there.",
            ["the log has ‘the lamp went out’ in it", "the lamp went out"],
        ),
        ("“The first of two.\n\n“And the last one.”", ["The first of two.", "And the last one."]),
        ("**“the lamp went out”**", ["the lamp went out"]),
        ('“The board is 5" by 6" wide” he says.', ['The board is 5" by 6" wide']),
        ('“"Come here now," he said to me”', ['"Come here now," he said to me', "Come here now,"]),
        ('“他说"灯在三点熄灭了"然后走了”', ['他说"灯在三点熄灭了"然后走了', "灯在三点熄灭了"]),
        ("'The keepers’ boat isn't here' he said.", ["The keepers’ boat isn't here"]),
        ("הוא אמר ״בצה״ל היה חשוך מאוד״ שם", ["בצה״ל היה חשוך מאוד"]),
        (
            'It says:\n\n"The first of two.\n\nAnd the last one."\n\nSo.',
            ["The first of two.\n\nAnd the last one."],
        ),
        ('"The first of two.\n\nThis one is 5" wide, so.', []),
        ('"\nthe lamp went out\n"', ["the lamp went out"]),
        ("“ the lamp went out ” it says", ["the lamp went out"]),
    ],
)
def test_how_languages_set_them(answer: str, expected: list[str]) -> None:
    assert seen(answer) == expected


@pytest.mark.parametrize(
    "answer",
    [
        "'Tis the keepers' boat and the sailors' rest, and they don't know 'twas ours.",
        "It’s the keeper’s lamp, the keepers’ boat, and ’tis said in the ’90s they didn’t mind.",
        'The "letter" is 5" by 6" in “size”, the "card-rack" too.',
        "Rock 'n' roll, 6' 2\" tall, and o'clock.",
        "```\nprint('the lamp went out at three')\n> not a quotation at all\n```",
        "《百年孤独》 and 「三時」.",
    ],
)
def test_what_is_no_quotation(answer: str) -> None:
    assert seen(answer) == []


def test_an_apostrophe_does_not_end_a_quotation() -> None:
    for opening, closing in ("''", "‘’"):
        quote = f"The keepers{closing} boat didn{closing}t come back"
        assert seen(f"It says {opening}{quote}{closing} there.") == [quote]


@pytest.mark.parametrize(
    "block",
    [
        "> the lamp went out at three",
        ">the lamp went out at three",
        "> the lamp\n> went out at three",
        "> > the lamp went out at three",
        "> “the lamp went out at three”",
        "> ```\n> the lamp went out at three\n> ```",
        "> the lamp went out at three\n> — log.txt, line 5",
        "> the lamp went out at three\n>\n> -- log.txt",
        "> the lamp went out at three\n> (log.txt, page 3)",
        "> the lamp went out at three\n> Source: log.txt",
        "> the lamp went out at three — log.txt, line 5",
        '> "the lamp went out at three" (log.txt)',
        "1. > the lamp went out at three",
        "a) > the lamp went out at three",
        "＞ the lamp went out at three",
    ],
)
def test_blocks_with_and_without_marks_and_source(block: str) -> None:
    [quotation] = quotations(f"It says:\n\n{block}\n\nSo it was.")
    assert " ".join(quotation.wordings[0].split()) == QUOTE


def test_a_block_of_paragraphs_or_items_has_parts() -> None:
    for block in ("> one two three\n>\n> four five six", "> - one two three\n> - four five six"):
        [quotation] = quotations(block)
        assert [part.wordings for part in quotation.parts] == [("one two three",), ("four five six",)]


@pytest.mark.parametrize("mark", ['"', "'", "“", "‘", "«", "»", ">", "`", "```\n", "’"])
@pytest.mark.parametrize("pattern", ["{}", "{}a", " {}ab cd", "s{} a"])
def test_an_answer_full_of_marks_takes_linear_time(mark: str, pattern: str) -> None:
    def seconds(count: int) -> float:
        return processor_seconds(lambda: quotations(pattern.format(mark) * count))

    assert seconds(16_000) < 0.5 + 8 * seconds(4_000)
