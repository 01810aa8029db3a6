"""encode, decode, info and Model against the program: the same bytes, the same pixels."""
import gc
import signal
import sys
import threading
import time
import warnings

import numpy as np
import pytest
from conftest import DATA, GOLDEN, samples, waves, write_pnm
from PIL import Image

import lic

KINDS = [(1, np.uint8), (2, np.uint8), (3, np.uint8), (4, np.uint8),
         (1, np.uint16), (2, np.uint16), (3, np.uint16), (4, np.uint16)]


@pytest.mark.parametrize('name', ['grey-40x30', 'grey16-24x20', 'odd-17x33'])
def test_bytes_and_pixels_are_the_programs(name, program, tmp_path):
    picture = samples(DATA / f'{name}.png')
    program('encode', '--quiet', '-q', 62.5, DATA / f'{name}.png', 'a.lic')
    data = lic.encode(picture, 62.5)
    assert data == (tmp_path / 'a.lic').read_bytes()
    program('decode', '--quiet', 'a.lic', 'a.png')
    assert np.array_equal(lic.decode(data), samples(tmp_path / 'a.png'))
    assert np.array_equal(lic.decode(tmp_path / 'a.lic'), lic.decode(str(tmp_path / 'a.lic')))


def test_rgb_of_16_bits(program, tmp_path, tiny):
    picture = waves(33, 40, 3, np.uint16)
    write_pnm(tmp_path / 'a.ppm', picture)
    program('encode', '--quiet', '--model', GOLDEN / 'tiny.licw', 'a.ppm', 'a.lic')
    assert lic.encode(picture, model=tiny) == (tmp_path / 'a.lic').read_bytes()


@pytest.mark.parametrize('mode', ['LA', 'RGBA'])
def test_alpha(mode, program, tmp_path, tiny):
    picture = waves(channels=len(mode))
    Image.fromarray(picture, mode).save(tmp_path / 'a.png')
    program('encode', '--quiet', '-q', 80, '--model', GOLDEN / 'tiny.licw', 'a.png', 'a.lic')
    data = lic.encode(picture, 80, model=tiny)
    assert data == (tmp_path / 'a.lic').read_bytes()
    program('decode', '--quiet', '--model', GOLDEN / 'tiny.licw', 'a.lic', 'b.png')
    decoded = lic.decode(data, model=tiny)
    assert np.array_equal(decoded, samples(tmp_path / 'b.png'))
    assert np.array_equal(decoded[..., -1], picture[..., -1]), 'alpha is without loss'


@pytest.mark.parametrize('channels,dtype', KINDS)
def test_kinds(channels, dtype, tiny):
    picture = waves(channels=channels, dtype=dtype)
    data = lic.encode(picture, model=tiny)
    decoded = lic.decode(data, model=tiny)
    head = lic.info(data)
    assert decoded.shape == picture.shape == head.shape
    assert decoded.dtype == picture.dtype == head.dtype
    assert head.channels == channels and head.has_alpha == (channels in (2, 4))
    assert decoded.flags.writeable and decoded.flags.c_contiguous
    if channels in (2, 4):
        assert np.array_equal(decoded[..., -1], picture[..., -1])


def test_the_same_picture_however_it_lies_in_memory(tiny):
    picture = waves(40, 48, 3)
    expected = lic.encode(picture, model=tiny)
    wide = np.zeros((40, 64, 3), np.uint8)
    wide[:, 8:56] = picture
    shifted = np.zeros(picture.nbytes + 1, np.uint8)[1:].reshape(picture.shape)
    shifted[:] = picture
    for view in (wide[:, 8:56], np.asfortranarray(picture), picture[::-1][::-1], shifted,
                 np.ascontiguousarray(picture[:, ::-1])[:, ::-1], memoryview(picture),
                 np.stack([picture] * 2, 3)[..., 0], Image.fromarray(picture)):
        assert lic.encode(view, model=tiny) == expected
    assert lic.encode(picture.tolist() and picture, model=tiny) == expected
    fine = waves(dtype=np.uint16)
    assert lic.encode(fine.astype('>u2'), model=tiny) == lic.encode(fine, model=tiny)
    odd = np.frombuffer(b'x' + fine.tobytes(), np.uint8)[1:].view(np.uint16).reshape(fine.shape)
    assert lic.encode(odd, model=tiny) == lic.encode(fine, model=tiny)
    grey = waves(channels=1)
    assert lic.encode(grey[:, :, np.newaxis], model=tiny) == lic.encode(grey, model=tiny)
    for shape in ((1, 9, 3), (9, 1, 3), (1, 1, 4), (1, 1)):
        one = np.full(shape, 77, np.uint8)
        assert lic.decode(lic.encode(one, model=tiny), model=tiny).shape == shape


