"""Silence while other libraries load a model."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from huggingface_hub.utils import logging as hub_logging
from huggingface_hub.utils.tqdm import (
    are_progress_bars_disabled,
    disable_progress_bars,
    enable_progress_bars,
)
from transformers.utils import logging as transformers_logging


@contextmanager
def quiet() -> Iterator[None]:
    """No progress bars and no warnings of transformers and huggingface_hub; restored after the block."""
    with ExitStack() as restore, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for library in (transformers_logging, hub_logging):
            restore.callback(library.set_verbosity, library.get_verbosity())
            library.set_verbosity(transformers_logging.ERROR)
        if transformers_logging.is_progress_bar_enabled():
            restore.callback(transformers_logging.enable_progress_bar)
            transformers_logging.disable_progress_bar()
        if not are_progress_bars_disabled():
            restore.callback(enable_progress_bars)
            disable_progress_bars()
        yield
