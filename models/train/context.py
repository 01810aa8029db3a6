"""The networks of the entropy model: h_a, h_s and ACGC. Tensors are channels-last: B,H,W,C."""
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

from integers import Linear
from transforms import Conv, UpConv


def attention(q, k, v):
    """softmax(q k^T / sqrt d) v, written out. With screens, PyTorch's fused kernels gave gradients of the queries that
    were not finite in a twentieth to a fifth of the steps, although those of the output were (LOG.md, run 18)."""
    logits = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
    return logits.softmax(-1, dtype=torch.float32).to(v.dtype) @ v


class OpenSides:
    """Sides of the arrays of a batch beyond which the picture goes on, in another tile: B,4 flags, left, top, right,
    bottom.

    There the convolutions of the entropy path see the position mirrored about the last row or column instead of zeros
    (codec/FORMAT.md, section 3). The flags are numbers on the device, so that a captured step serves every combination.
    """
    _places = {}

    def __init__(self, flags):
        self.flags, self.weights = flags.float(), {}

    @staticmethod
    def places(h, w, pad, device):
        """Flat positions in h,w of all positions of the padded array."""
        key = (h, w, pad, device)
        if key not in OpenSides._places:
            i, j = (torch.arange(-pad, n + pad) for n in (h, w))
            i, j = (torch.where(k < 0, (-k).clamp_max(n - 1), torch.where(k >= n, (2 * (n - 1) - k).clamp_min(0), k))
                    for k, n in ((i, h), (j, w)))
            OpenSides._places[key] = (i[:, None] * w + j).reshape(-1).to(device)
        return OpenSides._places[key]

    def around(self, x, pad):
        """x with `pad` more rows and columns on every side: mirrored where it is open, else zero."""
        b, h, w, c = x.shape
        if (h, w, pad) not in self.weights:
            left, top, right, bottom = self.flags[:, :, None].expand(-1, -1, pad).unbind(1)
            rows = torch.cat([top, self.flags.new_ones(b, h), bottom], 1)
            columns = torch.cat([left, self.flags.new_ones(b, w), right], 1)
            self.weights[h, w, pad] = (rows[:, :, None] * columns[:, None])[..., None]
        t = x.reshape(b, h * w, c).index_select(1, self.places(h, w, pad, x.device))
        return t.view(b, h + 2 * pad, w + 2 * pad, c) * self.weights[h, w, pad].to(x.dtype)


