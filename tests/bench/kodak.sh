#!/usr/bin/env bash
# The comparison on Kodak, whole: codes the 24 pictures at ten qualities with every model there is, and
# makes the BD-rate table against every curve in tests/bench/peers, the plots, and a page to look at.
#
#   tests/bench/kodak.sh KODAK-FOLDER [PEERS-FOLDER]
#
# Into $OUT (default build/kodak): MODEL.json, kodak.md, kodak-*.svg and .png, kodak.html. With
# RESULTS=folder all but the page goes there as well (tests/bench/results is what the README shows).
# LIC=program, MODELS="file.licw ...", QUALITIES=0,8,... as wanted. Wants python3 with matplotlib; the page
# shows JPEG beside it where cjpeg is here. An interrupted sweep goes on when called again.
set -eu
export LC_ALL=C
root=$(cd "$(dirname "$0")/../.." && pwd)
kodak=${1:?which folder? ./datasets_fetch.sh kodak fetches the pictures}
peers=${2:-$root/tests/bench/peers}
lic=${LIC:-$root/build/lic}
out=${OUT:-$root/build/kodak}
qualities=${QUALITIES:-0,8,20,32,44,56,68,80,92,100}
python=${PYTHON:-python3}
$python -c 'import matplotlib' 2>/dev/null || python=/usr/bin/python3
$python -c 'import matplotlib' 2>/dev/null ||
    { echo "kodak.sh: python3 with matplotlib is needed (Debian: python3-matplotlib)" >&2; exit 1; }
[ -x "$lic" ] || { echo "kodak.sh: no $lic; make builds it" >&2; exit 1; }
mkdir -p "$out"

results=() first=''
for model in ${MODELS:-$root/models/weights/student.licw $root/models/weights/teacher.licw}; do
    name=$(basename "$model" .licw)
    first=${first:-$model} # the one that the page shows
    results+=("$out/$name.json")
    # What is measured is kept while it is newer than the weights.
    [ "$out/$name.json" -nt "$model" ] && continue
    "$lic" sweep "$kodak" --model "$model" -q "$qualities" -f -o "$out/$name.json"
done

commit=$(git -C "$root" rev-parse --short HEAD 2>/dev/null || echo unknown)
$python "$root/tests/bench/kodak_report.py" --lic "$lic" --kodak "$kodak" --peers "$peers" \
    --out "$out" --commit "$commit" --model "$first" "${results[@]}"
if [ -n "${RESULTS:-}" ]; then
    mkdir -p "$RESULTS"
    cp "$out"/kodak.md "$out"/kodak-*.svg "$out"/kodak-*.png "${results[@]}" "$RESULTS"
fi
