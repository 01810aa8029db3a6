#!/usr/bin/env python3
"""make_scans.py - pages as scanners see them, for tests/bench/lossless.sh: bilevel, grey and in colour.

    tests/bench/make_scans.py FOLDER

Text from this project's own pages is drawn, turned by a fraction of a degree, blurred as by a lens, shaded, and given noise of
paper and sensor; then it is cut to 1 bit as a fax, stretched so that paper becomes white, or left as it is. The same pages each time,
if the font is the same. Needs numpy, Pillow and DejaVu's fonts.
"""
import os
import sys

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
FONT = "DejaVuSerif.ttf"
WIDTH, HEIGHT = 1240, 1754      # A4 at 150 dots per inch


def page(text, size):
    """A page of black text on white, with a heading, a rule and a stamp."""
    image = Image.new("L", (WIDTH, HEIGHT), 255)
    draw = ImageDraw.Draw(image)
    lines, width = [], int(1040 / (0.56 * size))
    for line in text.splitlines():
        while len(line) > width:
            at = line.rfind(" ", 0, width)
            at = at if at > 0 else width
            lines.append(line[:at])
            line = line[at:].lstrip()
        lines.append(line)
    draw.text((100, 80), lines[0], 0, ImageFont.truetype(FONT, 2 * size))
    draw.rectangle((100, 90 + 3 * size, 1140, 92 + 3 * size), 0)
    for i, line in enumerate(lines[1:int((HEIGHT - 300) / (1.4 * size))]):
        draw.text((100, 130 + 3 * size + int(1.4 * size * i)), line, 20, ImageFont.truetype(FONT, size))
    draw.ellipse((850, 1500, 1050, 1650), outline=90, width=5)
    return image


def scan(image, rng, tint, angle, blur, grain):
    """-> [H, W, 3] floats, the page on paper of a colour under a scanner's lamp."""
    image = image.rotate(angle, Image.BICUBIC, fillcolor=255).filter(ImageFilter.GaussianBlur(blur))
    light = np.asarray(image, np.float64)[..., None] / 255
    fibres = np.asarray(Image.fromarray(rng.normal(128, 40, (HEIGHT // 3, WIDTH // 3)).clip(0, 255).astype(np.uint8))
                        .resize((WIDTH, HEIGHT), Image.BICUBIC), np.float64)[..., None] - 128
    shade = 1 - 0.05 * np.abs(np.linspace(-1, 1, WIDTH))[None, :, None] ** 2
    return (30 + (np.array(tint) - 30 + fibres * grain / 8) * light) * shade + rng.normal(0, grain, (HEIGHT, WIDTH, 3))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    os.makedirs(sys.argv[1], exist_ok=True)
    names = ("README.md", "CONTRIBUTING.md", "codec/FORMAT.md")
    for k, name in enumerate(names):
        rng = np.random.RandomState(k)
        with open(os.path.join(ROOT, name), encoding="utf-8") as f:
            text = f.read()
        seen = scan(page(text, 18 + 2 * k), rng, (244 - 4 * k, 240 - 5 * k, 228 - 9 * k), 0.4 - 0.3 * k, 0.6 + 0.1 * k, 2.5)
        grey = seen.mean(-1)
        clean = ((grey - 50) * 255 / 160).clip(0, 255)     # as scanners do for copies: paper is white, ink is black
        for kind, samples in (("colour", seen), ("grey", grey), ("clean", clean), ("fax", np.where(grey > 140, 255, 0))):
            image = Image.fromarray(samples.clip(0, 255).astype(np.uint8))
            image = image.convert("1") if kind == "fax" else image
            image.save(os.path.join(sys.argv[1], f"{kind}-{k}.png"), optimize=True)


if __name__ == "__main__":
    main()
