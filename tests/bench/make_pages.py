#!/usr/bin/env python3
"""make_pages.py - pages that mix text, windows and charts with photographs, for measuring what encoders make of them.

    tests/bench/make_pages.py FOLDER PHOTO...       (at least four photographs, of 512 x 512 pixels or more)

Text is this project's own. The same pages each time, if photographs and fonts are the same. Needs Pillow and DejaVu's fonts.
"""
import math
import os
import sys

from PIL import Image, ImageDraw, ImageFont

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")


def font(size, name="DejaVuSans"):
    return ImageFont.truetype(name + ".ttf", size)


class Page:
    """A canvas, with text and photographs to put on it."""

    def __init__(self, width, height, colour, photos):
        self.image = Image.new("RGB", (width, height), colour)
        self.draw, self.photos, self.words = ImageDraw.Draw(self.image), photos, []
        for name in ("README.md", "ARCHITECTURE.md"):
            with open(os.path.join(ROOT, name), encoding="utf-8") as f:
                self.words += f.read().split()

    def text(self, box, size, colour, name="DejaVuSans", gap=1.45):
        """Fills a box with running text."""
        x0, y, x1, y1 = box
        while y + size < y1:
            line = self.words.pop(0)
            while self.draw.textlength(line + " " + self.words[0], font(size, name)) < x1 - x0:
                line += " " + self.words.pop(0)
            self.draw.text((x0, y), line, colour, font(size, name))
            self.words.append(line)
            y += int(size * gap)

    def title(self, x, y, text, size, colour, name="DejaVuSans-Bold"):
        self.draw.text((x, y), text, colour, font(size, name))

    def photo(self, i, x, y, width, height):
        """A photograph, cut and scaled to fill a box."""
        p = self.photos[i % len(self.photos)]
        scale = max(width / p.width, height / p.height)
        p = p.resize((math.ceil(p.width * scale), math.ceil(p.height * scale)), Image.LANCZOS) if scale < 1 else p
        left, top = (p.width - width) // 2, (p.height - height) // 2
        self.image.paste(p.crop((left, top, left + width, top + height)), (x, y))

    def window(self, x, y, width, height, title, colour=(250, 250, 250), ink=(30, 30, 30)):
        d = self.draw
        d.rounded_rectangle((x, y, x + width, y + height), 8, colour, (120, 120, 120))
        d.rounded_rectangle((x, y, x + width, y + 30), 8, (222, 221, 218), (120, 120, 120))
        d.text((x + width // 2 - 60, y + 6), title, (40, 40, 40), font(14, "DejaVuSans-Bold"))
        for i in range(3):
            d.ellipse((x + width - 24 - 24 * i, y + 8, x + width - 10 - 24 * i, y + 22), (180, 180, 180))
        self.text((x + 12, y + 40, x + width - 12, y + height - 8), 13, ink, "DejaVuSansMono")


def article(photos):
    p = Page(1280, 960, (255, 255, 255), photos)
    p.draw.rectangle((0, 0, 1280, 56), (36, 41, 47))
    p.title(24, 14, "The Daily Codec", 22, (255, 255, 255))
    for i, name in enumerate(("News", "Science", "Culture", "Sport")):
        p.title(400 + 120 * i, 18, name, 16, (200, 205, 210), "DejaVuSans")
    p.title(60, 90, "What pictures weigh, and why it matters", 34, (20, 20, 20))
    p.photo(0, 60, 160, 560, 372)
    p.text((60, 540, 620, 575), 12, (110, 110, 110))
    p.text((60, 590, 620, 950), 16, (30, 30, 30))
    p.text((660, 160, 900, 950), 15, (30, 30, 30))
    for i in range(3):
        p.photo(1 + i, 940, 160 + 260 * i, 280, 180)
        p.text((940, 348 + 260 * i, 1220, 400 + 260 * i), 14, (0, 80, 160))
    return p.image


def magazine(photos):
    p = Page(1000, 1300, (251, 246, 236), photos)
    p.title(70, 60, "Rivers", 72, (120, 30, 30), "DejaVuSerif-Bold")
    p.photo(1, 401, 173, 533, 655)
    for box in ((70, 180, 380, 840), (70, 850, 480, 1240), (520, 850, 930, 1240)):
        p.text(box, 17, (40, 35, 30), "DejaVuSerif")
    return p.image


def desktop(photos):
    p = Page(1440, 900, (0, 0, 0), photos)
    for i in range(6):
        p.photo(i, 512 * (i % 3), 450 * (i // 3), 512, 450)
    p.draw.rectangle((0, 0, 1440, 26), (20, 20, 20))
    p.title(660, 5, "Tue 14:05", 13, (240, 240, 240))
    p.window(90, 90, 700, 480, "notes.md")
    p.window(620, 330, 640, 500, "Terminal", (30, 30, 36), (210, 220, 210))
    return p.image


def dashboard(photos):
    p = Page(1280, 720, (24, 26, 32), photos)
    p.title(30, 20, "Throughput", 24, (230, 230, 230))
    for k, colour in enumerate(((90, 170, 250), (250, 150, 80), (120, 220, 140))):
        line = [(60 + 6 * i, 420 - 60 * k - int(90 * math.sin(i / (9 + 4 * k)) + i)) for i in range(120)]
        p.draw.line(line, colour, 2)
    for i in range(8):
        p.draw.line((60, 120 + 45 * i, 780, 120 + 45 * i), (60, 62, 70))
        p.title(20, 112 + 45 * i, str(800 - 100 * i), 11, (150, 150, 150), "DejaVuSans")
    for i in range(24):
        h = 40 + i * 37 % 110
        p.draw.rectangle((60 + 30 * i, 690 - h, 80 + 30 * i, 690), (70, 110 + 4 * i, 200))
    p.photo(2, 830, 80, 420, 280)
    p.photo(3, 830, 400, 203, 151)
    p.text((1050, 400, 1260, 700), 13, (200, 200, 205))
    return p.image


def gallery(photos):
    p = Page(1200, 900, (245, 246, 248), photos)
    p.title(30, 20, "Albums", 26, (30, 30, 30))
    for i in range(12):
        x, y = 30 + 290 * (i % 4), 70 + 275 * (i // 4)
        p.draw.rounded_rectangle((x - 4, y - 4, x + 274, y + 250), 6, (255, 255, 255), (215, 215, 220))
        p.photo(i, x, y, 270, 180)
        p.text((x + 6, y + 188, x + 260, y + 246), 13, (70, 70, 70))
    return p.image


def slide(photos):
    p = Page(1280, 720, (255, 255, 255), photos)
    for y in range(720):
        p.draw.line((0, y, 1280, y), (232 - y // 24, 240 - y // 30, 252 - y // 60))
    p.title(60, 50, "Results of the second year", 44, (20, 50, 110))
    for i in range(5):
        p.draw.ellipse((70, 168 + 84 * i, 82, 180 + 84 * i), (20, 50, 110))
        p.text((100, 160 + 84 * i, 660, 235 + 84 * i), 22, (30, 30, 40))
    p.photo(4, 702, 151, 513, 401)
    p.text((702, 560, 1215, 600), 14, (90, 90, 100))
    return p.image


def viewer(photos):
    p = Page(1024, 768, (40, 40, 40), photos)
    p.draw.rectangle((0, 0, 1024, 60), (235, 235, 235))
    for i, name in enumerate(("File", "Edit", "View", "Go", "Help")):
        p.title(12 + 60 * i, 8, name, 14, (20, 20, 20), "DejaVuSans")
        p.draw.rounded_rectangle((12 + 40 * i, 32, 40 + 40 * i, 56), 4, (205, 205, 205), (140, 140, 140))
    p.photo(5, 130, 61, 764, 511 - 1)
    p.photo(6, 130, 571, 764, 170)
    p.draw.rectangle((0, 741, 1024, 768), (235, 235, 235))
    p.title(10, 746, "IMG_2041.JPG   3264 x 2448   1.9 MB   87 %", 13, (30, 30, 30), "DejaVuSans")
    return p.image


def shop(photos):
    p = Page(1366, 768, (255, 255, 255), photos)
    p.draw.rectangle((0, 0, 1366, 70), (255, 153, 0))
    p.title(30, 20, "fotomarkt", 28, (20, 20, 20))
    p.photo(3, 40, 110, 480, 480)
    for i in range(5):
        p.photo(i, 40 + 97 * i, 610, 90, 90)
    p.title(560, 110, "Mountain bike, 29 inches", 28, (15, 17, 17))
    p.title(560, 160, "1 299,00", 34, (177, 39, 4))
    p.text((560, 220, 1000, 740), 15, (15, 17, 17))
    p.draw.rounded_rectangle((1050, 110, 1330, 400), 8, (255, 255, 255), (213, 217, 217))
    p.text((1066, 126, 1316, 330), 14, (0, 118, 0))
    p.draw.rounded_rectangle((1066, 345, 1314, 385), 18, (255, 216, 20), (252, 210, 0))
    return p.image


def main():
    if len(sys.argv) < 6:
        sys.exit(__doc__)
    photos = [Image.open(name).convert("RGB") for name in sys.argv[2:]]
    os.makedirs(sys.argv[1], exist_ok=True)
    for make in (article, magazine, desktop, dashboard, gallery, slide, viewer, shop):
        make(photos).save(os.path.join(sys.argv[1], make.__name__ + ".png"), optimize=True)


if __name__ == "__main__":
    main()
