#!/usr/bin/env bash
# Sizes and PSNR as targets, --report and decode --test: promises are kept, and reports agree with the files.
# tests/bench/targets.sh measures how close targets come on photographs.
source "$(dirname "$0")/common.bash"
cd "$T" || exit 1
small=$DATA/waves-200x168.png

below() { # WHAT GOT TARGET: at most the target, at most 3 per cent below it
    holds "$1: $2 is not above $3" at_least "$3" "$2"
    holds "$1: $2 is near $3" at_least "$2" "$(awk "BEGIN { print 0.97 * $3 }")"
}

run "$LIC" encode -q 50 --json "$small" ref.lic
bytes=$(number out bytes)
run "$LIC" encode --json --target-size "$bytes" "$small" a.lic
expect "the size of another file" 0
below "size" "$(stat -c %s a.lic)" "$bytes"
holds "at most seven encodes" at_least 7 "$(number out encodes)"
bpp=$(awk "BEGIN { print 1.3 * 8 * $bytes / 33600 }")
run "$LIC" encode -f --json --target-bpp "$bpp" "$small" a.lic
expect "bpp" 0
below "bpp, of the whole file" "$(awk "BEGIN { print 8 * $(stat -c %s a.lic) / 33600 }")" "$bpp"
run "$LIC" encode -f --target-size 0.3k --metadata all "$DATA/meta.png" m.lic
expect "metadata counts" 1 'bytes are out of reach; [0-9]* bytes .* are the least'
least=$(sed 's/.*reach; //; s/ bytes.*//' err)
run "$LIC" encode -q 0 "$DATA/meta.png" m.lic
holds "the least that is named is true" test "$(stat -c %s m.lic)" = "$least"
run "$LIC" encode -f --target-size "$least" "$DATA/meta.png" m.lic
expect "and can be had" 0
run "$LIC" encode -f --json --target-size 1M "$small" a.lic
expect "more than there is to give" 0
holds "loses nothing" sh -c '"$LIC" info a.lic | grep -q "lossless"'
holds "in one encode" test "$(number out encodes)" = 1

run "$LIC" encode -f --json --report --target-psnr 33 "$small" a.lic
expect "PSNR" 0
psnr=$(number out psnr)
run "$LIC" decode -f a.lic a.png
run "$LIC" eval --json "$small" a.png
holds "--report tells what eval finds" test "$(number out psnr)" = "$psnr"
holds "PSNR $psnr is not below the target" at_least "$psnr" 33
# what no quality reaches: nearly lossless files, and lossless ones. A photograph, whose sizes are in that order
photo=$DATA/kodim23.png last=0
for psnr in 40 45 49.7 50.5; do
    run "$LIC" encode -f --json --report --target-psnr $psnr "$photo" p.lic
    expect "$psnr dB" 0
    [ $psnr = 50.5 ] && holds "$psnr dB: nothing is lost" grep -q '"psnr": null' out
    [ $psnr = 50.5 ] || holds "$psnr dB: not below, and some is lost" at_least "$(number out psnr)" $psnr
    holds "$psnr dB: larger than with less" at_least "$(stat -c %s p.lic)" $((last + 1))
    last=$(stat -c %s p.lic)
done
run "$LIC" encode -f --near 1 "$photo" near.lic
run "$LIC" encode -f --target-size "$(stat -c %s near.lic)" "$photo" p.lic
holds "a size that a nearly lossless file has" cmp near.lic p.lic
run "$LIC" encode -f --lossless "$photo" exact.lic
run "$LIC" encode -f --target-size "$(stat -c %s exact.lic)" "$photo" p.lic
holds "a size that a lossless file has" cmp exact.lic p.lic
# of a drawing, the lossless file is the smallest at a high PSNR
run "$LIC" encode -f --json --target-psnr 45 "$DATA/pngsuite/ps2n2c16.png" d.lic
run "$LIC" encode -f --lossless "$DATA/pngsuite/ps2n2c16.png" e.lic
holds "a drawing is not larger than without loss" at_least "$(stat -c %s e.lic)" "$(stat -c %s d.lic)"

run "$LIC" encode -f --report --json "$small" a.lic
expect "--report" 0
run "$LIC" decode -f a.lic a.png
"$LIC" encode -f --report --json "$small" a.lic >report.json 2>err
"$LIC" eval --json "$small" a.png >eval.json
for key in psnr msssim msssim_db mse; do
    holds "--report: $key" test "$(number report.json $key)" = "$(number eval.json $key)"
done
holds "--report: the same file" cmp a.lic ref.lic
run "$LIC" encode -f --report "$small" a.lic
holds "--report as text" grep -q 'PSNR [0-9.]* dB, MS-SSIM 0.[0-9]* (' err
run "$LIC" encode -f --report "$DATA/odd-17x33.png" o.lic
holds "too small for MS-SSIM" grep -q 'MS-SSIM none' err

run "$LIC" encode -f --lambda 0.483911 "$small" a.lic
run "$LIC" encode -f -q 100 "$small" b.lic
holds "--lambda is a scale of quality" cmp a.lic b.lic

# ---- several inputs ----
mkdir in && cp "$small" "$DATA/odd-17x33.png" in
run "$LIC" encode -r in --target-bpp 2 --output-dir many --json=lines
holds "each has its own search" test "$(number lines encodes | wc -l)" -ge 1
for file in many/*.lic; do
    holds "$file: not above" at_least 2 "$(grep "$file" lines >line; number line bpp)"
done

# ---- decode --test ----
run "$LIC" decode --test ref.lic many/*.lic
expect "decode --test" 0
holds "wrote nothing" test ! -e ref.png -a -z "$(find many -name '*.png')"
run "$LIC" decode --test --json ref.lic
holds "no output in JSON" grep -q '"output": null, .*"status": "LIC_OK"' out
head -c 200 ref.lic >cut.lic
run "$LIC" decode --test ref.lic cut.lic
expect "--test finds damage" 1 'cut.lic: failed'
run "$LIC" decode --test ref.lic -o x.png
expect "--test writes nothing" 2 'writes nothing'

# ---- one way to say how large ----
for pair in '-q 5 --lambda 0.01' '--target-bpp 1 --target-size 5k' '--target-psnr 30 -q 30'; do
    # shellcheck disable=SC2086
    run "$LIC" encode $pair "$small" x.lic
    expect "$pair" 2 'say the same thing'
done
run "$LIC" encode --lambda 0.6 "$small" x.lic
expect "a lambda that no level has" 1 'student has 0.00065.* to 0.4839'
run "$LIC" encode --target-bpp 0 "$small" x.lic
expect "no bits" 2 'bits per pixel'
holds "no temporary files" no_strays .
finish
