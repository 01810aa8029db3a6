#!/usr/bin/env python3
"""speed.py - time and memory of whole processes that encode and decode one Kodak picture and mosaics of 12 and 24 megapixels, in
Markdown on standard output: lic beside what else is installed, and beside an older lic.

    tests/bench/speed.py KODAK [--old CHECKOUT] > tests/bench/results/speed.md
    tests/bench/speed.py --lossless PICTURE.png     one table: without loss, lic beside JPEG XL

CHECKOUT: a built working tree of an older commit, with its own weights. Programs take turns, so that what else the machine does meets
all alike; medians, and the largest peak of memory. Mosaics need Pillow.
"""
import argparse
import glob
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
QUALITY = "50"


def arguments():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("kodak", nargs="?", help="folder of the 24 pictures")
    ap.add_argument("--lossless", metavar="PICTURE", help="PNG file to code without loss; nothing else is measured")
    ap.add_argument("--old", help="built working tree of an older commit")
    ap.add_argument("--turns", default="11,3,1", help="for the Kodak picture and for mosaics of 12 and 24 megapixels; fewer numbers: "
                    "fewer pictures; the second is for --lossless too")
    a = ap.parse_args()
    if not a.kodak and not a.lossless:
        ap.error("a folder of pictures, or --lossless")
    return a


def mosaic(folder, width, height, out):
    """The Kodak pictures side by side, in another order in each row."""
    from PIL import Image
    pictures = [Image.open(f).convert("RGB") for f in sorted(glob.glob(os.path.join(folder, "*.png")))]
    if not pictures:
        sys.exit(f"{folder}: no PNG files")
    pictures = [p if p.width > p.height else p.transpose(Image.Transpose.ROTATE_90) for p in pictures]
    w, h = pictures[0].size
    page, count = Image.new("RGB", (width, height)), 0
    for y in range(0, height, h):
        for x in range(0, width, w):
            page.paste(pictures[7 * count % len(pictures)], (x, y))
            count += 1
    page.save(out)


class Task:
    """A command, the file that it makes, and what it took so far."""

    def __init__(self, program, what, command, turns):
        self.program, self.what, self.command, self.turns = program, what, command, turns
        self.seconds, self.memory = [], 0

    def run(self, env):
        start = time.monotonic()
        child = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=env)
        errors = child.stderr.read()
        _, status, usage = os.wait4(child.pid, 0)
        self.seconds.append(time.monotonic() - start)
        self.memory = max(self.memory, usage.ru_maxrss / 1024)
        if status:
            sys.exit(f"{' '.join(self.command)}: {errors.decode()}")


def lic_tasks(name, root, model, threads, picture, work, turns):
    """Encoding, decoding and previews with one model: that of 1/4 if there is a head for it."""
    lic, stem = os.path.join(root, "build/lic"), os.path.join(work, f"{name}-{model}-{threads}".replace(" ", "-"))
    common = ["-f", "--quiet", "-T", str(threads), "--model", os.path.join(root, "models/weights", model + ".licw")]
    program = f"{name}, {model}, {threads} thread{'s' * (threads > 1)}"
    head = os.path.exists(os.path.join(root, "models/weights", model + ".previews.licw"))
    return [Task(program, "encode", [lic, "encode", *common, "-q", QUALITY, picture, "-o", stem + ".lic"], turns),
            Task(program, "decode", [lic, "decode", *common, stem + ".lic", "-o", stem + ".png"], turns),
            *(Task(program, scale, [lic, "decode", *common, "--scale", scale, stem + ".lic", "-o", stem + "-small.png"], turns)
              for scale in ["1/16"] + ["1/4"] * head)]


def installed(program):
    return any(os.access(os.path.join(d, program), os.X_OK) for d in os.environ["PATH"].split(":"))


