#!/usr/bin/env bash
# sizes.sh - how time and memory grow with the picture: mosaics of the sample photograph from 0.4 to 100 MP through rows,
# with 1 and 2 threads, as a table in Markdown on standard output.
# Environment: BUILD (build folder), MODEL (weights file), QUALITY (50), REPEATS (of sizes up to 12 MP; 3), SIZES; PIN=1 puts each
# thread on a core of its own, as an idle machine does by itself and a busy one does not.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${BUILD:-build} model=${MODEL:-models/weights/student.licw} quality=${QUALITY:-50} repeats=${REPEATS:-3}
sizes=${SIZES:-"768x512 1024x1024 4000x3000 6000x4000 10000x10000"}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

${CC:-cc} -std=c11 -O2 -D_POSIX_C_SOURCE=200809L -I. tests/bench/bench_rows.c "$build/liblic.a" -lz -ldl -pthread -o "$work/bench_rows"
"$build/lic" encode --quiet --model "$model" -q 100 tests/data/kodim23.png -o "$work/k.lic"
"$build/lic" decode --quiet --model "$model" "$work/k.lic" -o "$work/k.ppm"

measure() { # WHAT SIZE THREADS REPEATS
    "$work/bench_rows" "$1" "$model" "$work/k.ppm" "${2%x*}" "${2#*x}" "$3" "$quality" "$work/a.lic" "$4" >"$work/line" &
    local process=$! core=0 thread
    if [ "${PIN:-0}" = 1 ]; then
        sleep 0.2 # until it has opened the model and started its threads
        for thread in /proc/$process/task/*; do
            taskset -cp $((core++ % $(nproc))) "${thread##*/}" >/dev/null
        done
    fi
    wait $process
    cat "$work/line"
}

for size in $sizes; do
    n=$repeats
    ((${size%x*} * ${size#*x} > 12000000)) && n=1
    for threads in 1 2; do
        for what in encode decode; do
            measure $what "$size" $threads "$n" | tee -a "$work/lines" >&2
        done
    done
done

value() { # LINE KEY
    sed -n "s/.*\"$2\": \"\{0,1\}\([^,}\"]*\).*/\1/p" <<<"$1"
}
echo "| size | MP | threads | | seconds | CPU s | MP/s | us of CPU per pixel | planned MB | peak MB |"
echo "|---|---|---|---|---|---|---|---|---|---|"
while read -r line; do
    awk -v w="$(value "$line" width)" -v h="$(value "$line" height)" -v t="$(value "$line" threads)" -v what="$(value "$line" what)" \
        -v s="$(value "$line" seconds)" -v c="$(value "$line" cpu)" -v p="$(value "$line" planned_bytes)" -v m="$(value "$line" peak_bytes)" \
        'BEGIN { mp = w * h / 1e6; printf "| %dx%d | %.1f | %d | %s | %.2f | %.2f | %.2f | %.3f | %.0f | %.0f |\n",
                 w, h, mp, t, what, s, c, mp / s, c / mp, p / 1e6, m / 1e6 }'
done <"$work/lines"
