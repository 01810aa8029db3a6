#!/usr/bin/env bash
# Names as people have them, and what outputs get from their inputs: suffixes in capitals, names that clash, lists from
# Windows, rights and times, races; and names that are attacks on the reader.
source "$(dirname "$0")/common.bash"
cd "$T" || exit 1
cp "$DATA/cases/plain.png" "$DATA/cases/plain.jpg" .
export LIC_THREADS=1
lic() { run "$LIC" --quiet "$@"; }
lic encode plain.png plain.lic
expect "a file" 0

# ---- suffixes ----
for suffix in jfif jpe jif jfi JPEG; do
    mkdir -p in
    cp plain.jpg "in/$suffix.$suffix"
done
cp plain.png in/a.apng
printf 'P1 1 1 1' >in/b.pbm
cp plain.jpg in/note.txt
run "$LIC" encode -v -r in --output-dir made
expect "-r takes all suffixes of what can be read" 0 'in: 1 file with other suffixes left'
holds "all seven are there" test "$(find made -name '*.lic' | wc -l)" = 7
cp plain.lic X.LIC
lic decode X.LIC
holds "X.LIC becomes X.png" test -s X.png
cp plain.lic Y.LiC
lic decode Y.LiC --format jpg
holds "Y.LiC becomes Y.jpg" test -s Y.jpg
mkdir ref dist
cp plain.lic ref/a.LIC
cp plain.png dist/a.png
run "$LIC" eval --csv ref dist
holds "eval takes .LIC in folders" grep -q '^a.LIC,' out
for suffix in webp avif HEIC jxl tif gif bmp; do
    lic encode plain.jpg "photo.$suffix"
    expect "a .lic stream is not named .$suffix" 2 "'photo.$suffix': would be a .lic stream under the name of something else"
    holds "and none is written" test ! -e "photo.$suffix"
done
lic encode plain.jpg -o photo.webp
expect "-o forces it" 0
lic encode plain.jpg photo.v2
expect "a suffix that means nothing" 0

# ---- names that clash ----
mkdir clash
for suffix in jpg png; do cp "plain.$suffix" "clash/a.$suffix"; done
cp plain.png clash/b.png
run "$LIC" encode -r clash
expect "a.jpg beside a.png" 0 'clash/a.lic: would be the output of 2 inputs: each keeps its suffix before .lic'
holds "each has its own" test "$(cd clash && ls ./*.lic | xargs)" = './a.jpg.lic ./a.png.lic ./b.lic'
run "$LIC" encode -n -r clash
expect "again, with -n: nothing is left to do" 0 ' 3 skipped'
lic encode -f clash/a.jpg clash/./a.jpg clash/b.png
expect "one input twice is still an error" 2 'output of both'
cp clash/a.jpg.lic clash/c.lic
cp clash/a.jpg.lic clash/c.LIC
mkdir decoded
lic decode -r clash --output-dir decoded
expect "c.lic beside c.LIC" 0
holds "each has its own, too" test -s decoded/clash/c.lic.png -a -s decoded/clash/c.LIC.png -o \
    -s decoded/c.lic.png -a -s decoded/c.LIC.png

# ---- lists ----
printf '\357\273\277plain.png\r\nplain.jpg\r\n' >list
lic encode -f --filelist list --output-dir listed
expect "a list of Windows" 0
holds "both names" test "$(ls listed | xargs)" = 'plain.jpg.lic plain.png.lic'
cp plain.png $'odd\r'
printf 'odd\r\nplain.jpg\n' >list
lic encode -f --filelist list --output-dir listed2
expect "a name that ends in a carriage return" 0
holds "is taken as it is" test -s "listed2/"$'odd\r.lic'
printf 'plain.png\r\nplain.jpg' >list
lic encode -f --filelist list --output-dir listed3
expect "the last line may lack its end" 0

# ---- rights and times ----
mode() { stat -c %a "$1"; }
umask 022
rm -f a.lic
cp plain.png a.png
chmod 600 a.png
lic encode a.png
holds "a private picture gives a private file" test "$(mode a.lic)" = 600
lic decode a.lic b.png
holds "and back" test "$(mode b.png)" = 600
chmod 444 a.png
lic encode -f a.png c.lic
holds "its owner may write it" test "$(mode c.lic)" = 644
chmod 640 a.lic
lic encode -f plain.png a.lic
holds "-f leaves the rights that a file has" test "$(mode a.lic)" = 640
chmod 600 a.lic
lic encode -f plain.png a.lic
holds "-f leaves a private file private" test "$(mode a.lic)" = 600
"$LIC" encode --quiet -o piped.lic - <plain.png 2>err
holds "from a pipe: what the mask gives" test "$(mode piped.lic)" = 644
(umask 077 && lic encode plain.png masked.lic)
holds "the mask counts as well" test "$(mode masked.lic)" = 600
if [ "$(id -u)" -eq 0 ]; then
    chown 65534:65534 a.lic
    lic encode -f plain.png a.lic
    holds "-f leaves the owner" test "$(stat -c %u:%g a.lic)" = 65534:65534
else
    skip "only root can give files away"
fi
touch -d '2001-02-03 04:05:06.789' plain.png
lic encode -f plain.png t.lic
holds "times are new" test "$(stat -c %y t.lic | cut -c 1-4)" != 2001
lic encode -f --preserve plain.png t.lic
holds "--preserve keeps them" test "$(stat -c %y t.lic)" = "$(stat -c %y plain.png)"
lic decode -f --preserve t.lic t.png
holds "and back" test "$(stat -c %y t.png)" = "$(stat -c %y plain.png)"

