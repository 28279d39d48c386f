"""A restored session goes on bit for bit as the one that was saved."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from small import PLANS, small_model

from longspan.contexts import folder
from longspan.contexts.file import read, write
from longspan.contexts.header import read_header
from longspan.errors import ContextError
from longspan.loading import Loaded
from longspan.model import Model
from longspan.plan import Plan
from longspan.spans import Document, Places, Span
from tiny import tiny_network, tiny_tokenizer, tokens

NOTE = Document(
    "note.txt",
    "The key lies under the third stone. The dog is called Bruno. " * 3,
    Places(page_starts=(0, 36)),
)


def goes_on(session):
    """What a session says next: drawn tokens, then logits, then what it cost."""
    drawn = [step.token for step in session.generate(max_new_tokens=9)]
    logits = session.logits(tokens(40, seed=5))
    return drawn, logits, session.seen, session.usage.prompt_tokens, session.usage.kv_bytes


def assert_same(first, second):
    assert first[0] == second[0]
    assert torch.equal(first[1], second[1])
    assert first[2:4] == second[2:4]


@pytest.mark.parametrize("plan", PLANS)
def test_the_logits_after_restoring_are_the_same_bits(tmp_path, plan):
    model = small_model()
    with model.session(plan, chunk=32) as session:
        session.read(tokens(100))
        list(session.generate(max_new_tokens=5))
        path = session.save(tmp_path / "context")
        expected = goes_on(session)
    with model.restore(path, plan) as restored:
        assert_same(goes_on(restored), expected)


@pytest.mark.parametrize("family", ["qwen3", "gemma3_text"])
@pytest.mark.parametrize("plan", ["", "policy=tova(budget=40,when=chunk) codec=int8"])
def test_batches_of_other_families_too(tmp_path, family, plan):
    model = small_model(family)
    lengths = (100, 7, 61)

    def drawn(session):
        return [(step.sequence, step.token) for step in session.generate(max_new_tokens=6)]

    with model.session(plan, chunk=32, size=3) as session:
        session.read([tokens(count, seed=count) for count in lengths])
        drawn(session)
        path = session.save(tmp_path / "context")
        expected = drawn(session), session.seen
    with model.restore(path) as restored:
        assert (drawn(restored), restored.seen) == expected


def test_everything_is_as_it_was(tmp_path):
    model = small_model()
    plan = "policy=snapkv(budget=60,window=8)"
    with model.session(chunk=32, window=400, forks=[plan]) as session:
        session.read(NOTE)
        path = session.save(tmp_path / "context")
        with model.restore(path) as restored:
            assert (restored.plan, restored.chunk, restored.size, restored.window) == (
                session.plan,
                32,
                1,
                400,
            )
            assert torch.equal(restored.next_logits, session.next_logits)
            assert (restored.seen, restored.peak_entries) == (session.seen, session.peak_entries)
            assert restored.usage.prefill_seconds == session.usage.prefill_seconds
            assert restored.usage.peak_kv_bytes >= session.usage.peak_kv_bytes
            assert restored.name() == session.name()
            question = {"question": "What is the dog called?", "max_new_tokens": 8}
            with restored.fork(plan) as twin, session.fork(plan) as other:
                assert_same(goes_on(twin), goes_on(other))
            answers = [each.ask(**question) for each in (restored, session)]
            assert answers[0].text == answers[1].text
            assert answers[0].citations == answers[1].citations
            assert [each.document for each in answers[0].citations] == ["note.txt"] * len(
                answers[0].citations
            )
            assert answers[0].citations
            assert restored.name() == session.name()


def test_documents_are_kept_with_their_pages_and_odd_characters(tmp_path):
    model = small_model()
    odd = Document('a\u202e"b\n.txt', "one \x00 two 🌍 \u2028")
    with model.session() as session:
        session.read([Span(NOTE, 4, 40), Span(odd, 0, len(odd.text)), Span(NOTE, 50, 60)])
        path = session.save(tmp_path / "context")
        spans = session._batch.conversations[0].spans
    with model.restore(path) as restored:
        assert restored._batch.conversations[0].spans == spans
    assert read_header(path).manifest["about"]["documents"] == [NOTE.name, odd.name]


def test_restoring_holds_nothing_of_the_file(tmp_path):
    model = small_model()
    with model.session("codec=int8 selector=quest(budget=32,page=8,dense=0)", chunk=32) as session:
        session.read(tokens(90))
        list(session.generate(max_new_tokens=3))
        path = session.save(tmp_path / "context")
        expected = goes_on(session)
    restored = model.restore(path)
    with path.open("r+b") as file:
        file.write(b"\xff" * path.stat().st_size)
    path.unlink()
    assert_same(goes_on(restored), expected)


@pytest.mark.parametrize("plan", ["codec=int8", "codec=kivi(bits=2,residual_length=16)"])
def test_what_is_compressed_stays_compressed(tmp_path, plan):
    model = small_model()
    sizes = []
    for each in ("", plan):
        with model.session(each) as session:
            session.read(tokens(400))
            path = session.save(tmp_path / "context")
            held = session.usage.kv_bytes
            sizes.append(path.stat().st_size)
            assert sizes[-1] < held + 20_000, "no more than in memory, but for the header and the logits"
    assert sizes[1] < 0.6 * sizes[0]


OTHER_PROCESS = """
import json, sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from small import small_model
from tiny import tiny_network, tiny_tokenizer, tokens
with small_model().restore(sys.argv[1]) as session:
    drawn = [step.token for step in session.generate(max_new_tokens=9)]
    print(json.dumps([drawn, session.logits(tokens(40, seed=5)).view(-1).tolist()]))
