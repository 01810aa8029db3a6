#!/usr/bin/env bash
# lic sweep: whole files' bytes, what encode and decode give, resuming after a stop, and its mistakes.
source "$(dirname "$0")/common.bash"
cd "$T" || exit 1
mkdir in
cp "$DATA/waves-200x168.png" in/b.png
cp "$DATA/grey.jpg" in/a.jpg
cp "$DATA/odd-17x33.png" small.png
echo text >in/notes.txt

values() { # FILE KEY: of the means, a list
    sed -n "s/.*\"results\": {[^{}]*\"$2\": \[\([^]]*\)\].*/\1/p" "$1" | tr -d ' '
}
without_times() {
    sed 's/"\(en\|de\)coding_time": \[[^]]*\]//g' "$1"
}

run "$LIC" sweep in -q 10,60 -o out.json
expect "sweep of a folder" 0
holds "no part file stays" test ! -e out.json.part
holds "the notes are no picture" bash -c "grep -q a.jpg out.json && ! grep -q notes out.json"
holds "qualities" test "$(values out.json quality)" = 10.0000,60.0000
for q in 10 60; do
    for name in a.jpg b.png; do
        "$LIC" encode --quiet --strip -q $q in/$name $name.$q.lic
        "$LIC" decode --quiet $name.$q.lic $name.$q.png
    done
done
for name in a.jpg b.png; do
    bytes="$(stat -c %s $name.10.lic), $(stat -c %s $name.60.lic)"
    holds "$name: bytes of the files" grep -q "\"name\": \"$name\"[^{}]*\"bytes\": \[$bytes\]" out.json
done
mean() { # KEY QUALITY: of lic eval on the same files
    for name in a.jpg b.png; do
        "$LIC" eval --json in/$name $name.$2.lic >one
        number one "$1"
    done | awk '{ s += $1 } END { printf "%.6f", s / NR }'
}
holds "bpp is the mean of eval's" near "$(values out.json bpp | cut -d, -f1)" "$(mean bpp 10)" 0.000002
holds "psnr is the mean of eval's" near "$(values out.json psnr-rgb | cut -d, -f2)" \
    "$(mean psnr 60)" 0.000002
"$LIC" eval --json in/b.png b.png.60.png >png
"$LIC" eval --json in/b.png b.png.60.lic >lic
holds "eval of .lic and of its picture" test "$(number png psnr)" = "$(number lic psnr)"

# --json: a line per picture, with the figures that go to the results.
run "$LIC" sweep --json in -q 10,60 -o json.json
expect "--json" 0
holds "--json: a line per picture" test "$(grep -c '^{"command": "sweep", .*"status": "LIC_OK"' out)" -eq 2
holds "--json: inputs" grep -q '"input": "in/b.png"' out
holds "--json: no other word on stdout" test "$(wc -l <out)" -eq 2
figures() { # FILE: of b.png, all but the times
    grep -o '"bytes": .*' <<<"$1" | sed 's/, "encoding_time.*//'
}
holds "--json: the same figures" test "$(figures "$(tail -n 1 out)")" = \
    "$(figures "$(grep -o '"name": "b.png", .*' json.json)")"
holds "--json: qualities" grep -q '"quality": \[10.0000, 60.0000\]' out
run "$LIC" sweep --json=lines small.png missing.png -q 5 -o json2.json
expect "--json: a picture that is not there" 1 'missing.png: cannot open'
holds "--json: the line of what failed" grep -q \
    '^{"command": "sweep", "input": "missing.png", "status": "LIC_ERR_IO", "error": "cannot open' lines
run "$LIC" sweep --json=lines small.png -q 5 -o json2.json
expect "--json=FILE is not written over" 1 'lines: exists'
holds "nothing is measured then" test ! -e json2.json.part -a ! -e json2.json
run "$LIC" sweep --json small.png "$DATA/pngsuite/xs1n0g01.png" -q 5 -o json2.json
expect "--json: a picture that fails" 1 'damaged PNG'
holds "--json: a line each" test "$(grep -c '"status": "LIC_OK"' out) $(grep -c LIC_ERR_CORRUPT out)" = "1 1"
run "$LIC" sweep --json=new.txt small.png -q 5 -o json2.json
expect "--json=FILE" 0
holds "--json=FILE: the picture measured before too" grep -q '"input": "small.png", "status": "LIC_OK"' new.txt
for file in clash clash.part; do
    run "$LIC" sweep --json=$file small.png -q 5 -o clash
    expect "--json=$file is written by sweep" 1 "$file: .*--json"
    holds "$file is not written" test ! -e $file
done
mkdir some && cp small.png some
run "$LIC" sweep -f --json=some/small.png some -q 5 -o clash
expect "--json=FILE is a picture of the folder" 1 'some/small.png: .*--json'
holds "it stays" cmp -s small.png some/small.png

