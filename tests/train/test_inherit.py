"""Test of models/train/inherit.py: a tiny student gets the functions of a larger network, on the CPU. Without PyTorch it says so and exits 0."""
import contextlib
import io
import json
import os
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "stand_in"))
from tiny import TINY, random_codec
import torch
import torch.nn as nn
import inherit
import inherit_entropy
import least_squares
import model as M
import train
from muon import FlatParameters, Muon

LARGE = dict(TINY, name="large", model=dict(TINY["model"], ch=[16, 24, 32], depth=[1, 2, 4], m=30, n=12, growth=6, slices=[10, 20], hyper=24,
                                            dim=20, gdim=20, hid=24))


def crops(n=4):
    """Smooth pictures and their levels."""
    y, x = torch.meshgrid(torch.arange(128.0), torch.arange(128.0), indexing="ij")
    wave = lambda i, c: 0.5 + 0.4 * torch.sin(x / (5 + i) + c) * torch.cos(y / (4 + 2 * i) + i)
    return ([torch.stack([torch.stack([wave(4 * k + i, c) for c in range(3)], -1) for i in range(4)]) for k in range(n)],
            [torch.rand(4) * 7 for _ in range(n)])


def quiet(f, *args):
    with contextlib.redirect_stdout(io.StringIO()) as said:
        f(*args)
    return said.getvalue()


@torch.no_grad()
def test_layers_are_found_again():
    """Least squares finds the layer that made the targets, whatever stands in its place; and only the positions asked for count."""
    for layer, own, x in ((nn.Linear(5, 3), nn.Linear(5, 3), torch.randn(4, 8, 8, 5)),
                          (nn.Conv2d(4, 6, 3, 2, 1), nn.Conv2d(4, 6, 3, 2, 1), torch.randn(4, 4, 16, 16)),
                          (nn.Conv2d(2, 3, 5, 1, 2), nn.Conv2d(2, 3, 5, 1, 2), torch.randn(8, 2, 16, 16))):
        targets = [layer(t) if x.ndim == 4 and isinstance(layer, nn.Linear) else layer(t).permute(0, 2, 3, 1) for t in x.split(2)]
        assert least_squares.fit(own, x.split(2), targets) > 0.9999
        assert torch.allclose(own.weight, layer.weight, atol=2e-3) and torch.allclose(own.bias, layer.bias, atol=2e-3)
        kept = [torch.rand(t.shape[:-1]) < 0.5 for t in targets]
        spoilt = [torch.where(k[..., None], t, torch.full_like(t, 9.0)) for k, t in zip(kept, targets)]
        assert least_squares.fit(own, x.split(2), spoilt) < 0.9
        assert least_squares.fit(own, x.split(2), spoilt, kept) > 0.9999


def test_components():
    """Most of the variance, orthonormal, and the sum of the student's channels is the least of them."""
    x = torch.randn(4, 16, 16, 12) * torch.logspace(0, -3, 12) @ torch.linalg.qr(torch.randn(12, 12)).Q + 3
    p = least_squares.basis([[x[:2], x[2:]]], 4)
    assert p.shape == (12, 4) and torch.allclose(p.t() @ p, torch.eye(4), atol=1e-5)
    flat = (x - x.mean((0, 1, 2))).flatten(0, 2)
    kept = (flat @ p).square().sum()
    assert kept > 0.98 * flat.square().sum() and (flat @ p).sum(1).square().mean() / 4 < 0.1 * kept / len(flat)
    assert torch.equal(least_squares.basis([[x]], 12), torch.eye(12))


