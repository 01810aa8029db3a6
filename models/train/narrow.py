"""3x3 convolutions of few channels at high resolution, for training on a GPU: Triton kernels, and the dense block made
of them.

cuDNN takes several times as long for these as their bytes do, mostly for the gradient of the weights. All layers of a
dense block write into one array of features, and their gradients into another, so nothing is concatenated and no
partial sum is stored.

Arrays are channels-last, B,H,W,C; any of them may be a range of the channels of a wider one. Weights are taps,C,O
views: 9 or 1 taps.
"""
import torch
import torch.nn.functional as F
import triton
import triton.language as tl

from block_kernels import load_float
from sums import column_sum, weight_gradient

CHANNELS = 64       # as many in and out at most, but in the dense block's own arrays
SLOPE = 0.1         # of the leaky ReLU

# Launch shapes; tune_fused.py measures others. pixels: at a time; accumulator: elements of one tap's weights at a time.
# Two warps and no more: with four a product becomes a wgmma, and with the teacher's sizes Triton's code for it reads
# where it may not (LOG.md).
CONFIG = {
    "narrow": dict(pixels=64, warps=2),
    "narrow_wgrad": dict(pixels=32, accumulator=2048, programs=528, warps=2, stages=2),
}


@triton.jit
def _sum_taps(acc, x, pixel, w, tap, row, column, p, n, H, W, C: tl.constexpr, CP: tl.constexpr, O: tl.constexpr,
              OP: tl.constexpr, K: tl.constexpr, FLIP: tl.constexpr):
    """acc + K x K convolution at the positions p. pixel; tap, row, column: strides of x and w."""
    c = tl.arange(0, CP)
    o = tl.arange(0, OP)
    px = p % W
    py = p // W % H
    for k in tl.static_range(K * K):
        dy = k // K - K // 2
        dx = k % K - K // 2
        ok = (p < n) & (py + dy >= 0) & (py + dy < H) & (px + dx >= 0) & (px + dx < W)
        t = tl.load(x + (p + dy * W + dx)[:, None] * pixel + c[None, :], mask=ok[:, None] & (c < C)[None, :], other=0.0)
        if FLIP:
            at = w + (K * K - 1 - k) * tap
        else:
            at = w + k * tap
        m = tl.load(at + c[:, None] * row + o[None, :] * column, mask=(c < C)[:, None] & (o < O)[None, :], other=0.0)
        acc += tl.dot(t, m)
    return acc


@triton.jit
def _narrow(a, a_pixel, wa, a_tap, a_row, a_column, b, b_pixel, wb, b_tap, b_row, b_column, bias, feature,
            feature_pixel, residual, out,
            out_pixel, n, H, W, CA: tl.constexpr, CPA: tl.constexpr, KA: tl.constexpr, CB: tl.constexpr,
            CPB: tl.constexpr,
            KB: tl.constexpr, O: tl.constexpr, OP: tl.constexpr, FLIP: tl.constexpr, BIAS: tl.constexpr,
            ACT: tl.constexpr, DERIVATIVE: tl.constexpr, RESIDUAL: tl.constexpr, S: tl.constexpr, BP: tl.constexpr):
    p = tl.program_id(0) * BP + tl.arange(0, BP)
    o = tl.arange(0, OP)
    m = (p < n)[:, None] & (o < O)[None, :]
    acc = tl.zeros((BP, OP), tl.float32)
    acc = _sum_taps(acc, a, a_pixel, wa, a_tap, a_row, a_column, p, n, H, W, CA, CPA, O, OP, KA, FLIP)
    if KB > 0:
        acc = _sum_taps(acc, b, b_pixel, wb, b_tap, b_row, b_column, p, n, H, W, CB, CPB, O, OP, KB, FLIP)
    if BIAS:
        acc += load_float(bias + o, o < O)[None, :]
    if ACT:
        acc = tl.where(acc > 0, acc, acc * S)
    if DERIVATIVE:
        f = load_float(feature + p[:, None] * feature_pixel + o[None, :], m)
        acc = tl.where(f > 0, acc, acc * S)
    if RESIDUAL:
        acc += load_float(residual + p[:, None] * O + o[None, :], m)
    tl.store(out + p[:, None] * out_pixel + o[None, :], acc.to(out.dtype.element_ty), mask=m)


