"""psnr, ms_ssim, bd_rate and bd_quality against `lic eval` and `lic bdrate`."""
import json
import math
import warnings

import numpy as np
import pytest
from conftest import DATA, ROOT, samples, waves, write_pnm
from PIL import Image

import lic

CURVES = ROOT / 'tests' / 'bench' / 'peers'


def noisy(picture, sigma=4.0):
    rng = np.random.default_rng(7)
    scale = 257 if picture.dtype == np.uint16 else 1
    return np.clip(picture + rng.normal(0, sigma * scale, picture.shape), 0,
                   np.iinfo(picture.dtype).max).astype(picture.dtype)


def coarse(picture):
    return ((picture.astype(np.uint32) + 128) // 257).astype(np.uint8)


def pairs():
    """Pictures and what noise makes of them, in all depths and numbers of channels."""
    picture = samples(DATA / 'waves-200x168.png')
    yield 'rgb', picture, noisy(picture)
    yield 'odd sides', waves(171, 203), noisy(waves(171, 203), 20)
    yield 'grey', waves(165, 162, 1), noisy(waves(165, 162, 1))
    yield 'grey and rgb', waves(165, 170, 1), noisy(waves(165, 170))
    fine = waves(165, 170, 3, np.uint16)
    yield '16 bits', fine, noisy(fine)
    yield '16 bits and 8', fine, noisy(coarse(fine))
    yield 'unlike', picture, 255 - picture


@pytest.mark.parametrize('name,a,b', pairs(), ids=lambda v: v if isinstance(v, str) else '')
def test_as_lic_eval(name, a, b, program, tmp_path):
    write_pnm(tmp_path / 'a.pnm', a)
    write_pnm(tmp_path / 'b.pnm', b)
    told = json.loads(program('eval', '--json', 'a.pnm', 'b.pnm'))
    assert lic.psnr(a, b) == pytest.approx(told['psnr'], abs=1e-6)
    assert lic.ms_ssim(a, b) == pytest.approx(told['msssim'], abs=1e-6)
    assert lic.ms_ssim(a, b, db=True) == pytest.approx(told['msssim_db'], abs=2e-6)


def test_equal_and_small_and_wrong():
    a = waves(170, 170)
    assert lic.psnr(a, a) == lic.ms_ssim(a, a, db=True) == math.inf and lic.ms_ssim(a, a) == 1
    assert lic.psnr(Image.fromarray(a), noisy(a)) == lic.psnr(a, noisy(a))
    assert lic.psnr(np.zeros((1, 1), np.uint8), np.full((1, 1), 255, np.uint8)) == 0
    palette = Image.fromarray(a).quantize(16)  # its samples are numbers of colours
    assert lic.psnr(palette, np.asarray(palette.convert('RGB'))) == math.inf
    with pytest.raises(ValueError, match='161'):
        lic.ms_ssim(a[:160], a[:160])
    for other in (a[:100], waves(170, 170, 4), a.astype(float)):
        with pytest.raises((ValueError, TypeError)):
            lic.psnr(a, other)


def read_curve(path, metric='psnr-rgb'):
    results = json.loads(path.read_text())['results']
    quality = np.array(results[metric])
    return results['bpp'], quality if metric == 'psnr-rgb' else -10 * np.log10(1 - quality)


def curve_files():
    found = sorted(path for path in CURVES.rglob('*.json') if 'results' in json.loads(path.read_text()))
    return [path for path in found if 'psnr-rgb' in json.loads(path.read_text())['results']][:6]


@pytest.mark.parametrize('metric', ['psnr-rgb', 'ms-ssim-rgb'])
def test_as_lic_bdrate(metric, program):
    files = [path for path in curve_files() if metric in json.loads(path.read_text())['results']]
    assert len(files) >= 2
    word = 'psnr' if metric == 'psnr-rgb' else 'ms-ssim'
    compared = 0
    for anchor in files:
        for test in files:
            told = json.loads(program('bdrate', '--json', '--metric', word, anchor, test))
            curves = (*read_curve(anchor, metric), *read_curve(test, metric))
            compared += compare(told, curves, None)
            low, high = told['low_db'], told['high_db']
            window = (low + (high - low) / 4, high - (high - low) / 4)
            told = json.loads(program('bdrate', '--json', '--metric', word, '--window',
                                      f'{window[0]!r},{window[1]!r}', anchor, test))
            compared += compare(told, curves, window)
    assert compared >= 8


def compare(told, curves, window):
    """The figures of the module and of lic eval for one pair."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter('always')
        for key, function, method in (('bd_rate', lic.bd_rate, 'pchip'),
                                      ('bd_rate_cubic', lic.bd_rate, 'cubic'),
                                      ('bd_db', lic.bd_quality, 'pchip'),
                                      ('bd_db_cubic', lic.bd_quality, 'cubic')):
            if told.get(key) is not None:
                assert function(*curves, method=method, window=window) == pytest.approx(
                    told[key], abs=2e-6), key
    assert bool(said) == ('warning' in told)
    return 1


ANCHOR = ([0.1, 0.2, 0.4, 0.8], [30, 33, 36, 39])


def test_a_point_and_a_curve(program, tmp_path):
    point = ([0.3], [35])
    for name, (rates, qualities) in (('curve', ANCHOR), ('point', point)):
        rows = ''.join(f'{rate},{quality}\n' for rate, quality in zip(rates, qualities))
        (tmp_path / f'{name}.csv').write_text('bpp,psnr\n' + rows)
    for names in (('curve', 'point'), ('point', 'curve')):
        told = json.loads(program('bdrate', '--json', *(f'{name}.csv' for name in names)))
        curves = (*ANCHOR, *point) if names[0] == 'curve' else (*point, *ANCHOR)
        assert lic.bd_rate(*curves) == pytest.approx(told['bd_rate'], abs=1e-6)
        assert lic.bd_quality(*curves) == pytest.approx(told['bd_db'], abs=1e-6)
    assert math.isnan(lic.bd_rate(*ANCHOR, [0.3], [50]))


def test_bd_of_what_is_known():
    double = [2 * rate for rate in ANCHOR[0]]
    assert lic.bd_rate(*ANCHOR, double, ANCHOR[1]) == pytest.approx(100)
    assert lic.bd_rate(*ANCHOR, *ANCHOR) == pytest.approx(0)
    assert lic.bd_quality(*ANCHOR, ANCHOR[0], [q + 1 for q in ANCHOR[1]]) == pytest.approx(1)
    mixed = ([0.4, 0.1, 0.8, 0.2, 0.2], [36, 30, 39, 33, 33])
    assert lic.bd_rate(*ANCHOR, *mixed) == pytest.approx(0)


@pytest.mark.parametrize('test,text', [
    (([0.1, 0.2, 0.4], [30, 33, 36]), 'points'),
    (([0.1, 0.2, 0.4, 0.8], [30, 33, 32, 39]), 'monotone'),
    (([0.1, 0.2, 0.4, 0.4], [30, 33, 36, 39]), 'monotone'),
    (([0.1, 0.2, 0.4, 0.8], [30, 30, 30, 39]), 'different quality'),
    (([0.1, 0.2, 0.4, 0.8], [50, 53, 56, 59]), 'overlap'),
    (([0, 0.2, 0.4, 0.8], [30, 33, 36, 39]), 'above 0'),
    (([0.1, 0.2, 0.4, 0.8], [30, 33, 36, math.nan]), 'numbers'),
    (([0.1, 0.2, 0.4], [30, 33, 36, 39]), 'as many'),
])
def test_bd_of_what_is_no_curve(test, text):
    with pytest.raises(ValueError, match=text):
        lic.bd_rate(*ANCHOR, *test)
