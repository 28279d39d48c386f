"""What the control words of RTF mean for its text."""

from __future__ import annotations

from enum import Enum, auto


class Place(Enum):
    """What the text of a group is."""

    TEXT = auto()
    SKIPPED = auto()
    FONTS = auto()
    FONT = auto()
    INSTRUCTION = auto()
    FORM = auto()
    ENTRY = auto()
    AUTHOR = auto()
    CLASS = auto()
    FORMULA = auto()
    PROPERTY = auto()


CHARACTERS = {
    "tab": "\t",
    "line": "\n",
    "softline": "\n",
    "emdash": "—",
    "endash": "–",
    "bullet": "•",
    "lquote": "‘",
    "rquote": "’",
    "ldblquote": "“",
    "rdblquote": "”",
    "emspace": " ",
    "enspace": " ",
    "qmspace": " ",
    "zwj": "\u200d",
    "zwnj": "\u200c",
    "ltrmark": "",
    "rtlmark": "",
}
SYMBOLS = {"~": " ", "_": "-", "\\": "\\", "{": "{", "}": "}", "\n": None, "\r": None}
HEADERS = {"header", "headerl", "headerr", "headerf", "footer", "footerl", "footerr", "footerf"}
_SKIPPED = """colortbl stylesheet info listtable listoverridetable rsidtbl themedata colorschememapping latentstyles
    datastore xmlnstbl filetbl revtbl generator nonshppict shprslt picprop blipuid bliptag pntxta pntxtb pn xe rxe
    tc tcn nonesttables bkmkstart bkmkend atrfstart atrfend atndate atnref atnparent atntime atnicn atnid ftnsep
    ftnsepc ftncn aftnsep aftnsepc aftncn template passwordhash userprops docvar mmathPict mhtmltag htmltag
    objdata objname nesttableprops background pgptbl fldtype datafield wgrffmtfilter writereservhash ebcstart
    ebcend oldcprops oldpprops oldsprops oldtprops private keywords operator category doccomm hlinkbase panose
    falt fontemb fname fontfile"""
SKIPPED = frozenset(_SKIPPED.split())
# Destinations that a reader may ignore, and that hold text all the same.
_READ = """shppict shpinst shptxt ud annotation atnauthor fldinst formfield ffl ffdeftext objclass mmath moMath
    moMathPara footnote shpgrp dptxbxtext do listtext pntext"""
READ = frozenset(_READ.split())
