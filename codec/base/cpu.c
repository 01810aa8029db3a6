/* cpu.c - see cpu.h. The only file outside models/kernels/ with processor-specific code. */
#include "codec/base/cpu.h"

#include <string.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#include <xmmintrin.h>
#define LIC_X86 1
#else
#define LIC_X86 0
#endif
#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

#define NAME(level, name) [LIC_CPU_##level] = name,
static const char *const names[] = {[LIC_CPU_AUTO] = "auto", LIC_CPU_LEVELS(NAME)};
#define ONE_MORE(level, name) +1
_Static_assert(1 LIC_CPU_LEVELS(ONE_MORE) == LIC_CPU_LAST + 1, "each level has a name");

bool lic_cpu_has_fma(void)
{
#if LIC_X86
    return __builtin_cpu_supports("fma") && __builtin_cpu_supports("avx");
#else
    return true; /* part of every architecture that we build for, except x86 */
#endif
}

#if LIC_X86
/* Older compilers do not know it by name. The operating system keeps its registers, as those of
 * AVX. */
static bool has_f16c(void)
{
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}
#endif

#if defined(__aarch64__)
/* Where the system has no way to ask at run time, it is there if the compiler may count on it. */
static bool has_dot(void)
{
#if defined(__ARM_FEATURE_DOTPROD)
    return true;
#elif defined(__linux__)
    enum { ASIMD_DOT = 1 << 20 };
    return getauxval(AT_HWCAP) & ASIMD_DOT;
#else
    return false;
#endif
}
#endif

#if LIC_X86
static bool has_avx_vnni(void)
{
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & 1u << 4);
}
#endif

bool lic_cpu_machine_has(lic_cpu cpu)
{
    switch (cpu) {
    case LIC_CPU_SCALAR:
        return true;
#if LIC_X86
    case LIC_CPU_AVX2:
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c();
    case LIC_CPU_SSE4:
        return __builtin_cpu_supports("sse4.1");
    case LIC_CPU_AVX2VNNI:
        return has_avx_vnni() && lic_cpu_machine_has(LIC_CPU_AVX2);
    case LIC_CPU_AVX512VNNI:
        return __builtin_cpu_supports("avx512vnni") && lic_cpu_machine_has(LIC_CPU_AVX512);
    case LIC_CPU_AVX512:
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("fma");
#elif defined(__aarch64__)
    case LIC_CPU_NEON:
        return true;
    case LIC_CPU_NEONDOT:
        return has_dot();
#elif defined(__wasm_simd128__)
    case LIC_CPU_WASM:
        return true;
#endif
    default:
        return false;
    }
}

int lic_cpu_parse(const char *name)
{
    for (int i = 0; i < (int)(sizeof names / sizeof names[0]); i++)
        if (!strcmp(name, names[i]))
            return i;
    return -1;
}

const char *lic_cpu_level_name(lic_cpu cpu)
{
    const unsigned i = (unsigned)cpu;
    return i < sizeof names / sizeof names[0] ? names[i] : "unknown";
}

void lic_cpu_relax(void)
{
#if LIC_X86
    _mm_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

uint64_t lic_fp_enter(void)
{
#if LIC_X86
    unsigned saved = _mm_getcsr();
    _mm_setcsr(0x1F80); /* all exceptions masked, round to nearest, no flush-to-zero */
    return saved;
#elif defined(__aarch64__)
    uint64_t saved, strict = 0;
    __asm__ volatile("mrs %0, fpcr" : "=r"(saved));
    __asm__ volatile("msr fpcr, %0" : : "r"(strict));
    return saved;
#else
    return 0;
#endif
}

void lic_fp_leave(uint64_t saved)
{
#if LIC_X86
    _mm_setcsr((unsigned)saved);
#elif defined(__aarch64__)
    __asm__ volatile("msr fpcr, %0" : : "r"(saved));
#else
    (void)saved;
#endif
}
