"""The Pillow plug-in: what Pillow's own tests ask of a format."""
import io
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest
from conftest import DATA, GOLDEN, ROOT, waves
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError
from PIL.TiffImagePlugin import IFDRational

import lic
from lic import pillow

EXIF = Image.Exif()
EXIF[0x0112] = 6
EXIF[0x010F] = 'maker'


@pytest.fixture(autouse=True)
def models_here(monkeypatch):
    """The golden files' network is found as well."""
    monkeypatch.setenv('LIC_MODEL_DIR', str(GOLDEN))


def saved(image, **options):
    file = io.BytesIO()
    image.save(file, 'LIC', **{'model': 'tiny', **options})
    file.seek(0)
    return file


def test_registered():
    assert Image.registered_extensions()['.lic'] == 'LIC'
    assert Image.MIME['LIC'] == 'image/x-lic'
    mime = (ROOT / 'cli/package/desktop/lic.xml').read_text()
    assert f'type="{Image.MIME["LIC"]}"' in mime


def test_the_import_is_enough():
    code = 'import lic; from PIL import Image; print(Image.registered_extensions()[".lic"])'
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert done.stdout.strip() == 'LIC', done.stderr


def test_opened_without_decoding(monkeypatch):
    def no(*_, **__):
        raise AssertionError('decoded')
    monkeypatch.setattr(pillow.codec, 'decode_head', no)
    with Image.open(GOLDEN / 'v1-rgb8.lic') as image:
        head = lic.info(GOLDEN / 'v1-rgb8.lic')
        assert (image.format, image.mode, image.size) == ('LIC', 'RGB', (head.width, head.height))
        assert image.get_format_mimetype() == 'image/x-lic'
        with pytest.raises(AssertionError, match='decoded'):
            image.load()


def test_pixels_are_the_decoders():
    for name in ('v1-rgb8', 'v1-tiles'):
        with Image.open(GOLDEN / f'{name}.lic') as image:
            assert np.array_equal(np.asarray(image), lic.decode(GOLDEN / f'{name}.lic'))
    with Image.open(GOLDEN / 'v1-grey16.lic') as image:
        assert image.mode == 'I;16'
        assert np.array_equal(np.asarray(image), lic.decode(GOLDEN / 'v1-grey16.lic'))


@pytest.mark.parametrize('mode', ['L', 'LA', 'RGB', 'RGBA'])
def test_modes(mode, tmp_path):
    picture = waves(channels=len(mode))
    image = Image.fromarray(picture, mode)
    image.save(tmp_path / 'a.lic', quality=70, model='tiny')
    expected = lic.encode(picture, 70, model='tiny')
    assert (tmp_path / 'a.lic').read_bytes() == expected
    with Image.open(tmp_path / 'a.lic') as back:
        assert back.mode == mode and back.size == image.size
        assert np.array_equal(np.asarray(back), lic.decode(expected))


def test_lossless():
    picture = waves(40, 50, 4)
    file = saved(Image.fromarray(picture), lossless=True)
    assert lic.info(file.getvalue()).lossless
    with Image.open(file) as image:
        assert np.array_equal(np.asarray(image), picture)
    with Image.open(file) as image:
        image.thumbnail((3, 3))
        assert image.size == (3, 2)


def test_modes_that_are_converted():
    grey = Image.fromarray(waves(channels=1))
    palette = Image.fromarray(waves()).quantize(32)
    clear = palette.copy()
    clear.info['transparency'] = 3
    cases = [(grey.convert('1'), 'L'), (palette, 'RGB'), (clear, 'RGBA'),
             (Image.fromarray(waves()).convert('YCbCr'), 'RGB'),
             (Image.fromarray(waves(channels=4)).convert('RGBa'), 'RGBA')]
    for image, mode in cases:
        file = saved(image)
        assert file.getvalue() == lic.encode(np.asarray(image.convert(mode)), model='tiny')
        with Image.open(file) as back:
            assert back.mode == mode, image.mode


