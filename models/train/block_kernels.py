"""Triton kernels of the SwinV2 block, for training on a GPU: attention in shifted windows, residual sum with LayerNorm,
GELU with the depthwise convolution. `fused.py` makes the block of them.

Every tensor is channels-last. Attention reads q, k and v straight from the image layout: the shift and the partition
into windows are address arithmetic, so a block makes no copy of its input. Bias gradients come from the kernels that
produce the summands.
"""
import torch
import triton
import triton.language as tl

import model as M

WINDOW = M.WINDOW
TOKENS = WINDOW * WINDOW

# Launch shapes; tune_fused.py measures others. programs: at most so many per launch, each loops; block: elements at
# a time; columns: in groups of four.
CONFIG = {
    "attention_fwd": dict(programs=4096, warps=4),
    "attention_bwd": dict(programs=528, warps=4),
    "norm_fwd": dict(block=1024, programs=1056, warps=4),
    "norm_bwd": dict(block=1024, programs=528, warps=4),
    "dw_fwd": dict(rows=32, columns=4, channels=64, warps=4),
    "dw_bwd": dict(rows=32, columns=2, channels=64, warps=4),
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
    """Gradients of q, k and v; of the bias and the scale; sums of dqkv over positions: one partial sum per program."""
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
    _attention_fwd[(n, heads)](qkv, bias, scale, out, shift, windows, h, w, c, c // heads, WINDOW,
                               num_warps=cfg["warps"])
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
    _attention_bwd[(n, heads)](qkv, bias, scale, dout, dqkv, dbias, dscale, dsum, shift, windows, h, w, c, c // heads,
                               WINDOW, num_warps=cfg["warps"])
    return dqkv, dbias.sum(0), dscale.sum(0), dsum.sum(0)


# ---------------------------------------------------------------- residual sum with LayerNorm of the branch

@triton.jit
def _norm_fwd(t, x, skip, gain, shift, out, rows, C: tl.constexpr, CP: tl.constexpr, R: tl.constexpr,
              SKIP: tl.constexpr):
    """`rows` of each picture, or of all together if they share gain and shift."""
    picture = tl.program_id(1)
    c = tl.arange(0, CP)
    g = tl.load(gain + picture * C + c, mask=c < C, other=0.0)
    s = tl.load(shift + picture * C + c, mask=c < C, other=0.0)
    for block in range(tl.program_id(0), tl.cdiv(rows, R), tl.num_programs(0)):
        r = block * R + tl.arange(0, R)
        m = (r < rows)[:, None] & (c < C)[None, :]
        at = (picture * rows + r)[:, None] * C + c[None, :]
        v = tl.load(t + at, mask=m, other=0.0).to(tl.float32)
        o = tl.load(x + at, mask=m, other=0.0).to(tl.float32)
        if SKIP:
            o += tl.load(skip + at, mask=m, other=0.0).to(tl.float32)
        v = tl.where(m, v - (tl.sum(v, 1) / C)[:, None], 0.0)
        inv = tl.rsqrt(tl.sum(v * v, 1) / C + 1e-5)
        o += v * inv[:, None] * g[None, :] + s[None, :]
        tl.store(out + at, o.to(out.dtype.element_ty), mask=m)


@triton.jit
def _norm_bwd(t, dout, gain, dt, part, rows, C: tl.constexpr, CP: tl.constexpr, R: tl.constexpr):
    """Gradient of the branch t; partial sums of the gradients of gain and shift, and of dt over positions."""
    picture = tl.program_id(1)
    c = tl.arange(0, CP)
    g = tl.load(gain + picture * C + c, mask=c < C, other=0.0)
    sg = tl.zeros((R, CP), tl.float32)
    ss = tl.zeros((R, CP), tl.float32)
    st = tl.zeros((R, CP), tl.float32)
    for block in range(tl.program_id(0), tl.cdiv(rows, R), tl.num_programs(0)):
        r = block * R + tl.arange(0, R)
        m = (r < rows)[:, None] & (c < C)[None, :]
        at = (picture * rows + r)[:, None] * C + c[None, :]
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
    to = part + (picture * tl.num_programs(0) + tl.program_id(0)) * 3 * C + c
    tl.store(to, tl.sum(sg, 0), mask=c < C)
    tl.store(to + C, tl.sum(ss, 0), mask=c < C)
    tl.store(to + 2 * C, tl.sum(st, 0), mask=c < C)


def _norm_launch(t, gain, cfg):
    """-> rows of a picture, channels, the power of two above, rows of a block, grid"""
    pictures, c = gain.shape
    rows, cp = t.numel() // (c * pictures), triton.next_power_of_2(c)
    r = max(1, cfg["block"] // cp)
    return rows, c, cp, r, (min(triton.cdiv(rows, r), max(1, cfg["programs"] // pictures)), pictures)


def norm_forward(t, x, gain, shift, skip=None):
    """x + LayerNorm(t) [+ skip]; gain and shift: one row for all pictures, or one for each."""
    cfg = CONFIG["norm_fwd"]
    rows, c, cp, r, grid = _norm_launch(t, gain, cfg)
    out = torch.empty_like(x)
    _norm_fwd[grid](t, x, x if skip is None else skip, gain, shift, out, rows, c, cp, r, skip is not None,
                    num_warps=cfg["warps"])
    return out


def norm_backward(t, dout, gain):
    """-> dt, dgain, dshift, column sums of dt."""
    cfg = CONFIG["norm_bwd"]
    rows, c, cp, r, grid = _norm_launch(t, gain, cfg)
    dt, part = torch.empty_like(t), gain.new_empty(grid[1], grid[0], 3, c)
    _norm_bwd[grid](t, dout, gain, dt, part, rows, c, cp, r, num_warps=cfg["warps"])
    dgain, dshift, sums = part.sum(1).unbind(1)
    return dt, dgain, dshift, sums.sum(0)


# ---------------------------------------------------------------- t + depthwise3x3(t) of t = GELU(u)

@triton.jit
def _tanh(x):
    return tl.inline_asm_elementwise("tanh.approx.f32 $0, $1;", "=f,f", [x], dtype=tl.float32, is_pure=True, pack=1)


@triton.jit
def _gelu(x):
    h = 0.5 * x
    return h + h * _tanh(x * (0.7978845608 + 0.0356774081 * x * x))


@triton.jit
def load_float(p, m):
    return tl.load(p, mask=m, other=0.0).to(tl.float32)


@triton.jit
def _six(p, left, here, right, C: tl.constexpr):
    """Columns x - 1 to x + 4 of a row. W is a multiple of the window, so x to x + 3 are inside together."""
    return (load_float(p - C, left), load_float(p, here), load_float(p + C, here), load_float(p + 2 * C, here),
            load_float(p + 3 * C, here), load_float(p + 4 * C, right))


@triton.jit
def _place(H, W: tl.constexpr, ROWS: tl.constexpr, BX: tl.constexpr):
    """First columns of this program's groups of four, its first row, and the first row of its picture."""
    nx: tl.constexpr = (W + 4 * BX - 1) // (4 * BX)
    ny = tl.cdiv(H, ROWS)
    pid = tl.program_id(0)
    x = (pid % nx * BX + tl.arange(0, BX)) * 4
    return x, pid // nx % ny * ROWS, pid // (nx * ny) * H


@triton.jit
def _nine(weight, c, m, C: tl.constexpr):
    """The taps, one added to the middle for the sum t + dw(t)."""
    return (load_float(weight + c, m), load_float(weight + C + c, m), load_float(weight + 2 * C + c, m),
            load_float(weight + 3 * C + c, m), load_float(weight + 4 * C + c, m) + 1.0,
            load_float(weight + 5 * C + c, m), load_float(weight + 6 * C + c, m), load_float(weight + 7 * C + c, m),
            load_float(weight + 8 * C + c, m))


@triton.jit
def _dw_gelu_fwd(u, weight, bias, out, H, W: tl.constexpr, C: tl.constexpr, ROWS: tl.constexpr, BX: tl.constexpr,
                 BC: tl.constexpr):
    """Each program walks down ROWS rows of BX groups of four columns and keeps two rows of partial sums: of six inputs,
    each read and put through GELU once, it makes four outputs."""
    x, y0, base = _place(H, W, ROWS, BX)
    c = (tl.program_id(1) * BC + tl.arange(0, BC))[None, :]
    w00, w01, w02, w10, w11, w12, w20, w21, w22 = _nine(weight, c, c < C, C)
    b = load_float(bias + c, c < C)
    here = (c < C) & (x < W)[:, None]
    left = here & (x > 0)[:, None]
    right = here & (x + 4 < W)[:, None]
    zero = tl.zeros((BX, BC), tl.float32)
    t0, t1, t2, t3 = zero, zero, zero, zero     # this row's sums so far
    n0, n1, n2, n3 = zero, zero, zero, zero     # the next row's
    for y in range(y0 - 1, y0 + ROWS + 1):
        m = (y >= 0) & (y < H)
        at = ((base + y) * W + x)[:, None] * C + c
        l, i0, i1, i2, i3, r = _six(u + at, left & m, here & m, right & m, C)
        l, i0, i1, i2, i3, r = _gelu(l), _gelu(i0), _gelu(i1), _gelu(i2), _gelu(i3), _gelu(r)
        done = here & ((y > y0) & (y <= H))
        to = out + at - W * C
        tl.store(to, (t0 + l * w20 + i0 * w21 + i1 * w22 + b).to(out.dtype.element_ty), mask=done)
        tl.store(to + C, (t1 + i0 * w20 + i1 * w21 + i2 * w22 + b).to(out.dtype.element_ty), mask=done)
        tl.store(to + 2 * C, (t2 + i1 * w20 + i2 * w21 + i3 * w22 + b).to(out.dtype.element_ty), mask=done)
        tl.store(to + 3 * C, (t3 + i2 * w20 + i3 * w21 + r * w22 + b).to(out.dtype.element_ty), mask=done)
        t0 = n0 + l * w10 + i0 * w11 + i1 * w12
        t1 = n1 + i0 * w10 + i1 * w11 + i2 * w12
        t2 = n2 + i1 * w10 + i2 * w11 + i3 * w12
        t3 = n3 + i2 * w10 + i3 * w11 + r * w12
        n0 = l * w00 + i0 * w01 + i1 * w02
        n1 = i0 * w00 + i1 * w01 + i2 * w02
        n2 = i1 * w00 + i2 * w01 + i3 * w02
        n3 = i2 * w00 + i3 * w01 + r * w02


@triton.jit
def _gelu_back(v, s, here):
    """-> GELU(v), and s times its derivative there"""
    z = 0.5 + 0.5 * _tanh(v * (0.7978845608 + 0.0356774081 * v * v))
    return v * z, tl.where(here, s * z * (1.0 + v * (1.0 - z) * (1.5957691216 + 0.2140644486 * v * v)), 0.0)


@triton.jit
def _dw_gelu_bwd(u, dout, weight, du, part, H, W: tl.constexpr, C: tl.constexpr, ROWS: tl.constexpr, BX: tl.constexpr,
                 BC: tl.constexpr):
    """Gradient of u; partial sums of the gradients of the nine taps and the bias, and of du over positions."""
    x, y0, base = _place(H, W, ROWS, BX)
    c = (tl.program_id(1) * BC + tl.arange(0, BC))[None, :]
    w00, w01, w02, w10, w11, w12, w20, w21, w22 = _nine(weight, c, c < C, C)
    zero = tl.zeros((BX, BC), tl.float32)
    g00, g01, g02, g10, g11, g12, g20, g21, g22 = zero, zero, zero, zero, zero, zero, zero, zero, zero
    gb, gu = zero, zero
    here = (c < C) & (x < W)[:, None]
    left = here & (x > 0)[:, None]
    right = here & (x + 4 < W)[:, None]
    at = ((base + y0) * W + x)[:, None] * C + c
    up = y0 > 0
    # gradients of three rows of outputs: p above, q beside and r below the row of inputs
    pl, p0, p1, p2, p3, pr = _six(dout + at - W * C, left & up, here & up, right & up, C)
    ql, q0, q1, q2, q3, qr = _six(dout + at, left, here, right, C)
    for y in range(y0, tl.minimum(y0 + ROWS, H)):
        at = ((base + y) * W + x)[:, None] * C + c
        down = y + 1 < H
        rl, r0, r1, r2, r3, rr = _six(dout + at + W * C, left & down, here & down, right & down, C)
        # tap (i, j) carries input (y, x) to output (y - i + 1, x - j + 1)
        s0 = r1 * w00 + r0 * w01 + rl * w02 + q1 * w10 + q0 * w11 + ql * w12 + p1 * w20 + p0 * w21 + pl * w22
        s1 = r2 * w00 + r1 * w01 + r0 * w02 + q2 * w10 + q1 * w11 + q0 * w12 + p2 * w20 + p1 * w21 + p0 * w22
        s2 = r3 * w00 + r2 * w01 + r1 * w02 + q3 * w10 + q2 * w11 + q1 * w12 + p3 * w20 + p2 * w21 + p1 * w22
        s3 = rr * w00 + r3 * w01 + r2 * w02 + qr * w10 + q3 * w11 + q2 * w12 + pr * w20 + p3 * w21 + p2 * w22
        t0, s0 = _gelu_back(load_float(u + at, here), s0, here)
        t1, s1 = _gelu_back(load_float(u + at + C, here), s1, here)
        t2, s2 = _gelu_back(load_float(u + at + 2 * C, here), s2, here)
        t3, s3 = _gelu_back(load_float(u + at + 3 * C, here), s3, here)
        tl.store(du + at, s0.to(du.dtype.element_ty), mask=here)
        tl.store(du + at + C, s1.to(du.dtype.element_ty), mask=here)
        tl.store(du + at + 2 * C, s2.to(du.dtype.element_ty), mask=here)
        tl.store(du + at + 3 * C, s3.to(du.dtype.element_ty), mask=here)
        gu += s0 + s1 + s2 + s3
        gb += q0 + q1 + q2 + q3
        g00 += r1 * t0 + r2 * t1 + r3 * t2 + rr * t3
        g01 += r0 * t0 + r1 * t1 + r2 * t2 + r3 * t3
        g02 += rl * t0 + r0 * t1 + r1 * t2 + r2 * t3
        g10 += q1 * t0 + q2 * t1 + q3 * t2 + qr * t3
        g11 += q0 * t0 + q1 * t1 + q2 * t2 + q3 * t3
        g12 += ql * t0 + q0 * t1 + q1 * t2 + q2 * t3
        g20 += p1 * t0 + p2 * t1 + p3 * t2 + pr * t3
        g21 += p0 * t0 + p1 * t1 + p2 * t2 + p3 * t3
        g22 += pl * t0 + p0 * t1 + p1 * t2 + p2 * t3
        pl, p0, p1, p2, p3, pr = ql, q0, q1, q2, q3, qr
        ql, q0, q1, q2, q3, qr = rl, r0, r1, r2, r3, rr
    c = tl.program_id(1) * BC + tl.arange(0, BC)
    to = part + tl.program_id(0) * 11 * C + c
    m = c < C
    tl.store(to, tl.sum(g00, 0), mask=m)
    tl.store(to + C, tl.sum(g01, 0), mask=m)
    tl.store(to + 2 * C, tl.sum(g02, 0), mask=m)
    tl.store(to + 3 * C, tl.sum(g10, 0), mask=m)
    tl.store(to + 4 * C, tl.sum(g11, 0), mask=m)
    tl.store(to + 5 * C, tl.sum(g12, 0), mask=m)
    tl.store(to + 6 * C, tl.sum(g20, 0), mask=m)
    tl.store(to + 7 * C, tl.sum(g21, 0), mask=m)
    tl.store(to + 8 * C, tl.sum(g22, 0), mask=m)
    tl.store(to + 9 * C, tl.sum(gb, 0), mask=m)
    tl.store(to + 10 * C, tl.sum(gu, 0), mask=m)


def taps(weight):
    """Depthwise weight C,1,k,k -> k*k,C."""
    return weight.reshape(weight.shape[0], -1).t().contiguous()


def dw_gelu_forward(u, weight, bias):
    b, h, w, c = u.shape
    cfg = CONFIG["dw_fwd"]
    rows, bx, bc = min(cfg["rows"], max(1, h // 2)), cfg["columns"], cfg["channels"]
    out = torch.empty_like(u)
    grid = (b * triton.cdiv(h, rows) * triton.cdiv(w, 4 * bx), triton.cdiv(c, bc))
    _dw_gelu_fwd[grid](u, taps(weight), bias, out, h, w, c, rows, bx, bc, num_warps=cfg["warps"])
    return out


def dw_gelu_backward(u, dout, weight):
    """-> du, dweight, dbias, column sums of du."""
    b, h, w, c = u.shape
    cfg = CONFIG["dw_bwd"]
    rows, bx, bc = min(cfg["rows"], max(1, h // 2)), cfg["columns"], cfg["channels"]
    n = b * triton.cdiv(h, rows) * triton.cdiv(w, 4 * bx)
    du, part = torch.empty_like(u), torch.empty(n, 11, c, device=u.device)
    _dw_gelu_bwd[(n, triton.cdiv(c, bc))](u, dout, taps(weight), du, part, h, w, c, rows, bx, bc,
                                              num_warps=cfg["warps"])
    part = part.sum(0)
    return du, part[:9].t().reshape(weight.shape), part[9], part[10]
