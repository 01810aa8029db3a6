"""Inputs of integer layers, rounded on a GPU (integers.py says how): one Triton kernel for the largest value of each
position and for the rounding."""
import torch
import triton
import triton.language as tl

from block_kernels import load_float
from integers import LIMIT, rounded_outputs


@triton.jit
def _round_positions(x, out, rows, C: tl.constexpr, CP: tl.constexpr, R: tl.constexpr, LIMIT: tl.constexpr):
    c = tl.arange(0, CP)
    r = tl.program_id(0) * R + tl.arange(0, R)
    m = (r < rows)[:, None] & (c < C)[None, :]
    at = r.to(tl.int64)[:, None] * C + c[None, :]
    t = load_float(x + at, m)
    largest = tl.max(tl.abs(t), 1)
    inverse = LIMIT / tl.maximum(largest, 1e-30)
    t = tl.floor(t * inverse[:, None] + 0.5) * (largest / LIMIT)[:, None]
    tl.store(out + at, t.to(out.dtype.element_ty), mask=m)


def round_positions(x):
    """Values of integers.rounded_positions, without a gradient."""
    x = x.contiguous()
    c = x.shape[-1]
    n, cp, out = x.numel() // c, triton.next_power_of_2(c), torch.empty_like(x)
    r = max(1, 4096 // cp)
    _round_positions[(triton.cdiv(n, r),)](x, out, n, c, cp, r, LIMIT, num_warps=4)
    return out


class RoundPositions(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return round_positions(x)

    @staticmethod
    def backward(ctx, dy):
        return dy


def operands(m, x, weight):
    """Input and weights as the layer m multiplies them, if it is one in integers."""
    if not m.integer:
        return x, weight
    with torch.autocast(x.device.type, enabled=False):
        return RoundPositions.apply(x), rounded_outputs(weight.float())
