/* check.c - checks that this build, on this machine, computes what files need. Each kernel runs
 * once on numbers that would show any change of rounding or order, and the results are compared
 * with those of all other machines. This finds what no macro can tell (arithmetic.h): contraction,
 * faulty compilers, emulators that round differently. Takes some microseconds. */
#include "codec/base/arithmetic.h"
#include "codec/base/bytes.h"
#include "models/kernels/strict.h"

#include <string.h>

enum { ROWS = 5, K = 37, N = 16, TOKENS = 16, D = 8, WIDE = 48 };

/* CRC-32 of all results of the kernels, the same on every machine and at every level
 * (tests/parity). */
#define RIGHT 0x2D56BE4Fu

struct state {
    const lic_kernels *k;
    uint32_t random, sum;
};

/* Fills in numbers from -2 to 2, of 24 bits each, with a subnormal now and then. */
static void fill(struct state *s, float *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        s->random = s->random * 1664525u + 1013904223u;
        const float v = (float)(s->random >> 8) / 4194304.0f - 2.0f;
        out[i] = s->random >> 26 == 0 ? v * 0x1p-127f : v;
    }
}

static void add(struct state *s, const float *x, size_t n)
{
    s->sum = lic_crc32(s->sum, x, n * sizeof *x);
}

static void check_gemm(struct state *s, lic_act act)
{
    float x[ROWS * K], w[K * N], bias[N], scale[N], shift[N], out[ROWS * N];
    const float *in[ROWS];
    float *to[ROWS];
    fill(s, x, ROWS * K);
    fill(s, w, K * N);
    fill(s, bias, N);
    fill(s, scale, N);
    fill(s, shift, N);
    for (int r = 0; r < ROWS; r++) {
        in[r] = x + r * K;
        to[r] = out + r * N;
    }
    s->k->gemm(&(lic_gemm){.in = in,
                           .out = to,
                           .w = w,
                           .w_pitch = N,
                           .panel_pitch = K * N,
                           .bias = bias,
                           .scale = scale,
                           .shift = shift,
                           .rows = ROWS,
                           .taps = 1,
                           .k = K,
                           .n = N,
                           .act = act});
    add(s, out, ROWS * N);
}

/* Two taps of bytes; bias, w_scale and shift are any numbers. */
static void check_bytes(struct state *s)
{
    enum { TAPS = 2, STEPS = (K + 3) / 4, RECORD = 1 + (K + 15) / 16 * 4 * LIC_MAX_BYTE_SIZE };
    float x[TAPS * ROWS * K], records[TAPS * ROWS * RECORD], w[K * N], w_scale[N], out[ROWS * N];
    const float *from[TAPS * ROWS], *in[TAPS * ROWS];
    float *to[ROWS];
    int8_t bytes[TAPS * STEPS * 4 * N] = {0};
    int32_t offsets[TAPS * N] = {0};
    fill(s, x, TAPS * ROWS * K);
    fill(s, w, K * N);
    fill(s, w_scale, N);
    for (int t = 0; t < TAPS; t++)
        for (int i = 0; i < K * N; i++) {
            const int channel = i / N, column = i % N, value = (int)(w[i] * (t ? 63.0f : -31.0f));
            bytes[((t * STEPS + channel / 4) * N + column) * 4 + channel % 4] = (int8_t)value;
            offsets[t * N + column] -= 128 * value;
        }
    for (int i = 0; i < TAPS * ROWS; i++) {
        from[i] = x + i * K;
        in[i] = records + i * RECORD;
    }
    for (int r = 0; r < ROWS; r++)
        to[r] = out + r * N;
    s->k->round_bytes(records, RECORD, from, TAPS * ROWS, K);
    s->k->gemm_bytes(&(lic_gemm){.in = in,
                                 .out = to,
                                 .bytes = bytes,
                                 .offsets = offsets,
                                 .w_scale = w_scale,
                                 .bias = w,
                                 .rows = ROWS,
                                 .taps = TAPS,
                                 .k = K,
                                 .n = N,
                                 .act = LIC_ACT_LEAKY});
    add(s, out, ROWS * N);
}

