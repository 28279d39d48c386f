"""Mail and web archives: what people see of them is read, and what is attached is named."""

import base64
from email.message import EmailMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from pathlib import Path

import pytest

from longspan.spans import Document
from opening import refused, saved

HEAD = "From: Ada <a@example.org>\r\nTo: b@example.org\r\nSubject: =?utf-8?B?U2NobMO8c3NlbA==?=\r\nX-Secret: 1\r\n"
INNER = "Content-Type: message/rfc822\nContent-Transfer-Encoding: "
NESTED = b"To: c@example.org\nSubject: in\n\nThe fee."
SHOWN = "From: Ada <a@example.org>\nTo: b@example.org\nSubject: Schlüssel"


def opened(tmp_path: Path, data: bytes | str, name: str = "a.eml") -> Document:
    return Document.open(saved(tmp_path / name, data if isinstance(data, bytes) else data.encode()))


@pytest.mark.parametrize(
    ("charset", "encoding", "body"),
    [
        ("utf-8", "base64", b"RGllIEdyw7bDn2UuCg=="),
        ("utf-8", "quoted-printable", b"Die Gr=C3=B6=\r\n=C3=9Fe=2E"),
        ("iso-8859-1", "8bit", "Die Größe.".encode("cp1252")),
        ("iso-8859-15", "quoted-printable", b"Die Gr=F6=DFe."),
        ("us-ascii", "8bit", "Die Größe.".encode()),
        ("utf-16", "base64", b"//5EAGkAZQAgAEcAcgD2AN8AZQAuAA=="),
    ],
)
@pytest.mark.parametrize("name", ["a.eml", "renamed.txt"])
def test_a_body_is_decoded(tmp_path: Path, charset: str, encoding: str, body: bytes, name: str) -> None:
    head = f"{HEAD}MIME-Version: 1.0\r\nContent-Type: text/plain; charset={charset}\r\n"
    data = f"{head}Content-Transfer-Encoding: {encoding}\r\n\r\n".encode() + body
    document = opened(tmp_path, data, name)
    assert document.text == f"{SHOWN}\n\nDie Größe."
    assert document.describe(len(SHOWN) + 3).endswith("under “Schlüssel”")


@pytest.mark.parametrize(
    "charset", ["iso-2022-jp", "shift_jis", "euc-jp", "gb2312", "big5", "koi8-r", "euc-kr"]
)
def test_charsets_of_mail(tmp_path: Path, charset: str) -> None:
    text = {"koi8-r": "Смотритель", "euc-kr": "등대", "gb2312": "灯塔", "big5": "燈塔"}.get(charset, "灯台守")
    part = MIMEText(text, "plain", charset)
    part["To"] = "b@example.org"
    assert opened(tmp_path, part.as_bytes()).text == f"To: b@example.org\n\n{text}"


def message() -> EmailMessage:
    sent = EmailMessage()
    sent["From"], sent["To"], sent["Subject"] = "a@example.org", "b@example.org", "Log"
    return sent


def test_the_richest_form_is_read_once(tmp_path: Path) -> None:
    sent = message()
    sent.set_content("The fine is 500 crowns <https://example.org>.")
    sent.add_alternative("<p>The <b>fine</b> is 500 crowns.</p>", subtype="html")
    document = opened(tmp_path, sent.as_bytes())
    assert document.text.endswith("Subject: Log\n\nThe fine is 500 crowns.")
    assert document.notes == ()
    sent = message()
    sent.set_content("The fine is 600 crowns.")
    sent.add_alternative("<p>See our page.</p>", subtype="html")
    document = opened(tmp_path, sent.as_bytes())
    assert document.text.endswith("See our page.")
    assert "1 other form of the message that is not read (“text/plain”)" in document.notes[0]


def test_attachments_are_named_and_attached_messages_read(tmp_path: Path) -> None:
    inner = message()
    inner.set_content("Inner text.")
    sent = message()
    sent.set_content("See the files.")
    sent.add_attachment(b"%PDF-1.4 ...", maintype="application", subtype="pdf", filename="Größe.pdf")
    sent.add_attachment(b"\x89PNG", maintype="image", subtype="png", filename="map.png")
    sent.add_attachment("a,b", filename="t.csv")
    sent.add_attachment(inner)
    document = opened(tmp_path, sent.as_bytes())
    assert document.text.partition("\n\n")[2] == (
        "See the files.\n\nAttached message:\n\nFrom: a@example.org\nTo: b@example.org\nSubject: Log\n\nInner text."
    )
    assert document.notes[0] == (
        "has 2 attachments that are not read (“Größe.pdf, application/pdf, 12 bytes”, “t.csv, text/plain, 4 bytes”); "
        "save it and name it beside this file"
    )
    assert "1 picture that is not read (“map.png”)" in document.notes[1]


PART = "MIME-Version: 1.0\nContent-Type: {}; boundary=B\n\n--B\n{}\n--B--\n"


