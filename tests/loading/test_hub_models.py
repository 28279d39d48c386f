"""Hub ids, against a small hub on this machine that speaks the real one's protocol."""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from tiny_models import tiny_network, write_gguf

from longspan.errors import CorruptModel, ModelNotFound, UnsupportedModel
from longspan.loading import load_weights, pull

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(BaseHTTPRequestHandler):
    """Serves `server.repositories`: name -> file name -> content; "gated" needs a licence accepted."""

    def log_message(self, *_):
        pass

    def answer(self, content, **headers):
        self.send_response(headers.pop("status", 200))
        for name, value in {"Content-Length": len(content), "X-Repo-Commit": COMMIT, **headers}.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def do_GET(self):
        self.server.asked.append(self.path)
        parts = self.path.partition("?")[0].strip("/").split("/")
        name = "/".join(parts[2:4] if parts[0] == "api" else parts[:2])
        files = self.server.repositories.get(name)
        if name == "owner/gated":
            self.answer(b"{}", status=403, X_Error_Code="GatedRepo")
        elif files is None:
            self.answer(b"{}", status=404, X_Error_Code="RepoNotFound")
        elif "tree" in parts:
            tree = [
                {"type": "file", "path": file, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}  # noqa: S324
                for file, content in files.items()
            ]
            self.answer(json.dumps(tree).encode(), Content_Type="application/json")
        elif parts[0] == "api":
            facts = {"id": name, "sha": COMMIT, "siblings": [{"rfilename": file} for file in files]}
            self.answer(json.dumps(facts).encode(), Content_Type="application/json")
        else:
            content = files["/".join(parts[4:])]
            self.answer(content, ETag=f'"{hashlib.sha1(content).hexdigest()}"')  # noqa: S324

    def do_HEAD(self):
        self.do_GET()


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hub")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LONGSPAN_CACHE", str(folder / "cache"))
        network = tiny_network("qwen2")
        load_weights(write_gguf(folder / "tiny.gguf", network)).tokenizer.save_pretrained(folder / "model")
    network.save_pretrained(folder / "model")
    good = {file.name: file.read_bytes() for file in (folder / "model").iterdir()}
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.repositories = {
        "owner/good": good | {"pytorch_model.bin": b"pickle", "onnx/model.json": b"{}"},
        "owner/pickled": {"config.json": b"{}", "pytorch_model.bin": b"pickle"},
        "owner/ggufs": {"a-Q4_K_M.gguf": b"GGUF", "README.md": b""},
        "owner/empty": {"README.md": b""},
    }
    server.asked = []
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()


@pytest.fixture
def hub_here(hub, cache, tmp_path, monkeypatch):
    """The hub at its address, with an empty cache of the test's own and a fresh list of what was asked."""
    address = f"http://127.0.0.1:{hub.server_port}"
    files = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", files)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    hub.asked.clear()
    return hub


def test_a_hub_model_is_downloaded_once_and_then_needs_no_network(hub_here, tmp_path, capfd):
    first = load_weights("owner/good", dtype="float32")
    assert (first.name, first.source) == ("owner/good", f"hub owner/good@{COMMIT}")
    assert hub_here.asked
    assert not [path for path in hub_here.asked if ".bin" in path or "onnx/" in path]
    assert not list(tmp_path.rglob("*.bin"))
    hub_here.asked.clear()
    assert load_weights("owner/good", dtype="float32").digest == first.digest
    assert hub_here.asked == []
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("listed", [True, False])
def test_an_interrupted_download_is_completed(hub_here, tmp_path, monkeypatch, listed):
    """Whether or not the hub's library noted which files there should be; it remembers that by place."""
    whole = load_weights("owner/good").digest
    moved = (tmp_path / "hub").rename(tmp_path / "moved")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(moved))
    next(moved.rglob("model.safetensors")).unlink()
    for listing in moved.rglob("trees/*.json"):
        if not listed:
            listing.unlink()
    hub_here.asked.clear()
    assert load_weights("owner/good").digest == whole
    assert hub_here.asked


def test_pulling_asks_the_hub_again(hub_here):
    pull("owner/good")
    hub_here.asked.clear()
    pull("owner/good")
    assert hub_here.asked


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        ("owner/pickled", UnsupportedModel, "has its weights only as pickles"),
        ("owner/ggufs", UnsupportedModel, "holds GGUF files only; download one of them"),
        ("owner/empty", CorruptModel, "holds no weights"),
        ("owner/absent", ModelNotFound, "the hub has no such public model"),
        ("owner/gated", ModelNotFound, "licence must be accepted at https://huggingface.co/owner/gated"),
    ],
)
def test_what_cannot_be_had_is_one_line(hub_here, name, error, said):
    with pytest.raises(error, match=said) as caught:
        load_weights(name)
    assert name in str(caught.value)
    assert ";" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not [path for path in hub_here.asked if "/resolve/" in path]
