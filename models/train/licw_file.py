"""The weights file, models/WEIGHTS.md: written and read, and its companion for training.

`write_licw`, `read_licw`, `load_codec`, `load_resume`. A network that load_codec takes from a
.licw evaluates like the C program does, but cannot be trained on: the position-bias networks and the
density of z are in the file only as their values, and weights of layers in integers only as bytes. What is missing is
in its companion, a small .npz that is written with it and carries the file's hash: load_resume joins the two to the state
dict that the file was made of, bit by bit.

All arithmetic that decides a number in the file is done in double precision. Works with torch 1.13.
"""
import glob
import hashlib
import inspect
import json
import math
import os
import struct
import zipfile
import zlib
from collections import namedtuple

import numpy as np
import torch
from scipy.special import expit

import integers
import model
import preview
from tables import CONTEXTS, I32, TOTAL, U16, contexts, gauss_tables, pack_tables, prior_tables, unpack_tables

SIGNATURE = b"\x8Flicw\r\n\x1A"
VERSIONS, FAMILY, PREVIEWS = (1, 2, 3, 4), b"s2lic", b"s2lic-previews"
HEAD_SIDES = (1, 2, 4, 8)              # of heads for previews; above 1 not in a network's file before version 4
HEAD_FIELDS, CONFIG_FIELDS, TENSOR_FIELDS = map(struct.Struct, ("<8sIIIIQQQ16s", "<24sII32s", "<72sII4IQQI12s"))
HEAD, CONFIG_ENTRY, TENSOR_ENTRY, ALIGN = 64, 64, 128, 64
F32, F16, I8 = np.dtype("<f4"), np.dtype("<f2"), np.dtype("i1")
TYPES = [F32, F16, U16, I32, I8]       # the last not in files of version 1
SCALE = ".scale"

NAMED = ("teacher", "student")

Licw = namedtuple("Licw", "config tensors hash")    # {key: int or str}, {name: array}, u64


class LicwError(Exception):
    """The file is damaged, or is not what WEIGHTS.md describes."""


# ---- network -> tensors ---------------------------------------------------------------------------

