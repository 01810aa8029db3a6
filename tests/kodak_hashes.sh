#!/usr/bin/env bash
# kodak_hashes.sh - the same bytes, latents and pixels everywhere: encodes and decodes the Kodak pictures at two
# qualities and compares SHA-256 of the .lic file without metadata, check of the latents and SHA-256 of the decoded PPM with
# tests/golden/kodak-hashes.txt.
#
#   tests/kodak_hashes.sh FOLDER [--write] [--only kodim04,kodim23] [LIC OPTIONS...]
#
# FOLDER holds kodim01.png ... (datasets_fetch.sh). LIC OPTIONS go to every call, e.g. --cpu avx2 -T 7. LIC names the
# program, with an emulator if need be: LIC="qemu-aarch64 build-arm/lic". --write makes the list anew, for new weights.
# Last line: N passed, N failed.
set -euo pipefail
folder=$1
shift
write= only=
while [[ ${1:-} == --write || ${1:-} == --only ]]; do
    if [[ $1 == --write ]]; then write=1; else only=$2; shift; fi
    shift
done
root=$(cd "$(dirname "$0")/.." && pwd)
list=$root/tests/golden/kodak-hashes.txt
read -ra lic <<<"${LIC:-$root/build/lic}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
model=$root/models/weights/student.licw
passed=0 failed=0

hashes() { # PICTURE QUALITY
    "${lic[@]}" encode -f --quiet --json --strip --model "$model" -q "$2" "${options[@]}" "$folder/$1.png" -o "$work/a.lic" >"$work/json"
    "${lic[@]}" decode -f --quiet --model "$model" "${options[@]}" "$work/a.lic" -o "$work/a.ppm"
    echo "$1 $2 $(sha256sum <"$work/a.lic" | cut -c1-16)" \
        "$(sed -n 's/.*"check_latents": "\([0-9a-f]*\)".*/\1/p' "$work/json")" "$(sha256sum <"$work/a.ppm" | cut -c1-16)"
}

options=("$@")
if [[ $write ]]; then
    {
        echo "# picture, quality, .lic (SHA-256, 16 digits), check of latents, decoded PPM; written by tests/kodak_hashes.sh"
        for ((i = 1; i <= 24; i++)); do
            for q in 20 70; do hashes "$(printf 'kodim%02d' "$i")" "$q"; done
        done
    } >"$list.new"
    mv "$list.new" "$list"
    exit
fi
while read -r name quality file latents pixels; do
    [[ $name == \#* || (-n $only && ,$only, != *,$name,*) ]] && continue
    if [[ $(hashes "$name" "$quality") == "$name $quality $file $latents $pixels" ]]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "$name at quality $quality differs"
    fi
done <"$list"
echo "$passed passed, $failed failed"
((failed == 0))
