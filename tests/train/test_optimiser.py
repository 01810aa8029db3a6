"""Tests of the optimisers of models/train, and of what keeps a run from being lost. Without PyTorch it says so and exits 0."""
import contextlib
import math
import os
import sys
from unittest import mock

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "stand_in"))
from tiny import TINY, random_codec
import torch
import data
import model as M
import muon
import train


def test_muon_orthogonalises_each_matrix():
    torch.manual_seed(0)
    net = M.Codec(**TINY["model"])
    flat = muon.FlatParameters(net)
    before = {k: v.clone() for k, v in flat.master.items()}
    flat.grad.normal_()
    muon.Muon(flat, lr=1e-2, adam_lr=1e-3).step(torch.ones(()))
    for name, p in flat.master.items():
        step = p - before[name]
        if muon.is_matrix(name, p):
            step = step.reshape(len(p), -1)
            s = torch.linalg.svdvals(step) / (1e-2 * 0.2 * math.sqrt(max(step.shape)))
            assert 0.6 < s.median() and s.max() < 1.3, (name, s)
        else:
            assert torch.allclose(step.abs(), torch.full_like(step, 1e-3), rtol=1e-2), name


def test_convolution_kernels_have_a_rate_of_their_own():
    steps = []
    for kernels in (1.0, 0.25):
        torch.manual_seed(0)
        net = M.Codec(**TINY["model"])
        flat = muon.FlatParameters(net)
        before = {k: v.clone() for k, v in flat.master.items()}
        flat.grad.normal_()
        muon.Muon(flat, lr=1e-2, adam_lr=1e-3, kernels=kernels).step(torch.ones(()))
        steps.append({k: v - before[k] for k, v in flat.master.items()})
    for name, whole in steps[0].items():
        quarter = muon.is_matrix(name, whole) and whole.ndim == 4
        assert torch.allclose(steps[1][name], whole * (0.25 if quarter else 1), rtol=1e-3, atol=1e-7), name


def test_gradients_are_gathered_by_precision():
    """_foreach_copy_ takes a list of mixed precisions one by one, and so many launches are a part of a step that shows."""
    torch.manual_seed(0)
    flat = muon.FlatParameters(M.Codec(**TINY["model"]), half=True)
    for i, p in enumerate(flat.params):
        p.grad = torch.randn_like(p) if i % 7 else None
    assert {p.dtype for p in flat.params} == {torch.float32, torch.bfloat16}
    flat.grad.fill_(3)
    calls = []

    def copy(to, source):
        calls.append(source[0].dtype)
        assert all(g.dtype == source[0].dtype and a.stride() == g.stride() for a, g in zip(to, source))
        for a, g in zip(to, source):
            a.copy_(g)
    with mock.patch.object(torch, "_foreach_copy_", copy, create=True):
        flat.gather()
    assert len(calls) == len(set(calls)) == 2
    for g, p in zip(flat.grads, flat.params):
        assert torch.equal(g, torch.zeros_like(g) if p.grad is None else p.grad.float())


def test_a_dropped_step_moves_nothing():
    """A zero gradient in its place made Muon go on with the old moment at full speed, until the network was lost."""
    trainer = train.Trainer(random_codec(), data.Tiles("random", "cpu", tile=64), TINY)
    for _ in range(3):
        trainer.step(4, 64)
    o = trainer.optimizer
    state = lambda: [t.clone() for t in (trainer.flat.value, o.moment, o.second, o.t)]
    for bad in (math.nan, math.inf, 1e9):
        before, dropped = state(), trainer.guard.skipped.item()
        with mock.patch.object(trainer, "gradient", lambda *a, **k: (trainer.flat.grad.fill_(bad), [torch.zeros(())] * 3)[1]):
            trainer.step(4, 64)
        assert trainer.guard.skipped == dropped + 1 and all(map(torch.equal, before, state())), bad
    before = trainer.flat.value.clone()
    trainer.step(4, 64)
    assert not torch.equal(before, trainer.flat.value) and trainer.flat.value.isfinite().all()


def test_a_lost_network_goes_back():
    trainer = train.Trainer(random_codec(), data.Tiles("random", "cpu", tile=64), TINY)

    def steps(n, lost=False):
        """lost: the weights are nothing any more, and all gradients are bad (not by running it: NaN kills PyTorch 1.13's grid_sample)."""
        bad = lambda *a, **k: (trainer.flat.grad.fill_(math.nan), [torch.tensor(math.nan)] * 3)[1]
        if lost:
            trainer.flat.value.fill_(1e6)
        with mock.patch.object(trainer, "gradient", bad) if lost else contextlib.nullcontext():
            for _ in range(n):
                trainer.set_progress(0)
                trainer.step(2, 64)
                trainer.rounds += 1
    steps(10)
    assert not trainer.check() and torch.equal(trainer.kept, trainer.average)
    good = trainer.average.clone()
    steps(10, lost=True)
    assert trainer.average.abs().max() > 1e3 and trainer.check()
    assert torch.equal(trainer.flat.value, good) and torch.equal(trainer.average, good) and not trainer.optimizer.moment.any()
    steps(10)
    assert trainer.optimizer.scale == 0.5 and not trainer.check() and trainer.flat.value.isfinite().all()
    assert not torch.equal(trainer.flat.value, good) and math.isfinite(float(trainer.report().split()[1]))
    steps(4, lost=True)
    assert trainer.check() and trainer.pace == 0.25
    steps(4, lost=True)
    try:
        trainer.check()
    except SystemExit as e:
        assert "diverged" in str(e)
    else:
        assert False, "it goes on"


if __name__ == "__main__":
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            test()
            print(f"ok {name}", flush=True)
