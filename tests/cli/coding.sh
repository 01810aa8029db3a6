#!/usr/bin/env bash
# Pictures through encode and decode with the shipped weights: kind, size and metadata stay, quality does what it says,
# threads change nothing, damage and missing models are told apart. No figure here depends on how good the present
# weights are.
source "$(dirname "$0")/common.bash"
cd "$T" || exit 1

code() { # IN OUT OPTIONS...: encode, decode
    local in=$1 out=$2
    shift 2
    run "$LIC" encode -f --json "$in" c.lic "$@"
    [ $rc -eq 0 ] || { expect "encode ${in##*/} $*" 0; return; }
    cp out encode.json
    run "$LIC" decode -f --json c.lic "$out"
    expect "code ${in##*/} $*" 0
}
quality_of() { # REFERENCE PICTURE
    "$LIC" eval --json "$1" "$2" >eval.json 2>/dev/null
    number eval.json psnr
}

# ---- a photograph ----
photo=$DATA/kodim23.png
last_bytes=0 last_psnr=0
for q in 0 50 100; do
    code "$photo" photo.png -q $q --strip
    bytes=$(number encode.json bytes) psnr=$(quality_of "$photo" photo.png)
    holds "q $q: bytes told" test "$(stat -c %s c.lic)" -eq "$bytes"
    holds "q $q: bpp told" near "$(number encode.json bpp)" "$(awk "BEGIN { print 8 * $bytes / 393216 }")" 0.00001
    holds "q $q: more bytes than before ($bytes)" test "$bytes" -gt "$last_bytes"
    holds "q $q: better than before ($psnr)" at_least "$psnr" "$(awk "BEGIN { print $last_psnr + 1 }")"
    holds "q $q: head and checks are small" test $((bytes - $(number encode.json latent_bytes))) -le 24
    holds "q $q: one check of latents" test "$(number encode.json check_latents)" = "$(number out check_latents)"
    last_bytes=$bytes last_psnr=$psnr
done
holds "a photograph is recognisable at q 0 and fine at q 100" at_least "$last_psnr" 35
run "$LIC" decode -f c.lic photo.jpg
expect "to JPEG" 0
run "$LIC" decode -f c.lic photo.ppm
expect "to PPM" 0
holds "PPM equals PNG" test "$(quality_of photo.png photo.ppm)" = null
holds "JPEG is near PNG" at_least "$(quality_of photo.png photo.jpg)" 38

# ---- a loss of bytes is told, a gain is not ----
cp "$DATA/pngsuite/basn0g16.png" drawing.png # of slopes that break off at any value
run "$LIC" encode -f -q 100 drawing.png c.lic
expect "a drawing" 0
holds "larger than its PNG" grep -q "drawing.png: warning: takes more bytes as .lic: $(stat -c %s c.lic), and $(stat -c %s drawing.png) as it is" err
run sh -c "\"$LIC\" encode -f -q 100 - c.lic <drawing.png"
holds "from standard input too" grep -q "takes more bytes as .lic" err
run "$LIC" encode -f --quiet drawing.png c.lic
holds "not with --quiet" test ! -s err
run "$LIC" encode -f "$photo" c.lic
holds "a photograph takes less" test "$(grep -c "more bytes" err)" = 0

# ---- the same for any number of threads, by any instruction set ----
small=$DATA/waves-200x168.png
run "$LIC" encode -T 1 "$small" t1.lic
expect "one thread" 0
run "$LIC" decode -T 1 t1.lic t1.ppm
expect "one thread back" 0
for threads in 2 3 7; do
    run "$LIC" encode -f -T $threads "$small" tn.lic
    holds "$threads threads: same file" cmp t1.lic tn.lic
    run "$LIC" decode -f -T $threads t1.lic tn.ppm
    holds "$threads threads: same pixels" cmp t1.ppm tn.ppm
done
run env LIC_THREADS=2 "$LIC" encode -f "$small" tn.lic
holds "LIC_THREADS: same file" cmp t1.lic tn.lic
levels=$("$LIC" -V | sed -n 's/^cpu .*(has: \(.*\))$/\1/p')
holds "this machine's instruction sets are named" grep -qw scalar <<<"$levels"
for cpu in $levels; do
    run "$LIC" encode -f --cpu $cpu "$DATA/odd-17x33.png" cpu.lic
    expect "--cpu $cpu" 0
    [ -e cpu.first ] || cp cpu.lic cpu.first
    holds "--cpu $cpu: same file" cmp cpu.lic cpu.first
    run "$LIC" decode -f --cpu $cpu cpu.first cpu.ppm
    [ -e cpu.first.ppm ] || cp cpu.ppm cpu.first.ppm
    holds "--cpu $cpu: same pixels" cmp cpu.ppm cpu.first.ppm
