"""g_a and g_s: SwinV2 transforms between pictures and latents. Tensors are channels-last: B,H,W,C."""
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

from integers import Conv2d, Linear

WINDOW = 8


class Conv(nn.Module):
    """k x k convolution on channels-last data."""
    def __init__(self, cin, cout, k=3, stride=1, groups=1):
        super().__init__()
        self.conv = Conv2d(cin, cout, k, stride, k // 2, groups=groups)

    def forward(self, x):
        return self.conv(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


class UpConv(nn.Module):
    """Sub-pixel x2 upsampling: conv to 4*cout, then depth-to-space."""
    def __init__(self, cin, cout, k=3):
        super().__init__()
        self.conv = Conv2d(cin, 4 * cout, k, 1, k // 2)

    def forward(self, x):
        return F.pixel_shuffle(self.conv(x.permute(0, 3, 1, 2)), 2).permute(0, 2, 3, 1)


class WindowAttention(nn.Module):
    """SwinV2: scaled cosine attention with log-spaced continuous position bias."""
    def __init__(self, dim, heads, window=WINDOW):
        super().__init__()
        self.heads, self.window = heads, window
        self.qkv = Linear(dim, 3 * dim)
        self.proj = Linear(dim, dim)
        self.logit_scale = nn.Parameter(torch.full((heads, 1, 1), math.log(10.0)))
        self.cpb = nn.Sequential(nn.Linear(2, 128), nn.ReLU(), nn.Linear(128, heads, bias=False))
        w = window
        r = torch.arange(-(w - 1), w, dtype=torch.float32)
        table = torch.stack(torch.meshgrid(r, r, indexing="ij"), -1) * 8 / (w - 1)
        table = torch.sign(table) * torch.log2(table.abs() + 1) / 3.0
        self.register_buffer("table", table.reshape(-1, 2), persistent=False)
        c = torch.stack(torch.meshgrid(torch.arange(w), torch.arange(w), indexing="ij")).flatten(1)
        d = c[:, :, None] - c[:, None, :] + w - 1
        self.register_buffer("index", (d[0] * (2 * w - 1) + d[1]).reshape(-1), persistent=False)

    def bias(self):
        n = self.window ** 2
        b = 16 * torch.sigmoid(self.cpb(self.table))
        return b.index_select(0, self.index).view(n, n, self.heads).permute(2, 0, 1)

    def forward(self, x, mask):
        b, n, c = x.shape
        qkv = self.qkv(x).view(b, n, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        q, k, v = qkv[0], qkv[1], qkv[2]
        scale = self.logit_scale.clamp(max=math.log(100.0)).exp()
        q = F.normalize(q.float(), dim=-1, eps=1e-6) * scale
        k = F.normalize(k.float(), dim=-1, eps=1e-6)
        bias = self.bias()[None].to(v.dtype)
        a = q.to(v.dtype) @ k.to(v.dtype).transpose(-1, -2)
        if mask is not None:
            nw = mask.shape[0]
            bias = bias[None] + mask[None, :, None].to(v.dtype)
            a = (a.view(b // nw, nw, self.heads, n, n) + bias).view(b, self.heads, n, n)
        else:
            a = a + bias
        a = a.softmax(-1, dtype=torch.float32).to(v.dtype)
        return self.proj((a @ v).transpose(1, 2).reshape(b, n, c))


def windows(x, w):
    b, h, wd, c = x.shape
    x = x.view(b, h // w, w, wd // w, w, c).permute(0, 1, 3, 2, 4, 5)
    return x.reshape(-1, w * w, c)


def unwindows(t, w, b, h, wd):
    c = t.shape[-1]
    return t.view(b, h // w, wd // w, w, w, c).permute(0, 1, 3, 2, 4, 5).reshape(b, h, wd, c)


_masks = {}


def shift_mask(h, wd, w, device):
    key = (h, wd, w, device)
    if key not in _masks:
        s = w // 2
        m = torch.zeros(1, h, wd, 1, device=device)
        n = 0
        for a in (slice(0, -w), slice(-w, -s), slice(-s, None)):
            for b in (slice(0, -w), slice(-w, -s), slice(-s, None)):
                m[:, a, b] = n
                n += 1
        m = windows(m, w).squeeze(-1)
        _masks[key] = (m[:, None] - m[:, :, None]).ne(0).float() * -100.0
    return _masks[key]


def by_level(rate, x, mix):
    return x if rate is None else rate(x, mix)


class SwinV2Block(nn.Module):
    """Residual post-norm block: x + LN(attn(x)), then x + LN(mlp(x)). levels: how many rate levels have gains and
    shifts of their own in the norms; 0: they are the same for all."""
    def __init__(self, dim, heads, shift, ratio=2, dw=True, window=WINDOW, levels=0):
        super().__init__()
        self.shift, self.window = (window // 2 if shift else 0), window
        self.attn = WindowAttention(dim, heads, window)
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.fc1, self.fc2 = Linear(dim, ratio * dim), Linear(ratio * dim, dim)
        self.dw = Conv(ratio * dim, ratio * dim, 3, groups=ratio * dim) if dw else None
        self.rate1, self.rate2 = (RateAffine(levels, dim) if levels else None for _ in range(2))

    def forward(self, x, mask, mix=None):
        b, h, wd, c = x.shape
        t = torch.roll(x, (-self.shift, -self.shift), (1, 2)) if self.shift else x
        t = unwindows(self.attn(windows(t, self.window), mask if self.shift else None), self.window, b, h, wd)
        if self.shift:
            t = torch.roll(t, (self.shift, self.shift), (1, 2))
        x = x + by_level(self.rate1, self.norm1(t), mix)
        t = F.gelu(self.fc1(x), approximate="tanh")
        if self.dw is not None:
            t = t + self.dw(t)
        return x + by_level(self.rate2, self.norm2(self.fc2(t)), mix)


class RSTB(nn.Module):
    """Residual SwinV2 transformer stage: alternate plain and shifted windows, skip around all."""
    def __init__(self, dim, depth, head_dim=32, ratio=2, dw=True, levels=0):
        super().__init__()
        self.blocks = nn.ModuleList(SwinV2Block(dim, dim // head_dim, i % 2 == 1, ratio, dw, levels=levels)
                                    for i in range(depth))

    def forward(self, x, mix=None):
        mask = shift_mask(x.shape[1], x.shape[2], WINDOW, x.device)
        t = x
        for blk in self.blocks:
            t = blk(t, mask, mix)
        return x + t


class DenseBlock(nn.Module):
    """Feature enhancement: densely connected 3x3 convs, residual."""
    def __init__(self, dim, growth, n=3):
        super().__init__()
        self.convs = nn.ModuleList(Conv(dim + i * growth, growth) for i in range(n))
        self.out = Conv(dim + n * growth, dim, 1)

    def forward(self, x):
        f = x
        for c in self.convs:
            f = torch.cat([f, F.leaky_relu(c(f), 0.1)], -1)
        return x + self.out(f)


class RateAffine(nn.Module):
    """Per-channel scale and shift chosen by the rate level, interpolated between levels."""
    def __init__(self, levels, dim):
        super().__init__()
        self.w = nn.Parameter(torch.zeros(levels, 2, dim))

    def forward(self, x, mix):
        wb = torch.einsum("bl,lkc->bkc", mix, self.w)[:, :, None, None, :]
        return x * (1 + wb[:, 0]).to(x.dtype) + wb[:, 1].to(x.dtype)


def of_stages(ratio):
    """The MLP ratio of each of the three stages, from one number for all or a number for each."""
    return tuple(ratio) if isinstance(ratio, (list, tuple)) else (ratio,) * 3


class Analysis(nn.Module):
    def __init__(self, ch, depth, m, growth, head_dim=32, ratio=2, dw=True, levels=8, rated=False):
        super().__init__()
        c1, c2, c3 = ch
        r1, r2, r3 = of_stages(ratio)
        self.rate = nn.ModuleList(RateAffine(levels, c) for c in ch)
        self.down1 = Conv(3, c1, 5, 2)
        self.enh = DenseBlock(c1, growth)
        self.st1 = RSTB(c1, depth[0], head_dim, r1, dw, levels if rated else 0)
        self.down2 = Conv(c1, c2, 3, 2)
        self.st2 = RSTB(c2, depth[1], head_dim, r2, dw, levels if rated else 0)
        self.down3 = Conv(c2, c3, 3, 2)
        self.st3 = RSTB(c3, depth[2], head_dim, r3, dw, levels if rated else 0)
        self.down4 = Conv(c3, m, 3, 2)

    def forward(self, x, mix):
        x = self.st1(self.enh(self.rate[0](self.down1(x), mix)), mix)
        x = self.st2(self.rate[1](self.down2(x), mix), mix)
        x = self.st3(self.rate[2](self.down3(x), mix), mix)
        with torch.autocast("cuda", enabled=False):
            return self.down4(x.float())


class Synthesis(nn.Module):
    def __init__(self, ch, depth, m, growth, head_dim=32, ratio=2, dw=True, levels=8, rated=False):
        super().__init__()
        c1, c2, c3 = ch
        r1, r2, r3 = of_stages(ratio)
        self.rate = nn.ModuleList(RateAffine(levels, c) for c in ch)
        self.up1 = UpConv(m, c3)
        self.st3 = RSTB(c3, depth[2], head_dim, r3, dw, levels if rated else 0)
        self.up2 = UpConv(c3, c2)
        self.st2 = RSTB(c2, depth[1], head_dim, r2, dw, levels if rated else 0)
        self.up3 = UpConv(c2, c1)
        self.st1 = RSTB(c1, depth[0], head_dim, r1, dw, levels if rated else 0)
        self.enh = DenseBlock(c1, growth)
        self.up4 = UpConv(c1, 3)

    def forward(self, y, mix):
        x = self.st3(self.rate[2](self.up1(y), mix), mix)
        x = self.st2(self.rate[1](self.up2(x), mix), mix)
        x = self.enh(self.st1(self.rate[0](self.up3(x), mix), mix))
        return self.up4(x)