def test_transparency_is_never_lost():
    clear = waves(channels=4)
    clear[:20, :, 3] = 0
    entries = Image.fromarray(clear).quantize(32)
    assert entries.mode == 'P' and 'transparency' not in entries.info  # its palette has alpha
    grey = Image.fromarray(waves(channels=1))
    grey.info['transparency'] = grey.getpixel((3, 4))
    rgb = Image.fromarray(waves())
    rgb.info['transparency'] = rgb.getpixel((3, 4))
    bits = grey.convert('1')
    bits.info['transparency'] = 255
    for image, mode in ((entries, 'RGBA'), (entries.convert('PA'), 'RGBA'), (grey, 'LA'), (rgb, 'RGBA'), (bits, 'LA')):
        expected = np.asarray(image.convert('L') if image is bits else image.convert(mode))
        if image is bits:
            expected = np.dstack([expected, 255 - expected])
        assert expected[..., -1].min() < 255
        with Image.open(saved(image, lossless=True)) as back:
            assert back.mode == mode and np.array_equal(np.asarray(back), expected), image.mode


def test_transparency_of_sixteen_bits():
    with Image.open(DATA / 'pngsuite/tbwn0g16.png') as image:
        samples, key = np.asarray(image), image.info['transparency']
        back = lic.decode(lic.encode(image, lossless=True))
    assert back.dtype == np.uint16 and np.array_equal(back[..., 0], samples)
    assert np.array_equal(back[..., 1], np.where(samples == key, 0, 0xFFFF)) and (samples == key).any()
    by_i16 = Image.fromarray(samples.astype(np.uint16))
    by_i16.info['transparency'] = key
    assert np.array_equal(lic.decode(lic.encode(by_i16, lossless=True)), back)


def test_sixteen_bits():
    fine = waves(channels=1, dtype=np.uint16)
    by_i16, by_i = Image.fromarray(fine), Image.fromarray(fine.astype(np.int32))
    assert by_i16.mode == 'I;16' and by_i.mode == 'I'
    assert saved(by_i16).read() == saved(by_i).read() == lic.encode(fine, model='tiny')
    with Image.open(saved(by_i16)) as back:
        assert back.mode == 'I;16' and back.getpixel((3, 4)) == np.asarray(back)[4, 3]
    # There is no mode for these: they come as 8 bits.
    with Image.open(io.BytesIO(lic.encode(waves(dtype=np.uint16), model='tiny'))) as back:
        assert back.mode == 'RGB' and np.asarray(back).dtype == np.uint8
    with pytest.raises(OSError, match='mode I'):
        saved(Image.fromarray(np.full((4, 4), 70000, np.int32)))


@pytest.mark.parametrize('mode', ['CMYK', 'LAB', 'HSV', 'F'])
def test_modes_that_are_refused(mode, tmp_path):
    with pytest.raises(OSError, match=f'cannot write mode {mode}'):
        saved(Image.new(mode, (8, 8)))
    with pytest.raises(ValueError, match=mode):
        lic.encode(Image.new(mode, (8, 8)))


