"""The store of responses, where its disk and its files fail."""

import sqlite3

import pytest

from longspan.errors import ContextError
from longspan.serving.refused import Refused
from longspan.serving.responses.store import Store


def response(name, text="Yes.", previous=None):
    item = {"id": f"msg_{name}", "type": "message", "role": "assistant", "content": text}
    return {"id": name, "status": "completed", "output": [item], "previous_response_id": previous}


def asked(text):
    return [{"id": f"msg_{text}", "type": "message", "role": "user", "content": text}]


def test_a_chain_is_kept_as_long_as_somebody_goes_on_from_it():
    store = Store()
    for name, previous in (("a", None), ("b", "a"), ("c", "b"), ("d", "b")):
        assert store.keep("me", response(name, previous=previous), asked(name), previous) == ""
    whole = store.bytes
    store.delete("me", "b")
    assert [each.item["id"] for each in store.before("me", "c")][::2] == ["msg_a", "msg_b", "msg_c"]
    assert store.bytes == whole
    store.delete("me", "c")
    store.delete("me", "d")
    assert [each.item["id"] for each in store.before("me", "a")] == ["msg_a", "msg_a"]
    store.delete("me", "a")
    assert store.bytes == 0


def test_the_ends_of_chains_go_first():
    store = Store(limit=900)
    store.keep("me", response("a"), asked("a"), None)
    for number in range(20):
        name = f"b{number}"
        assert store.keep("me", response(name, previous="a"), asked(name), "a") == ""
        assert store.bytes <= 900
        assert len(store.before("me", name)) == 4
    with pytest.raises(Refused):
        store.response("me", "b0")


def test_a_disk_that_takes_nothing_is_told_and_what_is_there_is_read(tmp_path):
    store = Store(tmp_path)
    store.keep("me", response("a"), asked("a"), None)
    store._base.execute("PRAGMA query_only = ON")
    assert "the disk does not take it" in store.keep("me", response("b"), asked("b"), None)
    assert len(store.before("me", "a")) == 2
    with pytest.raises(Refused, match="cannot be deleted") as caught:
        store.delete("me", "a")
    assert caught.value.kind == "overloaded"
    store.close()
    again = Store(tmp_path)
    assert again.response("me", "a")["id"] == "a"
    assert (tmp_path / "responses.sqlite").stat().st_mode & 0o77 == 0
    again.close()


def test_a_damaged_file_is_refused_with_the_next_step(tmp_path):
    (tmp_path / "responses.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(ContextError, match=r"delete responses\.sqlite there"):
        Store(tmp_path)


def test_what_was_kept_is_there_after_a_process_that_closed_nothing(tmp_path):
    store = Store(tmp_path)
    store.keep("me", response("a"), asked("a"), None)
    with sqlite3.connect(tmp_path / "responses.sqlite") as other:
        assert other.execute("SELECT count(*) FROM responses").fetchone() == (1,)
    store.close()