def test_rows_are_not_copied():
    from lic import arrays
    wide = np.zeros((40, 64, 3), np.uint8)
    for view in (wide, wide[5:, 8:56], wide[::2]):
        assert np.shares_memory(arrays.rows_in_place(arrays.as_samples(view)), wide)
    assert arrays.image_of(arrays.rows_in_place(wide[::2])).stride_bytes == 2 * 64 * 3


def test_parts_and_forms(tiny):
    picture = waves(150, 170, 4)
    data = lic.encode(picture, model=tiny, tile_side=64)
    whole = lic.decode(data, model=tiny)
    assert lic.info(data).tile == (64, 64)
    assert np.array_equal(lic.decode(data, crop=(10, 20, 100, 60), model=tiny), whole[20:80, 10:110])
    assert np.array_equal(lic.decode(data, channels=3, model=tiny), whole[..., :3])
    assert np.array_equal(lic.decode(data, threads=3, model=tiny), whole)
    assert lic.encode(picture, model=tiny, tile_side=64, threads=5) == data
    fine = lic.decode(data, dtype=np.uint16, model=tiny)
    assert fine.dtype == np.uint16 and np.array_equal(fine[..., 3], 257 * whole[..., 3].astype(int))
    small = lic.decode(data, scale=16, model=tiny)
    assert small.shape == (10, 11, 4)
    assert not np.array_equal(lic.decode(data, slices=1, model=tiny), whole)
    grey = lic.encode(waves(channels=1), model=tiny)
    three = lic.decode(grey, channels=3, model=tiny)
    assert np.array_equal(three[..., 0], three[..., 2])
    assert (lic.decode(grey, channels=4, model=tiny)[..., 3] == 255).all()