def other_tasks(picture, work, turns):
    avif, jxl, webp, out = (os.path.join(work, f) for f in ("a.avif", "j.jxl", "w.webp", "o.png"))
    tasks = []
    if installed("avifenc"):
        tasks += [Task("avifenc -s 6, avifdec, 2 threads", "encode", ["avifenc", "-s", "6", "-j", "2", "--min", "0", "--max", "63",
                       "-a", "end-usage=q", "-a", "cq-level=32", picture, avif], turns),
                  Task("avifenc -s 6, avifdec, 2 threads", "decode", ["avifdec", "-j", "2", avif, out], turns)]
    if installed("cjxl"):
        tasks += [Task("cjxl -e 7, djxl, 2 threads", "encode", ["cjxl", "-e", "7", "-d", "2.5", "--num_threads=2", picture, jxl], turns),
                  Task("cjxl -e 7, djxl, 2 threads", "decode", ["djxl", "--num_threads=2", jxl, out], turns)]
    if installed("cwebp"):
        tasks += [Task("cwebp -m 6, dwebp", "encode", ["cwebp", "-quiet", "-m", "6", "-q", "75", picture, "-o", webp], turns),
                  Task("cwebp -m 6, dwebp", "decode", ["dwebp", "-quiet", webp, "-o", out], turns)]
    return tasks


def lossless_tasks(picture, work, turns):
    """There and back to PNG, and by file what each program makes. cjxl -e 7 takes minutes for 12 megapixels and encodes once."""
    lic, out = os.path.join(ROOT, "build/lic"), os.path.join(work, "o.png")
    files = {"lic --lossless": os.path.join(work, "l.lic")}
    tasks = [Task("lic --lossless", "encode", [lic, "encode", "--lossless", "-T", "2", "-f", "--quiet", picture, "-o",
                  files["lic --lossless"]], turns),
             Task("lic --lossless", "decode", [lic, "decode", "-T", "2", "-f", "--quiet", files["lic --lossless"], "-o", out], turns)]
    for effort in ("3", "7") if installed("cjxl") else ():
        name = f"cjxl -d 0 -e {effort}"
        files[name] = os.path.join(work, f"j{effort}.jxl")
        tasks += [Task(name, "encode", ["cjxl", "-d", "0", "-e", effort, "--num_threads=2", picture, files[name]],
                       turns if effort < "7" else 1),
                  Task(name, "decode", ["djxl", "--num_threads=2", files[name], out], turns)]
    return tasks, files


def take_turns(tasks):
    env = dict(os.environ, LC_ALL="C")
    for turn in range(max(t.turns for t in tasks)):
        for task in tasks:
            if turn < task.turns:
                task.run(env)


def table(tasks):
    """Rows of Markdown: a program each."""
    rows = {}
    for t in tasks:
        rows.setdefault(t.program, {})[t.what] = t
    print("| | encode | decode | preview, 1/16 | 1/4 | peak memory, MB | turns |\n|---|---|---|---|---|---|---|")
    for program, row in rows.items():
        seconds = [f"{statistics.median(row[w].seconds):.2f} s" if w in row else "" for w in ("encode", "decode", "1/16", "1/4")]
        memory = ", ".join(f"{row[w].memory:.0f}" for w in ("encode", "decode"))
        print(f"| {program} | {' | '.join(seconds)} | {memory} | {row['encode'].turns} |")
    print(flush=True)


def lossless(picture, turns, work):
    tasks, files = lossless_tasks(picture, work, turns)
    take_turns(tasks)
    print("| | bytes | encode | decode to PNG |\n|---|---|---|---|")
    for name, file in files.items():
        seconds = [f"{statistics.median(t.seconds):.2f} s" for t in tasks if t.program == name]
        print(f"| {name} | {os.path.getsize(file)} | {' | '.join(seconds)} |")


def bench(picture, model, *options):
    """What `lic bench` says of one thread."""
    command = [os.path.join(ROOT, "build/lic"), "bench", "--stages", "--threads", "1", "--model",
               os.path.join(ROOT, "models/weights", model + ".licw"), *options, picture]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout)


