"""LaTeX: what is printed, commands of the source's own, places."""

import pytest

from longspan.errors import DocumentError
from longspan.spans import Document
from longspan.spans.formats.opening import read

SOURCE = r"""\documentclass{article}
\usepackage{graphicx} % packages
\newcommand{\company}{Lighthouse Ltd}
\newcommand{\dear}[2][Sir]{Dear #1 #2, welcome}
\newtheorem{thm}{Theorem}
\title{On \emph{Lamps}}
\author{A. M\"uller \and na\"{\i}ve Bob}
\begin{document}
\maketitle
\section{First $x^2$ part}\label{sec:a}
The keeper of \company{} saw ``light'' --- 50\% of it\footnote{Only a \textbf{note}.}. See \cite[p.~3]{knuth}.
\dear{Anna} \dear[Madam]{Eva}. \unknown[a]{b} a\_b % a comment
goes on.

\begin{enumerate}\item eins \item zwei \begin{enumerate}\item sub\end{enumerate}\end{enumerate}
\begin{tabular}{ll}
\hline a & b \\
c & \multicolumn{2}{c}{wide} \\
\end{tabular}
\begin{thm}All is well.\end{thm}
\includegraphics{lamp.png}\input{more}
\begin{verbatim}
  code \here{}
\end{verbatim}
\end{document}
never printed
"""


def test_what_is_printed_is_the_text() -> None:
    found = read(SOURCE.encode(), ".tex", "a.tex")
    assert found.text == (
        "On Lamps\n\nA. Müller naïve Bob\n\nFirst $x^2$ part\n\n"
        "The keeper of Lighthouse Ltd saw “light” — 50% of it [note: Only a note.]. See [knuth, p.~3]. "
        r"Dear Sir Anna, welcome Dear Madam Eva, welcome. \unknown[a]{b} a_b goes on."
        "\n\n1. eins\n2. zwei\n(a) sub\n\na\tb\nc\twide\n[Theorem] All is well.\n\n  code \\here{}"
    )
    assert [said for _, said in found.places.headings] == ["First $x^2$ part"]
    assert [note.partition(" that")[0] for note in found.notes] == [
        "has 1 comment of the source",
        "has 1 picture",
        "has 1 linked part",
    ]
    document = Document("a.tex", found.text, found.places)
    assert document.describe(found.text.index("wide")) == "a.tex, line 18"


def test_commands_that_expand_without_end_are_bounded() -> None:
    bomb = r"\def\a{xxxxxxxxxx}"
    for step in range(12):
        inner = "\\" + chr(97 + step)
        bomb += f"\\def\\{chr(98 + step)}{{{inner * 10}}}"
    with pytest.raises(DocumentError, match=r"its commands expand without end\); make a PDF of it"):
        read((bomb + r"\m").encode(), ".tex", "a.tex")
