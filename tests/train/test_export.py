"""Tests of models/train/export.py and golden.py. Run it as it is; without PyTorch it says so and exits 0."""
import glob
import json
import os
import random
import sys
import tempfile
from unittest import mock

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(HERE, "../golden")
sys.path.insert(0, os.path.join(HERE, "../../models/train"))
sys.dont_write_bytecode = True
try:
    import numpy as np
    import torch
    import PIL  # noqa: F401
    import scipy  # noqa: F401
except ImportError as e:
    print(f"test_export: skipped: {e}")
    sys.exit(0)
import export
import golden
import integers
import licw_file
import model
import preview
import tables
import train

torch.set_num_threads(1)


def refused(path, raw, read=licw_file.read_licw):
    """Whether the reader notices that the file is not right."""
    with open(path, "wb") as f:
        f.write(raw)
    try:
        read(path)
    except licw_file.LicwError:
        return True
    return False


def test_allotment_is_the_best():
    rng = np.random.RandomState(1)
    for n in (1, 2, 3, 40, 4095):
        p = rng.gamma(0.1, size=n) + 1e-12
        f = tables.allot(p / p.sum())
        assert f.sum() == 65536 and f.min() >= 1
        cost = -(p * np.log2(f)).sum()
        for _ in range(200):        # no single move is cheaper
            i, j = rng.randint(n, size=2)
            g = f.copy()
            g[i] -= 1
            g[j] += 1
            assert g[i] < 1 or -(p * np.log2(g)).sum() >= cost - 1e-9 * abs(cost)


def test_gauss_tables():
    gauss = tables.gauss_tables()
    assert len(gauss) == 64 and all(first <= -1 and len(p) == 1 - 2 * first for first, p, _ in gauss)
    assert all(abs(p.sum() + outside - 1) < 1e-12 and outside < 2 * tables.TAIL for _, p, outside in gauss)
    packed, cost = tables.pack_tables("y", gauss)
    for (first, p, _), (f_first, f) in zip(gauss, tables.unpack_tables(packed, "y")):
        assert first == f_first and f.sum() == 65536 and f.min() >= 1 and len(f) == len(p) + 1
    assert (cost[:, 1] > 0).all() and cost[:, 1].max() < 1.5e-3, cost[:, 1].max()


def test_fitted_tables_are_what_was_counted():
    """Of Laplacians, in the middle; of nothing, the Gaussian; and they code what was counted with fewer bits."""
    rng, far = np.random.RandomState(5), tables.FARTHEST
    counts = np.zeros((64, 2 * far + 1), np.int64)
    for i in range(40):
        np.add.at(counts[i], far + np.clip(rng.laplace(0, 0.1 * 1.1 ** i, 1 << 18).round(), -far, far).astype(int), 1)
    bits = lambda n, first, f: -(n[far + first:far + first + len(f) - 1] * np.log2(f[:-1] / 65536)).sum() + 20 * (
        n[:far + first].sum() + n[far + first + len(f) - 1:].sum())
    fitted, gauss = tables.fitted_tables(counts), tables.gauss_tables()
    packed = [tables.unpack_tables(tables.pack_tables("y", t)[0], "y") for t in (fitted, gauss)]
    for i, (n, (first, p, outside), (g_first, g, _)) in enumerate(zip(counts, fitted, gauss)):
        assert len(p) == 1 - 2 * first and abs(p.sum() + outside - 1) < 1e-12 and np.allclose(p, p[::-1]) and 0 <= outside < 2 * tables.TAIL + 1e-12
        if i < 40:
            assert abs(p[-first] - n[far] / n.sum()) < 0.01 and bits(n, *packed[0][i]) < bits(n, *packed[1][i]), i
        else:
            assert first == g_first and np.allclose(p, g, rtol=1e-9)


