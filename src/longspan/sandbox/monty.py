"""Programs run by Monty, an interpreter of its own in a worker process: https://github.com/pydantic/monty"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from longspan.errors import SandboxError
from longspan.sandbox.base import Calls, Ended, Sandbox
from longspan.sandbox.shown import Shown

_GRACE = 1.0
_ENDLESS = 1 << 30


class MontySandbox(Sandbox):
    """A session of Monty, which knows no files, no network and no Python of the host; needs `pydantic-monty`."""

    kind = "monty"
    dialect = (
        "This Python is a small one: there is no yield, no class inheritance, no del, no vars(), no input(); "
        "of modules there are re, json, math, itertools, collections and datetime."
    )

    def _start(self) -> None:
        try:
            from pydantic_monty import Monty, MontyError
        except ImportError as error:
            raise SandboxError(
                f"pydantic-monty cannot be imported ({error}); run pip install 'longspan[sandbox]'"
            ) from None
        self._open = ExitStack()
        try:
            pool = self._open.enter_context(
                Monty(
                    max_processes=1,
                    max_checkouts_per_worker=1,
                    checkout_timeout=60,
                    request_timeout=self.limits.seconds + 2 * _GRACE,
                    feed_duration_limit_grace=_GRACE,
                )
            )
            self._session = self._open.enter_context(
                pool.checkout(
                    limits={
                        "max_feed_duration_secs": self.limits.seconds,
                        "max_memory": self.memory,
                        "max_suspensions": _ENDLESS,
                    },
                    os_policy={"sleep": "zero"},
                )
            )
            self._session.feed_run("1")
        except (MontyError, OSError, RuntimeError) as error:
            self._open.close()
            raise SandboxError(f"Monty does not start ({error}); install pydantic-monty anew") from None

    def _stop(self) -> None:
        self._open.close()

    def _run(self, code: str, shown: Shown, calls: Calls) -> tuple[object, str]:
        from pydantic_monty import (
            FunctionSnapshot,
            MontyComplete,
            MontyCrashedError,
            MontyError,
            MontyRuntimeError,
            MontySyntaxError,
            NameLookupSnapshot,
        )

        helpers = {name: _named(name) for name in self.functions}
        step: Any
        try:
            step = self._session.feed_start(
                code, inputs=self.variables | helpers, print_callback=lambda _, text: shown.add(text)
            )
            while not isinstance(step, MontyComplete):
                if isinstance(step, NameLookupSnapshot):
                    helper = helpers.get(step.variable_name)
                    step = step.resume(value=helper) if helper else step.resume()
                elif isinstance(step, FunctionSnapshot) and not step.is_os_function:
                    given = calls.answer(str(step.function_name), step.args, step.kwargs)
                    if isinstance(given, Exception):
                        step = step.resume({"exception": given})
                    else:
                        step = step.resume({"return_value": given})
                elif isinstance(step, FunctionSnapshot):
                    step = step.resume_not_handled()
                else:
                    raise Ended("died", "it waits for something that never comes")
            return step.output, ""
        except MontyCrashedError as error:
            raise Ended("time" if error.timed_out else "died", f"its process ended: {error}") from None
        except (MontyRuntimeError, MontySyntaxError) as error:
            raised = error.exception()
            if isinstance(raised, TimeoutError) and "time limit" in str(raised):
                raise Ended("time", f"it took more than {self.limits.seconds:g} seconds") from None
            if isinstance(raised, MemoryError):
                raise Ended("memory", f"it needs more than {self.memory:,} bytes") from None
            hint = f"\n{self.dialect}" if isinstance(raised, NotImplementedError) else ""
            return None, error.display("traceback") + hint
        except MontyError as error:
            return None, str(error)


def _named(name: str) -> Callable[..., None]:
    """A function that is told by its name; calls of it come as steps."""

    def helper() -> None: ...

    helper.__name__ = helper.__qualname__ = name
    return helper