def ceiling(picture, model):
    """What the networks reach of the kernels' own rates, measured in one run of one thread."""
    r = bench(picture, model)
    print(f"{model}: the kernels alone reach {r['kernel_gflops']:.0f} GFLOP/s in floats and {r['byte_kernel_gops']:.0f} GOP/s in "
          f"bytes ({r['cpu']}, one thread).\n\n| part | ms | operations/s | of the kernel in floats |\n|---|---|---|---|")
    for way in ("encode", "decode"):
        for p in r[way]["parts"]:
            if p["ms"] >= 1:
                rate = f"{p['gflops']:.0f} G | {100 * p['of_kernel']:.0f} %" if p["gflops"] else " | "
                print(f"| {way}, {p['part']} | {p['ms']:.1f} | {rate} |")
    print()


def levels(picture):
    """The student with every instruction set of this machine, with the model open."""
    version = subprocess.run([os.path.join(ROOT, "build/lic"), "-V"], check=True, text=True, stdout=subprocess.PIPE).stdout
    names = version.split("(has: ")[1].split(")")[0].split()
    print("| `--cpu` | encode | decode | floats | bytes |\n|---|---|---|---|---|")
    for name in names:
        r = bench(picture, "student", "--cpu", name)
        print(f"| {name} | {r['encode']['ms'] / 1000:.2f} s | {r['decode']['ms'] / 1000:.2f} s | {r['kernel_gflops']:.1f} GFLOP/s | "
              f"{r['byte_kernel_gops']:.1f} GOP/s |")
    print(flush=True)


def heading(roots):
    commit = {r: subprocess.run(["git", "-C", r, "rev-parse", "--short", "HEAD"], check=True, text=True, stdout=subprocess.PIPE)
              .stdout.strip() for _, r in roots}
    with open("/proc/cpuinfo") as f:
        processor = next((line.split(": ")[1].strip() for line in f if line.startswith("model name")), "unknown processor")
    commits = "; ".join(f"{name}: commit {commit[root]}" for name, root in roots)
    print(f"# Time and memory of whole processes\n\nMade by `tests/bench/speed.py` on {time.strftime('%Y-%m-%d')}: {processor}, "
          f"{os.cpu_count()} processors, quality {QUALITY}, PNG there and back. {commits}. Programs take turns; medians.\n", flush=True)


def measure(roots, title, picture, turns, large, work):
    """One table: all programs on one picture. The teacher codes a large one once, with two threads."""
    tasks = []
    for model in ("student", "teacher"):
        once = large and model == "teacher"
        for threads in (2,) if once else (2, 1):
            for name, root in roots:
                tasks += lic_tasks(name, root, model, threads, picture, work, 1 if once else turns)
    tasks += other_tasks(picture, work, turns)
    take_turns(tasks)
    print(f"## {title}\n")
    table(tasks)


def main():
    a = arguments()
    turns = [int(n) for n in a.turns.split(",")]
    if a.lossless:
        with tempfile.TemporaryDirectory() as work:
            lossless(a.lossless, turns[min(1, len(turns) - 1)], work)
        return
    roots = [("lic", ROOT)] + ([("before", os.path.abspath(a.old))] if a.old else [])
    heading(roots)
    single = os.path.join(a.kodak, "kodim23.png")
    with tempfile.TemporaryDirectory() as work:
        measure(roots, "kodim23, 768x512", single, turns[0], False, work)
        for count, megapixels, size in zip(turns[1:], (12, 24), ((4000, 3000), (6000, 4000))):
            picture = os.path.join(work, f"{megapixels}.png")
            mosaic(a.kodak, *size, picture)
            measure(roots, f"{megapixels} megapixels, a mosaic of the Kodak pictures", picture, count, True, work)
    print("## Instruction sets: the student, one thread, the model open\n\n`scalar` takes fused multiply-adds from the machine if it has "
          "them, `sse4` never does.\n")
    levels(single)
    print("## Against the kernels\n")
    for model in ("student", "teacher"):
        ceiling(single, model)


if __name__ == "__main__":
    main()
