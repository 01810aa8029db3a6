"""A damaged, cut or invented file is an exception, never a crash of the interpreter: several hundred of
them in a process of its own, with checksums made right so that what is behind them is reached."""
import subprocess
import sys

import pytest
from conftest import DATA, GOLDEN, ROOT

CHILD = r'''
import faulthandler, io, random, struct, sys, warnings, zlib
faulthandler.enable()
from PIL import Image, ImageFile
import numpy as np
import lic
golden, seed = sys.argv[1], int(sys.argv[2])
warnings.simplefilter('ignore')
rng = random.Random(seed)
tiny = lic.Model(golden + '/tiny.licw')
rows = np.arange(40 * 48 * 4, dtype=np.uint32).reshape(40, 48, 4).astype(np.uint8)
files = [open(f'{golden}/{name}.lic', 'rb').read() for name in ('v1-rgb8', 'v1-grey16', 'v1-tiles', 'v1-alpha8', 'v2-lossless-rgb8',
                                                          'v3-slopes-alpha8')]
files.append(lic.encode(rows, lossless=True))
files.append(lic.encode(rows, model=tiny, icc_profile=b'p' * 300, exif=b'II*\0\x08\0\0\0\0\0\0\0\0\0',
                        xmp='<x/>', chunks={'iptc': b'abc', 'colr': b'gAMA\4\0\0\xb1\x8f'}))

def varint_end(data, at):
    while at < len(data) and data[at] & 128:
        at += 1
    return at + 1

def mended(data):
    """With the CRC-32 that its bytes ask for (codec/FORMAT.md, section 1)."""
    data = bytearray(data)
    if len(data) < 20:
        return bytes(data)
    at = varint_end(data, varint_end(data, 5)) + (2 if data[4] & 0x80 else 0) + (10 if data[4] & 7 < 3 else 4)
    if at + 4 <= len(data):
        data[at:at + 4] = struct.pack('<I', zlib.crc32(data[:at] + data[at + 4:]))
    return bytes(data)

assert all(mended(file) == file for file in files)

def damaged(data):
    data, how = bytearray(data), rng.randrange(5)
    if how == 0:
        data = data[:rng.randrange(len(data))]
    elif how == 1:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif how == 2:
        for _ in range(rng.randrange(1, 20)):
            data[rng.randrange(len(data))] = rng.randrange(256)
    elif how == 3:
        at = rng.randrange(len(data))
        data[at:at + rng.randrange(9)] = rng.randbytes(rng.randrange(9))
    else:
        data[4:40] = rng.randbytes(36)
    return bytes(data)

limits = dict(model=tiny, max_pixels=1 << 16, max_work=1 << 34, max_memory=1 << 28, threads=1)
whole = refused = 0
def attempt(call, *kinds):
    global whole, refused
    try:
        call()
        whole += 1
    except kinds:
        refused += 1

for i in range(int(sys.argv[3])):
    data = damaged(files[i % len(files)])
    if rng.randrange(4):
        data = mended(data)
    attempt(lambda: lic.info(data), lic.Error)
    attempt(lambda: lic.info(data, salvage=True), lic.Error)
    attempt(lambda: lic.decode(data, **limits), lic.Error)
    attempt(lambda: lic.decode(data, salvage=True, check=False, channels=rng.choice([0, 3, 4]),
                               scale=rng.choice([1, 16]), **limits), lic.Error)
    attempt(lambda: Image.open(io.BytesIO(data)), OSError)
    ImageFile.LOAD_TRUNCATED_IMAGES = bool(i % 2)
    if i % 8 == 0:
        attempt(lambda: Image.open(io.BytesIO(data)).resize((2, 2)), OSError, MemoryError,
                Image.DecompressionBombError)
print(whole, refused)
'''


@pytest.mark.parametrize('seed', [1, 2])
def test_damaged_files(seed, monkeypatch):
    monkeypatch.setenv('LIC_MODEL_DIR', str(GOLDEN))
    done = subprocess.run([sys.executable, '-c', CHILD, str(GOLDEN), str(seed), '150'],
                          capture_output=True, text=True)
    assert done.returncode == 0, f'seed {seed}: exit {done.returncode}\n{done.stderr}'
    whole, refused = map(int, done.stdout.split())
    assert whole > 20 and refused > 150, 'damage is neither all harmless nor all fatal'


def test_damaged_weights(tmp_path):
    """The same of a weights file, which is as hostile."""
    code = r'''
import faulthandler, random, sys
faulthandler.enable()
import lic
data, rng, refused = open(sys.argv[1], 'rb').read(), random.Random(5), 0
for i in range(60):
    bad = bytearray(data if i % 2 else data[:rng.randrange(len(data))])
    for _ in range(rng.randrange(1, 4)):
        if bad:
            bad[rng.randrange(min(len(bad), 8192))] ^= 1 << rng.randrange(8)
    open(sys.argv[2], 'wb').write(bad)
    try:
        lic.Model(sys.argv[2])
    except lic.ModelError:
        refused += 1
assert refused == 60, refused
'''
    done = subprocess.run([sys.executable, '-c', code, str(GOLDEN / 'tiny.licw'),
                           str(tmp_path / 'bad.licw')], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_examples_run(tmp_path):
    """The curve of a picture, drawn."""
    pytest.importorskip('matplotlib')
    script = ROOT / 'codec' / 'python' / 'example' / 'rd_curve.py'
    done = subprocess.run([sys.executable, str(script), str(DATA / 'waves-200x168.png'), 'curve.png',
                           '--qualities', '0', '30', '60', '90'],
                          cwd=tmp_path, capture_output=True, text=True,
                          env={'HOME': str(tmp_path), 'MPLCONFIGDIR': str(tmp_path)})
    assert done.returncode == 0, done.stderr
    assert 'BD-rate' in done.stdout
    assert (tmp_path / 'curve.png').read_bytes().startswith(b'\x89PNG')
