"""Fused forms of the slow layers, for training on a GPU: Triton kernels, and convolutions in shapes that the tensor cores like.

`accelerate(net)` binds them to the modules of a `Codec`; parameters, their names and the function computed stay the same.
`check_fused.py` compares values and gradients with the plain modules of `model.py`.

Every tensor is channels-last. Window attention reads q, k and v straight from the image layout: the shift and the partition
into windows are address arithmetic, so a SwinV2 block makes no copy of its input. The whole block is one autograd function,
which keeps its bias gradients in the kernels that produce the summands and its residual sums in the matrix products.
"""
import math
import types

import torch
import torch.nn.functional as F
import triton
import triton.language as tl

import model as M

WINDOW = M.WINDOW
TOKENS = WINDOW * WINDOW

# Launch shapes; tune_fused.py measures others. programs: at most so many per launch, each loops; block: elements at a time.
CONFIG = {
    "attention_fwd": dict(programs=4096, warps=4),
    "attention_bwd": dict(programs=528, warps=4),
    "norm_fwd": dict(block=2048, warps=4),
    "norm_bwd": dict(block=1024, programs=528, warps=4),
    "dw_fwd": dict(rows=32, columns=16, channels=32, warps=4),
    "dw_bwd": dict(rows=32, columns=16, channels=32, warps=4),
}


# ---------------------------------------------------------------- scaled cosine attention in shifted windows

