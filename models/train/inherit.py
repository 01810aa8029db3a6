"""Start a student from its teacher: inherit.py STUDENT.json --teacher WEIGHTS --data 'SHARDS-*.tar' --out PREFIX

Instead of random weights the student gets the teacher's functions, as well as its sizes can express them: layer by
layer, from the picture on, each layer's weights are the least-squares solution that brings what the student has there
to what the teacher has, over the same crops at the same random levels. So a layer makes up for the errors of those
before it. What is narrower than the teacher's:

- streams (the residual streams of the stages, the hyper features) hold the teacher's principal components;
- hidden channels, heads and latents are the teacher's that matter most: by their deviation times the norm of the
  weights that read them, latents by their bits;
- a block of the student stands for one or more of the teacher's and aims at the stream behind the last of them.

Structured pruning with reconstruction, as He et al., "Channel pruning for accelerating very deep neural networks",
2017. It takes minutes on a CPU. The weights written are read by `train.py --init`.
"""
import argparse
import inspect
import os

import torch
import torch.nn.functional as F

import data
import inherit_entropy
import model as M
import train
from least_squares import basis, branch_norm, fit, importance, learn, rate, report, seen, steadied, top
from transforms import WINDOW, shift_mask, windows


def convolution(name, teacher, student, p, xt, xs):
    """A down- or upsampling convolution whose outputs the student represents through p."""
    ((_, out),) = seen([teacher.conv], teacher, zip(xt))
    if student.conv.out_channels == 4 * p.shape[1]:      # the sub-pixels of a channel lie together
        p = torch.kron(p, torch.eye(4))
    learn(name, student.conv, student, zip(xs), [t.permute(0, 2, 3, 1) @ p for t in out])


def dense(name, teacher, student, p, xt, xs):
    """DenseBlock: some of the teacher's features, each from what the student has. -> its outputs"""
    convs, growth, dim = [c.conv for c in teacher.convs], teacher.convs[0].conv.out_channels, xt[0].shape[-1]
    caught = seen([*convs, teacher.out.conv], teacher, zip(xt))
    for i, conv in enumerate(student.convs):
        at = slice(dim + i * growth, dim + (i + 1) * growth)
        readers = [c.conv.weight[:, at] for c in (*teacher.convs[i + 1:], teacher.out)]
        best = top(importance([x[:, at].permute(0, 2, 3, 1) for x in caught[-1][0]], readers), conv.conv.out_channels)
        learn(f"{name}.convs.{i}", conv.conv, student, zip(xs), [t[:, best].permute(0, 2, 3, 1) for t in caught[i][1]])
    yt = [teacher(x) for x in xt]
    learn(f"{name}.out", student.out.conv, student, zip(xs), [t @ p - x for t, x in zip(yt, xs)])
    return [student(x) for x in xs]


def channels_of(heads, dim):
    """Channels of heads of so many each."""
    return (heads[:, None] * dim + torch.arange(dim)).flatten()


def attention(name, teacher, student, xt, xs, mask, target):
    """Window attention of a block and its norm: heads of one block of the teacher, fitted to `target`, what its branch
    should add."""
    at, a, norm = teacher.attn, student.attn, student.norm1
    d = at.qkv.in_features // at.heads
    (_, qkv), (inner, _) = seen([at.qkv, at.proj], teacher, zip(xt, mask))
    per_head = importance(inner, [at.proj.weight]).view(at.heads, d).square().sum(1)
    heads = top(per_head, a.heads)
    a.logit_scale.copy_(at.logit_scale[heads])
    a.cpb[0].load_state_dict(at.cpb[0].state_dict())
    a.cpb[2].weight.copy_(at.cpb[2].weight[heads])
    some = torch.cat([i * at.qkv.in_features + channels_of(heads, d) for i in range(3)])
    learn(f"{name}.attn.qkv", a.qkv, student, zip(xs, mask), [t[..., some] for t in qkv])
    rolled = [torch.roll(t, (-student.shift, -student.shift), (1, 2)) if student.shift else t for t in target]
    learn(f"{name}.attn.proj", a.proj, student, zip(xs, mask), [windows(t, WINDOW) for t in steadied(rolled)])
    ((inputs, _),) = seen([norm], student, zip(xs, mask))
    report(f"{name}.attn", branch_norm(norm, inputs, target))


