"""Networks whose layers are known well enough to be computed in few calls: recognised by watching, and proved.

A pass is watched in which attention gives random numbers: which tensors each module is given and gives. A layer is
recognised if norms, products, an activation and sums explain all that goes from one attention to the next, whatever
its modules are called, and if the calls that stand in for them give what the network gave. So a layer that multiplies
what it adds, norms it once more or sends tokens to experts is not recognised, and runs as it came.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from longspan.kernels.layers import Last, Layer, Matrix, Norm, Weights, suits
from longspan.kernels.softmax import Softmax
from longspan.loading.packed_modules import PackedEmbedding, PackedLinear
from longspan.seam.borrowing import Borrowing, Call
from longspan.seam.formulas import (
    ACTIVATIONS,
    agree,
    numbers_around_zero,
    random,
    root_mean_squares,
    rows_of_all_sizes,
)

# Relative to what the network gave. A number on the border between two of 8 bits falls to either side of it.
_TOLERANCE = 0.02
# In rounding steps of the network's numbers.
_STEPS = 4


class UnknownError(Exception):
    """Something in a network that is not recognised."""


class Recognised(NamedTuple):
    """A network's layers, what follows them, and how each of its attentions makes weights of scores."""

    layers: list[Layer]
    last: Last
    softmaxes: list[Softmax]
    modules: list[nn.Module]
    """All whose work is done."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Ran:
    """A module that ran, without those within it: tensors of tokens `[n, ...]`."""

    module: nn.Module
    given: Tensor
    gave: Tensor


def recognised(borrowing: Borrowing, ids: Tensor) -> Recognised:
    """What a network with packed weights is. ids: some tokens `[n]`. Raises UnknownError with what it is not."""
    network = borrowing.network
    if not isinstance(network.get_input_embeddings(), PackedEmbedding):
        raise UnknownError("its weights are not packed")
    ran, calls, outs, logits = _watched(borrowing, ids)
    first, *between = ran
    embedded = network.get_input_embeddings()(ids)
    weights: list[Weights] = []
    inputs: list[Tensor] = [embedded]
    for number, (segment, call, out) in enumerate(zip(between, calls, outs, strict=True)):
        came = first if number == 0 else between[number - 1]
        weights.append(_layer(came, segment, call, out))
        inputs.append(_normed(segment, -1).given)
    last = _last(between[-1], network)
    found = Recognised(
        [Layer(each) for each in weights],
        last,
        [call.softmax for call in calls],
        [each.module for segment in ran for each in segment],
    )
    _prove(found, inputs, calls, outs, logits)
    return found


def _watched(borrowing: Borrowing, ids: Tensor) -> tuple[list[list[_Ran]], list[Call], list[Tensor], Tensor]:
    """What ran before the first attention, and behind each; the calls, what was given for them, and the logits."""
    segments: list[list[_Ran]] = [[]]
    calls: list[Call] = []
    outs: list[Tensor] = []

    def attention(call: Call) -> Tensor:
        heads, count, _ = call.query.shape
        out = random(heads, count, call.value.shape[-1]).to(call.query.dtype)
        calls.append(call)
        outs.append(out)
        segments.append([])
        return out

    def note(module: nn.Module, given: tuple[Any, ...], gave: Any) -> None:
        both = (*given[:1], gave)
        if len(both) == 2 and all(isinstance(x, Tensor) and x.shape[:2] == (1, len(ids)) for x in both):
            segments[-1].append(_Ran(module=module, given=both[0][0], gave=both[1][0]))

    places = torch.arange(len(ids), device=ids.device)
    with ExitStack() as hooks:
        for module in borrowing.network.modules():
            if isinstance(module, PackedLinear) or not any(True for _ in module.children()):
                hooks.callback(module.register_forward_hook(note).remove)
        with borrowing.installed(attention, watching=True):
            logits = borrowing.run(ids, places, places)
    if not calls:
        raise UnknownError("it has no attention")
    return segments, calls, outs, logits


def _layer(came: Sequence[_Ran], segment: Sequence[_Ran], call: Call, out: Tensor) -> Weights:
    """The layer around one attention: came is what ran before it, segment what ran behind it."""
    first = _normed(came, -1)
    q, k, v = _fed(came, first.gave, 3)
    (o,) = _fed(segment, out.transpose(0, 1).flatten(1), 1)
    second = _normed(segment, 0)
    pair = _fed(segment, second.gave, 2)
    acted = next((each for each in segment if _activation(each.module) is not None), None)
    if acted is None:
        raise UnknownError("a layer has no activation that is known")
    gate, up = pair if torch.equal(pair[0].gave, acted.given) else pair[::-1]
    (down,) = _fed(segment, acted.gave * up.gave, 1)
    dim = call.query.shape[-1]
    weights = Weights(
        first=_norm(first.module),
        second=_norm(second.module),
        query=_head_norm(came, q.gave, dim),
        key=_head_norm(came, k.gave, dim),
        **{name: _matrix(each.module) for name, each in zip("qkvo", (q, k, v, o), strict=True)},
        gate=_matrix(gate.module),
        up=_matrix(up.module),
        down=_matrix(down.module),
        dim=dim,
        activation=_activation(acted.module) or ACTIVATIONS[0],
    )
    if not suits(weights):
        raise UnknownError("its sizes are not those of whole panels")
    return weights


def _fed(segment: Iterable[_Ran], x: Tensor, count: int) -> list[_Ran]:
    """The products that are given some numbers, which have to be so many."""
    found = [
        each
        for each in segment
        if isinstance(each.module, PackedLinear)
        and each.given.shape == x.shape
        and torch.equal(each.given, x)
    ]
    if len(found) != count:
        raise UnknownError(f"{len(found)} products are given what {count} are given elsewhere")
    return found


def _normed(segment: Sequence[_Ran], place: int) -> _Ran:
    """The first or the last norm of whole tokens."""
    widths = [each.given.shape[-1] for each in segment if isinstance(each.module, PackedLinear)]
    norms = [
        each
        for each in segment
        if each.given.dim() == 2 and each.given.shape[-1] in widths and _is_norm(each.module)
    ]
    if not norms:
        raise UnknownError("tokens are not normed as RMSNorm does")
    return norms[place]


def _is_norm(module: nn.Module) -> bool:
    return next(root_mean_squares(module), None) is not None


def _norm(module: nn.Module) -> Norm:
    weight = next(module.parameters()).detach()
    x = rows_of_all_sizes(len(weight)).to(weight.dtype)
    for eps, offset in root_mean_squares(module):
        norm = Norm(gain=(weight.float() + offset).contiguous(), eps=eps)
        formula = _formula(norm)
        if agree(module, formula, x, _close(weight.dtype)):
            return norm
    raise UnknownError(f"{type(module).__name__} norms in another way")


def _formula(norm: Norm) -> Callable[[Tensor], Tensor]:
    def formula(x: Tensor) -> Tensor:
        exact = x.float()
        root = (exact.square().mean(-1, keepdim=True) + norm.eps).sqrt()
        return (exact / root * norm.gain).to(x.dtype)

    return formula


def _close(dtype: torch.dtype) -> Callable[[Tensor, Tensor], Tensor]:
    step = torch.finfo(dtype).eps
    return lambda off, own: off.abs() <= _STEPS * step * own.abs() + step * 1e-3


def _head_norm(segment: Iterable[_Ran], gave: Tensor, dim: int) -> Norm | None:
    """The norm of the single heads that a product gave, None where there is none."""
    for each in segment:
        of_heads = each.given.dim() == 3 and each.given.shape[-1] == dim and _is_norm(each.module)
        if of_heads and torch.equal(each.given.flatten(1), gave):
            return _norm(each.module)
    return None


def _activation(module: nn.Module) -> tuple[float, float] | None:
    if any(True for _ in module.parameters()) or isinstance(module, PackedLinear):
        return None
    x = numbers_around_zero()
    for linear, cubic in ACTIVATIONS:
        formula = _activating(linear, cubic)
        if agree(module, formula, x, lambda off, own: off.abs() <= 1e-5 * own.abs() + 1e-6):
            return linear, cubic
    return None


def _activating(linear: float, cubic: float) -> Callable[[Tensor], Tensor]:
    return lambda x: x * (x * (linear + cubic * x * x)).sigmoid()


def _matrix(module: nn.Module) -> Matrix:
    if not isinstance(module, PackedLinear):
        raise UnknownError(f"{type(module).__name__} is no packed product")
    held = module.weights
    bias = None if module.bias is None else module.bias.detach().float().contiguous()
    return Matrix(weights=held.packed, kind=held.kind, columns=held.columns, bias=bias)


def _last(segment: Sequence[_Ran], network: Any) -> Last:
    """What makes logits of the last layer's tokens."""
    head = network.get_output_embeddings()
    ran = segment[-1]
    if ran.module is not head or not isinstance(head, PackedLinear) or head.bias is not None:
        raise UnknownError("its logits are not those of one product")
    norm = _normed(segment, -1)
    if not torch.equal(norm.gave, ran.given):
        raise UnknownError("its last norm is not the last")
    return Last(_norm(norm.module), _matrix(head), head.out_features)


