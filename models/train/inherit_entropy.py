"""The entropy model's part of inherit.py: latents, h_a, h_s and the slices' networks."""
import math

import torch

import model as M
from distil import channel_bits
from least_squares import basis, fit, importance, learn, rate, report, seen, top


def latents(teacher, student, crops, levels):
    """The teacher's latents that the student keeps: those of each slice with most bits."""
    bits = channel_bits(teacher, list(zip(crops, levels))[:4])
    kept, at = [], 0
    for n, m in zip(teacher.slices, student.slices):
        kept.append(at + top(bits[at:at + n], m))
        at += n
    kept = torch.cat(kept)
    report("  latents", (bits[kept].sum() / bits.sum()).item())
    return kept


def hidden(inputs, reader, n):
    """The n hidden channels that matter most, from what the layer of the teacher that reads them gets."""
    dense = reader.weight.ndim == 4         # whose inputs have their channels first
    return top(importance([x.permute(0, 2, 3, 1) for x in inputs] if dense else inputs, [reader.weight]), n)


def hyper_analysis(teacher, student, yt, ys, gz):
    """h_a. -> z of both, before its gain, and the teacher's channels of z that are kept"""
    layers, own = [c.conv for c in teacher.c], [c.conv for c in student.c]
    caught = seen(layers, teacher, zip(yt))
    for k, conv in enumerate(own):
        if k < 2:
            best = hidden(caught[k + 1][0], layers[k + 1], conv.out_channels)
        else:
            values = torch.cat([(torch.round(z.permute(0, 2, 3, 1) * g)).flatten(0, 2)
                                for z, g in zip(caught[2][1], gz)])
            best = top(values.std(0), conv.out_channels)
        learn(f"h_a.c.{k}", conv, student, zip(ys), [t[:, best].permute(0, 2, 3, 1) for t in caught[k][1]])
    return [teacher(y) for y in yt], [student(y) for y in ys], best


