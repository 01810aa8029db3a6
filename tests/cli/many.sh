#!/usr/bin/env bash
# Many inputs in one call: which word is an output, folders, lists, shards, failures in the middle, and
# that threads and memory limits change no byte.
source "$(dirname "$0")/common.bash"
cd "$T" || exit 1
mkdir -p in/sub/deep in/.hidden
cp "$DATA/odd-17x33.png" in/a.png
cp "$DATA/grey-40x30.png" in/b.png
cp "$DATA/progressive.jpg" in/sub/c.jpg
cp "$DATA/one-1x1.png" in/sub/deep/d.png
cp "$DATA/one-1x1.png" in/.hidden/no.png
echo text >in/notes.txt
for name in a b sub/c sub/deep/d; do
    mkdir -p single
    run "$LIC" encode -T 1 in/"$name".* -o "single/${name##*/}.lic"
    expect "$name alone" 0
done

# ---- which of two names is the output ----
run "$LIC" encode in/a.png in/b.png
expect "two pictures" 0
holds "two pictures, two files" test -s in/a.lic -a -s in/b.lic
holds "the second is untouched" cmp in/b.png "$DATA/grey-40x30.png"
rm in/*.lic
cp in/b.png picture
run "$LIC" encode -f in/a.png picture
expect "a picture without suffix is an input" 0
holds "and is untouched" cmp picture in/b.png
cp in/b.png named.lic
run "$LIC" encode -f in/a.png named.lic
expect "a picture that is named .lic" 2 'holds a picture'
holds "is untouched as well" cmp named.lic in/b.png
run "$LIC" encode -f in/a.png -o named.lic
expect "but -o says what is meant" 0
holds "and writes" cmp named.lic single/a.lic
run "$LIC" encode in/a.png other
expect "a name without suffix is the output" 0
holds "it is there" cmp other single/a.lic
run "$LIC" decode other single/b.lic
expect "two streams are two inputs" 0
holds "two pictures are there" test -s other.png -a -s single/b.png
run "$LIC" decode -f single/a.lic other
expect "a stream without suffix is an input" 0
holds "it is untouched" cmp other single/a.lic
cp in/a.png ./-
"$LIC" encode in/a.png - >stdout.lic 2>err; rc=$?
expect "- is standard output, whatever is named so" 0
holds "and got the data" cmp stdout.lic single/a.lic
rm -f in/*.lic single/*.png other* ./-

# ---- folders ----
run "$LIC" encode in
expect "a folder without -r" 2 "'in': is a folder; -r"
run "$LIC" encode -r in --output-dir made/put
expect "-r" 0 '4 encoded'
holds "the tree is mirrored" test "$(cd made/put && find . -type f | LC_ALL=C sort | tr '\n' ' ')" = \
    './a.lic ./b.lic ./sub/c.lic ./sub/deep/d.lic '
for name in a b sub/c sub/deep/d; do
    holds "$name: the same bytes as alone" cmp "made/put/$name.lic" "single/${name##*/}.lic"
done
run "$LIC" encode -r in/ --output-dir slash -T 3 --max-memory 4M
expect "little memory, more threads" 0
holds "the same files" diff -r made/put slash
run "$LIC" decode -r made/put --output-dir back --format ppm
expect "decode -r" 0
run "$LIC" decode -r -T 1 made/put --output-dir back1 --format ppm
holds "the same pictures" diff -r back back1
run "$LIC" encode -r in
expect "-r beside the pictures" 0
holds "beside" cmp in/sub/c.lic made/put/sub/c.lic
run "$LIC" encode -rn in --json
expect "-n" 0 '4 skipped'
holds "a line for each" test "$(grep -c '"status": "LIC_SKIPPED"' "$T/out")" = 4
run "$LIC" encode -r in
expect "all are there already" 1 'a.png: the output in/a.lic exists'
find in -name '*.lic' -delete
mkdir empty
run "$LIC" encode -r empty
expect "nothing to do is an error" 1 'empty: warning: holds no pictures'

# ---- clashes are found before anything is written ----
mkdir in/again
cp in/a.png in/again
run "$LIC" encode in/a.png in/again/a.png --output-dir clash
expect "two inputs, one output" 2 'clash/a.lic: would be the output of both in/.*a.png and'
run "$LIC" encode in/a.png in/sub/../a.png in/./a.png
expect "one input twice" 2 'output of both'
rm -r in/again
run "$LIC" encode in/a.png in/sub/c.jpg -o x.lic
expect "one output for two" 2 'x.lic.*several inputs'
run "$LIC" encode in/a.png in/sub/c.jpg -c
expect "standard output for two" 2 'several inputs'
holds "nothing was written" test ! -e clash -a ! -e x.lic

