"""Train a student after a teacher: distil.py STUDENT.json --teacher WEIGHTS [--teacher-config teacher.json] and what train.py takes

FEDS (arXiv 2503.06399) in three phases, which take "phases" of the run ([0.35, 0.65]: the ends of the first two). The loss is always that
of train.py; the first two phases add an error, times "weights" ([0.5, 0.5]), both entries of "distil" in the configuration.

1. features: what the stages at 1/4 and 1/8 of both transforms put out, after the teacher's. A 1x1 adaptor brings each of the student's to the
   teacher's width. The error is relative to the variance of the teacher's feature.
2. latents: what g_a puts out, after the teacher's and through an adaptor too, but only the half of the teacher's channels that carry most bits,
   each weighted by its bits; relative to the variance of the channel.
3. rate and distortion alone.

The teacher is frozen and codes the same crops at the same levels. The adaptors are trained with the student and thrown away. Without --teacher
it is the control: the same run, rate and distortion from the first step on, as train.py does it.
"""
import contextlib
import json

import torch
import torch.nn as nn

import data
import model as M
import train

SITES = [f"{transform}.{stage}" for transform in ("g_a", "g_s") for stage in ("st2", "st3")]
LATENTS = "g_a"


class Outputs:
    """What the modules of a network put out last, by name."""

    def __init__(self, net, names):
        self.net, self.last = net, {}
        for name, mod in net.named_modules():
            if name in names:
                mod.register_forward_hook(lambda mod, args, out, name=name: self.last.update({name: out}))

    def take(self, names):
        """-> those of that name; all are forgotten, so that no memory is held."""
        out = [self.last[name] for name in names]
        self.last.clear()
        return out


def relative_error(student, teacher):
    """Squared error of each channel over the teacher's variance in it."""
    student, teacher = (t.float().flatten(0, -2) for t in (student, teacher))
    return (student - teacher).square().mean(0) / (teacher.var(0, unbiased=False) + 1e-6)


@torch.no_grad()
def channel_weights(teacher, tiles, cfg, batches=8):
    """Bits of the teacher's latent channels over random crops and levels; the upper half, of sum one, the others zero."""
    bits, plain = [], teacher.gauss_bits

    def count(v, s):
        b = plain(v, s)
        bits.append(b.sum((0, 1, 2)))
        return b
    teacher.gauss_bits = count
    for _ in range(batches):
        x = data.sample(tiles, cfg["batch"], cfg["size"])
        with torch.autocast("cuda", torch.bfloat16) if x.is_cuda else contextlib.nullcontext():
            teacher(x, torch.rand(len(x), device=x.device) * (M.Codec.LEVELS - 1), noise=False)
    teacher.gauss_bits = plain
    bits = torch.stack(bits).double().mean(0)
    best = torch.zeros_like(bits).scatter(0, bits.topk(len(bits) // 2).indices, 1.0)
    return (bits * best / (bits * best).sum()).float()


class Distiller(train.Trainer):
    def __init__(self, net, tiles, cfg, world=1, half=False, teacher=None):
        plan = cfg.get("distil", {})
        self.ends, self.factors = plan.get("phases", (0.35, 0.65)), plan.get("weights", (0.5, 0.5))
        self.teacher = teacher.eval().requires_grad_(False)
        width = lambda codec, name: codec.m if name == LATENTS else codec.get_submodule(name).blocks[0].fc1.in_features
        names = [*SITES, LATENTS]
        net.adaptors = nn.ModuleDict({name.replace(".", "_"): nn.Linear(width(net, name), width(teacher, name)) for name in names})
        net.adaptors.to(tiles.data.device)
        self.student_out, self.teacher_out = Outputs(net, names), Outputs(teacher, names)
        super().__init__(net, tiles, cfg, world, half)
        self.channels = channel_weights(teacher, tiles, cfg)
        self.teacher_out.take(())
        if world > 1:
            train.dist.broadcast(self.channels, 0)

    def stages(self):
        """The first two phases take their part from the first stage of the plain run."""
        (batch, size, end, _), *late = super().stages()
        phases = [(batch, size, min(e, end), phase) for e, phase in zip(self.ends, ("features", "latents"))]
        stages = [*phases, (batch, size, end, ""), *late]
        return [stage for stage, before in zip(stages, [0, *(s[2] for s in stages)]) if stage[2] > before]

    def adapted(self, name, t):
        return self.net.adaptors[name.replace(".", "_")](t)

    def lesson(self, x, q):
        """Error of the student's last outputs against the teacher's for the same pictures."""
        names = SITES if self.phase == "features" else [LATENTS]
        with torch.no_grad():
            if self.phase == "features":
                self.teacher(x, q, noise=False)
            else:
                self.teacher.g_a(x - 0.5, self.teacher.mix(q))
        pairs = zip(names, self.student_out.take(names), self.teacher_out.take(names))
        errors = [relative_error(self.adapted(name, s), t) for name, s, t in pairs]
        if self.phase == "features":
            return self.factors[0] * torch.stack([e.mean() for e in errors]).mean()
        return self.factors[1] * (errors[0] * self.channels).sum()

    def objective(self, x, q, noise=True, cut=None):
        loss, bpp, mse = super().objective(x, q, noise, cut)
        if self.phase:
            with torch.autocast("cuda", torch.bfloat16) if self.cuda else contextlib.nullcontext():
                loss = loss + self.lesson(x, q)
        self.student_out.take(())
        return loss, bpp, mse


def load_teacher(config, weights, device, fast):
    with open(config) as f:
        teacher = M.Codec(**json.load(f)["model"])
    teacher.load_state_dict(train.load_state(weights))
    teacher.to(device)
    if fast:
        import fused
        fused.accelerate(teacher)
    return teacher


def main():
    ap = train.arguments(__doc__)
    ap.add_argument("--teacher", default="", help="weights of the teacher: a pattern of .pt parts, or a .licw file")
    ap.add_argument("--teacher-config", default="teacher.json")
    a = ap.parse_args()

    def make(net, tiles, cfg, world, half):
        device = tiles.data.device
        teacher = load_teacher(a.teacher_config, a.teacher, device, device.type == "cuda" and not a.plain)
        return Distiller(net, tiles, cfg, world, half, teacher)
    train.run(a, make if a.teacher else None)


if __name__ == "__main__":
    main()
