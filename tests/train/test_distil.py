"""Test of models/train/distil.py: a tiny student learns from a tiny teacher, on the CPU. Without PyTorch it says so and exits 0."""
import contextlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "stand_in"))
from tiny import TINY, TRAIN, process_group, random_codec
import torch
import data
import distil
import model as M
import train

WIDE = dict(TINY, model=dict(TINY["model"], ch=[8, 24, 32], m=30, slices=[10, 20]))


def smooth_tiles(size):
    tiles = data.Tiles("random", "cpu", tile=size)
    y, x = torch.meshgrid(torch.arange(float(size)), torch.arange(float(size)), indexing="ij")
    for i, tile in enumerate(tiles.data):
        tile[:] = torch.stack([128 + 100 * torch.sin(x / (9 + i) + c) * torch.cos(y / (7 + i)) for c in range(3)]).byte()
    return tiles


def test_weights_of_channels():
    teacher = random_codec(WIDE, 1)
    w = distil.channel_weights(teacher, smooth_tiles(64), TINY)
    assert w.shape == (30,) and (w > 0).sum() == 15 and abs(w.sum() - 1) < 1e-5 and (w >= 0).all()
    with torch.no_grad():               # a channel that is nearly always zero is none of them
        teacher.gain[:, w.argmax()] = -20
    assert distil.channel_weights(teacher, smooth_tiles(64), TINY)[w.argmax()] == 0


def test_relative_error():
    t = torch.randn(4, 8, 8, 5)
    assert not distil.relative_error(t, t).any()
    assert torch.allclose(distil.relative_error(t.mean((0, 1, 2)).expand_as(t), t), torch.ones(5), atol=1e-3)


def test_each_phase_teaches_what_it_should():
    teacher, net = random_codec(WIDE, 1), random_codec(TINY, 2)
    before = {k: v.clone() for k, v in teacher.state_dict().items()}
    trainer = distil.Distiller(net, smooth_tiles(64), TINY, teacher=teacher)
    stages = trainer.stages()
    assert [s[3] for s in stages] == ["features", "latents", ""] and [s[2] for s in stages] == [0.35, 0.65, 1.0]
    trainer.ends, trainer.cfg = (1, 1), dict(TINY, late=0.1, late_size=128, late_batch=2)
    assert [s[2:] for s in trainer.stages()] == [(0.9, "features"), (1.0, "")]
    trainer.cfg = TINY
    x, q = data.sample(trainer.tiles, 4, 64), torch.tensor([1.0, 2, 4, 6])

    def lesson():
        with torch.no_grad():
            net(x, q, noise=False)
            return trainer.lesson(x, q).item()
    grads = {}
    for batch, size, _, trainer.phase in stages:
        trainer.gradient(x, q)
        assert not trainer.student_out.last and not trainer.teacher_out.last
        grads[trainer.phase] = {k for k, g in zip(trainer.flat.master, trainer.flat.grads) if g.any() and k.startswith("adaptors")}
        if not trainer.phase:
            continue
        first = lesson()
        step = trainer.prepare(batch, size)
        for _ in range(25):
            trainer.optimizer.scale.fill_(1)
            step()
        assert lesson() < 0.9 * first, (trainer.phase, first, lesson())
        print(f"{trainer.phase}: {first:.3f} -> {lesson():.3f}")
    assert len(grads["features"]) == 8 and len(grads["latents"]) == 2 and not grads[""]
    assert all(torch.equal(v, before[k]) for k, v in teacher.state_dict().items())


def test_adaptors_begin_as_the_best_linear_maps():
    """A student whose features are linear in the teacher's has nothing to learn; any other adaptor than the fitted one errs more."""
    teacher = random_codec(TINY, 1)
    net = random_codec(TINY, 1)
    trainer = distil.Distiller(net, smooth_tiles(64), TINY, teacher=teacher)
    x, q = data.sample(trainer.tiles, 8, 64), torch.linspace(0, 7, 8)

    def lesson():
        with torch.no_grad():
            net(x, q, noise=False)
            return trainer.lesson(x, q).item()
    for trainer.phase, most in (("features", 0.05), ("latents", 1e-3)):     # y is rounded to other means for g_s
        before = lesson()
        trainer.fit_adaptors(8, 64)
        after = lesson()
        assert after < most < before, (trainer.phase, before, after)
    name = "adaptors.g_a.weight"
    fitted = trainer.flat.master[name].clone()
    with torch.no_grad():
        trainer.flat.master[name].add_(0.1 * torch.randn_like(fitted))
    trainer.flat.publish()
    assert lesson() > 2 * after


