"""LaTeX of any shape: each word that is printed is in the text once, what is not is named, and damage is one line."""

import random

from hypothesis import given
from hypothesis import strategies as st

from damage import damaged, opens_or_says_why
from fuzzing import inputs
from longspan.spans import Document
from longspan.spans.formats.opening import read
from seen import Words


def inline(words: Words, depth: int) -> str:
    chance, word = words.chance, words.word
    made = [
        lambda: rf"\emph{{{word()} {inner(words, depth)}}}",
        lambda: rf"{{\bfseries {word()}}}",
        lambda: rf"\footnote{{{word()} {inner(words, depth)}}}",
        lambda: rf"``{word()}'' --- {word()}\%",
        lambda: rf"\cite[{word()}]{{{word()}}}",
        lambda: rf"${word()}^2 \alpha$ \({word()}\)",
        lambda: rf"\textcolor{{red{word('unseen')}}}{{{word()}}}",
        lambda: rf"\unknown[{word()}]{{{word()}}}",
        lambda: rf"\label{{{word('unseen')}}}{word()}",
        lambda: f"{word()} % {word('unseen')} words\n",
        lambda: rf"\verb|{word()} %{{|",
        lambda: rf"\mine{{{word()}}}",
        lambda: rf"\includegraphics[width=1cm]{{{word('unseen')}}}",
        lambda: rf"\"{{u}}{word()}\o{{}} \'e {word()}",
        lambda: rf"\href{{http://{word('unseen')}}}{{{word()}}}",
    ]
    return " ".join(chance.choice(made)() for _ in range(chance.randint(1, 3)))


def inner(words: Words, depth: int) -> str:
    return inline(words, depth + 1) if depth < 3 else words.word()


def block(words: Words, depth: int) -> str:
    chance, word = words.chance, words.word
    several = [inline(words, depth) for _ in range(chance.randint(1, 3))]
    made = [
        lambda: rf"\{chance.choice(['section', 'subsection*', 'chapter'])}{{{word()} {word()}}}",
        lambda: "\n\n".join([word(), *several]),
        lambda: "\\begin{enumerate}" + "".join(f"\\item {each}\n" for each in several) + "\\end{enumerate}",
        lambda: f"\\begin{{itemize}}\\item[{word()}] {word()}\\end{{itemize}}",
        lambda: (
            f"\\begin{{tabular}}{{l|r}}\\hline {word()} & {word()} \\\\ {word()} \\& {word()}\\end{{tabular}}"
        ),
        lambda: f"\\begin{{equation}} {word()} = x \\end{{equation}}",
        lambda: f"\\begin{{verbatim}}\n {word()} \\%{{ {word()}\n\\end{{verbatim}}",
        lambda: f"\\begin{{lemma}} {word()} \\end{{lemma}}",
        lambda: f"\\begin{{figure}}[ht]\\caption{{{word()}}}\\end{{figure}}",
        lambda: f"\\begin{{comment}} {word('unseen')} \\end{{comment}}",
        lambda: f"\\[ {word()} \\] $$ {word()} $$",
    ]
    text = chance.choice(made)()
    # What was made for another shape is not in the source.
    words.seen[:] = [each for each in words.seen if each in text or each in words.kept]
    words.unseen[:] = [each for each in words.unseen if each in text or each in words.kept]
    words.kept |= {*words.seen, *words.unseen}
    return text


class Source(Words):
    def __init__(self, chance: random.Random) -> None:
        super().__init__(chance)
        self.kept: set[str] = set()


def source(words: Words) -> str:
    body = "\n".join(block(words, 0) for _ in range(words.chance.randint(1, 6)))
    head = r"\documentclass{article}\newcommand{\mine}[1]{<#1>}" + rf"\title{{{words.word()}}}"
    return f"{head}\n\\begin{{document}}\n{body}\n\\end{{document}}\n{words.word('unseen')}"


@inputs(25)
@given(st.integers(0, 2**32), st.sampled_from(["\n", "\r\n", "\r"]), st.sampled_from(["", "\ufeff"]))
def test_latex(seed: int, line_end: str, mark: str) -> None:
    chance = random.Random(seed)
    words = Source(chance)
    text = source(words)
    data = (mark + text.replace("\n", line_end)).encode()
    found = read(data, ".tex", "a.tex")
    assert [word for word in words.seen if found.text.count(word) != 1] == []
    assert [word for word in words.unseen if word in found.text] == []
    document = Document("a.tex", found.text, found.places)
    lines = text.split("\n")
    for word in words.seen:
        line = (document.place(found.text.index(word)).line or 1) - 1
        assert word in "".join(
            lines[line : line + 4]
        )  # a formula or a block as it is has the line of its beginning
    for _ in range(4):
        opens_or_says_why(damaged(data, chance), ".tex")