# ---- lists ----
find in -name '*.[pj][np]g' -print0 >list0
tr '\0' '\n' <list0 >list
"$LIC" encode --filelist - --output-dir listed <list 2>err; rc=$?
expect "--filelist -" 0
holds "paths of a list are kept" cmp listed/in/sub/c.lic single/c.lic
run "$LIC" encode --filelist list0 --output-dir listed0
expect "names that end in zero bytes" 0 '5 encoded' # find sees hidden folders
holds "the same files" diff -r listed listed0
printf 'in/a.png\n\nin/b.png' >list
run "$LIC" encode --filelist=list --output-dir listed1
expect "an empty line, and none at the end" 0 '2 encoded'
odd=$'in/new\nline " \\ \xff.png' # a newline, a quote, no UTF-8
cp in/a.png "$odd"
printf '%s\0' "$odd" >list0
run "$LIC" encode --filelist list0 --output-dir odd --json
expect "an odd name" 0
holds "its output" cmp "odd/${odd%.png}.lic" single/a.lic
holds "JSON is one line, and escaped" grep -q '"input": "in/new\\u000aline \\" \\\\ \\ufffd.png"' out
rm "$odd"
echo '../secret/a.png' >list
run "$LIC" encode --filelist list --output-dir o
expect "a list must not lead out of the folder" 2 "has '..' in it"
: >list
run "$LIC" encode --filelist list
expect "an empty list" 1 'is empty'
run "$LIC" encode --filelist nowhere
expect "no such list" 1 'nowhere: cannot open'

# ---- what --json would write over ----
cp in/b.png keep.png
cp keep.png mine.png
"$LIC" encode --quiet mine.png
cp mine.lic keep.lic
cp "$("$LIC" -V | sed -n 's/^.* \(.*student.licw\)$/\1/p' | head -n 1)" own.licw
for command in "encode -fq0 mine.png" "encode -nq0 mine.png" "info -f" "eval -f mine.png" "bdrate -f mine.png"; do
    run "$LIC" $command mine.lic --json=mine.lic
    expect "--json names what is read or written: $command" 1 'mine.lic: would be '
done
run "$LIC" encode -f mine.png --json=mine.png
expect "--json names the picture" 1 'mine.png: would be written by --json, and is read or written as mine.png'
run "$LIC" encode mine.png new.lic --json=new.lic
expect "--json names the new output" 1 'new.lic: would be written by --json, and is read or written as new.lic'
run "$LIC" encode -f --model own.licw mine.png own.licw
expect "weights as output" 2 "own.licw': holds the weights"
echo mine.png >list
run "$LIC" encode -f --filelist list -o list
expect "list as output" 2 "list': is the list of inputs"
holds "all stay" eval 'cmp -s mine.png keep.png && cmp -s mine.lic keep.lic && grep -qx mine.png list'
echo notes >notes
run "$LIC" encode -f mine.png --quiet
for command in "info mine.lic" "eval mine.png mine.lic" "encode mine.png notes.lic"; do
    run "$LIC" $command --json=notes
    expect "--json does not overwrite: $command" 1 'notes: exists; -f overwrites'
done
holds "notes stay" grep -qx notes notes
run "$LIC" info -f mine.lic --json=notes
expect "--json overwrites with -f" 0
run "$LIC" encode -n mine.png --json=notes
expect "--json goes on with -n" 0
holds "both lines" test "$(wc -l <notes)" = 2
run "$LIC" encode --filelist /dev/null -o x.lic
expect "no names" 1 'null: is empty'
printf '\n\n' >blank
run "$LIC" encode --quiet --filelist blank
expect "empty lines" 1 'no pictures in what was given'

# ---- folders and links that lead nowhere ----
mkdir -p tree/a tree/locked
cp in/b.png tree/a/b.png
cp in/b.png tree/c.png
ln -s nothing tree/gone.png
run "$LIC" encode -r tree --output-dir tree-out
expect "a link that leads nowhere" 1 'tree/gone.png: cannot open'
holds "the others are made" test -f tree-out/a/b.lic -a -f tree-out/c.lic
rm tree/gone.png
chmod -R a+rX "$T" && chmod 0 tree/locked && mkdir -m 777 locked-out
as_user=()
if [ "$(id -u)" -eq 0 ]; then as_user=(setpriv --reuid=65534 --regid=65534 --clear-groups); fi
if "${as_user[@]}" test -x "$LIC" && ! "${as_user[@]}" test -r tree/locked; then
    run "${as_user[@]}" "$LIC" encode -r tree --output-dir locked-out
    expect "a folder that may not be read" 1 'tree/locked: cannot open: Permission denied'
    holds "the others are made all the same" test -f locked-out/a/b.lic -a -f locked-out/c.lic
else
    skip "no folder is locked here, or nobody may run lic"
fi
chmod 700 tree/locked

# ---- a limit of the system on the size of files ----
(
    ulimit -f 1
    "$LIC" decode mine.lic --format ppm --output-dir limited >out 2>err
    echo $? >rc
)
rc=$(cat rc)
expect "files may not be large" 1 'cannot write.*: File too large'
holds "nothing half written" test -z "$(find limited -type f)"
run "$LIC" encode in/b.png nowhere/b.lic
expect "the output's folder is not there" 1 'in/b.png: cannot write nowhere/b.lic: there is no folder nowhere'