@triton.jit
def _narrow_wgrad(x, x_pixel, d, d_pixel, part, n, H, W, C: tl.constexpr, CP: tl.constexpr, O: tl.constexpr,
                  OP: tl.constexpr, BP: tl.constexpr):
    """One program per row of taps, block of outputs and share of the positions. Programs of the same positions run
    together and share what they read."""
    dy = tl.program_id(0) - 1
    c = tl.arange(0, CP)
    o = tl.program_id(1) * OP + tl.arange(0, OP)
    left = tl.zeros((CP, OP), tl.float32)
    here = tl.zeros((CP, OP), tl.float32)
    right = tl.zeros((CP, OP), tl.float32)
    for block in range(tl.program_id(2), tl.cdiv(n, BP), tl.num_programs(2)):
        p = block * BP + tl.arange(0, BP)
        px = p % W
        py = p // W % H
        row = (p < n) & (py + dy >= 0) & (py + dy < H)
        g = tl.load(d + p[:, None] * d_pixel + o[None, :], mask=(p < n)[:, None] & (o < O)[None, :], other=0.0)
        at = x + (p + dy * W)[:, None] * x_pixel + c[None, :]
        there = (c < C)[None, :]
        t = tl.load(at - x_pixel, mask=(row & (px > 0))[:, None] & there, other=0.0)
        left += tl.dot(tl.trans(t), g)
        t = tl.load(at, mask=row[:, None] & there, other=0.0)
        here += tl.dot(tl.trans(t), g)
        t = tl.load(at + x_pixel, mask=(row & (px + 1 < W))[:, None] & there, other=0.0)
        right += tl.dot(tl.trans(t), g)
    to = part + ((tl.program_id(2) * 9 + tl.program_id(0) * 3) * C + c)[:, None] * O + o[None, :]
    m = (c < C)[:, None] & (o < O)[None, :]
    tl.store(to, left, mask=m)
    tl.store(to + C * O, here, mask=m)
    tl.store(to + 2 * C * O, right, mask=m)


