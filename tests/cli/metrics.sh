#!/usr/bin/env bash
# PSNR and MS-SSIM against values computed once with PyTorch in double precision, by pytorch-msssim's
# formulas. The pair is PNG, so that no decoder's rounding enters.
source "$(dirname "$0")/common.bash"

a=$DATA/waves-200x168.png b=$DATA/waves-24-colours.png
run "$LIC" eval --json "$a" "$b"
expect "eval" 0
holds "psnr" near "$(number "$T/out" psnr)" 18.2004375 0.0001
holds "ms-ssim" near "$(number "$T/out" msssim)" 0.84174153 0.000001
holds "ms-ssim dB" near "$(number "$T/out" msssim_db)" 8.00633 0.0001
run "$LIC" eval "$a" "$b"
expect "eval as text" 0
holds "text has dB" grep -q 'PSNR.* dB' "$T/out"
run "$LIC" eval --json "$a" "$a"
expect "equal pictures" 0
holds "equal: psnr null" grep -q '"psnr": null' "$T/out"
holds "equal: ms-ssim 1" near "$(number "$T/out" msssim)" 1 0
run "$LIC" eval --json "$DATA/odd-17x33.png" "$DATA/odd-17x33.png"
expect "small pictures" 0
holds "small: ms-ssim null, with a reason" grep -q '"msssim": null.*"msssim_why"' "$T/out"
run "$LIC" eval "$a" "$DATA/odd-17x33.png"
expect "sizes differ" 1 '17x33.*200x168'
run "$LIC" eval --json "$a" "$T/none.png"
expect "missing picture" 1 'none.png: cannot open'
holds "missing: JSON tells" grep -q '"status": "LIC_ERR_IO"' "$T/out"
finish
