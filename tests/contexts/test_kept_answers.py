"""Answers do not depend on whether what was read had been kept."""

import pytest
import torch
from small import PLANS, small_model

from longspan.contexts import folder
from longspan.contexts.snapshot import Snapshot
from longspan.conversation import Conversation
from longspan.flows.ask import ask
from longspan.plan import Plan
from longspan.running.source import Prompt
from longspan.spans import Document
from longspan.spans.encoder import Encoder
from tiny import embedded

NOTE = Document("note.txt", "The key lies under the third stone. The dog is called Bruno. " * 3)
QUESTION = "What is the dog called?"
PLENTY = 1 << 30

WAITING = [
    "",
    "policy=snapkv(budget=60,window=8)",
    "policy=snapkv(budget=60,window=8,when=chunk)",
    "policy=streamingllm(budget=40,when=chunk)",
    "policy=h2o(budget=40)",
    "policy=h2o(budget=40,when=chunk)",
    "policy=kvzip(budget=40)",
    "codec=int8",
    "selector=quest(budget=48,page=8,dense=0)",
]
GUIDED = "policy=finch(budget=80)"


def answer(plan="", *, question=QUESTION, document=NOTE, keep=PLENTY, **options):
    """What `longspan ask` answers, the tokens that the model took in for it, and what was noted."""
    notes = []
    model = small_model()
    with embedded(model.network) as taken:
        found = ask(
            model,
            [document],
            question,
            plan=Plan.of(plan),
            generation={"max_new_tokens": 12},
            keep=keep,
            note=notes.append,
            **options,
        )
    return found, taken, notes


def entries_of(session):
    return [
        [group.positions().tolist() for group in layer.store.groups()]
        for memory in session.sequences
        for layer in memory.layers
    ]


@pytest.mark.parametrize("plan", WAITING)
def test_a_text_that_goes_on_is_read_as_one(plan):
    """A document read first and a question asked later leave the same entries as both in one prompt."""
    model = small_model()
    with model.session(plan, chunk=32) as apart, model.session(plan, chunk=32) as together:
        apart.read(NOTE, more=True)
        later = apart.ask(QUESTION, max_new_tokens=8)
        once = together.ask(QUESTION, about=NOTE, max_new_tokens=8)
        assert later.text == once.text
        assert apart.seen == together.seen
        assert entries_of(apart) == entries_of(together)
        ids = torch.arange(10, 40)
        torch.testing.assert_close(apart.logits(ids), together.logits(ids), rtol=1e-3, atol=1e-3)


def test_a_policy_acts_where_the_text_ends_and_not_before():
    model = small_model()
    with model.session("policy=tova(budget=20)") as session:
        assert session.read(NOTE, more=True).next_logits is not None
        assert session.peak_entries == session.seen[0]
        assert len(entries_of(session)[0][0][0]) == session.seen[0]
        session.read(" and so on")
        assert len(entries_of(session)[0][0][0]) == 20


@pytest.mark.parametrize("plan", ["", *WAITING[2::3]])
def test_the_second_question_takes_up_what_was_read(plan):
    first, taken, notes = answer(plan)
    assert notes[0].startswith("kept for the next question: ")
    again, less, said = answer(plan)
    assert (again.text, again.citations) == (first.text, first.citations)
    assert again.usage.prompt_tokens == first.usage.prompt_tokens
    assert said[0].startswith("reused: ")
    assert "kvzip" in plan or len(less) < len(taken) / 2, "a rehearsal of kvzip is read in any case"
    never, _, silent = answer(plan, keep=0)
    assert (never.text, silent) == (first.text, [])


def test_another_question_takes_up_the_same():
    answer()
    other, _, notes = answer(question="Where is the key?")
    assert notes[0].startswith("reused: ")
    assert other.text == answer(question="Where is the key?", keep=0)[0].text
    (entry,) = folder.entries()
    with small_model().restore(entry.path) as session:
        assert session.name() == entry.name
        assert session._batch.conversations[0].open, "the question is not part of it"


def test_what_depends_on_the_question_is_not_kept():
    _, _, notes = answer(GUIDED)
    assert notes == []
    long = Document("long.txt", NOTE.text * 9)
    _, _, notes = answer(document=long)
    assert notes == []
    assert folder.entries() == []


def test_a_changed_document_is_read_again():
    answer()
    _, _, notes = answer(document=Document(NOTE.name, NOTE.text.replace("third", "fifth")))
    assert notes[0].startswith("kept")
    assert len(folder.entries()) == 2


