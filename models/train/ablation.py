"""The three phases of FEDS one by one: ablation.py STUDENT.json --out FOLDER --seconds S --teacher WEIGHTS [--gpus N] and what distil.py takes

Four runs of one length, counted from their first steps, from the same weights: with all phases, without a teacher (the control),
with the first phase alone and with the second alone. As many at once as there are GPUs; FOLDER gets their weights, NAME.*.pt, and what
they said, NAME.log. evaluate.py or the C program measures them.
"""
import argparse
import json
import os
import queue
import subprocess
import sys
import threading

RUNS = {        # name: ends of the first two phases; the order in which they start
    "all": (0.3, 0.5),
    "control": None,
    "features": (0.5, 0.5),
    "latents": (0.0, 0.5),
}
HERE = os.path.dirname(os.path.abspath(__file__))


def command(name, a, rest):
    settings = dict(json.loads(a.set), name=name)
    if RUNS[name]:
        settings["distil"] = dict(settings.get("distil", {}), phases=RUNS[name])
    teacher = ["--teacher", a.teacher, "--teacher-config", a.teacher_config] if RUNS[name] else []
    return [sys.executable, os.path.join(HERE, "distil.py"), a.config, "--out", a.out, "--seconds", str(a.seconds), "--from-first-step",
            "--set", json.dumps(settings), *teacher, *rest]


def work(gpu, names, a, rest, results):
    """Runs, one after another, on one GPU."""
    while True:
        try:
            name = names.get_nowait()
        except queue.Empty:
            return
        log = os.path.join(a.out, name + ".log")
        with open(log, "w") as f:
            status = subprocess.run(command(name, a, rest), stdout=f, stderr=subprocess.STDOUT,
                                    env=dict(os.environ, CUDA_VISIBLE_DEVICES=str(gpu), PYTHONUNBUFFERED="1")).returncode
        with open(log) as f:
            last = (f.read().splitlines() or [""])[-1]
        results[name] = status
        print(f"{name}: {last if status == 0 else f'failed, see {log}: {last}'}", flush=True)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("config")
    ap.add_argument("--out", required=True)
    ap.add_argument("--seconds", type=float, required=True)
    ap.add_argument("--teacher", required=True)
    ap.add_argument("--teacher-config", default="teacher.json")
    ap.add_argument("--set", default="{}")
    ap.add_argument("--gpus", type=int, default=1)
    a, rest = ap.parse_known_args()
    os.makedirs(a.out, exist_ok=True)
    names, results = queue.Queue(), {}
    for name in RUNS:
        names.put(name)
    workers = [threading.Thread(target=work, args=(gpu, names, a, rest, results)) for gpu in range(a.gpus)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    sys.exit(any(results.get(name, 1) for name in RUNS))


if __name__ == "__main__":
    main()
