"""Layers in integers (models/train/integers.py): what they compute, what gradients they pass, which layers they are.
Without PyTorch it says so and exits 0."""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "stand_in"))
from tiny import TINY
import torch
import integers
import model as M
import rounding


def by_integers(x, w):
    """x @ w.T in whole numbers: largest values to 127, products summed exactly, one scale for each row and column."""
    sx, sw = (t.abs().amax(1, keepdim=True) / 127 for t in (x, w))
    qx, qw = (torch.where(s > 0, torch.round(t / s), torch.zeros_like(t)).long() for t, s in ((x, sx), (w, sw)))
    assert qx.abs().max() <= 127 and qw.abs().max() <= 127
    return (qx @ qw.t()).double() * sx.double() * sw.t().double()


def test_linear():
    torch.manual_seed(5)
    layer = integers.Linear(40, 24, bias=False)
    layer.integer = True
    x = torch.randn(50, 40) * torch.logspace(-4, 4, 50)[:, None]
    x[7] = 0
    y = layer(x).detach()
    expected = by_integers(x, layer.weight.detach())
    assert ((y - expected).norm(dim=1) / (expected.norm(dim=1) + 1e-9)).max().item() < 1e-5
    assert (y - x @ layer.weight.t()).abs().max().item() > 1e-3
    assert not y[7].any()


def test_convolution_is_one_of_rounded_positions():
    layer = integers.Conv2d(8, 12, 3, 1, 1)
    x = torch.randn(2, 8, 6, 7)
    plain = layer(x)
    layer.integer = True
    steps = x.abs().amax(1, keepdim=True) / 127
    near = torch.round(x / steps) * steps
    w = layer.weight.detach()
    sw = w.abs().amax((1, 2, 3), keepdim=True) / 127
    expected = torch.nn.functional.conv2d(near, torch.round(w / sw) * sw, layer.bias, 1, 1)
    assert (layer(x) - expected).abs().max().item() < 1e-5
    assert (plain - expected).abs().max().item() > 1e-4


def test_gradients_pass_as_if_nothing_were_rounded():
    x = torch.randn(9, 16, requires_grad=True)
    g = torch.randn(9, 16)
    integers.rounded_positions(x).backward(g)
    assert torch.equal(x.grad, g)
    w = torch.randn(4, 3, 3, 3, requires_grad=True)
    g = torch.randn_like(w)
    integers.rounded_outputs(w).backward(g)
    assert torch.equal(w.grad, g)


def test_layers_are_chosen_by_name():
    net = M.Codec(**TINY["model"], integers=(".attn.", ".fc", "g_[ax].down[2]"))
    chosen = {name for name, m in net.named_modules() if getattr(m, "integer", False)}
    assert "g_a.down2.conv" in chosen
    assert "g_s.st1.blocks.0.fc2" in chosen
    assert "g_a.down1.conv" not in chosen
    assert "g_s.st1.blocks.0.dw.conv" not in chosen
    assert not any(getattr(m, "integer", False) for m in M.Codec(**TINY["model"]).modules())
    try:
        M.Codec(**TINY["model"], integers=("dw",))
    except AssertionError as e:
        assert "depthwise" in str(e)
    else:
        assert False, "a depthwise convolution was taken"


def test_weights_are_rounded_for_their_inputs():
    torch.manual_seed(3)
    w, mixed = torch.randn(12, 40), torch.randn(40, 10)
    x = torch.randn(2000, 10) @ mixed.t() + 0.1 * torch.randn(2000, 40)
    steps = w.abs().amax(1) / integers.LIMIT
    plain = integers.rounded_outputs(w)
    moments = (x.t() @ x).double()
    whole = rounding.whole_numbers(w, steps, moments)
    assert torch.equal(whole, whole.round()) and whole.abs().max().item() <= 127
    best = whole * steps[:, None]
    error = lambda v: (x @ (v - w).t()).square().mean().item()
    assert error(best) < 0.3 * error(plain), (error(best), error(plain))
    alone = rounding.whole_numbers(w, steps, torch.eye(40, dtype=torch.double)) * steps[:, None]
    assert (alone - plain).abs().max().item() < 1e-5, "unrelated inputs leave nothing to make up for"


def test_inputs_of_a_layer_are_what_its_weights_multiply():
    torch.manual_seed(3)
    for layer, x in ((integers.Linear(8, 5, bias=False), torch.randn(2, 3, 7, 8)),
                     (integers.Conv2d(6, 5, 3, 2, 1, bias=False), torch.randn(2, 6, 9, 7))):
        layer.integer = True
        rows = rounding.inputs(layer, x) @ integers.rounded_outputs(layer.weight).flatten(1).t()
        y = layer(x) if x.shape[-1] == 8 else layer(x).permute(0, 2, 3, 1)
        assert torch.allclose(rows, y.reshape(-1, 5), atol=1e-5)


if __name__ == "__main__":
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            test()
            print(f"ok {name}", flush=True)
