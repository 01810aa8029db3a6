"""A trained network into a weights file, and back. The file format is models/WEIGHTS.md.

    export.py --model student 'student-v0.*.pt' student.licw
    export.py --model wide.json --name wide checkpoint.pt wide.licw
    export.py --model student --fit 'TILES/*.tar' --resume resume/student.npz 'run/student.*.pt' ../weights/student.licw
    export.py --previews 'TILES/*.tar' student.licw
    export.py --check student.licw

The first form reads the parts of a state dict of model.Codec (a glob; later parts win; or a weights file with a
companion) and writes the file. --fit adds what is fitted to the pictures in tar files of tiles, with the network as it
is: how the weights of integer layers are rounded (without it to the nearest), the frequency tables of y and z (without
it Gaussians and the trained densities) and the head for previews of 1/4, 1/8 and 1/16. --model names a configuration
(teacher, student) or a JSON file: a training configuration, or just the arguments of Codec. --previews fits a head to
a network whose file must stay as it is, and writes it to a file beside that, student.previews.licw. --check reads a
file back, verifies all of it and prints what it is.

The companion, a small .npz that is written with the file (--resume; by default beside it), holds what training needs
and the file lacks: licw_file.py.
"""
import argparse
import glob
import os
import sys

import numpy as np
import torch

import integers
import model
import preview
import rounding
from licw_file import (LicwError, codec_arguments, half, load_codec, load_resume, previews_path, read_licw, read_previews,
                       write_licw, write_previews, write_resume)
from tables import fitted_prior_tables, fitted_tables


PREVIEW_SIDE = 4            # colours along each side of a latent: a picture of 1/4


def load_parts(pattern, net):
    """A state dict in one or more files, or in a weights file and its companion, into a network. -> the network"""
    files, state = sorted(glob.glob(pattern)), {}
    if not files:
        raise LicwError(f"{pattern}: no such file")
    for f in files:
        state.update(load_resume(f) if f.endswith(".licw") else torch.load(f, map_location="cpu"))
    try:
        net.load_state_dict({k: v.float() for k, v in state.items()})
    except RuntimeError as e:
        raise LicwError(f"{pattern}: not the weights of this model: {' '.join(str(e).split()[:24])} ...")
    return net.eval()


def fit(net, pattern, slices, tiles):
    """-> the head for previews and the tables of y and z, for the network as 16 bits leave it"""
    net.requires_grad_(False)
    for k, p in net.named_parameters():
        if not k.startswith("prior."):
            p.data = torch.from_numpy(half(k, p).astype(np.float32))
    if integers.layers(net):
        rounding.fit(net, pattern)
    head, (y, z) = preview.fit(net, pattern, slices, tiles, processes=len(os.sched_getaffinity(0)), side=PREVIEW_SIDE)
    return head, fitted_tables(y), fitted_prior_tables(net.prior, z)


def fit_previews(path, pattern, slices, tiles, out):
    """Fits a head to the network in a weights file, as that has it, and writes it to a file of its own."""
    net, licw = load_codec(path)
    processes = len(os.sched_getaffinity(0))
    head, _ = preview.fit(net, pattern, slices, tiles, processes=processes, side=PREVIEW_SIDE)
    size = write_previews(out, licw.config["name"], licw.hash, head)
    report_previews(read_previews(out))
    print(f"{out}: {size} bytes")


def report_previews(licw):
    _, outputs, _, channels = licw.tensors["preview.weight"].shape
    print(f"previews of {licw.config['name']}, hash {licw.config['network']:016x}: a head of {outputs // 3} colours "
          f"for each latent, on {channels} channels")


def report(licw, cost):
    c = licw.config
    print(f"{c['name']}: {c['parameters'] / 1e6:.2f} M parameters, {len(licw.tensors)} tensors, "
          f"hash {licw.hash:016x}, model id {licw.hash & 0xFFFFFFFF:08x}")
    if "preview.weight" in licw.tensors:
        print(f"preview: a head on {licw.tensors['preview.weight'].shape[-1]} channels")
    for key in "zy":
        sizes = np.diff(licw.tensors[f"cdf.{key}.start"])
        line = f"{key}: {len(sizes)} tables, {sizes.min()} to {sizes.max()} symbols, {2 * sizes.sum()} bytes"
        if cost:
            entropy, over = cost[key].T
            line += (f"; cost over the exact density, bits per symbol: mean {over.mean():.2e}, max {over.max():.2e}"
                     f" (mean entropy {entropy.mean():.3f})")
        print(line)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--model", default="student", help="teacher, student or a JSON file")
    p.add_argument("--name", help="name stored in the file (default: that of --model)")
    p.add_argument("--resume", metavar="FILE", help="companion to write (default: OUT with .npz for .licw)")
    p.add_argument("--fit", metavar="TARS",
                   help="glob of tar files of pictures to fit the tables of y and a head for previews to")
    p.add_argument("--tiles", type=int, default=400, metavar="N",
                   help="pictures to fit to, evenly drawn from the files (default 400)")
    p.add_argument("--preview-slices", type=int, default=3, metavar="N",
                   help="slices that the head for previews sees (default 3)")
    p.add_argument("--previews", metavar="TARS",
                   help="glob of tar files of pictures to fit a head for previews to; then PARTS is a weights file, "
                        "and OUT by default beside it")
    p.add_argument("--check", metavar="FILE", help="verify a .licw file and print what it is")
    p.add_argument("parts", nargs="?", help="glob of the state dict's parts")
    p.add_argument("out", nargs="?", help="file to write")
    a = p.parse_args()
    try:
        if a.check:
            if a.check.endswith(".previews.licw"):
                report_previews(read_previews(a.check))
            else:
                report(read_licw(a.check), None)
            return 0
        if a.previews and a.parts:
            fit_previews(a.parts, a.previews, a.preview_slices, a.tiles, a.out or previews_path(a.parts))
            return 0
        if not a.out:
            p.error("PARTS and OUT are needed")
        name, arguments = codec_arguments(a.model)
        net = load_parts(a.parts, model.Codec(**arguments))
        fitted = fit(net, a.fit, a.preview_slices, a.tiles) if a.fit else ()
        _, cost, size = write_licw(a.out, net, arguments, a.name or name, *fitted)
        licw = read_licw(a.out)
        resume = a.resume or a.out.removesuffix(".licw") + ".npz"
        write_resume(resume, net, licw.hash)
        report(licw, cost)
        print(f"{a.out}: {size} bytes, {resume}: {os.path.getsize(resume)} bytes")
    except (LicwError, OSError) as e:
        print(f"export: {a.check or a.out or ''}: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
