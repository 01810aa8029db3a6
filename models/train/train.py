"""Train the codec: train.py CONFIG.json --data 'SHARDS-*.tar' --seconds S --out FOLDER [--init WEIGHTS]

The whole step (sampling, forward, backward, optimiser, average) is one CUDA graph. The schedule follows the clock, so
that a run ends when it should whatever the speed of the machine: short warm-up, constant rate, linear decay to zero.
The exponential average of the weights is written to FOLDER every few minutes and at the end. Under torchrun each
process takes one GPU and a batch of its own, gradients are averaged over all, and the learning rates grow with the
square root of their number.

A share of the steps ("tiles" in the configuration, a quarter if it says nothing) codes tiles: the codec cuts large
pictures, and the entropy path then meets edges of arrays where the picture goes on. There the latents are those of the
inside of a picture, since g_a sees a halo, but h_a, h_s and the context model see the edge, and mirror. A network that
has only met borders of pictures there pays up to ten times the bits for the first column and row of a tile. In such a
step each patch loses four latent columns and four rows before they are coded, mostly the first ones, and the loss is
that of the pixels over the rest (`model.Codec.forward`). They are a second CUDA graph, of less work than the first.
"""
import argparse
import contextlib
import functools
import glob
import itertools
import json
import math
import os
import re
import time

import torch
import torch.distributed as dist

import data
import model as M
from grow import grown, more_levels
from muon import FlatParameters, GradientGuard, Muon

PART_BYTES = 15 * 2**20
# share of the steps so far ("averaged") that the average of the weights covers; at most 1 / (1 - "ema") steps
AVERAGED = 0.1
FASTEST = 1.2e-3    # rate of Muon that was sound with 256 patches a step (run 14)
CHUNK = 7 * 2**20   # numbers of a vector that are saved together
# how often the first columns or rows of a patch are cut off, not the last: that edge is the hard one
FIRST = 0.75


def for_processes(cfg, world):
    """The configuration for a batch that is `world` times as large. Learning rates grow with its square root, up to
    that of the fastest sound run, and take at least 500 steps to come up."""
    if world == 1:
        return cfg
    factor = max(1.0, min(math.sqrt(world), FASTEST / cfg["lr"]))
    return dict(cfg, lr=cfg["lr"] * factor, adam_lr=cfg["adam_lr"] * factor, warmup=max(500, cfg["warmup"]))


def read_config(path, changes="{}"):
    """The configuration in a file, changed by the JSON object `changes`; "model" is changed entry by entry."""
    with open(path) as f:
        cfg = json.load(f)
    changes = json.loads(changes)
    return {**cfg, **changes, "model": {**cfg["model"], **changes.get("model", {})}}


def read_parts(pattern):
    """Tensors of all the .pt parts that match a pattern."""
    files, out = sorted(glob.glob(pattern)), {}
    if not files:
        raise SystemExit(f"no weights at {pattern}")
    for f in files:
        out.update(torch.load(f, map_location="cpu"))
    return out


def load_state(path):
    """State dict from the .pt parts that match a pattern, or from a .licw file and its companion (see licw_file.py)."""
    if path.endswith(".licw"):
        import licw_file
        try:
            state = licw_file.load_resume(path)
        except (licw_file.LicwError, OSError) as e:
            raise SystemExit(f"{path}: {e}")
    else:
        state = read_parts(path)
    return {k: v.float() for k, v in state.items()}


def save_state(state, prefix):
    """Write a state dict as fp16 parts; the prior of z stays in fp32."""
    write_parts({k: v.float() if k.startswith("prior") else v.half() for k, v in state.items()}, prefix)


def write_parts(tensors, prefix):
    """Write tensors by name as PREFIX.0.pt, PREFIX.1.pt, ... of about PART_BYTES at most."""
    parts, size = [{}], 0
    for k, v in tensors.items():
        v = v.cpu().clone()
        bytes_ = v.numel() * v.element_size()
        if size + bytes_ > PART_BYTES and parts[-1]:
            parts.append({})
            size = 0
        parts[-1][k] = v
        size += bytes_
    for i, part in enumerate(parts):
        torch.save(part, f"{prefix}.{i}.pt.tmp")
        os.replace(f"{prefix}.{i}.pt.tmp", f"{prefix}.{i}.pt")


def pieces(vectors):
    """{name: vector} -> {name.i: a piece of it that fits a part}"""
    return {f"{name}.{i}": piece for name, v in vectors.items() for i, piece in enumerate(v.split(CHUNK))}


