#!/usr/bin/env bash
# What happens to files: default names, overwriting, input that is output, full disks, signals. No case
# may leave a temporary file or a half-written one, or touch an input.
source "$(dirname "$0")/common.bash"
cp "$DATA/odd-17x33.png" "$T/a.png"
cd "$T" || exit 1

run "$LIC" encode a.png
expect "default name" 0
holds "a.lic is there" test -s a.lic
cp a.lic first.lic
run "$LIC" decode a.lic
expect "decode does not overwrite" 1 'lic: a.lic: the output a.png exists; -f overwrites'
run "$LIC" encode a.png
expect "encode does not overwrite" 1 'lic: a.png: the output a.lic exists'
run "$LIC" encode -n a.png
expect "-n skips" 0
holds "-n is quiet" test ! -s "$T/err"
run "$LIC" encode -n -q 90 a.png
holds "-n leaves the file" cmp a.lic first.lic
run "$LIC" encode -f -q 90 a.png
expect "-f overwrites" 0
holds "-f changed the file" bash -c '! cmp -s a.lic first.lic'
run "$LIC" encode -n -f -q 50 a.png
holds "the last of -n and -f counts" cmp a.lic first.lic
cp a.lic noname
run "$LIC" decode noname
expect "no suffix to replace" 0
holds "noname.png" test -s noname.png
run "$LIC" decode --format jpg a.lic
expect "--format gives the suffix" 0
holds "a.jpg is a JPEG" test "$(head -c 3 a.jpg | od -An -tx1 | tr -d ' ')" = ffd8ff
run "$LIC" encode a.jpg -o odd.name.x
expect "-o takes any name" 0
run "$LIC" encode a.jpg -o out.png
expect "-o takes even a picture's name" 0
mkdir -p sub.dir
cp a.png sub.dir/plain
run "$LIC" encode sub.dir/plain
expect "a dot in the folder is no suffix" 0
holds "sub.dir/plain.lic" test -s sub.dir/plain.lic

# Input and output are one file, by whatever name.
cp a.png keep.png
ln -s a.png link.lic
ln a.png hard.lic
run "$LIC" encode -f a.png ./link.lic
expect "output is a link to the input" 2 'input and output at once'
run "$LIC" encode -f a.png hard.lic
expect "output is the input by a hard link" 2 'input and output at once'
run "$LIC" encode -f a.png -o a.png
expect "output is the input" 2 'input and output at once'
holds "the input is untouched" cmp a.png keep.png
rm link.lic hard.lic

ln -s target.lic dangling.lic
run "$LIC" encode a.png dangling.lic
expect "a dangling link is not overwritten" 1 'exists'
cp first.lic target.lic
run "$LIC" encode -f -q 10 a.png dangling.lic
expect "-f follows a link" 0
holds "the link is still one" test -L dangling.lic
holds "its target has changed" bash -c '! cmp -s target.lic first.lic'

run "$LIC" encode a.png sub.dir
expect "output is a folder" 2 'is a folder'
run "$LIC" encode a.png nowhere/x.lic
expect "no such folder" 1 'cannot write'
run "$LIC" encode none.png
expect "no such input" 1 '^lic: none.png: cannot open'
run "$LIC" decode a.png b.png
expect "decoding what is no .lic" 1 '^lic: a.png: '
holds "nothing was written" test ! -e b.png
run "$LIC" encode a.lic b.lic
expect "encoding a .lic" 1 'already'
head -c 40 a.lic >cut.lic
run "$LIC" decode cut.lic
expect "a cut stream" 1 '^lic: cut.lic: '
holds "a cut stream gives no picture" test ! -e cut.png

# Where nothing can be written is found before the work: the damage at the end of this picture is not.
cp "$DATA/waves-200x168.png" late.png
printf xxxx | dd of=late.png bs=1 seek=$(($(stat -c %s late.png) - 24)) conv=notrunc 2>err
touch isfile
for options in '' --lossless '--target-bpp 1' --report; do
    # shellcheck disable=SC2086
    run "$LIC" encode late.png $options nowhere/x.lic
    expect "no folder, $options" 1 '^lic: late.png: cannot write nowhere/x.lic: there is no folder nowhere'
    # shellcheck disable=SC2086
    run "$LIC" encode late.png $options isfile/x.lic
    expect "no folder, but a file, $options" 1 '^lic: late.png: cannot write isfile/x.lic: Not a directory'
    # shellcheck disable=SC2086
    run "$LIC" encode late.png $options late.lic
    expect "damage, $options" 1 '^lic: late.png: damaged PNG'
    holds "damage leaves nothing, $options" test ! -e late.lic
done

if [ -c /dev/full ]; then
    for command in 'encode a.png -o' 'decode a.lic --format png -o' 'decode a.lic --format jpg -o' \
        'decode a.lic --format ppm -o'; do
        # shellcheck disable=SC2086
        run "$LIC" $command /dev/full
        expect "full disk: $command" 1 'cannot write'
    done
    run "$LIC" encode a.png -o /dev/full
    expect "a full disk, noticed at the end, is named" 1 '^lic: a.png: cannot write /dev/full: No space left'
    holds "/dev/full is still a device" test -c /dev/full
    "$LIC" eval --json a.png a.png >/dev/full 2>"$T/err"
    rc=$?
    expect "full standard output" 1 'cannot write'
else
    skip "no /dev/full is here"
fi
run "$LIC" encode a.png -o /dev/null
expect "a device is written in place, without -f" 0
holds "/dev/null is still a device" test -c /dev/null

# A disk that fills up in the middle, played by a limit on file sizes: whole files or none.
run "$LIC" encode "$DATA/waves-200x168.png" w.lic
expect "a larger picture" 0
limited() { # KIB COMMAND...
    (trap '' XFSZ; ulimit -f "$1"; shift; exec "$@") >"$T/out" 2>"$T/err" </dev/null
    rc=$?
}
for suffix in ppm png jpg; do
    limited 4 "$LIC" decode w.lic w.$suffix
    expect "full disk while writing .$suffix" 1 'w.lic: cannot write'
    holds "no half .$suffix" test ! -e w.$suffix
done
limited 1 "$LIC" encode -q 100 "$DATA/waves-200x168.png" x.lic
expect "full disk while encoding" 1 'cannot write'
holds "no half .lic" test ! -e x.lic

# Interrupted at any moment: exit 130 and nothing half-written, or done.
{ printf 'P6\n900 600\n255\n'; head -c 1620000 /dev/urandom; } >noise.ppm
run "$LIC" encode -q 30 noise.ppm n.lic
expect "noise" 0
for delay in 0.05 0.1 0.2 0.3 0.4 0.5 0.7; do
    rm -f n.png
    run timeout --preserve-status -s INT "$delay" "$LIC" decode --quiet n.lic n.png
    if [ "$rc" -eq 130 ]; then
        holds "interrupted after $delay s" test ! -e n.png
    else
        expect "not interrupted in $delay s" 0
    fi
done
for delay in 0.05 0.1 0.2 0.4; do # 143: on a busy machine the program was not ready for signals yet
    run timeout --preserve-status -s TERM "$delay" "$LIC" encode --quiet noise.ppm t.lic
    [ "$rc" -ne 143 ] && break
done
expect "terminated" 130
holds "terminated: no file" test ! -e t.lic

# Rights: those that the user's mask gives, not those of a temporary file.
rm -f a.lic
(umask 027 && run "$LIC" encode a.png)
holds "rights follow the mask" test "$(stat -c %a a.lic)" = 640

holds "no temporary files" no_strays .
finish
