#!/usr/bin/env bash
# Fetches test pictures: lic is measured on them, never trained.
#
#   ./datasets_fetch.sh kodak [clic-professional-valid tecnick]   into ./datasets/NAME
#       --to DIR     into DIR/NAME instead
#       --from DIR   from a local mirror: DIR/NAME/FILE, or DIR/FILE
#       --list       what there is
#
# A set appears under its name only when it is whole; until then its files are in NAME.part, and the
# next call goes on from there. Needs curl or wget (not with --from), sha256sum, and unzip for archives.
set -u
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)

# name | files | kind | address | what it is. Kodak: every file has a recorded SHA-256, below. Archives: where
# the column `digest` has one, it is what other projects publish for the archive (NeuralCompression), and
# not yet confirmed by a download of our own; "-" means not recorded yet: then only the number of
# pictures is checked, and the SHA-256 of every file is written to NAME/SHA256SUMS to compare later.
sets() {
    cat <<'END'
kodak|24|files|-|https://r0k.us/graphics/kodak/kodak|Kodak Lossless True Color Image Suite, 768x512
clic-professional-valid|41|zip|sha1:196a602548afcc1949e5ec3a5dd0f6e713b34201|https://data.vision.ee.ethz.ch/cvl/clic/professional_valid_2020.zip|CLIC 2020 professional validation, up to 2048 px
tecnick|100|zip|-|https://sourceforge.net/projects/testimages/files/OLD/OLD_SAMPLING/testimages.zip/download|Tecnick TESTIMAGES, SAMPLING, RGB_OR_1200x1200 (archive of 511 MB)
END
}

kodak_sums() {
    cat <<'END'
a56e27cbf5f843c048b6af1d6e090760e9c92fadba88b7dee0205918a37523bd  kodim01.png
4f4b74a79237e311d72cad958237b5f7088d8bce1c82305ebefe1a70e3022dfd  kodim02.png
e25ca1ff2f0c0cb5fdfd5f9b0a0bb21ac4c3de3c84a67f35b09a85d3306249db  kodim03.png
e3b946107c5d3441c022f678d0c3caf1e224d81b1604ba840a4f88e562de61aa  kodim04.png
10349e963c5c813d327852f82c1795fa4148d69fedffc4c589bee458e3ac3d53  kodim05.png
363510303b715d4cbc384e1ce227e466b613a09e1b71ae985882bf8e7fbd9b18  kodim06.png
b77d3f006f42414bb242222e0482e750c0fb9e5ee8d4bed2f6f11c5605fe54a4  kodim07.png
ba23983c76b4832ee0e8af0592664756841a16779acd69f792e268fb6d13d6e7  kodim08.png
6a4361c2fc194feb4edaa9f9a4a0620fb9943e460ac7fdf037fb0f6dd6607a7d  kodim09.png
9dfb70f5867c29ff9ed6313683f19b3d867849e40fbc0c4c54a4a89df341cf23  kodim10.png
7936814b58b5387fce2e4e2488b4ec830dadd95fa9520f358ddb30990b50f2b6  kodim11.png
d78c37c2f04f23761ed2367dd77e2db584ddd4c3950833fecf89f199a8126980  kodim12.png
bc34a3ce58dea09dce1704c997171602de90cb34d0c8503a988b77f473d39b08  kodim13.png
55a94550ff18f3246c4074fd32b77b0c74447c26b6ad274d564d999c0450ba6e  kodim14.png
7538cbb80cb9103606c48b806eae57d56c885c7f90b9b3be70a41160f9cbb683  kodim15.png
a89c7268ccd4718ba424a99fc4643c572cf692ca6eae887185ceb4e9f11d2e54  kodim16.png
37afcc89fbdcb76d9518e04b2fc011027e2f4cd14b3b2f83cefd721641a47c5b  kodim17.png
1a9258c365988961d87a0598725b609139c303ad48a5aad6c503c3b1a87849aa  kodim18.png
b7450b264b1b0a411390d8931b112c27905a992520fc90569dc4b920aa32bbdc  kodim19.png
3b46c71e3b92a563820ba32936be8330c586c41f938efd94be938386aae4328a  kodim20.png
ac958597c82073f6bb65129c68f72b651db5b9efd82e11547d07350214bc268b  kodim21.png
1cee58eb1f2d9c7ebb254d208a03c783ce6cf2c4d8c2cf45e235dd23b4ce1b29  kodim22.png
e3111a2fd4da24af15d6459ef9eacfe54106b38e27b4a21821b75c3f5d2d5baf  kodim23.png
1071c68372cc5a01435c2c225a5cf7d4bb803846ec08bb6b3d6721b156d7cb96  kodim24.png
END
}

die() {
    echo "datasets_fetch.sh: $*" >&2
    exit 1
}

list() {
    sets | while IFS='|' read -r name files kind digest url what; do
        case $kind,$digest in
        files,*) sums='SHA-256 of every file' ;;
        *,-) sums='checksums not recorded yet' ;;
        *) sums="${digest%%:*} of the archive as published elsewhere; of files not recorded yet" ;;
        esac
        printf '%s\n    %s\n    %s pictures; %s\n    %s\n' "$name" "$what" "$files" "$sums" "$url"
    done
}

