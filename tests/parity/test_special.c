/* test_special.c - NaN, infinities, zeros of both signs, subnormals and the largest numbers through
 * the kernels: every level gives the same bits wherever IEEE 754 says which (of NaN only that it is
 * one). The control word is left as a C program finds it, which is how the library sets it. */
#include "tests/parity/parity.h"

static const uint32_t special_bits[] = {
    0x00000000, 0x80000000, 0x00000001, 0x80000001, 0x007FFFFF, 0x807FFFFF, /* zeros, subnormals */
    0x00800000, 0x80800000, 0x3F800000, 0xBF800000, 0x3F7FFFFF, 0x33800000, /* least normal, one */
    0x7F7FFFFF, 0xFF7FFFFF, 0x7F000000, 0x7F800000, 0xFF800000, /* largest, infinities */
    0x7FC00000, 0xFFC00000, 0x7F800001, 0x7FFFFFFF,             /* NaN, quiet and not */
    0x42AE0000, 0xC2AE0000, 0x42B00000, 0xC2B00000, 0x42B17218, 0xC2CFF1B5, /* the ends of exp */
    0x4B000000, 0x4B400000, 0xCB400000, 0x358637BD, 0x00FFFFFF};

enum { N = sizeof special_bits / sizeof special_bits[0], PAIRS = N * N, TRIPLES = N * N * N };

static float at(size_t i)
{
    return from_bits(special_bits[i % N]);
}

static level levels[PARITY_LEVELS];
static int n_levels;

static void check_all(const float *got, const float *want, size_t n, int l)
{
    check_bits_or_nan(got, want, n, levels[l].name);
}

TEST(special_values_in_sums_and_products)
{
    static float a[PAIRS], b[PAIRS], out[PAIRS], sum[PAIRS], product[PAIRS];
    n_levels = parity_levels(levels);
    for (size_t i = 0; i < PAIRS; i++) {
        a[i] = at(i);
        b[i] = at(i / N);
        sum[i] = a[i] + b[i];
        product[i] = a[i] * b[i];
    }
    for (int l = 0; l < n_levels; l++) {
        NEW_CASE("special values, add and mul");
        levels[l].k->add(out, a, b, PAIRS);
        check_all(out, sum, PAIRS, l);
        levels[l].k->mul(out, a, b, PAIRS);
        check_all(out, product, PAIRS, l);
    }
}

/* Every triple through fma: gate computes fma(d, m, a s), here with s = 1. */
TEST(special_values_in_fma)
{
    static float a[TRIPLES], d[TRIPLES], m[TRIPLES], out[TRIPLES], want[TRIPLES];
    n_levels = parity_levels(levels);
    for (size_t i = 0; i < TRIPLES; i++) {
        a[i] = at(i);
        d[i] = at(i / N);
        m[i] = at(i / PAIRS);
        want[i] = fmaf(d[i], m[i], a[i]);
    }
    for (int l = 0; l < n_levels; l++) {
        NEW_CASE("special values, fma");
        levels[l].k->gate(out, a, d, 1.0f, m, TRIPLES);
        check_all(out, want, TRIPLES, l);
    }
}

/* The same triples through the matrix kernel, one input per sum: bias + in * w. */
TEST(special_values_in_gemm)
{
    static float bias[48], w[48], result[48], want[48];
    n_levels = parity_levels(levels);
    for (size_t i = 0; i < PAIRS; i++) {
        const float x = at(i);
        const float *in = &x;
        float *out = result;
        for (size_t j = 0; j < 48; j++) {
            bias[j] = at(i / N);
            w[j] = at(j);
            want[j] = fmaf(x, w[j], bias[j]);
        }
        const lic_gemm g = {.in = &in,
                            .out = &out,
                            .w = w,
                            .w_pitch = LIC_PANEL,
                            .panel_pitch = LIC_PANEL,
                            .bias = bias,
                            .rows = 1,
                            .taps = 1,
                            .k = 1,
                            .n = 48};
        NEW_CASE("special values, gemm");
        for (int l = 0; l < n_levels; l++) {
            levels[l].k->gemm(&g);
            check_all(result, want, 48, l);
        }
    }
}

