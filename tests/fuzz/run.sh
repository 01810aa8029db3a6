#!/usr/bin/env bash
# Runs libFuzzer over the targets of this folder, one after the other:  run.sh SECONDS [NAME...]
# Builds them with clang, ASan and UBSan (kernels with ASan alone) under $BUILD/fuzz; seeds are made
# from the files of tests/data and tests/golden, and what a run finds is kept in $BUILD/fuzz/found for the
# next. One line per target; exit 1 if any crashed, hung, leaked, or took an input too much memory. The
# input then lies in $BUILD/fuzz/artifacts: reduce it, fix the fault, keep it in corpus/NAME.
set -u
export LC_ALL=C
cd "$(dirname "$0")/../.." || exit 1
seconds=$1
shift
build=${BUILD:-build}
fuzz=$build/fuzz
clang=${FUZZ_CC:-clang}
if ! echo 'int LLVMFuzzerTestOneInput(const unsigned char *d, unsigned long n) { return d && n > 9; }' |
    $clang -fsanitize=fuzzer,address,undefined -x c - -o /dev/null 2>/dev/null; then
    echo "skip: make fuzz needs clang with libFuzzer (Debian: clang, libclang-rt-dev); FUZZ_CC=clang-14 names it"
    exit 0
fi
names=("$@")
if [ $# -eq 0 ]; then
    for source in tests/fuzz/fuzz_*.c; do
        name=${source##*/fuzz_}
        names+=("${name%.c}")
    done
fi
mkdir -p "$fuzz/artifacts" || exit 1
fuzz=$(cd "$fuzz" && pwd) build=$(cd "$build" && pwd)
programs=()
for name in "${names[@]}"; do programs+=("$fuzz/tests/fuzz_fuzz_$name"); done
log=$fuzz/build.log
if ! ${MAKE:-make} --no-print-directory BUILD="$fuzz" CC="$clang" \
    CFLAGS='-O1 -g -DLIC_FUZZER -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=undefined' \
    KERNEL_CFLAGS='-O2 -fno-sanitize=undefined,fuzzer-no-link' LDFLAGS=-fsanitize=fuzzer \
    "${programs[@]}" >"$log" 2>&1; then
    tail -n 20 "$log"
    exit 1
fi

# ---- seeds ---------------------------------------------------------------------------------------

seeds() { # NAME -> files in $fuzz/seeds/NAME, of at most 8 kB
    local to=$fuzz/seeds/$1 picture
    rm -rf "$to"
    mkdir -p "$to" "$fuzz/found/$1"
    find "tests/fuzz/corpus/$1" -type f -exec cp -t "$to" {} + 2>/dev/null
    case $1 in
    png) find tests/data -name '*.png' -size -17 -exec cp -t "$to" {} \; ;;
    jpeg) find tests/data -name '*.jpg' -size -17 -exec cp -t "$to" {} \; ;;
    ppm) find tests/data -name '*.ppm' -size -17 -exec cp -t "$to" {} + &&
        printf 'P3\n# text\n2 1 9\n1 2 3 4 5 9\n' >"$to/text.ppm" &&
        printf 'P5 2 2 65535 12345678' >"$to/wide.pgm" ;;
    container | decode)
        cp tests/golden/v*.lic "$to" # of every version, with loss and without
        for picture in grey-40x30 one-1x1 meta grey16-24x20 odd-17x33 pngsuite/basn6a08 pngsuite/basn4a16 \
            pngsuite/tp0n3p08; do
            "$build/lic" encode --quiet --model tests/golden/tiny.licw -f "tests/data/$picture.png" \
                -o "$to/${picture#*/}.lic" || echo "no seed from $picture.png"
        done ;;
    encode) # 60x40 RGB, with loss, nearly without, and as the encoder chooses; 70x70 grey of 16 bits in four tiles, with a chunk
        printf '\73\47\30\0\0\62\0\0\0\0\0\0\0abcd\0' | cat - tests/data/kodim23.png | head -c 4000 >"$to/rgb"
        printf '\73\47\120\11\0\0\62\0\0\0\0\0\0abcd\0' | cat - tests/data/kodim23.png | head -c 4000 >"$to/near"
        printf '\73\47\220\0\0\0\62\0\0\0\0\0\0abcd\0' | cat - tests/data/kodim23.png | head -c 4000 >"$to/chooses"
        printf '\105\105\73\1\0\120\0\0\0\0\0\0\0iccp\12' | cat - tests/data/meta.jpg >"$to/grey16" ;;
    curve) find tests/bench/peers/published -name '*.json' -size -17 -exec cp -t "$to" {} +
        printf 'name;bpp;psnr\n\n"x";0.1;28\nx;0.3;31.5\nx;.6;34\nx;1e0;37\n' >"$to/points.csv"
        printf '{"name": "\\u00e4\\n", "results": {"bpp": [0.1, 0.2, 0.4, 0.8], "psnr-rgb": [28, 30, 33, 36.5]}}' >"$to/curve.json" ;;
    many) ;; # those of the corpus
    weights) printf '\0\1\0\0\4\0\0\0\0\0\0\0\5\7\0\0\0\0\0\0\0\0\0\0' >"$to/patches"
        printf '\306\1\0\0\4\0\0\0\0\0\0\0' >"$to/heads" ;; # in the file of heads for previews
    range) printf '\3\100\0\0\0\20\1\2\3\4\5\6\7\10\11\0\30\377\377\377\377\377\377\377\377' >"$to/short" ;;
    esac
}

# ---- runs ----------------------------------------------------------------------------------------

failed=0
printf '%-10s %12s %8s %8s %12s %9s\n' target inputs crashes hangs slowest/s peak/MB
for name in "${names[@]}"; do
    seeds "$name"
    log=$fuzz/$name.log
    case $name in # long enough for many chunks, texts, markers and tiles
    weights) limit=768 ;;
    range | curve) limit=8192 ;;
    *) limit=65536 ;;
    esac
    # shellcheck disable=SC2086
    "$fuzz/tests/fuzz_fuzz_$name" -max_total_time="$seconds" -max_len=$limit -timeout=20 -rss_limit_mb=1024 \
        -malloc_limit_mb=256 -print_final_stats=1 -artifact_prefix="$fuzz/artifacts/$name-" ${FUZZ_FLAGS:-} \
        "$fuzz/found/$name" "$fuzz/seeds/$name" >"$log" 2>&1
    status=$?
    stat() { sed -n "s/^stat::$1: *//p" "$log" | tail -n 1; }
    hangs=$(grep -c 'ERROR: libFuzzer: timeout' "$log")
    crashes=$((status != 0 && hangs == 0))
    printf '%-10s %12s %8d %8d %12s %9s\n' "$name" "$(stat number_of_executed_units)" $crashes "$hangs" \
        "$(stat slowest_unit_time_sec)" "$(stat peak_rss_mb)"
    if [ $status -ne 0 ]; then
        failed=1
        grep -aE 'ERROR:|SUMMARY:|runtime error|failed:|Test unit written' "$log" | sed 's/^/     | /' | head -n 12
    fi
done
exit $failed