def mlp(name, group, student, xt, xs, mask, end):
    """MLP of a block and its norm: hidden channels of a group of the teacher's blocks, fitted to what is missing to the
    stream `end`."""
    before, taps, scores = [], [], []
    for block, x in zip(group, xt):
        (_, out), (hidden, _) = seen([block.fc1, block.fc2], block, zip(x, mask))
        before.append(out)
        taps.append(block.dw.conv)
        scores.append(importance(hidden, [block.norm2.weight[:, None] * block.fc2.weight]))
    best = top(torch.cat(scores), student.fc1.out_features)
    ((stream, _),) = seen([student.fc1], student, zip(xs, mask))
    report(f"{name}.fc1", fit(student.fc1, stream, [torch.cat(t, -1)[..., best] for t in zip(*before)]))
    student.dw.conv.weight.copy_(torch.cat([c.weight for c in taps])[best])
    student.dw.conv.bias.copy_(torch.cat([c.bias for c in taps])[best])
    target = [e - s for e, s in zip(end, stream)]
    learn(f"{name}.fc2", student.fc2, student, zip(xs, mask), steadied(target))
    ((inputs, _),) = seen([student.norm2], student, zip(xs, mask))
    report(f"{name}.mlp", branch_norm(student.norm2, inputs, target))


def streams_of(stage, xt):
    """The teacher's stream before each block of a stage and behind the last."""
    streams, mask = [xt], shift_mask(*xt[0].shape[1:3], WINDOW, xt[0].device)
    for block in stage.blocks:
        streams.append([block(x, mask) for x in streams[-1]])
    return streams