done

# ---- tiles ----
run "$LIC" encode -f --json "$small" whole.lic
cp out whole.json
run "$LIC" encode -f --json --tile 64 "$small" tiles.lic
expect "--tile 64" 0
holds "--tile 64: less memory" test "$(number out planned_bytes)" -lt "$(number whole.json planned_bytes)"
for side in 64 128; do
    "$LIC" encode -f --quiet --tile $side "$small" tiles.lic && "$LIC" decode -f --quiet tiles.lic tiles.ppm
    run "$LIC" info --json tiles.lic
    holds "--tile $side: info tells it" test "$(number out tile_width) $(number out tile_height)" = "$side $side"
    holds "--tile $side: the same picture" at_least "$(quality_of "$small" tiles.ppm)" \
        "$(awk "BEGIN { print $(quality_of "$small" t1.ppm) - 1 }")"
done
# Rows of tiles are written while the next is decoded, if there are threads and memory for it.
"$LIC" encode -f --quiet --tile 64 "$small" tiles.lic
run "$LIC" decode -f -T 1 tiles.lic alone.png
run "$LIC" decode -f -T 2 tiles.lic beside.png
expect "written beside the decoder" 0
holds "the same file" cmp alone.png beside.png
run "$LIC" decode -f -T 2 --max-memory 1G tiles.lic limited.png
holds "the same with a limit on memory" cmp alone.png limited.png
if [ -w /dev/full ]; then
    "$LIC" decode -T 2 --format png tiles.lic -o - >/dev/full 2>err; rc=$?
    expect "a full disk" 1 'cannot write'
else
    skip "no /dev/full is here"
fi
run "$LIC" info --json whole.lic
holds "no --tile: one tile" test "$(number out tile_width)" = 0
run "$LIC" info --json --plan 3000x2000 --tile 2048
planned=$(number out planned_bytes)
run "$LIC" info --json --plan 3000x2000 --tile 512
holds "--plan knows --tile" test "$(number out planned_bytes)" -lt $((planned / 4))

# ---- kinds of pictures ----
kind() { # IN CHANNELS DEPTH WIDTH HEIGHT
    code "$DATA/$1" kind.png
    holds "$1: channels" test "$(number out channels)" = "$2"
    holds "$1: depth" test "$(number out depth)" = "$3"
    holds "$1: size" test "$(number out width)x$(number out height)" = "$4x$5"
    # bit depth and colour type in the PNG head: 0 grey, 2 RGB
    holds "$1: PNG has them too" test "$(od -An -tu1 -j 24 -N 2 kind.png | tr -s ' ')" = " $3 $(($2 - 1))"
}
kind one-1x1.png 3 8 1 1
kind odd-17x33.png 3 8 17 33
kind grey-40x30.png 1 8 40 30
kind grey16-24x20.png 1 16 24 20
kind rgb16-20x24.png 3 16 20 24
kind pngsuite/basn3p02.png 3 8 32 32
kind pngsuite/basn0g01.png 1 8 32 32
kind progressive.jpg 3 8 50 37
kind grey.jpg 1 8 50 37
run "$LIC" encode -f "$DATA/rgb16-20x24.png" d.lic
run "$LIC" decode --depth 8 d.lic d8.png
expect "--depth 8" 0
holds "--depth 8 gives 8 bits" test "$(od -An -tu1 -j 24 -N 1 d8.png | tr -d ' ')" = 8
run "$LIC" decode d.lic d.jpg
expect "16 bits to JPEG" 0
run "$LIC" decode d.lic d.ppm
holds "16 bits to PPM" grep -aq '^65535$' d.ppm

# ---- metadata ----
chunks() { # FILE
    "$LIC" info --json "$1" | sed 's/.*"chunks": //; s/}.*/}/'
}
for suffix in jpg png; do
    code "$DATA/meta.$suffix" meta.$suffix
    holds "meta.$suffix: three chunks" grep -q 'iccp.*exif.*xmp ' <(chunks c.lic)
    first=$(chunks c.lic)
    code meta.$suffix again.png
    holds "meta.$suffix: written back" test "$(chunks c.lic)" = "$first"
