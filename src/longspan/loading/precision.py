"""Which number format and device a model is loaded in."""

from __future__ import annotations

import torch

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def resolve_device(device: str | torch.device) -> torch.device:
    """The device named, "auto" being CUDA when there is one and else the CPU.

    Raises `ValueError` for a device that does not exist here.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.empty(0, device=device).device
        if device is None or found.type == "meta":
            raise TypeError("it holds no numbers")
    except (RuntimeError, AssertionError, TypeError):
        raise ValueError(
            f"device {device!r} is not available here; use 'auto', 'cpu'"
            + (f" or 'cuda:0' to 'cuda:{torch.cuda.device_count() - 1}'" if torch.cuda.is_available() else "")
        ) from None
    return torch.device(device)


def resolve_dtype(dtype: str | torch.dtype, device: torch.device, *, packed: bool = False) -> torch.dtype:
    """The number format named; "auto" is bfloat16 where the device computes in it natively, else float32.

    packed: whether weights are, whose products are fp32 between the layers, so that only keys and values are kept in
    it; "auto" is bfloat16 then, too.

    Raises `ValueError` for any other.
    """
    if dtype == "auto":
        narrow = packed or device.type == "cuda" or _cpu_has_bfloat16()
        return torch.bfloat16 if narrow else torch.float32
    for name, known in DTYPES.items():
        if dtype in (name, known):
            return known
    raise ValueError(f"dtype {dtype!r} is not one of 'auto', {', '.join(map(repr, DTYPES))}")


def _cpu_has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 itself (AVX512-BF16 or AMX); False when torch cannot tell."""
    probes = (
        getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    )
    return any(probe is not None and probe() for probe in probes)
