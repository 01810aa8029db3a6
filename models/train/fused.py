"""Fused forms of the slow layers, for training on a GPU: Triton kernels, and convolutions in shapes that the tensor
cores like.

`accelerate(net)` binds them to the modules of a `Codec`; parameters, their names and the function computed stay the
same. `check_fused.py` compares values and gradients with the plain modules of `model.py`.

Every tensor is channels-last. The SwinV2 block is one autograd function over the kernels of `block_kernels.py`, which
keeps its residual sums in the matrix products.
"""
import math
import types

import torch
import torch.nn.functional as F
import triton
import triton.language as tl

import model as M
import narrow
from block_kernels import (attention_backward, attention_forward, dw_gelu_backward, dw_gelu_forward, load_float,
                           norm_backward, norm_forward, taps)
from integer_kernels import operands, round_positions
from integers import rounded_outputs
from sums import column_sum, weight_gradient

# ---------------------------------------------------------------- depthwise k x k of the context model

@triton.jit
def _dw_fwd(x, weight, bias, out, n, H, W, C, K: tl.constexpr, FLIP: tl.constexpr, BP: tl.constexpr, BC: tl.constexpr):
    """FLIP: the gradient of the input, no bias."""
    p = tl.program_id(0) * BP + tl.arange(0, BP)
    c = tl.program_id(1) * BC + tl.arange(0, BC)
    px = p % W
    py = p // W % H
    acc = tl.zeros((BP, BC), tl.float32)
    if not FLIP:
        acc += load_float(bias + c, c < C)[None, :]
    for k in tl.static_range(K * K):
        dy = k // K - K // 2
        dx = k % K - K // 2
        ok = (p < n) & (py + dy >= 0) & (py + dy < H) & (px + dx >= 0) & (px + dx < W)
        t = load_float(x + (p + dy * W + dx)[:, None] * C + c[None, :], ok[:, None] & (c < C)[None, :])
        if FLIP:
            acc += t * load_float(weight + (K * K - 1 - k) * C + c, c < C)[None, :]
        else:
            acc += t * load_float(weight + k * C + c, c < C)[None, :]
    tl.store(out + p[:, None] * C + c[None, :], acc.to(out.dtype.element_ty), mask=(p < n)[:, None] & (c < C)[None, :])


@triton.jit
def _dw_wgrad(x, dout, part, n, H, W, C, K: tl.constexpr, BP: tl.constexpr, BC: tl.constexpr):
    """One program per tap, block of channels and share of the positions."""
    k = tl.program_id(0)
    c = tl.program_id(1) * BC + tl.arange(0, BC)
    dy = k // K - K // 2
    dx = k % K - K // 2
    acc = tl.zeros((BP, BC), tl.float32)
    for block in range(tl.program_id(2), tl.cdiv(n, BP), tl.num_programs(2)):
        p = block * BP + tl.arange(0, BP)
        px = p % W
        py = p // W % H
        ok = (p < n) & (py + dy >= 0) & (py + dy < H) & (px + dx >= 0) & (px + dx < W)
        m = ok[:, None] & (c < C)[None, :]
        acc += (load_float(x + (p + dy * W + dx)[:, None] * C + c[None, :], m)
                * load_float(dout + p[:, None] * C + c[None, :], m))
    tl.store(part + (tl.program_id(2) * K * K + k) * C + c, tl.sum(acc, 0), mask=c < C)


class Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias):
        x = x.contiguous()
        ctx.save_for_backward(x, weight)
        return Depthwise.run(x, weight, bias, False)

    @staticmethod
    def run(x, weight, bias, flip):
        b, h, w, c = x.shape
        n, out = b * h * w, torch.empty_like(x)
        _dw_fwd[(triton.cdiv(n, 32), triton.cdiv(c, 32))](x, taps(weight), bias, out, n, h, w, c, weight.shape[-1],
                                                          flip, 32, 32, num_warps=4)
        return out

    @staticmethod
    def backward(ctx, dout):
        x, weight = ctx.saved_tensors
        dout = dout.contiguous()
        b, h, w, c = x.shape
        n, k = b * h * w, weight.shape[-1]
        if not ctx.needs_input_grad[1]:
            return Depthwise.run(dout, weight, weight, True), None, None
        part = weight.new_empty(16, k * k, c)
        _dw_wgrad[(k * k, triton.cdiv(c, 32), 16)](x, dout, part, n, h, w, c, k, 64, 32, num_warps=4)
        return (Depthwise.run(dout, weight, weight, True), part.sum(0).t().reshape(weight.shape),
                dout.reshape(-1, c).sum(0, dtype=torch.float32))


# ---------------------------------------------------------------- the SwinV2 block

class SwinBlock(torch.autograd.Function):
    """x1 = x + LN(proj(attention(qkv(x)))); x1 + LN(fc2(t + dw(t))) [+ skip], t = GELU(fc1(x1)). Matrices in x's
    precision; gains and shifts as `norm_forward` takes them. integer: their left sides are rounded (integers.py); the right sides come rounded."""

    @staticmethod
    def forward(ctx, x, skip, shift, integer, bias, scale, w_qkv, b_qkv, w_proj, b_proj, g1, s1, w_1, b_1, w_dw, b_dw,
                w_2, b_2, g2, s2):
        shape, c, dt = x.shape, x.shape[-1], x.dtype
        hidden = (*shape[:3], w_1.shape[0])
        ctx.precision = w_qkv.dtype
        w_qkv, w_proj, w_1, w_2 = (w.to(dt) for w in (w_qkv, w_proj, w_1, w_2))
        linear = lambda t, w, b: torch.addmm(b.to(dt), t.reshape(-1, t.shape[-1]), w.t())
        left = round_positions if integer else lambda t: t
        to_qkv = left(x)
        qkv = linear(to_qkv, w_qkv, b_qkv).view(*shape[:3], 3 * c)
        a = left(attention_forward(qkv, bias, scale, shift))
        p = linear(a, w_proj, b_proj).view(shape)
        x1 = norm_forward(p, x, g1, s1)
        to_fc1 = left(x1)
        u = linear(to_fc1, w_1, b_1).view(hidden)
        h = left(dw_gelu_forward(u, w_dw, b_dw))
        f = linear(h, w_2, b_2).view(shape)
        ctx.save_for_backward(to_qkv, qkv, a, p, to_fc1, u, h, f, bias, scale, w_qkv, w_proj, w_1, w_2, g1, g2, w_dw)
        ctx.shift, ctx.skip = shift, skip is not None
        return norm_forward(f, x1, g2, s2, skip)

    @staticmethod
    def backward(ctx, dout):
        to_qkv, qkv, a, p, to_fc1, u, h, f, bias, scale, w_qkv, w_proj, w_1, w_2, g1, g2, w_dw = ctx.saved_tensors
        dout = dout.contiguous()
        flat = lambda t: t.reshape(-1, t.shape[-1])
        # None for weights that are not trained
        gradient = lambda d, x: weight_gradient(flat(d), flat(x), ctx.precision) if ctx.needs_input_grad[6] else None
        df, dg2, ds2, db_2 = norm_backward(f, dout, g2)
        dh = flat(df) @ w_2
        dw_2 = gradient(df, h)
        du, dw_dw, db_dw, db_1 = dw_gelu_backward(u, dh.view_as(u), w_dw)
        dx1 = torch.addmm(flat(dout), flat(du), w_1).view_as(to_qkv)
        dw_1 = gradient(du, to_fc1)
        dp, dg1, ds1, db_proj = norm_backward(p, dx1, g1)
        da = flat(dp) @ w_proj
        dw_proj = gradient(dp, a)
        dqkv, dbias, dscale, db_qkv = attention_backward(qkv, bias, scale, ctx.shift, da.view_as(a))
        dx = flat(dx1).addmm_(flat(dqkv), w_qkv).view_as(to_qkv)
        dw_qkv = gradient(dqkv, to_qkv)
        return (dx, dout if ctx.skip else None, None, None, dbias, dscale, dw_qkv, db_qkv, dw_proj, db_proj, dg1, ds1,
                dw_1, db_1, dw_dw, db_dw, dw_2, db_2, dg2, ds2)


