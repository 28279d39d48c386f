"""The files that a question of a document passes, found by watching them run.

    python benchmarks/way.py [--source FOLDER] [--calls]

Runs `longspan ask` of the longspan in FOLDER, by default this one, on a few sentences, with the default model in fp32
and an empty folder for contexts, and prints as JSON the files of src/longspan whose functions ran, each once, in the
order in which they were first called. `token`: from the command to the first piece of the answer, loading the model
aside. `layer`: within one layer, in the pass that reads the prompt. `--calls` says which function
was the first of each. What runs while a module is imported does not count.
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import sys
import tempfile
import threading
from pathlib import Path
from types import FrameType
from typing import Any

_LAYER = frozenset(("LlamaAttention.forward", "Layer.before", "Pass.attention", "Layer.after"))


class Watch:
    """Told of every call and return; notes whose files ran. source: the folder of the package."""

    def __init__(self, source: Path) -> None:
        self.within = f"{source}{os.sep}"
        self.token: dict[str, str] = {}
        self.layer: dict[str, str] = {}
        self.importing = self.attending = 0
        self.answered = False

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        """One event; those of C functions do not count."""
        step = {"call": 1, "return": -1}.get(event, 0)
        code = frame.f_code
        if not step or self.answered:
            return
        self.attending += step if code.co_qualname in _LAYER else 0
        if not code.co_filename.startswith(self.within):
            return
        file = code.co_filename.removeprefix(self.within)
        if code.co_name == "<module>":
            self.importing += step
        elif not self.importing and event == "call" and code.co_flags & inspect.CO_OPTIMIZED:
            self.token.setdefault(file, code.co_qualname)
            if self.attending:
                self.layer.setdefault(file, code.co_qualname)
            self.answered = (file, code.co_qualname) == ("cli/answering.py", "Display.stream")

    def begin(self) -> None:
        """Watches from now on, in all threads that begin now too."""
        threading.setprofile(self)
        sys.setprofile(self)

    def end(self) -> None:
        """Watches no more."""
        sys.setprofile(None)
        threading.setprofile(None)


def main() -> None:
    """Asks, and prints what ran."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--source", type=Path, default=Path(__file__).parents[1])
    parser.add_argument("--calls", action="store_true")
    options = parser.parse_args()
    source = options.source.resolve() / "src"
    sys.path.insert(0, str(source))
    watch = Watch(source / "longspan")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LONGSPAN_CONTEXTS"] = folder
        file = Path(folder) / "letter.txt"
        file.write_text("The baker hid the letter. " * 20)
        import longspan.flows.ask
        import longspan.model
        from longspan.cli import app

        load = longspan.model.load

        def loaded(*given: Any, **named: Any) -> Any:
            """Loads unwatched, which is much quicker; the file itself counts."""
            watch.end()
            watch.token.setdefault("model.py", load.__qualname__)
            try:
                return load(*given, **named)
            finally:
                watch.begin()

        longspan.model.load = loaded
        arguments = ["ask", str(file), "Who hid the letter?", "--dtype", "float32", "--max-new-tokens", "4"]
        watch.begin()
        try:
            app([*arguments, "--json"], standalone_mode=False)
        finally:
            watch.end()
    found = {"token": watch.token, "layer": watch.layer}
    print(json.dumps(found if options.calls else {name: list(files) for name, files in found.items()}))


if __name__ == "__main__":
    main()
