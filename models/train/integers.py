"""Layers in integers: weights of eight bits with a scale for each output, inputs of eight bits with a scale for each
position. In training both are rounded as the C program rounds them, and gradients pass as if they were not.

`Codec(integers=PATTERNS)` chooses the layers: those in whose module name one of the regular expressions is found.
PyTorch computes the products of the rounded numbers in floats; models/kernels computes them in integers and rounds once
for each tap.
"""
import re

import torch
import torch.nn as nn
import torch.nn.functional as F

LIMIT = 127         # the largest value of a signed byte, and of its negative


def rounded(x, largest):
    """x in steps of largest / LIMIT, which is 0 only where x is. The gradient is that of x."""
    with torch.no_grad():
        inverse = LIMIT / largest.clamp_min(1e-30)
        difference = torch.round(x * inverse) * (largest / LIMIT) - x
    return x + difference


def rounded_positions(x, dim=-1):
    """Inputs of a layer: one scale for the channels of each position."""
    return rounded(x, x.detach().abs().amax(dim, keepdim=True))


def rounded_outputs(w):
    """Weights O,...: one scale for each output."""
    largest = w.detach().abs().flatten(1).amax(1)
    return rounded(w, largest.view(-1, *[1] * (w.ndim - 1)))


class _Integer:
    """integer: whether the layer is one. given: (whole numbers, the step of each output) to take in place of rounded
    weights, from a file or from rounding.py."""
    integer, given = False, None

    def right_side(self):
        if self.given is None:
            return rounded_outputs(self.weight)
        whole, steps = self.given
        return (whole * steps.view(-1, *[1] * (whole.ndim - 1))).to(self.weight)


class Linear(_Integer, nn.Linear):
    def forward(self, x):
        if not self.integer:
            return super().forward(x)
        return F.linear(rounded_positions(x), self.right_side(), self.bias)


class Conv2d(_Integer, nn.Conv2d):
    """Convolution of B,C,H,W."""

    def forward(self, x):
        if not self.integer:
            return super().forward(x)
        return self._conv_forward(rounded_positions(x, 1), self.right_side(), self.bias)


def layers(net):
    """The layers in integers, by name."""
    return {name: m for name, m in net.named_modules() if getattr(m, "integer", False)}


def choose(net, patterns):
    """Make integer layers of those in whose names one of the patterns (regular expressions) is found."""
    for name, mod in net.named_modules():
        if isinstance(mod, _Integer):
            mod.integer = any(re.search(p, name) for p in patterns)
            assert not (mod.integer and getattr(mod, "groups", 1) > 1), f"{name} is a depthwise convolution"