def _prove(
    found: Recognised, inputs: Sequence[Tensor], calls: Sequence[Call], outs: Sequence[Tensor], logits: Tensor
) -> None:
    """Raises UnknownError where the calls do not give what the network did."""
    for layer, came, call, out, went in zip(found.layers, inputs[:-1], calls, outs, inputs[1:], strict=True):
        hidden = came.float().contiguous().clone()
        for mine, own in zip(
            layer.before(hidden, call.query.dtype), (call.query, call.key, call.value), strict=True
        ):
            _check_near(mine, own, "queries, keys and values")
        layer.after(out, hidden)
        # Sums are as large as what is added to them, and a network in low precision rounds them.
        rounding = _STEPS * torch.finfo(went.dtype).eps * went.float().abs()
        _check_near(hidden, went, "tokens behind a layer", rounding, (went - came).float())
    _check_near(found.last(inputs[-1].float().contiguous()), logits, "logits")


def _check_near(
    mine: Tensor,
    own: Tensor,
    what: str,
    rounding: Tensor | float = 0.0,
    changed: Tensor | None = None,
) -> None:
    """Raises UnknownError for what is apart by more than some rounding, relative to what was changed."""
    apart = ((mine.float() - own.float()).abs() - rounding).clamp(min=0).norm()
    relative = float(apart / (own.float() if changed is None else changed).norm())
    if not relative <= _TOLERANCE:
        raise UnknownError(f"{what} are {relative:.1e} apart from its own")
