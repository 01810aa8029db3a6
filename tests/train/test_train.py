"""Tests of models/train: fused layers against plain ones, data-parallel gradients, and a short training on the CPU.

Run it as it is; without PyTorch it says so and exits 0.
"""
import io
import math
import os
import sys
import tarfile
import tempfile
import types
from unittest import mock

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "stand_in"))
from tiny import TINY, TRAIN, process_group, random_codec
import torch
from PIL import Image
import triton_cpu  # noqa: F401  (before fused)
import context
import data
import evaluate
import fused
import grow
import integers
import model as M
import narrow
import sums
import train


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
        (M.RSTB(32, 1, head_dim=16, ratio=4), fused.rstb, (1, 8, 16, 32)),
        (M.DenseBlock(32, 12), narrow.dense_block, (2, 16, 8, 32)),
        (M.Conv(3, 32, 5, 2), fused.down_rgb, (2, 16, 24, 3)),
        (M.UpConv(32, 3), fused.up_conv, (2, 16, 24, 32)),
        (M.Conv(160, 20, 3, 2), fused.conv, (2, 16, 24, 160)),
        (integers.Linear(20, 33), fused.linear, (2, 7, 9, 20)),
        (M.Conv(40, 40, 3, groups=40), fused.depthwise, (2, 7, 9, 40)),
        (M.Conv(40, 40, 5, groups=40), fused.depthwise, (2, 7, 9, 40)),
    ]
    for module, form, shape in cases:
        randomised(module)
        worst = max(differences(module.forward, lambda x: form(module, x), module, torch.randn(shape)))
        assert worst < 1e-3, (form.__name__, shape, worst)


def test_fused_layers_that_are_not_trained():
    """Their input has the gradient of the plain ones; their parameters have none."""
    torch.manual_seed(0)
    cases = [
        (M.RSTB(32, 2, head_dim=16), fused.rstb, (2, 16, 24, 32)),
        (M.DenseBlock(32, 12), narrow.dense_block, (2, 16, 8, 32)),
        (M.UpConv(32, 3), fused.up_conv, (2, 16, 24, 32)),
        (M.Conv(160, 20, 3, 2), fused.conv, (2, 16, 24, 160)),
        (integers.Linear(20, 33), fused.linear, (2, 7, 9, 20)),
        (M.Conv(40, 40, 3, groups=40), fused.depthwise, (2, 7, 9, 40)),
    ]
    for module, form, shape in cases:
        randomised(module).requires_grad_(False)
        results = []
        for f in (module.forward, lambda x: form(module, x)):
            x = torch.linspace(-1, 1, math.prod(shape)).mul(7e3).sin().view(shape).requires_grad_()
            y = f(x)
            y.backward(torch.linspace(-1, 1, y.numel()).sin().view(y.shape))
            results.append(x.grad)
        assert all(p.grad is None for p in module.parameters())
        worst = ((results[0] - results[1]).norm() / results[0].norm()).item()
        assert worst < 1e-3, (form.__name__, shape, worst)


def test_fused_layers_in_integers():
    """As above. They must differ more from the same layers in floats, or nothing was rounded."""
    torch.manual_seed(0)
    cases = [
        (M.RSTB(32, 2, head_dim=16, ratio=4), fused.rstb, (1, 16, 8, 32)),
        (M.UpConv(32, 20), fused.up_conv, (2, 7, 6, 32)),
        (M.UpConv(72, 20), fused.up_conv, (2, 7, 6, 72)),
        (M.Conv(160, 20, 3, 2), fused.conv, (2, 8, 6, 160)),
        (integers.Linear(20, 33), fused.linear, (2, 7, 9, 20)),
    ]
    for module, form, shape in cases:
        torch.nn.Module.apply(module, lambda m: torch.nn.init.normal_(m.weight, std=0.1) if hasattr(m, "weight") else m)
        fast = lambda x: form(module, x)
        x = torch.randn(shape)
        floats = fast(x).detach()
        for m in module.modules():
            m.integer = isinstance(m, (integers.Linear, integers.Conv2d)) and getattr(m, "groups", 1) == 1
        worst = max(differences(module.forward, fast, module, x))
        assert worst < 5e-4, (form.__name__, shape, worst)
        gap = ((fast(x).detach() - floats).norm() / floats.norm()).item()
        assert gap > 1e-3, (form.__name__, shape, gap)


