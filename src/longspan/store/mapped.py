"""Files in place of memory: entries that the system may put out of memory and read back when they are visited."""

from __future__ import annotations

import ctypes
import math
import mmap
import os
import sys
import tempfile
from collections.abc import Sequence

import torch
from torch import Tensor


class MappedFile:
    """A medium of memory-mapped files, one a tensor. For Linux and macOS.

    A file loses its name as soon as it is mapped, and its room is given back when the last tensor that looks at it is
    gone, or the process, however it ends. The system keeps as much of it in memory as there is to spare, which is
    not counted. folder: where the files lie; without it, the folder that TMPDIR names, or /var/tmp, which is on a disk
    where /tmp may be memory.
    """

    resident = False

    def __init__(self, folder: str | None = None) -> None:
        self._folder = folder

    def empty(self, shape: Sequence[int], like: Tensor) -> Tensor:
        """Room in a file, reserved on the disk.

        Raises OSError, with the folder and the size, where the file cannot be made or the disk is full.
        """
        count = math.prod(shape)
        if count == 0:
            return torch.empty(tuple(shape), dtype=like.dtype)
        size = count * like.element_size()
        folder = self._folder or _default_folder()
        try:
            handle, name = tempfile.mkstemp(prefix="longspan-", dir=folder)
            try:
                _reserve(handle, size)
                flat = torch.from_file(name, shared=True, size=count, dtype=like.dtype)
            finally:
                os.unlink(name)
                os.close(handle)
        except OSError as error:
            raise OSError(
                error.errno,
                f"no file of {size:,} bytes in {folder}: {error.strerror}; make room there, or name another folder "
                "with codec=mapped(folder=...)",
            ) from error
        return flat.view(tuple(shape))

    def prefetch(self, tensors: Sequence[Tensor]) -> None:
        """Asks the system to read the files into memory."""
        for tensor in tensors:
            start = tensor.data_ptr() // mmap.PAGESIZE * mmap.PAGESIZE
            _madvise(start, tensor.data_ptr() + tensor.nbytes - start, mmap.MADV_WILLNEED)


_madvise = ctypes.CDLL(None).madvise
_madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)


def _reserve(handle: int, size: int) -> None:
    """Room that is really there: writing to a mapped file on a full disk would end the process."""
    if sys.platform == "darwin":
        os.ftruncate(handle, size)
    else:
        os.posix_fallocate(handle, 0, size)


def _default_folder() -> str:
    on_disk = "/var/tmp"  # noqa: S108 (mkstemp makes private files)
    if "TMPDIR" not in os.environ and os.access(on_disk, os.W_OK):
        return on_disk
    return tempfile.gettempdir()
