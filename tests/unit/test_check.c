/* test_check.c - the check of the arithmetic when a session begins: true at every level, and false
 * as soon as one kernel differs in the last bit. */
#include "codec/base/cpu.h"
#include "models/kernels/strict.h"
#include "tests/test.h"

static const lic_kernels *right;

/* Of each result the last bit of the first number is turned over. */
static void spoil(float *x)
{
    uint32_t bits;
    memcpy(&bits, x, 4);
    bits ^= 1;
    memcpy(x, &bits, 4);
}

static void bad_gemm(const lic_gemm *g)
{
    right->gemm(g);
    spoil(&g->out[g->rows - 1][g->n - 1]);
}

static void bad_planes(const lic_conv_planes *p)
{
    right->conv_planes(p);
    spoil(p->out + p->out_pitch);
}

static void bad_transpose(float *out, size_t out_pitch, const float *in, size_t in_pitch, int rows,
                          int columns)
{
    right->transpose(out, out_pitch, in, in_pitch, rows, columns);
    spoil(out);
}

static void bad_gemm_bytes(const lic_gemm *g)
{
    right->gemm_bytes(g);
    spoil(&g->out[g->rows - 1][g->n - 1]);
}

static void bad_round_bytes(float *out, size_t pitch, const float *const *x, int rows, int k)
{
    right->round_bytes(out, pitch, x, rows, k);
    spoil(out);
}

static void bad_attention(const lic_attention *a)
{
    right->attention(a);
    spoil(a->out);
}

static void bad_depthwise(const lic_depthwise *d)
{
    right->depthwise(d);
    spoil(d->out);
}

static void bad_norm(float *const *out, const float *const *x, const float *const *skip,
                     const float *t, size_t t_pitch, const float *gain, const float *bias, int rows,
                     int c)
{
    right->layer_norm_add(out, x, skip, t, t_pitch, gain, bias, rows, c);
    spoil(out[0]);
}

static void bad_gate(float *out, const float *a, const float *d, float s, const float *m, int c)
{
    right->gate(out, a, d, s, m, c);
    spoil(out);
}

static void bad_blend(float *out, const float *const p[4], const float w[4], int c)
{
    right->blend4(out, p, w, c);
    spoil(out);
}

static void bad_exp(float *x, size_t n)
{
    right->exp(x, n);
    spoil(x);
}

TEST(every_level_is_right)
{
    const uint64_t saved = lic_fp_enter();
    for (int cpu = LIC_CPU_SCALAR; cpu <= LIC_CPU_LAST; cpu++) {
        const lic_kernels *k = lic_kernels_get((lic_cpu)cpu);
        CHECK(!k || lic_kernels_check(k));
    }
    CHECK(lic_kernels_check(&lic_kernels_scalar)); /* without fma */
    lic_fp_leave(saved);
}

TEST(one_wrong_bit_is_seen)
{
    right = lic_kernels_get(LIC_CPU_SCALAR);
    for (int which = 0; which < 11; which++) {
        lic_kernels k = *right;
        if (which == 0)
            k.gemm = bad_gemm;
        else if (which == 1)
            k.attention = bad_attention;
        else if (which == 2)
            k.depthwise = bad_depthwise;
        else if (which == 3)
            k.layer_norm_add = bad_norm;
        else if (which == 4)
            k.gate = bad_gate;
        else if (which == 5)
            k.blend4 = bad_blend;
        else if (which == 6)
            k.exp = bad_exp;
        else if (which == 7)
            k.gemm_bytes = bad_gemm_bytes;
        else if (which == 8)
            k.round_bytes = bad_round_bytes;
        else if (which == 9)
            k.conv_planes = bad_planes;
        else
            k.transpose = bad_transpose;
        CHECK(!lic_kernels_check(&k));
    }
}
