#!/usr/bin/env bash
# Runs every test there is and adds up what they say: the programs in $BUILD/tests (from tests/unit,
# tests/parity, tests/golden, tests/cli, tests/fuzz), tests/{cli,golden,parity,python}/*.sh, tests/cli/check_*.py,
# tests/train/test_*.py and tests/reference/test_*.py. A program or shell script ends with the line "N passed, N failed"
# (", N skipped" may follow); a Python script counts as one test, which its exit status decides and a
# line "skip: why" skips. A test that crashes, hangs or says nothing counts as failed. The last line printed here is the sum; exit 1 if anything failed.
#
#   BUILD=folder         where `make` built, default build
#   JOBS=n               tests at a time, default one for each core
#   TEST_TIMEOUT=secs    for one test, default 300
#   FULL=1               the slow ones as well, as `make check-full` does
#   tests/run.sh WORD... only tests whose names contain one of the words
set -u
export LC_ALL=C
cd "$(dirname "$0")/.." || exit 1
build=${BUILD:-build}
case $build in /*) ;; *) build=$PWD/$build ;; esac
export BUILD=$build LIC=$build/lic
logs=$build/test-logs
rm -rf "$logs"
mkdir -p "$logs" || exit 1
# Nothing of the caller's surroundings may change the outcome.
unset LIC_MODEL_DIR LIC_THREADS LIC_CPU

# Weights are found from the place of build/lic; of builds elsewhere they are not.
case $build in "$PWD"/build) ;; *) export LIC_MODEL_DIR=$PWD/models/weights ;; esac
# Some tests want numpy or torch; take the system's Python if only that one has them.
python=${PYTHON:-python3}
if ! $python -c 'import numpy' 2>/dev/null && /usr/bin/python3 -c 'import numpy' 2>/dev/null; then
    python=/usr/bin/python3
fi

jobs=${JOBS:-$(nproc 2>/dev/null || echo 1)}
# A minute each on two cores: whole training runs, small as they are. Named, they run in any case.
slow='train_test_distil train_test_inherit'
passed=0 failed=0 skipped=0

wanted() { # NAME WORD...
    local name=$1 word
    shift
    if [ $# -eq 0 ]; then
        [ -n "${FULL:-}" ] || [[ " $slow " != *" $name "* ]]
        return
    fi
    for word; do case $name in *"$word"*) return 0 ;; esac; done
    return 1
}

counts() { # LOG EXIT -> sets p f s from the last line; a silent or dead test is one failure
    local line
    line=$(grep -v '^[[:space:]]*$' "$1" | tail -n 1)
    p=0 f=1 s=0
    if [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed(,\ ([0-9]+)\ skipped)?$ ]]; then
        p=${BASH_REMATCH[1]} f=${BASH_REMATCH[2]} s=${BASH_REMATCH[4]:-0}
        [ "$2" -ne 0 ] && [ "$f" -eq 0 ] && f=1
    else
        echo "(no count as the last line, exit status $2)" >>"$1"
    fi
}

counts_python() { # LOG EXIT
    p=0 f=0 s=0
    if [ "$2" -ne 0 ]; then f=1; elif grep -q '^skip:' "$1"; then s=1; else p=1; fi
}

run_test() { # KIND NAME COMMAND...: says how it went, and leaves the counts for the sum
    local kind=$1 name=$2 log=$logs/$2.log start status word
    shift 2
    echo "0 1 0" >"$logs/$name.count" # until it has said otherwise
    start=${EPOCHREALTIME/./}
    timeout -k 10 "${TEST_TIMEOUT:-300}" "$@" >"$log" 2>&1 </dev/null
    status=$?
    if [ "$kind" = python ]; then counts_python "$log" $status; else counts "$log" $status; fi
    echo "$p $f $s" >"$logs/$name.count"
    word=ok
    [ "$f" -gt 0 ] && word=FAIL
    {
        printf '%-5s%-32s %5d passed, %d failed, %d skipped, %d ms\n' $word "$name" "$p" "$f" "$s" \
            $(((${EPOCHREALTIME/./} - start) / 1000))
        if [ "$f" -gt 0 ]; then tail -n 40 "$log" | sed 's/^/     | /'; fi
        if [ "$s" -gt 0 ]; then grep '^skip:' "$log" | sed 's/^/     | /'; fi
    } >"$logs/$name.said"
    cat "$logs/$name.said" # in one piece: others speak as well
}

start_test() { # KIND NAME COMMAND...
    while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n; done
    run_test "$@" &
}

# The long ones first, so that the short ones fill up what is left.
for script in tests/cli/check_*.py tests/train/test_*.py tests/reference/test_*.py; do
    [ -f "$script" ] || continue
    name=${script#tests/} name=${name%.py} name=${name/\//_}
    wanted "$name" "$@" || continue
    if command -v "$python" >/dev/null; then
        start_test python "$name" "$python" "$script"
    else
        echo "skip $name: python3 is not here"
        skipped=$((skipped + 1))
    fi
done
for source in tests/unit/*.c tests/parity/*.c tests/golden/*.c tests/cli/*.c tests/fuzz/*.c; do
    [ -f "$source" ] || continue
    name=${source#tests/} name=${name%.c} name=${name/\//_}
    wanted "$name" "$@" && start_test program "$name" "$build/tests/$name"
done
for script in tests/cli/*.sh tests/golden/*.sh tests/parity/*.sh tests/python/*.sh; do
    [ -f "$script" ] || continue
    name=${script#tests/} name=${name%.sh} name=${name/\//_}
    wanted "$name" "$@" && start_test program "$name" bash "$script"
done
wait
for count in "$logs"/*.count; do
    [ -f "$count" ] || continue
    read -r p f s <"$count"
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done
[ $((passed + failed)) -eq 0 ] && { echo "no test ran"; failed=1; }
[ $skipped -gt 0 ] && echo "$skipped skipped, for the reasons above"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
