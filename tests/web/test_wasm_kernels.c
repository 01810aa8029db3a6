/* test_wasm_kernels.c - the kernels for WebAssembly against plain C, bit by bit; run by node
 * (tests/web/run.sh). Matrix products of all shapes with numbers of every size, those that fall on the
 * middle between two floats among them, and the check of all kernels that sessions make. The build for
 * relaxed instructions tests its table, which must be fused for that. */
#include "models/kernels/strict.h"
#include "tests/test.h"

#include <math.h>

#if defined(LIC_WASM_HAS_FMA)
#define TABLE lic_kernels_wasm_fma
#else
#define TABLE lic_kernels_wasm
#endif

enum { ROWS = 64, MAX_K = 80, MAX_N = 48, TAPS = 3 };

static float from_bits(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* keep: bits of the significand; few make sums that are exact middles. */
static float value(int keep, int exponent, uint32_t spread)
{
    const uint32_t mask = ~0u << (23 - keep);
    const int e = exponent + (int)test_random_below(2 * spread + 1) - (int)spread;
    return from_bits((uint32_t)(test_random() & 0x80000000u) |
                     (uint32_t)(e < 0 ? 0 : e > 254 ? 254 : e) << 23 |
                     ((uint32_t)test_random() & 0x7FFFFFu & mask));
}

static float x[TAPS * ROWS * MAX_K], w[TAPS * MAX_K * MAX_N], bias[MAX_N];
static float got[ROWS * MAX_N], want[ROWS * MAX_N];

static void product(const lic_kernels *k, lic_gemm g, float *out)
{
    const float *in[TAPS * ROWS];
    float *to[ROWS];
    for (int i = 0; i < g.taps * g.rows; i++)
        in[i] = x + i * g.k;
    for (int r = 0; r < g.rows; r++)
        to[r] = out + r * g.n;
    g.in = in;
    g.out = to;
    k->gemm(&g);
}

/* Numbers of `keep` bits about 2^(exponent - 127). */
static void check_products(int times, int keep_x, int keep_w, int exponent, uint32_t spread)
{
    for (int i = 0; i < times; i++) {
        const int k = 1 + (int)test_random_below(MAX_K), n = 1 + (int)test_random_below(MAX_N);
        const lic_gemm g = {.w = w,
                            .w_pitch = 16,
                            .panel_pitch = (size_t)(16 * k * TAPS),
                            .bias = i % 3 ? bias : NULL,
                            .rows = 1 + (int)test_random_below(ROWS),
                            .taps = i % 2 ? TAPS : 1,
                            .k = k,
                            .n = n};
        for (int j = 0; j < TAPS * ROWS * MAX_K; j++)
            x[j] = test_random_below(16) ? value(keep_x, exponent, spread) : 0.0f;
        for (int j = 0; j < TAPS * MAX_K * MAX_N; j++)
            w[j] = value(keep_w, exponent, spread);
        for (int j = 0; j < MAX_N; j++)
            bias[j] = value(23, exponent, spread);
        product(&lic_kernels_scalar, g, want);
        product(&TABLE, g, got);
        CHECK(!memcmp(got, want, (size_t)g.rows * (size_t)n * sizeof *got));
    }
}

TEST(products_of_weights_of_11_bits) { check_products(60, 23, 10, 127, 3); }
TEST(products_of_few_bits_meet_middles) { check_products(60, 11, 11, 127, 2); }
TEST(products_of_all_sizes) { check_products(60, 23, 23, 127, 40); }
TEST(products_below_the_normal_numbers) { check_products(60, 23, 23, 66, 8); }
TEST(products_that_overflow) { check_products(20, 23, 23, 188, 6); }

/* Half a unit of 1 and what double precision cannot hold beside it: (1 + d)(1 - d) = 1 - d^2. */
TEST(products_beside_a_middle)
{
    for (int e = 15; e < 24; e++) {
        const float d = from_bits((uint32_t)(127 - e) << 23), half = from_bits((127 - 24) << 23);
        for (int j = 0; j < ROWS * 8; j++)
            x[j] = j % 8 == 7 ? (j / 8 % 2 ? 1.0f + d : -(1.0f + d)) : 0.0f;
        for (int j = 0; j < 8 * 16; j++)
            w[j] = half * (1.0f - d);
        for (int j = 0; j < 16; j++)
            bias[j] = 1.0f + (float)j * from_bits((127 - 23) << 23);
        const lic_gemm g = {.w = w, .w_pitch = 16, .panel_pitch = 128, .bias = bias, .rows = ROWS,
                            .taps = 1, .k = 8, .n = 16};
        product(&lic_kernels_scalar, g, want);
        product(&TABLE, g, got);
        CHECK(!memcmp(got, want, ROWS * 16 * sizeof *got));
    }
}

/* Elementwise fma: out = a s + d m. */
TEST(gate_of_any_bits)
{
    for (int i = 0; i < 20000; i++) {
        float a[16], d[16], m[16];
        for (int j = 0; j < 16; j++) {
            a[j] = value(23, 127, 127);
            d[j] = i % 2 ? value(11, 127, 60) : value(23, 127, 127);
            m[j] = i % 2 ? value(11, 127, 60) : value(23, 127, 127);
        }
        TABLE.gate(got, a, d, 0.5f, m, 16);
        lic_kernels_scalar.gate(want, a, d, 0.5f, m, 16);
        for (int j = 0; j < 16; j++)
            CHECK((isnan(got[j]) && isnan(want[j])) || !memcmp(&got[j], &want[j], sizeof *got));
    }
}

/* Zero sums, which need no care, beside those that do. */
TEST(gate_of_zeros)
{
    for (int i = 0; i < 20000; i++) {
        float a[16], d[16], m[16];
        for (int j = 0; j < 16; j++) {
            const float zero = test_random_below(2) ? 0.0f : -0.0f;
            a[j] = test_random_below(3) ? zero : value(23, 127, 3);
            d[j] = test_random_below(3) ? zero : value(i % 2 ? 11 : 23, 127, i % 3 ? 3 : 90);
            m[j] = i % 5 ? value(i % 2 ? 11 : 23, 127, i % 3 ? 3 : 90) : zero;
        }
        TABLE.gate(got, a, d, 1.0f, m, 16);
        lic_kernels_scalar.gate(want, a, d, 1.0f, m, 16);
        CHECK(!memcmp(got, want, sizeof a));
    }
}

/* Layers in integers: rounded positions times bytes. */
static void byte_product(const lic_kernels *k, lic_gemm g, float *out)
{
    static float records[TAPS * ROWS * (1 + (MAX_K + 15) / 16 * 4 * LIC_MAX_BYTE_SIZE)];
    const size_t record = lic_record_floats(k->byte_size, g.k);
    const float *from[TAPS * ROWS], *in[TAPS * ROWS];
    float *to[ROWS];
    for (int i = 0; i < g.taps * g.rows; i++) {
        from[i] = x + i * g.k;
        in[i] = records + (size_t)i * record;
    }
    for (int r = 0; r < g.rows; r++)
        to[r] = out + r * g.n;
    k->round_bytes(records, record, from, g.taps * g.rows, g.k);
    g.in = in;
    g.out = to;
    k->gemm_bytes(&g);
}

TEST(products_of_bytes)
{
    static int8_t bytes[TAPS * MAX_K * MAX_N];
    static const int32_t offsets[TAPS * MAX_N]; /* of another machine */
    for (int i = 0; i < 60; i++) {
        const int k = 1 + (int)test_random_below(MAX_K), n = 1 + (int)test_random_below(MAX_N);
        const lic_gemm g = {.bytes = bytes,
                            .offsets = offsets,
                            .w_scale = w,
                            .bias = i % 3 ? bias : NULL,
                            .rows = 1 + (int)test_random_below(ROWS),
                            .taps = i % 2 ? TAPS : 1,
                            .k = k,
                            .n = n,
                            .act = i % 5 ? LIC_ACT_NONE : LIC_ACT_GELU};
        for (int j = 0; j < TAPS * ROWS * MAX_K; j++)
            x[j] = test_random_below(16) ? value(i % 4 ? 23 : 5, 127, 3) : 0.0f;
        for (int j = 0; j < TAPS * MAX_K * MAX_N; j++) /* channels beyond the last: zero */
            bytes[j] = (int8_t)(j / 64 % ((k + 3) / 4) * 4 + j % 4 < k
                                    ? (int)test_random_below(255) - 127
                                    : 0);
        for (int j = 0; j < MAX_N; j++)
            w[j] = bias[j] = value(23, 120, 3);
        byte_product(&lic_kernels_scalar, g, want);
        byte_product(&TABLE, g, got);
        CHECK(!memcmp(got, want, (size_t)g.rows * (size_t)n * sizeof *got));
    }
}

TEST(halves_are_widened)
{
    uint16_t halves[1 << 16];
    static float wide[2][1 << 16];
    size_t n = 0;
    for (uint32_t h = 0; h < 1 << 16; h++)
        if ((h & 0x7C00) != 0x7C00)
            halves[n++] = (uint16_t)h;
    TABLE.widen(wide[0], halves, n);
    lic_kernels_scalar.widen(wide[1], halves, n);
    CHECK(!memcmp(wide[0], wide[1], n * sizeof(float)));
}

TEST(all_kernels)
{
    CHECK(lic_kernels_check(&lic_kernels_scalar));
    CHECK(lic_kernels_check(&TABLE));
#if !defined(LIC_WASM_HAS_FMA)
    CHECK(!lic_kernels_check(&lic_kernels_wasm_rounded)); /* the check would see it */
#endif
}
