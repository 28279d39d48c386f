"""The characters of fonts that have pictures where others have letters."""

from __future__ import annotations

# From code 0x20 on; "\0" has no counterpart. Adobe's Symbol encoding, and the characters that Unicode took from
# Wingdings, boxes and arrows as they are commonly written.
_SYMBOL = (
    " !∀#∃%&∋()∗+,−./0123456789:;<=>?≅ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ[∴]⊥_\u203eαβχδεφγηιϕκλμνοπθρστυϖωξψζ{|}∼"
    + "\0" * 33
    + "€ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…\u23d0\u23af↵ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓◊⟨®©™∑"
    + "⎛⎜⎝⎡⎢⎣⎧⎨⎩⎪\0⟩∫⌠⎮⌡⎞⎟⎠⎤⎥⎦⎫⎬⎭\0"
)
_WINGDINGS = (
    " ✏✂✁👓🕭🕮🕯🕿✆🖂🖃📪📫📬📭🗀🗁🗎🗏🗐🗄⏳🖮🖰🖲🖳🖴🖫🖬✇✍🖎✌👌👍👎☜☞☝☟🖐☺😐☹💣☠🏳🏱✈☼💧❄🕆✞🕈✠✡☪☯ॐ☸"
    "♈♉♊♋♌♍♎♏♐♑♒♓🙰🙵●❍■□❐❑❒⬧⧫◆❖⬥☒⍓⌘❀✿❝❞\0"
    "⓪①②③④⑤⑥⑦⑧⑨⑩⓿❶❷❸❹❺❻❼❽❾❿🙢🙠🙡🙣🙞🙜🙝🙟·•▪○🞆◉◎🞋🔿▪☐🟂✦★✶✷✸✵\u2bd0⌖⟡⌑\u2bd1✪✰"
    "🕐🕑🕒🕓🕔🕕🕖🕗🕘🕙🕚🕛\u2bb0\u2bb1\u2bb2\u2bb3\u2bb4\u2bb5\u2bb6\u2bb7🙪🙫🙕🙔🙗🙖🙐🙑🙒🙓⌫⌦➘➚➙➛⮈➢⮉⮋"
    "←→↑↓↖↗↙↘←➔↑↓↖↗↙↘⇦⇨⇧⇩⇔⇕⬁⬀⬃⬂▭▫✗✔☒☑\0"
)
_TABLES = {
    "symbol": dict(enumerate(_SYMBOL, start=0x20)),
    "wingdings": dict(enumerate(_WINGDINGS, start=0x20)),
    "wingdings 2": dict(
        zip(b"OPQRST\x98\xa3\x97\x95", "✗✔☒☑☒☒●☐●•", strict=True),
    ),
    "wingdings 3": dict(zip(b"fghi\x7d\x84", "←→↑↓▶◀", strict=True)),
    "webdings": dict(zip(b"acgnr", "✔□■●✘", strict=True)),
}
PRIVATE = range(0xF000, 0xF100)


def is_symbolic(font: str) -> bool:
    """Whether the font has pictures in the places of letters."""
    return font.strip().lower() in _TABLES or font.strip().lower().startswith(("zapfdingbats", "wingdings"))


def symbol(code: int, font: str) -> str | None:
    """The character for a code of a font; None if it has none that is known.

    Codes of symbolic fonts may stand in the private range U+F020 to U+F0FF. There, without a font that is
    known, Symbol is meant, as by Word's bullets.
    """
    if code in PRIVATE:
        table = _TABLES.get(font.strip().lower(), None if is_symbolic(font) else _TABLES["symbol"])
        code -= 0xF000
    elif is_symbolic(font):
        table = _TABLES.get(font.strip().lower())
    else:
        return chr(code) if 0x20 <= code <= 0x10FFFF and not 0xD800 <= code < 0xE000 else None
    found = (table or {}).get(code, "\0")
    return None if found == "\0" else found


def replaced(text: str, font: str, unknown: list[str]) -> str:
    """The text with the characters that its font shows; those without one as ``[font code]``, and counted."""
    shown = []
    for character in text:
        code = ord(character)
        if not is_symbolic(font) and code not in PRIVATE:
            shown.append(character)
            continue
        found = symbol(code, font) if code >= 0x20 else character
        if found is None:
            found = f"[{font.strip() or 'symbol'} {code & 0xFF if code in PRIVATE else code:X}]"
            unknown.append(found)
        shown.append(found)
    return "".join(shown)
