#!/usr/bin/env bash
# lic bench: figures for each picture and for all, nothing written, failures do not stop the rest. How fast
# anything is, is not tested.
source "$(dirname "$0")/common.bash"
cd "$T" || exit 1
mkdir in && cp "$DATA/odd-17x33.png" "$DATA/grey-40x30.png" in

run "$LIC" bench --reps 2 -q 30 in/odd-17x33.png
expect "one picture" 0
holds "a line of JSON where no terminal is" test "$(wc -l <out)" = 1
holds "what was asked for" grep -q '"quality": 30.0000, .*"reps": 2' out
holds "both directions" grep -q '"encode": {"ms": [0-9.]*, .*"decode": {"ms": [0-9.]*' out
run "$LIC" encode -q 30 in/odd-17x33.png -o x.lic
run "$LIC" bench --reps 1 -q 30 in/odd-17x33.png
holds "the size of the file that encode writes" test "$(number out bytes)" = "$(stat -c %s x.lic)"
run "$LIC" bench --reps 1 -q 30 --stages in/odd-17x33.png
expect "--stages" 0
holds "the kernel's speed" grep -q '"kernel_gflops": [0-9]*[1-9]' out
holds "the kernel's speed in integers" grep -q '"byte_kernel_gops": [0-9]*[1-9]' out
holds "parts of both directions" grep -q '"encode": {.*"part": "g_a 1/2", "ms": [0-9.]*, "gflops": .*"decode": {.*"part": "g_s 1/2"' out
run "$LIC" bench --reps 1 "$DATA/pngsuite/basn6a08.png"
expect "bench_transparent: a transparent picture is timed" 0
head -c 30 in/grey-40x30.png >in/bad.png
run "$LIC" bench -r in --reps 1 --json=lines
expect "a folder with a damaged picture" 1 'bad.png: '
holds "a line each, and the sum" test "$(wc -l <lines)" = 4
holds "the sum" grep -q '"pictures": 3, "failed": 1, "mp": 0.001761' lines
holds "no output file" test "$(find . -name '*.lic')" = ./x.lic
run "$LIC" bench
expect "no picture" 2 'which pictures'
run "$LIC" bench --reps 0 in/odd-17x33.png
expect "no repetitions" 2 '1 to 100000'
run "$LIC" bench -o x in/odd-17x33.png
expect "no output" 2 'not an option of lic bench'
if script -qec true /dev/null >/dev/null 2>&1 </dev/null; then
    script -qec "'$LIC' bench --reps 1 in/odd-17x33.png" /dev/null >out 2>err </dev/null; rc=$?
    expect "on a terminal" 0
    holds "a table" grep -q 'encode ms' out
else
    skip "no terminal can be made here"
fi

run "$LIC" info --rates
expect "info --rates" 0
holds "the levels" grep -q '^ *11  100.000  0.483911' out
run "$LIC" info --rates --json
holds "as JSON" grep -q '"rates": \[{"level": 0, "quality": 0.0000, "lambda": 0.000659' out
run "$LIC" info --rates x.lic
expect "of a stream: no" 2 'give a .licw file'
finish
