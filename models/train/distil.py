"""Train a student after a teacher: distil.py STUDENT.json --teacher WEIGHTS [--teacher-config teacher.json] and what
train.py takes

FEDS (arXiv 2503.06399) in three phases, which take "phases" of the run ([0.35, 0.65]: the ends of the first two). The
loss is always that of train.py; the first two phases add an error, times "weights" ([0.5, 0.5]), of one picture in
"every" (2). All of these are entries of "distil" in the configuration.

1. features: what the stages at 1/4 and 1/8 of both transforms put out, after the teacher's. A 1x1 adaptor brings each
   of the student's to the teacher's width. The error is relative to the variance of the teacher's feature.
2. latents: what g_a puts out, after the teacher's and through an adaptor too, but only the half of the teacher's
   channels that carry most bits, each weighted by its bits; relative to the variance of the channel.
3. rate and distortion alone.

The teacher is frozen and codes the same crops at the same levels; its g_s gets latents rounded without a context model,
which costs its features nothing and saves a fifth of its time. The adaptors begin as the best linear maps between the
two networks as they stand, so that the student is not pulled to where a random adaptor points; they are trained with it
and thrown away. Without --teacher it is the control: the same run, rate and distortion from the first step on, as
train.py does it.
"""
import contextlib

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
        """-> the outputs of that name. All are forgotten, so that no memory is held."""
        out = [self.last[name] for name in names]
        self.last.clear()
        return out


def relative_error(student, teacher):
    """Squared error of each channel over the teacher's variance in it."""
    student, teacher = (t.float().flatten(0, -2) for t in (student, teacher))
    return (student - teacher).square().mean(0) / (teacher.var(0, unbiased=False) + 1e-6)


@torch.no_grad()
def channel_bits(net, batches):
    """Bits of the latent channels, rounded: means over batches of (pictures, levels)."""
    bits, plain = [], net.gauss_bits

    def count(v, s):
        b = plain(v, s)
        bits.append(b.sum((0, 1, 2)))
        return b
    net.gauss_bits = count
    for x, q in batches:
        with torch.autocast("cuda", torch.bfloat16) if x.is_cuda else contextlib.nullcontext():
            net(x, q, noise=False)
    net.gauss_bits = plain
    return torch.stack(bits).double().mean(0)


@torch.no_grad()
def channel_weights(teacher, tiles, cfg, batches=8):
    """Bits of the teacher's latent channels over random crops and levels; only the upper half, with sum one, the others
    zero."""
    levels = lambda x: torch.rand(len(x), device=x.device) * (teacher.levels - 1)
    bits = channel_bits(teacher, ((x, levels(x)) for x in (data.sample(tiles, cfg["batch"], cfg["size"])
                                                           for _ in range(batches))))
    best = torch.zeros_like(bits).scatter(0, bits.topk(len(bits) // 2).indices, 1.0)
    return (bits * best / (bits * best).sum()).float()


class Distiller(train.Trainer):
    def __init__(self, net, tiles, cfg, world=1, half=False, teacher=None):
        plan = cfg.get("distil", {})
        self.ends, self.factors = plan.get("phases", (0.35, 0.65)), plan.get("weights", (0.5, 0.5))
        self.every = plan.get("every", 2)
        self.teacher = teacher.eval().requires_grad_(False)
        width = lambda codec, name: codec.m if name == LATENTS else codec.get_submodule(name).blocks[0].fc1.in_features
        names = [*SITES, LATENTS]
        net.adaptors = nn.ModuleDict({name.replace(".", "_"): nn.Linear(width(net, name), width(teacher, name))
                                      for name in names})
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

    def adaptor(self, name):
        return "adaptors." + name.replace(".", "_")

    def sites(self):
        """Names of the outputs that this phase compares."""
        return SITES if self.phase == "features" else [LATENTS]

    @torch.no_grad()
    def taught(self, x, q):
        """The teacher's outputs for these pictures."""
        mix = self.teacher.mix(q)
        y = self.teacher.g_a(x - 0.5, mix)
        if self.phase == "features":
            gain, inverse = self.teacher.gains(mix)
            self.teacher.g_s(torch.round(y * gain) * inverse, mix)
        return self.teacher_out.take(self.sites())

    def lesson(self, x, q):
        """Error of the student's last outputs against the teacher's for the same pictures."""
        some = slice(None, None, self.every)
        learnt = [t[some] for t in self.student_out.take(self.sites())]
        errors = [relative_error(self.net.get_submodule(self.adaptor(name))(s), t)
                  for name, s, t in zip(self.sites(), learnt, self.taught(x[some], q[some]))]
        if self.phase == "features":
            return self.factors[0] * torch.stack([e.mean() for e in errors]).mean()
        return self.factors[1] * (errors[0] * self.channels).sum()

    def fit_adaptors(self, batch, size, batches=4):
        """Least squares, student's outputs to teacher's, over random crops and levels."""
        sums = {name: [0, 0] for name in self.sites()}
        for _ in range(batches):
            x, q = self.draw(batch, size)
            with self.precision():
                self.net(x, q, noise=False)
                pairs = zip(self.sites(), self.student_out.take(self.sites()), self.taught(x, q))
            for name, s, t in pairs:
                s, t = (v.detach().double().flatten(0, -2) for v in (s, t))
                s = torch.cat([s, torch.ones_like(s[:, :1])], 1)
                sums[name][0] += s.t() @ s / len(s)
                sums[name][1] += s.t() @ t / len(s)
        for name, (a, b) in sums.items():
            ridge = 1e-6 * a.diagonal().mean() * torch.eye(len(a), dtype=a.dtype, device=a.device)
            best = torch.linalg.solve(a + ridge, b).float()
            for part, value in (("weight", best[:-1].t()), ("bias", best[-1])):
                self.flat.master[f"{self.adaptor(name)}.{part}"].copy_(value)
        if self.world > 1:      # each has seen crops of its own
            train.dist.broadcast(self.flat.value, 0)
        self.flat.publish()

    def prepare(self, batch, size):
        if self.phase:
            self.fit_adaptors(batch, size)
        return super().prepare(batch, size)

    def objective(self, x, q, noise=True, cut=None):
        loss, bpp, mse = super().objective(x, q, noise, cut)
        if self.phase:
            with self.precision():
                loss = loss + self.lesson(x, q)
        self.student_out.take(())
        return loss, bpp, mse


def load_teacher(config, weights, device, fast):
    teacher = M.Codec(**train.read_config(config)["model"])
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
    train.run(a, make if a.teacher else train.Trainer)


if __name__ == "__main__":
    main()