def test_scale_and_shift_by_the_level():
    torch.manual_seed(0)
    module, mix = randomised(M.RateAffine(8, 40)), M.Codec(**TINY["model"]).mix(torch.tensor([0.0, 2.3, 7.0]))
    worst = max(differences(lambda x: module(x, mix), lambda x: fused.rate_affine(module, x, mix), module, torch.randn(3, 9, 70, 40)))
    assert worst < 1e-4, worst


def test_norms_by_the_level():
    """Each picture's gains and shifts are those of its level, in both forms; at first all levels have the same."""
    torch.manual_seed(0)
    module, mix = M.RSTB(32, 2, head_dim=16, levels=8), M.Codec(**TINY["model"]).mix(torch.tensor([0.0, 2.3, 7.0]))
    x = torch.randn(3, 16, 8, 32)
    assert torch.equal(module(x, mix), module(x, mix.flip(0)))
    randomised(module)
    assert (module(x, mix) - module(x, mix.flip(0)))[0].abs().max() > 0.1
    worst = max(differences(lambda x: module(x, mix), lambda x: fused.rstb(module, x, mix), module, x))
    assert worst < 1e-3, worst


def test_weight_gradient_in_pieces():
    torch.manual_seed(0)
    dy, x = torch.randn(128 * 1024, 3), torch.randn(128 * 1024, 5)
    for n in (len(x), 1000):
        exact = dy[:n].double().t() @ x[:n].double()
        for dtype, bound in ((torch.float32, 1e-4), (torch.bfloat16, 2**-8)):
            got = sums.weight_gradient(dy[:n], x[:n], dtype)
            assert got.dtype == dtype and (got - exact).norm() < bound * exact.norm()


def test_gradients_come_in_the_precision_of_the_parameters():
    """Else autograd converts each of them, and so many small launches are a part of a step that shows."""
    torch.manual_seed(0)
    x, dy, weight, bias = torch.randn(64, 20), torch.randn(64, 33), torch.randn(33, 20), torch.randn(33)
    half = lambda *ts: tuple(t.bfloat16() for t in ts)
    ctx = types.SimpleNamespace(saved_tensors=half(x, weight), needs_input_grad=(True,) * 3)
    gradients = fused.Linear.backward(ctx, *half(dy))
    assert [g.dtype for g in gradients] == [torch.bfloat16, torch.bfloat16, torch.float32]
    layer = integers.Linear(20, 33)
    layer.weight.data, layer.bias.data = weight.bfloat16(), bias
    y = fused.linear(layer, x.bfloat16())
    assert y.dtype == torch.bfloat16 and torch.allclose(y.float(), x @ weight.t() + bias, atol=0.2)