def rate_distortion(x, x_hat, bits, lam, kept=None, weighting=-0.5):
    """-> loss, bits per pixel, squared error on the 0..255 scale; means over the batch. lam: weight of the error, one
    per picture. kept: mask of the pixels that count. weighting: the power of lambda that a picture's loss counts with,
    so that high rates do not outweigh all others."""
    if kept is None:
        bpp = bits / (x.shape[1] * x.shape[2])
        mse = (x_hat.float() - x).square().mean((1, 2, 3)) * 255**2
    else:
        pixels = kept.sum((1, 2, 3))
        bpp = bits / pixels
        mse = ((x_hat.float() - x).square() * kept).sum((1, 2, 3)) / (3 * pixels) * 255**2
    loss = ((bpp + lam * mse) * (lam / 0.0098) ** weighting).mean()
    return loss, bpp.mean(), mse.mean()


class Trainer:
    OWN = "adaptors."           # parameters that serve the training only

    def __init__(self, net, tiles, cfg, world=1, half=False):
        self.net, self.tiles, self.cfg, self.world = net, tiles, cfg, world
        net.sharpness = float(cfg.get("sharpness", 0))
        self.cuda = tiles.data.is_cuda
        self.flat = FlatParameters(net, half)
        if world > 1:
            dist.broadcast(self.flat.value, 0)
            self.flat.publish()
        self.optimizer = Muon(self.flat, cfg["lr"], cfg["adam_lr"], cfg.get("kernels", 1.0))
        self.guard = GradientGuard(self.flat.grad)
        self.average = self.flat.value.clone()
        self.average_weight = torch.ones((), device=tiles.data.device)
        self.stats = torch.zeros(4, device=tiles.data.device)      # running sums of loss, bpp, mse and their weight
        self.loss = (torch.compile(rate_distortion, dynamic=False) if self.cuda and cfg.get("compile", True)
                     else rate_distortion)
        self.rounds, self.patches, self.phase, self.first_steps = 0, 0.0, "", []
        self.pace, self.kept, self.checked = 1.0, self.flat.value.clone(), (0, 0)

    def stages(self):
        """-> [(batch, size, fraction of the run at which it ends, phase)]"""
        cfg = self.cfg
        if not cfg.get("late_size"):
            return [(cfg["batch"], cfg["size"], 1.0, "")]
        return [(cfg["batch"], cfg["size"], 1 - cfg["late"], ""), (cfg["late_batch"], cfg["late_size"], 1.0, "")]

    def precision(self):
        return torch.autocast("cuda", torch.bfloat16) if self.cuda else contextlib.nullcontext()

    def objective(self, x, q, noise=True, cut=None):
        """-> loss, bpp, mse"""
        with self.precision():
            x_hat, y_bits, z_bits = self.net(x, q, noise, cut)
        weighting, lam = self.cfg.get("weighting", -0.5), self.net.rate_lambda(q)
        if cut is None:
            return self.loss(x, x_hat, y_bits + z_bits, lam, weighting=weighting)
        return rate_distortion(x, x_hat, y_bits + z_bits, lam, M.kept_pixels(x, cut), weighting)

    def gradient(self, x, q, noise=True, cut=None):
        """Collect the gradient of the loss, averaged over all processes. -> loss, bpp, mse"""
        result = self.objective(x, q, noise, cut)
        self.flat.clear()
        result[0].backward()
        self.flat.gather()
        if self.world > 1:
            dist.all_reduce(self.flat.grad)
            self.flat.grad.div_(self.world)
        return [t.detach() for t in result]

    def draw(self, batch, size):
        """-> random crops and levels"""
        x = data.sample(self.tiles, batch, size, **self.cfg.get("sampling", {}))
        return x, self.draw_levels(torch.rand(2, batch, device=x.device))

    def draw_levels(self, u):
        """Rate levels from two rows of random numbers. "core": [first, last, share] in the configuration: that share of
        them between these two."""
        q = u[0] * (self.net.levels - 1)
        if "core" not in self.cfg:
            return q
        first, last, share = self.cfg["core"]
        return torch.where(u[1] < share, first + u[0] * (last - first), q)

    def step(self, batch, size, tiles=False):
        x, q = self.draw(batch, size)
        cut = torch.rand(batch, 2, device=x.device) < FIRST if tiles else None
        result = self.gradient(x, q, cut=cut)
        self.optimizer.step(self.guard())
        self.average.lerp_(self.flat.value, self.average_weight)
        now = torch.stack([*result, torch.ones_like(result[0])])
        self.stats.lerp_(torch.nan_to_num(now, posinf=1e9), 0.01)

    def prepare(self, batch, size):
        """-> function that runs one step, a share of them in tiles: replayed CUDA graphs on the GPU. The optimiser
        stands still meanwhile."""
        share = self.cfg.get("tiles", 0.25) if size >= 32 * M.DROP else 0
        kinds = [False, True] if share else [False]
        steps = [lambda tiles=tiles: self.step(batch, size, tiles) for tiles in kinds]
        if self.cuda:
            steps = self.capture(steps)
        count = itertools.count()

        def step():
            i = next(count)
            steps[int((i + 1) * share) - int(i * share)]()
        return step

    def capture(self, steps):
        """Functions as CUDA graphs that share their memory, since they run one after another."""
        self.optimizer.scale.fill_(0)
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for step in steps:
                for _ in range(3):          # the first compiles
                    begin = time.time()
                    step()
                    torch.cuda.synchronize()
                    self.first_steps.append(time.time() - begin)
        torch.cuda.current_stream().wait_stream(stream)
        graphs, pool = [], torch.cuda.graph_pool_handle()
        for step in steps:
            graphs.append(torch.cuda.CUDAGraph())
            # Only this thread's calls are restricted: NCCL's watchdog queries events meanwhile.
            with torch.cuda.graph(graphs[-1], pool=pool, capture_error_mode="thread_local"):
                step()
        return [graph.replay for graph in graphs]

    def set_progress(self, f):
        """Learning rate and length of the average at fraction f of the run."""
        warm = min(1.0, (self.rounds + 1) / self.cfg["warmup"])
        self.optimizer.scale.fill_(self.pace * warm * min(1.0, max(0.0, (1 - f) / self.cfg["decay"])))
        self.average_weight.fill_(max(1 - self.cfg["ema"], 1 / (self.cfg.get("averaged", AVERAGED) * self.rounds + 1)))

    def report(self):
        loss, bpp, mse = (self.stats[:3] / self.stats[3]).tolist()
        g = self.guard
        line = (f"loss {loss:.4f} bpp {bpp:.4f} mse {mse:.2f} rate {self.optimizer.scale.item():.3f} "
                f"norm {g.norm.item():.2f} max {g.largest.item():.1f} skipped {g.skipped.item():.0f}, "
                f"not finite {g.infinite.item():.0f}")
        g.largest.zero_()
        return line

    def check(self):
        """Keep the average of a sound network. One that has had most of its gradients dropped since the last check is
        lost: go back to the average kept last and continue at half the rates. All processes have the same gradients, so
        all decide alike. -> whether it was lost"""
        (rounds, before), dropped = self.checked, self.guard.skipped.item()
        self.checked = (self.rounds, dropped)
        if dropped - before <= (self.rounds - rounds) / 2:
            self.kept.copy_(self.average)
            return False
        self.pace /= 2
        if self.pace < 0.2:
            raise SystemExit("diverged again at a quarter of the rates")
        self.flat.value.copy_(self.kept)
        self.flat.publish()
        self.average.copy_(self.kept)
        self.optimizer.forget()
        self.guard.norm.zero_()
        self.stats.zero_()
        return True

    def vectors(self):
        """What a run needs to go on as if it had not stopped."""
        o, n = self.optimizer, self.flat.adam_end
        return {"small": self.flat.value[:n], "value": self.flat.value[n:], "average": self.average, "moment": o.moment,
                "second": o.second}

    def save_for_later(self, prefix):
        """Write the state as parts PREFIX-state.i.pt: 16 bits, but 32 for what Adam trains and second moments."""
        vectors = {k: v if k in ("small", "second") else v.bfloat16() if k == "moment" else v.half()
                   for k, v in self.vectors().items()}
        numbers = torch.tensor([self.rounds, self.patches, self.pace, self.optimizer.t.item(), self.guard.norm.item()],
                               dtype=torch.float64)
        write_parts(pieces({"numbers": numbers, **vectors}), prefix + "-state")

    def go_on(self, prefix):
        """Load the state of a run that has the same parameters, on any number of processes."""
        saved = read_parts(prefix + "-state.*.pt")
        for name, vector in self.vectors().items():
            n = -(-len(vector) // CHUNK)
            if sum(len(saved.get(f"{name}.{i}", ())) for i in range(n)) != len(vector):
                raise SystemExit(f"{prefix}: {name} is not that of this network")
            vector.copy_(torch.cat([saved[f"{name}.{i}"].to(vector.device) for i in range(n)]))
        self.rounds, self.patches, self.pace, t, norm = saved["numbers.0"].tolist()
        self.rounds = int(self.rounds)
        self.optimizer.t.fill_(t)
        self.guard.norm.fill_(norm)
        self.flat.publish()
        self.kept.copy_(self.average)

    def save(self, prefix):
        """Write the averaged weights."""
        raw = self.flat.value.clone()
        self.flat.value.copy_(self.average)
        state = dict(self.net.state_dict(), **self.flat.master)
        save_state({k: v for k, v in state.items() if not k.startswith(self.OWN)}, prefix)
        self.flat.value.copy_(raw)


def profile(trainer, batch, size):
    from torch.profiler import ProfilerActivity, profile
    with profile(activities=[ProfilerActivity.CUDA]) as prof:
        for _ in range(2):
            trainer.step(batch, size)
        torch.cuda.synchronize()
    events = sorted(prof.key_averages(), key=lambda e: -e.self_device_time_total)
    print(f"{sum(e.self_device_time_total for e in events) / 2e3:.1f} ms of kernels in a step")
    for e in events[:60]:
        print(f"{e.self_device_time_total / 2e3:8.3f} ms {e.count / 2:6.0f} x  {e.key[:100]}", flush=True)


def arguments(description=__doc__):
    ap = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("config")
    ap.add_argument("--data", required=True, help="pattern of tar shards, or 'random'")
    ap.add_argument("--out", default="", help="folder for the weights; none are written without it")
    ap.add_argument("--init", default="", help="weights to start from: a pattern of .pt parts, or a .licw file")
    ap.add_argument("--seconds", type=float, default=60, help="length of the run, from the start of the process")
    ap.add_argument("--from-first-step", action="store_true",
                    help="count --seconds from the first step: the same length for runs that compile and others")
    ap.add_argument("--steps", type=int, default=0, help="length of the run in steps instead")
    ap.add_argument("--patches", type=float, default=0,
                    help="length of the run in patches of the first size instead; this piece of it ends after "
                         "--seconds, and its state is saved")
    ap.add_argument("--go-on", default="", metavar="PREFIX",
                    help="the state that an earlier piece of the run has saved")
    ap.add_argument("--set", default="{}", help="JSON object that overrides the configuration")
    ap.add_argument("--plain", action="store_true", help="without the fused kernels")
    ap.add_argument("--profile", action="store_true")
    ap.add_argument("--save-every", type=float, default=120, help="seconds between checkpoints")
    ap.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return ap


def follow_first(f, due, over, world, device):
    """Progress, whether to report and whether time is over, by the clock of the first process, so that all do the same
    steps and checks."""
    if world > 1:
        all_three = torch.tensor([f, float(bool(due)), float(over)], device=device, dtype=torch.float64)
        dist.broadcast(all_three, 0)
        f, due, over = all_three.tolist()
    return f, bool(due), bool(over)


def processor(a):
    """Name of the device of this process, made ready."""
    if a.device != "cuda":
        return a.device
    device = f"cuda:{os.environ.get('LOCAL_RANK', 0)}"
    torch.cuda.set_device(device)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    from torch import _dynamo
    _dynamo.config.recompile_limit = 64
    return device


def network(a, cfg, device):
    """The codec with the weights to start from and, on a GPU, its fast layers."""
    torch.manual_seed(cfg.get("seed", 1))
    net = M.Codec(**cfg["model"]).to(device)
    if a.init:
        state = load_state(a.init)
        if cfg.get("grow"):
            fresh = net.state_dict()
            state = grown(more_levels(state, fresh, M.levels_below(net.lambda_first)), fresh)
        net.load_state_dict(state)
    for name, p in net.named_parameters():
        p.requires_grad_(bool(re.match(cfg.get("trained", ""), name)))
    if a.device == "cuda" and not a.plain:
        import fused
        fused.accelerate(net, cfg.get("fused", fused.PARTS))
    elif a.device == "cuda" and cfg.get("compile", True):
        for mod in net.modules():
            if isinstance(mod, (M.SwinV2Block, M.DenseBlock)):
                mod.compile(dynamic=False)
        net.gauss_bits = torch.compile(M.gauss_bits, dynamic=False)
    return net


class Run:
    """A training run by the command line, with the trainer that make(net, tiles, cfg, world, half) gives."""

    def __init__(self, a, make):
        self.a, self.start = a, time.time()
        cfg = read_config(a.config, a.set)
        rank, self.world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        cfg = for_processes(cfg, self.world)
        self.device = processor(a)
        if self.world > 1:
            dist.init_process_group("nccl" if a.device == "cuda" else "gloo")
        self.say = functools.partial(print, flush=True) if rank == 0 else lambda *args: None
        net = network(a, cfg, self.device)
        torch.manual_seed(cfg.get("seed", 1) + rank)
        self.tiles = data.Tiles(a.data, self.device, cfg.get("capacity", 2048), cfg.get("tile", data.TILE))
        t = self.trainer = make(net, self.tiles, cfg, self.world,
                                half=a.device == "cuda" and not a.plain and cfg.get("half", True))
        self.say(f"{sum(p.numel() for p in net.parameters()) / 1e6:.2f} M parameters, {self.tiles.n} tiles, "
                 f"{len(t.flat.groups)} matrix shapes in {len(t.optimizer.buckets)} buckets, {self.clock():.0f} s")
        if a.go_on:
            t.go_on(a.go_on)
            self.say(f"goes on after {t.rounds} steps, {t.patches / 1e6:.2f} million patches")
        self.name = os.path.join(a.out, cfg["name"]) if a.out and rank == 0 else ""
        if self.name:
            os.makedirs(a.out, exist_ok=True)
        self.saved, self.begin = self.clock(), None

    def clock(self):
        return time.time() - self.start

    def progress(self):
        """Part of the run that is over."""
        if self.a.patches:
            return self.trainer.patches / self.a.patches
        if self.a.steps:
            return self.trainer.rounds / self.a.steps
        return (self.clock() - self.begin) / (self.a.seconds - (0 if self.a.from_first_step else self.begin))

    def save(self, after=0.0):
        """Write the weights, if `after` seconds have passed since they were."""
        if self.name and self.clock() - self.saved >= after:
            self.trainer.save(self.name)
            if self.a.patches:
                self.trainer.save_for_later(self.name)
            self.saved = self.clock()

    def prepare(self, batch, size):
        """-> the step of a stage"""
        trainer = self.trainer
        trainer.first_steps.clear()
        step = trainer.prepare(batch, size)
        self.say(f"{trainer.phase or 'rate-distortion'}, {size} px, batch {batch}: "
                 f"prepared, {self.clock():.0f} s; first steps took",
                 *(f"{t:.1f}" for t in trainer.first_steps), "s")
        if self.a.profile:
            profile(trainer, batch, size)
        self.begin = self.clock() if self.begin is None else self.begin
        return step

    def report(self, patches, seconds):
        if self.a.data != "random":
            self.tiles.poll()
        self.say(f"step {self.trainer.rounds} t {self.clock():.0f} {patches / seconds:.0f} patches/s, "
                 f"{self.tiles.n} tiles, "
                 f"{self.trainer.report()}")
        if self.trainer.check():
            self.say(f"lost: back to the average of the last report, rates times {self.trainer.pace}")

    def stage(self, batch, size, end):
        """Run steps until the fraction `end` of the run, or until the time of this piece is over. -> whether it is"""
        step = self.prepare(batch, size)
        trainer, n, mark = self.trainer, 0, self.clock()
        weight = batch * self.world * (size / trainer.cfg["size"]) ** 2
        while True:
            over = bool(self.a.patches) and self.clock() >= self.a.seconds
            f, due, over = follow_first(self.progress(), self.a.steps or self.clock() - mark > 10, over, self.world,
                                        self.device)
            if f >= end or over:
                return over
            trainer.set_progress(f)
            for _ in range(20 if not self.a.steps else min(20, max(1, self.a.steps // 20))):
                step()
                n += 1
                trainer.rounds += 1
                trainer.patches += weight
            if trainer.cuda:
                torch.cuda.synchronize()
            if due:
                now = self.clock()
                self.report(n * batch * self.world, now - mark)
                n, mark = 0, now
            self.save(self.a.save_every)

    def go(self):
        for batch, size, end, self.trainer.phase in self.trainer.stages():
            if self.a.patches and self.progress() >= end:       # in an earlier piece
                continue
            over = self.stage(batch, size, end)
            self.save()
            if over:
                break
        memory = f", {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB" if self.trainer.cuda else ""
        self.say(f"done: {self.trainer.rounds} steps, {self.trainer.patches / 1e6:.2f} million patches, "
                 f"{self.clock():.0f} s{memory}")


def run(a, make=Trainer):
    Run(a, make).go()


if __name__ == "__main__":
    run(arguments().parse_args())