def round16(n):
    """Channels, padded to what the tensor cores like."""
    return -(-n // 16) * 16


def _padded(c):
    return max(16, triton.next_power_of_2(c))


def convolve(out, a, wa, b=None, wb=None, flip=False, bias=None, act=False, feature=None, residual=None):
    """out = act(conv(a, wa) + conv(b, wb) + bias) * act'(feature) + residual, where what is not given is left out.

    flip: the taps in reverse order, as the gradient of the input takes them."""
    _, h, w, o = out.shape
    n, cfg = out.numel() // o, CONFIG["narrow"]
    side = lambda x, wx: (x, x.stride(2), wx, *wx.stride())
    shape = lambda x, wx: (x.shape[-1], _padded(x.shape[-1]), 3 if wx.shape[0] == 9 else 1)
    second, second_shape = (side(a, wa), (0, 16, 0)) if b is None else (side(b, wb), shape(b, wb))
    or_out = lambda t: out if t is None else t
    _narrow[(triton.cdiv(n, cfg["pixels"]),)](
        *side(a, wa), *second, or_out(bias), or_out(feature), or_out(feature).stride(2), or_out(residual), out,
        out.stride(2), n, h, w,
        *shape(a, wa), *second_shape, o, _padded(o), flip, bias is not None, act, feature is not None,
        residual is not None, SLOPE, cfg["pixels"], num_warps=cfg["warps"])
    return out


def convolution_gradient(x, d):
    """Gradient of the weights, 9,C,O in float32."""
    _, h, w, c = x.shape
    o, cfg = d.shape[-1], CONFIG["narrow_wgrad"]
    n, op = d.numel() // o, max(16, min(_padded(o), cfg["accumulator"] // _padded(c)))
    blocks = triton.cdiv(o, op)
    parts = min(triton.cdiv(n, cfg["pixels"]), max(1, cfg["programs"] // (3 * blocks)))
    part = torch.empty(parts, 9, c, o, device=x.device)
    _narrow_wgrad[(3, blocks, parts)](x, x.stride(2), d, d.stride(2), part, n, h, w, c, _padded(c), o, op,
                                      cfg["pixels"], num_warps=cfg["warps"], num_stages=cfg["stages"])
    return part.sum(0)


class NarrowConvolution(torch.autograd.Function):
    """3x3 convolution; weight 9,C,O."""

    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.save_for_backward(x, weight)
        return convolve(x.new_empty(*x.shape[:-1], weight.shape[-1]), x, weight, bias=bias)

    @staticmethod
    def backward(ctx, dy):
        x, weight = ctx.saved_tensors
        dy = dy.contiguous()
        dx = convolve(torch.empty_like(x), dy, weight.transpose(1, 2), flip=True) if ctx.needs_input_grad[0] else None
        if not ctx.needs_input_grad[1]:
            return dx, None, None
        return dx, convolution_gradient(x, dy), column_sum(dy)


class DenseBlock(torch.autograd.Function):
    """x + out([x, f1, ..]), f_i = leaky ReLU of a convolution of [x, f1, .., f_i-1]; G channels each of n.

    w: 9, C + (n - 1) G, n G, of which only the parts from earlier to later features count; w_out: C, C + n G.
    """

    @staticmethod
    def forward(ctx, x, w, bias, w_out, b_out, n):
        c, g = x.shape[-1], w.shape[-1] // n
        f = x.new_empty(*x.shape[:-1], n * g)
        for i in range(n):
            mine = slice(i * g, (i + 1) * g)
            before = (f[..., :i * g], w[:, c:c + i * g, mine]) if i else (None, None)
            convolve(f[..., mine], x, w[:, :c, mine], *before, bias=bias[mine], act=True)
        ctx.save_for_backward(x, f, w, w_out)
        ctx.n = n
        point = w_out.t()[None]
        return convolve(torch.empty_like(x), x, point[:, :c], f, point[:, c:], bias=b_out, residual=x)

    @staticmethod
    def backward(ctx, dout):
        x, f, w, w_out = ctx.saved_tensors
        dout = dout.contiguous()
        n, c = ctx.n, x.shape[-1]
        g, d = w.shape[-1] // n, torch.empty_like(f)
        for i in reversed(range(n)):
            mine, rows = slice(i * g, (i + 1) * g), slice(c + i * g, c + (i + 1) * g)
            after = (d[..., (i + 1) * g:], w[:, rows, (i + 1) * g:].transpose(1, 2)) if i + 1 < n else (None, None)
            convolve(d[..., mine], dout, w_out[None, :, rows], *after, flip=True, feature=f[..., mine])
        dx = convolve(torch.empty_like(x), dout, w_out[None, :, :c], d, w[:, :c].transpose(1, 2), flip=True,
                      residual=dout)
        if not ctx.needs_input_grad[1]:
            return dx, None, None, None, None, None
        dw = torch.zeros(w.shape, device=w.device)
        dw[:, :c] = convolution_gradient(x, d)
        if n > 1:
            dw[:, c:, g:] = convolution_gradient(f[..., :-g], d[..., g:])
        flat = lambda t: t.reshape(-1, t.shape[-1])
        dw_out = torch.cat([weight_gradient(flat(dout), flat(t), w_out.dtype) for t in (x, f)], 1)
        return dx, dw, column_sum(d), dw_out, column_sum(dout), None


def precision(x):
    """In what the layers compute that x goes through: bf16 under autocast."""
    return torch.bfloat16 if x.is_cuda and torch.is_autocast_enabled() else x.dtype


def convolution(x, weight, bias):
    """3x3 convolution of channels-last x with a weight O,C,3,3."""
    dt = precision(x)
    with torch.autocast(x.device.type, enabled=False):
        weight = weight.permute(2, 3, 1, 0).reshape(9, weight.shape[1], -1)
        return NarrowConvolution.apply(x.to(dt).contiguous(), weight.to(dt), bias)


def _dense_weights(m, dim, growth, wide):
    """The convolutions' weights as 9, dim + (n - 1) wide, n wide, growth padded with zeros to wide; biases n wide."""
    n, columns = len(m.convs), []
    for i, layer in enumerate(m.convs):
        w = layer.conv.weight.permute(2, 3, 1, 0).reshape(9, dim + i * growth, growth)
        features = F.pad(w[:, dim:].reshape(9, i, growth, growth), (0, 0, 0, wide - growth, 0, n - 1 - i))
        w = torch.cat([w[:, :dim], features.reshape(9, (n - 1) * wide, growth)], 1)
        columns.append(F.pad(w, (0, wide - growth)))
    return torch.cat(columns, 2), torch.cat([F.pad(layer.conv.bias, (0, wide - growth)) for layer in m.convs])


def dense_block(m, x):
    """Fused form of model.DenseBlock m, with its growth padded to a multiple of 16."""
    dim, n, dt = x.shape[-1], len(m.convs), precision(x)
    growth = m.convs[0].conv.out_channels
    wide = round16(growth)
    with torch.autocast(x.device.type, enabled=False):
        w, bias = _dense_weights(m, dim, growth, wide)
        out = m.out.conv.weight.reshape(dim, -1)
        features = F.pad(out[:, dim:].reshape(dim, n, growth), (0, wide - growth))
        w_out = torch.cat([out[:, :dim], features.reshape(dim, -1)], 1)
        return DenseBlock.apply(x.to(dt).contiguous(), w.to(dt).contiguous(), bias, w_out.to(dt).contiguous(),
                                m.out.conv.bias, n)
