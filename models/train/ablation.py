"""Runs that differ in one thing: ablation.py STUDENT.json --out FOLDER --seconds S [--runs JSON] [--gpus N] and what
distil.py takes

They have the same length, counted from their first steps (or --steps N, the same number of patches), and begin at the
same weights. Without --runs it is the ablation of FEDS: all phases, none (the control), the first phase alone and the
second alone. --runs names others with their settings, e.g. '{"slow": {"lr": 5e-4}, "flat": {"weighting": -0.25}}';
those with "distil" among them have the teacher. As many at once as there are GPUs; FOLDER gets their weights,
NAME.*.pt, and what they said, NAME.log. evaluate.py or the C program measures them.
"""
import argparse
import json
import os
import queue
import subprocess
import sys
import threading

RUNS = {        # in the order in which they start
    "all": {"distil": {"phases": (0.3, 0.5)}},
    "control": {},
    "features": {"distil": {"phases": (0.5, 0.5)}},
    "latents": {"distil": {"phases": (0.0, 0.5)}},
}
HERE = os.path.dirname(os.path.abspath(__file__))


def command(name, settings, a, rest):
    common = json.loads(a.set)
    own = dict(common, **settings, name=name)
    teacher = []
    if "distil" in settings:
        own["distil"] = {**common.get("distil", {}), **settings["distil"]}
        teacher = ["--teacher", a.teacher, "--teacher-config", a.teacher_config]
    return [sys.executable, os.path.join(HERE, "distil.py"), a.config, "--out", a.out, "--seconds", str(a.seconds),
            "--from-first-step",
            "--set", json.dumps(own), *teacher, *rest]


def work(gpu, runs, a, rest, results):
    """Runs, one after another, on one GPU."""
    while True:
        try:
            name, settings = runs.get_nowait()
        except queue.Empty:
            return
        log = os.path.join(a.out, name + ".log")
        with open(log, "w") as f:
            status = subprocess.run(command(name, settings, a, rest), stdout=f, stderr=subprocess.STDOUT,
                                    env=dict(os.environ, CUDA_VISIBLE_DEVICES=str(gpu),
                                             PYTHONUNBUFFERED="1")).returncode
        with open(log) as f:
            last = (f.read().splitlines() or [""])[-1]
        results[name] = status
        print(f"{name}: {last if status == 0 else f'failed, see {log}: {last}'}", flush=True)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("config")
    ap.add_argument("--out", required=True)
    ap.add_argument("--seconds", type=float, default=60)
    ap.add_argument("--runs", help="JSON object: names and their settings")
    ap.add_argument("--teacher", default="", help="weights, as distil.py takes them")
    ap.add_argument("--teacher-config", default="teacher.json")
    ap.add_argument("--set", default="{}")
    ap.add_argument("--gpus", type=int, default=1)
    a, rest = ap.parse_known_args()
    wanted = json.loads(a.runs) if a.runs else RUNS
    if not a.teacher and any("distil" in settings for settings in wanted.values()):
        ap.error("a run with \"distil\" needs --teacher")
    os.makedirs(a.out, exist_ok=True)
    runs, results = queue.Queue(), {}
    for run in wanted.items():
        runs.put(run)
    workers = [threading.Thread(target=work, args=(gpu, runs, a, rest, results)) for gpu in range(a.gpus)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    sys.exit(any(results.get(name, 1) for name in wanted))


if __name__ == "__main__":
    main()
