"""References to compacted dialogues, and the text that stands in for a lost one."""

import base64
import json
import zlib

import pytest

from longspan.errors import ContextError
from longspan.serving.asked import FunctionCall, Turn
from longspan.serving.compacting import cut, shortened
from longspan.serving.refused import Refused
from longspan.serving.sealed import Compaction, Seal
from longspan.spans import Document

TAIL = (
    Turn(role="user", text="Who?", documents=(Document("log", "Mara."),)),
    Turn(role="assistant", calls=(FunctionCall(id="c", name="look", arguments="{}"),), reasoning="Hm."),
    Turn(role="tool", text="Water.", answers="c"),
)
MADE = Compaction(context="ctx_1", text="User: …", base="ctx_0", tail=TAIL, known=frozenset(["a", "b"]))


def test_a_reference_gives_back_what_it_stands_for():
    seal = Seal()
    assert seal.opened("mine", seal.sealed("mine", MADE), "x") == MADE


def test_another_servers_or_owners_reference_has_its_text_alone():
    sealed = Seal().sealed("mine", MADE)
    seal = Seal()
    for opened in (seal.opened("mine", sealed, "x"), seal.opened("other", seal.sealed("mine", MADE), "x")):
        assert (opened.context, opened.base, opened.known, opened.own) == ("", None, frozenset(), False)
        assert (opened.text, opened.tail) == (MADE.text, TAIL)


def test_a_changed_reference_names_no_context():
    seal = Seal()
    sealed = base64.urlsafe_b64decode(seal.sealed("mine", MADE).partition(".")[2])
    held = json.loads(zlib.decompress(sealed[32:]))
    changed = sealed[:32] + zlib.compress(json.dumps(held | {"context": "ctx_2"}).encode())
    opened = seal.opened("mine", "longspan1." + base64.urlsafe_b64encode(changed).decode(), "x")
    assert opened.context == ""


def packed(value) -> str:
    return "longspan1." + base64.urlsafe_b64encode(bytes(32) + zlib.compress(value)).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "EqQB",
        "longspan1.",
        "longspan1.%%%",
        "longspan1." + base64.urlsafe_b64encode(bytes(40)).decode(),
        packed(b"[]"),
        packed(b"{}"),
        packed(b'{"context": 1'),
        packed(b"[" * 10_000),
        packed(b" " * 10**8),
        packed(b'{"context": "", "text": "", "base": null, "tail": [{"role": "root"}], "known": []}'),
        packed(b'{"context": "", "text": "", "base": null, "tail": 3, "known": []}'),
    ],
)
def test_anything_else_is_refused(text):
    with pytest.raises(Refused, match="no compaction of this server") as caught:
        Seal().opened("mine", text, "input[3].encrypted_content")
    assert caught.value.param == "input[3].encrypted_content"


def test_a_key_in_a_folder_outlives_the_process(tmp_path):
    sealed = Seal.kept(tmp_path / "new").sealed("mine", MADE)
    assert Seal.kept(tmp_path / "new").opened("mine", sealed, "x").own
    assert (tmp_path / "new" / "seal.key").stat().st_mode & 0o77 == 0
    (tmp_path / "new" / "seal.key").write_bytes(b"short")
    with pytest.raises(ContextError, match="damaged"):
        Seal.kept(tmp_path / "new")


def test_a_short_dialogue_is_told_whole_and_a_long_one_without_middles():
    turns = [
        Turn(role="system", text="Be brief."),
        Turn(role="user", text="Who?", documents=(Document("log", "Mara. " * 500),)),
        *TAIL[1:],
    ]
    whole = shortened(turns, "Before.", 10_000)
    assert whole.startswith("Before.\n\nDocument log: Mara. Mara.")
    assert whole.endswith("User: Who?\n\nAssistant: look({})\n\nResult: Water.")
    cut_short = shortened(turns, "Before.", 300)
    assert "User: Who?" in cut_short
    assert " [...] " in cut_short
    assert 200 < len(cut_short) < 330
    assert len(shortened([Turn(role="user", text="x" * 100)] * 1000, "", 400)) < 450


def test_the_last_question_stays_unless_most_was_said_with_it():
    user, long, said = (
        Turn(role="user", text="Who?"),
        Turn(role="user", text="x" * 99),
        Turn(role="assistant", text="I see."),
    )
    system = Turn(role="system", text="s" * 500)
    assert cut([system, long, said, user], prefill=False) == 3
    assert cut([system, long, said, user, said, TAIL[2]], prefill=False) == 3
    assert cut([system, user], prefill=False) == 2
    assert cut([user, said, long], prefill=False) == 3
    assert cut([user, said, long, said], prefill=True) == 3
