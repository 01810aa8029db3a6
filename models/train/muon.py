"""The optimiser: parameters and gradients as one vector each, Muon for the matrices and Adam for the rest, and a guard
against bad gradients.

Muon: K. Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024.
"""
import contextlib
import math

import torch


def is_matrix(name, p):
    """Whether a parameter is a matrix or a dense convolution kernel: those are trained by Muon."""
    return (p.ndim in (2, 4) and p.shape[0] > 1 and p[0].numel() >= 16 and not (p.ndim == 4 and p.shape[1] == 1)
            and not any(k in name for k in ("gain", "prior", "cpb", "rate")))


class FlatParameters:
    """All parameters that take gradients, and these, as parts of one float32 vector each: Adam's first, then the
    matrices by shape.

    With `half` the network itself works on bf16 copies of the matrices, but for those that it multiplies in float32.
    """
    FLOAT = ("down4", ".l.2.")

    def __init__(self, net, half=False):
        adam, shapes = [], {}
        for name, p in net.named_parameters():
            if not p.requires_grad:
                continue
            if is_matrix(name, p):
                shapes.setdefault((p.shape[0], p[0].numel()), []).append((name, p))
            else:
                adam.append((name, p))
        place, end = [], 0
        for name, p in adam:
            place.append((name, p, end))
            end += -(-p.numel() // 64) * 64
        self.adam_end, self.groups = end, []
        for (r, c), group in shapes.items():
            self.groups.append((end, len(group), r, c))
            for name, p in group:
                place.append((name, p, end))
                end += r * c
            end = -(-end // 64) * 64
        device = next(net.parameters()).device
        self.value, self.grad = torch.zeros(end, device=device), torch.zeros(end, device=device)
        self.copy = torch.zeros(end if half else 0, device=device, dtype=torch.bfloat16)
        self.master, self.params, self.grads = {}, [], []
        for name, p, at in place:
            view = lambda flat: flat[at:at + p.numel()].view(p.shape)
            self.master[name] = view(self.value)
            self.master[name].copy_(p.data)
            self.params.append(p)
            self.grads.append(view(self.grad))
            in_half = half and at >= self.adam_end and not any(k in name for k in self.FLOAT)
            p.data = view(self.copy if in_half else self.value)
        self.publish()

    def publish(self):
        """Pass the values on to the bf16 copies."""
        if len(self.copy):
            self.copy.copy_(self.value)

    def clear(self):
        for p in self.params:
            p.grad = None

    def gather(self):
        """Collect the gradients that the backward pass has left in the parameters; zero for those that took no part."""
        # By precision and flat: lists of one precision and of equal strides, those of axes of length one too, are
        # copied by a few kernels, others one by one.
        pairs = {}
        for g, p in zip(self.grads, self.params):
            if p.grad is None:
                g.zero_()
            else:
                pairs.setdefault(p.grad.dtype, []).append((g.view(-1), p.grad.reshape(-1)))
        for alike in pairs.values():
            if hasattr(torch, "_foreach_copy_"):
                torch._foreach_copy_(*map(list, zip(*alike)))
            else:
                for to, g in alike:
                    to.copy_(g)

    def matrices(self, flat):
        """Views n,rows,columns of a vector like `value`, one per shape."""
        return [flat[at:at + n * r * c].view(n, r, c) for at, n, r, c in self.groups]


def _bucket(r, c):
    """Padded shape in which matrices are orthogonalised together; zero rows and columns change nothing."""
    r, c = min(r, c), max(r, c)
    r = max(32, 1 << (r - 1).bit_length()) if r <= 512 else -(-r // 128) * 128
    c = next((n for n in (64, 256, 1024) if c <= n), -(-c // 256) * 256)
    return r, max(r, c)


class Muon:
    """Momentum orthogonalised by Newton-Schulz for the matrices and convolution kernels, Adam for the rest."""

    MOMENTUM, STREAMS = 0.95, 4

    def __init__(self, flat, lr, adam_lr, kernels=1.0):
        """kernels: rate of the convolution kernels, as a part of lr."""
        self.flat, self.adam_lr = flat, adam_lr
        v, n = flat.value, flat.adam_end
        self.rate = torch.full_like(v[n:], lr)
        for p in flat.master.values():
            if p.ndim == 4 and p.storage_offset() >= n:
                self.rate[p.storage_offset() - n:][:p.numel()] *= kernels
        self.scale, self.t = torch.ones((), device=v.device), torch.zeros((), device=v.device)
        self.moment, self.update = torch.zeros_like(v), torch.zeros_like(v)
        self.second = torch.zeros_like(v[:flat.adam_end])
        self.streams = [torch.cuda.Stream() for _ in range(self.STREAMS)] if v.is_cuda else []
        self.arrange()

    def arrange(self):
        """Workspaces for the matrices, in buckets that are orthogonalised together."""
        flat, v, buckets = self.flat, self.flat.value, {}
        for u, (_, n, r, c) in zip(flat.matrices(self.update), flat.groups):
            buckets.setdefault(_bucket(r, c), []).append(u)
        self.buckets = []
        for (r, c), group in sorted(buckets.items(), key=lambda b: -b[0][0] * b[0][1]):
            n, dtype = sum(len(u) for u in group), torch.bfloat16 if v.is_cuda else torch.float32
            self.buckets.append((torch.zeros(n, r, c, device=v.device, dtype=dtype), group))

    def forget(self):
        for state in (self.moment, self.second, self.t):
            state.zero_()

    @staticmethod
    def orthogonalise(x, group):
        """Newton-Schulz on all matrices of a bucket; x is its workspace."""
        at = 0
        for u in group:
            n, r, c = u.shape
            place = x[at:at + n, :r, :c] if r <= c else x[at:at + n, :c, :r].transpose(1, 2)
            place.copy_(u)
            at += n
        y = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
        for _ in range(5):
            a = y @ y.transpose(1, 2)
            a = torch.baddbmm(a, a, a, beta=-4.7750, alpha=2.0315)
            y = torch.baddbmm(y, a, y, beta=3.4445)
        at = 0
        for u in group:
            n, r, c = u.shape
            place = y[at:at + n, :r, :c] if r <= c else y[at:at + n, :c, :r].transpose(1, 2)
            torch.mul(place, 0.2 * math.sqrt(max(r, c)), out=u)
            at += n

    def direct(self, ok):
        """Launch what turns the moments of the matrices into their directions."""
        n = self.flat.adam_end
        self.moment[n:].lerp_(self.flat.grad[n:], ok * (1 - self.MOMENTUM))
        torch.lerp(self.flat.grad[n:], self.moment[n:], self.MOMENTUM, out=self.update[n:])
        main = torch.cuda.current_stream() if self.streams else None
        for s in self.streams:
            s.wait_stream(main)
        for i, (x, group) in enumerate(self.buckets):       # largest first, so that the streams end together
            with torch.cuda.stream(self.streams[i % len(self.streams)]) if self.streams else contextlib.nullcontext():
                self.orthogonalise(x, group)

    @torch.no_grad()
    def step(self, ok):
        """One step; for ok = 0 nothing moves and nothing is remembered. A zero gradient would not do: an orthogonalised
        moment has the same length however small it has become, so the weights would go on at full speed, blindly."""
        flat, n = self.flat, self.flat.adam_end
        self.t += ok
        self.direct(ok)
        g, m, v = flat.grad[:n], self.moment[:n], self.second
        m.lerp_(g, ok * 0.1)
        v.lerp_(g * g, ok * 0.02)
        t = self.t.clamp(min=1)
        d = (v / (1 - 0.98 ** t)).sqrt_().add_(1e-8)
        flat.value[:n].add_(m / d * (ok * self.scale * (-self.adam_lr) / (1 - 0.9 ** t)))
        for s in self.streams:
            torch.cuda.current_stream().wait_stream(s)
        flat.value[n:].addcmul_(self.update[n:], self.rate * (ok * -self.scale))
        flat.publish()


class GradientGuard:
    """Clip the gradient at 1.5 times its running norm. -> 1, or 0 for one to be dropped: not finite, or ten times too
    long."""

    def __init__(self, grad):
        self.grad = grad
        self.norm, self.largest, self.skipped, self.infinite = (torch.zeros((), device=grad.device) for _ in range(4))

    @torch.no_grad()
    def __call__(self):
        n, usual, first = self.grad.norm(), self.norm, self.norm == 0
        ok = torch.isfinite(n) & ((n < 10 * usual) | first)
        factor = torch.where(first, torch.ones_like(n), (1.5 * usual / (n + 1e-9)).clamp(max=1.0))
        self.grad.copy_(torch.where(ok, self.grad * factor, torch.zeros_like(self.grad)))
        seen = torch.where(torch.isfinite(n), torch.where(first, n, torch.minimum(n, 3 * usual)), usual)
        self.largest.copy_(torch.maximum(self.largest, torch.nan_to_num(n, posinf=1e30)))
        self.skipped.add_((~ok).float())
        self.infinite.add_((~torch.isfinite(n)).float())
        usual.copy_(torch.where(first, seen, usual + 0.05 * (seen - usual)))
        return ok.float()
