#!/usr/bin/env bash
# Every PNG of PngSuite, there and back: what is read is what a second reader sees (tests/pngread.py), size, grey,
# bits, alpha and metadata come back, an interlaced picture is its twin, the corrupt ones are refused. The selection in
# tests/data/pngsuite always, and all of them where they are: LIC_PNGSUITE, or ../shared/pngsuite.
source "$(dirname "$0")/common.bash"
cd "$T" || exit 1
python=$(command -v python3 || echo)

refuse() { # FOLDER: names with x
    local file
    for file in "$1"/x*.png; do
        rm -f out.lic
        run "$LIC" encode "$file" out.lic
        expect "${file##*/} is refused" 1 "^lic: $file: damaged PNG: ."
        holds "${file##*/}: one line" test "$(wc -l <err)" -eq 1
        holds "${file##*/}: no file" test ! -e out.lic
    done
}

twins() { # interlaced pictures give the same streams as plain ones
    local file plain
    for file in lic/basi*.lic lic/s??i*.lic; do
        [ -e "$file" ] || continue
        plain=${file/basi/basn}
        plain=$(echo "$plain" | sed 's/\(s[0-9][0-9]\)i/\1n/')
        [ ! -e "$plain" ] || holds "${file##*/} is as not interlaced" cmp "$file" "$plain"
    done
}

compare() { # FOLDER DECODED [DEPTH]: one failure for each picture that differs
    [ -n "$python" ] || return
    run "$python" "$ROOT/tests/pngread.py" same "$1" "$2" ${3:+"$3"}
    if [ $rc -eq 0 ]; then ok "$2"; else bad "$1: $(cat out err)"; fi
}

check() { # FOLDER
    local n
    rm -rf lic png png8 png16 ref valid
    mkdir ref valid
    cp "$1"/[!x]*.png valid
    n=$(find valid -name '*.png' | wc -l)
    run "$LIC" encode --quiet --output-dir lic valid/*.png
    expect "$1: encode" 0
    run "$LIC" decode --quiet --output-dir png lic/*.lic
    expect "$1: decode" 0
    run "$LIC" decode --quiet --depth 8 --output-dir png8 lic/*.lic
    expect "$1: --depth 8" 0
    run "$LIC" decode --quiet --depth 16 --output-dir png16 lic/*.lic
    expect "$1: --depth 16" 0
    holds "$1: all $n came back" test "$(find png -name '*.png' | wc -l)" -eq "$n"
    compare valid png
    compare valid png8 8
    compare valid png16 16
    twins
    refuse "$1"
    [ -n "$python" ] || return
    "$python" "$ROOT/tests/pngread.py" ppm valid ref
    run "$LIC" eval --alpha drop --csv valid ref
    expect "$1: read" 0
    # name, ..., psnr: inf where all samples are equal
    holds "$1: read right" test "$(grep -c ',inf' out)" -ge "$n"
}

check "$DATA/pngsuite"
suite=${LIC_PNGSUITE:-$ROOT/../shared/pngsuite}
if [ -d "$suite" ]; then
    check "$suite"
else
    skip "the whole of PngSuite is not in $suite (LIC_PNGSUITE names it)"
fi
if [ -z "$python" ]; then
    skip "no python3 to read PNG a second time"
fi
finish