"""


def test_another_process_gives_the_same_bits(tmp_path):
    plan = "policy=h2o(budget=40,when=chunk) codec=int8"
    with small_model().session(plan, chunk=32) as session:
        session.read(tokens(100))
        path = session.save(tmp_path / "context")
        expected = goes_on(session)
    here = Path(__file__).parent
    run = [sys.executable, "-c", OTHER_PROCESS, str(path), str(here), str(here.parent)]
    done = subprocess.run(run, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    drawn, logits = json.loads(done.stdout.splitlines()[-1])
    assert drawn == expected[0]
    assert logits == expected[1].view(-1).tolist()


# Names.


def test_the_same_reading_has_the_same_name_and_one_file():
    model = small_model()
    paths = []
    for _ in range(2):
        with model.session("codec=int8", chunk=32) as session:
            foreseen = session.name(NOTE)
            session.read(NOTE)
            assert session.name() == foreseen
            paths.append(session.save())
    assert paths[0] == paths[1] == folder.place(foreseen)
    assert [entry.name for entry in folder.entries()] == [foreseen]


def test_another_reading_has_another_name():
    names = set()
    other = Document(NOTE.name, NOTE.text)
    cases = [
        (small_model(), {}, NOTE, False),
        (small_model(), {}, NOTE, True),
        (small_model(), {}, other, False),
        (small_model(), {}, NOTE.text, False),
        (small_model(), {"plan": "codec=int8"}, NOTE, False),
        (small_model(), {"chunk": 32}, NOTE, False),
        (small_model(), {"forks": ["policy=tova"]}, NOTE, False),
        (small_model(digest="other"), {}, NOTE, False),
        (small_model("qwen3"), {}, NOTE, False),
    ]
    for model, options, source, more in cases:
        with model.session(**options) as session:
            names.add(session.name(source, more=more))
    with small_model().session() as session:
        session.read(NOTE)
        list(session.generate(max_new_tokens=2))
        names.add(session.name())
    assert len(names) == len(cases) + 1


# Refusals.


@pytest.fixture
def saved(tmp_path):
    with small_model().session("codec=int8", chunk=32) as session:
        session.read(NOTE)
        return session.save(tmp_path / "context")


def refused(match, path, model=None, plan=None):
    with pytest.raises(ContextError, match=match) as caught:
        (model or small_model()).restore(path, plan)
    assert str(caught.value).count("\n") == 0


def test_a_context_of_another_model_is_refused(saved):
    refused(r"is of another model's weights; load the model", saved, small_model(digest="other"))
    refused(r"is of another model's weights; load the model", saved, small_model("qwen3"))
    turned = Loaded(
        network=tiny_network("llama", rope_theta=5.0),
        tokenizer=tiny_tokenizer(),
        name="tiny",
        digest="tiny",
        source="",
    )
    refused("the same weights under another configuration", saved, Model(turned))


def test_a_context_in_another_number_format_is_refused(saved):
    half = Loaded(
        network=tiny_network("llama").to(torch.bfloat16),
        tokenizer=tiny_tokenizer(),
        name="tiny",
        digest="tiny",
        source="",
    )
    refused(
        r"was read in float32 and the model is in bfloat16; load it with dtype='float32'", saved, Model(half)
    )


def test_a_context_under_another_plan_is_refused(saved):
    refused(r"read under plan 'codec=int8.*' and not ''; restore it without a plan and fork", saved, plan="")
    with small_model().restore(saved, "codec=int8") as restored:
        assert restored.seen[0] > 100


def test_a_context_that_names_parameters_as_they_were_called_is_restored(tmp_path):
    plan = "selector=em-llm(budget=16,sinks=4,local=16,longest=16)"
    with small_model().session(plan) as session:
        session.read(tokens(60))
        saved = session.save(tmp_path / "context")
    tensors, manifest = read(saved)
    manifest["about"]["plan"] = plan.replace("longest", "most")
    selector = manifest["facts"]["plan"]["selector"]
    selector["least"], selector["most"] = selector.pop("shortest"), selector.pop("longest")
    write(saved, tensors, manifest)
    for given in (None, plan, plan.replace("longest", "most")):
        with small_model().restore(saved, given) as restored:
            assert restored.plan == Plan.parse(plan)


def test_a_missing_a_truncated_and_an_altered_file_are_refused(saved, tmp_path):
    refused("no saved context", tmp_path / "none")
    content = saved.read_bytes()
    for damage in (
        content[:-1],
        content[: len(content) // 2],
        content[:100],
        content[:-9] + b"x" + content[-8:],
    ):
        saved.write_bytes(damage)
        refused("is damaged", saved)


@pytest.mark.parametrize("change", ["facts", "about", "spent", "chunk", "plan", "spans", "tensors"])
def test_a_manifest_that_fits_nothing_is_refused(saved, change):
    tensors, manifest = read(saved)
    tensors = {name: tensor.clone() for name, tensor in tensors.items()}
    match change:
        case "chunk":
            manifest["facts"]["chunk"] = "many"
        case "plan":
            manifest["facts"]["plan"] = {"codec": {"method": "int9"}}
        case "spans":
            manifest["facts"]["conversations"][0]["spans"] = [[7, 0, 1]]
        case "tensors":
            tensors = {name: tensor for name, tensor in tensors.items() if "column" not in name}
        case _:
            manifest[change] = None
    write(saved, tensors, manifest)
    with pytest.raises((ContextError, ValueError)) as caught:
        small_model().restore(saved)
    assert ("int9" if change == "plan" else "is damaged") in str(caught.value)


def test_a_session_that_has_read_nothing_cannot_be_saved(tmp_path):
    with (
        small_model().session() as session,
        pytest.raises(ValueError, match="has read 0 tokens, saving needs 1"),
    ):
        session.save(tmp_path / "context")


def test_a_model_without_a_digest_cannot_save(tmp_path):
    with small_model(digest="").session() as session:
        session.read("some text")
        with pytest.raises(ContextError, match=r"has no digest .*; load it with longspan\.load"):
            session.save(tmp_path / "context")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("selector", ["", "selector=quest(budget=24,page=4,dense=0)"])
def test_forks_and_restored_sessions_keep_the_factor(tmp_path, selector):
    model = small_model()
    with model.session(f"positions=pi {selector}", chunk=64) as session:
        session.read(tokens(512))
        path = session.save(tmp_path / "context")
        with session.fork() as fork, model.restore(path) as restored:
            following = [each.logits(tokens(9, seed=1)) for each in (session, fork, restored)]
    assert torch.equal(following[0], following[1])
    assert torch.equal(following[0], following[2])
