"""Tests of models/train: fused layers against plain ones, the optimiser, data-parallel gradients, and a short training on the CPU.

Run it as it is; without PyTorch it says so and exits 0.
"""
import json
import math
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TRAIN = os.path.join(HERE, "../../models/train")
sys.path[:0] = [TRAIN, os.path.join(HERE, "stand_in")]
sys.dont_write_bytecode = True
try:
    import numpy  # noqa: F401
    import PIL  # noqa: F401
    import torch
except ImportError as e:
    print(f"skip: test_train needs PyTorch, numpy and PIL: {e}")
    sys.exit(0)
import triton_cpu  # noqa: F401  (before fused)
import data
import evaluate
import fused
import model as M
import train

torch.set_num_threads(1)
with open(os.path.join(TRAIN, "tiny.json")) as f:
    TINY = json.load(f)


def randomised(module):
    for p in module.parameters():
        torch.nn.init.normal_(p, std=0.3)
    return module


def differences(plain, fast, module, *inputs):
    """Relative differences of the output and of all gradients between two forms of a module."""
    results = []
    for f in (plain, fast):
        module.zero_grad(set_to_none=True)
        xs = [x.clone().requires_grad_() for x in inputs]
        y = f(*xs)
        y.backward(torch.linspace(-1, 1, y.numel()).sin().view(y.shape))
        results.append([y.detach(), *(x.grad for x in xs), *(p.grad for p in module.parameters())])
    return [((a - b).norm() / (a.norm() + 1e-9)).item() for a, b in zip(*results)]


def test_fused_layers_equal_the_plain_ones():
    """The Triton kernels run in a stand-in for Triton; sizes that no block of a kernel divides."""
    torch.manual_seed(0)
    cases = [
        (M.RSTB(32, 2, head_dim=16), fused.rstb, (2, 16, 24, 32)),
        (M.RSTB(48, 2, head_dim=16), fused.rstb, (1, 24, 8, 48)),
        (M.DenseBlock(32, 12), fused.dense_block, (2, 16, 8, 32)),
        (M.Conv(3, 32, 5, 2), fused.down_rgb, (2, 16, 24, 3)),
        (M.UpConv(32, 3), fused.up_conv, (2, 16, 24, 32)),
        (M.Conv(160, 20, 3, 2), fused.conv, (2, 16, 24, 160)),
        (torch.nn.Linear(20, 33), fused.linear, (2, 7, 9, 20)),
        (M.Conv(40, 40, 3, groups=40), fused.depthwise, (2, 7, 9, 40)),
        (M.Conv(40, 40, 5, groups=40), fused.depthwise, (2, 7, 9, 40)),
    ]
    for module, form, shape in cases:
        randomised(module)
        worst = max(differences(module.forward, lambda x: form(module, x), module, torch.randn(shape)))
        assert worst < 1e-3, (form.__name__, shape, worst)


def test_weight_gradient_in_pieces():
    torch.manual_seed(0)
    dy, x = torch.randn(128 * 1024, 3), torch.randn(128 * 1024, 5)
    exact = dy.double().t() @ x.double()
    assert (fused._wgrad(dy, x) - exact).norm() < 1e-4 * exact.norm()


def test_muon_orthogonalises_each_matrix():
    torch.manual_seed(0)
    net = M.Codec(**TINY["model"])
    flat = train.FlatParameters(net)
    before = {k: v.clone() for k, v in flat.master.items()}
    flat.grad.normal_()
    train.Muon(flat, lr=1e-2, adam_lr=1e-3).step()
    for name, p in flat.master.items():
        step = p - before[name]
        if train.is_matrix(name, p):
            step = step.reshape(len(p), -1)
            s = torch.linalg.svdvals(step) / (1e-2 * 0.2 * math.sqrt(max(step.shape)))
            assert 0.6 < s.median() and s.max() < 1.3, (name, s)
        else:
            assert torch.allclose(step.abs(), torch.full_like(step, 1e-3), rtol=1e-2), name


