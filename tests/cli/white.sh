#!/usr/bin/env bash
# White stays white and black stays black: a thing in front of a plain background, as shops have it. The
# network alone misses either end of the range by a third of a step.
source "$(dirname "$0")/common.bash"
cd "$T" || exit 1
command -v python3 >/dev/null || skip_rest "no python3"

cat >shop.py <<'END'
import sys
W, H, depth = 320, 256, 8 if sys.argv[1] == "8" else 16
top = (1 << depth) - 1
size = depth // 8

def inside(x, y):
    return ((x - 160) / 70) ** 2 + ((y - 128) / 60) ** 2 < 1

def far(x, y):
    return ((x - 160) / 70) ** 2 + ((y - 128) / 60) ** 2 > 2

def make(ground):
    out = bytearray()
    for y in range(H):
        for x in range(W):
            for c in range(3):
                v = (x * 3 + y * (c + 2) + x * y // 40) % 200 + 20 if inside(x, y) else ground * 255
                out += (v * top // 255).to_bytes(size, "big")
    return b"P6\n%d %d\n%d\n" % (W, H, top) + bytes(out)

if len(sys.argv) == 4:
    open(sys.argv[3], "wb").write(make(int(sys.argv[2])))
else:
    data = open(sys.argv[4], "rb").read().split(b"\n", 3)[3]
    ground, most = int(sys.argv[2]) * top, float(sys.argv[3])
    wrong = n = 0
    for y in range(H):
        for x in range(W):
            if far(x, y):
                for c in range(3):
                    at = size * ((y * W + x) * 3 + c)
                    wrong += int.from_bytes(data[at:at + size], "big") != ground
                    n += 1
    print("%.3f %% of the background differ" % (100 * wrong / n))
    sys.exit(100 * wrong / n > most)
END

for depth in 8 16; do
    for ground in 0 1; do
        python3 shop.py $depth $ground in.ppm
        for q in 50 100; do
            "$LIC" encode --quiet -f -q $q in.ppm a.lic && "$LIC" decode --quiet -f a.lic out.ppm
            run python3 shop.py $depth $ground $((depth == 8 ? 2 : 15)) out.ppm
            expect "$depth bits, ground $ground, quality $q: $(cat out)" 0
        done
    done
done
finish
