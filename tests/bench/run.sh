#!/usr/bin/env bash
# run.sh - `make bench`: one JSON line per case. First the library alone (bench_codec: stages, MP/s, GFLOP/s
# against the ceiling of the GEMM kernel in the same run), then whole processes, `lic` beside what else is
# installed, in turns: median of $REPS wall times in seconds of each command on the sample photograph.
# Environment: BUILD (build folder), REPS (5), PARTS ("library processes"), MODELS (weights files), THREADS ("1 2").
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${BUILD:-build} reps=${REPS:-5} parts=${PARTS:-library processes} threads=${THREADS:-"1 2"}
models=${MODELS:-$(ls models/weights/*.licw)}
picture=tests/data/kodim23.png
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

printf '{"commit": "%s", "cpu": "%s", "cores": %s}\n' "$(git rev-parse --short HEAD 2>/dev/null || echo none)" \
    "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)"

# The library reads pictures; a decoded one at the highest quality is as good to time as any.
library() {
    local first=${models%%$'\n'*} model t backend
    ${CC:-cc} -std=c11 -O2 -D_POSIX_C_SOURCE=200809L -I. tests/bench/bench_codec.c "$build/liblic.a" -lz -ldl -pthread \
        -o "$work/bench_codec"
    "$build/lic" encode --quiet --model "$first" -q 100 "$picture" -o "$work/k.lic"
    "$build/lic" decode --quiet --model "$first" "$work/k.lic" -o "$work/k.ppm"

    for model in $models; do
        for t in $threads; do
            for backend in strict openblas; do
                "$work/bench_codec" "$model" "$work/k.ppm" 1 50 "$t" auto "$backend" "$reps"
            done
            "$work/bench_codec" "$model" "$work/k.ppm" 5 50 "$t" auto strict 1 # 9.8 MP
        done
    done
}

# Commands that take turns, so that what else the machine does meets all of them alike.
names=() commands=() bytes=()

# process NAME COMMAND...: runs it once, and then with the others
process() {
    local name=$1
    shift
    rm -f "$work/w"
    "$@" >"$work/out" 2>&1 || { printf '{"process": "%s", "error": true}\n' "$name"; return; }
    names+=("$name") commands+=("$(printf '%q ' "$@")") bytes+=("$(stat -c %s "$work/w" 2>/dev/null || echo 0)")
}

# take_turns: the median wall time of each process
take_turns() {
    local turn i start end
    for ((turn = 0; turn < reps; turn++)); do
        for i in "${!commands[@]}"; do
            start=$(date +%s%N)
            eval "${commands[i]}" >"$work/out" 2>&1
            end=$(date +%s%N)
            echo $(((end - start) / 1000)) >>"$work/times.$i"
        done
    done
    for i in "${!names[@]}"; do
        sort -n "$work/times.$i" | awk -v n="${names[i]}" -v b="${bytes[i]}" \
            '{v[NR] = $1} END {printf "{\"process\": \"%s\", \"seconds\": %.4f, \"bytes\": %d}\n", n, v[int((NR + 1) / 2)] / 1e6, b}'
    done
}

processes() {
    local model name t
    for model in $models; do
        name=$(basename "$model" .licw)
        for t in $threads; do
            process "lic encode $name -T $t" "$build/lic" encode -f --quiet --model "$model" -q 50 -T "$t" "$picture" -o "$work/w"
            mv "$work/w" "$work/$name.lic"
            process "lic decode $name -T $t" "$build/lic" decode -f --quiet --model "$model" -T "$t" "$work/$name.lic" -o "$work/w.png"
        done
        process "lic decode $name --scale 1/16" "$build/lic" decode -f --quiet --model "$model" --scale 1/16 "$work/$name.lic" -o "$work/w.png"
    done
    if command -v avifenc >/dev/null; then
        process "avifenc -s 6 -j 2" avifenc -s 6 -j 2 --min 0 --max 63 -a end-usage=q -a cq-level=32 "$picture" "$work/w"
        mv "$work/w" "$work/w.avif"
        process "avifdec -j 2" avifdec -j 2 "$work/w.avif" "$work/w.png"
    fi
    if command -v cjxl >/dev/null; then
        process "cjxl -e 7" cjxl -e 7 -d 2.5 "$picture" "$work/w"
        mv "$work/w" "$work/w.jxl"
        process "djxl" djxl "$work/w.jxl" "$work/w.png"
    fi
    if command -v cwebp >/dev/null; then
        process "cwebp -m 6" cwebp -quiet -m 6 -q 75 "$picture" -o "$work/w"
        mv "$work/w" "$work/w.webp"
        process "dwebp" dwebp -quiet "$work/w.webp" -o "$work/w.png"
    fi
    take_turns
}

for part in $parts; do $part; done
