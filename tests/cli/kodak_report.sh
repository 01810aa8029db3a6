#!/usr/bin/env bash
# tests/bench/kodak.sh from end to end on one photograph: table, plots, page, and that a second call
# measures nothing again. The page is opened in headless Chromium where that is here.
source "$(dirname "$0")/common.bash"
python=python3
$python -c 'import matplotlib' 2>/dev/null || python=/usr/bin/python3
if ! $python -c 'import matplotlib' 2>/dev/null; then
    skip_rest "matplotlib is not here"
fi
mkdir "$T/kodak"
cp "$DATA/kodim23.png" "$T/kodak"
weights=$ROOT/models/weights/student.licw
compare() {
    run env LIC="$LIC" OUT="$T/out.d" RESULTS="$T/results" QUALITIES=0,20,50,80 MODELS="$weights" \
        "$ROOT/tests/bench/kodak.sh" "$T/kodak" "$@"
}
compare
expect "the whole comparison" 0
for peer in $(cd "$ROOT/tests/bench/peers" && ls ./*/*.json); do
    name=$(basename "$peer" .json)
    holds "the table has $name" grep -q "^| $name[ *]*| [-+0-9.]* |" "$T/results/kodak.md"
done
holds "the table has figures" test "$(grep -c '^| [a-z].*| [-+][0-9.]* |' "$T/results/kodak.md")" -gt 5
holds "date and commit" grep -q '^Made by .* on 20[0-9-]* at commit \([0-9a-f]\{7\}\|unknown\)' "$T/results/kodak.md"
for plot in psnr ms-ssim; do
    holds "$plot.svg shows the model" grep -q 'lic-student' "$T/results/kodak-$plot.svg"
    holds "$plot.png" test "$(head -c 4 "$T/results/kodak-$plot.png" | tail -c 3)" = PNG
done
page=$T/out.d/kodak.html
holds "the page needs nothing else" bash -c "! grep -q -e 'src=\"http' -e '<link' -e 'url(http' '$page'"
holds "the page has the tables" test "$(grep -c '<table>' "$page")" -eq 2
cp -p "$T/out.d/student.json" "$T/before"
compare "$ROOT/tests/bench/peers/published"
expect "again, with other peers" 0
holds "nothing measured again" cmp "$T/before" "$T/out.d/student.json"
holds "only those peers" bash -c "! grep -q avif-s6 '$T/results/kodak.md'"
run "$ROOT/tests/bench/kodak.sh"
expect "no folder" 1 'datasets_fetch.sh'

# Moves the slider of the page, and counts the pictures that show.
browser=$(type -P chromium || type -P chromium-browser || type -P google-chrome)
if [ -n "$browser" ] && type -P cjpeg >/dev/null; then
    sed 's#</html>#<script>const f=document.querySelector("figure"), r=f.querySelector("input");\
        r.value=80;r.dispatchEvent(new Event("input"));\
        document.title="slid "+f.querySelector(".bar").style.left+" shown "+\
        [...document.images].filter(i=>i.naturalWidth == 768).length</script></html>#' \
        "$page" >"$T/p.html"
    timeout 60 "$browser" --headless --no-sandbox --disable-gpu --dump-dom --user-data-dir="$T/browser" \
        --virtual-time-budget=3000 "file://$T/p.html" >"$T/dom" 2>/dev/null </dev/null
    holds "the page in Chromium" grep -q '<title>slid 80% shown 2</title>' "$T/dom"
else
    skip "no Chromium or no cjpeg"
fi
finish
