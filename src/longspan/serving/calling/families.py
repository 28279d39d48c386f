"""Which way of writing calls a model was taught, by its chat template."""

from __future__ import annotations

import re

from longspan.serving.calling.bare import Bare
from longspan.serving.calling.family import Family
from longspan.serving.calling.mistral import ARGUMENTS, Mistral
from longspan.serving.calling.mistral import OPEN as MISTRAL
from longspan.serving.calling.pythonic import Pythonic
from longspan.serving.calling.tagged import OPEN as TAGGED
from longspan.serving.calling.tagged import Tagged

_LIST = re.compile(r"\[\w+\(\w+\s*=")


def calling_of(template: str) -> Family:
    """The family of a template's text.

    Where it shows no functions, or in a way that is not known here, models are told of them in words of our own.
    """
    if not re.search(r"\btools\b", template):
        return Tagged(generic=True)
    if "<function=" in template and "<parameter=" in template:
        return Tagged(elements=True)
    if MISTRAL in template:
        return Mistral(named=ARGUMENTS in template)
    if TAGGED in template:
        return Tagged()
    if _LIST.search(template):
        return Pythonic()
    if '"parameters"' in template and ("python_tag" in template or "ipython" in template):
        return Bare()
    return Tagged(generic=True)
