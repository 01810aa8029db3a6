#!/usr/bin/env bash
# The man page, JSON KEYS: for each command it names every key that the command writes, found by running it in all its
# ways; and all keys in the source are among those found.
source "$(dirname "$0")/common.bash"
cd "$T" || exit 1
MODEL=$ROOT/tests/golden/tiny.licw
cp "$DATA/odd-17x33.png" small.png
cp "$DATA/waves-200x168.png" waves.png
touch seen

section() { # COMMAND: its paragraph, as plain words
    sed 's/\\-/-/g' "$ROOT/cli/lic.1" | awk -v command="$1" '
        /^\.SH/ { inside = $0 == ".SH JSON KEYS" }
        !inside { next }
        /^\.TP/ { getline; mine = $0 ~ "^\\.B (.*, )?" command "(,|$)"; next }
        mine { print }'
}

documents() { # COMMAND FILE: of the JSON lines there
    local key words
    words=$(section "$1")
    holds "$1: there are lines" test -s "$2"
    for key in $(grep -o '"[^" ]*": ' "$2" | tr -d '":' | sort -u); do
        holds "lic.1, JSON KEYS, $1: $key" grep -q -E "(^|[^a-z_-])$key([^a-z_-]|$)" <<<"$words"
        echo "$key" >>seen
    done
}

tiny() { # COMMAND ARGUMENTS...: with the small model
    local command=$1
    shift
    "$LIC" "$command" --quiet --model "$MODEL" "$@"
}

"$LIC" encode --quiet -f waves.png -o a.lic
head -c 900 a.lic >cut.lic
{
    tiny encode --json --report small.png -o small.lic
    tiny encode --json --tile 64 --target-bpp 9 waves.png -o tiles.lic
    tiny encode --json -n small.png -o small.lic
    tiny encode --json missing.png -o none.lic
} >encode 2>err
documents encode encode
{
    tiny decode --json small.lic -o small.ppm
    tiny decode --json --test small.lic
    "$LIC" decode --quiet --json --salvage cut.lic -o cut.ppm
    tiny decode --json missing.lic -o none.ppm
} >decode 2>err
holds "a file was salvaged" grep -q '"whole_slices"' decode
documents decode decode
{
    tiny bench --json --reps 1 small.png waves.png
    tiny bench --json --reps 1 --stages small.png
    tiny bench --json --reps 1 missing.png
} >bench 2>err
documents bench bench
{
    "$LIC" info --json a.lic
    "$LIC" info --json "$MODEL"
    "$LIC" info --json --rates --plan 64x64
    "$LIC" info --json missing.lic
} >info 2>err
# What chunks holds are types of chunks.
sed -i 's/"chunks": {[^}]*}/"chunks": {}/' info
documents info info
mkdir one two
cp waves.png small.png one
cp waves.png small.png two
{
    "$LIC" eval --json waves.png a.lic
    "$LIC" eval --json small.png small.ppm
    "$LIC" eval --json small.png missing.png
    "$LIC" eval --json one two
} >eval 2>err
documents eval eval
printf '.1,31\n.2,32\n.3,33\n.4,34\n' >a.csv
printf '.1,31\n.2,32\n.3,33\n' >few.csv
printf '.5,33.9\n1,35\n2,36\n3,37\n' >barely.csv
{
    "$LIC" bdrate --json a.csv a.csv
    "$LIC" bdrate --json a.csv few.csv
    "$LIC" bdrate --json a.csv barely.csv
} >bdrate 2>err
documents bdrate bdrate
{
    tiny sweep --json waves.png missing.png -q 5 -o sweep.json
    tiny sweep --json waves.png small.png -q 5 -o sweep.json
} >sweep 2>err
documents sweep sweep

# Those of the part file of sweep are its own affair.
for source in "$ROOT"/cli/*.c "$ROOT"/cli/*/*.c; do
    case $source in */sweep_part.c | */json.c) ;; *) cat "$source" ;; esac
done >sources
tr '\n' ' ' <sources | grep -o -E 'lic_json_(string|unsigned|real|null|hex|begin_object|begin_array)\([^,()]*, +"[^"]*"' |
    sed 's/.*"\(.*\)"/\1/' | sort -u >in_source
holds "keys are found in the source" test "$(wc -l <in_source)" -gt 50
for key in $(grep -v -x -E 'name|description|results|pictures' in_source); do
    holds "the key $key was seen" grep -qx -e "$key" seen
done
finish