def codec_arguments(spec):
    """teacher, student or a JSON file -> (name, all arguments of Codec, defaults included). In a training configuration
    the arguments are under "model", and beside it "integers": layers that the exporter rounds though they were trained
    in floats."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), spec + ".json") if spec in NAMED else spec
    with open(path) as f:
        given = json.load(f)
    name = given.get("name", os.path.basename(path).removesuffix(".json"))
    if "model" in given:
        given = {**given["model"], **{k: given[k] for k in ("integers",) if k in given}}
    return name, complete(given)


def complete(given):
    """Arguments of Codec with the defaults filled in."""
    known = {k: p.default for k, p in inspect.signature(model.Codec.__init__).parameters.items()
             if p.default is not p.empty}
    if set(given) - set(known):
        raise LicwError(f"no arguments of Codec: {sorted(set(given) - set(known))}")
    return {k: tuple(v) if isinstance(v, list) else v for k, v in {**known, **given}.items()}


def config_of(net, arguments, name):
    """The configuration entries, in the order of WEIGHTS.md."""
    a = arguments
    if not a["dw"]:
        raise LicwError("the format has no networks without the depthwise convolution (dw)")
    if a["rated"]:
        raise LicwError("the format has no networks whose norms depend on the rate level (rated)")
    if a["encoder"] or a["beside"]:
        raise LicwError("the format has no encoders of another shape than their decoders (encoder, beside)")
    grid = net.ctx[1].ag.grid if len(net.ctx) > 1 else 8
    out = dict(name=name, parameters=sum(p.numel() for p in net.parameters()), levels=net.levels, window=model.WINDOW)
    ratio = a["ratio"]
    out["head_dim"] = a["head_dim"]
    out.update({f"ratio.{i}": r for i, r in enumerate(ratio)} if isinstance(ratio, tuple) else {"ratio": ratio})
    out.update({k: a[k] for k in ("m", "n", "growth", "hyper", "dim", "gdim", "hid", "heads")})
    out["grid"] = grid
    for key, short in (("ch", "ch"), ("depth", "depth")):
        out.update({f"{short}.{i}": v for i, v in enumerate(a[key])})
    out["slices"] = len(a["slices"])
    out.update({f"slice.{i}": v for i, v in enumerate(a["slices"])})
    return out


def arguments_of(config):
    """Configuration entries -> arguments of Codec."""
    a = {k: config[k] for k in ("head_dim", "m", "n", "growth", "hyper", "dim", "gdim", "hid", "heads")}
    a["ratio"] = tuple(config[f"ratio.{i}"] for i in range(3)) if "ratio.0" in config else config["ratio"]
    a["levels"] = config["levels"]
    a["ch"], a["depth"] = (tuple(config[f"{k}.{i}"] for i in range(3)) for k in ("ch", "depth"))
    a["slices"] = tuple(config[f"slice.{i}"] for i in range(config["slices"]))
    return a


def half(name, t):
    """f16, refusing what does not fit. Values below the smallest f16 become zero: they are noise."""
    t = t.detach().cpu().double().numpy()
    with np.errstate(over="ignore"):
        h = t.astype(F16)
    if not np.isfinite(h).all():
        raise LicwError(f"{name}: {np.abs(t).max()} is not a 16-bit number")
    return h


def fold_attention(attn):
    """What is stored in place of the position-bias network and of logit_scale, from 16-bit parameters in
    double precision: bias_table [heads, (2w-1)^2] and scale [heads]."""
    cpb = (attn.cpb[0].weight, attn.cpb[0].bias, attn.cpb[2].weight)
    w0, b0, w2 = (half("cpb", t).astype(np.float64) for t in cpb)
    d = np.arange(-(attn.window - 1), attn.window, dtype=np.float64)
    d = np.stack(np.meshgrid(d, d, indexing="ij"), -1).reshape(-1, 2) * 8 / (attn.window - 1)
    d = np.sign(d) * np.log2(np.abs(d) + 1) / 3.0
    bias = 16 * expit(np.maximum(d @ w0.T + b0, 0) @ w2.T)
    log = half("logit_scale", attn.logit_scale).astype(np.float64).reshape(-1)
    scale = np.exp(np.minimum(log, math.log(100.0)))
    return bias.T.astype(F32), scale.astype(F32)


def whole_numbers(layer, w):
    """A layer in integers and its 16-bit weights O,... -> bytes, and the scale of each output: layer.right_side() is
    their product."""
    if layer.given is not None:
        q, steps = (t.cpu().numpy() for t in layer.given)
        return q.astype(I8), steps.astype(F32)
    w = w.astype(F32)
    largest = np.abs(w).reshape(len(w), -1).max(1)
    # As PyTorch has n / tensor.
    inverse = F32.type(1) / np.maximum(largest, F32.type(1e-30)) * F32.type(integers.LIMIT)
    q = np.rint(w * inverse.reshape(-1, *[1] * (w.ndim - 1))).astype(I8)
    return q, np.where(largest > 0, largest / F32.type(integers.LIMIT), F32.type(1))


def float_weights(q, scale):
    return q.astype(F32) * scale.reshape(-1, *[1] * (q.ndim - 1))


def integer_layers(net):
    """Layers in integers, by the names of their weights."""
    return {f"{name}.weight": layer for name, layer in integers.layers(net).items()}


def set_integer_layers(net, tensors):
    """Chooses the layers that are in integers in a file, with its whole numbers."""
    for name, mod in net.named_modules():
        if isinstance(mod, (integers.Linear, integers.Conv2d)):
            weights = tensors[f"{name}.weight"]
            mod.integer = weights.dtype == I8
            if mod.integer:
                scale = tensors[f"{name}.weight{SCALE}"].copy()
                mod.given = torch.from_numpy(weights.astype(F32)), torch.from_numpy(scale)


def tensors_of(net, y_tables=None, z_tables=None):
    """{name: array} in the order of the state dict, and the cost of the tables by name."""
    modules, out, cost, whole = dict(net.named_modules()), {}, {}, integer_layers(net)
    for name, t in net.state_dict().items():
        if name.endswith(".attn.logit_scale"):
            attn = name[:-len(".logit_scale")]
            out[f"{attn}.bias_table"], out[f"{attn}.scale"] = fold_attention(modules[attn])
        elif name in whole:
            out[name], out[name + SCALE] = whole_numbers(whole[name], half(name, t))
        elif not is_folded(name):
            out[name] = half(name, t)
    for key, which in (("z", z_tables or prior_tables(net.prior)), ("y", y_tables or gauss_tables())):
        packed, cost[key] = pack_tables(key, which)
        out.update(packed)
    out["scale.range"] = np.array([model.LOG_MIN, model.LOG_MAX], F32)
    return out, cost


# ---- the file -------------------------------------------------------------------------------------

def _text(s, size):
    b = s.encode("ascii") if isinstance(s, str) else s
    if len(b) >= size:
        raise LicwError(f"{s}: longer than {size - 1} characters")
    return b.ljust(size, b"\0")


def has_larger_head(tensors):
    return "preview.bias" in tensors and tensors["preview.bias"].shape[-1] > 3


def version_of(config, tensors, family):
    """The least version that can say it."""
    if family == PREVIEWS:
        return 4
    if has_larger_head(tensors):
        _need("ratio.0" in config, "a network with a larger head for previews has a ratio for each stage")
        return 4
    return 3 if "ratio.0" in config else 2 if any(t.dtype == I8 for t in tensors.values()) else 1


def pack_licw(config, tensors, family=FAMILY):
    """-> the bytes of a file."""
    def up(n):
        return -(-n // ALIGN) * ALIGN
    entries = [CONFIG_FIELDS.pack(_text(k, 24), isinstance(v, str), 0,
                                  _text(v, 32) if isinstance(v, str) else struct.pack("<q24x", v))
               for k, v in config.items()]
    payload = at = up(HEAD + CONFIG_ENTRY * len(config) + TENSOR_ENTRY * len(tensors))
    data = []
    for name, t in tensors.items():
        raw = np.ascontiguousarray(t).tobytes()
        dims = list(t.shape) + [1] * (4 - t.ndim)
        entries.append(TENSOR_FIELDS.pack(_text(name, 72), TYPES.index(t.dtype), t.ndim, *dims,
                                          at, len(raw), zlib.crc32(raw), b""))
        data.append(raw.ljust(up(len(raw)), b"\0"))
        at += up(len(raw))

    version = version_of(config, tensors, family)

    def head(crc, digest):
        return HEAD_FIELDS.pack(SIGNATURE, version, len(config), len(tensors), crc, at, payload, digest, family)
    table = b"".join(entries).ljust(payload - HEAD, b"\0")
    digest = struct.unpack("<Q", hashlib.sha256(b"".join([head(0, 0), table] + data)).digest()[:8])[0]
    return b"".join([head(zlib.crc32(head(0, digest) + table), digest), table] + data)


def lambdas_of(net):
    """Lagrange multipliers of the first and the last level, where they are not those that a file without them means."""
    if (net.levels, net.lambda_first) == (8, model.LAMBDA_FIRST):
        return {}
    return {"rate.lambda": net.rate_lambda(torch.tensor([0.0, net.levels - 1.0])).numpy().astype(F32)}


def write_licw(path, net, arguments, name, head=None, y_tables=None, z_tables=None):
    """Exports a Codec, with the tensors of a head for previews and tables that were fitted. -> (config, cost of the
    tables, bytes written)"""
    tensors, cost = tensors_of(net, y_tables, z_tables)
    tensors = {**tensors, **lambdas_of(net), **(head or {})}
    if has_larger_head(tensors) and not isinstance(arguments["ratio"], tuple):
        arguments = {**arguments, "ratio": 3 * (arguments["ratio"],)}       # as files of its version say it
    config = config_of(net, arguments, name)
    raw = pack_licw(config, tensors)
    with open(path, "wb") as f:
        f.write(raw)
    return config, cost, len(raw)


def _need(ok, what):
    if not ok:
        raise LicwError(what)


def _string(b, what):
    text = b.rstrip(b"\0")
    _need(len(text) < len(b) and text and all(32 < c < 127 for c in text), f"{what} is no text")
    return text.decode("ascii")


def _read_head(raw, kind=FAMILY):
    _need(len(raw) >= HEAD, "shorter than its head")
    sign, version, n_config, n_tensors, crc, size, payload, digest, family = HEAD_FIELDS.unpack(raw[:HEAD])
    _need(sign == SIGNATURE, "not a weights file")
    _need(version in VERSIONS, f"version {version}, this reader knows {VERSIONS}")
    _need(family == kind.ljust(16, b"\0"), "another family of networks")
    _need(n_config <= 256 and n_tensors <= 4096, "too many entries")
    _need(size == len(raw), f"{len(raw)} bytes, should be {size}")
    end = HEAD + CONFIG_ENTRY * n_config + TENSOR_ENTRY * n_tensors
    _need(payload % ALIGN == 0 and end <= payload <= size, "payload out of place")
    zero = bytearray(raw[:payload])
    zero[20:24] = bytes(4)
    _need(zlib.crc32(zero) == crc, "damaged head (CRC-32)")
    zero[40:48] = bytes(8)
    sha = hashlib.sha256(zero)
    sha.update(memoryview(raw)[payload:])
    _need(struct.unpack("<Q", sha.digest()[:8])[0] == digest, "damaged file (SHA-256)")
    _need(not any(raw[end:payload]), "bytes between table and payload")
    return version, n_config, n_tensors, payload, digest


def _read_config(raw, n):
    config = {}
    for i in range(n):
        key, kind, zero, value = CONFIG_FIELDS.unpack_from(raw, HEAD + CONFIG_ENTRY * i)
        key = _string(key, "configuration key")
        _need(key not in config and kind < 2 and zero == 0, f"configuration entry {key}")
        _need(kind == 1 or not any(value[8:]), f"configuration entry {key}")
        config[key] = _string(value, key) if kind else struct.unpack("<q", value[:8])[0]
    return config


def _read_tensors(raw, at, n, payload, types):
    tensors, spans = {}, []
    for i in range(n):
        name, kind, rank, *dims, offset, size, crc, pad = TENSOR_FIELDS.unpack_from(raw, at + TENSOR_ENTRY * i)
        name = _string(name, "tensor name")
        _need(name not in tensors, f"{name}: twice")
        _need(kind < len(types) and 1 <= rank <= 4 and not any(pad), f"{name}: entry")
        _need(all(d > 0 for d in dims) and all(d == 1 for d in dims[rank:]), f"{name}: dimensions")
        _need(size == math.prod(dims) * TYPES[kind].itemsize, f"{name}: length")
        _need(offset % ALIGN == 0 and payload <= offset and offset + size <= len(raw), f"{name}: offset")
        data = memoryview(raw)[offset:offset + size]
        _need(zlib.crc32(data) == crc, f"{name}: damaged (CRC-32)")
        tensors[name] = np.frombuffer(data, TYPES[kind]).reshape(dims[:rank])
        spans.append((offset, offset + size))
    spans.sort()
    _need(all(a[1] <= b[0] for a, b in zip(spans, spans[1:])), "tensors overlap")
    return tensors


def expected_tensors(net, tensors):
    """{name: (type, shape)} of the file of a network; the shape of the tables' cum is not known before, and of z there
    are two numbers of tables."""
    out, z_tables = {}, net.prior.h[0].shape[0]
    layers = {f"{name}.weight" for name, mod in net.named_modules()
              if isinstance(mod, (integers.Linear, integers.Conv2d)) and getattr(mod, "groups", 1) == 1}
    if tensors.get("cdf.z.first", np.zeros(0)).size == CONTEXTS * z_tables:
        z_tables *= CONTEXTS
    for name, t in net.state_dict().items():
        if name.endswith(".attn.logit_scale"):
            heads, attn = t.shape[0], name[:-len(".logit_scale")]
            out[f"{attn}.bias_table"] = (F32, (heads, (2 * model.WINDOW - 1) ** 2))
            out[f"{attn}.scale"] = (F32, (heads,))
        elif not is_folded(name):
            whole = name in layers and name in tensors and tensors[name].dtype == I8
            out[name] = (I8 if whole else F16, tuple(t.shape))
            if whole:
                out[name + SCALE] = (F32, tuple(t.shape[:1]))
    for key, n in (("z", z_tables), ("y", model.SIGMA_LEVELS)):
        out[f"cdf.{key}.cum"], out[f"cdf.{key}.start"] = (U16, None), (I32, (n + 1,))
        out[f"cdf.{key}.first"] = (I32, (n,))
    out["scale.range"] = (F32, (2,))
    return out


def expected_preview(net, tensors):
    """The same of the head for previews, if there is one: its inputs are the channels of the first slices."""
    if not any(name.startswith("preview.") for name in tensors):
        return {}
    weight = tensors.get("preview.weight", np.zeros(0))
    channels = weight.shape[-1] if weight.ndim else 0
    _need(channels in np.cumsum(net.slices), "preview.weight: not the channels of whole slices")
    return _head_shapes(net.levels, channels, tensors["preview.weight"])


def _head_shapes(levels, channels, weight):
    outputs = weight.shape[1]
    _need(outputs in [3 * side * side for side in HEAD_SIDES], f"preview.weight: {outputs} outputs")
    kind = weight.dtype if weight.dtype in (F16, F32) else F32
    return {"preview.weight": (kind, (levels, outputs, preview.TAPS, channels)), "preview.bias": (F32, (levels, outputs))}


def expected_lambda(tensors):
    """The same of the Lagrange multipliers of the first and the last level, if they are there."""
    return {"rate.lambda": (F32, (2,))} if "rate.lambda" in tensors else {}


def _check_floats(tensors, want):
    _need(set(tensors) == set(want), f"missing or unknown: {sorted(set(tensors) ^ set(want))[:4]}")
    for name, (kind, shape) in want.items():
        t = tensors[name]
        _need(t.dtype == kind and (shape is None and t.ndim == 1 or t.shape == shape), f"{name}: type or shape")
        _need(kind not in (F16, F32) or np.isfinite(t).all(), f"{name}: not finite")
        _need(kind != I8 or t.min() >= -integers.LIMIT, f"{name}: a byte of -128")
        _need(name[:-len(SCALE)] not in want or (t > 0).all(), f"{name}: not positive")


def _check_tensors(tensors, want):
    _check_floats(tensors, want)
    for key in "zy":
        cum, start = tensors[f"cdf.{key}.cum"], tensors[f"cdf.{key}.start"].astype(np.int64)
        _need(start[0] == 0 and start[-1] == len(cum) and (np.diff(start) >= 1).all(), f"cdf.{key}.start")
        for a, b in zip(start, start[1:]):
            _need(cum[a] == 0 and (np.diff(cum[a:b].astype(np.int64)) > 0).all(), f"cdf.{key}.cum")
    lo, hi = tensors["scale.range"]
    _need(lo < hi, "scale.range")


def _read(path):
    with open(path, "rb") as f:
        raw = f.read()
    version, n_config, n_tensors, payload, digest = _read_head(raw)
    config = _read_config(raw, n_config)
    types = TYPES if version > 1 else TYPES[:-1]
    tensors = _read_tensors(raw, HEAD + CONFIG_ENTRY * n_config, n_tensors, payload, types)
    try:
        arguments = arguments_of(config)
        if "rate.lambda" in tensors:
            arguments["lambda_first"] = float(tensors["rate.lambda"].flat[0])
        net = model.Codec(**arguments)
        same = config_of(net, complete(arguments), config["name"])
    except (KeyError, AssertionError, TypeError) as e:
        raise LicwError(f"configuration: {e!r}") from e
    _need(same == config, "configuration: not this family's")
    _need(("ratio.0" in config) == (version > 2) and version >= version_of(config, tensors, FAMILY), f"version {version}")
    _check_tensors(tensors, {**expected_tensors(net, tensors), **expected_preview(net, tensors),
                             **expected_lambda(tensors)})
    set_integer_layers(net, tensors)
    return Licw(config, tensors, digest), net


def read_licw(path):
    """Reads and verifies a file. -> Licw; LicwError if anything is not as WEIGHTS.md says."""
    return _read(path)[0]


# ---- heads for previews, in a file beside the network's --------------------------------------------

def previews_path(path):
    """folder/student.licw -> folder/student.previews.licw"""
    return path.removesuffix(".licw") + ".previews.licw"


def write_previews(path, name, digest, head):
    """Writes a head for the network of that name and hash, weights as binary16. -> bytes written"""
    signed = digest - (1 << 64) if digest >> 63 else digest
    raw = pack_licw({"name": name, "network": signed},
                    {"preview.weight": head["preview.weight"].astype(F16), "preview.bias": head["preview.bias"]}, PREVIEWS)
    with open(path, "wb") as f:
        f.write(raw)
    return len(raw)


def read_previews(path):
    """Reads and verifies such a file by itself. -> Licw, of which config["network"] is the network's hash; LicwError"""
    with open(path, "rb") as f:
        raw = f.read()
    _, n_config, n_tensors, payload, digest = _read_head(raw, PREVIEWS)
    config = _read_config(raw, n_config)
    _need(set(config) == {"name", "network"} and not isinstance(config["network"], str), "configuration")
    tensors = _read_tensors(raw, HEAD + CONFIG_ENTRY * n_config, n_tensors, payload, TYPES)
    weight = tensors.get("preview.weight", np.zeros(0))
    _need(weight.ndim == 4, "no head for previews")
    _check_floats(tensors, _head_shapes(weight.shape[0], weight.shape[3], weight))
    return Licw({**config, "network": config["network"] % (1 << 64)}, tensors, digest)


