#!/usr/bin/env bash
# A collection that is interrupted, again and again, and goes on with -n: whole files only, none lost, none
# coded twice, and the same bytes as without interruption. Also: several programs on one output.
source "$(dirname "$0")/common.bash"
cd "$T" || exit 1
mkdir -p in/a in/b
n=64
for ((i = 0; i < n; i++)); do
    { printf 'P5\n96 80\n255\n'; head -c 7680 /dev/urandom; } >"in/$([ $((i % 2)) -eq 0 ] && echo a || echo b)/$i.pgm"
done
run "$LIC" encode -r in --output-dir whole -q 20
expect "without interruption" 0 "$n encoded"

count() { # how many outputs there are
    find made -name '[!.]*.lic' 2>/dev/null | wc -l
}
start=0
for signal in INT TERM HUP USR1 KILL; do
    # bash lets what it starts in the background ignore SIGINT, unless job control is on.
    set -m
    "$LIC" encode -rn in --output-dir made -q 20 -T 3 --json="lines.$start.$signal" >out 2>err </dev/null &
    pid=$!
    set +m
    before=$(count)
    while [ "$(count)" -lt $((before + 4)) ] && kill -0 $pid 2>/dev/null; do :; done
    kill -$signal $pid 2>/dev/null
    wait $pid 2>/dev/null
    rc=$?
    case $signal:$rc in
    KILL:137) ok killed ;; # nobody could tidy up
    KILL:* | *:0) bad "SIG$signal: exit $rc, after $(count) files" ;;
    *) expect "SIG$signal" 130 ;;
    esac
    [ $signal = KILL ] || holds "SIG$signal: no temporary files" no_strays made
    holds "SIG$signal: some are there, not all" test "$(count)" -ge $((before + 4)) -a "$(count)" -lt $n
    holds "SIG$signal: whole lines of JSON" test -z "$(grep -v '^{.*}$' "lines.$start.$signal")"
    start=$((start + 1))
done
# What SIGKILL leaves behind, for certain: half a file at the output's side, and one among the inputs.
head -c 100 whole/a/0.lic >made/a/.0.lic.k3VbQz
head -c 100 whole/a/0.lic >in/a/.0.lic.Zz09aA
cp in/a/0.pgm in/a/.0.pgm.k3VbQz
leftovers=$(find made in -name '.*' -type f | LC_ALL=C sort | xargs cksum)
there=$(count) right=0 # how many are there depends on the machine; each has to be whole
for file in $(find made -name '[!.]*.lic'); do
    cmp "$file" "whole/${file#made/}" 2>"$T/err" && right=$((right + 1))
done
holds "$right of $there are as they should be" test "$right" -gt 0 -a "$right" -eq "$there"
run "$LIC" encode -rn in --output-dir made -q 20 --json=lines.last
expect "the rest, leftovers or not" 0 "$((n - there)) encoded, $there skipped"
holds "everything is there" diff -r -x '.*' whole made
run "$LIC" decode -r made --output-dir back --quiet
expect "leftovers are no inputs" 0
holds "a picture for each, and no more" test "$(find back -type f | wc -l)" = $n
run "$LIC" encode -f in/a/0.pgm -q 20 -o made/a/0.lic
expect "the output beside its own leftover" 0
holds "leftovers are as they were" test "$leftovers" = "$(find made in -name '.*' -type f | LC_ALL=C sort | xargs cksum)"
holds "the man page tells how to be rid of them" find made in -name '.*.lic.??????' -delete
holds "which are all but pictures'" test "$(find made in -name '.*' -type f)" = in/a/.0.pgm.k3VbQz
rm in/a/.0.pgm.k3VbQz
holds "a line for each" test "$(wc -l <lines.last)" = $n
holds "none was coded twice" test -z "$(grep -h '"status": "LIC_OK"' lines.* | grep -o '"output": "[^"]*"' | sort | uniq -d)"

# ---- several programs, one output: the first one wins ----
for i in 1 2 3 4; do
    "$LIC" encode in/a/0.pgm -q $((20 * i)) -o race.lic --json="race.$i" >/dev/null 2>&1 </dev/null &
done
wait
holds "one of four has written" test "$(grep -l LIC_OK race.[1-4] | wc -l)" = 1
holds "the others were told" test "$(grep -l LIC_ERR_EXISTS race.[1-4] | wc -l)" = 3
quality=$(number "$(grep -l LIC_OK race.[1-4])" quality)
run "$LIC" encode in/a/0.pgm -q "$quality" -o winner.lic
holds "it is the winner's" cmp race.lic winner.lic
holds "no temporary files" no_strays .
finish
