"""Compiles schemas in a process of its own, which ends where one takes too long: nothing else can stop a compiler.

It reads a JSON schema a line, and writes for each a line of JSON: its grammar, or what is wrong with it.
"""

from __future__ import annotations

import json
import signal
import sys

from longspan.forms.form import Form, following

SECONDS = 0.5
"""Of computing for each schema, since as much is taken again where the model runs."""
_BYTES = 2**31


def main() -> None:
    """Until no schema comes any more."""
    _bound_memory()
    following(Form.choice(["a"]))
    for line in sys.stdin:
        _bound_time()
        sys.stdout.write(json.dumps(_tried(line)) + "\n")
        sys.stdout.flush()


def _tried(line: str) -> dict[str, str]:
    try:
        form = Form.json_schema(json.loads(line))
        following(form)
    except (ValueError, MemoryError) as error:
        return {"error": str(error) or "it takes too much memory; send a simpler one"}
    return {"grammar": form.grammar}


def _bound_time() -> None:
    if hasattr(signal, "setitimer"):  # systems without it have the limit of the process that waits
        signal.setitimer(signal.ITIMER_PROF, SECONDS)


def _bound_memory() -> None:
    try:
        import resource
    except ImportError:  # as above
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    bound = _BYTES if hard == resource.RLIM_INFINITY else min(_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_AS, (bound, hard))


if __name__ == "__main__":
    main()