def is_folded(name):
    """Whether a parameter is in the file only as what the exporter makes of it."""
    return ".attn.cpb." in name or name.endswith(".attn.logit_scale") or name.startswith("prior.")


def _missing(weights, q, scale):
    """What 16-bit weights have and bytes lack, small numbers for the most part: the difference of the bits."""
    return weights.view(U16) - float_weights(q, scale).astype(F16).view(U16)


def _complete(missing, q, scale):
    return (float_weights(q, scale).astype(F16).view(U16) + missing).view(F16)


def write_resume(path, net, digest):
    """The companion of the file with that hash: the folded parameters as train.save_state would keep them, and what
    weights in bytes lack."""
    state = {k: t.detach().cpu().numpy() for k, t in net.state_dict().items() if is_folded(k)}
    state = {k: t.astype(F32 if k.startswith("prior.") else F16) for k, t in state.items()}
    for k, layer in integer_layers(net).items():
        weights = half(k, layer.weight)
        state[k] = _missing(weights, *whole_numbers(layer, weights))
    with open(path, "wb") as f:
        np.savez_compressed(f, hash=np.array([digest], "<u8"), **state)


def _read_resume(path):
    try:
        with np.load(path, allow_pickle=False) as f:
            out = {k: f[k] for k in f.files}
    except (ValueError, KeyError, EOFError, zlib.error, zipfile.BadZipFile) as e:
        raise LicwError(f"{path}: damaged: {e}") from e
    _need(out.get("hash", np.zeros(0)).dtype == "<u8" and out["hash"].shape == (1,),
          f"{path}: no companion of a weights file")
    return int(out.pop("hash")[0]), out


