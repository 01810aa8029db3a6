"""The steps of inherit.py: layers fitted by least squares, and the bases and channels that a narrower network keeps."""
import torch
import torch.nn as nn
import torch.nn.functional as F

ROWS = 30           # rows of a least-squares problem for each of its unknowns, at most
RIDGE = 1e-4
CONSTANT = 2.0      # length of the constant before a LayerNorm, in those of what varies


def seen(layers, call, batches):
    """Inputs and outputs of layers while `call` runs over batches of arguments. -> [(inputs, outputs)], lists over the
    batches"""
    caught = [([], []) for _ in layers]

    def keep(inputs, outputs):
        def hook(mod, args, out):
            inputs.append(args[0])
            outputs.append(out)
        return hook
    hooks = [layer.register_forward_hook(keep(*pair)) for layer, pair in zip(layers, caught)]
    for batch in batches:
        call(*batch)
    for hook in hooks:
        hook.remove()
    return caught


def _rows(layer, x):
    """Inputs of a layer, one row for each output position."""
    if isinstance(layer, nn.Linear):
        return x.flatten(0, -2)
    return F.unfold(x, layer.kernel_size, padding=layer.padding, stride=layer.stride).transpose(1, 2).flatten(0, 1)


def fit(layer, inputs, targets, kept=None):
    """Weights and bias of a Linear or a dense Conv2d by least squares. inputs: what the layer gets; targets: what it
    should put out, channels last. kept: flags of the positions that count. -> share of the targets' variance that it
    explains"""
    n = layer.weight[0].numel()
    total = sum(t[..., 0].numel() for t in targets)
    step = max(1, total // (ROWS * max(n, 512))) | 1             # odd, so that no column of an array is taken alone
    a, b, tt, count = 0, 0, 0, 0
    for i, (x, t) in enumerate(zip(inputs, targets)):
        x, t = _rows(layer, x), t.flatten(0, -2)
        if kept is not None:
            x, t = x[kept[i].flatten()], t[kept[i].flatten()]
        x, t = x[i % step::step], t[i % step::step]
        x = torch.cat([x, torch.ones_like(x[:, :1])], 1)
        a, b = a + (x.t() @ x).double(), b + (x.t() @ t).double()
        tt, count = tt + t.double().square().sum(0), count + len(t)
    spread = (a.diagonal()[:-1] - a[-1, :-1].square() / count).mean()
    ridge = RIDGE * spread * torch.eye(n + 1, dtype=a.dtype)
    ridge[-1, -1] = 1e-9 * count
    best = torch.linalg.solve(a + ridge, b)
    layer.weight.copy_(best[:-1].t().reshape(layer.weight.shape))
    layer.bias.copy_(best[-1])
    error = tt - 2 * (best * b).sum(0) + (best * (a @ best)).sum(0)
    return 1 - (error.sum() / (tt - b[-1].square() / count).sum()).item()


def learn(name, layer, call, batches, targets, kept=None):
    """Fit a layer to what it gets when `call` runs over the batches, and report how well."""
    ((inputs, _),) = seen([layer], call, batches)
    report(name, fit(layer, inputs, targets, kept))


def steadied(targets):
    """What a layer before a LayerNorm should output to give the targets: with a constant twice their length, in the
    direction in which they vary least. LayerNorm brings every position to the same length; with the constant it is
    nearly linear, and its shift takes the constant away again."""
    t = torch.cat([t.flatten(0, -2) for t in targets])
    mean, n = t.mean(0), t.shape[1]
    length = (t - mean).square().sum(1).mean().sqrt()
    cov = torch.cov((t - mean).t().double())
    sums = torch.full_like(cov, 1 / n)              # projects on the vector of ones, which LayerNorm takes away
    direction = torch.linalg.eigh(cov + cov.trace() * sums).eigenvectors[:, 0].float()
    return [t - mean + CONSTANT * length * direction for t in targets]


def branch_norm(norm, inputs, targets):
    """Scale and shift of each channel of a LayerNorm by least squares. -> share of the targets' variance that it
    explains"""
    sums = 0
    for x, t in zip(inputs, targets):
        x, t = F.layer_norm(x, x.shape[-1:], eps=norm.eps).flatten(0, -2).double(), t.flatten(0, -2).double()
        sums = sums + torch.stack([torch.ones_like(x).sum(0), x.sum(0), t.sum(0), (x * x).sum(0), (x * t).sum(0),
                                   (t * t).sum(0)])
    n, x, t, xx, xt, tt = sums
    xx, xt, tt = xx - x * x / n, xt - x * t / n, tt - t * t / n
    scale = xt / (xx + 1e-9 * n)
    norm.weight.copy_(scale)
    norm.bias.copy_((t - scale * x) / n)
    return 1 - ((tt - 2 * scale * xt + scale * scale * xx).sum() / tt.sum()).item()


def importance(values, readers):
    """How much channels (the last axis of the values) matter to the layers that read them (axis 1 of their weights):
    standard deviation times norm."""
    v = torch.cat([x.flatten(0, -2)[::7] for x in values])
    return v.std(0) * sum(w.transpose(0, 1).flatten(1).square().sum(1) for w in readers).sqrt()


def top(scores, n):
    """Indices of the n largest, in their order."""
    return scores.topk(n).indices.sort().values


def _turn(n):
    """A random orthogonal n x n matrix that takes the vector of ones to the last axis."""
    q = torch.linalg.qr(torch.randn(n, n, dtype=torch.float64)).Q
    v = q.sum(1) / n**0.5
    v[-1] -= 1
    v = v / v.norm()
    return q - 2 * v[:, None] * (v @ q)


def basis(streams, n):
    """Orthonormal components, channels x n, that hold most of the variance of all streams together; the unit matrix for
    as many as channels.

    LayerNorm in a residual branch takes the mean over the channels away, so their sum is made the least of the
    components; all others are mixed, so that no channel stands for much more variance than another.
    """
    d = streams[0][0].shape[-1]
    if n == d:
        return torch.eye(d)
    total = 0
    for stream in streams:
        x = torch.cat([t.flatten(0, -2)[::5] for t in stream])
        x = x - x.mean(0)
        total = total + (x.t() @ x).double() / len(x)
    values, vectors = torch.linalg.eigh(total)
    report(f"  {n} of {d} components", (values[-n:].sum() / values.sum()).item())
    return (vectors[:, -n:].flip(1) @ _turn(n)).float()


def rate(teacher, student, p):
    """Scales and shifts of a RateAffine, for the student's components p of the teacher's channels."""
    scale, shift = teacher.w.unbind(1)
    student.w.copy_(torch.stack([scale @ p.square(), shift @ p], 1))


def report(name, explained):
    print(f"{name}: {100 * explained:.2f} %", flush=True)
