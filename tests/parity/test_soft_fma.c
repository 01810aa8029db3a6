/* test_soft_fma.c - the fused multiply-adds of processors that have none (models/kernels/soft_fma.h,
 * soft_fma_v16.h) against the C library's, on random and on chosen triples: cancellation, ties,
 * subnormal and overflowing results. The library's own is exact by the C standard, in hardware or
 * not. */
#define LIC_SIMD_SOFT_FMA
#include "models/kernels/simd.h"

#include "codec/base/cpu.h"
#include "models/kernels/strict.h"
#include "tests/test.h"

#include <math.h>

#ifdef LIC_TEST_QUICK
enum { TRIPLES = 200000 };
#else
enum { TRIPLES = 4000000 };
#endif

static float from_bits(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static uint32_t to_bits(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

static void check_bits(float got, float a, float b, float c)
{
    const float want = fmaf(a, b, c);
    const int same = to_bits(got) == to_bits(want) || (isnan(got) && isnan(want));
    if (test_failed(same))
        printf("fma(%a, %a, %a) is %a, expected %a\n", (double)a, (double)b, (double)c, (double)got,
               (double)want);
}

/* Triples wait here until a whole vector of them is worth computing. */
enum { WAITING = 1024 };
static float waiting[3][WAITING];
static int n_waiting;

/* Through SSE4.1, where the machine has it: gate computes fma(d, m, a s), here with s = 1. */
static void check_waiting(void)
{
#if defined(__x86_64__)
    float out[WAITING];
    if (lic_cpu_machine_has(LIC_CPU_SSE4)) {
        lic_kernels_sse4.gate(out, waiting[2], waiting[0], 1.0f, waiting[1], n_waiting);
        for (int i = 0; i < n_waiting; i++)
            check_bits(out[i], waiting[0][i], waiting[1][i], waiting[2][i]);
    }
#endif
    n_waiting = 0;
}

static void check_triple(float a, float b, float c)
{
    check_bits(fma1(a, b, c), a, b, c);
    waiting[0][n_waiting] = a;
    waiting[1][n_waiting] = b;
    waiting[2][n_waiting++] = c;
    if (n_waiting == WAITING)
        check_waiting();
}

static float any_float(void)
{
    return from_bits((uint32_t)test_random());
}

/* Significand of few bits, exponent within `spread` of `exponent`: products and sums meet exactly.
 */
static float plain_float(int exponent, uint32_t spread)
{
    const uint32_t keep = ~0u << test_random_below(24);
    const int e = exponent + (int)test_random_below(2 * spread + 1) - (int)spread;
    const uint32_t field = e < 0 ? 0 : e > 254 ? 254 : (uint32_t)e;
    return from_bits((uint32_t)(test_random() & 0x80000000u) | field << 23 |
                     ((uint32_t)test_random() & 0x7FFFFFu & keep));
}

TEST(soft_fma_any_bits)
{
    for (int i = 0; i < TRIPLES; i++)
        check_triple(any_float(), any_float(), any_float());
}

TEST(soft_fma_near_one)
{
    for (int i = 0; i < TRIPLES; i++)
        check_triple(plain_float(127, 3), plain_float(127, 3), plain_float(127, 30));
}

/* c within a few units of -a b: what is left is the product's lower half. */
TEST(soft_fma_cancellation)
{
    for (int i = 0; i < TRIPLES; i++) {
        const float a = plain_float(127, 60), b = plain_float(127, 60), c = -(a * b);
        check_triple(a, b, from_bits(to_bits(c) + test_random_below(5) - 2));
    }
}

/* Sums half way between two floats, and 2^-30 to 2^-46 of the half beside it: what double precision
 * cannot hold any more, (1 + d)(1 - d) = 1 - d^2, has to decide. */
TEST(soft_fma_ties)
{
    for (int i = 0; i < TRIPLES; i++) {
        const uint32_t exponent = 60 + test_random_below(130);
        const float c = from_bits(exponent << 23 | ((uint32_t)test_random() & 0x7FFFFFu));
        const float sign = test_random_below(2) ? 1.0f : -1.0f;
        const float half = sign * from_bits((exponent - 24) << 23); /* half a unit of c */
        const float d = from_bits((127 - 15 - test_random_below(9)) << 23);
        check_triple(half, 1.0f, c);
        check_triple(half, 1.0f, -c);
        check_triple(half * (1.0f + d), 1.0f - d, c);
        check_triple(half * (1.0f + d), 1.0f - d, -c);
        check_triple(0.5f * half * (1.0f + d), 1.0f - d, from_bits(exponent << 23));
    }
}

/* Results below 2^-126, where rounding takes place further up. */
TEST(soft_fma_subnormal_results)
{
    for (int i = 0; i < TRIPLES; i++) {
        const int exponent = 20 + (int)test_random_below(100);
        const float a = plain_float(exponent, 2), b = plain_float(127 - exponent, 26);
        check_triple(a, b, 0.0f);
        check_triple(a, b, plain_float(0, 12));
    }
}

/* As ties, among subnormal numbers: half of 2^-149, and a little less, beside them. */
TEST(soft_fma_subnormal_ties)
{
    for (int i = 0; i < TRIPLES; i++) {
        const float c = from_bits((uint32_t)test_random() & 0x7FFFFFu);
        const float root = from_bits((127 - 75) << 23),
                    d = from_bits((127 - 15 - test_random_below(9)) << 23);
        const float sign = test_random_below(2) ? 1.0f : -1.0f;
        check_triple(root, sign * root, c);
        check_triple(root * (1.0f + d), sign * root * (1.0f - d), c);
        check_triple(root * (1.0f + d), sign * root * (1.0f - d), -c);
    }
}

TEST(soft_fma_overflow)
{
    for (int i = 0; i < TRIPLES; i++) {
        const int exponent = 127 + (int)test_random_below(127);
        check_triple(plain_float(exponent, 1), plain_float(381 - exponent, 2), plain_float(254, 2));
    }
    const float top = from_bits(0x7F7FFFFFu);
    check_triple(top, 1.0f, from_bits(0x73000000u)); /* half a unit above: a tie, to infinity */
    check_triple(top, 1.0f, from_bits(0x72FFFFFFu)); /* just below it: the largest number */
    check_triple(top, top, -INFINITY);
    check_triple(top, top, -top);
}

TEST(soft_fma_zeros_and_not_numbers)
{
    static const float odd[] = {0.0f,    -0.0f,    1.0f,      -1.0f, 1e-40f,
                                -1e-40f, INFINITY, -INFINITY, NAN,   3.4e38f};
    enum { N = sizeof odd / sizeof odd[0] };
    for (int i = 0; i < N * N * N; i++)
        check_triple(odd[i % N], odd[i / N % N], odd[i / N / N]);
    check_waiting();
}
