#!/usr/bin/env bash
# Builds that would compute something other than files need. Those that the compiler's macros reveal stop with the
# reason; one that they do not reveal is found at run time.
source "$(dirname "$0")/common.bash"
cc=${CC:-cc}
cd "$ROOT" || exit 1

compile() { # FLAG...: a source of the library as it is built, with these flags behind
    run $cc -std=c11 -O2 -ffp-contract=off -I. -D_POSIX_C_SOURCE=200809L "$@" -c -o "$T/x.o" models/check.c
}
compile
expect "the usual flags" 0
compile -O3 -march=native -ffp-contract=off
expect "for this machine" 0
unsafe=-funsafe-math-optimizations
$cc --version | grep -q clang && unsafe=-ffast-math # clang has no macro for the parts
for flags in -ffast-math -Ofast -ffinite-math-only $unsafe; do
    # shellcheck disable=SC2086
    compile $flags
    expect "$flags" 1 'lic needs exact IEEE arithmetic'
done
for unit in models/kernels/strict_scalar.c codec/pixels.c codec/base/cpu.c models/rate.c codec/latent.c; do
    run $cc -std=c11 -I. -D_POSIX_C_SOURCE=200809L -ffast-math -fsyntax-only $unit
    expect "$unit with -ffast-math" 1 'lic needs exact IEEE arithmetic'
done
run $cc -std=c11 -I. -U__BYTE_ORDER__ -D__BYTE_ORDER__=__ORDER_BIG_ENDIAN__ -fsyntax-only -x c codec/base/arithmetic.h
expect "big-endian" 1 'little-endian'
case $($cc -dumpmachine) in
x86_64*)
    run $cc -std=c11 -m32 -mno-sse -mfpmath=387 -fsyntax-only -x c codec/base/arithmetic.h
    expect "x87" 1 'FLT_EVAL_METHOD' ;;
esac

# Contraction has no macro. The start finds it, where the machine has the instruction.
if grep -qw fma /proc/cpuinfo 2>/dev/null && ! sanitized; then
    cat >"$T/start.c" <<'END'
#include <codec/lic.h>
#include <stdio.h>
int main(int argc, char **argv)
{
    lic_model *model = NULL;
    lic_session *session = NULL;
    lic_error err = {0};
    if (argc > 1 && !lic_model_open(argv[1], NULL, &model, &err) && !lic_session_new(model, NULL, &session, &err))
        lic_session_free(session);
    lic_model_close(model);
    fprintf(stderr, "%s\n", err.text);
    return err.status;
}
END
    for contract in off fast; do
        run $cc -std=c11 -O2 -mfma -ffp-contract=$contract -I. -o "$T/start" "$T/start.c" models/check.c \
            "${BUILD:-$ROOT/build}/liblic.a" -lz -ldl -pthread
        expect "links, contraction $contract" 0
        run "$T/start" tests/golden/tiny.licw
        [ $contract = off ] && expect "starts" 0 || expect "does not start" 11 'does not compute as lic must'
    done
else
    skip "no fused multiply-add here, or a sanitizer"
fi
finish
