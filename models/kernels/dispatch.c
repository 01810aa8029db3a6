/* dispatch.c - picks a kernel table for this machine. LIC_CPU in the environment masks the choice
 * of AUTO, so that every level can be tested on one machine. */
#include "codec/base/cpu.h"
#include "models/kernels/strict.h"

#include <stdlib.h>

size_t lic_attention_scratch(int nq, int nk, int d)
{
    (void)nq; /* room for a full block of 64 queries */
    return 64 * (size_t)nk + (size_t)d * (size_t)nk + 64 * (size_t)d;
}

/* Builds for WebAssembly have one strict table, to be small: of an engine with the relaxed
 * instructions (LIC_WASM_HAS_FMA, codec/web/web.mk), if they turn out to be fused, or the exact one
 * and beside it the one that is not strict. */
#if defined(LIC_WASM_HAS_FMA)
static const lic_kernels *wasm_table(void)
{
    return lic_kernels_check(&lic_kernels_wasm_fma) ? &lic_kernels_wasm_fma : NULL;
}
#elif defined(__wasm_simd128__)
static const lic_kernels *wasm_table(void)
{
    return &lic_kernels_wasm;
}
#endif

const lic_kernels *lic_kernels_rounded(void)
{
#if defined(__wasm_simd128__) && !defined(LIC_WASM_HAS_FMA)
    return &lic_kernels_wasm_rounded;
#else
    return NULL;
#endif
}

static const lic_kernels *built(lic_cpu cpu)
{
    switch (cpu) {
#if !defined(__wasm_simd128__)
    case LIC_CPU_SCALAR:
#if defined(__x86_64__)
        if (lic_cpu_has_fma())
            return &lic_kernels_scalar_fma;
#endif
        return &lic_kernels_scalar;
#endif
#if defined(__x86_64__)
    case LIC_CPU_SSE4:
        return &lic_kernels_sse4;
    case LIC_CPU_AVX2:
        return &lic_kernels_avx2;
    case LIC_CPU_AVX512:
        return &lic_kernels_avx512;
    case LIC_CPU_AVX512VNNI:
        return &lic_kernels_avx512vnni;
    case LIC_CPU_AVX2VNNI:
        return &lic_kernels_avx2vnni;
#elif defined(__aarch64__)
    case LIC_CPU_NEON:
        return &lic_kernels_neon;
    case LIC_CPU_NEONDOT:
        return &lic_kernels_neondot;
#elif defined(__wasm_simd128__)
    case LIC_CPU_WASM:
        return wasm_table();
#endif
    default:
        return NULL;
    }
}

lic_cpu lic_cpu_best(void)
{
    static const lic_cpu order[] = {LIC_CPU_AVX512VNNI, LIC_CPU_AVX512,  LIC_CPU_AVX2VNNI,
                                    LIC_CPU_AVX2,       LIC_CPU_SSE4,    LIC_CPU_NEONDOT,
                                    LIC_CPU_NEON,       LIC_CPU_WASM};
    const char *wish = getenv("LIC_CPU");
    const int level = wish ? lic_cpu_parse(wish) : -1;
    if (level > LIC_CPU_AUTO && lic_kernels_get((lic_cpu)level))
        return (lic_cpu)level;
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
        if (lic_cpu_machine_has(order[i]) && built(order[i]))
            return order[i];
    return LIC_CPU_SCALAR;
}

const lic_kernels *lic_kernels_get(lic_cpu cpu)
{
    if (cpu == LIC_CPU_AUTO)
        cpu = lic_cpu_best();
    return lic_cpu_machine_has(cpu) ? built(cpu) : NULL;
}

int lic_cpu_supported(lic_cpu cpu)
{
    return lic_kernels_get(cpu) != NULL;
}

const char *lic_cpu_name(lic_cpu cpu)
{
    return lic_cpu_level_name(cpu == LIC_CPU_AUTO ? lic_cpu_best() : cpu);
}