def rstb(name, teacher, student, p, streams, xs):
    """A stage: the student's block i stands for those of the teacher in the same part of the depth. -> its outputs"""
    n, m, start = len(teacher.blocks), len(student.blocks), xs
    mask = [shift_mask(*x.shape[1:3], WINDOW, x.device) for x in xs]
    for i, block in enumerate(student.blocks):
        group = range(i * n // m, (i + 1) * n // m)
        like = min((j for j in range(n) if (j - i) % 2 == 0), key=lambda j: max(group[0] - j, j - group[-1], 0))
        branches = [seen([teacher.blocks[j].norm1], teacher.blocks[j], zip(streams[j], mask))[0][1] for j in group]
        attention(f"{name}.blocks.{i}", teacher.blocks[like], block, streams[like], xs, mask,
                  [sum(t) @ p for t in zip(*branches)])
        mlp(f"{name}.blocks.{i}", [teacher.blocks[j] for j in group], block, [streams[j] for j in group], xs, mask,
            [t @ p for t in streams[group[-1] + 1]])
        xs = [block(x, k) for x, k in zip(xs, mask)]
    return [a + b for a, b in zip(start, xs)]


def through(net, i, resample, x, mix):
    """A stage of g_a or g_s as it is."""
    x = net.rate[i](getattr(net, resample)(x), mix)
    if i == 0 and resample.startswith("down"):
        x = net.enh(x)
    x = getattr(net, f"st{i + 1}")(x)
    return net.enh(x) if i == 0 and resample.startswith("up") else x


def stage(name, i, teacher, student, resample, xt, xs, mixes):
    """A resampling convolution, its rate affine, the dense block of the first stage and the SwinV2 blocks. -> outputs
    of both. Arrays are large here: a part of them is enough to learn from."""
    part = max(2, len(xt) >> (2 - i))
    learn_stage(name, i, teacher, student, resample, xt[:part], xs[:part], mixes[:part])
    return tuple([through(net, i, resample, x, mix) for x, mix in zip(arrays, mixes)]
                 for net, arrays in ((teacher, xt), (student, xs)))


def learn_stage(name, i, teacher, student, resample, xt, xs, mixes):
    """The student's layers of a stage. Stream and skip are seen through the same components as the teacher's."""
    down, n = resample.startswith("down"), f"{name}.st{i + 1}"
    st, ss = getattr(teacher, f"st{i + 1}"), getattr(student, f"st{i + 1}")
    affine = lambda net, xs: [net.rate[i](x, mix) for x, mix in zip(xs, mixes)]
    rated = affine(teacher, [getattr(teacher, resample)(x) for x in xt])
    first = [teacher.enh(x) for x in rated] if i == 0 and down else rated
    streams = streams_of(st, first)
    last = [a + b for a, b in zip(streams[0], streams[-1])]
    after = [[teacher.enh(x) for x in last]] if i == 0 and not down else []
    p = basis([rated, *streams, last, *after], ss.blocks[0].fc1.in_features)
    convolution(f"{name}.{resample}", getattr(teacher, resample), getattr(student, resample), p, xt, xs)
    rate(teacher.rate[i], student.rate[i], p)
    xs = affine(student, [getattr(student, resample)(x) for x in xs])
    if i == 0 and down:
        xs = dense(f"{name}.enh", teacher.enh, student.enh, p, rated, xs)
    xs = rstb(n, st, ss, p, streams, xs)
    if after:
        dense(f"{name}.enh", teacher.enh, student.enh, p, last, xs)


def analysis(teacher, student, crops, mixes, latents):
    """g_a. -> latents of both, before their gain"""
    xt = xs = crops
    for i in range(3):
        xt, xs = stage("g_a", i, teacher, student, f"down{i + 1}", xt, xs, mixes)
    convolution("g_a.down4", teacher.down4, student.down4, torch.eye(teacher.down4.conv.out_channels)[:, latents], xt,
                xs)
    return [teacher.down4(x) for x in xt], [student.down4(x) for x in xs]


def synthesis(teacher, student, yt, ys, mixes, crops):
    """g_s, its last layer to the pictures themselves."""
    xt, xs = yt, ys
    for i in (2, 1, 0):
        xt, xs = stage("g_s", i, teacher, student, f"up{3 - i}", xt, xs, mixes)
    pictures = [F.pixel_unshuffle(x.permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1) for x in crops]
    learn("g_s.up4", student.up4.conv, student.up4, zip(xs), pictures)


def check(teacher, student):
    """Fail if one cannot inherit from the other, by the "model" entries of their configurations."""
    defaults = {k: p.default for k, p in inspect.signature(M.Codec).parameters.items()}
    t, s = {**defaults, **teacher}, {**defaults, **student}
    wider = [k for k in ("m", "n", "growth", "hyper", "dim", "gdim", "hid") if s[k] > t[k]]
    wider += [k for k in ("ch", "depth", "slices") if len(s[k]) != len(t[k]) or any(a > b for a, b in zip(s[k], t[k]))]
    other = [k for k in ("head_dim", "ratio", "dw", "heads") if s[k] != t[k]]
    if wider or other or not t["dw"]:
        raise SystemExit(f"the student cannot inherit: {', '.join(wider + other) or 'no dw'}")


@torch.no_grad()
def inherit(teacher, student, crops, levels):
    """Give the student the teacher's functions. crops: lists of pictures B,H,W,3 in [0,1] and of their levels."""
    centred, mixes = [x - 0.5 for x in crops], [teacher.mix(q) for q in levels]
    latents = inherit_entropy.latents(teacher, student, crops, levels)
    student.gain.copy_(teacher.gain[:, latents])
    student.igain.copy_(teacher.igain[:, latents])
    yt, ys = analysis(teacher.g_a, student.g_a, centred, mixes, latents)
    gains = lambda net: zip(*(net.gains(mix) for mix in mixes))
    (gt, igt), (gs, igs) = gains(teacher), gains(student)
    scale = lambda ys, gs: [y * g for y, g in zip(ys, gs)]
    yt, ys = inherit_entropy.entropy(teacher, student, scale(yt, gt), scale(ys, gs), mixes, latents)
    synthesis(teacher.g_s, student.g_s, scale(yt, igt), scale(ys, igs), mixes, centred)


@torch.no_grad()
def measure(net, crops, levels):
    """Loss, bits per pixel and squared error of rounded latents."""
    rows = []
    for x, q in zip(crops, levels):
        x_hat, yb, zb = net(x, q, noise=False)
        rows.append(torch.stack(train.rate_distortion(x, x_hat, yb + zb, net.rate_lambda(q))))
    return "loss {:.3f} bpp {:.3f} mse {:.1f}".format(*torch.stack(rows).mean(0).tolist())


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("config")
    ap.add_argument("--teacher", required=True, help="weights of the teacher: a pattern of .pt parts, or a .licw file")
    ap.add_argument("--teacher-config", default="teacher.json")
    ap.add_argument("--data", required=True, help="pattern of tar shards")
    ap.add_argument("--out", required=True, help="prefix of the parts to write")
    ap.add_argument("--crops", type=int, default=128)
    ap.add_argument("--size", type=int, default=256, help="side of the crops")
    a = ap.parse_args()
    torch.manual_seed(1)
    cfg, wide = train.read_config(a.config), train.read_config(a.teacher_config)
    check(wide["model"], cfg["model"])
    teacher = M.Codec(**wide["model"])
    teacher.load_state_dict(train.load_state(a.teacher))
    student = M.Codec(**cfg["model"])
    tiles = data.Tiles(a.data, "cpu", tile=cfg.get("tile", data.TILE))
    n = max(1, a.crops // 8) + 2
    crops = [data.sample(tiles, 8, a.size) for _ in range(n)]
    levels = [torch.rand(8) * (teacher.levels - 1) for _ in range(n)]
    inherit(teacher, student, crops[2:], levels[2:])
    for name, net in (("teacher", teacher), ("student", student)):
        print(f"{name}: {measure(net, crops[:2], levels[:2])}")
    os.makedirs(os.path.dirname(a.out) or ".", exist_ok=True)
    train.save_state(student.state_dict(), a.out)


if __name__ == "__main__":
    main()
