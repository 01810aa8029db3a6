#!/usr/bin/env bash
# lossless.sh - bytes of PNG files without loss, by lic and its peers, as a table in Markdown on standard output: a line for each
# folder, and below how many files are larger than their PNG, for lic's qualities too.
#
#   tests/bench/lossless.sh NAME=FOLDER...
#
# All *.png of a folder, all of which must be readable by all. make_scans.py makes a folder of scans. Metadata is kept by all but
# cjxl, which keeps what it knows.
# Environment: LIC (build/lic), QUALITIES ("25 50 75 100"; empty: lossless only, no model is needed), JOBS (2).
# Programs that are not installed have a dash.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
export LIC=${LIC:-$root/build/lic} QUALITIES=${QUALITIES-25 50 75 100} work
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Prints FILE PNG LOSSLESS CJXL CWEBP OPTIPNG QUALITY...; 0 where a program is missing or fails.
measure() {
    local png=$1 out q
    out=$work/$$
    bytes() { if [ -s "$1" ]; then stat -c %s "$1"; else echo 0; fi; }
    rm -f "$out".*
    "$LIC" encode --quiet -f -T 1 --lossless "$png" -o "$out.lic" || true
    cjxl -d 0 -e 7 --num_threads 0 --quiet "$png" "$out.jxl" >"$out.log" 2>&1 || true
    cwebp -quiet -lossless -m 6 -exact -metadata all "$png" -o "$out.webp" 2>"$out.log" || true
    optipng -quiet -o3 -out "$out.png" "$png" 2>"$out.log" || true
    echo -n "$png $(bytes "$png") $(bytes "$out.lic") $(bytes "$out.jxl") $(bytes "$out.webp") $(bytes "$out.png")"
    for q in $QUALITIES; do
        "$LIC" encode --quiet -f -T 1 -q "$q" "$png" -o "$out.lic" || true
        echo -n " $(bytes "$out.lic")"
    done
    echo
}
export -f measure

for set in "$@"; do
    find "${set#*=}" -maxdepth 1 -name '*.png' -print0 | sort -z |
        xargs -0 -n 1 -P "${JOBS:-2}" bash -c 'measure "$1"' - >"$work/${set%%=*}.lines"
done
echo "| | files | PNG | lic --lossless | cjxl -d 0 -e 7 | cwebp -lossless -m 6 | optipng -o3 |"
echo "|---|---|---|---|---|---|---|"
for set in "$@"; do
    awk -v name="${set%%=*}" '{ for (i = 2; i <= 6; i++) { sum[i] += $i; lacks[i] += $i == 0 } }
        END { printf "| %s | %d", name, NR; for (i = 2; i <= 6; i++) printf " | %s", lacks[i] ? "-" : sum[i]; print " |" }' \
        "$work/${set%%=*}.lines"
done
echo
head="| larger than their PNG | lossless |" line="|---|---|"
for q in $QUALITIES; do
    head+=" -q $q: files | bytes |" line+="---|---|"
done
echo "$head"
echo "$line"
for set in "$@"; do
    awk -v name="${set%%=*}" '{ large += $3 > $2; for (i = 7; i <= NF; i++) { more[i] += $i > $2; sum[i] += $i } n = NF }
        END { printf "| %s | %d |", name, large; for (i = 7; i <= n; i++) printf " %d | %d |", more[i], sum[i]; print "" }' \
        "$work/${set%%=*}.lines"
done