done
code "$DATA/meta.jpg" m.png --strip
holds "--strip" test "$(chunks c.lic | tr -dc 'a-z ' | xargs)" = 'iccp exif'
code "$DATA/meta.jpg" m.png --metadata exif,xmp
holds "--metadata LIST" test -z "$(chunks c.lic | grep iccp)"
run "$LIC" encode -f "$DATA/meta.jpg" c.lic
run "$LIC" decode c.lic m.ppm
expect "metadata that a PPM cannot hold" 0 'warning: metadata is left out'

# ---- limits ----
run "$LIC" encode --max-pixels 1000 "$small" no.lic
expect "--max-pixels on encode" 1 '200x168'
run "$LIC" decode --max-pixels 1000 t1.lic no.png
expect "--max-pixels on decode" 1 '200x168'
run "$LIC" encode --max-memory 1M "$small" no.lic
expect "--max-memory on encode" 1
run "$LIC" decode --max-memory 1M t1.lic no.png
expect "--max-memory on decode" 1
holds "nothing was written" test ! -e no.lic -a ! -e no.png

# ---- information ----
run "$LIC" info t1.lic
expect "info" 0
holds "info tells the size" grep -q '200x168, RGB, 8 bit' out
run "$LIC" info --json t1.lic
holds "info as JSON" test "$(number out bytes)" = "$(stat -c %s t1.lic)"
run "$LIC" info --plan 768x512 --json
expect "info --plan" 0
holds "a plan of some size" at_least "$(number out planned_bytes)" 1000000

# ---- damage: every byte counts ----
run "$LIC" encode "$DATA/one-1x1.png" one.lic
size=$(stat -c %s one.lic) seen=0 wrong=0 # the head names the model: exit 3 is right there
for ((at = 0; at < size; at++)); do
    cp one.lic flip.lic
    byte=$(od -An -tu1 -j $at -N 1 one.lic | tr -d ' ')
    printf "\\$(printf %03o $((byte ^ (1 << (at % 8)))))" | dd of=flip.lic bs=1 seek=$at conv=notrunc status=none
    run "$LIC" decode -f flip.lic flip.png
    if [ $rc -ne 1 ] && [ $rc -ne 3 ]; then wrong=$((wrong + 1)); fi
    head -c $at one.lic >cut.lic
    run "$LIC" decode -f cut.lic flip.png
    [ $rc -ne 1 ] && wrong=$((wrong + 1))
    seen=$((seen + 1))
done
holds "a changed bit in or a cut before any of $seen bytes is an error" test $wrong -eq 0
holds "and gives no picture" test ! -e flip.png

# ---- models ----
mkdir -p alone/bin empty
cp "$LIC" alone/bin/lic
run alone/bin/lic encode "$small" no.lic
expect "no model to be found" 3 "model 'student'"
run alone/bin/lic decode t1.lic no.png
expect "the stream's model is missing" 3 'needs model [0-9a-f]\{8\}'
run "$LIC" encode --model nosuch "$small" no.lic
expect "unknown model" 3 "model 'nosuch'"
run "$LIC" encode --model ./nosuch.licw "$small" no.lic
expect "no such model file" 3 'nosuch.licw'
weights=$("$LIC" -V | sed -n 's#.* \(/.*/student\.licw\)$#\1#p')
run env LIC_MODEL_DIR="${weights%/*}" alone/bin/lic decode t1.lic by-folder.ppm
expect "LIC_MODEL_DIR" 0
run alone/bin/lic decode --model "$weights" t1.lic by-file.ppm
expect "--model FILE" 0
holds "the same pixels" cmp by-file.ppm t1.ppm
mkdir -p alone/share
ln -s "${weights%/*}" alone/share/lic
run alone/bin/lic decode t1.lic by-share.ppm
expect "share/lic beside bin" 0
head -c 1000000 "$weights" >student.licw
run "$LIC" encode --model ./student.licw "$small" no.lic
expect "a cut weights file" 3 'student.licw'
run "$LIC" info "$weights"
expect "info on weights" 0
holds "nothing was written by failures" test ! -e no.lic -a ! -e no.png
holds "no temporary files" no_strays .
finish
