#!/usr/bin/env bash
# targets.sh FOLDER [BPP...] - how near --target-bpp comes to its target on the pictures of a folder, and in
# how many encodes: per target the worst and mean distance below it, and what could not be reached.
#   BUILD=folder   where `make` built, default build
#   LIST=1         a line per picture as well
set -eu
export LC_ALL=C
root=$(cd "$(dirname "$0")/../.." && pwd)
lic=${LIC:-${BUILD:-$root/build}/lic}
folder=$1
shift
[ $# -gt 0 ] || set -- 0.27 0.35 0.45
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
printf '%-8s%9s%12s%12s%9s%16s%14s\n' bpp pictures 'mean short' 'most short' above 'mean encodes' 'out of reach'
for bpp; do
    "$lic" encode -r "$folder" --output-dir "$work/$bpp" --target-bpp "$bpp" --quiet --json >"$work/json" 2>/dev/null || true
    awk -v target="$bpp" -v list="${LIST:-0}" '
        function key(name) { return match($0, "\"" name "\": \"?[^,}\"]*") ? \
            substr($0, RSTART + length(name) + 4, RLENGTH - length(name) - 4) : "" }
        key("status") !~ /LIC_OK/ { out++; next }
        {
            got = 8 * key("bytes") / (key("width") * key("height")); quality = key("quality") + 0
            if (list) printf "  %-40s %.5f bpp, quality %.2f, %d encodes\n", key("input"), got, quality, key("encodes")
            if (got > target + 0) above++
            encodes += key("encodes"); n++
            if (quality >= 99.9999) { full++; next } # it cannot get larger
            short = 100 * (1 - got / target); sum += short; m++
            if (short > most) most = short
        }
        END { printf "%-8s%9d%11.2f%%%11.2f%%%9d%16.2f%14s\n", target, NR, m ? sum / m : 0, most, above,
              n ? encodes / n : 0, (out + 0) " + " (full + 0) }' "$work/json"
done
echo 'short: per cent below the target; out of reach: too small for quality 0 + too large for quality 100'
