"""SOAP (Vyas et al., arXiv 2409.11321) for the matrices, in place of Muon: Adam in the eigenbasis of Shampoo's preconditioners."""
from collections import Counter, namedtuple

import torch
import torch.distributed as dist

from muon import Muon

LARGEST = 512       # a side longer than that keeps its own basis, as the paper's one-sided form does
BETA = 0.95         # of the moment, the squares and the preconditioners
EPSILON = 1e-8

Side = namedtuple("Side", "covariance basis")     # of one side of n matrices: n,d,d each


class Soap(Muon):
    """Steps have the length of Muon's: 0.2 an element, or less where the gradient keeps changing its sign."""
    REFRESH = 20        # steps between two corrections of the bases, which happen outside of the captured step

    def __init__(self, flat, lr, adam_lr, kernels=1.0):
        super().__init__(flat, lr, adam_lr, kernels, momentum=BETA, streams=0)
        self.squares = torch.zeros_like(flat.value)
        self.age = torch.zeros_like(self.t)         # steps that the squares know of

    def arrange(self):
        """Sides of one length lie together, so that their bases are refreshed together; each shape has its two parts of them, or None."""
        groups, device = self.flat.groups, self.flat.value.device
        count, used = Counter(), Counter()
        for _, n, r, c in groups:
            for d in (r, c):
                count[d] += n
        self.stacks = {d: Side(torch.zeros(n, d, d, device=device), torch.eye(d, device=device).repeat(n, 1, 1))
                       for d, n in count.items() if d <= LARGEST}

        def side(d, n):
            if d > LARGEST:
                return None
            used[d] += n
            return Side(*(t[used[d] - n:used[d]] for t in self.stacks[d]))
        self.sides = [(side(r, n), side(c, n)) for _, n, r, c in groups]
        self.buckets, self.have_bases = [], False

    def forget(self):
        super().forget()
        self.squares.zero_()
        self.age.zero_()
        for covariance, basis in self.stacks.values():
            covariance.zero_()
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
        views = zip(*(flat.matrices(t) for t in (flat.grad, self.moment, self.update, self.squares)), self.sides)
        for g, m, u, v, (left, right) in views:
            if left:
                left.covariance.lerp_(g @ g.transpose(1, 2), ok * (1 - BETA))
            if right:
                right.covariance.lerp_(g.transpose(1, 2) @ g, ok * (1 - BETA))
            v.lerp_(self.turn(g, left, right).square(), ok * (1 - BETA))
            step = self.turn(m, left, right) / correction / ((v / known).sqrt() + EPSILON)
            step.clamp_(-1, 1)      # the most that Adam can do with these averages, were it not for a basis that has turned
            torch.mul(self.turn_back(step, left, right), 0.2, out=u)

    @torch.no_grad()
    def refresh(self):
        """Follow the eigenvectors: at first by decomposition, then by a step of the power iteration. The squares so far are none of that
        basis, and would be far too small for what has many of the gradient's elements in one."""
        if not self.have_bases:
            self.squares.zero_()
            self.age.zero_()
        for covariance, basis in self.stacks.values():
            if self.have_bases:
                basis.copy_(torch.linalg.qr(covariance @ basis)[0])
            else:
                basis.copy_(torch.linalg.eigh(covariance)[1].flip(-1))      # largest first, the order that the iteration keeps
            if dist.is_initialized():       # all must take the same step
                dist.broadcast(basis, 0)
        self.have_bases = True
