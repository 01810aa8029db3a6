#!/usr/bin/env bash
# Help, version and mistakes on the command line: what is printed, where, and the exit status.
source "$(dirname "$0")/common.bash"

run "$LIC" -h
expect "-h" 0
holds "-h fits a screen" test "$(wc -l <"$T/out")" -le 24
holds "-h names the commands" grep -q 'lic decode' "$T/out"
holds "-h is silent on stderr" test ! -s "$T/err"
run "$LIC" --help
expect "--help" 0
holds "--help lists rare options" grep -q -e '--max-memory' "$T/out"
holds "--help fits 80 columns" test -z "$(awk 'length > 80' "$T/out")"
cp "$T/out" "$T/help"
run "$LIC" encode -h
expect "encode -h" 0
holds "encode -h has its options only" bash -c "grep -q -e --quality '$T/out' && ! grep -q -e --plan '$T/out'"
run "$LIC" -V
expect "-V" 0
holds "-V names the version" grep -q '^lic [0-9]' "$T/out"
holds "-V names the cpu" grep -q '^cpu ' "$T/out"
options=$(grep -o -e '--[a-z][a-z-]*' "$T/help" | sort -u)
for option in $options; do
    holds "lic.1 has $option" grep -q -e "${option//-/\\\\-}\\b" "$ROOT/cli/lic.1"
done
for option in $(sed 's/\\-/-/g' "$ROOT/cli/lic.1" | grep -o -e '--[a-z][a-z-]*' | sed 's/-$//' | sort -u); do
    [ "$option" = --target ] && continue # as in --target-...
    holds "lic has $option of lic.1" grep -qx -e "$option" <<<"$options"
done
for command in encode decode info eval sweep bdrate bench; do
    run "$LIC" $command -h
    expect "$command -h" 0
    holds "$command -h: usage and at most 20 lines" test "$(wc -l <"$T/out")" -le 24
    holds "$command -h fits 80 columns" test -z "$(awk 'length > 80' "$T/out")"
    run "$LIC" $command --help
    expect "$command --help" 0
done

says() { # COMMAND OPTION TEXT: in the option's line of the help
    run "$LIC" "$1" --help
    holds "$1 --help: $2: $3" bash -c "grep -A 1 -e ' --$2 ' '$T/out' | grep -q -e '$3'"
}
says sweep quality '0,14,29,43,57,71,86,100'
says sweep output 'results'
says encode quality 'default 50'
says encode output 'standard output'
says eval alpha ' drop,blend=RRGGBB'
says sweep alpha ' drop,blend=RRGGBB'
says decode alpha ' keep,drop,blend=RRGGBB'
run "$LIC" sweep -h
holds "sweep -h: not the words of encode" bash -c "! grep -q -e 'default 50' -e 'is standard' '$T/out'"