# ---- two at a time ----
for round in 1 2 3 4 5; do
    rm -f race.lic
    for i in 1 2 3; do
        ("$LIC" encode --quiet -n plain.png race.lic 2>"err$i"; echo $? >"status$i") &
    done
    wait
    holds "-n beside others ends with 0, round $round" test "$(cat status1 status2 status3 | xargs)" = '0 0 0'
    holds "and in silence" test ! -s err1 -a ! -s err2 -a ! -s err3
done
lic decode race.lic race.ppm
expect "and a whole file is there" 0
# Somebody is faster while we work: a file that appears before the end.
mkfifo slow
("$LIC" encode -n --json - slow.lic <slow >json 2>err; echo $? >status) &
exec 3>slow
head -c 1000 plain.png >&3
echo theirs >slow.lic
tail -c +1001 plain.png >&3
exec 3>&-
wait
holds "-n: an output that appears meanwhile" test "$(cat status)" = 0
holds "is left as it is" test "$(cat slow.lic)" = theirs
holds "which JSON tells" grep -q LIC_SKIPPED json

lic encode plain.png no-such-folder/x.lic
expect "a folder that is not there" 1 'cannot write no-such-folder/x.lic: there is no folder no-such-folder; --output-dir no-such-folder would make it'

# ---- what is no .lic file is not read ----
truncate -s 3500000000 large.iso
for command in info 'decode --test'; do
    # shellcheck disable=SC2086
    run "$LIC" $command large.iso
    expect "$command of 3.5 GB" 1 'large.iso: not a .lic file'
done
run "$LIC" bdrate large.iso large.iso
expect "bdrate of 3.5 GB" 1 'large.iso: .*16777216 bytes'
(while :; do echo more; done) 2>err2 | "$LIC" info - >out 2>err
rc=$?
expect "info of an endless pipe" 1 'not a .lic file'
rm large.iso

# ---- names that do something ----
esc=$'\033' bell=$'\a'
evil="e${esc}[31m${bell}"$'\xc2\x9b31m\xe2\x80\xae\xed\xa0\x80\xffv.lic'
cp plain.lic "$evil"
raw() { # FILE: are there bytes that a terminal would obey, or that are no UTF-8?
    LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\x8e\x8f\xa8-\xae]|\xe2\x81[\xa6-\xa9]|\xed[\xa0-\xbf]|\xff' "$1"
}
clean() { # NAME
    if raw out || raw err; then bad "$1: control sequences"; else ok "$1"; fi
}
run "$LIC" info "$evil"
expect "info of an evil name" 0
clean "info of an evil name"
run "$LIC" decode -f "$evil" evil.png
clean "decode of an evil name"
run "$LIC" decode -f "none$evil"
clean "an error with an evil name"
run "$LIC" info --json "$evil"
clean "JSON of an evil name"
holds "JSON escapes it" grep -qF 'e\u001b[31m\u0007\u009b31m\u202e\ufffd\ufffd\ufffd\ufffdv.lic' out
has_python=$(command -v python3) || skip "python3 is not here"
if [ -n "$has_python" ]; then
    holds "JSON is JSON" python3 -c 'import json, sys; json.loads(open(sys.argv[1], "rb").read().decode("utf-8", "strict"))' out
fi
mkdir r d
names=('a,b.png' 'say "c".png' $'new\nline.png' '=cmd.png' '+1.png' '-1.png' '@x.png' 'd;e.png' 'plain.png' "$(basename "$evil" .lic).png")
for name in "${names[@]}"; do
    cp plain.png "r/$name"
    cp plain.png "d/$name"
done
run "$LIC" eval r d
clean "a table of evil names"
run "$LIC" eval --csv r d
expect "CSV of evil names" 0
clean "CSV of evil names"
if [ -n "$has_python" ]; then
    python3 - out >rows <<'END'
import csv, sys
rows = list(csv.reader(open(sys.argv[1], encoding="utf-8", newline="")))
assert all(len(row) == 5 for row in rows), rows
print("|".join(row[0].replace("\n", "\\n") for row in rows[1:-1]))
END
    holds "CSV: five fields a row, and no formula" grep -qF "'+1.png|'-1.png|'=cmd.png|'@x.png|a,b.png|d;e.png|e?[31m??31m?????v.png|new\\nline.png|plain.png|say \"c\".png" rows
fi
printf '{"name": "x\\u001b[2Jy\\u202ez", "results": {"bpp": [0.1, 0.2, 0.4, 0.8], "psnr": [28, 31, 34, 37]}}' >curve.json
run "$LIC" bdrate curve.json curve.json
expect "bdrate of an evil curve" 0
clean "bdrate of an evil curve"
mkdir models
cp "$ROOT/tests/golden/tiny.licw" "models/$(basename "$evil" .lic).licw"
run env LIC_MODEL_DIR=models "$LIC" -V
clean "-V with an evil model"
if [ -n "$has_python" ]; then
    python3 "$ROOT/tests/lic_chunks.py" plain.lic texts.lic "text=2x${esc}[31mKey\\0\\0\\0text\\0"
    run "$LIC" decode -f texts.lic texts.png
    clean "keywords that do something"
    python3 "$ROOT/tests/lic_chunks.py" plain.lic twice.lic 'exif=1xII' 'exif=1xMM' 'xmp=1x<x/>'
    run "$LIC" info --json twice.lic
    holds "a type that repeats has one key" test "$(grep -o '"exif"' out | wc -l)" = 1
fi
holds "no temporary files" no_strays .
finish