static void check_attention(struct state *s)
{
    float q[TOKENS * D], k[TOKENS * D], v[TOKENS * D + LIC_PANEL], out[TOKENS * D];
    float scratch[64 * TOKENS + D * TOKENS + 64 * D];
    fill(s, q, TOKENS * D);
    fill(s, k, TOKENS * D);
    fill(s, v, TOKENS * D + LIC_PANEL);
    s->k->attention(&(lic_attention){.q = q,
                                     .k = k,
                                     .v = v,
                                     .q_pitch = D,
                                     .kv_pitch = D,
                                     .out_pitch = D,
                                     .out = out,
                                     .scale = 3.0f,
                                     .nq = TOKENS,
                                     .nk = TOKENS,
                                     .d = D,
                                     .cosine = true,
                                     .scratch = scratch});
    add(s, out, TOKENS * D);
}

static void check_depthwise(struct state *s)
{
    float x[3 * 4 * N], w[9 * N], bias[N], out[4 * N];
    const float *rows[3] = {x, x + 4 * N, x + 8 * N};
    fill(s, x, 3 * 4 * N);
    fill(s, w, 9 * N);
    fill(s, bias, N);
    s->k->depthwise(&(lic_depthwise){.rows = rows,
                                     .out = out,
                                     .w = w,
                                     .bias = bias,
                                     .in_pitch = N,
                                     .out_pitch = N,
                                     .width = 4,
                                     .x1 = 4,
                                     .c = N,
                                     .kernel = 3,
                                     .residual = true,
                                     .open_right = true,
                                     .act = LIC_ACT_GELU});
    add(s, out, 4 * N);
}

/* Two channels of eight pixels and what lies beside them, to N others; then pixel by pixel. */
static void check_planes(struct state *s)
{
    enum { PIXELS = 8, PITCH = 1 + N + 1, CHANNELS = 2 };
    float x[3 * CHANNELS * PITCH], w[9 * CHANNELS * N], bias[N], t[N * PIXELS], out[PIXELS * N];
    const float *rows[3] = {x + 1, x + CHANNELS * PITCH + 1, x + 2 * CHANNELS * PITCH + 1};
    fill(s, x, 3 * CHANNELS * PITCH);
    fill(s, w, 9 * CHANNELS * N);
    fill(s, bias, N);
    s->k->conv_planes(&(lic_conv_planes){.rows = rows,
                                         .out = t,
                                         .in_pitch = PITCH,
                                         .out_pitch = PIXELS,
                                         .w = w,
                                         .bias = bias,
                                         .kernel = 3,
                                         .pixels = PIXELS,
                                         .k = CHANNELS,
                                         .n = N,
                                         .act = LIC_ACT_LEAKY});
    s->k->transpose(out, N, t, PIXELS, N, PIXELS);
    add(s, out, PIXELS * N);
}

static void check_rows(struct state *s)
{
    float a[WIDE], b[WIDE], t[WIDE], out[WIDE], *to = out;
    const float *x = a, *p[4] = {a, b, t, a};
    fill(s, a, WIDE);
    fill(s, b, WIDE);
    fill(s, t, WIDE);
    s->k->layer_norm_add(&to, &x, NULL, t, WIDE, b, a, 1, WIDE);
    add(s, out, WIDE);
    s->k->gate(out, a, t, 0.3f, b, WIDE);
    add(s, out, WIDE);
    s->k->blend4(out, p, b, WIDE);
    add(s, out, WIDE);
    s->k->sum_rows(out, a, WIDE, 1, WIDE);
    s->k->mul(out, out, t, WIDE);
    s->k->add(out, out, b, WIDE);
    s->k->activate(out, WIDE, LIC_ACT_TANH);
    s->k->exp(out, WIDE);
    add(s, out, WIDE);
}

/* Code like that between the kernels, which is compiled with the usual flags: a product and a sum,
 * each rounded, on numbers that show if a rounding is missing. */
static void check_plain(struct state *s)
{
    float x[4], out[WIDE];
    for (int i = 0; i < WIDE; i++) {
        fill(s, x, 4);
        out[i] = x[0] * x[1] + x[2] * x[3];
    }
    add(s, out, WIDE);
}

bool lic_kernels_check(const lic_kernels *k)
{
    struct state s = {.k = k, .random = 1};
    check_gemm(&s, LIC_ACT_LEAKY);
    check_gemm(&s, LIC_ACT_SIGMOID);
    check_bytes(&s);
    check_attention(&s);
    check_depthwise(&s);
    check_planes(&s);
    check_rows(&s);
    check_plain(&s);
    return s.sum == RIGHT;
}