def hyper_synthesis(teacher, student, zt, zs, mixes):
    """h_s and the rate affine behind it. -> hyper features of both"""
    h_s, own = teacher.h_s, student.h_s
    caught = seen([c.conv for c in h_s.c], h_s, zip(zt))
    rated = [teacher.hrate(h_s(z), mix) for z, mix in zip(zt, mixes)]
    for k in range(2):
        best = hidden(caught[k + 1][0], h_s.c[k + 1].conv, own.c[k].conv.out_channels // 4)
        best = (4 * best[:, None] + torch.arange(4)).flatten()              # the sub-pixels of a channel lie together
        learn(f"h_s.c.{k}", own.c[k].conv, own, zip(zs), [t[:, best].permute(0, 2, 3, 1) for t in caught[k][1]])
    p = basis([rated], own.c[2].conv.out_channels)
    learn("h_s.c.2", own.c[2].conv, own, zip(zs), [t.permute(0, 2, 3, 1) @ p for t in caught[2][1]])
    rate(teacher.hrate, student.hrate, p)
    return rated, [student.hrate(own(z), mix) for z, mix in zip(zs, mixes)]


def depthwise(teacher, student, best):
    """Taps of the channels that are kept."""
    student.conv.weight.copy_(teacher.conv.weight[best])
    student.conv.bias.copy_(teacher.conv.bias[best])


def gate(name, teacher, student, nets, bt, bs, best=slice(None)):
    """SpatialMap or ChannelMap within a pair of nets that run over bt and bs; best: the channels kept of what it puts
    out."""
    (_, a), (inner, b) = seen([teacher.a, teacher.b], nets[0], bt)
    some = hidden(inner, teacher.b, student.a.out_features)
    learn(f"{name}.a", student.a, nets[1], bs, [t[..., some] for t in a])
    learn(f"{name}.b", student.b, nets[1], bs, [t[..., best] for t in b])


def gates(name, teacher, student, bt, bs, best):
    """The gates of AC or AG."""
    gate(f"{name}.smap", teacher.smap, student.smap, (teacher, student), bt, bs)
    gate(f"{name}.cmap", teacher.cmap, student.cmap, (teacher, student), bt, bs, best)


def adaptive_channel(name, teacher, student, bt, bs, best):
    """AC; best: the channels kept of what it puts out."""
    (_, inp), (_, c1), (inner, c2) = seen([teacher.inp, teacher.c1.conv, teacher.c2.conv], teacher, bt)
    learn(f"{name}.inp", student.inp, student, bs, [t[..., best] for t in inp])
    some = hidden(inner, teacher.c2.conv, student.c1.conv.out_channels)
    learn(f"{name}.c1", student.c1.conv, student, bs, [t[:, some].permute(0, 2, 3, 1) for t in c1])
    learn(f"{name}.c2", student.c2.conv, student, bs, [t[:, best].permute(0, 2, 3, 1) for t in c2])
    depthwise(teacher.dw, student.dw, best)
    gates(name, teacher, student, bt, bs, best)


def score_bases(q, k, n):
    """Matrices for queries and keys (rows, d) of a head that keep their products best in n dimensions, and the scale of
    attention."""
    def roots(x):
        values, vectors = torch.linalg.eigh((x.t() @ x).double() / len(x))
        values = values.clamp_min(1e-8 * values.max()).sqrt()
        return vectors * values @ vectors.t(), vectors / values @ vectors.t()
    (cq, iq), (ck, ik) = roots(q), roots(k)
    u, s, vh = torch.linalg.svd(cq @ ck)
    s = (s[:n] * math.sqrt(n / q.shape[1])).sqrt()
    return (iq @ u[:, :n] * s).float(), (ik @ vh.t()[:, :n] * s).float()


def adaptive_global(name, teacher, student, bt, bs, best):
    """AG; best: the channels kept of what it puts out, as many of each head."""
    caught = seen([teacher.inp, teacher.off, teacher.q, teacher.kv, teacher.out], teacher, bt)
    inp, off, q, kv, out = (outputs for _, outputs in caught)
    learn(f"{name}.inp", student.inp, student, bs, [t[..., best] for t in inp])
    for layer in ("off_dw", "conv", "dw"):
        depthwise(getattr(teacher, layer), getattr(student, layer), best)
    learn(f"{name}.off", student.off, student, bs, off)
    heads = lambda ts: [t.unflatten(-1, (teacher.heads, -1)).unbind(-2) for t in ts]
    q, k, v = heads(q), *(heads([t.chunk(2, -1)[i] for t in kv]) for i in range(2))
    of_head = lambda ts, i: torch.cat([t[i].flatten(0, -2) for t in ts])
    n = len(best) // teacher.heads
    pq, pk = zip(*(score_bases(of_head(q, i), of_head(k, i), n) for i in range(teacher.heads)))
    pv = [basis([[of_head(v, i)]], n) for i in range(teacher.heads)]
    kept = lambda ts, ps: [torch.cat([h @ p for h, p in zip(t, ps)], -1) for t in ts]
    learn(f"{name}.q", student.q, student, bs, kept(q, pq))
    learn(f"{name}.kv", student.kv, student, bs, [torch.cat(t, -1) for t in zip(kept(k, pk), kept(v, pv))])
    learn(f"{name}.out", student.out, student, bs, [t[..., best] for t in out])
    gates(name, teacher, student, bt, bs, best)


def parameters(name, teacher, student, nets, bt, bs, keep, kept):
    """EntropyParams at the positions `kept`: means for the student's own latents, scales after the teacher's, as wide
    as the errors then are."""
    caught, size = seen(list(teacher.l), nets[0], bt), len(keep)
    for k in range(2):
        some = hidden(caught[k + 1][0], teacher.l[k + 1], student.l[k].out_features)
        learn(f"{name}.l.{k}", student.l[k], nets[1], bs, [t[..., some] for t in caught[k][1]], kept)
    last, y, bounded = student.l[2], [b[0] for b in bs], lambda s: s.clamp(M.LOG_MIN, M.LOG_MAX)
    ((inputs, _),) = seen([last], nets[1], bs)
    scales = [bounded(t.chunk(2, -1)[1][..., keep]) for t in caught[2][1]]
    report(f"{name}.l.2", fit(last, inputs, [torch.cat(t, -1) for t in zip(y, scales)], kept))
    error, expected = 0, 0
    for x, v, k in zip(inputs, y, kept):
        mean, s = last(x[k]).chunk(2, -1)
        error, expected = error + (v[k] - mean).square().sum(0), expected + torch.exp(2 * bounded(s)).sum(0)
    last.bias[size:] += 0.5 * torch.log(error / expected + 1e-4).clamp(-1, 2)


def contexts(name, teacher, student, bt, bs):
    """AC and AG of a slice: the channels kept are those that matter most to the entropy parameters."""
    readers = [teacher.ep_anchor.l[0].weight, teacher.ep_non.l[0].weight]
    (_, ac), (_, ag) = seen([teacher.ac, teacher.ag], teacher, bt)
    bt, bs = ([(prev, hyper) for _, hyper, prev, _ in b] for b in (bt, bs))
    at, dim, gdim, heads = bt[0][1].shape[-1], ac[0].shape[-1], ag[0].shape[-1], teacher.ag.heads
    best = top(importance(ac, [w[:, at:at + dim] for w in readers]), student.ac.inp.out_features)
    adaptive_channel(f"{name}.ac", teacher.ac, student.ac, [b[:1] for b in bt], [b[:1] for b in bs], best)
    scores = importance(ag, [w[:, at + dim:at + dim + gdim] for w in readers]).view(heads, -1)
    best = torch.cat([top(s, student.ag.inp.out_features // heads) + i * gdim // heads for i, s in enumerate(scores)])
    adaptive_global(f"{name}.ag", teacher.ag, student.ag, bt, bs, best)


def slice_model(name, teacher, student, bt, bs, keep):
    """One slice; bt, bs: arguments of its forward for teacher and student; keep: its latents that the student has. ->
    y_hat of both"""
    anchors = [b[3][..., 0].expand(b[0].shape[:3]) > 0 for b in bs]
    others, nets = [~f for f in anchors], (teacher, student)
    if not teacher.first:
        contexts(name, teacher, student, bt, bs)
    parameters(f"{name}.ep_anchor", teacher.ep_anchor, student.ep_anchor, nets, bt, bs, keep, anchors)
    ((_, local),) = seen([teacher.local], teacher, bt)
    p = basis([[t[f] for t, f in zip(local, others)]], student.local.conv.out_channels)
    learn(f"{name}.local", student.local.conv, student, bs, [t @ p for t in local], others)
    parameters(f"{name}.ep_non", teacher.ep_non, student.ep_non, nets, bt, bs, keep, others)
    (_, out), (inner, _) = seen(list(teacher.lrp), teacher, bt)
    some = hidden(inner, teacher.lrp[1], student.lrp[0].out_features)
    learn(f"{name}.lrp.0", student.lrp[0], student, bs, [t[..., some] for t in out])
    ((before, _),) = seen([student.lrp[0]], student, bs)       # ends with y_hat as it is before its residual
    learn(f"{name}.lrp.1", student.lrp[1], student, bs, [2 * (b[0] - x[..., -len(keep):]) for b, x in zip(bs, before)])
    return [teacher(*b)[0] for b in bt], [student(*b)[0] for b in bs]


def hyper(teacher, student, yt, ys, mixes):
    """h_a, the prior of z and h_s. -> hyper features of both"""
    gains = lambda net: [[torch.exp(mix @ g)[:, None, None, :] for mix in mixes] for g in (net.zgain, net.izgain)]
    zt, zs, best = hyper_analysis(teacher.h_a, student.h_a, yt, ys, gains(teacher)[0])
    student.zgain.copy_(teacher.zgain[:, best])
    student.izgain.copy_(teacher.izgain[:, best])
    for p, own in zip(teacher.prior.parameters(), student.prior.parameters()):
        own.copy_(p[best])
    zt, zs = ([torch.round(a * b) * c for a, b, c in zip(z, *gains(net))] for z, net in ((zt, teacher), (zs, student)))
    return hyper_synthesis(teacher, student, zt, zs, mixes)


def entropy(teacher, student, yt, ys, mixes, kept):
    """h_a, h_s and all slices, for latents with their gains. -> y_hat of both"""
    ht, hs = hyper(teacher, student, yt, ys, mixes)
    h, w = yt[0].shape[1:3]
    anchor = ((torch.arange(h)[:, None] + torch.arange(w)) % 2 == 0).float()[None, :, :, None]
    prev_t, prev_s, at, own_at = [None] * len(yt), [None] * len(ys), 0, 0
    arguments = lambda ys, hs, prev, at, n: [(y[..., at:at + n], h, p, anchor) for y, h, p in zip(ys, hs, prev)]
    join = lambda prev, new: [b if a is None else torch.cat([a, b], -1) for a, b in zip(prev, new)]
    for i, (n, m) in enumerate(zip(teacher.slices, student.slices)):
        new_t, new_s = slice_model(f"ctx.{i}", teacher.ctx[i], student.ctx[i], arguments(yt, ht, prev_t, at, n),
                                   arguments(ys, hs, prev_s, own_at, m), kept[own_at:own_at + m] - at)
        prev_t, prev_s, at, own_at = join(prev_t, new_t), join(prev_s, new_s), at + n, own_at + m
    return prev_t, prev_s
