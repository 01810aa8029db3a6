#!/usr/bin/env bash
# lic bdrate: figures known beforehand, the table of tests/bench/peers/README.md, and what it refuses.
# tests/cli/check_bdrate.py compares with scipy.
source "$(dirname "$0")/common.bash"
PEERS=$ROOT/tests/bench/peers
cd "$T" || exit 1

rate() { # NAME EXPECTED TOLERANCE KEY ARGUMENTS...
    local name=$1 expected=$2 tolerance=$3 key=$4
    shift 4
    run "$LIC" bdrate --json "$@"
    expect "$name" 0
    holds "$name: $key $(number "$T/out" "$key"), expected $expected" \
        near "$(number "$T/out" "$key")" "$expected" "$tolerance"
}

# A curve of a fifth less rate everywhere, and one that is a decibel better everywhere.
printf 'bpp,psnr,ms-ssim\n0.1,28,.9\n0.2,30.5,.95\n0.4,33.1,.97\n0.8,36,.99\n1.6,39,.995\n' >a.csv
awk -F, -v OFS=, 'NR > 1 { $1 *= 0.8 } 1' a.csv >less.csv
awk -F, -v OFS=, 'NR > 1 { $2 += 1 } 1' a.csv >better.csv
for key in bd_rate bd_rate_cubic; do
    rate "a fifth less" -20 0.000001 $key a.csv less.csv
    rate "a fifth less, MS-SSIM" -20 0.000001 $key --metric ms-ssim a.csv less.csv
    rate "the other way round" 25 0.000001 $key less.csv a.csv
    rate "no difference" 0 0 $key a.csv a.csv
done
rate "one decibel" 1 0.000001 bd_db a.csv better.csv
rate "one decibel, cubic" 1 0.000001 bd_db_cubic a.csv better.csv
rate "the overlap" 29 0.000001 low_db a.csv better.csv
rate "the overlap" 39 0.000001 high_db a.csv better.csv
rate "the window" 30 0.000001 low_db --window 30,35 a.csv better.csv
# A window cuts the curves: only the rates that both have in it count, and what lies above changes nothing.
awk -F, -v OFS=, 'NR > 1 { $2 += NR < 6 ? 1 : 3 } 1' a.csv >bent.csv
window=(--window 30.5,33.1 a.csv bent.csv)
rate "the window bounds the dB" 1 0.000001 bd_db "${window[@]}"
rate "the window's lowest rate is where the anchor enters it" 0.2 0.000001 low_bpp "${window[@]}"
run "$LIC" bdrate --json --window 31,33.1 bent.csv a.csv
highest=$(number out high_bpp)
rate "the highest is where the better curve leaves it" "$highest" 0.000001 high_bpp "${window[@]}"
holds "which is before the anchor does" awk -v r="$highest" 'BEGIN { exit !(0.2 < r && r < 0.4) }'
run "$LIC" bdrate "${window[@]}"
holds "text states the window's rates" grep -q '^overlap  30.5000..33.1000 dB, 0.2000..0.3' out
run "$LIC" bdrate --window 32,32.5 a.csv bent.csv
expect "a window whose rates are all apart" 0
holds "no rate in common" grep -q '32.5000 dB, none in bpp' out
holds "and no BD-dB" test -z "$(grep BD-dB out)"
run "$LIC" bdrate --json --window 32,32.5 a.csv bent.csv
holds "null in JSON" grep -q '"low_bpp": null, "high_bpp": null.*"bd_db": null' out

run "$LIC" bdrate a.csv better.csv
expect "as text" 0
holds "text states the overlap" grep -q '^overlap  29.0000..39.0000 dB, 0.1000..1.6000 bpp' out

# Other ways to write the same curve.
printf '# points\r\n0.1;28;.9\r\n0.4; 33.1;.97\r\n\r\n0.2;30.5;.95\r\n1.6;39;.995\r\n.8;36;.99' >b.csv
printf ' {"x": [{}, "\\u00e9\\n"], "results": {"psnr-rgb": [3.9e1, 36, 33.1, 30.5, 28], "bpp":
    [1.6, 0.8, 0.4, 0.2, 0.1], "ms-ssim": [0.995, 0.99, 0.97, 0.95, 0.9]}, "name": "c"}\n' >c.json
for file in b.csv c.json; do
    rate "$file" 0 0 bd_rate a.csv $file
    rate "$file, MS-SSIM" 0 0 bd_rate --metric ms-ssim a.csv $file
done

# The rows of the table: file, BD-rate against VTM by PCHIP, by the cubic, in the window.
while read -r file pchip cubic window; do
    rate "$file" "$pchip" 0.05 bd_rate "$PEERS/published/vtm.json" "$PEERS/$file.json"
    rate "$file, cubic" "$cubic" 0.05 bd_rate_cubic "$PEERS/published/vtm.json" "$PEERS/$file.json"
    rate "$file, window" "$window" 0.05 bd_rate --window 29.2,36.5 "$PEERS/published/vtm.json" \
        "$PEERS/$file.json"