@pytest.mark.parametrize(
    ("kind", "part", "said"),
    [
        (
            "multipart/mixed",
            f"{INNER}base64\n\n{base64.b64encode(NESTED).decode()}",
            "Subject: in\n\nThe fee.",
        ),
        ("multipart/mixed", f"{INNER}quoted-printable\n\n{NESTED.decode()}=2E", "Subject: in\n\nThe fee.."),
        (
            "multipart/mixed",
            "Content-Type: text/enriched\n\n<bold>1</bold> <<\n2<param>x</param>\n\n3",
            "1 < 2\n3",
        ),
        (
            "multipart/alternative",
            "Content-Type: text/html\n\n<b>Come.</b>\n--B\nContent-Type: text/calendar\n\nDTSTART:20240101",
            "Come.\n\nDTSTART:20240101",
        ),
    ],
)
def test_no_part_is_read_as_its_code(tmp_path: Path, kind: str, part: str, said: str) -> None:
    document = opened(tmp_path, PART.format(kind, part))
    assert document.text.endswith(said)
    assert document.notes == ()


@pytest.mark.parametrize(
    ("part", "named"),
    [
        (
            "Content-Type: application/pdf; name==?utf-8?Q?Gr=C3=B6=C3=9Fe.pdf?=\n\nx",
            "“Größe.pdf, application/pdf, 1 bytes”",
        ),
        ("Content-Type: application/pkcs7-mime; smime-type=signed-data\n\nx", "wrapped in its signature"),
        ("Content-Type: message/partial; number=1; total=2\n\nSubject: x\n\ny", "one part of a message"),
    ],
)
def test_parts_are_named_by_what_they_are(tmp_path: Path, part: str, named: str) -> None:
    text = "Content-Type: text/plain\n\nSee below.\n--B\n"
    assert named in opened(tmp_path, PART.format("multipart/mixed", text + part)).notes[0]


def test_files_within_the_text_are_named(tmp_path: Path) -> None:
    data = f"{HEAD}\r\nBefore.\r\nbegin 644 a.bin\r\n#0V%T\r\n`\r\nend\r\nAfter.\r\n"
    document = opened(tmp_path, data)
    assert document.text == f"{SHOWN}\n\nBefore.\n\nAfter."
    assert "a.bin" in document.notes[0]


def test_web_archives_are_read_as_pages(tmp_path: Path) -> None:
    page = MIMEText("<title>The Log</title><p>The lamp was lit by André.</p>", "html", "utf-8")
    frame = MIMEText("<p>A frame.</p>", "html", "utf-8")
    style = MIMEText("p {}", "css")
    picture = EmailMessage()
    picture.set_content(b"\x89PNG", maintype="image", subtype="png")
    picture["Content-Location"] = "https://example.org/map.png"
    archive = MIMEMultipart("related", _subparts=[page, frame, style, picture])
    archive["From"], archive["Subject"] = "<Saved by a browser>", "The Log"
    for name in ("a.mht", "a.mhtml", "a.doc"):
        document = opened(tmp_path, archive.as_bytes(), name)
        assert document.text == "The Log\n\nThe lamp was lit by André.\n\nA frame."
        assert document.notes[0].startswith("has 1 picture that is not read (“https://example.org/map.png”)")


def test_every_message_of_a_mailbox_is_read(tmp_path: Path) -> None:
    one = "From a@example.org Mon May  9 10:00:00 2026\nTo: b@example.org\nSubject: {}\n\n{}\n\n"
    mailbox = one.format("One", "First.\n>From afar") + one.format("Two", "Second.")
    document = opened(tmp_path, mailbox, "inbox")
    assert document.text == (
        "To: b@example.org\nSubject: One\n\nFirst.\nFrom afar\n\nTo: b@example.org\nSubject: Two\n\nSecond."
    )
    assert document.describe(document.text.index("Second")).endswith("under “Two”")


def test_text_that_only_looks_like_mail_stays_as_it_is(tmp_path: Path) -> None:
    for name, text in (
        ("a.txt", "From: Ada\nTo: Tam\n\nHello"),
        ("a.eml", "Note: 1\n\ntext"),
        ("a.txt", "From Ada\n"),
    ):
        assert opened(tmp_path, text, name).text == text


@pytest.mark.parametrize(
    ("rest", "reason"),
    [
        (b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + b"na\xefve", "does not fit its charset utf-8"),
        (b"Content-Type: text/plain; charset=utf-\x1d8\r\n\r\n\xff", "charset utf-\ufffd"),
        (b"Content-Type: text/plain; charset=klingon\r\n\r\ntext", "charset klingon is not known"),
        (b"Content-Type: text/plain; charset=zlib\r\n\r\ntext", "no charset"),
        (b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\nQUJDRA==RUZ", "base64"),
        (b"Content-Type: multipart/mixed\r\n\r\ntext", "cannot be parted"),
        (b"Content-Type: multipart/mixed; boundary=a\r\n\r\n" + b'x: boundary="b"\n' * 3000, "boundaries"),
    ],
)
def test_damaged_mail_is_refused_in_one_line(tmp_path: Path, rest: bytes, reason: str) -> None:
    assert reason in refused(saved(tmp_path / "a.eml", HEAD.encode() + rest))


def test_encrypted_mail_says_so(tmp_path: Path) -> None:
    data = f"{HEAD}Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA"
    assert "1 encrypted part that is not read" in opened(tmp_path, data).notes[0]
