#!/usr/bin/env bash
# Places that cannot be written to, from the start or later: a read-only file system, a folder without rights, a disk
# that fills up, a pipe whose reader has gone. Clear messages, no half files, no stray files.
source "$(dirname "$0")/common.bash"
cd "$T" || exit 1
cp "$DATA/waves-200x168.png" w.png
run "$LIC" encode --quiet w.png w.lic
expect "a file" 0
run "$LIC" decode --quiet w.lic w.ppm
expect "its picture" 0
mkdir disk
export LIC

# ---- a file system of its own, where one may be mounted ----
if [ "$(id -u)" -eq 0 ] && unshare -m mount -t tmpfs -o size=64k none disk 2>/dev/null; then
    mounted() { # OPTIONS SCRIPT: the script runs with the file system at disk/ and says what is left there
        run unshare -m bash -c "mount -t tmpfs -o $1 none disk && { $2; rc=\$?; find disk -type f -size +0 | sort; exit \$rc; }"
    }
    for command in "decode --format png w.lic" "decode --format ppm w.lic"; do
        mounted size=16k "\"\$LIC\" $command -o disk/out.x"
        expect "full disk: $command" 1 'cannot write.*No space left'
        holds "nothing left of it: $command" test ! -s "$T/out"
    done
    mounted size=4k '"$LIC" encode -q 100 w.png -o disk/w.lic'
    expect "full disk: encode" 1 'cannot write.*No space left'
    holds "nothing left of it: encode" test ! -s "$T/out"
    mounted size=64k 'mkdir disk/in disk/made && cp w.lic disk/in/a.lic && cp w.lic disk/in/b.lic &&
        "$LIC" decode -r disk/in --output-dir disk/made'
    expect "full disk: many" 1 'No space left'
    mounted size=1m 'cp w.png disk && mount -o remount,ro disk && "$LIC" encode disk/w.png'
    expect "read-only file system" 1 'cannot write.*Read-only file system'
    holds "the input is still there" grep -qx disk/w.png "$T/out"
else
    skip "no file system can be mounted here"
fi

# ---- a folder without rights; root has them all ----
as_user=()
if [ "$(id -u)" -eq 0 ]; then as_user=(setpriv --reuid=65534 --regid=65534 --clear-groups); fi
mkdir closed
cp w.png closed
chmod 755 "$T" && chmod 555 closed && chmod 644 w.png w.lic closed/w.png
if "${as_user[@]}" test -x "$LIC" -a -r "$LIC" 2>/dev/null; then
    run "${as_user[@]}" env LIC_MODEL_DIR="$ROOT/models/weights" "$LIC" encode closed/w.png
    expect "a folder without rights" 1 'closed/w.lic\|cannot write.*Permission denied'
    holds "nothing was written there" test "$(ls -A closed)" = w.png
    run "${as_user[@]}" env LIC_MODEL_DIR="$ROOT/models/weights" "$LIC" encode -r closed --output-dir closed/made
    expect "no folder can be made there" 1 'Permission denied'
    chmod 755 closed # or the end of the test cannot remove it, unless root runs it
else
    skip "the program cannot be run as another user here"
fi

# ---- a pipe that closes early ----
{ printf 'P6\n900 600\n255\n'; head -c 1620000 /dev/urandom; } >noise.ppm
run "$LIC" encode --quiet -q 30 noise.ppm n.lic
expect "a larger picture" 0
{ "$LIC" decode --quiet --format ppm n.lic -c 2>"$T/err"; echo $? >"$T/status"; } | head -c 20 >/dev/null
rc=$(cat "$T/status")
# By the signal, as programs in pipes end, or with a message where the signal is ignored.
holds "a reader that has gone ends the program" test "$rc" = 141 -o "$rc" = 1
(trap '' PIPE; "$LIC" decode --quiet --format ppm n.lic -c 2>"$T/err"; echo $? >"$T/status") | head -c 20 >/dev/null
rc=$(cat "$T/status")
expect "a reader that has gone, the signal ignored" 1 'cannot write.*Broken pipe'
holds "no temporary files" no_strays .
finish
