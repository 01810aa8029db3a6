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

# ... as spreadsheets and Windows write it: a mark before UTF-8, capitals, quotes, semicolons with decimal commas.
printf '\357\273\277bpp,psnr,ms-ssim\n0.1,28,.9\n0.2,30.5,.95\n0.4,33.1,.97\n0.8,36,.99\n1.6,39,.995\n' >bom.csv
printf '\357\273\277' | cat - c.json >bom.json
printf 'Name,"BPP",PSNR,MS-SSIM\n"a,b","0.1",28,.9\n"say ""b""",0.2,"30.5",.95\nc,0.4,33.1,.97\nd,0.8,36,.99\ne,1.6,39,.995' >quoted.csv
printf '"0.1","28",".9"\n"0.2","30.5",".95"\n0.4,33.1,.97\n0.8,36,.99\n1.6,39,.995' >bare.csv
printf 'bpp;psnr;ms-ssim\n0,1;28;0,9\n0,2;30,5;0,95\n0,4;33,1;0,97\n0,8;36;0,99\n1,6;39;0,995' >comma.csv
tr , '\t' <a.csv >tab.csv
printf '0.1,28,.9\n0.2,30.5,.95\n0.2,30.5,.95\n0.4,33.1,.97\n0.8,36,.99\n1.6,39,.995\n1.6,39,.995' >twice.csv
for file in bom.csv bom.json quoted.csv bare.csv comma.csv tab.csv twice.csv; do
    rate "$file" 0 0 bd_rate a.csv $file
    rate "$file, MS-SSIM" 0 0 bd_rate --metric ms-ssim a.csv $file
    holds "$file: nothing to say" test ! -s err
done
# A plateau: the point of the higher rate is one that nobody would choose.
printf '0.1,28\n0.2,30.5\n0.3,30.5\n0.4,33.1\n0.8,36\n1.6,39' >flat.csv
rate "a plateau" 0 0 bd_rate a.csv flat.csv
expect "a plateau is told" 0 '^lic: flat.csv: warning: 0.3000 bpp has no more quality than 0.2000 bpp'
printf '0.1,28\n0.2,31\n0.4,31\n0.8,37' >three.csv
run "$LIC" bdrate --json a.csv three.csv
expect "three points of different quality" 0 'warning: 0.4000 bpp has no more'
holds "have no cubic" grep -q '"bd_rate_cubic": null' out
# Little in common
printf '1,38.99\n2,41\n4,44\n8,47' >barely.csv
run "$LIC" bdrate --json a.csv barely.csv
expect "hardly any overlap" 0 'warning: the curves have 0.0100 dB in common, 0.12 % of the shorter one'
holds "JSON: a warning" grep -q '"warning": "the curves have 0.0100 dB' out
holds "JSON: the overlap" near "$(number out overlap)" 0.001248 0.000001
run "$LIC" bdrate --json a.csv better.csv
holds "enough overlap" bash -c '! grep -q warning out err'
# A point against a curve, either way round
printf '0.32,33.1' >point.csv
rate "a point: rate" -20 0.000001 bd_rate a.csv point.csv
rate "the other way round" 25 0.000001 bd_rate point.csv a.csv
run "$LIC" bdrate a.csv point.csv
holds "a point: text" grep -q '^point    33.1000 dB, 0.3200 bpp' out
holds "a point: no cubic" bash -c '! grep -q cubic out'
printf '0.4,34.1' >point.csv
rate "a point: quality" 1 0.000001 bd_db a.csv point.csv
printf '0.4,50' >point.csv
run "$LIC" bdrate --json a.csv point.csv
holds "a point of more quality than the curve has" grep -q '"bd_rate": null' out
holds "but not of more rate" near "$(number out bd_db)" 16.9 0.000001
printf '9,50' >point.csv
run "$LIC" bdrate a.csv point.csv
expect "a point beyond the curve" 1 'the point of 9.0000 bpp and 50.0000 dB lies beyond the curve'
run "$LIC" bdrate point.csv point.csv
expect "two points" 1 'is a point, and so is the other one'

refused() { # PATTERN TEXT [METRIC]
    printf '%b' "$2" >bad
    run "$LIC" bdrate --metric "${3:-psnr}" a.csv bad
    expect "refused: $1" 1 "^lic: bad: .*$1"
    holds "refused: $1: one line" test "$(wc -l <err)" -eq 1
}
refused 'do not overlap: 28.0000..39.0000 dB and 41.0000' '.1,41\n.2,42\n.3,43\n.4,44\n'
refused 'has 3 different points; a curve takes 4' '.1,31\n.2,32\n.3,33\n'
refused 'not monotone: 0.2000 bpp has 32.0000 dB, 0.3000 bpp has 31.5000' '.1,31\n.2,32\n.3,31.5\n.4,34'
refused 'not monotone: 0.2000 bpp has 32.0000 dB and 33.0000 dB' '.1,31\n.2,32\n.2,33\n.4,34\n'
refused 'has 2 points of different quality' '.1,31\n.2,32\n.3,32\n.4,32\n'
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
