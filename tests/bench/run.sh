#!/usr/bin/env bash
# run.sh - `make bench`: one JSON line per case. First the library alone (bench_codec: stages, MP/s, GFLOP/s
# against the ceiling of the GEMM kernel in the same run), then whole processes, `lic` beside what else is
# installed: median of $REPS wall times in seconds of each command on the sample photograph.
# Environment: BUILD (build folder), REPS (5), MODELS (weights files), THREADS ("1 2").
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${BUILD:-build} reps=${REPS:-5} threads=${THREADS:-"1 2"}
models=${MODELS:-$(ls models/weights/*.licw)}
picture=tests/data/kodim23.png
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

${CC:-cc} -std=c11 -O2 -D_POSIX_C_SOURCE=200809L -I. tests/bench/bench_codec.c "$build/liblic.a" -lz -ldl -pthread \
    -o "$work/bench_codec"

printf '{"commit": "%s", "cpu": "%s", "cores": %s}\n' "$(git rev-parse --short HEAD 2>/dev/null || echo none)" \
    "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)"

# The library reads pictures; a decoded one at the highest quality is as good to time as any.
first=${models%%$'\n'*}
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

# wall NAME COMMAND...: median wall time of whole runs
wall() {
    local name=$1 i start end
    shift
    "$@" >"$work/out" 2>&1 || { printf '{"process": "%s", "error": true}\n' "$name"; return; }
    for ((i = 0; i < reps; i++)); do
        start=$(date +%s%N)
        "$@" >"$work/out" 2>&1
        end=$(date +%s%N)
        echo $(((end - start) / 1000))
    done | sort -n | awk -v n="$name" -v b="$(stat -c %s "$work/w" 2>/dev/null || echo 0)" \
        '{v[NR] = $1} END {printf "{\"process\": \"%s\", \"seconds\": %.4f, \"bytes\": %d}\n", n, v[int((NR + 1) / 2)] / 1e6, b}'
}

for model in $models; do
    name=$(basename "$model" .licw)
    for t in $threads; do
        rm -f "$work/w"
        wall "lic encode $name -T $t" "$build/lic" encode -f --quiet --model "$model" -q 50 -T "$t" "$picture" -o "$work/w"
        cp "$work/w" "$work/w.lic"
        wall "lic decode $name -T $t" "$build/lic" decode -f --quiet --model "$model" -T "$t" "$work/w.lic" -o "$work/w.png"
    done
done
rm -f "$work/w"
if command -v avifenc >/dev/null; then
    wall "avifenc -s 6 -j 2" avifenc -s 6 -j 2 --min 0 --max 63 -a end-usage=q -a cq-level=32 "$picture" "$work/w"
    mv "$work/w" "$work/w.avif"
    wall "avifdec -j 2" avifdec -j 2 "$work/w.avif" "$work/w.png"
fi
if command -v cjxl >/dev/null; then
    wall "cjxl -e 7" cjxl -e 7 -d 2.5 "$picture" "$work/w"
    mv "$work/w" "$work/w.jxl"
    wall "djxl" djxl "$work/w.jxl" "$work/w.png"
fi
if command -v cwebp >/dev/null; then
    wall "cwebp -m 6" cwebp -quiet -m 6 -q 75 "$picture" -o "$work/w"
    mv "$work/w" "$work/w.webp"
    wall "dwebp" dwebp -quiet "$work/w.webp" -o "$work/w.png"
fi