def _fit(rank, port, folder):
    torch.set_num_threads(1)
    with process_group(rank, 2, port):
        trainer = distil.Distiller(random_codec(TINY, 2), smooth_tiles(64), TINY, 2, teacher=random_codec(WIDE, 1))
        torch.manual_seed(rank)     # other crops in each
        trainer.phase = "latents"
        trainer.fit_adaptors(4, 64)
    torch.save(trainer.flat.value, os.path.join(folder, str(rank)))


def test_adaptors_of_all_processes_are_the_same():
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(_fit, (20000 + os.getpid() % 20000, folder), nprocs=2)
        one, two = (torch.load(os.path.join(folder, n)) for n in "01")
    assert torch.equal(one, two)


def test_whole_run_and_its_control():
    with tempfile.TemporaryDirectory() as folder:
        at = lambda name: os.path.join(folder, name)
        for name, cfg in (("tiny.json", dict(TINY, late_size=128, late=0.2, late_batch=2)), ("wide.json", dict(WIDE, name="wide"))):
            with open(at(name), "w") as f:
                json.dump(cfg, f)
        train.save_state(random_codec(WIDE, 1).state_dict(), at("wide"))
        for out, more in (("a", ["--teacher", at("wide.*.pt"), "--teacher-config", at("wide.json")]), ("b", [])):
            sys.argv = ["distil.py", at("tiny.json"), "--data", "random", "--steps", "10", "--out", at(out), "--device", "cpu", *more]
            with contextlib.redirect_stdout(io.StringIO()) as said:
                distil.main()
            phases = [line.split(",")[0] for line in said.getvalue().splitlines() if "prepared" in line]
            assert phases == (["features", "latents"] if more else []) + ["rate-distortion"] * 2 and "done: 10 steps" in said.getvalue()
            M.Codec(**TINY["model"]).load_state_dict(train.load_state(at(f"{out}/tiny.*.pt")))


def test_ablation():
    """Four runs of two seconds, two at a time; each with the phases of its name. A run that fails is told."""
    with tempfile.TemporaryDirectory() as folder:
        at = lambda name: os.path.join(folder, name)
        for name, cfg in (("tiny.json", TINY), ("wide.json", dict(WIDE, name="wide"))):
            with open(at(name), "w") as f:
                json.dump(cfg, f)
        train.save_state(random_codec(WIDE, 1).state_dict(), at("wide"))

        def ablation(*more):
            return subprocess.run([sys.executable, os.path.join(TRAIN, "ablation.py"), at("tiny.json"), "--out", at("out"), "--seconds", "2",
                                   "--gpus", "2", "--teacher", at("wide.*.pt"), "--teacher-config", at("wide.json"), "--data", "random",
                                   "--device", "cpu", "--set", json.dumps({"batch": 2}), *more], capture_output=True, text=True)
        r = ablation()
        assert r.returncode == 0, r
        assert sorted(line.split(":")[0] for line in r.stdout.splitlines()) == ["all", "control", "features", "latents"], r
        for name, phases in (("all", ["features", "latents"]), ("control", []), ("features", ["features"]), ("latents", ["latents"])):
            with open(at(f"out/{name}.log")) as f:
                lines = f.read().splitlines()
            prepared = [line for line in lines if "prepared" in line]
            assert [line.split(",")[0] for line in prepared] == [*phases, "rate-distortion"], (name, lines)
            begin, end = (float(re.search(r"([0-9]+) s\b", line)[1]) for line in (prepared[0], lines[-1]))
            assert end - begin >= 1, lines      # two seconds, in whole ones
            M.Codec(**TINY["model"]).load_state_dict(train.load_state(at(f"out/{name}.*.pt")))
        r = ablation("--runs", '{"one": {"weighting": 0}, "two": {"seed": 2, "distil": {"phases": [0, 1]}}}', "--steps", "4")
        assert r.returncode == 0, r
        for name, phase in (("one", "rate-distortion"), ("two", "latents")):
            with open(at(f"out/{name}.log")) as f:
                said = f.read()
            assert said.count("prepared") == 1 and f"{phase}, 64 px" in said and "done: 4 steps" in said, said
        r = ablation("--runs", '{"lost": {}, "gone": {}}', "--init", at("nothing.*.pt"))
        assert r.returncode == 1 and r.stdout.count("failed, see") == 2 and "no weights at" in r.stdout, r


if __name__ == "__main__":
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            test()
            print(f"ok {name}", flush=True)
