#!/usr/bin/env bash
# What `make check-full` does beyond `make check`:
#   1. everything built with ASan and UBSan (the kernels with ASan at -O1: UBSan takes minutes per file
#      there), and all unit, golden, parity, fuzz replay and program tests run so;
#   2. TSan over the tests that start threads (kernels without: they know no threads);
#   3. MSan over the tests of the library (the program's picture libraries are not built for it);
#   4. one round trip with the tiny network under valgrind, where valgrind is there;
#   5. the training tests that take a minute each, where PyTorch is there.
# FULL_TESTS="unit golden" runs only tests with these words in 1; FULL_STEPS="asan msan" chooses. On two
# cores all of it takes about ten minutes.
set -u
export LC_ALL=C
cd "$(dirname "$0")/.." || exit 1
build=${BUILD:-build}
case $build in /*) ;; *) build=$PWD/$build ;; esac
steps=${FULL_STEPS:-asan tsan msan valgrind train}
make=${MAKE:-make}
failed=0

build_with() { # FOLDER CFLAGS KERNEL_CFLAGS TARGET...
    local folder=$1 flags=$2 kernel=$3
    shift 3
    $make --no-print-directory BUILD="$folder" CC="${FULL_CC:-clang}" CFLAGS="$flags" KERNEL_CFLAGS="$kernel" "$@"
}

step() { # NAME: runs it if it is wanted
    case " $steps " in *" $1 "*) ;; *) return ;; esac
    echo "== $1"
    "$1" || { failed=1; echo "== $1 FAILED"; }
}

asan() {
    build_with "$build/asan" '-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined' \
        '-O1 -fno-sanitize=undefined' all programs || return 1
    # Hostile sizes are asked for on purpose: malloc says no, and the tests want to see what then.
    export ASAN_OPTIONS=allocator_may_return_null=1:detect_leaks=1:strict_string_checks=1
    # shellcheck disable=SC2086
    BUILD=$build/asan TEST_TIMEOUT=1200 tests/run.sh ${FULL_TESTS:-unit parity golden fuzz cli}
}

tsan() {
    local name result=0
    build_with "$build/tsan" '-O1 -g -fsanitize=thread' -fno-sanitize=thread programs || return 1
    for name in unit_test_pool unit_test_codec_threads unit_test_nn unit_test_tiles; do
        [ -x "$build/tsan/tests/$name" ] || continue
        echo "$name: $("$build/tsan/tests/$name" 2>&1 | tee "$build/tsan/$name.log" | tail -n 1)"
        if grep -q 'WARNING: ThreadSanitizer' "$build/tsan/$name.log" || ! grep -q ' 0 failed' "$build/tsan/$name.log"; then
            grep -A 20 'WARNING: ThreadSanitizer\|FAILED' "$build/tsan/$name.log" | head -n 40
            result=1
        fi
    done
    return $result
}

msan() {
    local flags='-O1 -g -fsanitize=memory -fsanitize-memory-track-origins' name log result=0 cc=${FULL_CC:-clang}
    if ! echo 'int main(void) { return 0; }' | $cc -fsanitize=memory -x c - -o /dev/null 2>/dev/null; then
        echo "skip: $cc has no MSan here"
        return 0
    fi
    mkdir -p "$build/msan" || return 1
    $cc -O1 -c -o "$build/msan/zlib.o" tests/msan_zlib.c &&
        LDFLAGS="-Wl,--wrap=inflate,--wrap=deflate $build/msan/zlib.o" \
            build_with "$build/msan" "$flags" -O1 programs || return 1
    for name in "$build"/msan/tests/{unit,parity,golden,fuzz_fuzz_{curve,decode,encode,range,weights}}*; do
        log=$build/msan/${name##*/}.log
        if ! "$name" >"$log" 2>&1; then
            result=1
            grep -A 20 'WARNING: MemorySanitizer\|FAILED\|failed:' "$log" | head -n 40
        fi
        echo "${name##*/}: $(tail -n 1 "$log")"
    done
    return $result
}

valgrind() {
    local work=$build/valgrind lic=$build/lic run
    if ! command -v valgrind >/dev/null; then
        echo "skip: valgrind is not here"
        return 0
    fi
    mkdir -p "$work" || return 1
    # The thread that waits for signals lives to the end: its stack is "possibly lost", and no error.
    run="command valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite"
    LIC_CPU=avx2 $run "$lic" encode --quiet -f --model tests/golden/tiny.licw -T 2 tests/data/odd-17x33.png -o "$work/a.lic" &&
        LIC_CPU=avx2 $run "$lic" decode --quiet -f --model tests/golden/tiny.licw -T 2 "$work/a.lic" -o "$work/a.png" &&
        "$lic" decode --quiet -f --model tests/golden/tiny.licw "$work/a.lic" -o "$work/b.png" &&
        cmp "$work/a.png" "$work/b.png" && echo "round trip clean"
}

train() {
    BUILD=$build tests/run.sh train_test_distil train_test_inherit
}

step asan
step tsan
step msan
step valgrind
step train
exit $failed
