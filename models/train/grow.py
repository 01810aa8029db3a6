"""A larger network that begins as what a smaller one computes, after T. Chen, I. Goodfellow and J. Shlens, "Net2Net",
2015: more SwinV2 blocks in a stage ("depth"), wider MLPs ("ratio", one number or one for each scale) and wider hidden
layers of g_ep and LRP ("hid"). `--set '{"grow": true, "model": {"depth": [1, 2, 8]}}'` More rate levels ("levels") are
put around the old ones: below, if the first Lagrange multiplier says so, the rest above. Norms with gains and shifts
for each level ("rated") begin as the same for all. A second g_a ("beside") adds nothing at first: its last layer is
zero, and its other weights are in the state to start from, those of another network's g_a by the name of g_a2.

A new block adds nothing at first, since the norms of its branches start at zero. New hidden units have weights as in a
new network, and the layers that read them have zeros for them. Widths that meet a norm, a gate or a concatenation
cannot grow like this, and are refused.
"""
import re

import torch

BLOCK = re.compile(r"(g_(?:a2?|s)\.st\d\.blocks\.)(\d+)\.")
BY_LEVEL = re.compile(r"(gain|igain|zgain|izgain|hrate\.w|g_(a2?|s)\.rate\.\d\.w|.*\.rate[12]\.w)$")
NEW = re.compile(r"g_(a2?|s)\.st\d\.blocks\.\d+\.rate[12]\.w$|g_a2\.down4\.")
HIDDEN = re.compile(r"g_(?:a2?|s)\.st\d\.blocks\.\d+\.(fc1|fc2|dw\.conv)\.|ctx\.\d+\.(ep_anchor\.l|ep_non\.l|lrp)\.\d\.")


def widened(name, old, new):
    """`old` in the corner of `new`, whose further columns are zero."""
    if not HIDDEN.match(name) or old.ndim != new.ndim or any(a > b for a, b in zip(old.shape, new.shape)):
        raise SystemExit(f"{name}: {tuple(old.shape)} cannot grow to {tuple(new.shape)}")
    out = new.clone()
    if old.ndim > 1:
        out[:, old.shape[1]:] = 0
    out[tuple(slice(n) for n in old.shape)] = old
    return out


def grown(old, new):
    """The state `new` of a network fresh from `Codec.reset`, with the smaller network's state `old` put into it."""
    depth = {}
    for name in old:
        block = BLOCK.match(name)
        if block:
            depth[block[1]] = max(depth.get(block[1], 0), int(block[2]) + 1)
    if set(old) - set(new):
        raise SystemExit(f"{min(set(old) - set(new))}: not in the larger network")
    out = {}
    for name, value in new.items():
        block = BLOCK.match(name)
        if name in old:
            out[name] = old[name] if old[name].shape == value.shape else widened(name, old[name], value)
        elif NEW.match(name) or block and int(block[2]) >= depth.get(block[1], len(new)):
            out[name] = value
        else:
            raise SystemExit(f"{name}: missing in the weights to start from")
    return out


def more_levels(old, new, below):
    """The state `old` with `below` rate levels before its first and as many after its last as `new` asks for, on the
    straight lines through the two nearest."""
    out = dict(old)
    for name, value in old.items():
        if BY_LEVEL.match(name) and len(value) < len(new[name]):
            above = len(new[name]) - len(value) - below
            first, last = value[1] - value[0], value[-1] - value[-2]
            out[name] = torch.cat([*(value[:1] - i * first for i in range(below, 0, -1)), value,
                                   *(value[-1:] + i * last for i in range(1, above + 1))])
    return out
