"""On what a run was made."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from longspan import __version__


def versions() -> dict[str, str]:
    """Versions of what the figures depend on."""
    known = {name: version(name) for name in ("torch", "transformers")}
    return {"longspan": __version__, **known, "python": platform.python_version()}


def machine() -> dict[str, Any]:
    """Processor, cores, memory in bytes, and threads that torch uses."""
    import torch

    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names
        else None,
        "threads": torch.get_num_threads(),
        "system": platform.system(),
    }


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    if facts.exists():
        for line in facts.read_text("utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
