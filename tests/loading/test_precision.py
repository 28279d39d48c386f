"""Which number format and device are chosen."""

import pytest
import torch

from longspan.loading.precision import resolve_device, resolve_dtype

CPU = torch.device("cpu")


@pytest.mark.parametrize("name", ["float32", "bfloat16", "float16"])
def test_a_named_format_is_taken_as_it_is(name):
    assert resolve_dtype(name, CPU) is getattr(torch, name)
    assert resolve_dtype(getattr(torch, name), CPU) is getattr(torch, name)


@pytest.mark.parametrize("name", ["int8", "fp16", "", torch.int8, torch.float64, None])
def test_another_format_is_refused_with_what_is_allowed(name):
    with pytest.raises(ValueError, match="'auto', 'float32', 'bfloat16', 'float16'") as caught:
        resolve_dtype(name, CPU)
    assert repr(name) in str(caught.value)


@pytest.mark.parametrize(
    ("avx512", "amx", "chosen"),
    [
        (True, False, torch.bfloat16),
        (False, True, torch.bfloat16),
        (False, False, torch.float32),
        (None, None, torch.float32),
    ],
)
def test_auto_follows_what_the_processor_can(monkeypatch, avx512, amx, chosen):
    for name, answer in (("_is_avx512_bf16_supported", avx512), ("_is_amx_tile_supported", amx)):
        monkeypatch.delattr(torch.cpu, name, raising=False)
        if answer is not None:
            monkeypatch.setattr(torch.cpu, name, lambda answer=answer: answer, raising=False)
    assert resolve_dtype("auto", CPU) is chosen
    assert resolve_dtype("auto", CPU, packed=True) is torch.bfloat16
    assert resolve_dtype("auto", torch.device("cuda")) is torch.bfloat16


def test_a_device_that_is_not_there_is_refused_with_the_next_step():
    assert resolve_device("cpu") == CPU
    assert resolve_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    for device in ("tpu", "cuda:99", "", "cpu:x", "meta", None):
        with pytest.raises(ValueError, match="use 'auto', 'cpu'"):
            resolve_device(device)
