#!/usr/bin/env bash
# lic eval on folders: partners by name, means, rates, CSV and JSON; grey and 16 bits.
source "$(dirname "$0")/common.bash"
cd "$T" || exit 1
mkdir ref dist sizes
cp "$DATA/waves-200x168.png" ref/a.png
cp "$DATA/waves-24-colours.png" dist/a.png
cp "$DATA/waves-200x168.png" ref/b.png
"$LIC" decode --quiet --format ppm -o dist/b.ppm - < <("$LIC" encode --quiet -c ref/b.png)
head -c 4200 /dev/zero >sizes/a.webp
head -c 8400 /dev/zero >sizes/b.bin
echo x >ref/readme.txt

run "$LIC" eval --json ref dist
expect "folders" 0
holds "a line per picture and the mean" test "$(wc -l <out)" -eq 3
"$LIC" eval --json ref/b.png dist/b.ppm >b
for key in psnr msssim msssim_db mse; do
    x=$(sed -n 1p out >x; number x $key) y=$(number b $key)
    holds "mean of $key" near "$(tail -n 1 out >x; number x $key)" "$(awk "BEGIN { print ($x + $y) / 2 }")" 0.001
done
holds "no rate is known" grep -q '"bpp": null' x
run "$LIC" eval --json --size-of sizes ref dist
expect "--size-of" 0
holds "bpp of the first" test "$(sed -n 1p out >x; number x bpp)" = 1.000000
holds "mean bpp" test "$(tail -n 1 out >x; number x bpp)" = 1.500000
run "$LIC" eval --csv --size-of sizes ref dist
expect "--csv" 0
holds "csv head" test "$(head -n 1 out)" = name,bpp,psnr,ms-ssim,ms-ssim-db
holds "csv row" grep -q '^a.png,1.000000,18.200437,0.84174153,8.0063' out
holds "csv mean" grep -q '^mean,1.500000,' out
run "$LIC" eval ref dist
expect "as text" 0
holds "text has the mean" grep -q '^mean  *-  *[0-9]*\.[0-9]' out
run "$LIC" eval --json=lines.json ref dist
expect "--json=FILE" 0
holds "all lines are in the file" test "$(wc -l <lines.json)" -eq 3
holds "and none elsewhere" test ! -s out

# A .lic file is decoded, and its own size counts.
rm dist/b.ppm
"$LIC" encode --quiet ref/b.png dist/b.lic
run "$LIC" eval --json ref dist
expect "a .lic among them" 0
holds "its size" test "$(sed -n 2p out >x; number x bytes)" = "$(stat -c %s dist/b.lic)"
holds "its quality" test "$(number x psnr)" = "$(number b psnr)"
run "$LIC" eval ref/b.png dist/b.lic
expect "a .lic alone" 0
holds "text has the rate" grep -q "^rate .* bpp, $(stat -c %s dist/b.lic) bytes" out

# What is missing or ambiguous fails, and there is no mean of the rest.
cp "$DATA/odd-17x33.png" ref/c.png
run "$LIC" eval --json ref dist
expect "no partner" 1 'ref/c.png: has no partner in dist'
holds "the others are measured" test "$(grep -c '"status": "LIC_OK"' out)" -eq 2
holds "no mean" bash -c "tail -n 1 out | grep -q '\"failed\": 1' && ! tail -n 1 out | grep -q psnr"
cp "$DATA/odd-17x33.png" dist/c.ppm
cp "$DATA/odd-17x33.png" dist/c.pgm
run "$LIC" eval ref dist
expect "two candidates" 1 'ref/c.png: has two candidates in dist: c.pgm and c.ppm'
holds "text has no mean" bash -c '! grep -q ^mean out'
cp "$DATA/odd-17x33.png" dist/c.png
run "$LIC" eval --csv ref dist
expect "the same name goes first" 0
holds "no MS-SSIM: empty in CSV" grep -q '^c.png,,inf,,$' out
mkdir empty
run "$LIC" eval empty dist
expect "an empty folder" 1 'empty: holds no pictures'
run "$LIC" eval ref dist/b.lic
expect "a folder and a file" 1 'ref: is a folder'
run "$LIC" eval --size-of sizes/a.webp ref dist
expect "--size-of a file for folders" 2 'a folder for two folders'
run "$LIC" eval --size-of none ref/a.png dist/a.png
expect "--size-of what is not there" 1 'none: No such file'
run "$LIC" eval --json --csv ref dist
expect "both" 2 'one of them'

# Grey, and 16 bits: one step of 65535 on every sample is 20 log10(65535) dB, and is seen.
pgm() { # NAME HIGH LOW: 16 x 16 samples of 16 bits
    { printf 'P5 16 16 65535\n'; for _ in $(seq 256); do printf "\\x$2\\x$3"; done; } >"$1"
}
pgm g1.pgm 80 00
pgm g2.pgm 80 01
run "$LIC" eval --json g1.pgm g2.pgm
expect "16 bits" 0
holds "16 bits in full" near "$(number out psnr)" 96.3295 0.001
printf 'P5 1 1 255\n\200' >one.pgm
printf 'P6 1 1 255\n\200\200\201' >one.ppm
run "$LIC" eval --json one.pgm one.ppm
expect "grey against RGB" 0
holds "a third of the samples is off by one" near "$(number out mse)" 0.333333 0.000001
finish