# Stopped after some lines, the last of them cut: what is there is not measured again.
run "$LIC" sweep in small.png -q 5,40,90 -o whole.json
expect "without MS-SSIM for the small one" 0
holds "no MS-SSIM in the means" test -z "$(values whole.json ms-ssim-rgb)"
run "$LIC" sweep in small.png missing.png -q 5,40,90 -o stop.json
expect "missing picture" 1 'missing.png: cannot open'
run "$LIC" sweep in small.png "$DATA/pngsuite/xs1n0g01.png" -q 5,40,90 -o stop.json
expect "a picture fails" 1 'xs1n0g01.png: damaged PNG'
holds "no results" test ! -e stop.json
holds "head and 9 measurements stay" test "$(wc -l <stop.json.part)" -eq 10
head -n 5 stop.json.part >cut
sed -n 6p stop.json.part | head -c 50 >>cut
sed 's/"bytes": [0-9]*/"bytes": 12345/' cut >stop.json.part
run "$LIC" sweep in small.png -q 5,40,90 -o stop.json
expect "goes on" 0 'goes on after 4 measurements'
holds "it took the four from the file" test "$(grep -o 12345 stop.json | wc -l)" -eq 4
cp cut stop.json.part
run "$LIC" sweep in small.png -q 5,40,90 -o stop.json -f
expect "goes on once more" 0 'goes on after 4'
holds "the same numbers as in one go" test "$(without_times stop.json)" = "$(without_times whole.json)"
cp cut stop.json.part
while IFS='|' read -r other what; do
    cp cut stop2.json.part
    run "$LIC" sweep in small.png $other -o stop2.json
    expect "another sweep's part is kept without -f: $other" 1 \
        "^lic: stop2.json.part: holds an unfinished sweep that differs in $what; .*, -f overwrites it, another -o "
    holds "one line: $other" test "$(wc -l <err)" -eq 1
    holds "measurements stay: $other" cmp -s cut stop2.json.part
done <<'END'
-q 5,41,90|-q
-q 5,40|-q
-q 5,40,90 --tile 64|--tile
-q 5,40,90 --cpu scalar|--cpu
-q 5,41,90 -T 1|--threads, -q
END
sed 's/"sweep_of": "[^"]*"/"sweep_of": "0.0.9"/' cut >stop2.json.part
run "$LIC" sweep in small.png -q 5,40,90 -o stop2.json
expect "another version's part" 1 'differs in the version of lic; '
echo 'my notes' >stop2.json.part
run "$LIC" sweep in small.png -q 5,40,90 -o stop2.json
expect "no part file at all" 1 'stop2.json.part: is not a part file of lic sweep, .*; -f overwrites it, another -o '
holds "it stays" grep -qx 'my notes' stop2.json.part
cp small.png picture.part
run "$LIC" sweep picture.part -q 5 -o picture
expect "a picture where the part file goes" 1 'picture.part: is input and output at once'
run "$LIC" sweep in small.png -q 5 -f -o small.png
expect "the picture is the output" 1 'small.png: is input and output at once'
holds "pictures stay" cmp -s small.png picture.part
run "$LIC" sweep small.png -q 5,41,90 -o stop.json -f
expect "another sweep's part" 0 'stop.json.part: warning: holds an unfinished sweep that differs in -q, and is overwritten'
cp cut stop.json.part
run "$LIC" sweep in small.png -q 5,40,90 -o stop.json -f --tile 64
expect "a part without its tiles" 0 'differs in --tile, and is overwritten'
holds "tiles cost something" test "$(values stop.json bpp)" != "$(values whole.json bpp)"
cp cut stop.json.part
"$LIC" decode --quiet -f a.jpg.10.lic in/a.png && mv in/a.png in/b.png
run "$LIC" sweep in small.png -q 5,40,90 -o stop.json -f
expect "a changed picture" 0 'goes on after 3'

# Killed in the middle, it goes on with what it had.
many=$(seq -s, 40 2 98)
"$LIC" sweep in/a.jpg -q "$many" -o kill.json 2>err &
child=$!
for _ in $(seq 200); do
    [ -s kill.json.part ] && [ "$(wc -l <kill.json.part)" -gt 2 ] && break
    sleep 0.02
done
kill -STOP $child
for again in "" -f; do
    run "$LIC" sweep in/a.jpg -q "$many" -o kill.json $again
    expect "one sweep at a time $again" 1 \
        "^lic: kill.json.part: another lic sweep (process $child) is writing it; wait for it, or name another -o"
done
kill -9 $child
wait $child 2>/dev/null
holds "killed: no results" test ! -e kill.json
run "$LIC" sweep in/a.jpg -q "$many" -o kill.json
expect "after being killed" 0 'goes on after [0-9]* measurements'
holds "all points" test "$(values kill.json bpp | tr , '\n' | wc -l)" -eq 30

run "$LIC" sweep small.png -o default.json
expect "without -q" 0
"$LIC" sweep -h >help
holds "the default of the help" grep -q "default: $(values default.json quality | sed 's/\.0000//g')\$" help

run "$LIC" sweep
expect "nothing to do" 2 'which pictures'
run "$LIC" sweep in
expect "no output" 2 'where to'
run "$LIC" sweep in -o out.json
expect "no overwriting" 1 'exists; -f'
run "$LIC" sweep in -q 50,40 -o new.json
expect "qualities must rise" 2 'must rise'
run "$LIC" sweep in -q 50,101 -o new.json
expect "quality out of range" 2 '0 to 100'
run "$LIC" encode -q 50,60 small.png
expect "encode takes one" 2 'lists are for lic sweep'
mkdir empty
run "$LIC" sweep empty -o new.json
expect "empty folder" 1 'empty: holds no pictures'
run "$LIC" sweep in -o no/new.json
expect "no such folder" 1 'cannot write'
run "$LIC" sweep in --model nothing -o new.json
expect "no such model" 3 'no model'
holds "no strays" no_strays .
finish