@torch.no_grad()
def test_layer_norm_is_made_nearly_linear():
    """What LayerNorm does to targets of uneven length, its own scale and shift cannot undo; with the constant they can, nearly."""
    targets, explained = [torch.randn(4, 8, 8, 16) * (0.2 + 2 * torch.rand(4, 8, 8, 1)) for _ in range(2)], []
    for inputs in (targets, least_squares.steadied(targets)):
        norm = nn.LayerNorm(16)
        explained.append(least_squares.branch_norm(norm, inputs, targets))
        error = sum((norm(x) - t).square().sum() for x, t in zip(inputs, targets)) / sum(t.square().sum() for t in targets)
        assert abs(1 - error - explained[-1]) < 0.01
    print("LayerNorm explains", *(f"{e:.3f}" for e in explained))
    assert explained[0] < 0.78 < 0.85 < explained[1]


@torch.no_grad()
def test_attention_keeps_its_scores():
    """Queries and keys in fewer dimensions, of data that has no more, have the products they had, with the scale of attention."""
    q, k = torch.randn(500, 3) @ torch.randn(3, 8), torch.randn(400, 8)
    fq, fk = inherit_entropy.score_bases(q, k, 3)
    assert torch.allclose((q @ fq) @ (k @ fk).t() / 3 ** 0.5, q @ k.t() / 8 ** 0.5, atol=1e-2)


def trained(cfg, pictures, levels, steps=80):
    """A network after some steps on the pictures."""
    torch.manual_seed(1)
    net = M.Codec(**cfg["model"])
    flat = FlatParameters(net)
    optimizer = Muon(flat, 4e-3, 4e-3)
    for i in range(steps):
        x, q = pictures[i % len(pictures)], levels[i % len(levels)]
        optimizer.scale.fill_(min(1, 2 - 2 * i / steps))
        x_hat, yb, zb = net(x, q)
        flat.clear()
        train.rate_distortion(x, x_hat, yb + zb, net.rate_lambda(q))[0].backward()
        flat.gather()
        optimizer.step(torch.ones(()))
    return net


def test_student_does_what_its_teacher_does():
    """Smaller in every size, it has learnt most of what its teacher has; of the same size, nearly all."""
    (pictures, levels), losses = crops(), {}
    teacher = trained(LARGE, pictures, levels)
    loss = lambda net: float(inherit.measure(net, pictures, levels).split()[1])
    fresh = loss(M.Codec(**TINY["model"]))
    for name, cfg in (("student", TINY), ("twin", LARGE)):
        net = M.Codec(**cfg["model"])
        said = quiet(inherit.inherit, teacher, net, pictures, levels)
        assert "g_a.down4" in said and "ctx.1.ag.kv" in said and "g_s.up4" in said
        losses[name] = loss(net)
    print(f"loss: fresh {fresh}, teacher {loss(teacher)}, {losses}")
    assert losses["twin"] < 1.1 * loss(teacher) and losses["student"] < 1.6 * loss(teacher) < fresh / 10


def test_command():
    with tempfile.TemporaryDirectory() as folder:
        at = lambda name: os.path.join(folder, name)
        for cfg in (TINY, LARGE):
            with open(at(f"{cfg['name']}.json"), "w") as f:
                json.dump(cfg, f)
        train.save_state(random_codec(LARGE, 1).state_dict(), at("large"))
        run = ["inherit.py", at("tiny.json"), "--teacher", at("large.*.pt"), "--teacher-config", at("large.json"), "--data", "random",
               "--crops", "16", "--size", "64", "--out", at("out/tiny")]
        sys.argv = run
        said = quiet(inherit.main)
        assert "teacher: loss" in said and "student: loss" in said, said
        M.Codec(**TINY["model"]).load_state_dict(train.load_state(at("out/tiny.*.pt")))
        sys.argv = [*run[:3], at("out/tiny.*.pt"), "--teacher-config", at("tiny.json"), *run[6:]]
        sys.argv[1] = at("large.json")
        try:
            inherit.main()
        except SystemExit as e:
            assert "cannot inherit: m, n, growth, hyper, dim, gdim, hid, ch, depth, slices" in str(e), e
        else:
            raise AssertionError("a large network inherits from a small one")


if __name__ == "__main__":
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            torch.manual_seed(1)
            test()
            print(f"ok {name}", flush=True)
