#!/usr/bin/env bash
# demo.sh FOLDER - what `make demo` shows: a photograph compressed and decoded, with the figures.
# LIC is the program; the photograph is tests/data/kodim23.png, see there for its source.
set -eu
export LC_ALL=C
lic=${LIC:-build/lic}
folder=$1
photo=$(dirname "$0")/../tests/data/kodim23.png
mkdir -p "$folder"
cp "$photo" "$folder/original.png"

value() { # JSON KEY
    sed -n "s/.*\"$2\": \"\{0,1\}\([^,}\"]*\).*/\1/p" <<<"$1"
}
round() { # DECIMALS NUMBER
    awk -v d="$1" -v x="$2" 'BEGIN { printf "%.*f", d, x }'
}
seconds() { # JSON
    round 2 "$(awk -v ms="$(value "$1" total)" 'BEGIN { print ms / 1000 }')"
}

encoded=$("$lic" encode -f --json "$folder/original.png" "$folder/photo.lic")
decoded=$("$lic" decode -f --json "$folder/photo.lic" "$folder/decoded.png")
compared=$("$lic" eval --json "$folder/original.png" "$folder/decoded.png")

cat <<END

  photograph   $(value "$encoded" width)x$(value "$encoded" height), $(stat -c %s "$photo") bytes as PNG
  compressed   $(value "$encoded" bytes) bytes, $(round 4 "$(value "$encoded" bpp)") bits per pixel, \
quality $(round 0 "$(value "$encoded" quality)"), model $(value "$encoded" model)
  PSNR         $(round 2 "$(value "$compared" psnr)") dB
  MS-SSIM      $(round 4 "$(value "$compared" msssim)") ($(round 2 "$(value "$compared" msssim_db)") dB)
  encoding     $(seconds "$encoded") s, decoding $(seconds "$decoded") s, on $(nproc) cores

  original     $folder/original.png
  .lic file    $folder/photo.lic
  decoded      $folder/decoded.png
END
