"""Models of the Hugging Face hub, in the cache that all programs on the machine share."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

from longspan.errors import CorruptModel, LongspanError, UnsupportedModel
from longspan.loading.folder import PICKLES, weight_files
from longspan.loading.reason import SourceUnavailableError, reason
from longspan.progress import Watcher

_WANTED = ["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja"]
_UNWANTED = ["*/*", "consolidated*"]
_SECONDS_TO_ANSWER = 10


def on_disk(hub_id: str) -> Path | None:
    """The folder of a model that is already in the hub's cache, complete; never touches the network."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        folder = Path(
            snapshot_download(
                hub_id, local_files_only=True, allow_patterns=_WANTED, ignore_patterns=_UNWANTED
            )
        )
        weight_files(folder)
    except (LocalEntryNotFoundError, LongspanError):
        return None
    return folder


def fetch_from_hub(hub_id: str, progress: Watcher | None) -> Path:
    """Download the newest version of a model, safetensors only, and return its folder.

    The hub's own progress bars are shown to callers who watch. Raises `SourceUnavailableError` when the hub
    cannot be reached or refuses, `UnsupportedModel` before any download when it has no safetensors.
    """
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    from longspan.loading.quiet import quiet

    try:
        with quiet():
            files = [
                file.rfilename
                for file in HfApi().model_info(hub_id, timeout=_SECONDS_TO_ANSWER).siblings or []
            ]
        _require_safetensors(hub_id, files)
        with quiet() if progress is None else nullcontext():
            return Path(snapshot_download(hub_id, allow_patterns=_WANTED, ignore_patterns=_UNWANTED))
    except LongspanError:
        raise
    except GatedRepoError:
        raise SourceUnavailableError(
            f"its licence must be accepted at https://huggingface.co/{hub_id}, then 'hf auth login'"
        ) from None
    except RepositoryNotFoundError:
        raise SourceUnavailableError("the hub has no such public model") from None
    except Exception as error:
        raise SourceUnavailableError(f"the hub does not answer: {reason(error.__cause__ or error)}") from None


def _require_safetensors(hub_id: str, files: list[str]) -> None:
    if any(file.endswith(".safetensors") and "/" not in file for file in files):
        return
    if any(file.endswith(".gguf") for file in files):
        raise UnsupportedModel(f"{hub_id} holds GGUF files only; download one of them and give its path")
    if any(file.endswith(PICKLES) for file in files):
        raise UnsupportedModel(
            f"{hub_id} has its weights only as pickles, and unpickling a file can run any code it brings; "
            "take a copy of the model with safetensors"
        )
    raise CorruptModel(f"{hub_id} holds no weights; take another model")
