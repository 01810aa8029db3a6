#!/usr/bin/env bash
# Parts of pictures and of files: --crop, --scale, --slices, --salvage.
source "$(dirname "$0")/common.bash"
cd "$T" || exit 1
MODEL=$ROOT/tests/golden/tiny.licw
photo=$DATA/waves-200x168.png

decode() { # OPTIONS...: to out.ppm
    run "$LIC" decode -f --json "$@"
}
pixels() { # FILE.ppm: its samples, without the head of three lines
    tail -n +4 "$1"
}
size_of() { # FILE.ppm
    sed -n 2p "$1"
}

for model in student "$MODEL"; do
    run "$LIC" encode -f --model "$model" -q 60 "$photo" a.lic
    expect "encode" 0
    run "$LIC" decode -f --model "$model" a.lic whole.ppm
    expect "the whole" 0

    # ---- crop ----
    decode --model "$model" --crop 200x9+0+100 a.lic part.ppm
    expect "rows" 0
    holds "rows: size" test "$(size_of part.ppm)" = "200 9"
    holds "rows: the same pixels" cmp <(pixels part.ppm) <(pixels whole.ppm | tail -c +$((3 * 200 * 100 + 1)) | head -c 5400)
    decode --model "$model" --crop 20x7+33+58 a.lic part.ppm
    expect "a rectangle" 0
    holds "a rectangle: the same pixels" cmp <(pixels part.ppm) <(
        for ((y = 58; y < 65; y++)); do pixels whole.ppm | tail -c +$((3 * (200 * y + 33) + 1)) | head -c 60; done)
    decode --model "$model" --crop 20x7+181+0 a.lic outside.ppm
    expect "outside of the picture" 1 "^lic: a.lic: --crop=20x7+181+0 is not inside the picture, which is 200x168"
    holds "outside: nothing written" test ! -e outside.ppm

    for crop in 201x1+0+0 1x169+0+0 1x1+200+0 1x1+0+168 65535x65535+65535+65535; do
        decode --model "$model" --crop $crop a.lic outside.ppm
        expect "outside: $crop" 1 "crop=$crop is not inside"
    done
    decode --model "$model" --crop 200x168+0+0 a.lic part.ppm
    expect "all of it is a part" 0
    holds "all of it" cmp part.ppm whole.ppm
    run "$LIC" decode -f --model "$model" --crop 20x7+33+58 a.lic part.ppm
    expect "the size of the part is told, and that of the whole" 0 ': part.ppm: 20x7 of 200x168, '
    run "$LIC" decode -f --model "$model" a.lic whole.ppm
    expect "the size of the whole" 0 ': whole.ppm: 200x168, '

    # ---- preview ----
    for scale in "1/2 100 84" "1/4 50 42" "1/8 25 21" "1/16 13 11"; do
        decode --model "$model" --scale "${scale%% *}" a.lic small.ppm
        expect "a preview of ${scale%% *}" 0
        holds "${scale%% *}: size" test "$(size_of small.ppm)" = "${scale#* }"
        holds "${scale%% *}: JSON has the picture's size" test "$(number out width)" = 200
        for threads in 1 7; do
            run "$LIC" decode -f -T $threads --model "$model" --scale "${scale%% *}" a.lic again.ppm
            holds "${scale%% *} with $threads threads" cmp small.ppm again.ppm
        done
    done

    # ---- slices ----
    decode --model "$model" --slices 1 a.lic one.ppm
    expect "one slice" 0
    holds "one slice: told" test "$(number out slices)" = 1
    holds "one slice: other pixels" test "$(cmp -s one.ppm whole.ppm; echo $?)" = 1
    decode --model "$model" --slices 16 a.lic all.ppm
    holds "all slices: the same pixels" cmp all.ppm whole.ppm

    # ---- salvage ----
    bytes=$(stat -c %s a.lic)
    head -c $((bytes / 2)) a.lic >cut.lic
    decode --model "$model" cut.lic cut.ppm
    expect "a cut file is refused" 1 "damaged or cut short"
    holds "refused: nothing written" test ! -e cut.ppm
    decode --model "$model" --salvage cut.lic cut.ppm
    expect "a cut file is salvaged, and said so" 1 "cut short: [0-4] of [35] slices were whole"
    holds "salvaged: a picture" test "$(size_of cut.ppm)" = "200 168"
    holds "salvaged: JSON status" test "$(number out status)" = LIC_PARTIAL
    holds "salvaged: JSON slices" test "$(number out whole_slices)" -lt "$(number out slices)"
    decode --model "$model" --salvage a.lic all.ppm
    expect "a whole file needs no salvage" 0
    holds "a whole file: the same pixels" cmp all.ppm whole.ppm
    head -c 20 a.lic >cut.lic
    decode --model "$model" --salvage cut.lic none.ppm
    expect "cut in the head" 1 "ends within its head"
    rm -f cut.ppm
