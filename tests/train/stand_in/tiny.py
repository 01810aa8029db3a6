"""What tests of models/train share: the path, the tiny configuration and networks of it. A test that imports this first says so and ends
with 0 where PyTorch is missing."""
import json
import os
import sys

TRAIN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../models/train")
sys.path.insert(0, TRAIN)
try:
    import numpy  # noqa: F401
    import PIL  # noqa: F401
    import torch
except ImportError as e:
    print(f"skip: {os.path.basename(sys.argv[0])} needs PyTorch, numpy and PIL: {e}")
    sys.exit(0)
import model as M

torch.set_num_threads(1)
with open(os.path.join(TRAIN, "tiny.json")) as f:
    TINY = json.load(f)


def random_codec(cfg=TINY, seed=None):
    """A network that is not as it begins, where much is zero."""
    if seed is not None:
        torch.manual_seed(seed)
    net = M.Codec(**cfg["model"])
    for p in net.parameters():
        p.data += 0.05 * torch.randn_like(p)
    return net
