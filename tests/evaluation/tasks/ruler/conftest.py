"""Requests with a plain counter of tokens."""

import pytest

from longspan.evaluation.haystack import Haystack
from longspan.evaluation.task import Request
from wordcount import words


@pytest.fixture(scope="session")
def ask():
    """Makes a request of a length."""

    def made(length, *, seed=0, data=None, haystack=None):
        return Request(
            length=length,
            seed=seed,
            count_tokens=words,
            overhead=20,
            haystack=haystack or Haystack.built_in(),
            data=data,
        )

    return made
