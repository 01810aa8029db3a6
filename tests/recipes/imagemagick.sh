#!/usr/bin/env bash
# The recipe "Other programs, other formats" of cli/RECIPES.md, tried: ImageMagick reads and writes .lic files by two
# delegates, and WebP, TIFF and AVIF go in by a pipe. By hand; needs convert (ImageMagick); cwebp, avifenc
# and vips where they are there.  tests/recipes/imagemagick.sh
source "$(dirname "$0")/../cli/common.bash"
command -v convert >/dev/null || { echo "skip: no convert"; exit 0; }
cd "$T" || exit 1
mkdir bin config
ln -s "$LIC" bin/lic
export PATH=$T/bin:$PATH LIC_MODEL_DIR=$ROOT/models/weights MAGICK_CONFIGURE_PATH=$T/config

# The two lines as the recipe has them.
{ echo '<delegatemap>' && grep '^ *<delegate ' "$ROOT/cli/RECIPES.md" && echo '</delegatemap>'; } >config/delegates.xml
holds "the recipe has two delegates" test "$(grep -c '<delegate ' config/delegates.xml)" = 2
same() { # A B
    "$LIC" eval --json "$1" "$2" | grep -q '"psnr": null'
}

run lic encode --quiet -q 70 "$DATA/waves-200x168.png" a.lic
expect "a file" 0
lic decode --quiet a.lic whole.png
run convert a.lic read.png
expect "convert reads it" 0
holds "the same pixels" same whole.png read.png
run convert a.lic -resize 50% small.jpg
expect "and makes something of it" 0
run convert "$DATA/waves-200x168.png" -quality 70 written.lic
expect "convert writes one" 0
holds "it is a .lic file" lic info written.lic
holds "of that quality" bash -c 'lic info --json written.lic | grep -q "\"quality\": 70"'
lic encode --quiet "$DATA/pngsuite/tbbn3p08.png" alpha.lic
run convert alpha.lic alpha.png
expect "transparency" 0
holds "is read" test "$(od -An -tu1 -j25 -N1 alpha.png | tr -d ' ')" = 6
head -c 500 a.lic >cut.lic
run convert cut.lic cut.png
holds "a cut file is an error" test "$rc" -ne 0
holds "no picture of it" test ! -e cut.png

latents() { # FILE
    lic info --json "$1" >info.json && number info.json check_latents
}
piped() { # NAME COMMAND: by a pipe, as the PNG it was made of
    run bash -c "$2"
    expect "$1" 0
    holds "$1: the same latents" test "$(latents "$1.lic")" = "$(latents png.lic)"
}
cp "$DATA/waves-200x168.png" photo.png
lic encode --quiet --strip photo.png png.lic
convert photo.png photo.tif
piped tiff 'convert photo.tif png:- | lic encode --quiet --strip - tiff.lic'
convert photo.png photo.bmp
piped bmp 'convert photo.bmp ppm:- | lic encode --quiet --strip - bmp.lic'
if command -v cwebp >/dev/null && command -v dwebp >/dev/null; then
    cwebp -quiet -lossless photo.png -o photo.webp
    piped webp 'dwebp -quiet photo.webp -ppm -o - | lic encode --quiet --strip - webp.lic'
fi
if command -v avifenc >/dev/null && command -v avifdec >/dev/null; then
    avifenc --lossless photo.png photo.avif >/dev/null
    piped avif 'avifdec photo.avif photo-avif.png >/dev/null && lic encode --quiet --strip photo-avif.png avif.lic'
fi
if command -v vips >/dev/null; then
    piped vips 'vips copy photo.tif .png | lic encode --quiet --strip - vips.lic'
fi
finish