def test_a_damaged_context_is_read_again_and_replaced():
    first, _, _ = answer()
    (entry,) = folder.entries()
    entry.path.write_bytes(entry.path.read_bytes()[:-7])
    again, _, notes = answer()
    assert again.text == first.text
    assert notes[0].startswith("reading again: ")
    assert "is damaged" in notes[0]
    assert notes[1].startswith("kept")
    assert answer()[2][0].startswith("reused")


def test_kept_contexts_stay_within_their_bytes():
    answer()
    (entry,) = folder.entries()
    _, _, notes = answer(document=Document("other.txt", NOTE.text), keep=int(entry.bytes * 1.5))
    assert notes[0].startswith("kept")
    assert [each.about.documents for each in folder.entries()] == [["other.txt"]]
    _, _, notes = answer(document=Document("third.txt", NOTE.text), keep=1000)
    assert notes[0].startswith("not kept: ")
    assert len(folder.entries()) == 1


def test_an_answer_is_given_where_nothing_can_be_kept(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LONGSPAN_CONTEXTS", str(tmp_path / "file" / "contexts"))
    found, _, notes = answer()
    assert notes[0].startswith("not kept: the context cannot be saved")
    assert found.text == answer(keep=0)[0].text


def test_the_answer_is_there_before_anything_is_saved(monkeypatch):
    events, save = [], Snapshot.save

    def saved(*arguments):
        events.append("saving")
        return save(*arguments)

    monkeypatch.setattr(Snapshot, "save", saved)
    found, _, notes = answer(
        stream=lambda text: events.append("text"), answered=lambda done: events.append(done.text)
    )
    assert events[-2:] == [found.text, "saving"]
    assert set(events[:-2]) == {"text"}
    assert notes[0].startswith("kept for the next question: ")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("odd"), OSError("disk")])
def test_a_save_that_fails_loses_no_answer(monkeypatch, error):
    def fails(*_):
        raise error

    monkeypatch.setattr("longspan.contexts.snapshot.write", fails)
    found, _, notes = answer()
    assert found.text == answer(keep=0)[0].text
    assert notes[0].startswith("not kept: ")
    assert folder.entries() == []


def test_an_interrupted_answer_keeps_what_was_read():
    def interrupts(text):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        answer(stream=interrupts)
    assert answer()[2][0].startswith("reused: ")


@pytest.mark.parametrize("plan", PLANS[::2])  # all of them are saved and restored in test_restore.py
def test_a_snapshot_is_what_was_read_before_the_question(plan, tmp_path):
    with small_model().session(plan, chunk=32) as session:
        session.read(NOTE, more=True, reserve=60)
        now = session.save(tmp_path / "now").read_bytes()
        snapshot = session.snapshot()
        session.ask(QUESTION, max_new_tokens=12)
    assert snapshot.save(tmp_path / "later").read_bytes() == now


def test_a_snapshot_costs_no_second_copy():
    with small_model().session() as session:
        session.read(NOTE, more=True, reserve=100)
        snapshot = session.snapshot()
        session.ask(QUESTION, max_new_tokens=12)
        pairs = zip(snapshot.sequences[0].layers, session.sequences[0].layers, strict=True)
        for kept, gone_on in pairs:
            (before,), (after,) = kept.store.groups(), gone_on.store.groups()
            assert before.length < after.length
            assert before.key_columns[0].data_ptr() == after.key_columns[0].data_ptr()


@pytest.mark.parametrize("plan", ["", GUIDED])
def test_a_document_is_tokenised_once(monkeypatch, plan):
    long = Document("long.txt", NOTE.text * 6)
    encoded, stretches = [], Encoder.stretches

    def counted(self, text, **named):
        encoded.append(text.count(long.text.strip()))
        return stretches(self, text, **named)

    monkeypatch.setattr(Encoder, "stretches", counted)
    for often in (1, 2):
        answer(f"positions=yarn(factor=4) {plan}", document=long)
        assert sum(encoded) == often


def test_a_prompt_made_before_is_what_its_source_becomes():
    model = small_model()
    conversation = Conversation(model.tokenizer)
    prompt = Prompt.of([conversation], NOTE)
    asked = Prompt.asked(conversation, QUESTION, prompt)
    assert (asked.ids, asked.questions) == (
        (whole := Prompt.asked(conversation, QUESTION, NOTE)).ids,
        whole.questions,
    )
    for _ in range(2):
        with model.session() as one, model.session() as two:
            one.read(prompt)
            two.read(NOTE)
            assert one.ask(QUESTION, max_new_tokens=4).text == two.ask(QUESTION, max_new_tokens=4).text
            assert one.sequences[0].tokens == two.sequences[0].tokens
            with pytest.raises(ValueError, match="behind something else"):
                one.read(prompt)
    with model.session() as session, pytest.raises(ValueError, match="asks a question already"):
        session.read(asked)
