#!/usr/bin/env bash
# Other machines: builds library and tests for AArch64 and runs them in an emulator; runs the native
# ones on an emulated x86-64 without AVX and FMA, where the software fma serves. Parity, golden layers
# and hashes must come out as here; with real weights, if they are there, each machine must write the
# same files as this one and decode the others' to the same samples.
#
# Wants qemu-user, gcc-aarch64-linux-gnu and libc6-dev-arm64-cross (Debian names), installed when that may
# be done; zlib for AArch64 is unpacked below the build folder. What cannot be had is skipped and said so. The last line
# is "N passed, N failed, N skipped".
#
#   BUILD=folder   default build; this takes folder/cross-*
set -u
export LC_ALL=C
cd "$(dirname "$0")/.." || exit 1
build=${BUILD:-build}
jobs=-j$(nproc)
passed=0 failed=0 skipped=0
programs=(parity_test_{gemm,bytes,planes,depthwise,attention,elementwise,special,soft_fma}
    golden_test_{layers,slices,encoder,integers,hashes,exact_hashes}
    unit_test_{cpu,nn,pool,arena,codec_threads,range_coder,checkerboard,lossless,lossless_files})

.ci/setup.sh qemu-user gcc-aarch64-linux-gnu libc6-dev-arm64-cross || true
unset LIC_CPU LIC_MODEL_DIR LIC_THREADS

skip() {
    echo "skip: $*"
    skipped=$((skipped + 1))
}

check() { # NAME COMMAND...: counts the exit status, shows what a failed command said
    local name=$1 start=$SECONDS
    shift
    if "$@" >"$build/cross.log" 2>&1; then
        echo "ok   $name, $((SECONDS - start)) s"
        passed=$((passed + 1))
    else
        echo "FAIL $name"
        tail -n 20 "$build/cross.log" | sed 's/^/     | /'
        failed=$((failed + 1))
    fi
}

make_for() { # FOLDER MAKE-VARIABLE...: programs and cross_hash
    local folder=$1
    shift
    make -s "$jobs" --no-print-directory BUILD="$folder" BLAS=none "$@" \
        "${programs[@]/#/$folder/tests/}" "$folder/tests/cross_hash" >/dev/null
}

# A static zlib for AArch64, from the distribution's own archive, without touching the system.
fetch_zlib() { # FOLDER
    [ -f "$1/usr/lib/aarch64-linux-gnu/libz.a" ] && return 0
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return 1
    mkdir -p "$1/lists/partial" "$1/cache/archives/partial" || return 1
    local folder options
    folder=$(cd "$1" && pwd)
    options=(-qq -o APT::Architectures::="$(dpkg --print-architecture)" -o APT::Architectures::=arm64
        -o Dir::State::Lists="$folder/lists" -o Dir::Cache="$folder/cache"
        -o APT::Sandbox::User=root)
    (cd "$folder" && apt-get "${options[@]}" update && apt-get "${options[@]}" download zlib1g-dev:arm64 &&
        dpkg-deb -x zlib1g-dev_*_arm64.deb .) >/dev/null 2>&1
    [ -f "$1/usr/lib/aarch64-linux-gnu/libz.a" ]
}

run_all() { # NAME FOLDER EMULATOR...
    local name=$1 folder=$2 program
    shift 2
    for program in "${programs[@]}"; do
        check "$name $program" "$@" "$folder/tests/$program"
    done
}

# The native machine's hashes are the list; the emulated one's must be the same, and both must decode
# the other's files.
real_weights() { # WEIGHTS NAME FOLDER EMULATOR...
    local weights=$1 name=$2 folder=$3 ppm=tests/data/progressive.jpg.ref.ppm
    local here=$build/cross-native/tests/cross_hash out=$build/cross-out
    shift 3
    if [ ! -f "$weights" ]; then
        skip "$name: no $weights"
        return
    fi
    mkdir -p "$out"
    check "native files of $weights" \
        bash -c '"$1" "$2" encode "$3" "$4/native" >"$4/native.txt"' - "$here" "$weights" "$ppm" "$out"
    check "$name files of $weights" \
        bash -c 'w=$1 p=$2 o=$3 n=$4; shift 4
            "$@" "$w" encode "$p" "$o/$n" >"$o/$n.txt" && cat "$o/$n.txt" && cmp "$o/$n.txt" "$o/native.txt" &&
            for q in 15 85; do cmp "$o/$n-$q.lic" "$o/native-$q.lic" || exit 1; done' \
        - "$weights" "$ppm" "$out" "$name" "$@" "$folder/tests/cross_hash"
    check "$name decodes native files of $weights" \
        bash -c 'w=$1 o=$2 h=$3; shift 3
            cmp <("$@" "$w" decode "$o"/native-*.lic) <("$h" "$w" decode "$o"/native-*.lic)' \
        - "$weights" "$out" "$here" "$@" "$folder/tests/cross_hash"
}

mkdir -p "$build"
if ! make_for "$build/cross-native" CFLAGS=-DLIC_TEST_QUICK; then
    echo "the native build failed"
    failed=$((failed + 1))
elif [ "$(uname -m)" != x86_64 ] || ! command -v qemu-x86_64 >/dev/null; then
    skip "x86-64 without FMA: no x86-64 machine with qemu-x86_64"
else
    nehalem=(qemu-x86_64 -cpu Nehalem)
    run_all no-fma "$build/cross-native" "${nehalem[@]}"
    real_weights models/weights/student.licw no-fma "$build/cross-native" "${nehalem[@]}"
fi

arm=$build/cross-aarch64
if ! command -v aarch64-linux-gnu-gcc >/dev/null || ! command -v qemu-aarch64 >/dev/null; then
    skip "AArch64: no aarch64-linux-gnu-gcc or no qemu-aarch64"
elif ! fetch_zlib "$build/cross-zlib"; then
    skip "AArch64: no zlib for it"
elif ! make_for "$arm" CC=aarch64-linux-gnu-gcc \
    CFLAGS="-DLIC_TEST_QUICK -I$build/cross-zlib/usr/include" \
    LDFLAGS="-static -L$build/cross-zlib/usr/lib/aarch64-linux-gnu"; then
    echo "the AArch64 build failed"
    failed=$((failed + 1))
else
    run_all aarch64 "$arm" qemu-aarch64
    for weights in models/weights/{student,teacher}.licw; do
        real_weights "$weights" aarch64 "$arm" qemu-aarch64
    done
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