def find_resume(path, digest):
    """The companion of a file among those beside it and those in resume/. -> path"""
    places = os.path.dirname(os.path.abspath(path)), os.path.join(os.path.dirname(os.path.abspath(__file__)), "resume")
    for name in (n for place in places for n in sorted(glob.glob(os.path.join(glob.escape(place), "*.npz")))):
        try:
            if _read_resume(name)[0] == digest:
                return name
        except LicwError:
            continue            # not ours
    raise LicwError(f"{path}: no companion with hash {digest:016x} beside it or in resume/, so it cannot be trained on")


def load_resume(path, companion=None):
    """-> the state dict that a file was made of, as 16-bit tensors (the density of z: 32). Without a companion one
    is looked for; one that belongs to another file is refused."""
    licw, net = _read(path)
    companion = companion or find_resume(path, licw.hash)
    digest, folded = _read_resume(companion)
    _need(digest == licw.hash, f"{companion}: belongs to {digest:016x}, not to {path} ({licw.hash:016x})")
    whole = integer_layers(net)
    want = {k: t for k, t in net.state_dict().items() if is_folded(k) or k in whole}
    _need(set(folded) == set(want), f"{companion}: missing or unknown: {sorted(set(folded) ^ set(want))[:4]}")
    for k, t in folded.items():
        kind = F32 if k.startswith("prior.") else U16 if k in whole else F16
        _need(t.dtype == kind and t.shape == tuple(want[k].shape) and np.isfinite(t).all(), f"{companion}: {k}")
    state = {k: folded[k] if is_folded(k) else licw.tensors[k] for k in net.state_dict()}
    for k in whole:
        state[k] = _complete(folded[k], licw.tensors[k], licw.tensors[k + SCALE])
    return {k: torch.from_numpy(t.copy()) for k, t in state.items()}