def test_nearly_lossless(program, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    picture = np.random.default_rng(3).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    data = lic.encode(picture, near=2)
    assert lic.info(data).lossless and abs(lic.decode(data).astype(int) - picture).max() == 2
    (tmp_path / 'a.ppm').write_bytes(b'P6 70 50 255\n' + picture.tobytes())
    program('encode', '--quiet', '--near', '2', 'a.ppm', 'a.lic')
    assert (tmp_path / 'a.lic').read_bytes() == data
    with pytest.raises(lic.Error, match='is 15'):
        lic.encode(picture, near=16)


@pytest.mark.parametrize('channels,dtype', KINDS)
def test_lossless(channels, dtype, program, tmp_path, monkeypatch):
    picture = waves(70, 81, channels, dtype)
    monkeypatch.setattr('lic.codec.find', None)  # no model is looked for
    data = lic.encode(picture, lossless=True)
    head = lic.info(data)
    assert head.lossless and head.model_id == 0 and head.complete
    assert np.array_equal(lic.decode(data), picture)
    assert np.array_equal(lic.decode(data, crop=(3, 5, 60, 50)), picture[5:55, 3:63])
    assert lic.encode(picture, 20, lossless=True, threads=3) == data
    if channels in (1, 3):
        write_pnm(tmp_path / 'a.pnm', picture)
    elif dtype == np.uint8:
        Image.fromarray(picture).save(tmp_path / 'a.pnm', 'PNG')
    else:
        return  # Pillow writes no such file
    program('encode', '--quiet', '--lossless', 'a.pnm', 'a.lic')
    assert data == (tmp_path / 'a.lic').read_bytes()


def test_drawn_pictures_are_chosen_as_by_the_program(program, tmp_path, tiny):
    """Kept exactly unasked, and with loss only if told so."""
    picture = np.full((150, 140, 3), 250, np.uint8)
    picture[::20, 5:90] = picture[10:130, 40::20] = 20
    Image.fromarray(picture).save(tmp_path / 'a.png')
    program('encode', '--quiet', '--model', GOLDEN / 'tiny.licw', 'a.png', 'a.lic')
    data = lic.encode(picture, model=tiny)
    assert data == (tmp_path / 'a.lic').read_bytes()
    assert lic.info(data).lossless and np.array_equal(lic.decode(data), picture)
    assert data == lic.encode(picture, lossless=True)
    assert not lic.info(lic.encode(picture, lossless=False, model=tiny)).lossless


def test_previews_are_the_programs(program, tmp_path):
    data = lic.encode(samples(DATA / 'odd-17x33.png'), lossless=False)
    (tmp_path / 'a.lic').write_bytes(data)
    for scale in (2, 4, 8, 16):
        program('decode', '-f', '--quiet', '--scale', f'1/{scale}', 'a.lic', 'a.png')
        assert np.array_equal(lic.decode(data, scale=scale), samples(tmp_path / 'a.png'))


def test_metadata(program, tmp_path, tiny):
    exif = b'II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0'
    data = lic.encode(waves(), model=tiny, icc_profile=b'profile', exif=b'Exif\0\0' + exif,
                      xmp='<x/>', chunks={'iptc': b'\x1c\x02\x05\0\1a', 'phys': bytes(9)})
    head = lic.info(data)
    assert (head.icc_profile, head.exif, head.xmp) == (b'profile', exif, b'<x/>')
    assert head.orientation == 6 and head.chunks == {'iptc': b'\x1c\x02\x05\0\1a', 'phys': bytes(9)}
    turned = lic.info(lic.encode(waves(), model=tiny, orientation=3))
    assert turned.orientation == 3 and turned.exif
    plain = lic.info(lic.encode(waves(), model=tiny))
    assert (plain.icc_profile, plain.exif, plain.xmp, plain.orientation) == (None, None, None, 1)
    assert dict(plain.chunks) == {}
    # What the program wrote.
    program('encode', '--quiet', DATA / 'meta.png', 'm.lic')
    head, png = lic.info(tmp_path / 'm.lic'), Image.open(DATA / 'meta.png')
    assert head.icc_profile == png.info['icc_profile']
    assert head.exif == png.info['exif'][len(b'Exif\0\0'):]
    assert head.xmp.decode() == png.info['XML:com.adobe.xmp']
    assert 'text' in head.chunks or head.chunks == {}


def test_info_needs_no_model():
    head = lic.info(GOLDEN / 'v1-tiles.lic')
    assert head.tile and head.complete and 0 < head.latent_bytes < head.file_bytes
    assert head.bpp == 8 * head.file_bytes / (head.width * head.height)
    with pytest.raises(lic.ModelError, match='needs model|model') as caught:
        lic.decode(GOLDEN / 'v1-tiles.lic')
    assert caught.value.name == 'LIC_ERR_MODEL_WRONG' and caught.value.status == 32


def decode_tiny(**options):
    return lic.decode(GOLDEN / 'v1-rgb8.lic', model=GOLDEN / 'tiny.licw', **options)


@pytest.mark.parametrize('call,kind', [
    (lambda: lic.encode(np.zeros((4, 4, 5), np.uint8)), ValueError),
    (lambda: lic.encode(np.zeros(4, np.uint8)), ValueError),
    (lambda: lic.encode(np.zeros((4, 4, 3), np.float32)), TypeError),
    (lambda: lic.encode(np.zeros((4, 4, 3), bool)), TypeError),
    (lambda: lic.encode('photo.png'), TypeError),
    (lambda: lic.encode(np.zeros((0, 4, 3), np.uint8)), lic.ArgumentError),
    (lambda: lic.encode(waves(), quality=101), lic.ArgumentError),
    (lambda: lic.encode(waves(), quality=float('nan')), ValueError),
    (lambda: lic.encode(waves(), threads=-1), ValueError),
    (lambda: lic.encode(waves(), threads=2**32), ValueError),
    (lambda: lic.encode(waves(), threads=1.5), TypeError),
    (lambda: lic.encode(waves(), tile_side=63), lic.ArgumentError),
    (lambda: lic.encode(waves(), orientation=9), ValueError),
    (lambda: lic.encode(waves(), chunks={'long name': b''}), ValueError),
    (lambda: lic.encode(waves(), chunks={'Crit': b'x'}), lic.ArgumentError),
    (lambda: lic.encode(waves(), max_pixels=100), lic.LimitError),
    (lambda: lic.encode(waves(), max_memory=100), lic.LimitError),
    (lambda: lic.encode(waves(), model='no such model'), lic.ModelError),
    (lambda: lic.encode(waves(), model=DATA / 'odd-17x33.png'), lic.ModelError),
    (lambda: lic.decode(b''), lic.StreamError),
    (lambda: lic.decode(b'\x9bli'), lic.StreamError),
    (lambda: lic.decode(b'no picture at all'), ValueError),
    (lambda: decode_tiny(crop=(0, 0, 9999, 1)), lic.ArgumentError),
    (lambda: decode_tiny(crop=(-1, 0, 1, 1)), ValueError),
    (lambda: decode_tiny(crop=(0, 0, 0, 0)), ValueError),
    (lambda: decode_tiny(crop=(1, 2, 3)), ValueError),
    (lambda: decode_tiny(scale=3), lic.ArgumentError),
    (lambda: decode_tiny(channels=1), lic.ArgumentError),
    (lambda: decode_tiny(dtype=np.float32), ValueError),
    (lambda: decode_tiny(max_work=1), lic.LimitError),
    (lambda: lic.decode(GOLDEN / 'v1-rgb8.lic', model='student'), lic.ModelError),
    (lambda: lic.decode('no such file.lic'), FileNotFoundError),
    (lambda: lic.Model(backend='gpu'), ValueError),
    (lambda: lic.Model(id=2**32), ValueError),
])
def test_errors(call, kind):
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value)
    if isinstance(caught.value, lic.Error):
        assert caught.value.status and caught.value.name.startswith('LIC_ERR_')