def of_level(norm, rate, mix):
    """Gain and shift of a LayerNorm: one row, or one for each picture's rate level."""
    if rate is None:
        return norm.weight[None], norm.bias[None]
    levels, _, c = rate.w.shape
    w = (mix.float() @ rate.w.float().view(levels, 2 * c)).view(-1, 2, c)
    factor = 1 + w[:, 0]
    return norm.weight * factor, norm.bias * factor + w[:, 1]


def swin_block(m, x, mix, skip=None):
    """Fused form of SwinV2Block m, plus a skip connection."""
    att = m.attn
    with torch.autocast(x.device.type, enabled=False):
        bias = att.bias().contiguous()
        scale = att.logit_scale.clamp(max=math.log(100.0)).exp().view(-1)
        layers, integer = (att.qkv, att.proj, m.fc1, m.fc2), att.qkv.integer
        assert all(layer.integer == integer for layer in layers)
        w_qkv, w_proj, w_1, w_2 = (rounded_outputs(k.weight.float()) if integer else k.weight for k in layers)
        norm1, norm2 = of_level(m.norm1, m.rate1, mix), of_level(m.norm2, m.rate2, mix)
    return SwinBlock.apply(x, skip, m.shift, integer, bias, scale, w_qkv, att.qkv.bias, w_proj, att.proj.bias,
                           *norm1, w_1, m.fc1.bias, m.dw.conv.weight, m.dw.conv.bias, w_2, m.fc2.bias, *norm2)


def rstb(m, x, mix=None):
    x = x.to(torch.bfloat16).contiguous() if x.is_cuda else x.contiguous()
    t = x
    for i, block in enumerate(m.blocks):
        t = swin_block(block, t, mix, x if i + 1 == len(m.blocks) else None)
    return t


# ---------------------------------------------------------------- convolutions in shapes of multiples of 16 channels

class Convolution(torch.autograd.Function):
    """Convolution of channels-last data whose bias gradient does not go through cuDNN or a strided reduction."""

    @staticmethod
    def forward(ctx, x, weight, bias, stride, padding):
        x, weight = x.permute(0, 3, 1, 2), weight.contiguous(memory_format=torch.channels_last)
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        return F.conv2d(x, weight, bias.to(x.dtype), stride, padding).permute(0, 2, 3, 1)

    @staticmethod
    def backward(ctx, dy):
        x, weight = ctx.saved_tensors
        dy = dy.contiguous()
        dx, dw, _ = torch.ops.aten.convolution_backward(
            dy.permute(0, 3, 1, 2), x, weight, None, [ctx.stride] * 2, [ctx.padding] * 2, [1, 1], False, [0, 0], 1,
            [*ctx.needs_input_grad[:2], False])
        return None if dx is None else dx.permute(0, 2, 3, 1), dw, column_sum(dy), None, None


def convolution(x, weight, bias, stride=1, padding=1):
    if stride == 1 and weight.shape[2:] == (3, 3) and max(weight.shape[:2]) <= narrow.CHANNELS:
        return narrow.convolution(x, weight, bias)
    dt = narrow.precision(x)
    with torch.autocast(x.device.type, enabled=False):
        return Convolution.apply(x.to(dt).contiguous(), weight.to(dt), bias, stride, padding)