@triton.jit
def _rows(window, shift, H, W, WIN: tl.constexpr):
    """Image rows (as flat positions) of one window's tokens, and the labels that tell wrapped-round regions apart."""
    i = tl.arange(0, WIN * WIN)
    nx = W // WIN
    ny = H // WIN
    ry = (window // nx) % ny * WIN + i // WIN
    rx = window % nx * WIN + i % WIN
    row = (window // (nx * ny) * H + (ry + shift) % H) * W + (rx + shift) % W
    label = (ry >= H - shift).to(tl.int32) * 2 + (rx >= W - shift).to(tl.int32)
    return row, label


@triton.jit
def _probabilities(q, k, bias, scale, label, dtype: tl.constexpr):
    """softmax(scale * cos(q, k) + bias), with the normalised q and k and the inverse norms."""
    iq = tl.rsqrt(tl.maximum(tl.sum(q * q, 1), 1e-12))
    ik = tl.rsqrt(tl.maximum(tl.sum(k * k, 1), 1e-12))
    q = (q * iq[:, None]).to(dtype)
    k = (k * ik[:, None]).to(dtype)
    a = tl.dot(q, tl.trans(k)) * scale + bias
    a = tl.where(label[:, None] == label[None, :], a, a - 100.0)
    a = tl.exp(a - tl.max(a, 1)[:, None])
    a = a / tl.sum(a, 1)[:, None]
    return a, q, k, iq, ik


@triton.jit
def _attention_fwd(qkv, bias, scale, out, shift, windows, H, W, C: tl.constexpr, D: tl.constexpr, WIN: tl.constexpr):
    head = tl.program_id(1)
    n: tl.constexpr = WIN * WIN
    i = tl.arange(0, WIN * WIN)
    d = tl.arange(0, D)
    b = tl.load(bias + head * n * n + i[:, None] * n + i[None, :])
    s = tl.load(scale + head)
    for window in range(tl.program_id(0), windows, tl.num_programs(0)):
        row, label = _rows(window, shift, H, W, WIN)
        at = qkv + row[:, None] * (3 * C) + head * D + d[None, :]
        q = tl.load(at).to(tl.float32)
        k = tl.load(at + C).to(tl.float32)
        v = tl.load(at + 2 * C)
        p, q, k, iq, ik = _probabilities(q, k, b, s, label, v.dtype)
        o = tl.dot(p.to(v.dtype), v)
        tl.store(out + row[:, None] * C + head * D + d[None, :], o.to(v.dtype))


@triton.jit
def _attention_bwd(qkv, bias, scale, dout, dqkv, dbias, dscale, dsum, shift, windows, H, W,
                   C: tl.constexpr, D: tl.constexpr, WIN: tl.constexpr):
    """Gradients of q, k and v; of the bias and the scale, and sums of dqkv over positions, one partial sum per program."""
    head = tl.program_id(1)
    part = tl.program_id(0) * tl.num_programs(1) + head
    n: tl.constexpr = WIN * WIN
    i = tl.arange(0, WIN * WIN)
    d = tl.arange(0, D)
    b = tl.load(bias + head * n * n + i[:, None] * n + i[None, :])
    s = tl.load(scale + head)
    gb = tl.zeros((WIN * WIN, WIN * WIN), tl.float32)
    gs = tl.zeros((WIN * WIN,), tl.float32)
    sq = tl.zeros((D,), tl.float32)
    sk = tl.zeros((D,), tl.float32)
    sv = tl.zeros((D,), tl.float32)
    for window in range(tl.program_id(0), windows, tl.num_programs(0)):
        row, label = _rows(window, shift, H, W, WIN)
        at = row[:, None] * (3 * C) + head * D + d[None, :]
        q = tl.load(qkv + at).to(tl.float32)
        k = tl.load(qkv + at + C).to(tl.float32)
        v = tl.load(qkv + at + 2 * C)
        do = tl.load(dout + row[:, None] * C + head * D + d[None, :])
        p, q, k, iq, ik = _probabilities(q, k, b, s, label, v.dtype)
        dv = tl.dot(tl.trans(p.to(v.dtype)), do)
        dp = tl.dot(do, tl.trans(v))
        ds = p * (dp - tl.sum(p * dp, 1)[:, None])
        gb += ds
        ds = ds.to(v.dtype)
        dq = tl.dot(ds, k)
        dk = tl.dot(tl.trans(ds), q)
        q = q.to(tl.float32)
        k = k.to(tl.float32)
        tq = tl.sum(q * dq, 1)
        tk = tl.sum(k * dk, 1)
        gs += tq
        dq = (dq - q * tq[:, None]) * (iq * s)[:, None]
        dk = (dk - k * tk[:, None]) * (ik * s)[:, None]
        tl.store(dqkv + at, dq.to(v.dtype))
        tl.store(dqkv + at + C, dk.to(v.dtype))
        tl.store(dqkv + at + 2 * C, dv.to(v.dtype))
        sq += tl.sum(dq, 0)
        sk += tl.sum(dk, 0)
        sv += tl.sum(dv, 0)
    tl.store(dbias + part * n * n + i[:, None] * n + i[None, :], gb)
    tl.store(dscale + part, tl.sum(gs, 0))
    to = dsum + tl.program_id(0) * 3 * C + head * D + d
    tl.store(to, sq)
    tl.store(to + C, sk)
    tl.store(to + 2 * C, sv)


def attention_forward(qkv, bias, scale, shift):
    b, h, w, c3 = qkv.shape
    heads, c = bias.shape[0], c3 // 3
    windows = b * h * w // TOKENS
    cfg = CONFIG["attention_fwd"]
    n = min(windows, max(1, cfg["programs"] // heads))
    out = qkv.new_empty(b, h, w, c)
    _attention_fwd[(n, heads)](qkv, bias, scale, out, shift, windows, h, w, c, c // heads, WINDOW, num_warps=cfg["warps"])
    return out


def attention_backward(qkv, bias, scale, shift, dout):
    """-> dqkv, dbias, dscale, column sums of dqkv."""
    b, h, w, c3 = qkv.shape
    heads, c = bias.shape[0], c3 // 3
    windows = b * h * w // TOKENS
    cfg = CONFIG["attention_bwd"]
    n = min(windows, max(1, cfg["programs"] // heads))
    dqkv = torch.empty_like(qkv)
    dbias = bias.new_empty(n, heads, TOKENS, TOKENS)
    dscale = bias.new_empty(n, heads)
    dsum = bias.new_empty(n, c3)
    _attention_bwd[(n, heads)](qkv, bias, scale, dout, dqkv, dbias, dscale, dsum, shift, windows, h, w, c, c // heads, WINDOW,
                               num_warps=cfg["warps"])
    return dqkv, dbias.sum(0), dscale.sum(0), dsum.sum(0)


# ---------------------------------------------------------------- residual sum with LayerNorm of the branch

@triton.jit
def _norm_fwd(t, x, skip, gain, shift, out, rows, C: tl.constexpr, CP: tl.constexpr, R: tl.constexpr, SKIP: tl.constexpr):
    c = tl.arange(0, CP)
    r = tl.program_id(0) * R + tl.arange(0, R)
    m = (r < rows)[:, None] & (c < C)[None, :]
    at = r[:, None] * C + c[None, :]
    v = tl.load(t + at, mask=m, other=0.0).to(tl.float32)
    v = tl.where(m, v - (tl.sum(v, 1) / C)[:, None], 0.0)
    inv = tl.rsqrt(tl.sum(v * v, 1) / C + 1e-5)
    g = tl.load(gain + c, mask=c < C, other=0.0)
    s = tl.load(shift + c, mask=c < C, other=0.0)
    o = tl.load(x + at, mask=m, other=0.0).to(tl.float32) + v * inv[:, None] * g[None, :] + s[None, :]
    if SKIP:
        o += tl.load(skip + at, mask=m, other=0.0).to(tl.float32)
    tl.store(out + at, o.to(out.dtype.element_ty), mask=m)


@triton.jit
def _norm_bwd(t, dout, gain, dt, part, rows, C: tl.constexpr, CP: tl.constexpr, R: tl.constexpr):
    """Gradient of the branch t; partial sums of the gradients of gain and shift, and of dt over positions."""
    c = tl.arange(0, CP)
    g = tl.load(gain + c, mask=c < C, other=0.0)
    sg = tl.zeros((R, CP), tl.float32)
    ss = tl.zeros((R, CP), tl.float32)
    st = tl.zeros((R, CP), tl.float32)
    for block in range(tl.program_id(0), tl.cdiv(rows, R), tl.num_programs(0)):
        r = block * R + tl.arange(0, R)
        m = (r < rows)[:, None] & (c < C)[None, :]
        at = r[:, None] * C + c[None, :]
        v = tl.load(t + at, mask=m, other=0.0).to(tl.float32)
        d = tl.load(dout + at, mask=m, other=0.0).to(tl.float32)
        v = tl.where(m, v - (tl.sum(v, 1) / C)[:, None], 0.0)
        inv = tl.rsqrt(tl.sum(v * v, 1) / C + 1e-5)
        v = v * inv[:, None]
        sg += d * v
        ss += d
        d = d * g[None, :]
        d = (d - (tl.sum(d, 1) / C)[:, None] - v * (tl.sum(d * v, 1) / C)[:, None]) * inv[:, None]
        d = tl.where(m, d, 0.0)
        st += d
        tl.store(dt + at, d.to(dt.dtype.element_ty), mask=m)
    to = part + tl.program_id(0) * 3 * C + c
    tl.store(to, tl.sum(sg, 0), mask=c < C)
    tl.store(to + C, tl.sum(ss, 0), mask=c < C)
    tl.store(to + 2 * C, tl.sum(st, 0), mask=c < C)


def norm_forward(t, x, gain, shift, skip=None):
    """x + LayerNorm(t) [+ skip]"""
    c = t.shape[-1]
    rows, cp, cfg = t.numel() // c, triton.next_power_of_2(c), CONFIG["norm_fwd"]
    r = max(1, cfg["block"] // cp)
    out = torch.empty_like(x)
    _norm_fwd[(triton.cdiv(rows, r),)](t, x, x if skip is None else skip, gain, shift, out, rows, c, cp, r, skip is not None,
                                       num_warps=cfg["warps"])
    return out


def norm_backward(t, dout, gain):
    """-> dt, dgain, dshift, column sums of dt."""
    c = t.shape[-1]
    rows, cp, cfg = t.numel() // c, triton.next_power_of_2(c), CONFIG["norm_bwd"]
    r = max(1, cfg["block"] // cp)
    n = min(triton.cdiv(rows, r), cfg["programs"])
    dt, part = torch.empty_like(t), gain.new_empty(n, 3, c)
    _norm_bwd[(n,)](t, dout, gain, dt, part, rows, c, cp, r, num_warps=cfg["warps"])
    return (dt, *part.sum(0).unbind(0))


# ---------------------------------------------------------------- t + depthwise3x3(t) of t = GELU(u)

@triton.jit
def _tanh(x):
    return tl.inline_asm_elementwise("tanh.approx.f32 $0, $1;", "=f,f", [x], dtype=tl.float32, is_pure=True, pack=1)


@triton.jit
def _gelu(x):
    h = 0.5 * x
    return h + h * _tanh(x * (0.7978845608 + 0.0356774081 * x * x))


@triton.jit
def _load(p, m):
    return tl.load(p, mask=m, other=0.0).to(tl.float32)


@triton.jit
def _three(p, left, here, right, C):
    return _load(p - C, left), _load(p, here), _load(p + C, right)


@triton.jit
def _dw_gelu_fwd(u, weight, bias, out, H, W, C, ROWS: tl.constexpr, BX: tl.constexpr, BC: tl.constexpr):
    """Each program walks down ROWS rows of BX columns and keeps two rows of partial sums: an input is read once per column tap."""
    nx = tl.cdiv(W, BX)
    ny = tl.cdiv(H, ROWS)
    pid = tl.program_id(0)
    x = pid % nx * BX + tl.arange(0, BX)
    y0 = pid // nx % ny * ROWS
    base = pid // (nx * ny) * H
    c = tl.program_id(1) * BC + tl.arange(0, BC)
    cm = (c < C)[None, :]
    w00 = _load(weight + c, c < C)[None, :]
    w01 = _load(weight + C + c, c < C)[None, :]
    w02 = _load(weight + 2 * C + c, c < C)[None, :]
    w10 = _load(weight + 3 * C + c, c < C)[None, :]
    w11 = _load(weight + 4 * C + c, c < C)[None, :] + 1.0
    w12 = _load(weight + 5 * C + c, c < C)[None, :]
    w20 = _load(weight + 6 * C + c, c < C)[None, :]
    w21 = _load(weight + 7 * C + c, c < C)[None, :]
    w22 = _load(weight + 8 * C + c, c < C)[None, :]
    b = _load(bias + c, c < C)[None, :]
    this = tl.zeros((BX, BC), tl.float32)
    below = tl.zeros((BX, BC), tl.float32)
    for y in range(y0 - 1, y0 + ROWS + 1):
        m = cm & ((y >= 0) & (y < H))
        at = ((base + y) * W + x)[:, None] * C + c[None, :]
        l = _gelu(_load(u + at - C, m & ((x > 0) & (x <= W))[:, None]))
        t = _gelu(_load(u + at, m & (x < W)[:, None]))
        r = _gelu(_load(u + at + C, m & (x + 1 < W)[:, None]))
        o = this + l * w20 + t * w21 + r * w22 + b
        tl.store(out + at - W * C, o.to(out.dtype.element_ty), mask=cm & (x < W)[:, None] & ((y > y0) & (y <= H)))
        this = below + l * w10 + t * w11 + r * w12
        below = l * w00 + t * w01 + r * w02


@triton.jit
def _dw_gelu_bwd(u, dout, weight, du, part, H, W, C, ROWS: tl.constexpr, BX: tl.constexpr, BC: tl.constexpr):
    """Gradient of u; partial sums of the gradients of the nine taps and the bias, and of du over positions."""
    nx = tl.cdiv(W, BX)
    ny = tl.cdiv(H, ROWS)
    pid = tl.program_id(0)
    x = pid % nx * BX + tl.arange(0, BX)
    y0 = pid // nx % ny * ROWS
    base = pid // (nx * ny) * H
    c = tl.program_id(1) * BC + tl.arange(0, BC)
    cm = (c < C)[None, :]
    w00 = _load(weight + c, c < C)[None, :]
    w01 = _load(weight + C + c, c < C)[None, :]
    w02 = _load(weight + 2 * C + c, c < C)[None, :]
    w10 = _load(weight + 3 * C + c, c < C)[None, :]
    w11 = _load(weight + 4 * C + c, c < C)[None, :] + 1.0
    w12 = _load(weight + 5 * C + c, c < C)[None, :]
    w20 = _load(weight + 6 * C + c, c < C)[None, :]
    w21 = _load(weight + 7 * C + c, c < C)[None, :]
    w22 = _load(weight + 8 * C + c, c < C)[None, :]
    g00 = tl.zeros((BX, BC), tl.float32)
    g01 = tl.zeros((BX, BC), tl.float32)
    g02 = tl.zeros((BX, BC), tl.float32)
    g10 = tl.zeros((BX, BC), tl.float32)
    g11 = tl.zeros((BX, BC), tl.float32)
    g12 = tl.zeros((BX, BC), tl.float32)
    g20 = tl.zeros((BX, BC), tl.float32)
    g21 = tl.zeros((BX, BC), tl.float32)
    g22 = tl.zeros((BX, BC), tl.float32)
    gb = tl.zeros((BX, BC), tl.float32)
    gu = tl.zeros((BX, BC), tl.float32)
    left = ((x > 0) & (x <= W))[:, None] & cm
    here = (x < W)[:, None] & cm
    right = (x + 1 < W)[:, None] & cm
    at = ((base + y0) * W + x)[:, None] * C + c[None, :]
    dl0, dc0, dr0 = _three(dout + at - W * C, left & (y0 > 0), here & (y0 > 0), right & (y0 > 0), C)
    dl1, dc1, dr1 = _three(dout + at, left, here, right, C)
    for y in range(y0, tl.minimum(y0 + ROWS, H)):
        at = ((base + y) * W + x)[:, None] * C + c[None, :]
        down = y + 1 < H
        dl2, dc2, dr2 = _three(dout + at + W * C, left & down, here & down, right & down, C)
        v = _load(u + at, here)
        z = 0.5 + 0.5 * _tanh(v * (0.7978845608 + 0.0356774081 * v * v))
        t = v * z
        # tap (i, j) carries input (y, x) to output (y - i + 1, x - j + 1)
        s = dr2 * w00 + dc2 * w01 + dl2 * w02 + dr1 * w10 + dc1 * w11 + dl1 * w12 + dr0 * w20 + dc0 * w21 + dl0 * w22
        g00 += dr2 * t
        g01 += dc2 * t
        g02 += dl2 * t
        g10 += dr1 * t
        g11 += dc1 * t
        g12 += dl1 * t
        g20 += dr0 * t
        g21 += dc0 * t
        g22 += dl0 * t
        gb += dc1
        s = tl.where(here, s * z * (1.0 + v * (1.0 - z) * (1.5957691216 + 0.2140644486 * v * v)), 0.0)
        gu += s
        tl.store(du + at, s.to(du.dtype.element_ty), mask=here)
        dl0, dc0, dr0 = dl1, dc1, dr1
        dl1, dc1, dr1 = dl2, dc2, dr2
    to = part + pid * 11 * C + c
    tl.store(to, tl.sum(g00, 0), mask=c < C)
    tl.store(to + C, tl.sum(g01, 0), mask=c < C)
    tl.store(to + 2 * C, tl.sum(g02, 0), mask=c < C)
    tl.store(to + 3 * C, tl.sum(g10, 0), mask=c < C)
    tl.store(to + 4 * C, tl.sum(g11, 0), mask=c < C)
    tl.store(to + 5 * C, tl.sum(g12, 0), mask=c < C)
    tl.store(to + 6 * C, tl.sum(g20, 0), mask=c < C)
    tl.store(to + 7 * C, tl.sum(g21, 0), mask=c < C)
    tl.store(to + 8 * C, tl.sum(g22, 0), mask=c < C)
    tl.store(to + 9 * C, tl.sum(gb, 0), mask=c < C)
    tl.store(to + 10 * C, tl.sum(gu, 0), mask=c < C)


def _taps(weight):
    """Depthwise weight C,1,k,k -> k*k,C."""
    return weight.reshape(weight.shape[0], -1).t().contiguous()


def dw_gelu_forward(u, weight, bias):
    b, h, w, c = u.shape
    cfg = CONFIG["dw_fwd"]
    rows, bx, bc = min(cfg["rows"], max(1, h // 2)), cfg["columns"], cfg["channels"]
    out = torch.empty_like(u)
    grid = (b * triton.cdiv(h, rows) * triton.cdiv(w, bx), triton.cdiv(c, bc))
    _dw_gelu_fwd[grid](u, _taps(weight), bias, out, h, w, c, rows, bx, bc, num_warps=cfg["warps"])
    return out


def dw_gelu_backward(u, dout, weight):
    """-> du, dweight, dbias, column sums of du."""
    b, h, w, c = u.shape
    cfg = CONFIG["dw_bwd"]
    rows, bx, bc = min(cfg["rows"], max(1, h // 2)), cfg["columns"], cfg["channels"]
    n = b * triton.cdiv(h, rows) * triton.cdiv(w, bx)
    du, part = torch.empty_like(u), torch.empty(n, 11, c, device=u.device)
    _dw_gelu_bwd[(n, triton.cdiv(c, bc))](u, dout, _taps(weight), du, part, h, w, c, rows, bx, bc,
                                              num_warps=cfg["warps"])
    part = part.sum(0)
    return du, part[:9].t().reshape(weight.shape), part[9], part[10]


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
        acc += _load(bias + c, c < C)[None, :]
    for k in tl.static_range(K * K):
        dy = k // K - K // 2
        dx = k % K - K // 2
        ok = (p < n) & (py + dy >= 0) & (py + dy < H) & (px + dx >= 0) & (px + dx < W)
        t = _load(x + (p + dy * W + dx)[:, None] * C + c[None, :], ok[:, None] & (c < C)[None, :])
        if FLIP:
            acc += t * _load(weight + (K * K - 1 - k) * C + c, c < C)[None, :]
        else:
            acc += t * _load(weight + k * C + c, c < C)[None, :]
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
        acc += _load(x + (p + dy * W + dx)[:, None] * C + c[None, :], m) * _load(dout + p[:, None] * C + c[None, :], m)
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
        _dw_fwd[(triton.cdiv(n, 32), triton.cdiv(c, 32))](x, _taps(weight), bias, out, n, h, w, c, weight.shape[-1], flip, 32, 32,
                                                          num_warps=4)
        return out

    @staticmethod
    def backward(ctx, dout):
        x, weight = ctx.saved_tensors
        dout = dout.contiguous()
        b, h, w, c = x.shape
        n, k = b * h * w, weight.shape[-1]
        part = weight.new_empty(16, k * k, c)
        _dw_wgrad[(k * k, triton.cdiv(c, 32), 16)](x, dout, part, n, h, w, c, k, 64, 32, num_warps=4)
        return (Depthwise.run(dout, weight, weight, True), part.sum(0).t().reshape(weight.shape),
                dout.reshape(-1, c).sum(0, dtype=torch.float32))


# ---------------------------------------------------------------- the SwinV2 block

def _wgrad(dy, x):
    """dy^T x, with the long sum over positions cut in pieces that fill the GPU."""
    n, parts = dy.shape[0], 128
    if n % (parts * 64) or n < parts * 1024:
        return (dy.t() @ x).float()
    return torch.bmm(dy.view(parts, n // parts, -1).transpose(1, 2), x.view(parts, n // parts, -1)).sum(0, dtype=torch.float32)


class SwinBlock(torch.autograd.Function):
    """x1 = x + LN(proj(attention(qkv(x)))); x1 + LN(fc2(t + dw(t))) [+ skip], t = GELU(fc1(x1)). Matrices in x's precision."""

    @staticmethod
    def forward(ctx, x, skip, shift, bias, scale, w_qkv, b_qkv, w_proj, b_proj, g1, s1, w_1, b_1, w_dw, b_dw, w_2, b_2, g2, s2):
        shape, c, dt = x.shape, x.shape[-1], x.dtype
        hidden = (*shape[:3], w_1.shape[0])
        w_qkv, w_proj, w_1, w_2 = (w.to(dt) for w in (w_qkv, w_proj, w_1, w_2))
        linear = lambda t, w, b: torch.addmm(b.to(dt), t.reshape(-1, t.shape[-1]), w.t())
        qkv = linear(x, w_qkv, b_qkv).view(*shape[:3], 3 * c)
        a = attention_forward(qkv, bias, scale, shift)
        p = linear(a, w_proj, b_proj).view(shape)
        x1 = norm_forward(p, x, g1, s1)
        u = linear(x1, w_1, b_1).view(hidden)
        h = dw_gelu_forward(u, w_dw, b_dw)
        f = linear(h, w_2, b_2).view(shape)
        ctx.save_for_backward(x, qkv, a, p, x1, u, h, f, bias, scale, w_qkv, w_proj, w_1, w_2, g1, g2, w_dw)
        ctx.shift, ctx.skip = shift, skip is not None
        return norm_forward(f, x1, g2, s2, skip)

    @staticmethod
    def backward(ctx, dout):
        x, qkv, a, p, x1, u, h, f, bias, scale, w_qkv, w_proj, w_1, w_2, g1, g2, w_dw = ctx.saved_tensors
        dout = dout.contiguous()
        flat = lambda t: t.reshape(-1, t.shape[-1])
        df, dg2, ds2, db_2 = norm_backward(f, dout, g2)
        dh = flat(df) @ w_2
        dw_2 = _wgrad(flat(df), flat(h))
        du, dw_dw, db_dw, db_1 = dw_gelu_backward(u, dh.view_as(u), w_dw)
        dx1 = torch.addmm(flat(dout), flat(du), w_1).view_as(x)
        dw_1 = _wgrad(flat(du), flat(x1))
        dp, dg1, ds1, db_proj = norm_backward(p, dx1, g1)
        da = flat(dp) @ w_proj
        dw_proj = _wgrad(flat(dp), flat(a))
        dqkv, dbias, dscale, db_qkv = attention_backward(qkv, bias, scale, ctx.shift, da.view_as(a))
        dx = flat(dx1).addmm_(flat(dqkv), w_qkv).view_as(x)
        dw_qkv = _wgrad(flat(dqkv), flat(x))
        return (dx, dout if ctx.skip else None, None, dbias, dscale, dw_qkv, db_qkv, dw_proj, db_proj, dg1, ds1,
                dw_1, db_1, dw_dw, db_dw, dw_2, db_2, dg2, ds2)


def swin_block(m, x, skip=None):
    """Fused form of SwinV2Block m, plus a skip connection."""
    att = m.attn
    with torch.autocast(x.device.type, enabled=False):
        bias = att.bias().contiguous()
        scale = att.logit_scale.clamp(max=math.log(100.0)).exp().view(-1)
    return SwinBlock.apply(x, skip, m.shift, bias, scale, att.qkv.weight, att.qkv.bias, att.proj.weight, att.proj.bias,
                           m.norm1.weight, m.norm1.bias, m.fc1.weight, m.fc1.bias, m.dw.conv.weight, m.dw.conv.bias,
                           m.fc2.weight, m.fc2.bias, m.norm2.weight, m.norm2.bias)


def rstb(m, x):
    x = x.to(torch.bfloat16).contiguous() if x.is_cuda else x.contiguous()
    t = x
    for i, block in enumerate(m.blocks):
        t = swin_block(block, t, x if i + 1 == len(m.blocks) else None)
    return t


# ---------------------------------------------------------------- convolutions in shapes of multiples of 16 channels

@triton.jit
def _column_sum(x, part, rows, C: tl.constexpr, CP: tl.constexpr, R: tl.constexpr):
    c = tl.arange(0, CP)
    acc = tl.zeros((R, CP), tl.float32)
    for block in range(tl.program_id(0), tl.cdiv(rows, R), tl.num_programs(0)):
        r = block * R + tl.arange(0, R)
        acc += _load(x + r[:, None] * C + c[None, :], (r < rows)[:, None] & (c < C)[None, :])
    tl.store(part + tl.program_id(0) * C + c, tl.sum(acc, 0), mask=c < C)


def column_sum(x):
    """Sum of all but the last dimension, in float32."""
    c = x.shape[-1]
    rows, cp = x.numel() // c, triton.next_power_of_2(c)
    r = max(1, 4096 // cp)
    n = min(triton.cdiv(rows, r), 528)
    part = torch.empty(n, c, device=x.device)
    _column_sum[(n,)](x, part, rows, c, cp, r, num_warps=4)
    return part.sum(0)


class Convolution(torch.autograd.Function):
    """Convolution of channels-last data whose bias gradient does not go through cuDNN or a strided reduction."""

    @staticmethod
    def forward(ctx, x, weight, bias, stride, padding):
        x, weight = x.permute(0, 3, 1, 2), weight.contiguous(memory_format=torch.channels_last)
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        return F.conv2d(x, weight, bias, stride, padding).permute(0, 2, 3, 1)

    @staticmethod
    def backward(ctx, dy):
        x, weight = ctx.saved_tensors
        dy = dy.contiguous()
        dx, dw, _ = torch.ops.aten.convolution_backward(
            dy.permute(0, 3, 1, 2), x, weight, None, [ctx.stride] * 2, [ctx.padding] * 2, [1, 1], False, [0, 0], 1,
            [ctx.needs_input_grad[0], True, False])
        return None if dx is None else dx.permute(0, 2, 3, 1), dw, column_sum(dy), None, None


def convolution(x, weight, bias, stride=1, padding=1):
    dt = torch.bfloat16 if x.is_cuda and torch.is_autocast_enabled() else x.dtype
    with torch.autocast(x.device.type, enabled=False):
        return Convolution.apply(x.to(dt).contiguous(), weight.to(dt), bias.to(dt), stride, padding)


class Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.save_for_backward(x, weight)
        return torch.addmm(bias, x.reshape(-1, x.shape[-1]), weight.t()).view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx, dy):
        x, weight = ctx.saved_tensors
        flat = dy.contiguous().view(-1, dy.shape[-1])
        return (flat @ weight).view_as(x), _wgrad(flat, x.reshape(-1, x.shape[-1])), column_sum(flat)


def linear(m, x):
    dt = torch.bfloat16 if x.is_cuda and torch.is_autocast_enabled() else x.dtype
    with torch.autocast(x.device.type, enabled=False):
        return Linear.apply(x.to(dt), m.weight.to(dt), m.bias.to(dt))


def conv(m, x):
    c = m.conv
    return convolution(x, c.weight, c.bias, c.stride[0], c.padding[0])


def _conv(x, weight, bias=None, padding=1):
    return F.conv2d(x.permute(0, 3, 1, 2), weight, bias, padding=padding).permute(0, 2, 3, 1)


def _round16(n):
    return -(-n // 16) * 16


def dense_block(m, x):
    """The convolution of a concatenation is a sum of convolutions: each feature is read once, by one that serves all later layers.

    Growth is padded with zero channels to a multiple of 16.
    """
    dim, n = x.shape[-1], len(m.convs)
    growth = m.convs[0].conv.out_channels
    wide = _round16(growth)
    rows = lambda w: F.pad(w, (0, 0) * (w.ndim - 1) + (0, wide - growth))
    # from source s (0: x, i: feature i) to convolutions s..n-1
    feature, sums = x, [0] * n
    out = F.linear(x, m.out.conv.weight[:, :dim, 0, 0], m.out.conv.bias)
    for s in range(n):
        lo, hi = (0, dim) if s == 0 else (dim + (s - 1) * growth, dim + s * growth)
        weight = torch.cat([rows(m.convs[i].conv.weight[:, lo:hi]) for i in range(s, n)])
        if s:
            weight = F.pad(weight, (0, 0, 0, 0, 0, wide - growth))
        y = _conv(feature, weight, torch.cat([rows(c.conv.bias) for c in m.convs]) if s == 0 else None)
        sums = [a if i < s else a + y[..., (i - s) * wide:(i - s + 1) * wide] for i, a in enumerate(sums)]
        feature = F.leaky_relu(sums[s], 0.1)
        lo = dim + s * growth
        out = out + F.linear(feature, F.pad(m.out.conv.weight[:, lo:lo + growth, 0, 0], (0, wide - growth)))
    return x + out


def down_rgb(m, x):
    """5x5 stride-2 convolution of RGB as a 3x3 one of 2x2 blocks of pixels, padded to 16 channels."""
    b, h, w, c = x.shape
    x = x.view(b, h // 2, 2, w // 2, 2, c).permute(0, 1, 3, 2, 4, 5).reshape(b, h // 2, w // 2, 4 * c)
    k = m.conv.weight
    k = F.pad(k, (0, 1, 0, 1)).view(-1, c, 3, 2, 3, 2).permute(0, 3, 5, 1, 2, 4).reshape(-1, 4 * c, 3, 3)
    pad = _round16(4 * c) - 4 * c
    return convolution(F.pad(x, (0, pad)), F.pad(k, (0, 0, 0, 0, 0, pad)), m.conv.bias)


def up_conv(m, x):
    """Sub-pixel convolution with the output channels in the order row, column, channel: depth-to-space moves whole pixels."""
    n, cin, kh, kw = m.conv.weight.shape
    c, pad = n // 4, _round16(n) - n
    k = m.conv.weight.view(c, 4, cin, kh, kw).transpose(0, 1).reshape(n, cin, kh, kw)
    bias = m.conv.bias.view(c, 4).t().reshape(n)
    y = convolution(x, F.pad(k, (0, 0) * 3 + (0, pad)), F.pad(bias, (0, pad)), 1, kh // 2)[..., :n]
    b, h, w, _ = y.shape
    return y.reshape(b, h, w, 2, 2, c).permute(0, 1, 3, 2, 4, 5).reshape(b, 2 * h, 2 * w, c)


def depthwise(m, x):
    return Depthwise.apply(x, m.conv.weight, m.conv.bias)


PARTS = ("rstb", "dense", "up", "down", "conv", "linear", "depthwise", "elementwise")


def accelerate(net, parts=PARTS, compile=True):
    """Bind the fused forms to the modules of a Codec; compile the elementwise rest."""
    wrap = (lambda f: torch.compile(f, dynamic=False)) if compile else (lambda f: f)
    bind = lambda mod, f: setattr(mod, "forward", types.MethodType(f, mod))
    inside = {id(m) for b in net.modules() if isinstance(b, M.SwinV2Block) for m in b.modules()}
    dense, affine, prior = wrap(dense_block), wrap(M.RateAffine.forward), wrap(M.FactorizedPrior.bits)
    for mod in net.modules():
        if isinstance(mod, M.RSTB) and "rstb" in parts:
            bind(mod, rstb)
        elif isinstance(mod, M.DenseBlock) and "dense" in parts:
            bind(mod, dense)
        elif isinstance(mod, M.UpConv) and "up" in parts:
            bind(mod, up_conv)
        elif isinstance(mod, M.RateAffine) and "elementwise" in parts:
            bind(mod, affine)
        elif isinstance(mod, M.Conv) and mod.conv.groups > 1 and id(mod) not in inside and "depthwise" in parts:
            bind(mod, depthwise)
        elif isinstance(mod, M.FactorizedPrior) and "elementwise" in parts:
            mod.bits = types.MethodType(prior, mod)
        elif isinstance(mod, M.Conv) and mod.conv.groups == 1 and mod.conv.kernel_size[0] > 1 and "conv" in parts:
            bind(mod, conv)
        elif isinstance(mod, torch.nn.Linear) and id(mod) not in inside and "linear" in parts:
            bind(mod, linear)
    if "down" in parts:
        bind(net.g_a.down1, down_rgb)
    if "elementwise" in parts:
        net.gauss_bits = wrap(M.gauss_bits)
    return net