def _table_bits(tables):
    """A stand-in for FactorizedPrior.bits from the tables: bits of whole numbers only (no noise), and a
    value outside of its table is counted as the escape and an exponential Golomb code."""
    def bits(z):
        v = z.detach().cpu().numpy().round().astype(np.int64)
        each = len(tables) // v.shape[-1]
        of = each * np.arange(v.shape[-1]) + (contexts(v) if each > 1 else 0)
        of, out = np.broadcast_to(of, v.shape), np.zeros(v.shape)
        for i, (first, f) in enumerate(tables):
            here = of == i
            k = v[here] - first
            over = np.maximum(-k, k - (len(f) - 2))
            inside = over <= 0
            out[here] = (np.where(inside, 0, 2 * np.floor(np.log2(np.maximum(over, 1))) + 2)
                         - np.log2(f[np.where(inside, k, len(f) - 1)] / TOTAL))
        return torch.from_numpy(out.reshape(len(v), -1).sum(1)).to(z)
    return bits


def load_codec(path, dtype=torch.float32):
    """-> (Codec for evaluation with noise=False, Licw), layers in integers where the file has them. Parameters come from
    the file as they are; each attn.bias() returns the stored table, logit_scale is the logarithm of the stored scale (right to the
    last bit or so), prior.bits() counts with the stored tables. attn.cpb and prior hold nothing."""
    licw, net = _read(path)
    net = net.to(dtype)
    modules, state = dict(net.named_modules()), net.state_dict()
    for name, t in licw.tensors.items():
        if t.dtype == I8:
            state[name] = torch.from_numpy(float_weights(t, licw.tensors[name + SCALE]))
        elif name in state:
            state[name] = torch.from_numpy(t.astype(np.float32))
        elif name.endswith(".attn.scale"):
            log = np.log(t.astype(np.float64)).reshape(-1, 1, 1)
            state[name[:-len("scale")] + "logit_scale"] = torch.from_numpy(log)
    net.load_state_dict(state)
    for name, mod in modules.items():
        if isinstance(mod, model.WindowAttention):
            n, table = mod.window ** 2, torch.from_numpy(licw.tensors[f"{name}.bias_table"].copy())
            mod.register_buffer("fixed", table[:, mod.index].view(mod.heads, n, n).to(dtype), persistent=False)
            mod.bias = lambda mod=mod: mod.fixed
    net.prior.bits = _table_bits(unpack_tables(licw.tensors, "z"))
    return net.eval().requires_grad_(False), licw
