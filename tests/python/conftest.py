"""What the tests of the Python package share. LIC is the program that they compare with."""
import os
import pathlib
import subprocess

import numpy as np
import pytest
from PIL import Image

import lic

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DATA = ROOT / 'tests' / 'data'
GOLDEN = ROOT / 'tests' / 'golden'
PROGRAM = os.environ.get('LIC', str(ROOT / 'build' / 'lic'))


def pytest_addoption(parser):
    parser.addoption('--earlier', type=int, default=0, help='checks that passed before, to be counted')


def pytest_unconfigure(config):
    """The line that tests/run.sh reads."""
    reporter = config.pluginmanager.get_plugin('terminalreporter')
    n = {what: len(reporter.stats.get(what, ())) for what in ('passed', 'failed', 'error', 'skipped')}
    print(f"{n['passed'] + config.getoption('earlier')} passed, {n['failed'] + n['error']} failed, "
          f"{n['skipped']} skipped")


def pytest_terminal_summary(terminalreporter):
    for report in terminalreporter.stats.get('skipped', ()):
        terminalreporter.write_line(f'skip: {report.nodeid}: {report.longrepr[2]}')


@pytest.fixture
def program(tmp_path):
    """Runs `lic` in a folder of its own; returns what it wrote on standard output."""
    def run(*arguments):
        done = subprocess.run([PROGRAM, *map(str, arguments)], cwd=tmp_path, capture_output=True)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout
    return run


@pytest.fixture(scope='session')
def tiny():
    """A network of random weights, for speed."""
    return lic.Model(GOLDEN / 'tiny.licw')


def samples(path):
    """A picture file as an array, 16 bits kept where Pillow keeps them."""
    array = np.asarray(Image.open(path))
    return array.astype(np.uint16) if array.dtype == np.int32 else array


def waves(height=48, width=56, channels=3, dtype=np.uint8):
    """A smooth picture with a little noise, the same each time; [H, W] or [H, W, C]."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:height, :width]
    planes = [128 + 60 * np.sin(x / (7 + c)) + 50 * np.cos(y / (9 + 2 * c)) for c in range(channels)]
    picture = np.stack(planes, -1) + rng.normal(0, 3, (height, width, channels))
    scale = np.iinfo(dtype).max / 255
    picture = (np.clip(picture, 0, 255) * scale).astype(dtype)
    return picture[:, :, 0] if channels == 1 else picture


def write_pnm(path, picture):
    """[H, W] or [H, W, 3], 8 or 16 bits, for which Pillow has no writer of RGB."""
    height, width = picture.shape[:2]
    most = 255 if picture.dtype == np.uint8 else 65535
    kind = 5 if picture.ndim == 2 else 6
    with open(path, 'wb') as file:
        file.write(b'P%d\n%d %d\n%d\n' % (kind, width, height, most))
        file.write(picture.astype('>u2' if most > 255 else np.uint8).tobytes())