done

# ---- previews by heads ----
# Means of the whole picture, against which those that a head makes from the first slices are held.
run "$LIC" encode -f -q 60 "$DATA/kodim23.png" k.lic
run "$LIC" decode -f k.lic k.ppm
mkdir bare
ln -s "$ROOT/models/weights/student.licw" bare/student.licw
for scale in 2 4 8 16; do
    run "$LIC" decode -f --scale 1/$scale k.lic small.ppm
    holds "1/$scale of a photograph: size" test "$(size_of small.ppm)" = "$((768 / scale)) $((512 / scale))"
    run "$LIC" decode -f --json --scale 1/$scale k.lic small.ppm
    holds "1/$scale by a head, or not" test "$(number out slices)" = "$([ $scale = 2 ] && echo 5 || echo 3)"
    run "$LIC" decode -f --json --scale 1/$scale --model bare/student.licw k.lic mean.ppm
    expect "1/$scale without the file of heads" 0
    holds "without it: all slices but for 1/16" test "$(number out slices)" = "$([ $scale = 16 ] && echo 3 || echo 5)"
    run "$LIC" eval --json mean.ppm small.ppm
    least=$([ $scale = 4 ] && echo 31 || echo 34)
    holds "1/$scale is near to the picture reduced" awk -v least="$least" \
        'match($0, /"psnr": [0-9.]+/) { exit substr($0, RSTART + 8, RLENGTH - 8) < least }' out
done
run "$LIC" info "$ROOT/models/weights/student.licw"
holds "the smallest scale is told" grep -q 'previews of 1/4 and less from the first 3 slices' out
run "$LIC" info bare/student.licw
holds "without the file of heads" grep -q 'previews of 1/16 and less from the first 3 slices' out

# ---- a file of heads that does not belong to the network ----
ln -s "$ROOT/tests/golden/tiny.licw" bare/tiny.licw
ln -s "$ROOT/models/weights/student.previews.licw" bare/tiny.previews.licw
run "$LIC" encode -f --quiet --model bare/tiny.licw "$photo" t.lic
expect "encoding does not look at it" 0
run "$LIC" decode -f --quiet --model bare/tiny.licw t.lic t.ppm
expect "nor does decoding" 0
run "$LIC" decode -f --quiet --model bare/tiny.licw --scale 1/4 t.lic t.ppm
expect "a preview does" 3 'bare/tiny.previews.licw: heads for previews of another network'

# ---- wrong usage ----
for wrong in "--crop 10x10" "--crop 0x5+1+1" "--crop 5x5+1" "--crop 5x5+1+1x" "--crop 5x5-1+1" "--scale 1/32" "--scale 1/3" "--scale 1/" "--scale 16" \
    "--slices 0" "--slices 17" "--scale 1/16 --crop 16x16+0+0" "--scale 1/2 --crop 16x16+0+0"; do
    # shellcheck disable=SC2086
    run "$LIC" decode -f $wrong k.lic wrong.ppm
    expect "$wrong" 2
done
run "$LIC" encode -f --slices 2 "$photo" wrong.lic
expect "--slices is no option of encode" 2

# ---- a file whose check is not that of its latents ----
if command -v python3 >/dev/null; then
    # The head of a file without chunks ends with the check, the checksum and the latents.
    run "$LIC" encode -f --quiet --strip --model "$ROOT/tests/golden/tiny.licw" "$DATA/odd-17x33.png" good.lic
    python3 -c 'import struct, sys, zlib
data, end = bytearray(open("good.lic", "rb").read()), 5 + 1 + 1 + 4 + 2
data[end] ^= 1
data[end + 4:end + 8] = struct.pack("<I", zlib.crc32(bytes(data[:end + 4] + data[end + 8:])))
open("other.lic", "wb").write(data)'
    run "$LIC" decode -f --quiet --model "$ROOT/tests/golden/tiny.licw" good.lic good.ppm
    run "$LIC" decode -f --quiet --model "$ROOT/tests/golden/tiny.licw" other.lic other.ppm
    expect "another check" 1 'not those that were encoded'
    holds "no picture of it" test ! -e other.ppm
    run "$LIC" decode -f --quiet --no-check --model "$ROOT/tests/golden/tiny.licw" other.lic other.ppm
    expect "another check, not looked at" 0
    holds "the picture all the same" cmp good.ppm other.ppm
else
    skip "no python3 to make a file with another check"
fi

# ---- transparency ----
run "$LIC" decode -f --crop 8x8+0+0 k.lic quiet.png
holds "no word of transparency where there is none" test ! -s err -o "$(grep -c transparency err)" = 0
finish
