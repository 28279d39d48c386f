"""RTF, mail and notebooks of any shape: what a reader sees is in the text, and damage is one line."""

import json
import random
from email import policy
from email.message import EmailMessage

from hypothesis import given
from hypothesis import strategies as st

from damage import damaged, opens_or_says_why
from fuzzing import inputs
from longspan.spans.formats.opening import read
from seen import Words

# RTF


def rtf_group(words: Words, depth: int) -> str:
    chance, word = words.chance, words.word
    made = [
        lambda: f" {word()} ",
        lambda: rf"\b {word()}\b0 ",
        lambda: rf"{{\v {word('unseen')}}} ",
        lambda: rf"{{\*\unknown {word('unseen')}}} ",
        lambda: rf"{{\field{{\*\fldinst {word('unseen')}}}{{\fldrslt {word()}}}}} ",
        lambda: rf" {word()}\par ",
        lambda: rf"\trowd\intbl {word()}\cell {word()}\cell\row\pard ",
        lambda: rf"{{\footnote {word()}}} ",
        lambda: rf"{{\header {word()}}} ",
        lambda: rf"{{\*\annotation {word()}}} ",
        lambda: rf"{{\shp{{\*\shpinst{{\shptxt {word()}}}}}{{\shprslt {word('unseen')}}}}} ",
        lambda: rf" \u{chance.randrange(-32768, 32767)}?{word()}\line\'{chance.randrange(160, 256):02x} ",
        lambda: rf"{{\pict 00ff{word('unseen')}}} ",
        lambda: rf"10{{\super {word()}}} ",
        lambda: "{" + (rtf_group(words, depth + 1) if depth < 6 else "") + "}",
    ]
    return "".join(chance.choice(made)() for _ in range(chance.randint(1, 5)))


def rtf_file(words: Words) -> bytes:
    return (
        rf"{{\rtf1\ansi\deff0{{\fonttbl{{\f0 Times;}}}} {rtf_group(words, 0)}{rtf_group(words, 0)}}}".encode(
            "latin-1"
        )
    )


@inputs(60)
@given(st.integers(0, 2**32))
def test_rtf(seed: int) -> None:
    chance = random.Random(seed)
    words = Words(chance)
    data = rtf_file(words)
    text = read(data, ".rtf", "a.rtf").text
    assert [word for word in words.seen if text.count(word) != 1] == []
    assert [word for word in words.unseen if word in text] == []
    opens_or_says_why(damaged(data, chance), ".rtf")


# Mail


def mail_part(words: Words, depth: int) -> EmailMessage:
    chance, part = words.chance, EmailMessage(policy=policy.SMTP)
    encoding = chance.choice(["base64", "quoted-printable"])
    kind = chance.randrange(7 if depth < 3 else 3)
    if kind == 0:
        charset = chance.choice(["utf-8", "iso-8859-1", "utf-16", "koi8-r"])
        part.set_content(f"{words.word()} text", charset=charset, cte="base64")
    elif kind == 1:
        part.set_content(
            f"<p>{words.word()}</p><script>{words.word('unseen')}</script>", subtype="html", cte=encoding
        )
    elif kind == 2:
        name = words.word("named")
        part.set_content(b"bytes", maintype="application", subtype="x-thing", filename=f"{name}.bin")
    elif kind == 3:
        one, two = words.word(), words.word()
        part.set_content(f"{one} {two}", cte=encoding)
        part.add_alternative(f"<b>{one}</b> {two}", subtype="html", cte=encoding)
    elif kind == 4:
        part.set_content(mail_message(words, depth + 1))
    else:
        part["Content-Type"] = chance.choice(["multipart/mixed", "multipart/related"])
        part.set_payload([mail_part(words, depth + 1) for _ in range(chance.randint(1, 3))])
    return part


def mail_message(words: Words, depth: int = 0) -> EmailMessage:
    sent = mail_part(words, depth)
    sent["From"], sent["To"], sent["Subject"] = "a@example.org", "b@example.org", f"Größe {words.word()}"
    return sent


@inputs(40)
@given(st.integers(0, 2**32))
def test_mail(seed: int) -> None:
    chance = random.Random(seed)
    words = Words(chance)
    data = mail_message(words).as_bytes()
    found = read(data, ".eml", "a.eml")
    notes = " ".join(found.notes)
    assert [word for word in words.seen if found.text.count(word) != 1] == []
    assert [word for word in words.unseen if word in found.text] == []
    assert [word for word in words.named if word not in notes] == [] or "…" in notes
    opens_or_says_why(damaged(data, chance), ".eml")


# Notebooks


def cell(words: Words) -> dict[str, object]:
    word = words.word
    outputs = [
        {"output_type": "stream", "text": [word(), "\n"]},
        {"output_type": "execute_result", "data": {"text/plain": word()}},
        {"output_type": "display_data", "data": {"image/png": word("unseen")}},
        {"output_type": "display_data", "data": {"text/html": f"<i>{word()}</i>"}},
        {"output_type": "error", "traceback": [f"\x1b[31m{word()}\x1b[0m"]},
    ]
    kind = words.chance.choice(["markdown", "code", "raw"])
    return {
        "cell_type": kind,
        "source": [f"# {word()}\n", word()],
        "outputs": outputs if kind == "code" else [],
    }


@inputs(40)
@given(st.integers(0, 2**32))
def test_notebooks(seed: int) -> None:
    chance = random.Random(seed)
    words = Words(chance)
    cells = [cell(words) for _ in range(chance.randint(1, 6))]
    shown = json.dumps(cells)
    data = json.dumps({"cells": cells}).encode()
    text = read(data, ".ipynb", "a.ipynb").text
    assert [word for word in words.seen if word in shown and text.count(word) != 1] == []
    assert [word for word in words.unseen if word in text] == []
    opens_or_says_why(damaged(data, chance), ".ipynb")


# Any bytes


@inputs(150)
@given(
    st.sampled_from(
        [
            b"",
            b"PK\x03\x04",
            b"{\\rtf1",
            b"From: a\nMIME-Version: 1.0\n",
            b"\xd0\xcf\x11\xe0",
            b"%PDF-",
            b"<html>",
        ]
    ),
    st.binary(max_size=200),
    st.sampled_from([".docx", ".rtf", ".eml", ".mht", ".ipynb", ".txt", ""]),
)
def test_any_bytes_open_or_say_why(mark: bytes, data: bytes, suffix: str) -> None:
    opens_or_says_why(mark + data, suffix)