def mirrored(layer, x, sides):
    """A convolution (Conv or UpConv, in any of their forms) of an array with open sides, or of a whole picture for
    None."""
    if sides is None:
        return layer(x)
    (h, w), conv = x.shape[1:3], layer.conv
    stride = conv.stride[0]
    assert h % stride == 0 and w % stride == 0
    pad = -(-(conv.kernel_size[0] // 2) // stride) * stride
    y = layer(sides.around(x, pad))
    rows, columns = y.shape[1] * h // (h + 2 * pad), y.shape[2] * w // (w + 2 * pad)
    edge = (y.shape[1] - rows) // 2
    return y[:, edge:edge + rows, edge:edge + columns].contiguous()


class HyperAnalysis(nn.Module):
    def __init__(self, m, n):
        super().__init__()
        self.c = nn.ModuleList([Conv(m, n, 3), Conv(n, n, 3, 2), Conv(n, n, 3, 2)])

    def forward(self, y, sides=None):
        x = F.leaky_relu(mirrored(self.c[0], y, sides), 0.1)
        x = F.leaky_relu(mirrored(self.c[1], x, sides), 0.1)
        return mirrored(self.c[2], x, sides)


class HyperSynthesis(nn.Module):
    def __init__(self, n, out):
        super().__init__()
        self.c = nn.ModuleList([UpConv(n, n), UpConv(n, n), Conv(n, out, 3)])

    def forward(self, z, sides=None):
        x = F.leaky_relu(mirrored(self.c[0], z, sides), 0.1)
        x = F.leaky_relu(mirrored(self.c[1], x, sides), 0.1)
        return mirrored(self.c[2], x, sides)


class ChannelMap(nn.Module):
    """C_Map: squeeze-and-excite gate."""
    def __init__(self, dim):
        super().__init__()
        self.a, self.b = Linear(dim, max(dim // 4, 8)), Linear(max(dim // 4, 8), dim)

    def forward(self, x):
        t = x.mean((1, 2), keepdim=True)
        return torch.sigmoid(self.b(F.leaky_relu(self.a(t), 0.1)))


class SpatialMap(nn.Module):
    """S_Map: one gate per position."""
    def __init__(self, dim):
        super().__init__()
        self.a, self.b = Linear(dim, max(dim // 4, 8)), Linear(max(dim // 4, 8), 1)

    def forward(self, x):
        return torch.sigmoid(self.b(F.leaky_relu(self.a(x), 0.1)))


class AdaptiveChannel(nn.Module):
    """AC: channel-attention branch and depthwise branch, each gated by the other."""
    def __init__(self, cin, dim):
        super().__init__()
        self.inp = Linear(cin, dim)
        self.c1, self.c2 = Conv(dim, dim), Conv(dim, dim)
        self.dw = Conv(dim, dim, 3, groups=dim)
        self.smap, self.cmap = SpatialMap(dim), ChannelMap(dim)

    def forward(self, ctx, sides=None):
        x = self.inp(ctx)
        a = F.gelu(mirrored(self.c1, x, sides), approximate="tanh")
        a = F.gelu(mirrored(self.c2, a, sides), approximate="tanh")
        d = mirrored(self.dw, x, sides)
        return a * self.smap(d) + d * self.cmap(a)


class AdaptiveGlobal(nn.Module):
    """AG: deformable attention over earlier slices; a fixed G x G grid of reference points."""
    def __init__(self, cin, dim, qdim, heads, grid=8):
        super().__init__()
        self.heads, self.grid = heads, grid
        self.inp = Linear(cin, dim)
        self.q = Linear(qdim, dim)
        self.kv = Linear(dim, 2 * dim)
        self.off_dw = Conv(dim, dim, 5, groups=dim)
        self.off = Linear(dim, 2 * heads)
        self.out = Linear(dim, dim)
        self.conv = Conv(dim, dim, 5, groups=dim)
        self.dw = Conv(dim, dim, 3, groups=dim)
        self.smap, self.cmap = SpatialMap(dim), ChannelMap(dim)
        nn.init.zeros_(self.off.weight)
        nn.init.zeros_(self.off.bias)
        g = (torch.arange(grid, dtype=torch.float32) + 0.5) / grid * 2 - 1
        self.register_buffer("ref", torch.stack(torch.meshgrid(g, g, indexing="ij"), -1).flip(-1), persistent=False)

    def forward(self, ctx, cond, sides=None):
        b, h, w, _ = ctx.shape
        x = self.inp(ctx)
        c, g, nh = x.shape[-1], self.grid, self.heads
        xc = x.permute(0, 3, 1, 2)
        pooled = F.adaptive_avg_pool2d(F.gelu(mirrored(self.off_dw, x, sides), approximate="tanh").permute(0, 3, 1, 2),
                                       g)
        off = torch.tanh(self.off(pooled.permute(0, 2, 3, 1)).float()) * (2.0 / g)
        pts = self.ref[None, :, :, None, :] + off.view(b, g, g, nh, 2)
        pts = pts.permute(0, 3, 1, 2, 4).reshape(b * nh, g, g, 2)
        feat = xc.reshape(b * nh, c // nh, h, w)
        s = F.grid_sample(feat.float(), pts, mode="bilinear", padding_mode="border", align_corners=False)
        s = s.to(x.dtype).view(b, c, g * g).transpose(1, 2)
        k, v = self.kv(s).view(b, g * g, 2, nh, c // nh).permute(2, 0, 3, 1, 4).unbind(0)
        q = self.q(cond).view(b, h * w, nh, c // nh).transpose(1, 2)
        o = self.out(attention(q, k, v).transpose(1, 2).reshape(b, h, w, c))
        a = o + mirrored(self.conv, o, sides)
        d = mirrored(self.dw, x, sides)
        return a * self.smap(d) + d * self.cmap(a)


class EntropyParams(nn.Module):
    """g_ep: 1x1 convolutions to mean and log scale."""
    def __init__(self, cin, hid, out):
        super().__init__()
        self.l = nn.ModuleList([Linear(cin, hid), Linear(hid, hid), Linear(hid, 2 * out)])

    def forward(self, x):
        x = F.leaky_relu(self.l[0](x), 0.1)
        x = F.leaky_relu(self.l[1](x), 0.1)
        with torch.autocast("cuda", enabled=False):
            return self.l[2](x.float()).chunk(2, -1)


def ste_round(x):
    return x + (torch.round(x) - x).detach()


def rounding_slope(v, sharpness):
    """Slope at v of the soft rounding of E. Agustsson and L. Theis, "Universally Quantized Neural Compression", 2020,
    section 4.1. It is 1 on average. The larger sharpness is, the more the slope concentrates halfway between integers;
    as sharpness goes to 0 it becomes constant."""
    t = torch.tanh(sharpness * (v - v.floor() - 0.5))
    return sharpness * (1 - t * t) / (2 * math.tanh(sharpness / 2))


def soft_ste_round(v, sharpness):
    """v rounded, with the gradient of the soft rounding: only what moves v over an edge moves the rounded value."""
    if not sharpness:
        return ste_round(v)
    with torch.no_grad():
        rounded, slope = torch.round(v), rounding_slope(v, sharpness)
    return rounded + (v - v.detach()) * slope


class SliceModel(nn.Module):
    """ACGC for one slice: anchor pass, then non-anchor pass with the anchors as local context."""
    def __init__(self, prev, size, hyper, dim, hid, heads, gdim):
        super().__init__()
        self.first = prev == 0
        ctx = 0
        if prev:
            self.ac = AdaptiveChannel(prev, dim)
            self.ag = AdaptiveGlobal(prev, gdim, hyper, heads)
            ctx = dim + gdim
        self.local = Conv(size, dim, 5)          # sees only decoded anchors
        self.ep_anchor = EntropyParams(hyper + ctx, hid, size)
        self.ep_non = EntropyParams(hyper + ctx + dim, hid, size)
        self.lrp = nn.ModuleList([Linear(hyper + prev + size, hid), Linear(hid, size)])

    def context(self, hyper, prev, sides=None):
        if self.first:
            return hyper
        return torch.cat([hyper, self.ac(prev, sides), self.ag(prev, hyper, sides)], -1)

    def residual(self, hyper, prev, y):
        t = torch.cat([hyper, y] if prev is None else [hyper, prev, y], -1)
        t = F.leaky_relu(self.lrp[0](t), 0.1)
        return 0.5 * torch.tanh(self.lrp[1](t).float())

    def forward(self, y, hyper, prev, anchor, sides=None, sharpness=0.0):
        """anchor: (1,H,W,1) checkerboard of ones on anchors; sharpness: of `soft_ste_round`. Returns y_hat, mean, log
        scale."""
        ctx = self.context(hyper, prev, sides)
        mu_a, s_a = self.ep_anchor(ctx)
        y_a = (soft_ste_round(y - mu_a, sharpness) + mu_a) * anchor
        loc = mirrored(self.local, y_a, sides)
        mu_n, s_n = self.ep_non(torch.cat([ctx, loc], -1))
        mu = mu_a * anchor + mu_n * (1 - anchor)
        s = s_a * anchor + s_n * (1 - anchor)
        y_hat = soft_ste_round(y - mu, sharpness) + mu
        return y_hat + self.residual(hyper, prev, y_hat), mu, s
