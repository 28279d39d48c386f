"""A user's mistake gives one clear line, exit code 2 and nothing on standard output."""

import io
import shutil
import sys

import pytest
from pypdf import PdfReader, PdfWriter

from longspan.cli import main
from longspan.spans import Document


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs the command in this process: (exit code, standard output, standard error)."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["longspan", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as stopped:
            code = stopped.code or 0
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


@pytest.fixture
def refusal(run):
    """The one line with which the command refuses."""

    def call(*arguments):
        code, out, err = run(*arguments)
        assert (code, out) == (2, "")
        assert err.startswith("longspan: ")
        assert err.count("\n") == 1
        return err

    return call


@pytest.fixture
def note(tmp_path):
    path = tmp_path / "note.txt"
    path.write_text("The key lies under the third stone. " * 40)
    return path


def pdf(path, *, password=None):
    writer = PdfWriter()
    writer.add_blank_page(200, 200)
    if password:
        writer.encrypt(password, algorithm="AES-256")
    writer.write(path)
    return path


def test_a_missing_file(refusal, tmp_path):
    assert "check the path" in refusal("ask", tmp_path / "nowhere.txt", "where?")


def test_an_empty_file(refusal, tmp_path):
    (tmp_path / "empty.md").write_text("  \n")
    assert "empty.md" in refusal("ask", tmp_path / "empty.md", "what?")


def test_a_binary_file(refusal, tmp_path):
    (tmp_path / "photo.txt").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    assert "photo.txt" in refusal("ask", tmp_path / "photo.txt", "what?")


def test_an_encrypted_pdf(refusal, tmp_path):
    assert "password" in refusal("ask", pdf(tmp_path / "secret.pdf", password="open sesame"), "what?")


def test_a_scanned_pdf(refusal, tmp_path):
    assert "OCR" in refusal("ask", pdf(tmp_path / "scan.pdf"), "what?")


def test_an_unknown_model(refusal, note):
    line = refusal("ask", note, "what?", "--model", "smollm2-135")
    assert "did you mean" in line
    assert "smollm2-135m" in line


def test_a_corrupt_gguf(refusal, note, tmp_path):
    (tmp_path / "broken.gguf").write_bytes(b"GGUF" + b"\xff" * 400)
    assert "broken.gguf" in refusal("ask", note, "what?", "--model", tmp_path / "broken.gguf")


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        ("policy=snapkw", "did you mean snapkv"),
        ("polcy=snapkv", "did you mean policy"),
        ("policy=snapkv(window=0)", "window=0 is outside 1"),
        ("policy=snapkv(budget=1.5)", "budget=1.5"),
        ("policy=snapkv(wimdow=3)", "window"),
        ("policy=streamingllm(budget=3,sinks=4)", "budget=3 is outside 5"),
        ("positions=yarn(factor=0)", "factor=0.0 is outside 1"),
        ("policy=snapkv(budget=64", ")"),
    ],
)
def test_a_bad_plan(refusal, note, plan, expected):
    assert expected in refusal("ask", note, "what?", "--plan", plan)


def test_a_question_without_a_file(refusal):
    assert "FILE... QUESTION" in refusal("ask", "what?")


def test_a_prompt_over_the_window_names_numbers_and_next_step(refusal, tmp_path, small_folder):
    long = tmp_path / "long.txt"
    long.write_text("The tide rose and the tide fell again that night. " * 120)
    line = refusal("ask", long, "what?", "--flow", "direct", "--model", small_folder)
    assert "window 1,024" in line
    assert "positions=" in line
    assert "--flow=passages" in line


def test_control_characters_of_a_file_name_do_not_reach_the_terminal(refusal, tmp_path):
    assert "\x1b" not in refusal("ask", tmp_path / "x\x1b[31m.txt", "what?")


def test_the_pdfs_of_these_tests_are_what_they_claim(tmp_path):
    assert PdfReader(io.BytesIO(pdf(tmp_path / "a.pdf", password="b").read_bytes())).is_encrypted
    (tmp_path / "plain.txt").write_text("fine")
    assert Document.open(tmp_path / "plain.txt").text == "fine"


def test_a_chat_template_that_fails(refusal, note, tiny_folder, tmp_path):
    shutil.copytree(tiny_folder, tmp_path / "model")
    for template in (
        "{{ raise_exception('alternate the roles') }}",
        "{% for m in messages %}",
        "{{ nothing.of.it }}",
    ):
        (tmp_path / "model" / "chat_template.jinja").write_text(template)
        line = refusal("ask", note, "where?", "--model", tmp_path / "model", "--no-save")
        assert "the chat template of" in line
        assert "--template" in line or "template=" in line