# ---- failures do not stop the rest, and are listed last ----
head -c 50 in/b.png >in/bad.png
run "$LIC" encode -r in gone.png --output-dir part --json=lines
expect "two of six fail" 1 '4 encoded, 2 failed'
holds "at once and last" test "$(grep -c '^lic: in/bad.png: ' err)" = 2
holds "the last lines name them" test "$(tail -n 2 err | grep -c failed:)" = 2
holds "the others are there" test "$(find part -name '*.lic' | wc -l)" = 4
holds "six lines of JSON" test "$(wc -l <lines)" = 6
holds "failures have a status" test "$(grep -c '"status": "LIC_ERR' lines)" = 2
holds "each input has its index" test "$(number lines index | sort -n | tr '\n' ' ')" = '0 1 2 3 4 5 '
run env LIC_MODEL_DIR=empty "$LIC" encode --model none -r in --output-dir none
expect "no model: nothing can work" 3 'were not tried'
rm in/bad.png

# ---- a reader of JSON that goes away ----
mkfifo gone
(: <gone) &
exec 4>gone
wait $! # there was a reader, and there is none any more
"$LIC" encode -r in --output-dir pipe -T 1 --json >&4 2>err
rc=$?
exec 4>&-
expect "nobody reads the results" 1 'cannot write the JSON line'
holds "no temporary files in spite of it" no_strays pipe
if [ -c /dev/full ]; then
    run "$LIC" encode -r in --output-dir full --json=/dev/full
    expect "results cannot be kept: stop" 1 'were not tried'
else
    skip "no /dev/full is here"
fi

# ---- memory: one limit for all that runs at a time ----
peak() { # STATUS OPTIONS...: most memory that encoding the folder "noise" took, in kB, ending so
    python3 -c 'import resource, subprocess, sys
assert subprocess.run(sys.argv[2:]).returncode == int(sys.argv[1])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' \
        "$1" "$LIC" encode -rf noise --output-dir noise.out -q 0 -T 6 --quiet "${@:2}" 2>err
}
if sanitized; then
    skip "a sanitizer keeps what is freed, so that memory cannot be measured"
elif command -v python3 >/dev/null; then
    mkdir noise
    for i in 1 2 3 4 5 6; do
        { printf 'P5\n400 400\n255\n'; head -c 160000 /dev/zero; } >noise/$i.pgm
    done
    free=$(peak 0) bound=$(peak 0 --max-memory 50M)
    holds "six at a time take $free kB, one $bound kB" test "$bound" -gt 0 -a $((free - bound)) -gt 50000
    # Interlaced pictures are read as a whole, here 32 MB each, which glibc would keep for the thread
    # once they are freed; a bad end keeps the networks out of it. Threads enough for all at a time.
    rm -r noise noise.out
    mkdir noise
    python3 -c 'import struct, zlib
def chunk(kind, data): return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
n = 2000
passes = [(8, 8), (8, 8), (4, 8), (4, 4), (2, 4), (2, 2), (1, 2)]
raw = bytes(sum((n // x * 8 + 1) * (n // y) for x, y in passes) - 1)
png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", n, n, 16, 6, 0, 0, 1))
png += chunk(b"IDAT", zlib.compress(raw, 1)) + chunk(b"IEND", b"")
for i in range(6): open(f"noise/{i}.png", "wb").write(png)'
    bound=$(peak 1 --model "$ROOT/tests/golden/tiny.licw" -T 54 --max-memory 150M)
    holds "six interlaced ones, one at a time, take $bound kB" test "$bound" -gt 30000 -a "$bound" -lt 70000
else
    skip "no python3 to measure memory"
fi

# ---- files of several models ----
if "$LIC" -V | grep -q '/teacher.licw$'; then
    mkdir mixed
    run "$LIC" encode --model teacher in/a.png in/sub/c.jpg --output-dir mixed
    expect "another model" 0
    cp single/b.lic mixed
    cp single/b.lic mixed/d.lic
    run "$LIC" decode mixed/*.lic --output-dir mixed --json=lines2
    expect "two models in one call" 0
    holds "each by its model" test "$(grep -c '"model": "teacher"' lines2)" = 2 -a "$(grep -c '"model": "student"' lines2)" = 2
    run "$LIC" decode --model student mixed/*.lic -f --output-dir mixed
    expect "one for all is wrong for some" 3 '2 decoded, 2 failed'
else
    skip "no second model"
fi

# ---- shards: each file in one of them, and where it was when others come ----
parts() { # FOLDER-NAME
    for i in 1 2 3; do
        run "$LIC" encode --shard $i/3 -r in --output-dir "$1/$i"
        [ $rc -eq 0 ] || bad "shard $i: exit $rc"
        (cd "$1" && find "$i" -name '*.lic' | LC_ALL=C sort) >>"$1.names"
    done
}
mkdir before after
parts before
holds "every file once" test "$(sed 's/^.//' before.names | sort | uniq | wc -l)" = 4 -a "$(wc -l <before.names)" = 4
cp in/a.png in/0.png
cp in/a.png in/sub/z.png
parts after
holds "none has moved" test -z "$(LC_ALL=C sort after.names | LC_ALL=C comm -13 - <(LC_ALL=C sort before.names))"
holds "no temporary files" no_strays .
finish
