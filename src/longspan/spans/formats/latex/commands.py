"""What the usual commands of LaTeX print, and how many arguments of theirs say nothing."""

from __future__ import annotations

_HEADINGS = (
    "part chapter section subsection subsubsection paragraph subparagraph title frametitle framesubtitle"
)
HEADINGS = frozenset(_HEADINGS.split())
_TRANSPARENT = """
    emph textbf textit texttt textsc textsf textrm textsl textup textmd textnormal underline uline text mbox
    fbox makebox framebox parbox raisebox caption author date subtitle institute affiliation thanks abstract
    bf it tt sc sf rm sl em upshape itshape bfseries mdseries scshape ttfamily sffamily rmfamily normalfont
    tiny scriptsize footnotesize small normalsize large Large LARGE huge Huge centering raggedright
    raggedleft noindent indent newpage clearpage cleardoublepage pagebreak linebreak nolinebreak nopagebreak
    maketitle tableofcontents listoffigures listoftables appendix par hfill vfill hline toprule midrule
    bottomrule frontmatter mainmatter backmatter smallskip medskip bigskip protect relax xspace and quote
    enquote item ensuremath textcolor colorbox selectlanguage foreignlanguage sout marginpar footnote
    footnotetext endnote left right displaystyle null obeylines sloppy fussy onecolumn twocolumn
    doublespacing singlespacing onehalfspacing allowbreak boldmath unboldmath printbibliography makeatletter
    makeatother begin end verb
"""
TRANSPARENT = frozenset(_TRANSPARENT.split())
"""Commands that print their last argument, or nothing of their own."""

_SILENT = {
    1: """label vspace hspace pagestyle thispagestyle bibliographystyle index glossary cline cmidrule usetheme
        usecolortheme setcounter pagenumbering phantom hphantom vphantom nocite color rule pdfbookmark hypersetup
        usepackage documentclass documentstyle RequirePackage geometry graphicspath usetikzlibrary bibliographystyle
        addvspace enlargethispage vskip hskip linespread fontsize setmainfont setmonofont setsansfont newcounter
        stepcounter refstepcounter theoremstyle captionsetup lstset allowdisplaybreaks hyphenation""",
    2: "setlength addtolength settowidth addtocounter addcontentsline markboth definecolor newcolumntype sisetup "
    "DeclareMathOperator pagecolor fontfamily newlength",
    3: "titleformat titlespacing",
}
SILENT = {name: count for count, names in _SILENT.items() for name in names.split()}
"""Commands that print nothing, by the number of their arguments."""

PASSED = {
    "textcolor": 1,
    "colorbox": 1,
    "href": 1,
    "multicolumn": 2,
    "multirow": 2,
    "parbox": 1,
    "raisebox": 1,
}
PASSED |= {
    "foreignlanguage": 1,
    "selectlanguage": 1,
    "resizebox": 2,
    "scalebox": 1,
    "rotatebox": 1,
    "adjustbox": 1,
}
"""Arguments before the one that is printed."""

_REFERRING = """
    cite citep citet citealp citealt citeauthor citeyear parencite textcite autocite footcite ref eqref
    autoref pageref cref Cref nameref vref
"""
REFERRING = frozenset(_REFERRING.split())
_LINKED = "input include subfile import bibliography addbibresource lstinputlisting includepdf loadglsentries"
LINKED = frozenset(_LINKED.split())
PICTURES = frozenset(["includegraphics", "includesvg", "epsfig", "psfig"])
NOTES = dict.fromkeys(("footnote", "footnotetext", "endnote", "thanks", "marginpar", "todo"), "note")
_VERBATIM = "verbatim verbatim* Verbatim lstlisting minted alltt filecontents filecontents*"
VERBATIM = frozenset(_VERBATIM.split())
_MATHS = "equation align gather multline eqnarray displaymath math flalign alignat"
MATHS = frozenset(name + star for name in _MATHS.split() for star in ("", "*"))
TABLES = {
    "tabular": 1,
    "tabular*": 2,
    "tabularx": 2,
    "longtable": 1,
    "array": 1,
    "tabulary": 2,
    "supertabular": 1,
}
_LAYOUT = """document abstract center flushleft flushright quote quotation verse itemize enumerate description figure
    figure* table table* minipage titlepage frame columns column block thebibliography appendix subfigure wrapfigure
    tikzpicture small footnotesize large spacing multicols landscape threeparttable tablenotes list trivlist letter"""
LAYOUT = frozenset(_LAYOUT.split())
_ONE = "minipage thebibliography column subfigure multicols spacing"
ENVIRONMENT_ARGUMENTS = dict.fromkeys(_ONE.split(), 1) | {"wrapfigure": 2, "list": 2}

SYMBOLS = {
    "ss": "ß", "ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ", "o": "ø", "O": "Ø", "l": "ł", "L": "Ł", "aa": "å",
    "AA": "Å", "i": "ı", "j": "ȷ", "dh": "ð", "DH": "Ð", "th": "þ", "TH": "Þ", "dj": "đ", "DJ": "Đ", "ng": "ŋ",
    "NG": "Ŋ", "S": "§", "P": "¶", "dag": "†", "ddag": "‡", "copyright": "©", "textcopyright": "©",
    "textregistered": "®", "texttrademark": "™", "pounds": "£", "textsterling": "£", "euro": "€",
    "texteuro": "€", "EUR": "€", "textdegree": "°", "dots": "…", "ldots": "…", "textellipsis": "…",
    "textendash": "–", "textemdash": "—", "textbackslash": "\\", "textasciitilde": "~", "textasciicircum": "^",
    "textunderscore": "_", "textbar": "|", "textless": "<", "textgreater": ">", "textquotedblleft": "“",
    "textquotedblright": "”", "textquoteleft": "‘", "textquoteright": "’", "guillemotleft": "«",
    "guillemotright": "»", "guilsinglleft": "‹", "guilsinglright": "›", "quotedblbase": "„",
    "quotesinglbase": "‚", "glqq": "„", "grqq": "“", "flqq": "«", "frqq": "»", "textbullet": "•",
    "textperiodcentered": "·", "LaTeX": "LaTeX", "TeX": "TeX", "LaTeXe": "LaTeX2ε", "BibTeX": "BibTeX",
    "XeTeX": "XeTeX", "today": "[date]", "quad": " ", "qquad": " ", "enspace": " ", "thinspace": " ",
    "space": " ", "textmu": "µ", "textexclamdown": "¡", "textquestiondown": "¿", "thepage": "[page]",
    "newline": "\n", "tabularnewline": "\n",
}  # fmt: skip
MARKS = {
    '"': "\u0308", "'": "\u0301", "`": "\u0300", "^": "\u0302", "~": "\u0303", "=": "\u0304", ".": "\u0307",
    "c": "\u0327", "v": "\u030c", "H": "\u030b", "k": "\u0328", "u": "\u0306", "r": "\u030a", "d": "\u0323",
    "b": "\u0331", "t": "\u0361",
}  # fmt: skip
SIGNS = {"``": "“", "''": "”", "---": "—", "--": "–", "~": " "}
EMPTY = frozenset("-/!@")
"""Signs behind a backslash that print nothing."""