usage() { # PATTERN ARGUMENTS...
    local pattern=$1
    shift
    run "$LIC" "$@"
    expect "usage: lic $*" 2 "$pattern"
    holds "usage: lic $*: one line" test "$(wc -l <"$T/err")" -eq 1
    holds "usage: lic $*: nothing on stdout" test ! -s "$T/out"
}
usage 'what to do'
usage 'did you mean encode' encod a
usage 'a command comes first' photo.png
usage 'did you mean --quality' encode --qualty 5 x
usage 'did you mean --quality' encode --qaulity=5 x
usage 'did you mean --target-bpp' encode --target 5 x
usage 'unknown option; lic --help' encode --zzzzzz x
usage 'did you mean --format' decode -format png x
usage 'unknown option' encode -Z x
(
    cd "$T" || exit 1
    touch -- -Z.jpg --zz.jpg -n.jpg
    for name in -Z.jpg --zz.jpg -n.jpg; do # as lic encode *.jpg would have it
        usage "'$name': unknown option; ./$name would be the file" encode x "$name"
    done
    echo "$passed $failed" >counts
)
read -r passed failed <"$T/counts"
usage '0 to 100' encode -q 101 x
usage '0 to 100' encode -q -1 x
usage '0 to 100' encode -q nan x
usage '0 to 100' encode -q 5x x
usage '0 to 100' encode --quality= x
usage 'needs a value' encode x -q
usage 'takes no value' encode --strip=3 x
usage 'not an option of lic decode' decode -q 5 x
usage 'not an option of lic eval' eval -n x y
usage 'which picture' encode
usage 'which file' decode
usage 'which two' eval x
usage 'one name too many' eval a b c
usage 'looks like a picture' encode a b.png
usage 'one output for several' encode a b -o c
usage 'more than once' encode a -c -o c
usage 'more than once' encode a --output-dir d -o c
usage 'empty' encode ''
usage 'name is too long' encode --output-dir "$(printf '%5000s' x)" x
usage 'name is too long' encode -o "$(printf '%5000s' x)" x
usage 'auto, 8 or 16' decode --depth 12 x
usage 'png, jpg or ppm' decode --format gif x
usage 'tell png, jpg or ppm' decode -c x.lic
usage 'suffix is not' decode x.lic y.gif
usage 'looks like an input' decode x.lic y.lic
usage 'such as 1/4' encode --shard 0/2 x
usage 'such as 1/4' encode --shard 3/2 x
usage '8 bits' decode --depth 16 --format jpg x.lic
usage 'all, none' encode --metadata all,gps x
usage 'drop, or blend' encode --alpha blend=12345g x
usage 'to 256' encode -T -1 x
usage 'to 256' encode -T 257 x
usage 'a number' encode --max-pixels 0 x
usage 'a size such as' info --plan 0x3
usage 'a multiple of 64' encode --tile 100 x
usage 'a multiple of 64' encode --tile 0 x
usage 'a multiple of 64' encode --tile 16448 x
usage 'not an option of lic decode' decode --tile 64 x
# A number is a plain decimal, for every option that takes one. All that it is not is tried where a
# number is read alone, the likeliest with the others.
mistakes=(0x10 1e1 ' 16' 16x '')
all_mistakes=("${mistakes[@]}" 0X1p4 1E1 +16 -16 '16 ' $'\t16' inf nan infinity 16d 1_6 . 1.6.4 99999999999999999999999)
not_plain() { # PATTERN COMMAND OPTION HEAD TAIL: the number would stand between the last two
    local number
    [ $# -gt 3 ] || local mistakes=("${all_mistakes[@]}")
    for number in "${mistakes[@]}"; do
        run "$LIC" "$2" "--$3=${4-}$number${5-}"
        expect "not plain: $2 --$3=${4-}$number${5-}" 2 "$1"
    done
}
not_plain 'is not a number from 0 to 100' encode quality
not_plain 'is not a number from 0 to 100' sweep quality 1,
not_plain 'is not a Lagrange multiplier' encode lambda
not_plain 'is not bits per pixel' encode target-bpp
not_plain 'is not a number of bytes' encode target-size
not_plain 'is not a number of bytes' encode target-size '' k
not_plain 'is not dB' encode target-psnr
not_plain 'is not a part' encode shard '' /99
not_plain 'is not a part' encode shard 1/
not_plain 'is not a rectangle' decode crop '' x2+3+4
not_plain 'is not a rectangle' decode crop 2x '+3+4'
not_plain 'is not a rectangle' decode crop 2x3+ +4
not_plain 'is not a rectangle' decode crop 2x3+4+
not_plain 'is not a number from 1 to 16' decode slices
not_plain 'is not auto, 8 or 16' decode depth
not_plain 'is not 1/2, 1/4, 1/8 or 1/16' decode scale 1/
not_plain 'is not a span' bdrate window '' ,200
not_plain 'is not a span' bdrate window 0,
not_plain 'is not a number from 1 to' bench reps
not_plain 'is not a number from 0' encode threads
not_plain 'is not a number, such' encode max-pixels
not_plain 'is not a number of bytes' encode max-memory '' Mi
not_plain 'is not a multiple of 64' encode tile
not_plain 'is not a size' info plan '' x9
not_plain 'is not a size' info plan 9x
plain() { # ARGUMENTS...: the options are taken, so that the picture is what is missed
    run "$LIC" "$@" missing.png
    holds "taken: lic $*" grep -q 'missing.png: cannot open' "$T/err"
}
plain encode -q 012.50
plain encode -q .5
plain encode -q 7.
plain encode --target-size 1.5k
plain encode --max-memory 0.5Gi
plain encode --max-pixels 1.5k
plain encode --shard 01/1

usage 'contradict' decode --test --no-check x.lic
usage 'not an option of lic encode' encode --no-check x
usage 'strict or openblas' encode --backend gpu x
usage 'auto, scalar' encode --cpu z80 x

usage 'some of icc' encode --metadata none,exif x
usage 'some of icc' encode --metadata icc,all x

run env LIC_THREADS=many "$LIC" -V
expect "bad LIC_THREADS" 2 'LIC_THREADS'
run env LIC_CPU=z80 "$LIC" -V
expect "bad LIC_CPU" 2 "LIC_CPU: 'z80' is not auto, scalar"
# The names clic and dlic are commands; nothing else in a path is.
mkdir "$T/dlic"
ln -s "$(realpath "$LIC")" "$T/clic"
ln -s "$(realpath "$LIC")" "$T/dlic/dlic"
ln -s "$(realpath "$LIC")" "$T/dlic/lic"
run "$T/clic" --quiet --model "$ROOT/tests/golden/tiny.licw" "$DATA/odd-17x33.png" "$T/short.lic"
expect "clic encodes" 0
run "$T/dlic/dlic" --quiet --model "$ROOT/tests/golden/tiny.licw" "$T/short.lic" "$T/short.png"
expect "dlic decodes" 0
holds "what dlic made" test -s "$T/short.png"
run "$T/clic" -h
holds "clic -h is that of encode" bash -c "grep -q -e --quality '$T/out' && ! grep -q -e --crop '$T/out'"
run "$T/clic" --crop 1x1+0+0 x
expect "clic takes no option of decode" 2 'not an option of lic encode'
run "$T/clic" encode "$DATA/odd-17x33.png"
expect "after clic a word is a file" 1 'encode: '
run "$T/dlic/lic" x.lic
expect "another name needs a command" 2 'a command comes first'

cp "$DATA/odd-17x33.png" "$T/-x.png"
cd "$T" || exit 1
run "$LIC" eval -- -x.png "$DATA/odd-17x33.png"
expect "-- ends options" 0
run "$LIC" eval "$DATA/odd-17x33.png" --json ./-x.png
expect "options anywhere" 0
holds "JSON on one line" test "$(wc -l <"$T/out")" -eq 1
run "$LIC" eval "$DATA/odd-17x33.png" --json=- ./-x.png
expect "--json=-" 0
holds "--json=- is --json" test "$(wc -l <"$T/out")" -eq 1
holds "--json=- makes no file" test ! -e ./-
finish
