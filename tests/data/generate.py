#!/usr/bin/env python3
"""Makes the small pictures of this folder again (not kodim23.png and pngsuite/*.png): generate.py

Needs Pillow. The files are committed, so that tests need no Python; run this only to change them.
References named NAME.ref.ppm hold what a reader of NAME must see, by Pillow's decoder.
"""
import io
import math
import os
import struct
import zlib

from PIL import Image, ImageCms

HERE = os.path.dirname(os.path.abspath(__file__))
XMP = (b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
       b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:xmpmeta>')


def path(name):
    return os.path.join(HERE, name)


def waves(width, height, bands, top):
    """Smooth colours with some texture, rows of samples 0..top."""
    rows = []
    for y in range(height):
        row = []
        for x in range(width):
            for c in range(bands):
                v = 0.5 + 0.3 * math.sin(x / (3.0 + c) + c) + 0.2 * math.cos(y / (4.0 + c) - c)
                row.append(min(top, max(0, round(v * top))))
        rows.append(row)
    return rows


def png16(name, width, height, bands):
    """Pillow writes no 16-bit RGB."""
    def chunk(kind, data):
        body = kind + data
        return struct.pack('>I', len(data)) + body + struct.pack('>I', zlib.crc32(body))
    raw = b''.join(b'\0' + struct.pack('>%dH' % len(r), *r)
                   for r in waves(width, height, bands, 65535))
    head = struct.pack('>IIBBBBB', width, height, 16, 0 if bands == 1 else 2, 0, 0, 0)
    with open(path(name), 'wb') as f:
        f.write(b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', head) +
                chunk(b'IDAT', zlib.compress(raw, 9)) + chunk(b'IEND', b''))


def picture(width, height, bands):
    data = bytes(v for row in waves(width, height, bands, 255) for v in row)
    return Image.frombytes('L' if bands == 1 else 'RGB', (width, height), data)


def add_xmp(jpeg):
    """XMP as an APP1 segment right after SOI."""
    body = b'http://ns.adobe.com/xap/1.0/\0' + XMP
    return jpeg[:2] + b'\xff\xe1' + struct.pack('>H', len(body) + 2) + body + jpeg[2:]


def metadata():
    """meta.jpg and meta.png: a profile, EXIF with an orientation, XMP."""
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile('sRGB')).tobytes()
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turned
    exif[0x010E] = 'a test picture'
    out = io.BytesIO()
    picture(48, 40, 3).save(out, 'JPEG', quality=90, icc_profile=icc, exif=exif)
    with open(path('meta.jpg'), 'wb') as f:
        f.write(add_xmp(out.getvalue()))
    from PIL.PngImagePlugin import PngInfo
    info = PngInfo()
    info.add_itxt('XML:com.adobe.xmp', XMP.decode())
    picture(48, 40, 3).save(path('meta.png'), icc_profile=icc, exif=exif, pnginfo=info)


def references():
    """What Pillow reads from each picture, as PPM or PGM of 8 bits."""
    names = ['meta.jpg', 'grey.jpg', 'progressive.jpg']
    names += ['pngsuite/' + n for n in os.listdir(path('pngsuite'))
              if n.endswith('.png') and not n.startswith('x')]
    for name in names:
        image = Image.open(path(name))
        if image.mode == 'I':  # 16-bit grey, rounded to 8 bits as the metrics do it
            image = Image.frombytes('L', image.size,
                                    bytes((v + 128) // 257 for v in image.getdata()))
        grey = image.mode in ('1', 'L', 'LA')
        image.convert('L' if grey else 'RGB').save(path(name + '.ref.ppm'), 'PPM')


def main():
    picture(1, 1, 3).save(path('one-1x1.png'))
    picture(17, 33, 3).save(path('odd-17x33.png'))
    picture(40, 30, 1).save(path('grey-40x30.png'))
    picture(200, 168, 3).save(path('waves-200x168.png'))
    # 24 colours of the above: much distorted, small, and the same in every decoder
    picture(200, 168, 3).quantize(24, dither=Image.Dither.NONE).save(path('waves-24-colours.png'))
    png16('grey16-24x20.png', 24, 20, 1)
    png16('rgb16-20x24.png', 20, 24, 3)
    picture(50, 37, 1).save(path('grey.jpg'), quality=90)
    picture(50, 37, 3).save(path('progressive.jpg'), quality=90, progressive=True)
    picture(16, 16, 3).convert('CMYK').save(path('cmyk.jpg'))
    metadata()
    references()


if __name__ == '__main__':
    main()