def test_crops_are_pixels_of_the_tiles():
    torch.manual_seed(0)
    tiles = data.Tiles("random", "cpu", tile=64)
    tiles.data[:] = torch.arange(64 * 64).view(64, 64) % 251
    x = data.sample(tiles, 8, 32, reduced=0, grey=0) * 255
    assert torch.equal(x, x.round())
    steps = (x[:, 1:, :, 0] - x[:, :-1, :, 0]) % 251, (x[:, :, 1:, 0] - x[:, :, :-1, 0]) % 251
    for i in range(8):
        assert {int(s[i].unique()) for s in steps} in ({a, b} for a in (1, 250) for b in (64, 187)), i
    x = data.sample(tiles, 8, 48)
    assert x.shape == (8, 48, 48, 3) and x.min() >= 0 and x.max() <= 1


def _gradient(rank, world, port, folder):
    """Gradient of one share of a batch of four, in its own process."""
    torch.set_num_threads(1)
    if world > 1:
        train.dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=world)
    torch.manual_seed(rank)         # the first process's weights must reach all
    net = M.Codec(**TINY["model"])
    trainer = train.Trainer(net, data.Tiles("random", "cpu", tile=64), TINY, world)
    torch.manual_seed(7)
    x, q = torch.rand(4, 64, 64, 3), torch.tensor([0.5, 2.0, 4.0, 6.5])
    share = slice(rank * 4 // world, (rank + 1) * 4 // world)
    trainer.gradient(x[share], q[share], noise=False)
    torch.save(trainer.flat.grad, os.path.join(folder, f"{world}.{rank}"))


def test_two_processes_give_the_gradient_of_one():
    with tempfile.TemporaryDirectory() as folder:
        _gradient(0, 1, 0, folder)
        torch.multiprocessing.spawn(_gradient, (2, 20000 + os.getpid() % 20000, folder), nprocs=2)
        one, *two = (torch.load(os.path.join(folder, n)) for n in ("1.0", "2.0", "2.1"))
    assert torch.equal(*two)
    assert (one - two[0]).norm() < 1e-3 * one.norm()


def test_loss_falls_and_weights_come_back():
    torch.manual_seed(0)
    net = M.Codec(**TINY["model"])
    tiles = data.Tiles("random", "cpu", tile=TINY["tile"])
    y, x = torch.meshgrid(torch.arange(128.0), torch.arange(128.0), indexing="ij")
    for i, tile in enumerate(tiles.data):       # smooth pictures
        tile[:] = torch.stack([128 + 100 * torch.sin(x / (9 + i) + c) * torch.cos(y / (7 + i)) for c in range(3)]).byte()
    trainer = train.Trainer(net, tiles, TINY)
    probe, q = data.sample(tiles, 8, 64), torch.linspace(0, 7, 8)

    def loss():
        with torch.no_grad():
            x_hat, y_bits, z_bits = net(probe, q, noise=False)
            return train.rate_distortion(probe, x_hat, y_bits + z_bits, q)[0].item()

    before = loss()
    step = trainer.prepare(4, 64)
    for i in range(40):
        trainer.set_progress(i / 40)
        step()
        trainer.rounds += 1
    after = loss()
    print(f"loss {before:.2f} -> {after:.2f}: {trainer.report()}")
    assert after < 0.9 * before
    with tempfile.TemporaryDirectory() as folder:
        trainer.save(os.path.join(folder, "tiny"))
        other = M.Codec(**TINY["model"])
        other.load_state_dict(train.load_state(os.path.join(folder, "tiny.*.pt")))
    trainer.flat.value.copy_(trainer.average)
    for (name, a), b in zip(net.named_parameters(), other.parameters()):
        assert torch.allclose(a, b, rtol=1e-3, atol=1e-6), name


def test_measures():
    assert abs(evaluate.bd_rate([(b, p) for b, p in ((.1, 28), (.2, 30), (.4, 32), (.8, 34))],
                                [(b * 1.1, p) for b, p in ((.1, 28), (.2, 30), (.4, 32), (.8, 34))]) - 10) < 1e-6
    torch.manual_seed(0)
    x = torch.rand(1, 192, 200, 3)
    assert abs(evaluate.ms_ssim(x, x) - 1) < 1e-5
    values = [evaluate.ms_ssim(x, (x + s * torch.randn_like(x)).clamp(0, 1)) for s in (0.05, 0.2)]
    assert 1 > values[0] > values[1] > 0


if __name__ == "__main__":
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            test()
            print(f"ok {name}", flush=True)
