"""SOAP (Vyas et al., arXiv 2409.11321) for the matrices, in place of Muon: Adam in the eigenbasis of Shampoo's preconditioners."""
import torch
import torch.distributed as dist

from muon import Muon

LARGEST = 512       # a side longer than that keeps its own basis, as the paper's one-sided form does
BETA = 0.95         # of the moment, the squares and the preconditioners
EPSILON = 1e-8


class _Side:
    """Preconditioners and bases of one side of the n matrices of a shape, as parts of arrays with all sides of that length."""

    def __init__(self, at, n):
        self.at = slice(at, at + n)

    def bind(self, stack):
        self.cov, self.basis = (t[self.at] for t in stack)


class Soap(Muon):
    """Steps have the length of Muon's: 0.2 an element, or less where the gradient keeps changing its sign."""
    REFRESH = 20        # steps between two corrections of the bases, which happen outside of the captured step

    def __init__(self, flat, lr, adam_lr):
        super().__init__(flat, lr, adam_lr, momentum=BETA, streams=0)
        self.buckets = []
        self.squares = torch.zeros_like(flat.value[flat.adam_end:])
        self.age = torch.zeros_like(self.t)         # steps that the squares know of
        self.groups, count = [], {}
        for _, n, r, c in flat.groups:
            sides = []
            for d in (r, c):
                sides.append(_Side(count.get(d, 0), n) if d <= LARGEST else None)
                if sides[-1]:
                    count[d] = count.get(d, 0) + n
            self.groups.append(sides)
        device = flat.value.device
        self.stacks = {d: (torch.zeros(n, d, d, device=device), torch.eye(d, device=device).repeat(n, 1, 1)) for d, n in count.items()}
        for (_, _, r, c), sides in zip(flat.groups, self.groups):
            for d, side in zip((r, c), sides):
                if side:
                    side.bind(self.stacks[d])
        self.have_bases = False

    def forget(self):
        super().forget()
        self.squares.zero_()
        self.age.zero_()
        for cov, basis in self.stacks.values():
            cov.zero_()
            basis.copy_(torch.eye(len(basis[0]), device=basis.device))
        self.have_bases = False

    @staticmethod
    def turn(x, left, right):
        """Into the eigenbasis."""
        x = left.basis.transpose(1, 2) @ x if left else x
        return x @ right.basis if right else x

    @staticmethod
    def turn_back(x, left, right):
        x = left.basis @ x if left else x
        return x @ right.basis.transpose(1, 2) if right else x

    def direct(self, ok):
        flat, n = self.flat, self.flat.adam_end
        self.moment[n:].lerp_(flat.grad[n:], ok * (1 - BETA))
        self.age += ok
        known, correction = (1 - BETA ** t.clamp(min=1) for t in (self.age, self.t))
        views = zip(*(flat.matrices(t) for t in (flat.grad, self.moment, self.update)), self._squares(), self.groups)
        for g, m, u, v, (left, right) in views:
            if left:
                left.cov.lerp_(g @ g.transpose(1, 2), ok * (1 - BETA))
            if right:
                right.cov.lerp_(g.transpose(1, 2) @ g, ok * (1 - BETA))
            v.lerp_(self.turn(g, left, right).square(), ok * (1 - BETA))
            step = self.turn(m, left, right) / correction / ((v / known).sqrt() + EPSILON)
            step.clamp_(-1, 1)      # the most that Adam can do with these averages, were it not for a basis that has turned
            torch.mul(self.turn_back(step, left, right), 0.2, out=u)

    def _squares(self):
        start = self.flat.adam_end
        return [self.squares[at - start:at - start + n * r * c].view(n, r, c) for at, n, r, c in self.flat.groups]

    @torch.no_grad()
    def refresh(self):
        """Follow the eigenvectors: at first by decomposition, then by a step of the power iteration. The squares so far are none of that
        basis, and would be far too small for what has many of the gradient's elements in one."""
        if not self.have_bases:
            self.squares.zero_()
            self.age.zero_()
        for cov, basis in self.stacks.values():
            if self.have_bases:
                basis.copy_(torch.linalg.qr(cov @ basis)[0])
            else:
                basis.copy_(torch.linalg.eigh(cov)[1].flip(-1))      # largest first, the order that the iteration keeps
            if dist.is_initialized():       # all must take the same step
                dist.broadcast(basis, 0)
        self.have_bases = True