def test_model(tiny):
    student = lic.Model()
    assert student.name == 'student' and lic.Model(id=student.id).hash == student.hash
    assert student.parameters > 1e6 and student.levels > 1 and student.preview_slices > 0
    assert student.preview_scale == 4 and tiny.preview_scale == 0
    assert f'{student.hash:016x}' in repr(student)
    assert lic.Model(folder=GOLDEN, name='tiny').hash == tiny.hash
    assert tiny.id == lic.info(GOLDEN / 'v1-rgb8.lic').model_id
    data = lic.encode(waves(), model=str(GOLDEN / 'tiny.licw'))
    assert data == lic.encode(waves(), model=tiny) != lic.encode(waves(), model=student)


def test_a_model_of_the_environment(monkeypatch):
    monkeypatch.setenv('LIC_MODEL_DIR', str(GOLDEN))
    assert lic.encode(waves(), model='tiny') == lic.encode(waves(), model=GOLDEN / 'tiny.licw')
    assert lic.decode(GOLDEN / 'v1-rgb8.lic').ndim == 3


def test_salvage(tiny):
    picture = waves(150, 170)
    whole = lic.encode(picture, model=tiny, tile_side=64)
    cut = whole[:len(whole) * 2 // 3]
    with pytest.raises(lic.StreamError):
        lic.decode(cut, model=tiny)
    with pytest.raises(lic.StreamError):
        lic.info(cut)
    assert not lic.info(cut, salvage=True).complete
    with pytest.warns(lic.SalvageWarning, match='cut short: .* of 9 tiles were whole'):
        half = lic.decode(cut, salvage=True, model=tiny)
    assert np.array_equal(half[:64, :64], lic.decode(whole, model=tiny)[:64, :64])
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        lic.decode(whole, salvage=True, model=tiny)


def test_progress(tiny):
    told = []
    data = lic.encode(waves(), model=tiny, progress=lambda *a: told.append(a))
    fractions = [fraction for _, fraction in told]
    assert told[0][0] == 'analysis' and fractions == sorted(fractions) and fractions[-1] == 1.0
    with pytest.raises(ZeroDivisionError):
        lic.decode(data, model=tiny, progress=lambda stage, fraction: 1 / 0)
    assert lic.decode(data, model=tiny, progress=lambda *a: True) is not None, 'its value is no matter'


def test_a_signal_stops_a_call():
    def on_alarm(*_):
        raise InterruptedError('stop')
    before = signal.signal(signal.SIGALRM, on_alarm)
    picture = np.tile(waves(256, 256), (4, 6, 1))
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(InterruptedError):
            lic.encode(picture, threads=1)  # some ten seconds
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_threads_share_a_model_and_run_beside_python(tiny):
    picture, results, running = waves(160, 200), [], threading.Event()

    def work():
        running.set()
        results.append(lic.decode(lic.encode(picture)))
    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    running.wait()
    turns = 0
    while any(worker.is_alive() for worker in workers):
        time.sleep(0.001)
        turns += 1
    assert turns > 10, 'this thread stood still: the lock was held'
    assert len(results) == 3 and all(np.array_equal(results[0], one) for one in results)


def test_an_array_outlives_what_made_it(tiny):
    model = lic.Model(GOLDEN / 'tiny.licw')
    part = lic.decode(lic.encode(waves(), model=model), model=model)[3:9, 4:5]
    copy = part.copy()
    del model
    gc.collect()
    np.zeros((500, 500)).sum()
    assert np.array_equal(part, copy)


def test_memory_goes_with_the_last_view(tiny, monkeypatch):
    from lic import arrays
    freed, free = [], arrays._free
    monkeypatch.setattr(arrays, '_free', lambda image: (freed.append(image.data), free(image)))
    picture = lic.decode(GOLDEN / 'v1-rgb8.lic', model=tiny)
    at, part = picture.ctypes.data, picture[1:, 2:, 0].view()
    del picture
    gc.collect()
    assert freed == []
    del part
    gc.collect()
    assert freed == [at]


def test_what_is_said_of_the_package():
    assert lic.__version__ and all(hasattr(lic, name) for name in lic.__all__)
    for name in ('encode', 'decode', 'info', 'psnr', 'ms_ssim', 'bd_rate'):
        assert getattr(lic, name).__doc__
    from importlib import metadata
    assert metadata.version('lic') == lic.__version__
    points = metadata.entry_points()
    found = points.select(group='PIL.plugins') if hasattr(points, 'select') else points['PIL.plugins']
    next(iter(p for p in found if p.name == 'lic')).load()()
    assert sys.modules['lic'].__file__.endswith('site-packages/lic/__init__.py')
