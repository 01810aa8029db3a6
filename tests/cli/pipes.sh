#!/usr/bin/env bash
# Standard input and output: the same bytes as with files, data never mixed with messages.
source "$(dirname "$0")/common.bash"
cp "$DATA/odd-17x33.png" "$T/a.png"
cd "$T" || exit 1

run "$LIC" encode a.png a.lic
expect "a file to compare with" 0
"$LIC" encode - - <a.png >b.lic 2>err; rc=$?
expect "encode - -" 0
holds "the same bytes" cmp a.lic b.lic
"$LIC" encode - <a.png >b.lic 2>err; rc=$?
expect "encode - writes to standard output" 0
holds "the same bytes again" cmp a.lic b.lic
"$LIC" encode a.png -c >b.lic 2>err; rc=$?
expect "-c" 0
holds "-c: the same bytes" cmp a.lic b.lic
cat a.png | "$LIC" encode - c.lic 2>err; rc=$?
expect "a pipe, which cannot be measured before" 0
holds "pipe: the same bytes" cmp a.lic c.lic
"$LIC" encode -c --json a.png >b.lic 2>err; rc=$?
expect "JSON beside data" 0
holds "data is clean" cmp a.lic b.lic
holds "JSON is on standard error" grep -q '"command": "encode"' err
"$LIC" encode -c --json=line.json a.png >b.lic 2>err; rc=$?
expect "--json=FILE" 0
holds "JSON is in the file" grep -q '"output": "-"' line.json
holds "and only there" test ! -s err
run "$LIC" decode a.lic a.ppm
expect "decode to a file" 0
"$LIC" decode --format ppm - <a.lic >b.ppm 2>err; rc=$?
expect "decode - " 0
holds "the same picture" cmp a.ppm b.ppm
"$LIC" decode --format png -c a.lic 2>err | "$LIC" eval --json - a.ppm >out 2>>err; rc=$?
expect "eval reads a pipe" 0
holds "the same pixels" grep -q '"psnr": null' out
"$LIC" encode - c2.lic </dev/null 2>err; rc=$?
expect "empty standard input" 1 'standard input: is empty'
head -c 100000 /dev/zero | "$LIC" encode - c2.lic 2>err; rc=$?
expect "zeros on standard input" 1 'standard input: is not a picture'
cat a.png | "$LIC" encode --max-memory 500 - c2.lic 2>err; rc=$?
expect "a pipe that is longer than --max-memory" 1 'standard input: comes through a pipe.*--max-memory=500 bytes'
cat a.lic | "$LIC" decode --max-memory 100 --format ppm - -c 2>err >c2.ppm; rc=$?
expect "the same when decoding" 1 'standard input: comes through a pipe.*--max-memory=100 bytes'
yes | "$LIC" encode --max-memory 100k - c2.lic -f --json=line.json 2>err; rc=$?
expect "a pipe without end" 1 'more than --max-memory=100000 bytes'
holds "its status in JSON" grep -q '"input": "-".*"status": "LIC_ERR_LIMIT"' line.json
"$LIC" encode --max-memory 500M - c3.lic <a.png 2>err; rc=$?
expect "a file on standard input is no pipe" 0
holds "nothing of it is there" test ! -e c2.lic -a ! -s c2.ppm
"$LIC" encode a.png - 2>err >&-; rc=$?
expect "closed standard output" 1 'cannot write'
"$LIC" encode --quiet - c4.lic 2>err <&-; rc=$?
expect "closed standard input" 1 'standard input: cannot read'

# What is said where a stream is closed goes nowhere, least of all into a file that took its number.
mkdir many
for i in 1 2 3 4 5 6 7 8; do cp a.lic many/$i.lic; done
"$LIC" decode --quiet --format png -c a.lic >right.png
for closed in '-vv 2>&-' '-vv <&- 2>&-' '--json >&-' '--json <&- >&-'; do
    rm -rf made
    eval '"$LIC" decode -r many --output-dir made -T 4 2>err >out' "$closed"; rc=$?
    case $closed in --json*) expect "closed: $closed" 1 'cannot write' ;; *) expect "closed: $closed" 0 ;; esac
    right=0
    for file in made/*.png; do cmp -s "$file" right.png && right=$((right + 1)); done
    holds "closed, all that is there is right: $closed" test "$right" -gt 0 -a "$right" -eq "$(find made -type f | wc -l)"
done
holds "no temporary files" no_strays .

# Data never goes to a terminal, and none is read from one.
if script -qec true /dev/null >/dev/null 2>&1 </dev/null; then
    script -qec "'$LIC' encode a.png -c" /dev/null >tty.out 2>&1 </dev/null; rc=$?
    cp tty.out err
    expect "no data to a terminal" 2 'terminal'
else
    skip "no terminal can be made here"
fi
finish