done <<'END'
published/elic2022 -7.0 -7.2 -7.3
published/cheng2020-anchor 3.7 3.8 3.7
published/bpg_444_x265_ycbcr 22.0 22.1 27.5
measured/avif-s6 35.5 35.3 34.6
measured/jxl-e7 110.5 110.3 100.1
measured/jpeg-444 200.6 201.2 188.5
published/jpeg 208.5 210.2 194.6
END
rate "MS-SSIM" -7.5 0.05 bd_rate --metric ms-ssim "$PEERS/published/vtm.json" \
    "$PEERS/published/cheng2020-anchor.json"

refused() { # PATTERN TEXT [METRIC]
    printf '%b' "$2" >bad
    run "$LIC" bdrate --metric "${3:-psnr}" a.csv bad
    expect "refused: $1" 1 "^lic: bad: .*$1"
    holds "refused: $1: one line" test "$(wc -l <err)" -eq 1
}
refused 'do not overlap: 28.0000..39.0000 dB and 41.0000' '.1,41\n.2,42\n.3,43\n.4,44\n'
refused 'has 3 points; a curve takes 4' '.1,31\n.2,32\n.3,33\n'
refused 'not monotone: 0.2000 bpp has 32.0000 dB, 0.3000 bpp has 31.5000' '.1,31\n.2,32\n.3,31.5\n.4,34'
refused 'not monotone' '.1,31\n.2,32\n.2,33\n.4,34\n'
refused '0 bpp is not a rate' '0,31\n.2,32\n.3,33\n.4,34\n'
refused 'not an MS-SSIM' '.1,31,1\n.2,32,2\n.3,33,3\n.4,34,4\n' ms-ssim
refused 'CSV, line 2: numbers in columns 1 and 2' '.1,31\n.2\n'
refused 'CSV, line 2: numbers in columns 1 and 3' '.1,31,.9\n.2,32\n' ms-ssim
refused 'CSV: no column' 'rate,quality\n.1,31\n'
refused 'not a rate' '.1,31\nnan,32\n.3,33\n.4,34\n'
refused 'has no "results"' '{"name": "x"}'
refused 'has no list "bpp"' '{"results": {"psnr": [1, 2, 3, 4]}}'
refused 'no list "ms-ssim-rgb"' '{"results": {"bpp": [1, 2], "psnr": [1, 2]}}' ms-ssim
refused 'something else than numbers' '{"results": {"bpp": [1, null], "psnr": [1, 2]}}'
refused '2 rates, but 3 qualities' '{"results": {"bpp": [1, 2], "psnr": [1, 2, 3]}}'
refused 'JSON, line 2: a value is expected' '{"results":\n NaN}'
refused 'JSON, line 1: a comma or ] is expected' '{"results": [1 2]}'
refused 'a value is expected' '[1,]'
refused 'a name in quotes' '{"a": 1,}'
refused 'something follows' '{} {}'
refused 'something follows' '{}\0{}'
refused 'starts with 0' '[01]'
refused 'too large' '[1e999]'
refused 'does not end' '{"a'
refused 'does not end' '{"a\n": 1}'
refused 'unknown escape' '{"\\x": 1}'
refused 'surrogate' '{"\\ud800": 1}'
refused 'bad .u escape' '{"\\u00g0": 1}'
refused 'bad .u escape' '{"\\u0000": 1}'
refused 'nested too deeply' "$(printf '[%.0s' {1..100000})"
refused 'more than 256 points' "$(seq 300 | sed 's/.*/&,&\\n/')"
refused 'is empty' ''
run "$LIC" bdrate a.csv none.json
expect "missing file" 1 'none.json: cannot open'
run "$LIC" bdrate --json --window 20,30 a.csv better.csv
expect "window outside" 1 'overlap in 29.0000..39.0000 dB only'
holds "JSON tells" grep -q '"status": "LIC_ERR_ARGUMENT"' out
run "$LIC" bdrate a.csv
expect "one curve" 2 'which two curves'
run "$LIC" bdrate a.csv b.csv c.json
expect "three curves" 2 'one name too many'
run "$LIC" bdrate --metric vmaf a.csv b.csv
expect "unknown metric" 2 'psnr or ms-ssim'
run "$LIC" bdrate --window 30 a.csv b.csv
expect "bad window" 2 'a span such as'

# Cut at every place: an error or a result, never a crash.
bytes=$(wc -c <c.json) crashes=0
for ((i = 1; i < bytes; i++)); do
    head -c $i c.json >cut.json
    "$LIC" bdrate a.csv cut.json >out 2>err
    [ $? -le 1 ] || crashes=$((crashes + 1))
done
holds "no crash on a cut file" test $crashes -eq 0
finish
