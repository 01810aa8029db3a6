"""Long sums over the positions of channels-last arrays, for training on a GPU: gradients of biases and of matrices."""
import torch
import triton
import triton.language as tl

from block_kernels import load_float


@triton.jit
def _column_sum(x, pixel, part, rows, C: tl.constexpr, CP: tl.constexpr, R: tl.constexpr):
    c = tl.arange(0, CP)
    acc = tl.zeros((R, CP), tl.float32)
    for block in range(tl.program_id(0), tl.cdiv(rows, R), tl.num_programs(0)):
        r = block * R + tl.arange(0, R)
        acc += load_float(x + r[:, None] * pixel + c[None, :], (r < rows)[:, None] & (c < C)[None, :])
    tl.store(part + tl.program_id(0) * C + c, tl.sum(acc, 0), mask=c < C)


def column_sum(x):
    """Sum of all but the last dimension, in float32."""
    c = x.shape[-1]
    rows, cp = x.numel() // c, triton.next_power_of_2(c)
    r = max(1, 4096 // cp)
    n = min(triton.cdiv(rows, r), 528)
    part = torch.empty(n, c, device=x.device)
    _column_sum[(n,)](x, x.stride(-2), part, rows, c, cp, r, num_warps=4)
    return part.sum(0)


def weight_gradient(dy, x, dtype):
    """dy^T x in the precision of the weights, with the long sum over positions cut in pieces that fill the GPU."""
    n, parts = dy.shape[0], 128
    if n % (parts * 64) or n < parts * 1024:
        return (dy.t() @ x).to(dtype)
    return torch.bmm(dy.view(parts, n // parts, -1).transpose(1, 2), x.view(parts, n // parts, -1)).sum(0, dtype=dtype)
