# common.bash - what the command line tests share; to be sourced. Sets T (a folder that goes away), DATA
# and LIC. A check is: run COMMAND..., then expect NAME EXIT-STATUS [PATTERN-IN-STDERR].
set -u
export LC_ALL=C
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
DATA=$ROOT/tests/data
LIC=${LIC:-$ROOT/build/lic}
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
passed=0 failed=0 skipped=0
rc=0

run() { # COMMAND... -> rc, $T/out, $T/err
    "$@" >"$T/out" 2>"$T/err" </dev/null
    rc=$?
}

ok() { # NAME: counts a success
    passed=$((passed + 1))
}

bad() { # NAME DETAIL...: counts a failure and shows what the last command said
    failed=$((failed + 1))
    echo "FAILED $*"
    [ -s "$T/err" ] && sed 's/^/    stderr: /' "$T/err" | head -n 5
}

expect() { # NAME STATUS [PATTERN]
    if [ "$rc" -ne "$2" ]; then
        bad "$1: exit $rc, expected $2"
    elif [ $# -gt 2 ] && ! grep -q -e "$3" "$T/err"; then
        bad "$1: no '$3' in the message"
    else
        ok "$1"
    fi
}

skip() { # REASON: what cannot be tried here; tests/run.sh shows it
    echo "skip: $1"
    skipped=$((skipped + 1))
}

skip_rest() { # REASON: nor can anything that follows
    skip "$1"
    finish
    exit
}

holds() { # NAME COMMAND...: the command succeeds
    local name=$1
    shift
    if "$@" >/dev/null 2>&1; then ok "$name"; else bad "$name: not so: $*"; fi
}

number() { # FILE KEY: the value of a key in a JSON line
    sed -n "s/.*\"$2\": \"\{0,1\}\([^,}\"]*\).*/\1/p" "$1"
}

near() { # A B TOLERANCE
    awk -v a="$1" -v b="$2" -v t="$3" 'BEGIN { d = a - b; exit !(a != "" && d <= t && -d <= t) }'
}

at_least() { # A B
    awk -v a="$1" -v b="$2" 'BEGIN { exit !(a != "" && a + 0 >= b + 0) }'
}

sanitized() { # is the program built with a sanitizer?
    nm "$LIC" 2>/dev/null | grep -qE '__(a|t|m)san_init'
}

no_strays() { # FOLDER: no temporary file is left
    [ -z "$(find "$1" -name '.*.??????' -print -quit)" ]
}

finish() {
    if [ "$skipped" -gt 0 ]; then
        echo "$passed passed, $failed failed, $skipped skipped"
    else
        echo "$passed passed, $failed failed"
    fi
    [ "$failed" -eq 0 ]
}
