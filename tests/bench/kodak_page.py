"""The page of tests/bench/kodak.sh: plots, tables and, for a few pictures, a slider between JPEG and the
model at the same size. One HTML file without anything outside it; pictures are embedded as JPEG of
quality 92, which hides nothing at the sizes compared.
"""
import base64
import html
import os
import shutil
import subprocess
import tempfile

import matplotlib.image
import numpy as np

PICTURES = ('kodim04.png', 'kodim07.png', 'kodim19.png', 'kodim23.png')
BPP = 0.25

STYLE = '''
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; color: #222; }
table { border-collapse: collapse; font-size: 14px; margin: 1em 0; }
td, th { border-bottom: 1px solid #ddd; padding: 2px 10px; text-align: right; }
td:first-child, th:first-child { text-align: left; }
.plot svg { width: 100%; height: auto; }
.pair { position: relative; max-width: 768px; overflow: hidden; line-height: 0; }
.pair img { width: 100%; height: auto; display: block; }
.pair .over { position: absolute; inset: 0; clip-path: inset(0 50% 0 0); }
.pair .bar { position: absolute; top: 0; bottom: 0; left: 50%; width: 2px; background: #fff; }
input[type=range] { width: 100%; max-width: 768px; }
'''
SCRIPT = '''
for (const f of document.querySelectorAll('figure')) {
  const r = f.querySelector('input');
  r.addEventListener('input', () => {
    f.querySelector('.over').style.clipPath = `inset(0 ${100 - r.value}% 0 0)`;
    f.querySelector('.bar').style.left = r.value + '%';
  });
}
'''


def write_ppm(png, path):
    pixels = np.round(matplotlib.image.imread(png)[..., :3] * 255).astype(np.uint8)
    with open(path, 'wb') as f:
        f.write(b'P6\n%d %d\n255\n' % (pixels.shape[1], pixels.shape[0]) + pixels.tobytes())


def output(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout


def embed(data):
    return 'data:image/jpeg;base64,' + base64.b64encode(data).decode()


def jpeg_at(ppm, size):
    """The largest JPEG of at most this size, or the smallest there is."""
    low, high = 1, 95
    while low < high:
        middle = (low + high + 1) // 2
        data = output('cjpeg', '-quality', str(middle), '-optimize', '-progressive', ppm)
        low, high = (middle, high) if len(data) <= size else (low, middle - 1)
    return output('cjpeg', '-quality', str(low), '-optimize', '-progressive', ppm)


def nearest_quality(curve, name):
    """The quality of the sweep whose file of this picture is nearest to BPP."""
    picture = next(p for p in curve['pictures'] if p['name'] == name)
    return min(zip(picture['bpp'], curve['results']['quality']), key=lambda p: abs(p[0] - BPP))[1]


def figure(args, curve, name, folder):
    """A picture by lic and by JPEG at the same size, side by side, as HTML."""
    png, ppm = os.path.join(args.kodak, name), os.path.join(folder, 'in.ppm')
    lic, out = os.path.join(folder, 'x.lic'), os.path.join(folder, 'x.ppm')
    write_ppm(png, ppm)
    output(args.lic, 'encode', '--model', args.model, '--quiet', '-f', '-q', str(nearest_quality(curve, name)),
           ppm, lic)
    output(args.lic, 'decode', '--model', args.model, '--quiet', '-f', lic, out)
    size = os.path.getsize(lic)
    left = jpeg_at(ppm, size)
    right = output('cjpeg', '-quality', '92', '-sample', '1x1', '-optimize', out)
    pixels = int(np.prod(matplotlib.image.imread(png).shape[:2]))
    return '''<figure><div class="pair"><img src="%s" alt="%s"><img class="over" src="%s" alt="JPEG">
<div class="bar"></div></div><input type="range" min="0" max="100" value="50" aria-label="slider">
<figcaption>%s: left JPEG, %d bytes (%.3f bpp); right %s, %d bytes (%.3f bpp)</figcaption></figure>''' % (
        embed(right), curve['name'], embed(left), name, len(left), 8 * len(left) / pixels,
        html.escape(curve['name']), size, 8 * size / pixels)


def tables(text):
    """The Markdown that kodak_report.py writes, as HTML: headings, tables, paragraphs."""
    out, rows = [], []
    for line in text.splitlines() + ['']:
        if line.startswith('|'):
            if not line.startswith('|---'):
                tag = 'td' if rows else 'th'
                cells = [html.escape(c.strip()) for c in line.strip('|').split('|')]
                rows.append('<tr>' + ''.join('<%s>%s</%s>' % (tag, c, tag) for c in cells) + '</tr>')
            continue
        if rows:
            out.append('<table>' + '\n'.join(rows) + '</table>')
            rows = []
        if line.startswith('#'):
            level = len(line) - len(line.lstrip('#'))
            out.append('<h%d>%s</h%d>' % (level, html.escape(line.lstrip('# ')), level))
        elif line and not line.startswith('!'):
            out.append(html.escape(line).replace('`', ''))
        elif not line:
            out.append('<p>')
    return '\n'.join(out)


def svg(path):
    with open(path) as f:
        text = f.read()
    return '<div class="plot">' + text[text.index('<svg'):] + '</div>'


def write_page(args, curve, text):
    """Writes index.html: the tables of the report, its plots, and the pictures."""
    parts = ['<!doctype html><html lang="en"><meta charset="utf-8"><title>lic on Kodak</title>',
             '<meta name="viewport" content="width=device-width"><style>' + STYLE + '</style>']
    head, _, rest = text.partition('![')
    parts += [tables(head)] + [svg(os.path.join(args.out, 'kodak-%s.svg' % m)) for m in ('psnr', 'ms-ssim')]
    if shutil.which('cjpeg'):
        with tempfile.TemporaryDirectory() as folder:
            parts += ['<h2>At the same size</h2>']
            parts += [figure(args, curve, name, folder) for name in PICTURES
                      if os.path.exists(os.path.join(args.kodak, name))]
    parts += [tables(rest.partition('\n\n## ')[1] + rest.partition('\n\n## ')[2]),
              '<script>' + SCRIPT + '</script></html>']
    with open(os.path.join(args.out, 'kodak.html'), 'w') as f:
        f.write('\n'.join(parts))
