"""How long something takes, in a process that holds what thousands of tests left."""

import gc
import time
from collections.abc import Callable


def processor_seconds(call: Callable[[], object]) -> float:
    """Of this process, without garbage collection, which looks at all that it holds for up to a second."""
    gc.disable()
    try:
        start = time.process_time()
        call()
        return time.process_time() - start
    finally:
        gc.enable()
