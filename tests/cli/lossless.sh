#!/usr/bin/env bash
# lic encode --lossless: pictures of every kind come back to the last sample, without a model; parts and
# previews; what excludes it; files that are smaller than their PNG.
. "$(dirname "$0")/common.bash"

export LIC_MODEL_DIR=/nowhere
cd "$T" || exit 1
export LIC
mkdir in out
cp "$ROOT"/tests/data/pngsuite/bas[in]*.png "$ROOT"/tests/data/{kodim23,grey-40x30,grey16-24x20,rgb16-20x24,one-1x1,waves-24-colours}.png in
for f in in/*.png; do
    name=$(basename "$f" .png)
    "$LIC" encode --quiet -f --lossless "$f" "$name.lic" && "$LIC" decode --quiet -f "$name.lic" "out/$name.png"
    holds "$name.png is coded and decoded" [ -s "out/$name.png" ]
    "$LIC" encode --quiet -f --lossless -T 1 --strip "$f" one.lic && "$LIC" encode --quiet -f --lossless -T 7 --strip "$f" seven.lic
    holds "$name.png gives the same bytes by 1 and 7 threads" cmp -s one.lic seven.lic
done
# Metadata and alpha by the second reader of PNG; colours by the program's own PPM, sample by sample.
holds "shape, alpha and metadata come back" python3 "$ROOT/tests/pngread.py" same in out
mkdir want got
holds "the second reader reads what went in" python3 "$ROOT/tests/pngread.py" ppm in want
holds "and what came out" python3 "$ROOT/tests/pngread.py" ppm out got
holds "colours come back" diff -r want got
# basn0g16 has slopes that break off at any value; its PNG finds the same breaks in every row.
large=0
for f in in/*.png; do
    [ "$(wc -c <"$(basename "$f" .png).lic")" -le "$(wc -c <"$f")" ] || large=$((large + 1))
done
holds "no file is larger than its PNG but one ($large)" [ "$large" -le 1 ]
for level in scalar avx2 avx512; do
    for threads in 1 2 7; do
        "$LIC" encode --quiet -f --lossless --tile 64 --cpu $level -T $threads in/kodim23.png levels.lic 2>err
        status=$?
        if grep -q "cannot run\|not have\|does not" err; then continue; fi
        [ -e first.lic ] || cp levels.lic first.lic
        "$LIC" decode --quiet -f --cpu $level -T $threads first.lic levels.ppm
        [ -e first.ppm ] || cp levels.ppm first.ppm
        holds "$level, $threads threads: same file, same picture" sh -c "[ $status = 0 ] && cmp levels.lic first.lic && cmp levels.ppm first.ppm"
    done
done
holds "info tells" sh -c '"$LIC" info kodim23.lic | grep -q "lossless, no model"'
holds "a drawing takes less than as PNG" [ "$(wc -c <waves-24-colours.lic)" -lt "$(wc -c <in/waves-24-colours.png)" ]
golden=$ROOT/tests/golden
holds "info tells of exact parts" sh -c '"$LIC" info "$1/v1-exact.lic" | grep -q "45.00, drawn parts exactly"' - "$golden"
holds "--test takes exact parts" "$LIC" decode --quiet --test --model "$golden/tiny.licw" "$golden/v1-exact.lic"
for level in scalar avx2 avx512; do
    "$LIC" decode --quiet -f --model "$golden/tiny.licw" "$golden/v1-exact.lic" page.ppm
    "$LIC" encode --quiet -f -q 60 --tile 128 --cpu $level --model "$golden/tiny.licw" page.ppm page.lic 2>err || continue
    [ -e first-page.lic ] || cp page.lic first-page.lic
    holds "$level: exact parts have the same bytes" cmp page.lic first-page.lic
    holds "$level: there are exact parts" grep -qa Exac page.lic
done
holds "--lossless and -q exclude each other" sh -c '! "$LIC" encode -f --lossless -q 50 in/one-1x1.png x.lic 2>err; grep -q "give it alone" err'
for n in 1 2 15; do
    "$LIC" encode --quiet -f --near $n in/kodim23.png near.lic && "$LIC" decode --quiet -f near.lic near.ppm
    "$LIC" decode --quiet -f kodim23.lic exact.ppm
    holds "--near $n: no sample is off by more, and some are" sh -c \
        "cmp -l exact.ppm near.ppm | awk '{a = 64 * int(\$2 / 100) + 8 * (int(\$2 / 10) % 10) + \$2 % 10
            b = 64 * int(\$3 / 100) + 8 * (int(\$3 / 10) % 10) + \$3 % 10; d = a > b ? a - b : b - a
            if (d > most) most = d} END {exit most != $n}'"
    holds "--near $n is smaller" test "$(stat -c %s near.lic)" -lt "$(stat -c %s kodim23.lic)"
done
for name in basn2c16 basn0g16 tbbn2c16; do
    "$LIC" encode --quiet -f --near 1 "$DATA/pngsuite/$name.png" near.lic
    "$LIC" encode --quiet -f --lossless "$DATA/pngsuite/$name.png" exact.lic
    holds "$name: --near is not larger than without loss" test "$(stat -c %s near.lic)" -le "$(stat -c %s exact.lic)"
done
mkdir alone && cp "$LIC" alone/lic # where it finds no weights
"$LIC" encode --quiet -f --lossless in/one-1x1.png exact.lic
holds "comparing with a lossless file wants no weights" env HOME=/nowhere alone/lic eval in/one-1x1.png exact.lic
holds "--near and -q exclude each other" sh -c '! "$LIC" encode -f --near 1 -q 50 in/one-1x1.png x.lic 2>err; grep -q "near has one size" err'
holds "--near has a limit" sh -c '! "$LIC" encode -f --near 16 in/one-1x1.png x.lic 2>err; grep -q "8 bits is 15" err'
holds "--near 0 is refused" sh -c '! "$LIC" encode -f --near 0 in/one-1x1.png x.lic 2>err; grep -q "1 to 15" err'
finish
