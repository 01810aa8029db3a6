"""What tests of models/train share: the path, the tiny configuration and networks of it. A test that imports this first says so and ends
with 0 where PyTorch is missing."""
import contextlib
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


@contextlib.contextmanager
def process_group(rank, world, port):
    """One of several processes, while it lasts. It is taken apart before a process ends: the threads of gloo may abort one that just goes."""
    if world > 1:
        torch.distributed.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=world)
    yield
    if world > 1:
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()


def random_codec(cfg=TINY, seed=None):
    """A network that is not as it begins, where much is zero."""
    if seed is not None:
        torch.manual_seed(seed)
    net = M.Codec(**cfg["model"])
    for p in net.parameters():
        p.data += 0.05 * torch.randn_like(p)
    return net