digest_is() { # FILE ALGORITHM:HEX
    [ "$("${2%%:*}sum" <"$1" | cut -d' ' -f1)" = "${2#*:}" ]
}

# One file, from the mirror or the network, under its name only when it is complete. curl and wget go on
# with a .tmp that is there.
get() { # URL FILE
    local name=${2##*/}
    if [ -n "$from" ]; then
        local source=$from/$set/$name
        [ -f "$source" ] || source=$from/$name
        [ -f "$source" ] || die "$set: $name is neither in $from/$set nor in $from"
        cp -- "$source" "$2.tmp" || die "$set: cannot copy $source"
    elif command -v curl >/dev/null; then
        curl -fsSL -C - --connect-timeout 20 --retry 3 -o "$2.tmp" "$1" ||
            die "$set: cannot fetch $1 (curl: $?); no network? --from DIR takes a local mirror"
    elif command -v wget >/dev/null; then
        wget -q -c -T 20 -t 3 -O "$2.tmp" "$1" ||
            die "$set: cannot fetch $1 (wget: $?); no network? --from DIR takes a local mirror"
    else
        die "curl or wget is needed (or --from DIR)"
    fi
    mv -- "$2.tmp" "$2"
}

fetch_files() { # URL FOLDER: by the list of checksums
    local sum name
    while read -r sum name; do
        [ -f "$2/$name" ] && digest_is "$2/$name" "sha256:$sum" && continue
        rm -f -- "$2/$name"
        get "$1/$name" "$2/$name"
        digest_is "$2/$name" "sha256:$sum" || {
            rm -f -- "$2/$name"
            die "$set: $name is not the file it should be (SHA-256 differs)"
        }
    done < <("${set}_sums")
    "${set}_sums" >"$2/SHA256SUMS"
}

fetch_zip() { # URL FOLDER DIGEST FILES
    local archive=$2/archive.zip n
    command -v unzip >/dev/null || die "unzip is needed for $set"
    [ -f "$archive" ] || get "$1" "$archive"
    if [ "$3" != - ] && ! digest_is "$archive" "$3"; then
        rm -f -- "$archive"
        die "$set: the archive is not what it should be (${3%%:*} differs)"
    fi
    rm -rf -- "$2/unpacked"
    unzip -q "$archive" -d "$2/unpacked" || {
        rm -f -- "$archive"
        die "$set: the archive is damaged; call again"
    }
    case $set in tecnick) pattern='*/RGB_OR_1200x1200/*.png' ;; *) pattern='*.png' ;; esac
    find "$2/unpacked" -path "$pattern" ! -path '*/__MACOSX/*' -exec mv -t "$2" {} +
    n=$(find "$2" -maxdepth 1 -name '*.png' | wc -l)
    [ "$n" -eq "$4" ] || die "$set: $n pictures in the archive, $4 expected; left in $2"
    (cd "$2" && sha256sum ./*.png | sed 's,\./,,' >SHA256SUMS)
    rm -rf -- "$2/unpacked" "$archive"
    [ "$3" = - ] && echo "$set: checksums not recorded yet; only the number of files was checked" >&2
}

fetch() { # SET: unless it is there
    local set=$1 row files kind digest url
    row=$(sets | grep "^$set|") || die "$set: unknown; --list tells what there is"
    IFS='|' read -r _ files kind digest url _ <<<"$row"
    if [ -e "$to/$set" ]; then
        [ "$kind" != files ] || (cd "$to/$set" && "${set}_sums" | sha256sum -c --quiet) >&2 ||
            die "$to/$set: is there, but damaged; remove it to fetch it again"
        echo "$to/$set: is there"
        return
    fi
    mkdir -p "$to/$set.part" || die "cannot make $to/$set.part"
    case $kind in
    files) fetch_files "$url" "$to/$set.part" ;;
    zip) fetch_zip "$url" "$to/$set.part" "$digest" "$files" ;;
    esac
    mv -- "$to/$set.part" "$to/$set" || die "cannot rename $to/$set.part"
    echo "$to/$set: $files pictures"
}

from='' to=$here/datasets names=()
while [ $# -gt 0 ]; do
    case $1 in
    --list) list; exit 0 ;;
    --from | --to)
        [ $# -gt 1 ] && [ -n "$2" ] || die "$1: needs a folder"
        [ "$1" = --to ] && to=$2 || from=$2
        shift
        ;;
    -h | --help) sed -n '2,/^set /s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) die "$1: unknown option; --help explains" ;;
    *) names+=("$1") ;;
    esac
    shift
done
[ ${#names[@]} -gt 0 ] || die "which set? --list tells what there is"
[ -z "$from" ] || [ -d "$from" ] || die "$from: no such folder"
for name in "${names[@]}"; do
    sets | grep -q "^$name|" || die "$name: unknown; --list tells what there is"
done
for name in "${names[@]}"; do
    fetch "$name"
done