def test_symbols_are_counted_as_the_codec_codes_them(path):
    """Tables and symbols of two random tiles, against the network's own account of its errors and scales."""
    net, _ = licw_file.load_codec(path)
    seen, width = [], 2 * tables.FARTHEST + 1
    plain = net.gauss_bits
    pictures = [torch.rand(64, 128, 3), torch.rand(64, 64, 3)]
    with mock.patch.object(preview, "tiles", lambda pattern, count: iter(pictures)):
        _, (counts, z_counts) = preview.fit(net, "*.tar", 1, 2)
    assert net.gauss_bits is plain and counts.shape == (64, width)
    net.gauss_bits = lambda v, s: (seen.append((v.numpy().ravel(), s.numpy().ravel())), torch.zeros_like(v))[1]
    rng, coded = np.random.RandomState(1), []
    net.prior.bits = lambda z: coded.append(z[0].numpy().astype(int)) or 0
    for x in pictures:
        preview.latents(net, x, rng.uniform(0, net.levels - 1), 0)
    for z in coded:                 # [h, w, channels]: each symbol is missing once where it was counted
        for r, q, c in np.ndindex(*z.shape):
            near = sum(min(max(int(z[a, b, c]), -3), 3) for a, b in ((r, q - 1), (r - 1, q)) if min(a, b) >= 0)
            z_counts[c, 3 + min(max(near, -3), 3), z[r, q, c] + tables.Z_FARTHEST] -= 1
    assert len(coded) == 2 and coded[0].shape[:2] == (1, 2) and not z_counts.any()
    assert counts.sum() == sum(len(v) for v, _ in seen) == (64 * 128 + 64 * 64) // 256 * net.m
    lo, hi = model.LOG_MIN, model.LOG_MAX
    for i in range(64):
        here = np.concatenate([v[np.clip(np.rint((s - lo) / ((hi - lo) / 63)), 0, 63) == i] for v, s in seen])
        assert np.array_equal(counts[i], np.bincount(here.astype(int) + tables.FARTHEST, minlength=width)), i


def test_prior_tables_find_the_mass():
    """Centres far away, widths beyond the limit, and channels whose median is not in reach of 0."""
    prior = model.FactorizedPrior(5)
    golden.random_prior(prior, np.random.RandomState(3))
    prior = prior.double()
    for c, (centre, width) in enumerate(((3000, 1), (0, 1e5), (-20000, 5), (1e5, 1e6), (0, 0.1))):
        slope = torch.nn.functional.softplus(prior.h[0].data[c]) / width
        prior.h[0].data[c] = torch.log(torch.expm1(slope))
        prior.b[0].data[c] = -slope * centre
    for c, (first, p, outside) in enumerate(tables.prior_tables(prior)):
        f = tables.allot(np.append(p, outside))
        assert f.sum() == 65536 and f.min() >= 1 and len(f) <= tables.MAX_SYMBOLS
        assert abs(p.sum() + outside - 1) < 1e-9 and (p >= 0).all()
        assert c in (1, 3) or outside < 2 * tables.TAIL, (c, outside)
        assert c in (1, 2, 3) or first <= 0 < first + len(p)


