#!/usr/bin/env bash
# lossless_time.sh - seconds of whole processes that code a PNG file without loss and decode it to PNG again, lic beside JPEG XL, as a
# table in Markdown on standard output. The programs take turns; medians of REPS of them.
#
#   tests/bench/lossless_time.sh PICTURE.png
#
# Environment: LIC (build/lic), REPS (3), THREADS (2), EFFORTS of cjxl ("3 7"; 7 takes minutes for 12 megapixels, and is run once).
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
lic=${LIC:-$root/build/lic} reps=${REPS:-3} threads=${THREADS:-2} efforts=${EFFORTS-3 7}
[ -f "${1:-}" ] || { echo "usage: $0 PICTURE.png" >&2 && exit 2; }
command -v cjxl djxl >/dev/null || efforts=
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

timed() { # NAME COMMAND...: adds its seconds to NAME
    local name=$1 start=$EPOCHREALTIME
    shift
    "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2 && exit 1; }
    awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }' >>"$work/$name"
}

median() { # NAME
    sort -g "$work/$1" | awk '{ v[NR] = $1 } END { printf "%.2f", (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}

for ((i = 0; i < reps; i++)); do
    timed lic.e "$lic" encode --lossless -T "$threads" -f --quiet "$1" -o "$work/lic.file"
    timed lic.d "$lic" decode -T "$threads" -f --quiet "$work/lic.file" -o "$work/out.png"
    for e in $efforts; do
        if [ "$i" -eq 0 ] || [ "$e" -lt 7 ]; then
            timed "jxl$e.e" cjxl -d 0 -e "$e" --num_threads="$threads" "$1" "$work/jxl$e.file"
        fi
        timed "jxl$e.d" djxl --num_threads="$threads" "$work/jxl$e.file" "$work/out.png"
    done
done
echo "| | bytes | encode | decode |"
echo "|---|---|---|---|"
for name in lic $(for e in $efforts; do echo "jxl$e"; done); do
    echo "| ${name/jxl/cjxl -d 0 -e } | $(stat -c %s "$work/$name.file") | $(median "$name.e") s | $(median "$name.d") s |"
done