def test_metadata_there_and_back():
    image = Image.fromarray(waves())
    file = saved(image, icc_profile=b'profile', exif=EXIF, xmp=b'<x/>', dpi=(300, 150))
    head = lic.info(file.getvalue())
    assert head.icc_profile == b'profile' and head.xmp == b'<x/>' and head.orientation == 6
    assert head.exif.startswith((b'II', b'MM'))
    with Image.open(file) as back:
        assert back.info['icc_profile'] == b'profile' and back.info['xmp'] == b'<x/>'
        assert back.getexif()[0x0112] == 6 and back.getexif()[0x010F] == 'maker'
        assert back.info['dpi'] == pytest.approx((300, 150), rel=1e-4)
        # Pixels are unturned; Pillow turns them when it is asked.
        assert ImageOps.exif_transpose(back).size == back.size[::-1]
        # Through to others and back, as they stand.
        for kind in ('JPEG', 'PNG', 'TIFF'):
            other = io.BytesIO()
            back.save(other, kind, exif=back.info['exif'], icc_profile=back.info['icc_profile'])
            with Image.open(other) as there:
                assert there.getexif()[0x0112] == 6, kind
                again = lic.info(saved(there).getvalue())
                assert again.orientation == 6 and again.icc_profile == b'profile', kind
        # Saved again it keeps them, unless told otherwise.
        again = lic.info(saved(back).getvalue())
        assert (again.icc_profile, again.exif, again.xmp, again.chunks) == (
            head.icc_profile, head.exif, head.xmp, head.chunks)
        bare = lic.info(saved(back, icc_profile=b'', exif=b'', xmp=b'').getvalue())
        assert (bare.icc_profile, bare.exif, bare.xmp) == (None, None, None)


@pytest.mark.parametrize('dpi', [(IFDRational(300, 1), IFDRational(0, 0)), (float('nan'), 72), (float('inf'), 72),
                                 (1e12, 1), (-1, -1), (300,), 300, 'x', (None, None), (0, 0)])
def test_resolutions_that_are_none(dpi):
    image = Image.fromarray(waves())
    image.info['dpi'] = dpi
    assert 'phys' not in lic.info(saved(image).getvalue()).chunks
    image.info = {'gamma': float('inf')}
    assert 'colr' not in lic.info(saved(image).getvalue()).chunks


def test_metadata_of_other_files(program, tmp_path):
    with Image.open(DATA / 'meta.png') as png:
        head = lic.info(saved(png).getvalue())
        assert head.icc_profile == png.info['icc_profile']
        assert head.exif == png.info['exif'][6:]
        assert head.xmp.decode() == png.info['XML:com.adobe.xmp']
        assert lic.encode(png, model='tiny') == saved(png).read()
    with Image.open(DATA / 'kodim23.png') as png:
        part = png.crop((300, 200, 340, 240))
        assert part.info['srgb'] == 0
        # sRGB is one bit of the head: as many bytes as without.
        file = saved(part)
        assert len(file.getvalue()) == len(lic.encode(np.asarray(part), model='tiny'))
        with Image.open(file) as back:
            assert back.info['srgb'] == 0
    part.info = {'gamma': 0.45455, 'chromaticity': (.3127, .329, .64, .33, .3, .6, .15, .06)}
    with Image.open(saved(part)) as back:
        assert back.info == part.info
    # A profile that was for other colours, before the picture was converted, is no use.
    part.info = {'icc_profile': bytes(16) + b'CMYK' + bytes(100)}
    assert lic.info(saved(part).getvalue()).icc_profile is None


