#!/usr/bin/env bash
# Where weights are looked for, and where not: a program in a tree that anyone can write to must not
# load what anyone has put there. And --model that is not the file's says which one is.
source "$(dirname "$0")/common.bash"
cd "$T" || exit 1
unset LIC_MODEL_DIR
tiny=$ROOT/tests/golden/tiny.licw

models() { # PROGRAM: the paths that it finds
    "$1" -V | sed -n 's/^models  *[0-9a-f]\{16\}  //p; s/^  *[0-9a-f]\{16\}  //p'
}
found() { # NAME PROGRAM PATH
    models "$2" | grep -qx "$(realpath "$3")" && ok "$1" || bad "$1: $(models "$2")"
}
not_found() { # NAME PROGRAM PATH
    models "$2" | grep -qx "$(realpath "$3")" && bad "$1: $(models "$2")" || ok "$1"
}

umask 022
mkdir -p tree/bin tree/share/lic tree/build/deep tree/models/weights
for place in bin build build/deep; do cp "$LIC" tree/$place/lic; done
cp "$tiny" tree/share/lic/shared.licw
cp "$tiny" tree/models/weights/source.licw
found "share/lic beside bin" tree/bin/lic tree/share/lic/shared.licw
found "models/weights of a source tree" tree/build/lic tree/models/weights/source.licw
not_found "not two folders up" tree/build/deep/lic tree/models/weights/source.licw
for open in tree tree/share tree/share/lic tree/models tree/models/weights; do
    chmod o+w $open
    case $open in
    tree) shut="share/lic/shared.licw models/weights/source.licw" ;;
    tree/share*) shut=share/lic/shared.licw ;;
    *) shut=models/weights/source.licw ;;
    esac
    for file in $shut; do
        not_found "$file, $open is anybody's" tree/bin/lic tree/$file
        not_found "$file, $open is anybody's, from build" tree/build/lic tree/$file
    done
    chmod o-w $open
done
found "and again" tree/bin/lic tree/share/lic/shared.licw
chmod o+w tree
run env LIC_MODEL_DIR=tree/share/lic tree/bin/lic info --model shared
expect "what is named is taken from anywhere" 0
chmod o-w tree
ln -s tree/bin/lic link
found "through a link" ./link tree/share/lic/shared.licw

run "$LIC" encode --quiet "$DATA/odd-17x33.png" a.lic
expect "a file of the student" 0
run "$LIC" decode --model teacher a.lic a.png
expect "decoded with the teacher" 3 'was made with the model student, not with teacher: leave --model out'
run "$LIC" decode --model "$tiny" a.lic a.png
expect "decoded with a file" 3 'was made with the model student'
mkdir none
run env LIC_MODEL_DIR="$T/none" tree/bin/lic decode --model shared a.lic a.png
expect "no model of the file is here" 3 'needs the model'
holds "nothing was written" test ! -e a.png
finish
