#!/usr/bin/env bash
# datasets_fetch.sh with small local mirrors: whole sets only, going on after a stop, wrong files, no
# network. A copy of the script gets the checksums of a fake Kodak.
source "$(dirname "$0")/common.bash"
cd "$T" || exit 1
FETCH=$T/datasets_fetch.sh
mkdir mirror mirror/kodak
for i in 01 02 03; do echo "picture $i" >mirror/kodak/kodim$i.png; done
sums=$(cd mirror/kodak && sha256sum ./*.png | sed 's,\./,,')
awk -v sums="$sums" '/^[0-9a-f]{64}  kodim|^[0-9a-f]+  kodim/ { if (!n++) print sums; next } 1' \
    "$ROOT/datasets_fetch.sh" | sed 's,^kodak|24|files|-|[^|]*|,kodak|3|files|-|http://127.0.0.1:9|,;
    s,^tecnick|100|,tecnick|2|,; s,|sha1:[0-9a-f]*|,|sha1:0000|,' >"$FETCH"
chmod +x "$FETCH"

run "$ROOT/datasets_fetch.sh" --list
expect "--list" 0
holds "--list: three sets" test "$(grep -c '^[a-z]' out)" -eq 3
holds "--list: honest about checksums" grep -q 'checksums not recorded yet' out
holds "24 checksums" test "$(grep -c '^[0-9a-f]\{64\}  kodim[0-9][0-9].png$' "$ROOT/datasets_fetch.sh")" -eq 24

run "$FETCH" kodak --from mirror --to got
expect "from a mirror" 0
holds "the files" bash -c "for i in 01 02 03; do cmp mirror/kodak/kodim\$i.png got/kodak/kodim\$i.png; done"
holds "checksums stay with them" bash -c 'cd got/kodak && sha256sum -c --quiet SHA256SUMS'
holds "no part" test ! -e got/kodak.part
run "$FETCH" kodak --from mirror --to got
expect "it is there" 0
echo damage >>got/kodak/kodim02.png
run "$FETCH" kodak --from mirror --to got
expect "there, but damaged" 1 'damaged'

run "$FETCH" kodak --from mirror/kodak --to flat
expect "a mirror without subfolders" 0
rm -r got
mv mirror/kodak/kodim03.png .
run "$FETCH" kodak --from mirror --to got
expect "a file is missing" 1 'kodim03.png is neither'
holds "no whole set" test ! -e got/kodak
holds "what is there stays" test -f got/kodak.part/kodim02.png
cp kodim03.png mirror/kodak/ && rm mirror/kodak/kodim01.png
run "$FETCH" kodak --from mirror --to got
expect "it goes on, without what it has" 0
rm -r got
echo wrong >mirror/kodak/kodim01.png
run "$FETCH" kodak --from mirror --to got
expect "a wrong file" 1 'kodim01.png is not the file it should be'
holds "a wrong file does not stay" test ! -e got/kodak.part/kodim01.png
rm -rf got

if command -v curl >/dev/null || command -v wget >/dev/null; then
    run env no_proxy='*' "$FETCH" kodak --to got
    expect "no network" 1 'cannot fetch http.*--from'
    holds "no network: no set" test ! -e got/kodak
else
    skip "neither curl nor wget is here"
fi

if command -v unzip >/dev/null && python3 -c 'import zipfile' 2>/dev/null; then
    mkdir -p zip/tecnick zip/clic-professional-valid
    python3 - <<'END'
import zipfile
with zipfile.ZipFile('zip/tecnick/archive.zip', 'w') as z:
    for name in ('RGB/RGB_OR_1200x1200/a.png', 'RGB/RGB_OR_1200x1200/b.png', 'RGB/RGB_OR_600x600/a.png'):
        z.writestr(name, name)
END
    cp zip/tecnick/archive.zip zip/clic-professional-valid/
    run "$FETCH" tecnick --from zip --to got
    expect "an archive" 0 'not recorded yet'
    holds "its pictures" test "$(ls got/tecnick)" = "$(printf '%s\n' SHA256SUMS a.png b.png)"
    holds "of the right folder" grep -q 1200x1200 got/tecnick/a.png
    run "$FETCH" clic-professional-valid --from zip --to got
    expect "an archive with another digest" 1 'sha1 differs'
    holds "no such set" test ! -e got/clic-professional-valid
    sed -i 's,^tecnick|2|,tecnick|5|,' "$FETCH"
    run "$FETCH" tecnick --from zip --to again
    expect "too few pictures" 1 '2 pictures in the archive, 5 expected'
    holds "too few: no set" test ! -e again/tecnick
else
    skip "no unzip here"
fi

run "$FETCH"
expect "no name" 1 'which set'
run "$FETCH" kodac
expect "unknown set" 1 'kodac: unknown'
run "$FETCH" --from none kodak
expect "no mirror" 1 'no such folder'
run "$FETCH" --frm x kodak
expect "unknown option" 1 'unknown option'
finish
