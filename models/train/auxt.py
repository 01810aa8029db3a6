"""Wavelet shortcuts around the stages of g_a and g_s, as in AuxT (Li et al., arXiv 2501.13751), to be tried: --set '{"model": {"shortcuts": true}}'

Each stage's output gets a linear map of its input's Haar bands: large and slow structures go past the nonlinear layers, which are left with the
details. The maps begin at zero, so that trained weights can go on with them. The C program has no such layers.
"""
import torch
import torch.nn as nn

import transforms


def haar(x):
    """B,2H,2W,C -> B,H,W,4C: the orthonormal bands, low, horizontal, vertical and diagonal."""
    b, h, w, c = x.shape
    x = x.reshape(b, h // 2, 2, w // 2, 2, c).unbind(2)
    (a, d), (e, f) = (row.unbind(3) for row in x)
    return torch.cat([a + d + e + f, a - d + e - f, a + d - e - f, a - d - e + f], -1) / 2


def inverse_haar(y):
    """B,H,W,4C -> B,2H,2W,C"""
    low, across, down, both = (y / 2).chunk(4, -1)
    rows = [torch.stack([s + t, s - t], 3) for s, t in ((low + down, across + both), (low - down, across - both))]
    b, h, w, _, c = rows[0].shape
    return torch.stack(rows, 2).reshape(b, 2 * h, 2 * w, c)


class Shortcut(nn.Linear):
    """1x1 map between what goes in and the bands of what comes out, or the other way round."""

    def __init__(self, cin, cout, up=False):
        super().__init__(cin * (1 if up else 4), cout * (4 if up else 1))
        self.reset()

    def reset(self):
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)


class Analysis(transforms.Analysis):
    def __init__(self, ch, depth, m, *rest, **more):
        super().__init__(ch, depth, m, *rest, **more)
        self.shortcuts = nn.ModuleList(Shortcut(cin, cout) for cin, cout in zip((3, *ch), (*ch, m)))

    def forward(self, x, mix):
        past = lambda i, x: self.shortcuts[i](haar(x))
        x = self.st1(self.enh(self.rate[0](self.down1(x), mix))) + past(0, x)
        x = self.st2(self.rate[1](self.down2(x), mix)) + past(1, x)
        x = self.st3(self.rate[2](self.down3(x), mix)) + past(2, x)
        with torch.autocast("cuda", enabled=False):
            return self.down4(x.float()) + past(3, x.float())


class Synthesis(transforms.Synthesis):
    def __init__(self, ch, depth, m, *rest, **more):
        super().__init__(ch, depth, m, *rest, **more)
        widths = (m, *reversed(ch), 3)
        self.shortcuts = nn.ModuleList(Shortcut(cin, cout, up=True) for cin, cout in zip(widths, widths[1:]))

    def forward(self, y, mix):
        past = lambda i, x: inverse_haar(self.shortcuts[i](x))
        x = self.st3(self.rate[2](self.up1(y), mix)) + past(0, y)
        x = self.st2(self.rate[1](self.up2(x), mix)) + past(1, x)
        x = self.enh(self.st1(self.rate[0](self.up3(x), mix))) + past(2, x)
        return self.up4(x) + past(3, x)
