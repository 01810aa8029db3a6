"""The program and the slow decoder on lossless files: the same samples, whole, small, cut and damaged. Without numpy or
build/lic (or $LIC) it says so and exits 0."""
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
LIC = os.environ.get("LIC", os.path.join(HERE, "../../build/lic"))
sys.path.insert(0, os.path.join(HERE, "../../models/train"))
sys.dont_write_bytecode = True
try:
    import numpy as np
except ImportError as e:
    print(f"skip: {e}")
    sys.exit(0)
if not os.access(LIC, os.X_OK):
    print(f"skip: no program {LIC}")
    sys.exit(0)
import slow_decoder
import slow_stream


def lic(*args):
    return subprocess.run([LIC, *args, "--quiet", "-f", "-T", "1"], capture_output=True).returncode


def read(path):
    with open(path, "rb") as f:
        return f.read()


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)


def slopes(rng, h, w, c, top):
    r, q, i = np.mgrid[:h, :w, :c]
    return (r * 2 + q * (3 + i) + rng.randint(0, 4, (h, w, c))) * (top // 255) % (top + 1)


def letters(rng, h, w, c, top):
    r, q, i = np.mgrid[:h, :w, :c]
    return (q % 7 * (r % 9) + r // 27 * 3) % 5 * (top // 8 + i)


def planes(rng, h, w, c, top):
    """Slopes without noise, folded at the ends of the range."""
    r, q, i = np.mgrid[:h, :w, :c]
    v = (r * 7 + q * (5 + i)) * (top // 255) % (2 * top)
    return np.where(v > top, 2 * top - v, v)


def noise(rng, h, w, c, top):
    return rng.randint(0, top + 1, (h, w, c))


def mixed(rng, h, w, c, top):
    """Many colours, half of them as the pixel before."""
    p = slopes(rng, h, w, c, top)
    for x in range(1, w):
        same = rng.rand(h) < 0.7
        p[same, x] = p[same, x - 1]
    return p


def test_same_samples(folder):
    rng = np.random.RandomState(3)
    for make in (slopes, planes, letters, noise, mixed):
        for h, w, c, kind in ((1, 1, 3, np.uint8), (40, 33, 3, np.uint8), (21, 40, 1, np.uint8), (30, 20, 3, np.uint16),
                              (17, 30, 1, np.uint16), (70, 30, 3, np.uint8)):
            suffix = "ppm" if c == 3 else "pgm"
            a, b, s, out = (os.path.join(folder, n) for n in (f"in.{suffix}", "a.lic", f"slow.{suffix}", f"out.{suffix}"))
            picture = make(rng, h, w, c, np.iinfo(kind).max).astype(kind)
            slow_decoder.write_picture(a, picture)
            assert lic("encode", "--lossless", "--tile", "64", a, b) == 0
            seen = slow_decoder.decode(read(b), None)
            assert (seen == picture).all(), (make.__name__, h, w, c, kind)
            for n in (2, 4, 8, 16):
                assert lic("decode", "--scale", f"1/{n}", b, out) == 0
                slow_decoder.write_picture(s, slow_decoder.decode(read(b), None, preview=n))
                assert read(out) == read(s), (make.__name__, h, w, c, kind, n)


def test_same_salvage(folder):
    a, b, s, out = (os.path.join(folder, n) for n in ("in.ppm", "a.lic", "slow.ppm", "out.ppm"))
    slow_decoder.write_picture(a, slopes(np.random.RandomState(4), 100, 30, 3, 255).astype(np.uint8))
    assert lic("encode", "--lossless", "--tile", "64", a, b) == 0
    data = read(b)
    for n in (40, 500, len(data) // 2, len(data) - 40, len(data) - 1):
        write(b, data[:n])
        assert lic("decode", "--salvage", b, out) == 1 and os.path.exists(out), n
        slow_decoder.write_picture(s, slow_decoder.decode(data[:n], None, salvage=True))
        assert read(out) == read(s), n
    for i in (5, 20, 60, len(data) - 2):
        damaged = data[:i] + bytes([data[i] ^ 4]) + data[i + 1:]
        write(b, damaged)
        assert lic("decode", b, out) == 1
        try:
            slow_decoder.decode(damaged, None)
            raise AssertionError("the slow decoder takes what is damaged")
        except slow_stream.Refused:
            pass


def main():
    with tempfile.TemporaryDirectory() as folder:
        test_same_samples(folder)
        test_same_salvage(folder)
    print("test_slow_lossless: passed")


if __name__ == "__main__":
    main()