def mirrored_slowly(layer, x, sides):
    """model.mirrored, position by position, after FORMAT.md."""
    conv = layer.conv
    if sides is None:
        return layer(x)
    out, half, stride = [], conv.kernel_size[0] // 2, conv.stride[0]
    for t, (left, top, right, bottom) in zip(x, sides.flags.tolist()):
        h, w, _ = t.shape

        def at(i, n, before, after):
            if i < 0:
                return min(-i, n - 1) if before else None
            if i >= n:
                return max(2 * (n - 1) - i, 0) if after else None
            return i

        def window(r, c):
            places = [[(at(r * stride - half + i, h, top, bottom), at(c * stride - half + j, w, left, right))
                       for j in range(2 * half + 1)] for i in range(2 * half + 1)]
            return torch.stack([torch.stack([torch.zeros_like(t[0, 0]) if None in p else t[p] for p in row]) for row in places])
        windows = torch.stack([torch.stack([window(r, c) for c in range(-(-w // stride))]) for r in range(-(-h // stride))])
        if conv.groups > 1:
            y = torch.einsum("rcijk,kij->rck", windows, conv.weight[:, 0]) + conv.bias
        else:
            y = torch.einsum("rcijk,okij->rco", windows, conv.weight) + conv.bias
        if isinstance(layer, M.UpConv):
            y = torch.nn.functional.pixel_shuffle(y.permute(2, 0, 1), 2).permute(1, 2, 0)
        out.append(y)
    return torch.stack(out)


ALL_SIDES = torch.tensor([[i >> k & 1 for k in range(4)] for i in range(16)])


def test_open_sides_mirror():
    """Every combination of open sides, arrays smaller than the kernel among them; plain and fused convolutions."""
    torch.manual_seed(0)
    sides = M.OpenSides(ALL_SIDES)
    for layer, form in ((M.Conv(6, 4), fused.conv), (M.Conv(6, 4, 5), fused.conv), (M.Conv(6, 4, 3, 2), fused.conv),
                        (M.Conv(6, 6, 3, groups=6), fused.depthwise), (M.Conv(6, 6, 5, groups=6), fused.depthwise),
                        (M.UpConv(6, 3), fused.up_conv)):
        randomised(layer)
        for h, w in ((8, 4), (2, 6)) + (((1, 3), (1, 1)) if layer.conv.stride[0] == 1 else ()):
            x = torch.randn(16, h, w, 6)
            want = mirrored_slowly(layer, x, sides)
            assert torch.allclose(M.mirrored(layer, x, sides), want, atol=1e-4)
            assert torch.allclose(M.mirrored(layer, x, M.OpenSides(0 * ALL_SIDES)), layer(x), atol=1e-4)
            bound = type("Bound", (), {"conv": layer.conv, "__call__": lambda self, x: form(layer, x)})()
            assert torch.allclose(M.mirrored(bound, x, sides), want, atol=1e-4), (form.__name__, h, w)


def test_entropy_path_of_tiles():
    torch.manual_seed(0)
    net, q = random_codec(), torch.rand(16) * 7
    mix, y = net.mix(q), 3 * torch.randn(16, 8, 12, TINY["model"]["m"])
    with torch.no_grad():
        fast = net.entropy(y, mix, noise=False, sides=M.OpenSides(ALL_SIDES))
        with mock.patch.object(context, "mirrored", mirrored_slowly):
            slow = net.entropy(y, mix, noise=False, sides=M.OpenSides(ALL_SIDES))
        whole = net.entropy(y, mix, noise=False)
    for a, b, c in zip(fast, slow, whole):
        assert (a - b).abs().mean() < 1e-3 * b.abs().mean()     # of symbols, a few may round the other way
        assert torch.allclose(a[0], c[0], rtol=1e-3, atol=1e-3) and not torch.allclose(a[1:], c[1:], rtol=1e-3)


def test_what_is_cut_off_costs_and_counts_nothing():
    torch.manual_seed(0)
    cut = torch.tensor([[1, 1], [1, 0], [0, 1], [0, 0]]).bool()
    assert M.cut_sides(cut).flags.tolist() == [[1, 1, 0, 0], [0, 1, 1, 0], [1, 0, 0, 1], [0, 0, 1, 1]]
    t = torch.arange(4 * 12 * 8 * 2.0).view(4, 12, 8, 2) + 1
    kept = M.keep(t, cut)
    assert torch.equal(kept[0], t[0, 4:, 4:]) and torch.equal(kept[1], t[1, 4:, :4]) and torch.equal(kept[3], t[3, :8, :4])
    back = M.put_back(kept, cut)
    assert torch.equal(back, t * (back > 0)) and torch.equal(M.keep(back, cut), kept)
    mask = M.kept_pixels(torch.zeros(4, 192, 128, 3), cut)
    assert torch.equal(mask[:, 8::16, 8::16], (back[..., :1] > 0).float()) and mask.sum() == 4 * 128 * 64

    net, seen = random_codec(), []
    hook = net.g_a.register_forward_hook(lambda m, i, o: (o.retain_grad(), seen.append(o)) and None)
    trainer = train.Trainer(net, data.Tiles("random", "cpu", tile=192), TINY)
    x = torch.rand(4, 192, 128, 3)
    result = trainer.gradient(x, torch.tensor([1.0, 3, 5, 6]), cut=cut)
    hook.remove()
    assert all(map(torch.isfinite, result)) and trainer.flat.grad.isfinite().all()
    for name, g in zip(trainer.flat.master, trainer.flat.grads):
        assert g.any() or "ag.off" in name or "prior" in name, f"{name}: no gradient"
    g, inside = seen[0].grad, back[..., 0] > 0
    assert not g[~inside].any() and g[inside].ne(0).float().mean() > 0.9
    # the loss is that of the kept pixels
    with torch.no_grad():
        x_hat, y_bits, z_bits = net(x, torch.tensor([1.0, 3, 5, 6]), noise=False, cut=cut)
        lam = net.rate_lambda(torch.zeros(4))
        change = x_hat + (1 - mask) * torch.randn_like(x_hat)
        a, b = (train.rate_distortion(x, t, y_bits + z_bits, lam, mask) for t in (x_hat, change))
        assert a == b
        whole = train.rate_distortion(x, x_hat, y_bits + z_bits, lam)
        ones = train.rate_distortion(x, x_hat, y_bits + z_bits, lam, torch.ones_like(mask))
        assert all(torch.isclose(i, j) for i, j in zip(whole, ones))
        plain = train.rate_distortion(x, x_hat, y_bits + z_bits, lam, weighting=0)
        assert torch.isclose(plain[0], plain[1] + lam[0] * plain[2])
        assert torch.isclose(whole[0], plain[0] * (lam[0] / 0.0098) ** -0.5)


def test_bits_of_what_is_rounded():
    """They are those of the file, and their gradient is that of their mean when all latents move, which noise misses."""
    torch.manual_seed(0)
    sigma, move = 0.25, 1e-3
    v = (0.2 + sigma * torch.randn(400000, dtype=torch.float64)).requires_grad_()
    s = torch.full_like(v, math.log(sigma)).requires_grad_()
    want = M.gauss_bits(torch.round(v.detach()), s)
    by_scale, = torch.autograd.grad(want.sum(), s)
    # Moved by the density: a sample at v counts as much as there are now of those at v - move.
    weight = torch.exp(-((v - move - 0.2) ** 2 - (v - 0.2) ** 2) / (2 * sigma ** 2)).detach()
    slope = ((weight - 1) * want.detach()).mean().item() / move
    found = {}
    for sharpness in (1e-4, 8.0):
        bits = M.rounded_bits(v, s, sharpness)
        assert torch.equal(bits, want)
        g, by = torch.autograd.grad(bits.sum(), (v, s))
        assert torch.equal(by, by_scale)
        found[sharpness] = g.mean().item()
    assert abs(found[8.0] - slope) < 0.12 * slope and abs(found[1e-4] - slope) > 0.4 * slope, (slope, found)
    few, noise = v[:8].detach().requires_grad_(), (torch.arange(2000) + 0.5) / 2000 - 0.5
    by_noise, = torch.autograd.grad(M.gauss_bits(few + noise[:, None], s[:8].detach()).mean(0).sum(), few)
    by_none, = torch.autograd.grad(M.rounded_bits(few, s[:8], 1e-4).sum(), few)
    assert torch.allclose(by_noise, by_none, rtol=1e-3, atol=1e-3)


def test_bits_far_from_the_mean():
    """Bits and derivatives are those of exact integration at every scale, and stay finite and bounded however far a latent lies from its mean."""
    v = torch.tensor([0.0, 0.3, 1, 2, 4, 9, 30, 200], dtype=torch.float64)
    for sigma in (0.11, 0.5, 3.0, 64.0):
        def exact(v, s):
            near = torch.special.ndtr((0.5 - v) / s.exp()) - torch.special.ndtr((-0.5 - v) / s.exp())
            tail = 2 ** -M.TAIL_BITS / (math.pi * s.exp() * (1 + (v / s.exp()) ** 2))
            return -torch.log2(near + tail)
        inside = v[v < 7 * sigma + 0.5]
        a, s = inside.clone().requires_grad_(), torch.full_like(inside, math.log(sigma)).requires_grad_()
        want = torch.autograd.grad(exact(a, s).sum(), (a, s))
        bits = M.gauss_bits(-a, s)
        got = torch.autograd.grad(bits.sum(), (a, s))
        assert torch.allclose(bits, exact(a, s), rtol=1e-6, atol=1e-6)
        assert all(torch.allclose(g, w, rtol=1e-5, atol=1e-6) for g, w in zip(got, want)), (sigma, got, want)
    far = torch.cat([10.0 ** torch.arange(-3, 9), -10.0 ** torch.arange(-3, 9)]).requires_grad_()
    for log_scale in (M.LOG_MIN, 0.0, M.LOG_MAX):
        s = torch.full_like(far, log_scale).requires_grad_()
        bits = M.gauss_bits(far, s)
        by_v, by_s = torch.autograd.grad(bits.sum(), (far, s))
        assert bits.isfinite().all() and by_v.isfinite().all() and by_s.isfinite().all()
        assert bits.max() < 120 and by_s.abs().max() < 70 and by_v.abs().max() < 100, (bits.max(), by_s.abs().max(), by_v.abs().max())
        assert (by_s[far.abs() > 1e3] < 0).all()          # a larger scale is what would help


def test_steps_on_flat_and_hard_pictures_have_finite_gradients():
    """White, black, one-pixel stripes and random bits at every rate level, with weights that are far off."""
    torch.manual_seed(0)
    x = torch.zeros(6, 64, 64, 3)
    x[1], x[2, ::2], x[3, :, ::2], x[4], x[5, 30:34] = 1, 1, 1, torch.rand(64, 64, 3).round(), 1
    model = dict(TINY["model"], levels=12, lambda_first=0.000658602)
    for spread in (0.05, 0.1):
        net = M.Codec(**model)
        with torch.no_grad():
            for name, p in net.named_parameters():
                p += (spread if p.ndim > 1 else 0.05) * torch.randn_like(p)
        trainer = train.Trainer(net, data.Tiles("random", "cpu", tile=64), dict(TINY, sharpness=3))
        for level in (0.0, 5.5, 11.0):
            assert all(map(torch.isfinite, trainer.gradient(x, torch.full((6,), level))))
            assert trainer.flat.grad.isfinite().all() and trainer.guard() == 1, (spread, level)
            trainer.guard.norm.zero_()


def test_sharp_rounding():
    """What is rounded sharply is rounded, in the forward direction; backward the slope is one on average and steep at the edges."""
    v = ((torch.arange(4000) + 0.5) / 1000 - 2).requires_grad_()
    for sharpness in (0.0, 4.0):
        y = context.soft_ste_round(v, sharpness)
        assert torch.allclose(y, torch.round(v), atol=1e-6)
        slope, = torch.autograd.grad(y.sum(), v)
        edge = ((v.abs() % 1) - 0.5).abs() < 0.1
        assert abs(slope.mean() - 1) < 1e-3
        assert abs(slope[edge].mean() / slope[~edge].mean() - 1) < 1e-6 if not sharpness else slope[edge].min() > 4 * slope[(v.abs() % 1) < 0.1].max()
    torch.manual_seed(0)
    x, q, gradients = torch.rand(2, 64, 64, 3), torch.tensor([1.0, 5.0]), []
    for sharpness in (0.0, 4.0):
        trainer = train.Trainer(random_codec(), data.Tiles("random", "cpu", tile=128), dict(TINY, sharpness=sharpness))
        net = trainer.net
        with torch.no_grad():
            sharp, plain = net(x, q), net(x, q, noise=False)
        assert torch.allclose(sharp[0], plain[0], atol=1e-5) and torch.equal(sharp[1], plain[1]) == bool(sharpness)
        torch.manual_seed(1)
        assert all(map(torch.isfinite, trainer.gradient(x, q))) and trainer.flat.grad.isfinite().all()
        gradients.append(trainer.flat.grad.clone())
    assert not torch.allclose(*gradients, rtol=0.1)


def test_the_average_forgets_the_first_steps():
    """In a run shorter than the time of "ema" too: a tenth of it back on average, and a long run as far back as "ema" says."""
    trainer = train.Trainer(M.Codec(**TINY["model"]), data.Tiles("random", "cpu", tile=128), dict(TINY, ema=0.999))
    for steps, low, high in ((1000, 50, 120), (20000, 900, 1050)):
        average = 0.0
        for trainer.rounds in range(steps):
            trainer.set_progress(0.0)
            average += (trainer.rounds - average) * trainer.average_weight.item()
        assert low < steps - average < high, (steps, steps - average)


def test_a_share_of_the_steps_codes_tiles():
    trainer = train.Trainer(M.Codec(**TINY["model"]), data.Tiles("random", "cpu", tile=128), dict(TINY, tiles=0.3))
    kinds = []
    with mock.patch.object(trainer, "step", lambda batch, size, tiles: kinds.append(tiles)):
        for size, most in ((128, 3), (64, 0)):
            kinds.clear()
            step = trainer.prepare(2, size)
            for _ in range(10):
                step()
            assert sum(kinds) == most
    trainer.set_progress(0)
    trainer.step(2, 128, tiles=True)
    trainer.report()


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


def test_crops_with_exchanged_colours_and_less_light():
    tiles = data.Tiles("random", "cpu", tile=32)
    tiles.data[:] = torch.tensor([200, 100, 20])[:, None, None]
    torch.manual_seed(0)
    plain = dict(reduced=0, grey=0)
    x = (data.sample(tiles, 300, 32, exchanged=0.5, **plain) * 255).round()
    orders = [tuple(c) for c in x[:, 0, 0].int().tolist()]
    assert len(set(orders)) == 6 and all(sorted(c) == [20, 100, 200] for c in orders)
    assert 0.5 < orders.count((200, 100, 20)) / 300 < 0.67       # 1/2 + 1/2 / 6
    x = data.sample(tiles, 300, 32, darker=0.25, **plain) * 255
    light = x[:, 0, 0, 0] / 200
    assert 0.2 < (light < 1).float().mean() < 0.3 and 0.5 <= light.min() < 0.55
    assert (x - light[:, None, None, None] * torch.tensor([200.0, 100, 20])).abs().max() < 1
    cfg = dict(TINY, sampling={"darker": 1.0})
    x, _ = train.Trainer(M.Codec(**TINY["model"]), data.Tiles("random", "cpu", tile=64), cfg).draw(8, 64)
    assert x.amax((1, 2, 3)).max() < 1


def test_levels_and_their_lagrange_multipliers():
    old, new = M.Codec(**TINY["model"]), M.Codec(**dict(TINY["model"], levels=12, lambda_first=0.000658602))
    assert M.levels_below(new.lambda_first) == 1 and M.levels_below(old.lambda_first) == 0
    q = torch.arange(8.0)
    assert torch.allclose(old.rate_lambda(q), new.rate_lambda(q + 1), rtol=1e-4)
    assert abs(old.rate_lambda(q)[7] - 0.08) < 1e-6 and abs(new.rate_lambda(torch.tensor(11.0)) - 0.4846) < 1e-3
    for p in old.parameters():
        p.data += 0.05 * torch.randn_like(p)
    new.load_state_dict(grow.grown(grow.more_levels(old.state_dict(), new.state_dict(), 1), new.state_dict()))
    x = torch.rand(2, 64, 64, 3)
    with torch.no_grad():       # the same network at the levels that both have, and on a straight line beyond
        for a, b in zip(old(x, torch.tensor([0.0, 6.5]), noise=False), new(x, torch.tensor([1.0, 7.5]), noise=False)):
            assert torch.allclose(a, b, rtol=1e-4, atol=1e-4)
    assert torch.allclose(new.gain[0], 2 * old.gain[0] - old.gain[1]) and torch.allclose(new.gain[11], old.gain[7] + 3 * (old.gain[7] - old.gain[6]), atol=1e-5)
    trainer = train.Trainer(new, data.Tiles("random", "cpu", tile=64), dict(TINY, core=[1, 8, 0.7]))
    q = trainer.draw_levels(torch.rand(2, 20000))
    inside = ((q >= 1) & (q <= 8)).float().mean()
    assert q.min() >= 0 and q.max() <= 11 and abs(inside - (0.7 + 0.3 * 7 / 11)) < 0.02


def test_a_share_of_the_crops_are_screens():
    def shard(name, colour, n):
        with tarfile.open(name, "w") as tar:
            for i in range(n):
                picture = io.BytesIO()
                Image.new("RGB", (64, 64), colour).save(picture, "PNG")
                info = tarfile.TarInfo(f"{i}.png")
                info.size = picture.tell()
                picture.seek(0)
                tar.addfile(info, picture)
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        shard(os.path.join(folder, "shard-000.tar"), (200, 100, 50), 3)
        tiles = data.Tiles(os.path.join(folder, "*.tar"), "cpu", capacity=16, tile=64)
        x = data.sample(tiles, 64, 32, screens=0.5)
        assert tiles.n == 3 and (x[:, 0, 0, 2] < 1).all()       # none there yet
        shard(os.path.join(folder, "shard-400.tar"), (0, 0, 255), 2)
        tiles.poll()
        x = data.sample(tiles, 2000, 32, grey=1.0, screens=0.2)
        screen = (x == torch.tensor([0.0, 0.0, 1.0])).all(-1).all(-1).all(-1)
        assert tiles.n == 5 and 0.17 < screen.float().mean() < 0.23      # with their colours, while photographs lose some of theirs


def test_a_run_in_pieces_goes_on_where_it_stopped():
    cfg = dict(TINY, tiles=0, core=[1, 6, 0.5])
    pictures, q = torch.rand(4, 4, 64, 64, 3), torch.tensor([0.5, 2.0, 4.0, 6.5])

    def steps(trainer, which):
        for i in which:
            trainer.set_progress(0.0)
            trainer.gradient(pictures[i], q, noise=False)
            trainer.optimizer.step(trainer.guard())
            trainer.average.lerp_(trainer.flat.value, trainer.average_weight)
            trainer.rounds += 1
            trainer.patches += 4

    def fresh(seed):
        torch.manual_seed(seed)
        return train.Trainer(M.Codec(**cfg["model"]), data.Tiles("random", "cpu", tile=64), cfg)
    whole, first, second = fresh(3), fresh(3), fresh(5)
    steps(whole, range(4))
    with tempfile.TemporaryDirectory() as folder, mock.patch.object(train, "CHUNK", 5000):
        steps(first, range(2))
        first.save_for_later(os.path.join(folder, "tiny"))
        first.save(os.path.join(folder, "tiny"))
        assert set(train.load_state(os.path.join(folder, "tiny.*.pt"))) == set(first.net.state_dict())     # and no state
        second.go_on(os.path.join(folder, "tiny"))
        other = train.Trainer(M.Codec(**dict(TINY["model"], hid=24)), data.Tiles("random", "cpu", tile=64), cfg)
        try:
            other.go_on(os.path.join(folder, "tiny"))
            raise AssertionError("taken by another network")
        except SystemExit as e:
            assert "not that of this network" in str(e)
    assert (second.rounds, second.patches) == (2, 8.0)
    steps(second, range(2, 4))
    first.optimizer.forget()        # as if it had been saved without its moments
    steps(first, range(2, 4))
    off = [(whole.flat.value - t.flat.value).norm() / (whole.flat.value - fresh(3).flat.value).norm() for t in (second, first)]
    assert off[0] < 0.3 * off[1] and off[0] < 0.1, off
    assert (whole.average - second.average).norm() < 0.1 * (whole.average - fresh(3).flat.value).norm()


def test_the_schedule_of_a_run_in_pieces():
    """It is counted in patches of the first size; a piece ends by the clock, and what an earlier one has done is not done again."""
    a = train.arguments().parse_args([os.path.join(TRAIN, "tiny.json"), "--data", "random", "--device", "cpu", "--patches", "100", "--seconds", "1e9",
                                      "--set", '{"late": 0.2, "late_size": 128, "late_batch": 1, "tiles": 0}'])
    run, done = train.Run(a, train.Trainer), []
    with mock.patch.object(run.trainer, "step", lambda batch, size, tiles: done.append(size)):
        run.trainer.patches = 60.0
        run.go()
        assert done.count(64) % 20 == 0 and done.count(128) % 20 == 0 and done == sorted(done)
        assert run.trainer.patches == 60 + 4 * len(done) and run.progress() >= 1
        first = len(done)
        run.trainer.patches = 90.0
        run.go()
        assert set(done[first:]) == {128}
        run.a.seconds, run.trainer.patches = 0, 0.0
        run.go()
        assert len(done) == first + 20 and run.trainer.patches == 0


def _gradient(rank, world, port, folder):
    """Gradient of one share of a batch of four, in its own process."""
    torch.set_num_threads(1)
    with process_group(rank, world, port):
        torch.manual_seed(rank)     # the first process's weights must reach all
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


def test_rates_for_several_processes():
    slow = dict(TINY, lr=5e-4, adam_lr=2e-4)
    assert train.for_processes(slow, 1) is slow
    four, eight, fast = train.for_processes(slow, 4), train.for_processes(slow, 8), train.for_processes(TINY, 4)
    assert (four["lr"], four["adam_lr"], four["warmup"]) == (1e-3, 4e-4, 500)
    assert math.isclose(eight["lr"], train.FASTEST) and math.isclose(eight["adam_lr"], 0.4 * train.FASTEST)
    assert fast["lr"] == TINY["lr"] > train.FASTEST
    assert train.for_processes(dict(TINY, warmup=900), 4)["warmup"] == 900


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
            return train.rate_distortion(probe, x_hat, y_bits + z_bits, net.rate_lambda(q))[0].item()

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


def test_a_larger_network_begins_as_the_smaller_one():
    torch.manual_seed(0)
    small = random_codec()
    model = dict(TINY["model"], depth=[2, 1, 4], ratio=[2, 3, 4], hid=24, rated=True)
    with torch.no_grad():
        for mod in small.modules():
            if isinstance(mod, torch.nn.LayerNorm):
                mod.weight.fill_(0.7)
    large = M.Codec(**model)
    large.load_state_dict(grow.grown(small.state_dict(), large.state_dict()))
    x, q = torch.rand(2, 64, 64, 3), torch.tensor([1.0, 5.5])
    with torch.no_grad():
        for a, b in zip(small(x, q, noise=False), large(x, q, noise=False)):
            assert torch.allclose(a, b, rtol=1e-4, atol=1e-4)
    large(x, q)[0].square().mean().backward()
    block = large.g_s.st3.blocks[0]
    assert block.fc2.weight.grad[:, -1].abs().max() > 0 and large.g_a.st3.blocks[3].norm1.weight.grad.abs().max() > 0
    holed = {k: v for k, v in small.state_dict().items() if ".st3.blocks.0." not in k}
    for state, other, reason in ((holed, model, "missing"), (small.state_dict(), dict(model, dim=24), "cannot grow"), (large.state_dict(), TINY["model"], "not in the larger")):
        try:
            grow.grown(state, M.Codec(**other).state_dict())
            raise AssertionError(reason)
        except SystemExit as e:
            assert reason in str(e), e


def test_a_second_encoder_adds_nothing_at_first():
    torch.manual_seed(0)
    net, beside = random_codec(), dict(ch=[16, 16, 24], depth=[1, 2, 1], ratio=3)
    donor = randomised(M.Analysis(**dict(beside, m=24, growth=4, head_dim=8)))
    state = {**net.state_dict(), **{f"g_a2.{k}": v for k, v in donor.state_dict().items() if "down4" not in k}}
    both = M.Codec(**TINY["model"], beside=beside)
    both.load_state_dict(grow.grown(state, both.state_dict()))
    assert torch.equal(both.g_a2.st2.blocks[1].fc1.weight, donor.st2.blocks[1].fc1.weight)
    x, q = torch.rand(2, 64, 64, 3), torch.tensor([1.0, 5.5])
    with torch.no_grad():
        for a, b in zip(net(x, q, noise=False), both(x, q, noise=False)):
            assert torch.equal(a, b)
        both.g_a2.down4.conv.weight.normal_()
        assert not torch.allclose(net(x, q, noise=False)[0], both(x, q, noise=False)[0], atol=1e-3)


def test_a_part_of_the_network_is_trained():
    """The rest keeps its values, through saving as well."""
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        a = train.arguments().parse_args([
            os.path.join(TRAIN, "tiny.json"), "--data", "random", "--steps", "4", "--out", folder, "--device", "cpu",
            "--set", '{"trained": "g_a|h_a", "model": {"encoder": {"depth": [2, 1, 3]}, "beside": {"ch": [16, 16, 24]}}}'])
        run = train.Run(a, train.Trainer)
        before = {k: v.clone() for k, v in run.trainer.net.state_dict().items()}
        run.go()
        after = train.load_state(os.path.join(folder, "tiny.*.pt"))
    moved = {k.split(".")[0] for k in before if not torch.allclose(before[k], after[k], rtol=1e-3, atol=1e-6)}
    assert moved == {"g_a", "g_a2", "h_a"}, moved
    assert len(run.trainer.net.g_a.st3.blocks) == 3 and len(run.trainer.net.g_s.st3.blocks) == 2


def test_measures():
    assert abs(evaluate.bd_rate([(b, p) for b, p in ((.1, 28), (.2, 30), (.4, 32), (.8, 34))],
                                [(b * 1.1, p) for b, p in ((.1, 28), (.2, 30), (.4, 32), (.8, 34))]) - 10) < 1e-6
    torch.manual_seed(0)
    x = torch.rand(1, 192, 200, 3)
    assert abs(evaluate.ms_ssim(x, x) - 1) < 1e-5
    values = [evaluate.ms_ssim(x, (x + s * torch.randn_like(x)).clamp(0, 1)) for s in (0.05, 0.2)]
    assert 1 > values[0] > values[1] > 0


def test_evaluation_in_tiles():
    torch.manual_seed(0)
    net, x, q = random_codec(), torch.rand(1, 128, 192, 3), torch.tensor([3.0])
    with torch.no_grad():
        whole, one, six = net(x, q, noise=False), evaluate.in_tiles(net, x, q, 192), evaluate.in_tiles(net, x, q, 64)
    assert all(torch.allclose(a, b, rtol=1e-3, atol=1e-2) for a, b in zip(whole, one))
    assert all(a.shape == b.shape and b.isfinite().all() for a, b in zip(whole, six)) and not torch.allclose(whole[1], six[1])


if __name__ == "__main__":
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            test()
            print(f"ok {name}", flush=True)
