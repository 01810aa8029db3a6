"""Weights of integer layers rounded so that what the layers compute changes least, without training.

A weight that is rounded leaves an error, and the weights of the same output that are not rounded yet can make up for
most of it, as the inputs of a layer are correlated. E. Frantar et al., "GPTQ: Accurate Post-Training Quantization for
Generative Pre-trained Transformers", 2023, with inputs in the order of their size. `fit` collects the second moments of
the inputs from tiles at levels drawn at random.
"""
import functools

import numpy as np
import torch
import torch.nn.functional as F

import integers
import preview

SIDE = 256              # of the pictures, pixels
POSITIONS = 1500        # of each layer and picture, drawn at random
DAMPING = 0.01          # of the mean second moment


def inputs(layer, x):
    """What the layer multiplies its weights by, one row for each position: as in `layer.weight.flatten(1)`."""
    if isinstance(layer, integers.Linear):
        return integers.rounded_positions(x).flatten(0, -2)
    x = integers.rounded_positions(x, 1)
    return F.unfold(x, layer.kernel_size, padding=layer.padding, stride=layer.stride).transpose(1, 2).flatten(0, 1)


def add_moments(moments, name, rng, layer, args):
    rows = inputs(layer, args[0])
    if len(rows) > POSITIONS:
        rows = rows[torch.from_numpy(rng.choice(len(rows), POSITIONS, replace=False))]
    moments[name] = moments.get(name, 0) + (rows.t() @ rows).double()


def second_moments(net, pictures, rng):
    """Sums of x x^T over the positions x of the inputs of each integer layer, by its name."""
    moments, hooks = {}, []
    for name, layer in integers.layers(net).items():
        hooks.append(layer.register_forward_pre_hook(functools.partial(add_moments, moments, name, rng)))
    with torch.no_grad():
        for x in pictures:
            net(x[None], torch.tensor([rng.uniform(0, net.levels - 1)], dtype=torch.float32), noise=False)
    for hook in hooks:
        hook.remove()
    return moments


def whole_numbers(w, steps, moment):
    """Weights O,K in steps (one for each output), for inputs with the second moments K,K."""
    mean = moment.diagonal().mean()
    order = moment.diagonal().argsort(descending=True)
    h = moment[order][:, order] + DAMPING * mean * torch.eye(len(moment), dtype=torch.double)
    # Row i of the upper factor of the inverse says how the weights after i answer to an error of i.
    answer = torch.linalg.cholesky(torch.cholesky_inverse(torch.linalg.cholesky(h)), upper=True)
    left, out = w.double()[:, order].clone(), torch.empty(w.shape, dtype=torch.double)
    steps = steps.double()
    for i in range(left.shape[1]):
        out[:, i] = torch.round(left[:, i] / steps).clamp(-integers.LIMIT, integers.LIMIT)
        error = (left[:, i] - out[:, i] * steps) / answer[i, i]
        left[:, i + 1:] -= torch.outer(error, answer[i, i + 1:])
    back = torch.empty_like(out)
    back[:, order] = out
    return back.to(w.dtype)


def fit(net, pattern, count=48, seed=1):
    """Give the integer layers of `net` their whole numbers, by `count` tiles."""
    rng = np.random.RandomState(seed)
    pictures = []
    for x in preview.tiles(pattern, count):
        top, left = (rng.randint(0, n - SIDE + 1) for n in x.shape[:2])
        pictures.append(x[top:top + SIDE, left:left + SIDE])
    moments = second_moments(net, pictures, rng)
    for name, layer in integers.layers(net).items():
        w = layer.weight.detach().flatten(1)
        steps = w.abs().amax(1).clamp_min(1e-30) / integers.LIMIT
        layer.given = whole_numbers(w, steps, moments[name]).view_as(layer.weight), steps
