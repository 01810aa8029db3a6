"""The part of Triton that models/train uses, run one program after another on CPU tensors: for tests without a GPU.

Import this module before `fused`. A pointer is a flat tensor and an offset; masked lanes read `other` and write nothing,
an unmasked access outside the tensor (of a view that is not contiguous: outside the first to the last of its elements) is an error.
"""
import itertools
import sys
import types

import torch


def flat(t):
    """A tensor, or all from the first to the last element of a view, as a vector."""
    if t.is_contiguous():
        return t.view(-1)
    return t.as_strided((1 + sum((n - 1) * s for n, s in zip(t.shape, t.stride())),), (1,))


class Pointer:
    def __init__(self, data, offset=0):
        self.data, self.offset = data, offset
        self.dtype = types.SimpleNamespace(element_ty=data.dtype)

    def __add__(self, other):
        return Pointer(self.data, self.offset + other)

    def __sub__(self, other):
        return Pointer(self.data, self.offset - other)

    def lanes(self, mask):
        at = torch.as_tensor(self.offset)
        mask = torch.ones_like(at, dtype=torch.bool) if mask is None else torch.as_tensor(mask).expand(at.shape)
        inside = (at >= 0) & (at < self.data.numel())
        assert bool((inside | ~mask).all()), "access outside the tensor"
        return at, mask


class Block(torch.Tensor):
    """In Triton `a += b` makes a new value: other names of the old one keep it."""
    __iadd__ = torch.Tensor.__add__


def load(pointer, mask=None, other=0.0):
    at, mask = pointer.lanes(mask)
    return torch.where(mask, pointer.data[torch.where(mask, at, 0)], torch.as_tensor(other, dtype=pointer.data.dtype))


def store(pointer, value, mask=None):
    at, mask = pointer.lanes(mask)
    value = torch.as_tensor(value, dtype=pointer.data.dtype).expand(at.shape)
    pointer.data[at[mask]] = value[mask]


class Kernel:
    ids = sizes = (0, 0, 0)

    def __init__(self, f):
        self.f = f

    def __call__(self, *args):
        return self.f(*args)

    def __getitem__(self, grid):
        def launch(*args, num_warps=4, num_stages=2):
            args = [Pointer(flat(a)) if isinstance(a, torch.Tensor) else a for a in args]
            Kernel.sizes = tuple(grid) + (1,) * (3 - len(grid))
            for Kernel.ids in itertools.product(*map(range, Kernel.sizes)):
                self.f(*args)
        return launch


cdiv = lambda a, b: -(-a // b)
language = types.ModuleType("triton.language")
language.__dict__.update(
    constexpr=int, float32=torch.float32, int32=torch.int32, int64=torch.int64, cdiv=cdiv, load=load, store=store,
    program_id=lambda i: Kernel.ids[i], num_programs=lambda i: Kernel.sizes[i],
    arange=torch.arange, zeros=lambda shape, dtype: torch.zeros(shape, dtype=dtype).as_subclass(Block), static_range=range,
    dot=torch.matmul, trans=lambda x: x.t(), sum=lambda x, axis: x.sum(axis), max=lambda x, axis: x.amax(axis),
    maximum=lambda a, b: torch.maximum(torch.as_tensor(a, dtype=torch.float32), torch.as_tensor(b, dtype=torch.float32)),
    minimum=lambda a, b: min(a, b), where=lambda c, a, b: torch.where(c, torch.as_tensor(a), torch.as_tensor(b)),
    inline_asm_elementwise=lambda asm, constraints, args, **_: torch.tanh(args[0]),      # the only one in use
    abs=torch.abs, floor=torch.floor, exp=torch.exp, rsqrt=torch.rsqrt, sigmoid=torch.sigmoid)
triton = types.ModuleType("triton")
triton.__dict__.update(jit=Kernel, cdiv=cdiv, language=language, next_power_of_2=lambda n: 1 << (n - 1).bit_length())
sys.modules.update({"triton": triton, "triton.language": language})
