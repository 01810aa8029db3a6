#!/usr/bin/env bash
# targets.sh FOLDER [TARGET...] - how near encode comes to targets on the pictures of a folder, and in how
# many encodes. A target is bits per pixel, or dB if it begins with psnr= (default: 0.15 0.27 0.35 0.45 0.8
# psnr=32). Per target: mean and largest distance on the promised side, how many on the other side (0), and
# how many the model cannot reach. Exits 1 if a promise is broken.
#   BUILD=folder   where `make` built, default build
#   LIST=1         a line per picture as well
set -eu
export LC_ALL=C
root=$(cd "$(dirname "$0")/../.." && pwd)
lic=${LIC:-${BUILD:-$root/build}/lic}
folder=$1 bad=0
shift
[ $# -gt 0 ] || set -- 0.15 0.27 0.35 0.45 0.8 psnr=32
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
printf '%-10s%9s%12s%12s%14s%14s%18s\n' target pictures 'mean off' 'most off' 'wrong side' 'mean encodes' 'out of reach'
for target; do
    case $target in
    psnr=*) option=--target-psnr ;;
    *) option=--target-bpp ;;
    esac
    "$lic" encode -r "$folder" --output-dir "$work/$target" $option "${target#psnr=}" --quiet --json >"$work/json" 2>/dev/null || true
    awk -v name="$target" -v list="${LIST:-0}" '
        function key(k) { return match($0, "\"" k "\": \"?[^,}\"]*") ? \
            substr($0, RSTART + length(k) + 4, RLENGTH - length(k) - 4) : "" }
        BEGIN { psnr = sub(/psnr=/, "", name); target = name + 0 }
        key("status") !~ /LIC_OK/ { least++; next }
        {
            got = psnr ? key("psnr") + 0 : 8 * key("bytes") / (key("width") * key("height"))
            off = psnr ? got - target : 100 * (1 - got / target)
            if (list) printf "  %-40s %.5f, quality %.2f, %d encodes\n", key("input"), got, key("quality"), key("encodes")
            if (off < 0) wrong++
            encodes += key("encodes"); n++
            if (key("quality") + 0 == (psnr ? 0 : 100)) { end++; next } # there is nothing beyond
            sum += off; m++
            if (off > most) most = off
        }
        END { unit = psnr ? " dB" : " %"
              printf "%-10s%9d%9.2f%-3s%9.2f%-3s%14d%14.2f%18s\n", (psnr ? target " dB" : target " bpp"), NR,
                  m ? sum / m : 0, unit, most, unit, wrong, n ? encodes / n : 0, (least + 0) " + " (end + 0)
              exit wrong > 0 }' "$work/json" || bad=1
done
echo 'out of reach: refused + at the end of the scale (size: best quality is smaller; PSNR: least is better)'
exit $bad
