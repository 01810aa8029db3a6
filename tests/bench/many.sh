#!/usr/bin/env bash
# many.sh FOLDER - collections of small pictures: N crops (default 1000) of 128x128 to 256x256 from the PNG
# pictures of the folder, encoded in one call with 1 and with all threads and by a shell loop, then killed
# in the middle, resumed with -n, and compared. Prints a line per figure, and exits 1 if a file is lost,
# coded twice or different, or if two threads are not 1.8 times as fast as one.
#   BUILD=folder  where `make` built, default build;  N=1000;  LOOP=50: of these, in the shell loop
set -eu
export LC_ALL=C
root=$(cd "$(dirname "$0")/../.." && pwd)
lic=${LIC:-${BUILD:-$root/build}/lic}
folder=$1 n=${N:-1000} loop=${LOOP:-50}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

# PPM crops: what is measured is the codec, not zlib.
"${PYTHON:-python3}" - "$folder" "$work/in" "$n" <<'END'
import os, random, struct, sys, zlib

def read_png(path):
    data, at, idat = open(path, 'rb').read(), 8, b''
    while at < len(data):
        size, kind = struct.unpack('>I4s', data[at:at + 8])
        body = data[at + 8:at + 8 + size]
        if kind == b'IHDR':
            width, height, depth, colour, _, _, interlace = struct.unpack('>IIBBBBB', body)
            assert (depth, colour, interlace) == (8, 2, 0), path
        idat += body if kind == b'IDAT' else b''
        at += 12 + size
    raw, rows, last = zlib.decompress(idat), [], bytearray(width * 3)
    for y in range(height):
        kind, row = raw[y * (width * 3 + 1)], bytearray(raw[y * (width * 3 + 1) + 1:(y + 1) * (width * 3 + 1)])
        for x in range(width * 3):
            a, b, c = row[x - 3] if x >= 3 else 0, last[x], last[x - 3] if x >= 3 else 0
            if kind == 1: row[x] = (row[x] + a) & 255
            elif kind == 2: row[x] = (row[x] + b) & 255
            elif kind == 3: row[x] = (row[x] + (a + b) // 2) & 255
            elif kind == 4:
                p = a + b - c
                pa, pb, pc = abs(p - a), abs(p - b), abs(p - c)
                row[x] = (row[x] + (a if pa <= pb and pa <= pc else b if pb <= pc else c)) & 255
        rows.append(bytes(row))
        last = row
    return width, height, rows

folder, out, n = sys.argv[1], sys.argv[2], int(sys.argv[3])
names = sorted(f for f in os.listdir(folder) if f.endswith('.png'))[:6]
pictures = [read_png(os.path.join(folder, f)) for f in names]
random.seed(1)
for i in range(n):
    width, height, rows = pictures[i % len(pictures)]
    w, h = random.randint(128, 256), random.randint(128, 256)
    x, y = random.randint(0, width - w), random.randint(0, height - h)
    path = os.path.join(out, '%02d' % (i % 20), '%04d.ppm' % i)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'wb') as f:
        f.write(b'P6\n%d %d\n255\n' % (w, h))
        for row in rows[y:y + h]:
            f.write(row[3 * x:3 * (x + w)])
END

timed() { # NAME N COMMAND...: pictures per second, of the clock and of the processor
    local name=$1 pictures=$2
    shift 2
    local TIMEFORMAT='%R %U %S'
    { time "$@" 2>&3; } 3>&2 2>"$work/time"
    rate=$(awk -v n="$pictures" '{ printf "%.2f", n / $1 }' "$work/time")
    awk -v name="$name" -v rate="$rate" '{ printf "%-44s%8.2f s%9.2f s of processor%9s pictures/s\n", name, $1,
        $2 + $3, rate }' "$work/time"
}
by_loop() {
    find "$work/in" -name '*.ppm' | sort | head -n "$loop" | while read -r file; do
        "$lic" encode --quiet "$file" "$work/single/$(basename "$file" .ppm).lic"
    done
}

mkdir "$work/single"
threads=$(nproc)
"$lic" encode -r "$work/in/00" --output-dir "$work/warm" --quiet
timed "one call, 1 thread" "$n" "$lic" encode -r "$work/in" --output-dir "$work/one" -T 1 --quiet
one=$rate
timed "one call, $threads threads" "$n" "$lic" encode -r "$work/in" --output-dir "$work/all" -T "$threads" --quiet
all=$rate
timed "shell loop, $threads threads each ($loop pictures)" "$loop" by_loop
awk -v a="$all" -v b="$one" -v l="$rate" 'BEGIN { printf "%-44s%10.2f\n%-44s%10.2f\n",
    "threads against one", a / b, "one call against the loop", a / l }'
if [ "$threads" -ge 2 ]; then
    awk -v a="$all" -v b="$one" 'BEGIN { exit !(a >= 1.8 * b) }' || { echo 'FAILED: less than 1.8 times'; bad=1; }
fi
diff -r "$work/one" "$work/all" || { echo 'FAILED: threads change files'; bad=1; }

# ---- killed in the middle, resumed ----
"$lic" encode -r "$work/in" --output-dir "$work/cut" --quiet --json="$work/json1" &
pid=$!
while [ "$(find "$work/cut" -name '*.lic' 2>/dev/null | wc -l)" -lt $((n / 2)) ]; do sleep 0.02; done
kill -KILL $pid
wait $pid 2>/dev/null || true
there=$(find "$work/cut" -name '*.lic' | wc -l)
strays=$(find "$work/cut" -name '.*' -type f | wc -l)
find "$work/cut" -name '.*' -type f -delete
"$lic" encode -rn "$work/in" --output-dir "$work/cut" --quiet --json="$work/json2"
coded=$(grep -c LIC_OK "$work/json2") skipped=$(grep -c LIC_SKIPPED "$work/json2")
printf 'killed after %d of %d files (%d unfinished ones left); resumed: %d skipped, %d coded\n' "$there" "$n" \
    "$strays" "$skipped" "$coded"
[ "$skipped" -eq "$there" ] && [ $((skipped + coded)) -eq "$n" ] || { echo 'FAILED: lost or doubled'; bad=1; }
diff -r "$work/cut" "$work/one" || { echo 'FAILED: not the same files'; bad=1; }
exit $bad
