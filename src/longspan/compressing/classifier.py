"""A trained network that says of each token of a text how likely it is to be kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import torch

from longspan.errors import CorruptModel, LongspanError, ModelNotFound, UnsupportedModel
from longspan.loading.hub import fetch_from_hub, on_disk
from longspan.loading.quiet import quiet
from longspan.loading.reason import SourceUnavailableError

KEPT = 1
"""The label that says that a token is kept."""
_BATCH = 8  # windows that pass at a time
_RUN = re.compile(r"\S{64}(?=\S)")
_ENDS = frozenset(".\n。．！？!?")


class Classifier:
    """A folder in transformers' format with a token classifier of two labels, such as those of LLMLingua-2.

    Weights are read from safetensors alone, and no code of the folder runs. tokens: read at a time at most, those
    that open and close a text included.
    """

    def __init__(self, folder: Path, tokens: int) -> None:
        from tokenizers import Tokenizer
        from transformers import AutoModelForTokenClassification

        try:
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:  # whatever it is: the library raises plain exceptions
            raise ModelNotFound(
                f"{folder} has no tokenizer.json that can be read ({' '.join(str(error).split())[:120]}); give a "
                "folder with one"
            ) from None
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._tokenizer.encode_special_tokens = True  # what documents spell out has no power
        try:
            with quiet():
                network, told = AutoModelForTokenClassification.from_pretrained(
                    str(folder),
                    local_files_only=True,
                    use_safetensors=True,
                    dtype=torch.float32,
                    output_loading_info=True,
                )
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise CorruptModel(
                f"{folder} holds no token classifier in transformers' format ({reason}); give another folder"
            ) from None
        if missing := sorted(told["missing_keys"]):
            raise CorruptModel(
                f"{folder} has no weights for {missing[0]}, so it is no trained token classifier; give that of "
                "LLMLingua-2"
            )
        if network.config.num_labels != 2:
            raise UnsupportedModel(
                f"{folder} tells {network.config.num_labels} labels apart, and 2 are wanted, drop and keep; give the "
                "classifier of LLMLingua-2"
            )
        self._network = network.eval().requires_grad_(False)
        whole = self._tokenizer.encode("a")
        inside = [number for number, special in enumerate(whole.special_tokens_mask) if not special]
        self._opening, self._closing = whole.ids[: inside[0]], whole.ids[inside[-1] + 1 :]
        reach = self._reach()
        self._room = min(tokens, reach) - len(self._opening) - len(self._closing)

    def kept(self, text: str) -> tuple[list[tuple[int, int]], list[float]]:
        """Where each token of a text begins and ends, in characters, and how likely it is to be kept.

        A text is read in windows, each of which ends behind the last sentence or line that it holds whole, if any.
        """
        ids, offsets = self._encoded(text)
        found: list[float] = []
        windows = [ids[first:last] for first, last in pairwise(self._edges(text, offsets))]
        for start in range(0, len(windows), _BATCH):
            found += self._likely(windows[start : start + _BATCH])
        return offsets, found

    def _encoded(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """Tokens and their places; a long run without blanks comes in pieces, since words over a hundred characters
        are unknown to some tokenizers."""
        text = text.encode("utf-8", "replace").decode("utf-8")  # half characters become question marks
        edges = [0, *(cut.end() for cut in _RUN.finditer(text)), len(text)]
        ids: list[int] = []
        offsets: list[tuple[int, int]] = []
        parts = [text[first:last] for first, last in pairwise(edges)]
        for begin, each in zip(
            edges, self._tokenizer.encode_batch(parts, add_special_tokens=False), strict=False
        ):
            ids += each.ids
            offsets += [(begin + start, begin + end) for start, end in each.offsets]
        return ids, offsets

    def _edges(self, text: str, offsets: list[tuple[int, int]]) -> list[int]:
        """Where windows end, the first number being 0."""
        edges, begin = [0], 0
        while len(offsets) - begin > self._room:
            last = begin + self._room
            ends = (
                number
                for number in range(last, begin, -1)
                if _ENDS.intersection(text[offsets[number - 1][0] : offsets[number][0]])
            )
            begin = next(ends, last)
            edges.append(begin)
        return [*edges, len(offsets)] if offsets else [0]

    @torch.inference_mode()
    def _likely(self, windows: list[list[int]]) -> Iterator[float]:
        texts = [[*self._opening, *window, *self._closing] for window in windows]
        longest = max(map(len, texts))
        pad = getattr(self._network.config, "pad_token_id", None) or 0
        ids = torch.tensor([[*each, *[pad] * (longest - len(each))] for each in texts])
        mask = torch.tensor([[1] * len(each) + [0] * (longest - len(each)) for each in texts])
        said = self._network(input_ids=ids, attention_mask=mask).logits.float().softmax(-1)[..., KEPT]
        for row, window in zip(said, windows, strict=True):
            yield from row[len(self._opening) :][: len(window)].tolist()

    def _reach(self) -> int:
        """Tokens that its table of positions has; the one of RoBERTa's family begins behind its padding."""
        config = self._network.config
        shift = (config.pad_token_id or 0) + 1 if "roberta" in config.model_type else 0
        return int(getattr(config, "max_position_embeddings", 512)) - shift


def classifier_folder(name: str) -> Path:
    """The folder of a classifier: one of this machine, or that of a hub id, fetched unless it is there.

    Raises ModelNotFound with the next step where it can be had in neither way.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise ModelNotFound(f"{folder} has no config.json; give the folder of a token classifier")
        return folder.absolute()
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        raise ModelNotFound(
            f"classifier={name!r} is no folder and no hub id; give the folder of a token classifier, or owner/name"
        )
    try:
        return on_disk(name) or fetch_from_hub(name, None)
    except (SourceUnavailableError, LongspanError) as error:
        raise ModelNotFound(
            f"the classifier {name} could not be fetched ({error}); connect once, give a folder that holds it with "
            "llmlingua-2(classifier=...), or use extractive or selective-context"
        ) from None


@lru_cache(maxsize=2)
def classifier_of(folder: Path, tokens: int) -> Classifier:
    """The classifier of a folder, loaded once."""
    return Classifier(folder, tokens)
