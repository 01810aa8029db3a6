#!/usr/bin/env bash
# Every kind of picture is read to the right pixels (lic eval against a plain PPM), damaged and foreign
# files are refused with one line that names the file, and nothing crashes on a cut file.
source "$(dirname "$0")/common.bash"

for file in "$DATA"/pngsuite/[bt]*.png "$DATA"/*.jpg; do
    name=${file#"$DATA"/}
    [ -f "$file.ref.ppm" ] || continue
    run "$LIC" eval --alpha drop --json "$file" "$file.ref.ppm"
    expect "$name is read" 0
    case $name in # decoders of JPEG may differ by one level
    *.jpg) holds "$name pixels" at_least "$(number "$T/out" psnr | sed 's/null/99/')" 50 ;;
    *) holds "$name pixels" grep -q '"psnr": null' "$T/out" ;;
    esac
done

run "$LIC" eval "$DATA/cmyk.jpg" "$DATA/cmyk.jpg"
expect "CMYK is read, by the plain formula" 0 'cmyk.jpg: warning: JPEG: CMYK becomes RGB'

refused() { # PATTERN FILE
    run "$LIC" eval "$2" "$2"
    expect "${2##*/} is refused" 1 "^lic: $2: .*$1"
    holds "${2##*/}: one line" test "$(wc -l <"$T/err")" -eq 1
}
for file in "$DATA"/pngsuite/x*.png; do
    refused 'damaged PNG' "$file"
done
refused 'transparency.*--alpha=drop.*--alpha=blend' "$DATA/pngsuite/basn6a08.png"
printf 'GIF89a..........' >"$T/a.gif"
refused 'is a GIF file' "$T/a.gif"
printf 'RIFF....WEBPVP8 ' >"$T/a.png"
refused 'is a WebP file' "$T/a.png"
: >"$T/empty.png"
refused 'is empty' "$T/empty.png"
run "$LIC" eval "$T" "$T/empty.png"
expect "a folder and a file" 1 'is a folder'
refused 'cannot open: No such file' "$T/none.png"
printf 'P6\n70000 1\n255\n' >"$T/wide.ppm"
refused 'sides must be' "$T/wide.ppm"
printf 'P6\n60000 60000\n255\n' >"$T/huge.ppm"
refused 'ends too early' "$T/huge.ppm"
printf 'P6\n2 1\n0\n......' >"$T/max.ppm"
refused 'bad header' "$T/max.ppm"
printf 'P5\n2 1\n7\n\1\10' >"$T/over.ppm"
refused 'a sample of 8' "$T/over.ppm"
printf 'P5 1 1 255 aP5 1 1 255 b' >"$T/two.ppm"
refused 'more than one picture' "$T/two.ppm"
run "$LIC" eval --max-pixels 100 "$DATA/odd-17x33.png" "$DATA/odd-17x33.png"
expect "--max-pixels" 1 '17x33.*--max-pixels=100'

# The same picture as text and binary, with comments, and by another maximum.
printf 'P2 # comment\n# 9 9\n3 1\n255\n0 128 255\n' >"$T/text.pgm"
printf 'P5\n3 1\n255\n\0\200\377' >"$T/binary.pgm"
printf 'P3\n3 1\n255\n0 0 0 128 128 128 255 255 255' >"$T/rgb.ppm"
for file in binary.pgm rgb.ppm; do
    run "$LIC" eval "$T/text.pgm" "$T/$file"
    expect "text.pgm against $file" 0
    holds "text.pgm equals $file" grep -q 'equal' "$T/out"
done

# Bits: one is black; rows of a binary file end with a byte; text needs no blanks.
printf 'P4\n# nine columns\n9 2\n\252\200\125\0' >"$T/bits.pbm"
printf 'P1\n9 2\n101010101\n010101010' >"$T/text.pbm"
printf 'P1 9 2 1 0 1 0 1 0 1 0 1 0 1 0 # c\n1 0 1 0 1 0\n' >"$T/blanks.pbm"
printf 'P2 9 2 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1' >"$T/bits.pgm"
for file in bits.pbm text.pbm blanks.pbm; do
    run "$LIC" eval "$T/bits.pgm" "$T/$file"
    expect "$file" 0
    holds "$file is right" grep -q equal "$T/out"
done
printf 'P4\n9 2\n\252\200\125' >"$T/short.pbm"
refused 'ends too early' "$T/short.pbm"
printf 'P1\n9 2\n10101010101010101' >"$T/short.pbm"
refused 'ends too early\|samples are missing' "$T/short.pbm"
printf 'P1\n2 1\n12' >"$T/two.pbm"
refused 'samples are missing' "$T/two.pbm"

# Cut at many places: refused, or (a few bytes from the end) read; never a crash.
cut_everywhere() { # FILE STEP
    local size at crashed=0 read=0
    size=$(stat -c %s "$1")
    for ((at = 1; at < size; at += $2)); do
        head -c "$at" "$1" >"$T/cut"
        run "$LIC" eval --alpha drop "$T/cut" "$T/cut"
        [ $rc -gt 1 ] && crashed=$((crashed + 1))
        [ $rc -eq 0 ] && read=$((read + 1))
    done
    holds "${1##*/} cut: no crash" test $crashed -eq 0
    holds "${1##*/} cut: not taken as whole" test $read -eq 0
}
cut_everywhere "$DATA/odd-17x33.png" 41
cut_everywhere "$DATA/meta.png" 211
cut_everywhere "$DATA/meta.jpg" 97
cut_everywhere "$DATA/progressive.jpg" 61
cut_everywhere "$DATA/pngsuite/basi3p04.png" 17

# A byte changed: PNG has checksums, so the picture is refused or its pixels are the right ones.
size=$(stat -c %s "$DATA/pngsuite/basi2c08.png") wrong=0
for ((at = 8; at < size; at += 3)); do
    cp "$DATA/pngsuite/basi2c08.png" "$T/flip.png"
    byte=$(od -An -tu1 -j $at -N 1 "$T/flip.png" | tr -d ' ')
    printf "\\$(printf %03o $((byte ^ 32)))" | dd of="$T/flip.png" bs=1 seek=$at conv=notrunc status=none
    run "$LIC" eval "$T/flip.png" "$DATA/pngsuite/basi2c08.png.ref.ppm"
    [ $rc -gt 1 ] && wrong=$((wrong + 1))
    [ $rc -eq 0 ] && ! grep -q equal "$T/out" && wrong=$((wrong + 1))
done
holds "changed bytes in a PNG: refused or harmless" test $wrong -eq 0
finish