def test_draft_takes_the_smallest_preview(monkeypatch):
    file = saved(Image.fromarray(waves(330, 500)), quality=80)
    scales, decode = [], pillow.codec.decode_head

    def noted(head, wanted, *others):
        scales.append(wanted['scale'])
        return decode(head, wanted, *others)
    monkeypatch.setattr(pillow.codec, 'decode_head', noted)
    with Image.open(file) as image:
        assert image.draft('RGB', (31, 20)) == ('RGB', (0, 0, 31.25, 20.625))
        assert image.size == (32, 21)
        assert np.array_equal(np.asarray(image), lic.decode(file.getvalue(), scale=16))
        assert image.draft('RGB', (1, 1)) is None, 'it is loaded'
    for least, scale in ((32, 8), (62, 8), (63, 4), (125, 4), (126, 2), (250, 2)):
        with Image.open(file) as image:
            assert image.draft(None, (least, 20))[1] == (0, 0, 500 / scale, 330 / scale)
            assert image.size == (-(-500 // scale), -(-330 // scale))
            image.load()
    with Image.open(file) as image:
        assert image.draft(None, (251, 20)) is None and image.size == (500, 330)
    with Image.open(file) as image:
        image.thumbnail((15, 15))
        assert image.size == (15, 10)
    assert scales == [16, 16, 8, 8, 4, 4, 2, 2, 16]


def test_truncated(monkeypatch):
    data = lic.encode(waves(150, 170), model='tiny', tile_side=64)
    cut = data[:len(data) * 2 // 3]
    with Image.open(io.BytesIO(cut)) as image:
        assert image.size == (170, 150)
        with pytest.raises(OSError, match='cut short|damaged'):
            image.load()
    monkeypatch.setattr(ImageFile, 'LOAD_TRUNCATED_IMAGES', True)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        with Image.open(io.BytesIO(cut)) as image:
            image.load()
    assert np.array_equal(np.asarray(image)[:32, :32], lic.decode(data)[:32, :32])
    with Image.open(io.BytesIO(data)) as image:
        assert np.array_equal(np.asarray(image), lic.decode(data))


def test_not_identified():
    for data in (b'', b'\x9blic', b'\x9blic\x01', b'\x9blic' + bytes(100), b'no picture' * 9):
        with pytest.raises(UnidentifiedImageError):
            Image.open(io.BytesIO(data))
    with pytest.raises(SyntaxError):
        pillow.LicImageFile(io.BytesIO(b'\x9blic\x07' + bytes(100)))


def test_verify():
    data = bytearray((GOLDEN / 'v1-rgb8.lic').read_bytes())
    Image.open(io.BytesIO(data)).verify()
    data[-5] ^= 1
    with pytest.raises(OSError, match='checksum'):
        Image.open(io.BytesIO(data)).verify()


def test_no_model(monkeypatch):
    monkeypatch.delenv('LIC_MODEL_DIR')
    with Image.open(GOLDEN / 'v1-rgb8.lic') as image:
        with pytest.raises(OSError, match='needs model'):
            image.load()


def test_long_heads_are_read():
    rng = np.random.default_rng(3)
    profile = rng.integers(0, 256, 100_000, np.uint8).tobytes()
    with Image.open(saved(Image.fromarray(waves()), icc_profile=profile)) as image:
        assert image.info['icc_profile'] == profile and image.size == (56, 48)
        image.load()


def test_damaged_metadata_is_left_out():
    from struct import pack
    from zlib import crc32
    data = bytearray(saved(Image.fromarray(waves()), icc_profile=b'a profile').getvalue())
    at = data.index(b'iccp') + 6
    data[at] ^= 0xFF  # the head of its zlib stream
    crc_at = 4 + 1 + 1 + 1 + 4 + 2 + 4
    data[crc_at:crc_at + 4] = pack('<I', crc32(data[:crc_at] + data[crc_at + 4:]))
    with pytest.warns(UserWarning, match='metadata is left out'):
        image = Image.open(io.BytesIO(data))
    assert 'icc_profile' not in image.info
    image.load()
    with pytest.raises(lic.StreamError):
        lic.info(data)
    assert lic.info(data, salvage=True).icc_profile is None


def test_files_and_copies(tmp_path):
    path = tmp_path / 'a.lic'
    Image.fromarray(waves()).save(path, model='tiny')
    with Image.open(path) as image:
        image.load()
        copy = pickle.loads(pickle.dumps(image))
        assert np.array_equal(np.asarray(copy), np.asarray(image))
        assert image.copy().size == image.size
    with open(path, 'rb') as file, Image.open(file) as image:
        assert image.crop((0, 0, 5, 5)).size == (5, 5)
        assert not file.closed
    with warnings.catch_warnings():
        warnings.simplefilter('error', ResourceWarning)
        Image.open(path).close()
        for damaged in (b'\x9blic\x07', b'\x9blic'):
            path.write_bytes(damaged)
            with pytest.raises(UnidentifiedImageError):
                Image.open(path)
