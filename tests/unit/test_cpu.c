/* test_cpu.c - names of instruction sets, the LIC_CPU mask, and the floating-point control word. */
#include "codec/base/cpu.h"

#include "models/kernels/strict.h"
#include "tests/test.h"

#include <fenv.h>
#include <float.h>
#include <stdlib.h>

TEST(cpu_names)
{
    CHECK_EQ_INT(lic_cpu_parse("auto"), LIC_CPU_AUTO);
    CHECK_EQ_INT(lic_cpu_parse("avx2"), LIC_CPU_AVX2);
    CHECK_EQ_INT(lic_cpu_parse("avx512vnni"), LIC_CPU_AVX512VNNI);
    CHECK_EQ_INT(lic_cpu_parse("neondot"), LIC_CPU_NEONDOT);
    CHECK_EQ_INT(lic_cpu_parse("sse4"), LIC_CPU_SSE4);
    for (lic_cpu cpu = LIC_CPU_SCALAR; cpu <= LIC_CPU_LAST; cpu++)
        CHECK_EQ_INT(lic_cpu_parse(lic_cpu_name(cpu)), cpu);
    static const char *const wrong[] = {"", "AVX2", "avx", "avx2 ", "avx5120", "sse2", "1"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        CHECK_EQ_INT(lic_cpu_parse(wrong[i]), -1);
    CHECK_EQ_STR(lic_cpu_name((lic_cpu)(LIC_CPU_LAST + 1)), "unknown");
}

/* Every table says what it is, and only what the machine has is handed out. */
TEST(cpu_levels_of_this_machine)
{
    unsetenv("LIC_CPU");
    CHECK(lic_cpu_supported(LIC_CPU_SCALAR) && lic_cpu_supported(LIC_CPU_AUTO));
    CHECK(!lic_cpu_supported((lic_cpu)99));
    for (lic_cpu cpu = LIC_CPU_SCALAR; cpu <= LIC_CPU_LAST; cpu++) {
        const lic_kernels *k = lic_kernels_get(cpu);
        CHECK_EQ_INT(k != NULL, lic_cpu_supported(cpu));
        CHECK(!k || lic_cpu_machine_has(cpu));
        CHECK(!k || k->cpu == cpu);
    }
    CHECK(lic_kernels_get(LIC_CPU_AUTO) == lic_kernels_get(lic_cpu_best()));
#if defined(__x86_64__)
    CHECK(!lic_cpu_supported(LIC_CPU_NEON));
    CHECK(lic_kernels_get(LIC_CPU_SCALAR) ==
          (lic_cpu_has_fma() ? &lic_kernels_scalar_fma : &lic_kernels_scalar));
#elif defined(__aarch64__)
    CHECK(lic_cpu_best() == (lic_cpu_supported(LIC_CPU_NEONDOT) ? LIC_CPU_NEONDOT : LIC_CPU_NEON));
    CHECK(!lic_cpu_supported(LIC_CPU_AVX2));
#endif
}

/* LIC_CPU holds AUTO back; what it asks for that is not there or not known changes nothing. */
TEST(cpu_mask)
{
    static const char *const ignored[] = {"", "auto", "sse9", "AVX2"};
    unsetenv("LIC_CPU");
    const lic_cpu best = lic_cpu_best();
    for (lic_cpu cpu = LIC_CPU_SCALAR; cpu <= LIC_CPU_LAST; cpu++) {
        setenv("LIC_CPU", lic_cpu_name(cpu), 1);
        const int there = lic_cpu_supported(cpu);
        CHECK_EQ_INT(lic_cpu_best(), there ? cpu : best);
        CHECK(lic_kernels_get(LIC_CPU_AUTO)->cpu == (there ? cpu : best));
        CHECK_EQ_STR(lic_cpu_name(LIC_CPU_AUTO), lic_cpu_name(there ? cpu : best));
        CHECK(lic_kernels_get(LIC_CPU_SCALAR)->cpu == LIC_CPU_SCALAR); /* an explicit wish wins */
    }
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++) {
        setenv("LIC_CPU", ignored[i], 1);
        CHECK_EQ_INT(lic_cpu_best(), best);
    }
    unsetenv("LIC_CPU");
}

/* ---- control word ---------------------------------------------------------------------------- */

#if defined(__x86_64__) || defined(__aarch64__)

/* 1: subnormal results are flushed; 2: subnormal arguments count as zero. */
static int flushing(void)
{
    volatile float least = FLT_MIN, half = 0.5f, tiny = 1e-40f, big = 1e10f;
    return (least * half == 0.0f) | (tiny * big == 0.0f) << 1;
}

static void set_flushing(void)
{
#if defined(__x86_64__)
    __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040);
#else
    uint64_t word;
    __asm__ volatile("mrs %0, fpcr" : "=r"(word));
    word |= (uint64_t)1 << 24;
    __asm__ volatile("msr fpcr, %0" : : "r"(word));
#endif
}

/* The direction that arithmetic rounds in (fegetround may look at another unit). */
static int rounding_now(void)
{
    volatile float one = 1.0f, small = 1e-10f;
    const int up = one + small > 1.0f, down = -one - small < -1.0f, cut = one - small < 1.0f;
    return up ? FE_UPWARD : down ? FE_DOWNWARD : cut ? FE_TOWARDZERO : FE_TONEAREST;
}

TEST(cpu_strict_mode_is_set_and_undone)
{
    static const int rounding[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    fenv_t before;
    fegetenv(&before);
    for (int i = 0; i < 8; i++) {
        fesetround(rounding[i % 4]);
        if (i >= 4)
            set_flushing();
        const int own = flushing();
        CHECK_EQ_INT(own, i >= 4 ? 3 : 0);
        const uint64_t saved = lic_fp_enter();
        CHECK_EQ_INT(rounding_now(), FE_TONEAREST);
        CHECK_EQ_INT(flushing(), 0);
        lic_fp_leave(saved);
        CHECK_EQ_INT(rounding_now(), rounding[i % 4]);
        CHECK_EQ_INT(flushing(), own);
        fesetenv(&before);
    }
}

/* A mode within a mode: the inner one changes nothing. */
TEST(cpu_strict_mode_nests)
{
    fesetround(FE_UPWARD);
    const uint64_t outer = lic_fp_enter(), inner = lic_fp_enter();
    lic_fp_leave(inner);
    CHECK_EQ_INT(rounding_now(), FE_TONEAREST);
    lic_fp_leave(outer);
    CHECK_EQ_INT(rounding_now(), FE_UPWARD);
    fesetround(FE_TONEAREST);
}

#endif
