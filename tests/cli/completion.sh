#!/usr/bin/env bash
# Completion: the program's answers to a script contain every option of every command. The bash script is run as bash
# runs it; zsh and fish are asked for completions if they are installed.
source "$(dirname "$0")/common.bash"
mkdir "$T/home" && cd "$T" || exit 1
mkdir 'a folder' pictures
export PATH=$(dirname "$LIC"):$PATH
touch one.png 'two words.PNG' three.lic four.txt five.licw

for shell in bash zsh fish; do
    "$LIC" --completion $shell >"script.$shell" 2>err
    rc=$?
    expect "--completion $shell" 0
done
run "$LIC" --completion tcsh
expect "another shell" 2 'bash, zsh or fish'

# ---- the answers, against the help that comes from the same tables ----
answers() { "$LIC" --complete "$@" | cut -f 1 | LC_ALL=C sort | tr '\n' ' '; }
said() { # what the help of a command, or all of it, begins its lines of options with
    "$LIC" "$@" --help | sed -n 's/^  *\(-[^ =[]*\( --[a-z-]*\)*\).*/\1/p' | sed 's/, /\n/' | LC_ALL=C sort | tr '\n' ' '
}
commands=$("$LIC" -h | sed -n 's/^  lic \([a-z]*\)  .*/\1/p' | grep -v -x -e encode -e decode -e eval; echo encode decode eval)
holds "all commands" test "$(echo $commands | wc -w)" -ge 7
for command in $commands; do
    holds "it is offered" test "$(answers "${command%?}")" = "$command "
    holds "$command: all its options, and no others" test "$(answers "$command" -)" = "$(said "$command")"
    "$LIC" --complete "$command" - >options
    holds "$command: each with what it means" test "$(cut -f 2 options | grep -c .)" = "$(grep -c . <options)"
done
holds "--help is not everything" test "$(said encode)" != "$(said)"
"$LIC" --complete sweep --outp >sweep
holds "sweep's own sense of -o" grep -q 'where the results go' sweep
"$LIC" --complete encode --outp >encode
holds "and not of encode" grep -q 'same as OUT' encode
holds "a value behind an equals sign" test "$(answers decode --format=j)" = "jpg "
holds "no other is known of a number" test -z "$(answers encode -q '')"
holds "nothing to complete is no fault" test -z "$("$LIC" --complete encode --crop '' 2>&1)" -a $? -eq 0
rm options sweep encode

# ---- bash: as readline would call it, words split at = too ----
holds "bash reads it" bash -n script.bash
if command -v shellcheck >/dev/null; then
    holds "shellcheck is content" shellcheck -s bash -e SC2034 script.bash
else
    skip "shellcheck is not here"
fi
complete_bash() { # WORD...: completions of the last word
    # shellcheck disable=SC2016
    bash -c 'source script.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _lic
        printf "%s\n" "${COMPREPLY[@]}"' bash "$@" 2>err | LC_ALL=C sort | tr '\n' '|'
}
gives() { # EXPECTED WORD...
    local expected=$1 got
    shift
    got=$(complete_bash "$@")
    : >err
    if [ "$got" = "$expected" ]; then ok "$*"; else bad "bash: $*: got '$got', expected '$expected'"; fi
}
holds "it registers" bash -c 'source script.bash; complete -p lic'
gives 'decode|' lic de
gives '--completion|' lic --co
gives '--quality|' lic encode --qua
gives '--target-bpp|--target-psnr|--target-size|' lic encode --target
gives '|' lic decode --target
gives 'png|' lic decode --format pn
gives 'jpg|' lic decode --format = j
gives 'auto|avx2|avx2vnni|avx512|avx512vnni|' lic encode --cpu a
gives 'blend=|drop|keep|' lic encode --alpha ''
gives 'bash|fish|zsh|' lic --completion ''
gives 'a folder|home|one.png|pictures|two words.PNG|' lic encode ''
gives 'two words.PNG|' lic encode -q 5 tw
gives 'a folder|home|pictures|three.lic|' lic decode ''
gives 'three.lic|' lic info th
gives 'five.licw|' lic info fi
gives 'a folder|home|pictures|' lic encode --output-dir ''
gives '|' lic encode -q ''
gives 'four.txt|' lic encode --json = fo
gives 'one.png|' lic encode --json on

# ---- zsh ----
if command -v zsh >/dev/null; then
    holds "zsh reads it" zsh -n script.zsh
    cat >ask.zsh <<'END'
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z 'PS1=; autoload -Uz compinit; compinit -u -D; source ./script.zsh; zstyle ":completion:*" list-prompt ""; bindkey "^I" complete-word'
zpty -w z 'echo rea''dy'
zpty -r z line '*ready*'
zpty -w -n z $'lic encode --target-b\t'
sleep 1
zpty -r z line '*bpp*'
print -r -- $line
END
    run timeout 20 zsh -f ask.zsh
    holds "zsh completes an option" grep -q -e '--target-bpp' out
else
    skip "zsh is not here"
fi

# ---- fish ----
if command -v fish >/dev/null; then
    holds "fish reads it" fish -n script.fish
    complete_fish() { # LINE
        HOME=$T/home fish --no-config -c "source script.fish; complete -C '$1'" 2>err | cut -f 1 | tr '\n' '|'
    }
    holds "fish completes a command" test "$(complete_fish 'lic deco')" = 'decode|'
    holds "fish completes an option" test "$(complete_fish 'lic encode --target-b')" = '--target-bpp=|' -o \
        "$(complete_fish 'lic encode --target-b')" = '--target-bpp|'
    holds "fish completes a value" test "$(complete_fish 'lic decode --format p')" = 'png|ppm|'
    holds "only options of the command" test -z "$(complete_fish 'lic decode --target-b')"
else
    skip "fish is not here"
fi
finish
