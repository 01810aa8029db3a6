#!/usr/bin/env bash
# run.sh - `make bench`: the library alone, one JSON line per case (bench_codec: stages, MP/s, GFLOP/s against the
# ceiling of the GEMM kernel in the same run). speed.py times whole processes.
# Environment: BUILD (build folder), REPS (5), MODELS (weights files), THREADS ("1 2").
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${BUILD:-build} reps=${REPS:-5} threads=${THREADS:-"1 2"}
models=${MODELS:-$(ls models/weights/*.licw | grep -v previews)}
picture=tests/data/kodim23.png
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

printf '{"commit": "%s", "cpu": "%s", "cores": %s}\n' "$(git rev-parse --short HEAD 2>/dev/null || echo none)" \
    "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)"

first=${models%%$'\n'*}
# The library reads pictures; a decoded one at the highest quality is as good to time as any.
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