class Linear(torch.autograd.Function):
    """Bias in float32, as its gradient: no conversion on the way back."""

    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.save_for_backward(x, weight)
        return torch.addmm(bias.to(x.dtype), x.reshape(-1, x.shape[-1]), weight.t()).view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx, dy):
        x, weight = ctx.saved_tensors
        flat = dy.contiguous().view(-1, dy.shape[-1])
        if not ctx.needs_input_grad[1]:
            return (flat @ weight).view_as(x), None, None
        return ((flat @ weight).view_as(x), weight_gradient(flat, x.reshape(-1, x.shape[-1]), weight.dtype),
                column_sum(flat))


def linear(m, x):
    dt = narrow.precision(x)
    x, weight = operands(m, x.to(dt), m.weight)
    with torch.autocast(x.device.type, enabled=False):
        return Linear.apply(x, weight.to(dt), m.bias)


def conv(m, x):
    c = m.conv
    x, weight = operands(c, x, c.weight)
    return convolution(x, weight, c.bias, c.stride[0], c.padding[0])


def down_rgb(m, x):
    """5x5 stride-2 convolution of RGB as a 3x3 one of 2x2 blocks of pixels, padded to 16 channels."""
    b, h, w, c = x.shape
    x = x.view(b, h // 2, 2, w // 2, 2, c).permute(0, 1, 3, 2, 4, 5).reshape(b, h // 2, w // 2, 4 * c)
    k = m.conv.weight
    k = F.pad(k, (0, 1, 0, 1)).view(-1, c, 3, 2, 3, 2).permute(0, 3, 5, 1, 2, 4).reshape(-1, 4 * c, 3, 3)
    pad = narrow.round16(4 * c) - 4 * c
    return convolution(F.pad(x, (0, pad)), F.pad(k, (0, 0, 0, 0, 0, pad)), m.conv.bias)


def up_conv(m, x):
    """Sub-pixel convolution with the output channels in the order row, column, channel: depth-to-space moves whole
    pixels."""
    n, cin, kh, kw = m.conv.weight.shape
    c, pad = n // 4, narrow.round16(n) - n
    x, k = operands(m.conv, x, m.conv.weight)
    k = k.view(c, 4, cin, kh, kw).transpose(0, 1).reshape(n, cin, kh, kw)
    bias = m.conv.bias.view(c, 4).t().reshape(n)
    y = convolution(x, F.pad(k, (0, 0) * 3 + (0, pad)), F.pad(bias, (0, pad)), 1, kh // 2)[..., :n]
    b, h, w, _ = y.shape
    return y.reshape(b, h, w, 2, 2, c).permute(0, 1, 3, 2, 4, 5).reshape(b, 2 * h, 2 * w, c)


def depthwise(m, x):
    return Depthwise.apply(x, m.conv.weight, m.conv.bias)


# ---------------------------------------------------------------- scale and shift by the rate level

@triton.jit
def _affine_fwd(x, w, out, rows, C: tl.constexpr, CP: tl.constexpr, R: tl.constexpr):
    """One program per block of rows and picture."""
    picture = tl.program_id(1)
    c = tl.arange(0, CP)
    r = tl.program_id(0) * R + tl.arange(0, R)
    m = (r < rows)[:, None] & (c < C)[None, :]
    at = (picture * rows + r)[:, None] * C + c[None, :]
    scale = 1.0 + load_float(w + picture * 2 * C + c, c < C)
    shift = load_float(w + (picture * 2 + 1) * C + c, c < C)
    tl.store(out + at, (load_float(x + at, m) * scale[None, :] + shift[None, :]).to(out.dtype.element_ty), mask=m)


@triton.jit
def _affine_bwd(x, w, dout, dx, part, rows, C: tl.constexpr, CP: tl.constexpr, R: tl.constexpr):
    """Gradient of x; of the scale and the shift one partial sum per program."""
    picture = tl.program_id(1)
    c = tl.arange(0, CP)
    scale = 1.0 + load_float(w + picture * 2 * C + c, c < C)
    sx = tl.zeros((R, CP), tl.float32)
    sd = tl.zeros((R, CP), tl.float32)
    for block in range(tl.program_id(0), tl.cdiv(rows, R), tl.num_programs(0)):
        r = block * R + tl.arange(0, R)
        m = (r < rows)[:, None] & (c < C)[None, :]
        at = (picture * rows + r)[:, None] * C + c[None, :]
        d = load_float(dout + at, m)
        sx += d * load_float(x + at, m)
        sd += d
        tl.store(dx + at, (d * scale[None, :]).to(dx.dtype.element_ty), mask=m)
    to = part + (picture * tl.num_programs(0) + tl.program_id(0)) * 2 * C + c
    tl.store(to, tl.sum(sx, 0), mask=c < C)
    tl.store(to + C, tl.sum(sd, 0), mask=c < C)


class Affine(torch.autograd.Function):
    """x * (1 + w[:, 0]) + w[:, 1]; w: B,2,C in float32."""

    @staticmethod
    def shape(x):
        b, h, w, c = x.shape
        cp = triton.next_power_of_2(c)
        return b, h * w, c, cp, max(1, 2048 // cp)

    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        b, rows, c, cp, r = Affine.shape(x)
        out = torch.empty_like(x)
        _affine_fwd[(triton.cdiv(rows, r), b)](x, w, out, rows, c, cp, r, num_warps=4)
        return out

    @staticmethod
    def backward(ctx, dout):
        x, w = ctx.saved_tensors
        b, rows, c, cp, r = Affine.shape(x)
        n = min(triton.cdiv(rows, r), 16)
        dx, part = torch.empty_like(x), w.new_empty(b, n, 2, c)
        _affine_bwd[(n, b)](x, w, dout.contiguous(), dx, part, rows, c, cp, r, num_warps=4)
        return dx, part.sum(1)


def rate_affine(m, x, mix):
    with torch.autocast(x.device.type, enabled=False):
        levels, _, c = m.w.shape
        return Affine.apply(x.contiguous(), (mix.float() @ m.w.float().view(levels, 2 * c)).view(-1, 2, c))


PARTS = ("rstb", "dense", "up", "down", "conv", "linear", "depthwise", "elementwise")


def accelerate(net, parts=PARTS, compile=True):
    """Bind the fused forms to the modules of a Codec; compile the elementwise rest."""
    wrap = (lambda f: torch.compile(f, dynamic=False)) if compile else (lambda f: f)
    bind = lambda mod, f: setattr(mod, "forward", types.MethodType(f, mod))
    inside = {id(m) for b in net.modules() if isinstance(b, M.SwinV2Block) for m in b.modules()}
    prior = wrap(M.FactorizedPrior.bits)
    for mod in net.modules():
        if isinstance(mod, M.RSTB) and "rstb" in parts:
            bind(mod, rstb)
        elif isinstance(mod, M.DenseBlock) and "dense" in parts:
            bind(mod, narrow.dense_block)
        elif isinstance(mod, M.UpConv) and "up" in parts:
            bind(mod, up_conv)
        elif isinstance(mod, M.RateAffine) and "elementwise" in parts:
            bind(mod, rate_affine)
        elif isinstance(mod, M.Conv) and mod.conv.groups > 1 and id(mod) not in inside and "depthwise" in parts:
            bind(mod, depthwise)
        elif isinstance(mod, M.FactorizedPrior) and "elementwise" in parts:
            mod.bits = types.MethodType(prior, mod)
        elif isinstance(mod, M.Conv) and mod.conv.groups == 1 and mod.conv.kernel_size[0] > 1 and "conv" in parts:
            bind(mod, conv)
        elif isinstance(mod, torch.nn.Linear) and id(mod) not in inside and "linear" in parts:
            bind(mod, linear)
    if "down" in parts:
        for g_a in filter(None, (net.g_a, net.g_a2)):
            bind(g_a.down1, down_rgb)
    if "elementwise" in parts:
        net.gauss_bits, net.rounded_bits = wrap(M.gauss_bits), wrap(M.rounded_bits)
    return net
