#!/usr/bin/env bash
# near.sh - nearly lossless coding: means of bits per pixel and PSNR over the *.png of a folder, by lic --near and its peers at
# settings that give 43 to 52 dB, as a table in Markdown on standard output.
#
#   tests/bench/near.sh FOLDER
#
# Environment: LIC (build/lic), JOBS (2). Programs that are not installed have no lines.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
export LIC=${LIC:-$root/build/lic} work
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Prints a line "PROGRAM|BPP PSNR" for each setting.
measure() {
    local png=$1 out setting
    out=$work/$$
    judge() { # PROGRAM CODED DECODED
        [ -s "$3" ] || return 0
        "$LIC" eval --csv --size-of "$2" "$png" "$3" | awk -F, -v name="$1" \
            'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i } NR == 2 { print name "|" $at["bpp"], $at["psnr"] }'
        rm -f "$2" "$3"
    }
    for setting in 1 2 3; do
        "$LIC" encode --quiet -f -T 1 --near $setting "$png" -o "$out.lic"
        "$LIC" decode --quiet -f -T 1 "$out.lic" -o "$out.png"
        judge "lic --near $setting" "$out.lic" "$out.png"
    done
    for setting in 0.05 0.1 0.15 0.2 0.3; do
        cjxl -d $setting -e 7 --num_threads 0 --quiet "$png" "$out.jxl" >"$out.log" 2>&1 &&
            djxl --quiet "$out.jxl" "$out.png" >"$out.log" 2>&1 || true
        judge "cjxl -d $setting -e 7" "$out.jxl" "$out.png"
    done
    for setting in 60 40 20; do
        cwebp -quiet -near_lossless $setting -m 6 "$png" -o "$out.webp" 2>"$out.log" &&
            dwebp -quiet "$out.webp" -o "$out.png" 2>"$out.log" || true
        judge "cwebp -near_lossless $setting -m 6" "$out.webp" "$out.png"
    done
}
export -f measure

find "$1" -maxdepth 1 -name '*.png' -print0 | xargs -0 -n 1 -P "${JOBS:-2}" bash -c 'measure "$1"' - >"$work/lines"
echo "| | bits per pixel | PSNR |"
echo "|---|---|---|"
awk -F '[|]' '{ split($2, v, " "); if (!($1 in n)) order[++k] = $1; n[$1]++; b[$1] += v[1]; p[$1] += v[2] }
    END { for (i = 1; i <= k; i++) { s = order[i]; printf "| %s | %.3f | %.2f |\n", s, b[s] / n[s], p[s] / n[s] } }' \
    "$work/lines" | sort
