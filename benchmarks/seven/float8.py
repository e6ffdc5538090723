"""8-bit linear layers: float8_e4m3 weights and inputs, scales taken as it runs (``torch._scaled_mm``).

A bare limit: no fused norms, no calibrated scales. Not what vLLM runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import torch
from torch import nn

LARGEST = 448.0
"""Largest number of float8_e4m3fn."""


def quantise(values: torch.Tensor, row_wise: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Values as float8 and their scales.

    Args:
        values: (rows, columns).
        row_wise: one scale a row; else one for all.

    Returns:
        (rows, columns) float8_e4m3fn, and float32 scales: (rows, 1), or a scalar.
    """
    size = values.abs().amax(dim=-1, keepdim=True) if row_wise else values.abs().amax()
    scale = (size.float() / LARGEST).clamp(min=1e-12)
    return (values.float() / scale).clamp(-LARGEST, LARGEST).to(torch.float8_e4m3fn), scale


@cache
def quantise_compiled() -> Callable[[torch.Tensor, bool], tuple[torch.Tensor, torch.Tensor]]:
    """``quantise`` in one kernel or two; single operations would take as long as the product itself."""
    return torch.compile(quantise, dynamic=True)


class Float8Linear(nn.Module):
    """A linear layer without bias in float8.

    Args:
        linear: the layer; its weight is copied into float8.
        row_wise: one scale for each row of the input and each output feature; else one for all.
        compiled: quantise the input with the compiled function.
    """

    def __init__(self, linear: nn.Linear, row_wise: bool, compiled: bool) -> None:
        super().__init__()
        self.row_wise = row_wise
        self.quantise = quantise_compiled() if compiled else quantise
        weight, scale = quantise(linear.weight, row_wise)
        self.weight, self.scale = weight.t(), scale.t() if row_wise else scale
        self.out_features = linear.out_features

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Inputs (..., in_features) to outputs (..., out_features), of the inputs' dtype."""
        values, scale = self.quantise(inputs.reshape(-1, inputs.shape[-1]), self.row_wise)
        product: torch.Tensor = torch._scaled_mm(
            values, self.weight, scale, self.scale, out_dtype=inputs.dtype, use_fast_accum=True
        )
        return product.view(*inputs.shape[:-1], self.out_features)


@contextmanager
def in_float8(module: nn.Module, row_wise: bool, compiled: bool) -> Iterator[None]:
    """Puts float8 layers in place of a module's linear layers, and the old ones back at the end."""
    places = [
        (parent, name, child)
        for parent in module.modules()
        for name, child in parent.named_children()
        if isinstance(child, nn.Linear)
    ]
    try:
        for parent, name, child in places:
            setattr(parent, name, Float8Linear(child, row_wise, compiled))
        yield
    finally:
        for parent, name, child in places:
            setattr(parent, name, child)