def test_fitted_prior_tables():
    """Of nothing, the trained densities; of neighbours that tell all, tables that code them for little; symbols beyond a table are its escapes."""
    prior = model.FactorizedPrior(5)
    golden.random_prior(prior, np.random.RandomState(5))
    plain = tables.prior_tables(prior)
    counts = np.zeros((5, tables.CONTEXTS, 2 * tables.Z_FARTHEST + 1), np.int64)
    for i, (first, p, outside) in enumerate(tables.fitted_prior_tables(prior, counts)):
        g_first, g, g_outside = plain[i // tables.CONTEXTS]
        assert first == g_first and np.allclose(p, g, atol=1e-4) and abs(outside - g_outside) < 1e-4
    first = plain[1][0]
    counts[1, 2, first + tables.Z_FARTHEST] = 5000
    counts[1, 4, (first + 1 if first + 1 < len(plain[1][1]) + first else first) + tables.Z_FARTHEST] = 5000
    counts[1, 6, -1] = 10000                                            # at 64 or beyond
    fitted = tables.fitted_prior_tables(prior, counts)
    assert fitted[7 + 2][1][0] > 0.99 and fitted[7 + 4][1].max() > 0.99 and fitted[7 + 4][1][0] < 0.01
    assert fitted[7 + 6][2] > 0.99 and all(abs(p.sum() + outside - 1) < 1e-9 for _, p, outside in fitted[7:14])
    assert np.allclose(fitted[0][1], plain[0][1], atol=1e-4)


def test_contexts_cost_what_their_tables_say(path, folder):
    """A weights file with seven tables of z for each channel: read, counted with, and refused with another number of them."""
    licw, out, rng = licw_file.read_licw(path), os.path.join(folder, "near.licw"), np.random.RandomState(6)
    n = licw.config["n"]
    seven = [(-2, p[:-1], p[-1]) for p in rng.dirichlet(np.ones(6), 7 * n)]
    packed, _ = tables.pack_tables("z", seven)
    assert not refused(out, licw_file.pack_licw(licw.config, {**licw.tensors, **packed}))
    net, _ = licw_file.load_codec(out)
    z, kept = torch.from_numpy(rng.randint(-3, 4, (2, 3, 4, n))).float(), tables.unpack_tables(packed, "z")
    expected = np.zeros(2)
    for b, r, q, c in np.ndindex(*z.shape):
        near = sum(int(z[b, i, j, c]) for i, j in ((r, q - 1), (r - 1, q)) if min(i, j) >= 0)
        _, f = kept[7 * c + 3 + min(max(near, -3), 3)]
        k = int(z[b, r, q, c]) + 2
        expected[b] -= np.log2((f[k] if 0 <= k < 5 else f[5]) / tables.TOTAL) - (0 if 0 <= k < 5 else 2)
    assert np.allclose(net.prior.bits(z).numpy(), expected)
    assert refused(out, licw_file.pack_licw(licw.config, {**licw.tensors, **tables.pack_tables("z", seven[:6 * n])[0]}))


def test_file_reads_back(path):
    net = golden.tiny_codec()
    licw = licw_file.read_licw(path)
    tensors, _ = licw_file.tensors_of(net)
    assert list(licw.tensors) == list(tensors)
    assert all(np.array_equal(licw.tensors[k], t) for k, t in tensors.items())
    for key in "yz":
        for start in (licw.tensors[f"cdf.{key}.start"],):
            cum = licw.tensors[f"cdf.{key}.cum"].astype(int)
            for a, b in zip(start, start[1:]):
                assert cum[a] == 0 and (np.diff(cum[a:b]) > 0).all()
    again, _ = licw_file.load_codec(path)
    for k, p in net.named_parameters():     # as the file has them
        p.data = torch.from_numpy(licw_file.half(k, p).astype(np.float32)) if not k.startswith("prior") else p.data
    x, q = torch.from_numpy(golden.picture(64, 64))[None].float(), torch.tensor([1.5])
    with torch.no_grad():
        a, b = net(x, q, noise=False), again(x, q, noise=False)
    # a symbol may round the other way, so only the first stage is compared closely
    mix = net.mix(q)
    with torch.no_grad():
        assert (net.g_a(x, mix) - again.g_a(x, mix)).abs().max() < 1e-4
    assert abs(a[1] / b[1] - 1) < 0.05 and abs(a[2] / b[2] - 1) < 0.05, (a[1:], b[1:])


def test_damage_is_noticed(path, scratch):
    with open(path, "rb") as f:
        raw = f.read()
    rng = random.Random(5)
    assert not refused(scratch, raw)
    places = list(range(0, 64, 1)) + [rng.randrange(64, len(raw)) for _ in range(150)] + [len(raw) - 1]
    for at in places:
        bad = bytearray(raw)
        bad[at] ^= 1 << rng.randrange(8)
        assert refused(scratch, bad), at
    for n in (0, 1, 63, 64, 100, 5000, len(raw) - 64, len(raw) - 1):
        assert refused(scratch, raw[:n]), n
    assert refused(scratch, raw + b"\0")


def test_wrong_content_is_noticed(path, scratch):
    """Files with right checksums and wrong contents."""
    licw = licw_file.read_licw(path)

    def change(config={}, tensors={}, drop=()):
        t = {k: v for k, v in {**licw.tensors, **tensors}.items() if k not in drop}
        return refused(scratch, licw_file.pack_licw({**licw.config, **config}, t))
    t = licw.tensors
    assert not change()
    assert change(config={"m": 12}) and change(config={"extra": 1}) and change(config={"parameters": 5})
    assert change(config={"window": 4}) and change(config={"hyper": "text"})
    assert change(drop=["gain"]) and change(tensors={"more": t["gain"]})
    assert change(tensors={"gain": t["gain"].astype("<f4")}) and change(tensors={"gain": t["gain"].T})
    assert change(tensors={"gain": np.full_like(t["gain"], np.nan)})
    flat = t["cdf.y.cum"].copy()
    flat[2] = flat[1]
    assert change(tensors={"cdf.y.cum": flat})
    start = t["cdf.z.start"].copy()
    start[1] += 1
    assert change(tensors={"cdf.z.start": start})


def test_a_ratio_for_each_scale(folder, scratch):
    """The stages have MLPs of their own widths, the file says so, and is of version 3 for that alone."""
    arguments = licw_file.complete({**golden.TINY, "ratio": (1, 3, 2)})
    net, out = model.Codec(**arguments), os.path.join(folder, "ratios.licw")
    assert [net.g_a.st1.blocks[0].fc1.out_features, net.g_s.st2.blocks[0].fc1.out_features,
            net.g_s.st3.blocks[1].fc2.in_features] == [r * c for r, c in zip((1, 3, 2), golden.TINY["ch"])]
    licw_file.write_licw(out, net, arguments, "ratios")
    licw = licw_file.read_licw(out)
    with open(out, "rb") as f:
        assert f.read(12)[8] == 3
    assert "ratio" not in licw.config and [licw.config[f"ratio.{i}"] for i in range(3)] == [1, 3, 2]
    other, _ = licw_file.load_codec(out)
    assert other.g_a.st2.blocks[0].fc1.weight.shape == net.g_a.st2.blocks[0].fc1.weight.shape
    one = {k: v for k, v in licw.config.items() if not k.startswith("ratio")}
    for config in (one, {**one, "ratio": 2}, {**licw.config, "ratio": 2}, {**licw.config, "ratio.1": 2}):
        assert refused(scratch, licw_file.pack_licw(config, licw.tensors)), config


def test_networks_that_the_format_lacks_are_refused(scratch):
    for more, reason in (({"rated": True}, "rate level"), ({"encoder": {"depth": (2, 1, 3)}}, "another shape"),
                         ({"beside": {"ratio": 3}}, "another shape")):
        arguments = licw_file.complete({**golden.TINY, **more})
        try:
            licw_file.write_licw(scratch, model.Codec(**arguments), arguments, "tiny")
            raise AssertionError("written")
        except licw_file.LicwError as e:
            assert reason in str(e)


def test_training_resumes_from_file_and_companion(path, folder):
    net, digest = golden.tiny_codec(), licw_file.read_licw(path).hash
    companion = path.removesuffix(".licw") + ".npz"
    try:
        licw_file.load_resume(path)
        raise AssertionError("resumed without a companion")
    except licw_file.LicwError as e:
        assert "no companion" in str(e)
    with open(os.path.join(folder, "a.npz"), "wb") as f:
        f.write(b"no companion at all")
    licw_file.write_resume(os.path.join(folder, "b.npz"), net, digest ^ 1)
    licw_file.write_resume(companion, net, digest)
    state = licw_file.load_resume(path)
    assert list(state) == list(net.state_dict())
    for k, t in net.state_dict().items():
        assert torch.equal(state[k], t if k.startswith("prior.") else t.half()), k
    assert all(v.dtype == torch.float32 for v in train.load_state(path).values())
    with np.load(companion) as f:
        entries = {k: f[k] for k in f.files}
    name = next(k for k in entries if k.endswith("logit_scale"))
    for change in ({"hash": entries["hash"] + np.uint64(1)}, {"more": entries[name]}, {name: entries[name][:0]},
                   {name: entries[name].astype("<f4")}, {name: np.full_like(entries[name], np.nan)}, {name: None}):
        np.savez(companion, **{k: v for k, v in {**entries, **change}.items() if v is not None})
        try:
            licw_file.load_resume(path, companion)
            raise AssertionError(f"taken: {list(change)}")
        except licw_file.LicwError:
            pass


def test_shipped_companions_belong_to_the_shipped_weights():
    """What is folded from a companion's parameters is what the weights file holds, to the last bit, and whole numbers are near what was
    trained, in the same steps. Tables of y may be fitted to pictures instead: then each must still be the one of its scale, and code its
    Gaussian almost as well. Their tails reach up to 1.77 times as far, and they take up to 0.18 bits a symbol more for a Gaussian; the last
    one, which all larger scales have, takes 0.26."""
    for path in sorted(glob.glob(os.path.join(HERE, "../../models/weights/*.licw"))):
        if path.endswith(".previews.licw"):
            owner = licw_file.read_licw(path.replace(".previews.licw", ".licw"))
            heads = licw_file.read_previews(path)
            assert heads.config == {"name": owner.config["name"], "network": owner.hash}, path
            assert heads.tensors["preview.bias"].shape == (owner.config["levels"], 48), path
            continue
        licw, net = licw_file.read_licw(path), model.Codec(**licw_file.arguments_of(licw_file.read_licw(path).config))
        net.load_state_dict(licw_file.load_resume(path))
        near = licw.tensors["cdf.z.first"].size == tables.CONTEXTS * licw.config["n"]
        for k, t in licw_file.tensors_of(net)[0].items():
            if k == "cdf.z.first" and near:
                assert np.array_equal(licw.tensors[k], np.repeat(t, tables.CONTEXTS)), path
            elif licw.tensors[k].dtype == np.int8:
                q, scale = licw_file.whole_numbers(integers.Linear(1, 1), t)
                assert np.array_equal(licw.tensors[k + ".scale"], scale), (path, k)
                moved = np.abs(licw.tensors[k].astype(int) - q)
                assert moved.mean() < 0.5, (path, k, moved.mean())
            elif not k.startswith("cdf.y.") and not (near and k.startswith("cdf.z.")):
                assert np.array_equal(licw.tensors[k], t), (path, k)
        fitted = tables.unpack_tables(licw.tensors, "y")
        assert len(fitted) == model.SIGMA_LEVELS
        for i, ((first, f), (g_first, p, _)) in enumerate(zip(fitted, tables.gauss_tables())):
            assert len(f) == 2 - 2 * first and f.sum() == tables.TOTAL and f.min() >= 1, (path, i)
            assert min(1.9 * g_first, g_first - 8) <= first <= max(0.8 * g_first, g_first + 8), (path, i)
            k = min(-first, -g_first)
            p, f = p[-g_first - k:k - g_first + 1], f[-first - k:k - first + 1]
            assert (p * np.log2(p / (f / tables.TOTAL))).sum() < (0.2 if i + 1 < len(fitted) else 0.3), (path, i)


def fitted_head(net, side):
    """Pictures whose means are a linear function of the latents at each level: the head finds it."""
    rng, channels, levels, n = np.random.RandomState(2), net.slices[0], net.levels, 3 * side * side
    weight, bias = rng.standard_normal((levels, n, preview.TAPS, channels)), rng.standard_normal((levels, n))
    seen = []

    def means_of(level, y):
        low = min(int(level), levels - 2)
        f = level - low
        w, b = (1 - f) * weight[low] + f * weight[low + 1], (1 - f) * bias[low] + f * bias[low + 1]
        return preview.neighbours(y)[:, :-1] @ w.reshape(n, -1).T + b

    def latents(net, x, level, n):
        assert n == channels
        seen.append((level, rng.standard_normal((8, 8, n))))
        return seen[-1][1]
    with mock.patch.object(preview, "latents", latents), mock.patch.object(preview, "means", lambda x, side: means_of(*seen[-1])), \
            mock.patch.object(preview, "tiles", lambda pattern, count: iter(range(count))):
        head, _ = preview.fit(net, "*.tar", slices=1, count=60, side=side)
    assert head["preview.weight"].shape == weight.shape and head["preview.bias"].shape == bias.shape
    assert np.abs(head["preview.weight"] - weight).max() < 1e-3 and np.abs(head["preview.bias"] - bias).max() < 1e-3
    return head


def test_preview_is_the_least_squares_fit(path, folder):
    """And the file keeps it."""
    net, _ = licw_file.load_codec(path)
    head = fitted_head(net, 1)
    licw, out = licw_file.read_licw(path), os.path.join(folder, "preview.licw")
    assert refused(out, licw_file.pack_licw(licw.config, {**licw.tensors, "preview.bias": head["preview.bias"]}))
    assert refused(out, licw_file.pack_licw(licw.config, {**licw.tensors, **head, "preview.weight": head["preview.weight"][..., :1]}))
    assert not refused(out, licw_file.pack_licw(licw.config, {**licw.tensors, **head}))
    kept = licw_file.read_licw(out).tensors
    assert all(np.array_equal(kept[k], t) for k, t in {**licw.tensors, **head}.items())


def test_larger_heads(path, folder):
    """In a network's file of version 4, and in one beside it, which may be damaged in any place."""
    net, licw = licw_file.load_codec(path)
    head, out = fitted_head(net, 2), os.path.join(folder, "large.licw")
    try:
        licw_file.pack_licw(licw.config, {**licw.tensors, **head})
        assert False, "a network of one ratio"
    except licw_file.LicwError:
        pass
    ratios = {k: v for name, v in licw.config.items() for k in ([f"ratio.{i}" for i in range(3)] if name == "ratio" else [name])}
    assert not refused(out, licw_file.pack_licw(ratios, {**licw.tensors, **head}))
    assert licw_file.read_licw(out).tensors["preview.bias"].shape == (net.levels, 12)
    assert refused(out, licw_file.pack_licw(ratios, {**licw.tensors, "preview.weight": head["preview.weight"][:, :9],
                                                     "preview.bias": head["preview.bias"][:, :9]}))
    beside = licw_file.previews_path(out)
    assert beside == os.path.join(folder, "large.previews.licw")
    for digest in (5, (1 << 64) - 5):
        assert licw_file.write_previews(beside, "tiny", digest, head) == os.path.getsize(beside)
        heads = licw_file.read_previews(beside)
        assert heads.config == {"name": "tiny", "network": digest} and len(heads.tensors) == 2
        assert np.array_equal(heads.tensors["preview.weight"], head["preview.weight"].astype(np.float16))
        assert np.array_equal(heads.tensors["preview.bias"], head["preview.bias"])
    with open(beside, "rb") as f:
        raw = f.read()
    assert refused(out, raw), "it is no network"
    for at in [*range(0, 500, 7), *range(500, len(raw), 401)]:
        assert refused(beside, raw[:at] + bytes([raw[at] ^ 4]) + raw[at + 1:], licw_file.read_previews), at
    for at in range(0, len(raw), 301):
        assert refused(beside, raw[:at], licw_file.read_previews), at
    assert not refused(beside, raw, licw_file.read_previews)


def test_heads_are_written_beside_the_network(path, folder):
    """export.py --previews, of pictures made up, and --check of what it writes."""
    torch.manual_seed(1)
    pictures, out = [torch.rand(64, 64, 3) for _ in range(3)], os.path.join(folder, "some.licw")
    with open(path, "rb") as f, open(out, "wb") as to:
        to.write(f.read())
    with mock.patch.object(preview, "tiles", lambda pattern, count: iter(pictures)), \
            mock.patch.object(export.os, "sched_getaffinity", lambda _: {0}), mock.patch.object(sys, "stdout"):
        for arguments in (["--previews", "*.tar", "--preview-slices", "1", out], ["--check", licw_file.previews_path(out)]):
            with mock.patch.object(sys, "argv", ["export.py", *arguments]):
                assert export.main() == 0
    heads, licw = licw_file.read_previews(licw_file.previews_path(out)), licw_file.read_licw(out)
    assert heads.config == {"name": licw.config["name"], "network": licw.hash}
    assert heads.tensors["preview.weight"].shape == (licw.config["levels"], 48, preview.TAPS, licw.config["slice.0"])


def test_fitted_networks_have_a_large_head(folder):
    """export.py --fit, of pictures made up, for networks with one MLP ratio and with three: either reads back."""
    torch.manual_seed(1)
    with open(os.path.join(HERE, "../../models/train/tiny.json")) as f:
        shape = json.load(f)
    shape = shape.get("model", shape)
    for ratio in (2, [2, 2, 3]):
        config, parts, out = (os.path.join(folder, name) for name in ("shape.json", "parts.pt", "fitted.licw"))
        with open(config, "w") as f:
            json.dump({**shape, "ratio": ratio}, f)
        _, arguments = licw_file.codec_arguments(config)
        torch.save(model.Codec(**arguments).state_dict(), parts)
        pictures = [torch.rand(64, 64, 3) for _ in range(3)]
        command = ["export.py", "--model", config, "--fit", "*.tar", "--preview-slices", "1", parts, out]
        with mock.patch.object(preview, "tiles", lambda pattern, count: iter(pictures)), \
                mock.patch.object(export.os, "sched_getaffinity", lambda _: {0}), mock.patch.object(sys, "stdout"), \
                mock.patch.object(sys, "argv", command):
            assert export.main() == 0
        licw = licw_file.read_licw(out)
        assert licw.tensors["preview.weight"].shape[1] == 48
        assert [licw.config[f"ratio.{i}"] for i in range(3)] == ([2, 2, 2] if ratio == 2 else ratio)


def test_the_head_of_a_mean_is_the_mean_of_heads(path):
    net, _ = licw_file.load_codec(path)
    torch.manual_seed(3)
    pictures = [torch.rand(64, 64, 3) for _ in range(6)]
    with mock.patch.object(preview, "tiles", lambda pattern, count: iter(pictures)):
        small, large = (preview.fit(net, "*.tar", 1, 6, side=side)[0] for side in (1, 4))
    for k, t in small.items():
        mean = large[k].reshape(t.shape[0], 16, 3, *t.shape[2:]).mean(1)
        assert np.allclose(mean, t, rtol=1e-3, atol=1e-3 * np.abs(t).max()), k


def test_fit_in_several_processes():
    torch.manual_seed(0)
    _, arguments = licw_file.codec_arguments(os.path.join(HERE, "../../models/train/tiny.json"))
    net, pictures = model.Codec(**arguments).eval().requires_grad_(False), [torch.rand(64, 64, 3) for _ in range(5)]
    with mock.patch.object(preview, "tiles", lambda pattern, count: iter(pictures)):
        (head, (counts, z_counts)), (other, (again, z_again)) = (preview.fit(net, "*.tar", 1, 5, processes=n) for n in (1, 2))
    assert counts.sum() == 5 * 16 * net.m and np.array_equal(counts, again)
    assert z_counts.sum() == 5 * z_counts.shape[0] and np.array_equal(z_counts, z_again)
    assert all(np.allclose(head[k], other[k], rtol=1e-3, atol=1e-5) for k in head)


def test_previews_see_what_the_networks_make(path):
    net, _ = licw_file.load_codec(path)
    x = torch.from_numpy(golden.picture(64, 128)).float()
    y = preview.latents(net, x, 2.5, 6)
    assert y.shape == (4, 8, 6) and np.isfinite(y).all()
    seen = preview.neighbours(y).reshape(4, 8, -1)
    assert (seen[0, :, :18] == 0).all() and (seen[1, 2, 24:30] == y[1, 2]).all() and (seen[..., -1] == 1).all()
    assert np.allclose(preview.means(x, 1)[9], x[16:32, 16:32].mean((0, 1)).numpy() - 0.5)
    for side, at, rows, columns in ((2, 2, (24, 32), (16, 24)), (4, 7, (20, 24), (28, 32))):
        block = preview.means(x, side)[9].reshape(-1, 3)[at]
        assert np.allclose(block, x[slice(*rows), slice(*columns)].mean((0, 1)).numpy() - 0.5)


def test_layers_in_integers(folder):
    """Bytes and scales are those of training; the file says which layers they are; nothing of the weights is lost."""
    path, companion = (os.path.join(folder, n) for n in ("integers.licw", "integers.npz"))
    net, licw = golden.tiny_codec(integers=golden.INTEGERS), licw_file.read_licw(path)
    whole = licw_file.integer_layers(net)
    assert len(whole) > 80 and "g_a.down1.conv.weight" not in whole and "g_s.up4.conv.weight" in whole
    assert {k for k, t in licw.tensors.items() if t.dtype == np.int8} == set(whole)
    again, _ = licw_file.load_codec(path)
    modules, loaded = dict(net.named_modules()), dict(again.named_modules())
    assert set(licw_file.integer_layers(again)) == set(whole)
    for name in whole:
        weights = licw_file.half(name, net.state_dict()[name]).astype(np.float32)
        q, scale = licw.tensors[name], licw.tensors[name + ".scale"]
        trained = integers.rounded_outputs(torch.from_numpy(weights))
        in_file = torch.from_numpy(licw_file.float_weights(q, scale))
        assert (in_file - trained).abs().max() <= 1e-6 * trained.abs().max()        # training adds and subtracts the weight
        assert (np.abs(q).reshape(len(q), -1).max(1) == 127).all()
        module = name.removesuffix(".weight")
        assert modules[module].integer and loaded[module].integer
        assert torch.equal(loaded[module].right_side(), in_file)
    licw_file.write_resume(companion, net, licw.hash)
    state = licw_file.load_resume(path)
    assert list(state) == list(net.state_dict())
    for k, t in net.state_dict().items():
        assert torch.equal(state[k], t if k.startswith("prior.") else t.half()), k


def test_outputs_without_weights():
    """All zeros have a scale above 0; so have weights too small for a step of 16 bits."""
    w = np.zeros((3, 4), np.float16)
    w[1, 2] = 2.0 ** -24
    q, scale = licw_file.whole_numbers(integers.Linear(4, 3), w)
    assert (scale > 0).all() and not q[0].any() and q[1, 2] == 127 and np.isfinite(scale).all()
    assert np.array_equal(licw_file.float_weights(q, scale).astype(np.float16), w)


def test_wrong_integers_are_noticed(folder, scratch):
    licw = licw_file.read_licw(os.path.join(folder, "integers.licw"))
    name = "g_s.st1.blocks.0.fc1.weight"
    q, scale = licw.tensors[name], licw.tensors[name + ".scale"]

    def change(tensors={}, drop=()):
        t = {k: v for k, v in {**licw.tensors, **tensors}.items() if k not in drop}
        return refused(scratch, licw_file.pack_licw(licw.config, t))
    low = q.copy()
    low[1, 2] = -128
    assert not change() and change({name: low}) and change(drop=[name + ".scale"]) and change({name: q.T.copy()})
    for bad in (0, -1, np.nan, np.inf):
        other = scale.copy()
        other[3] = bad
        assert change({name + ".scale": other}), bad
    assert change({name + ".scale": scale[1:]}) and change({name + ".scale": scale.astype(np.float16)})
    dw = "g_s.st1.blocks.0.dw.conv.weight"
    assert change({dw: np.ones(licw.tensors[dw].shape, np.int8), dw + ".scale": np.ones(len(licw.tensors[dw]), np.float32)})
    assert change({"gain": np.ones(licw.tensors["gain"].shape, np.int8)})
    with open(os.path.join(folder, "integers.licw"), "rb") as f:
        assert f.read()[8] == 2
    with open(os.path.join(folder, "tiny.licw"), "rb") as f:
        assert f.read()[8] == 1


def test_fit_sees_the_network_in_integers(folder):
    """What --fit counts is what the file computes, but for inputs that lie halfway between two steps."""
    net = golden.tiny_codec(integers=golden.INTEGERS)
    seen = []
    with mock.patch.object(preview, "fit", lambda net, *_, **__: (seen.append(net), ({}, (None, None)))[1]), \
            mock.patch.object(export, "fitted_tables", lambda y: y), mock.patch.object(export, "fitted_prior_tables", lambda p, z: z), \
            mock.patch.object(export.rounding, "fit", lambda net, pattern: None):
        export.fit(net, "*.tar", 1, 2)
    x, mix = torch.from_numpy(golden.picture(64, 64))[None].float() - 0.5, net.mix(torch.tensor([1.5]))
    again, _ = licw_file.load_codec(os.path.join(folder, "integers.licw"))
    with torch.no_grad():
        fitted, of_file = seen[0].g_a(x, mix), again.g_a(x, mix)
        for mod in seen[0].modules():
            mod.integer = False
        floats = seen[0].g_a(x, mix)
    assert (fitted - of_file).abs().mean() < 0.2 * (floats - of_file).abs().mean()


def test_whole_numbers_that_were_fitted(folder):
    """They are in the file as they are, though they are not the nearest; what was trained is in the companion."""
    net = golden.tiny_codec(integers=golden.INTEGERS)
    pictures = [torch.from_numpy(golden.picture(64, 64)).float()]
    with mock.patch.object(export.rounding.preview, "tiles", lambda pattern, count: pictures), \
            mock.patch.object(export.rounding, "SIDE", 64):
        export.rounding.fit(net, "*.tar")
    path = os.path.join(folder, "fitted.licw")
    licw_file.write_licw(path, net, licw_file.complete({**golden.TINY, "integers": golden.INTEGERS}), "fitted")
    licw_file.write_resume(path.replace(".licw", ".npz"), net, licw_file.read_licw(path).hash)
    again, licw = licw_file.load_codec(path)
    state, loaded, moved = licw_file.load_resume(path), dict(again.named_modules()), 0
    for name, layer in integers.layers(net).items():
        assert torch.equal(loaded[name].right_side(), layer.right_side())
        assert torch.equal(state[name + ".weight"], layer.weight.half())
        moved += (layer.right_side() - integers.rounded_outputs(layer.weight)).abs().max().item() > 1e-6
    assert moved > 40


def test_weights_of_another_network_are_refused(path, folder):
    own, parts = licw_file.arguments_of(licw_file.read_licw(path).config), os.path.join(folder, "own.pt")
    torch.save(model.Codec(**own).state_dict(), parts)
    export.load_parts(parts, model.Codec(**own))
    try:
        export.load_parts(parts, model.Codec(**{**own, "dim": own["dim"] + 8}))
    except licw_file.LicwError as e:
        assert parts in str(e) and "not the weights of this model" in str(e) and len(str(e)) < 1500
    else:
        assert False, "taken"


def test_golden_files_come_out_the_same(folder):
    for name in ("tiny.licw", "integers.licw"):
        with open(os.path.join(GOLDEN, name), "rb") as a, open(os.path.join(folder, name), "rb") as b:
            assert a.read() == b.read(), f"{name}: other bytes"
    for name in ("tiny.bin", "tiny-4x4.bin", "tiny-12x16.bin", "integers.bin"):
        a, b = (golden.read_dump(os.path.join(d, name)) for d in (GOLDEN, folder))
        assert list(a) == list(b), name
        for k in a:         # double precision: at most a last bit of the stored float32
            scale = np.abs(a[k]).max()
            assert a[k].shape == b[k].shape and np.abs(a[k] - b[k]).max() <= 1e-6 * scale, (name, k)


def main():
    with tempfile.TemporaryDirectory() as folder:
        golden.main(folder)
        path, scratch = os.path.join(folder, "tiny.licw"), os.path.join(folder, "scratch.licw")
        test_allotment_is_the_best()
        test_gauss_tables()
        test_fitted_tables_are_what_was_counted()
        test_symbols_are_counted_as_the_codec_codes_them(path)
        test_prior_tables_find_the_mass()
        test_fitted_prior_tables()
        test_contexts_cost_what_their_tables_say(path, folder)
        test_file_reads_back(path)
        test_a_ratio_for_each_scale(folder, scratch)
        test_networks_that_the_format_lacks_are_refused(scratch)
        test_damage_is_noticed(path, scratch)
        test_wrong_content_is_noticed(path, scratch)
        test_preview_is_the_least_squares_fit(path, folder)
        test_larger_heads(path, folder)
        test_heads_are_written_beside_the_network(path, folder)
        test_fitted_networks_have_a_large_head(folder)
        test_the_head_of_a_mean_is_the_mean_of_heads(path)
        test_fit_in_several_processes()
        test_previews_see_what_the_networks_make(path)
        test_weights_of_another_network_are_refused(path, folder)
        test_golden_files_come_out_the_same(folder)
        test_layers_in_integers(folder)
        test_outputs_without_weights()
        test_wrong_integers_are_noticed(folder, scratch)
        test_fit_sees_the_network_in_integers(folder)
        test_whole_numbers_that_were_fitted(folder)
        test_training_resumes_from_file_and_companion(path, folder)
        test_shipped_companions_belong_to_the_shipped_weights()
    print("test_export: passed")


if __name__ == "__main__":
    main()