/* Leaky ReLU is max(x, 0.1 x) with max(a, b) = a > b ? a : b, so a NaN stays one and -0 stays -0.
 */
TEST(special_values_in_leaky)
{
    n_levels = parity_levels(levels);
    for (int l = 0; l < n_levels; l++) {
        float y[N], want[N];
        NEW_CASE("special values, leaky");
        for (size_t i = 0; i < N; i++) {
            const float x = y[i] = at(i), small = x * 0.1f;
            want[i] = x > small ? x : small;
        }
        levels[l].k->activate(y, N, LIC_ACT_LEAKY);
        check_all(y, want, N, l);
    }
}

/* exp and what is made of it: min and max take a NaN to an end of the range, so exp has none. */
TEST(special_values_in_activations)
{
    n_levels = parity_levels(levels);
    for (int act = LIC_ACT_NONE; act <= LIC_ACT_SIGMOID; act++)
        for (int l = 0; l < n_levels; l++) {
            float y[N], want[N];
            NEW_CASE("special values, activation %d", act);
            for (size_t i = 0; i < N; i++)
                want[i] = y[i] = at(i);
            lic_kernels_scalar.activate(want, N, (lic_act)act);
            levels[l].k->activate(y, N, (lic_act)act);
            check_all(y, want, N, l);
        }
    for (int l = 0; l < n_levels; l++) {
        float y[N], want[N];
        NEW_CASE("special values, exp");
        for (size_t i = 0; i < N; i++)
            want[i] = y[i] = at(i);
        lic_kernels_scalar.exp(want, N);
        levels[l].k->exp(y, N);
        check_bits(y, want, N, levels[l].name);
        for (size_t i = 0; i < N; i++)
            CHECK(y[i] > 0 && y[i] < INFINITY);
    }
}

/* Sums keep subnormals and signed zeros: no level flushes. */
TEST(special_values_in_sum_rows)
{
    n_levels = parity_levels(levels);
    for (size_t first = 0; first < N; first++)
        for (int l = 0; l < n_levels; l++) {
            float acc[N], x[2 * N], want[N];
            NEW_CASE("special values, sum_rows");
            for (size_t i = 0; i < N; i++) {
                acc[i] = at(first);
                x[i] = at(i);
                x[N + i] = -at(i + first);
                want[i] = acc[i] + x[i];
                want[i] = want[i] + x[N + i];
            }
            levels[l].k->sum_rows(acc, x, N, 2, N);
            check_all(acc, want, N, l);
        }
}

/* Norms and attention of hostile rows: infinities and NaN must not differ between levels, nor hang.
 */
TEST(special_values_in_rows)
{
    static float rows[16 * 16], out[16 * 16], want[16 * 16], scratch[4096];
    static const float ones[16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    n_levels = parity_levels(levels);
    for (size_t first = 0; first < N; first++)
        for (int cosine = 0; cosine < 3; cosine++) /* 2: layer norm */
            for (int l = 0; l < n_levels; l++) {
                NEW_CASE("special values from %zu on, rows, cosine %d", first, cosine);
                for (size_t i = 0; i < 256; i++)
                    rows[i] = i % 3 ? (float)(i % 7) : at(first + i % 2);
                const lic_attention a = {.q = rows,
                                         .k = rows,
                                         .v = rows,
                                         .q_pitch = 16,
                                         .kv_pitch = 16,
                                         .out_pitch = 16,
                                         .out = out,
                                         .scale = 3,
                                         .nq = 16,
                                         .nk = 16,
                                         .d = 11,
                                         .cosine = cosine == 1,
                                         .scratch = scratch};
                float *to = out;
                const float *from = rows;
                memset(out, 0, sizeof out);
                if (cosine < 2)
                    levels[l].k->attention(&a);
                else
                    levels[l].k->layer_norm_add(&to, &from, NULL, rows + 16, 16, ones, ones, 1, 16);
                if (l == 0)
                    memcpy(want, out, sizeof out);
                check_all(out, want, 256, l);
            }
}
