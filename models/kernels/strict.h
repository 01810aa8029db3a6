/* strict.h - the strict kernels. Each is compiled for every instruction set, and all versions give
 * the same bits.
 *
 * Arithmetic is IEEE binary32 with explicit fused multiply-add. Sums over inputs run in ascending
 * order, one fma chain per output, whatever the tile shapes; SIMD runs only across independent
 * outputs, or in the fixed 16-lane trees of simd.h. Pointers in tables may repeat (zero padding,
 * row tails).
 *
 * Memory: pointers need no alignment beyond a float's. Kernels write what their shapes say and
 * nothing between or behind it, and read just that too, with one exception: parameters that go with
 * columns are read in whole panels, as far as the next multiple of 16 columns after the last (gemm:
 * w, bias, scale, shift; gemm_bytes: these and w_scale; depthwise: w, bias; layer_norm_add: gain,
 * bias; attention: rows of v, channels after the d-th; conv_planes: w, bias, and pixels, which are
 * counted from each tap on). What is there must be memory, its values do not matter. In place: out may be a or b of add and mul, out[r] may be x[r] of layer_norm_add; no
 * other results may overlap what is read. */
#ifndef LIC_KERNELS_STRICT_H
#define LIC_KERNELS_STRICT_H

#include "codec/base/arithmetic.h"
#include "codec/lic.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIC_PANEL 16 /* output channels per weight panel */

typedef enum lic_act {
    LIC_ACT_NONE,
    LIC_ACT_LEAKY,
    LIC_ACT_GELU,
    LIC_ACT_TANH,
    LIC_ACT_SIGMOID
} lic_act;

/* out[r][j] = affine(act(bias[j] + sum over taps t, then channels c of in[t * rows + r][c] *
 * w[t][c][j])). One form serves linear layers (one tap) and convolutions (one tap per kernel
 * element, rows are pixels). */
typedef struct lic_gemm {
    const float *const *in; /* [taps][rows] -> [k] */
    float *const *out;      /* [rows] -> [n] */
    const float *w; /* panel p, input i = t * k + c: w[p * panel_pitch + i * w_pitch + 0..15] */
    size_t w_pitch, panel_pitch;
    const float
        *w_rows; /* [taps * k][n], what OpenBLAS wants; the strict kernels do not look at it */
    const float *bias;          /* [n rounded up to 16], or NULL for zero */
    const float *scale, *shift; /* x (1 + scale[j]) + shift[j] after the activation, or both NULL */
    /* Of layers in integers, instead of w: [n / 16][taps][k / 4][16 columns][4 channels], sizes
     * rounded up and what is beyond zero. Values are -127 .. 127. */
    const int8_t *bytes;
    const int32_t *offsets; /* [n / 16][taps][16]: -128 times the sum of a tap's weights */
    const float *w_scale;   /* [n rounded up to 16] */
    int rows, taps, k, n;
    lic_act act;
    float *scratch; /* rows * (taps * k + n) floats for OpenBLAS; the strict kernels need none */
} lic_gemm;

/* Layers in integers. A position, k floats x, is rounded to steps of its own: with m = max(1e-30,
 * largest |x|), step = m / 127 and inverse = 127 / m, the whole numbers are those nearest to x *
 * inverse, halves to even, in -127 .. 127. The largest passes over NaN, which becomes -127. Rounded
 * positions are records: the step and then the numbers, as each processor likes to have them. A
 * record of zeros, or any with a step of 0, adds nothing.
 *
 * out[r][j] = affine(act(fma(sum, w_scale[j], bias[j]))), where sum begins at 0 and goes on with
 * fma(float(products of tap t), step of its position, sum) for each tap. The products are summed in
 * 32 bits and exact: k * 127 * 255 must be below 2^31. */
static inline size_t lic_record_floats(int byte_size, int k)
{
    return 1 + ((size_t)k + LIC_PANEL - 1) / LIC_PANEL * (4 * (size_t)byte_size);
}
enum { LIC_MAX_BYTE_SIZE = 2 };

/* Attention of nq queries over nk keys, one head of d channels. Row i of q is q + i * q_pitch.
 * With `cosine`, q and k rows are divided by max(norm, 1e-6) and q multiplied by scale (SwinV2,
 * equation 2); without, q is multiplied by 1 / sqrt(d). nq is at most 64, nk a multiple of 16. */
typedef struct lic_attention {
    const float *q, *k, *v;
    size_t q_pitch, kv_pitch, out_pitch;
    float *out;
    const float *bias, *mask; /* [nq][nk], added to the scores; NULL for none */
    float scale;
    int nq, nk, d;
    bool cosine;
    float *scratch; /* lic_attention_scratch floats */
} lic_attention;
size_t lic_attention_scratch(int nq, int nk, int d);

/* The element of an axis of n that a tap at i reads; -1: none, the tap is zero. Past an end of the
 * axis there is nothing, unless the picture goes on there (`low`: before element 0, `high`: after
 * n - 1). Then the tap reads the element mirrored about the end, which has the same colour of the
 * checkerboard. */
static inline int lic_reflect(int i, int n, bool low, bool high)
{
    if (i < 0)
        return !low ? -1 : -i < n ? -i : n - 1;
    if (i >= n)
        return !high ? -1 : 2 * (n - 1) - i > 0 ? 2 * (n - 1) - i : 0;
    return i;
}

/* Depthwise kernel x kernel convolution of one output row, stride 1:
 * out[x][c] = (residual ? in[y][x][c] : 0) + bias[c] + sum of taps. rows[i] is input row y + i -
 * kernel / 2, or NULL for a row of zeros. lic_reflect says what lies left and right of the row. x
 * runs from x0 to x1 - 1. */
typedef struct lic_depthwise {
    const float *const *rows; /* [kernel] -> [width][in_pitch] */
    float *out;               /* [x1 - x0][out_pitch] */
    const float *w, *bias;    /* [kernel * kernel][c], [c] */
    size_t in_pitch, out_pitch;
    int width, x0, x1, c, kernel;
    bool residual, open_left, open_right;
    lic_act act;
} lic_depthwise;

/* kernel x kernel convolution, stride 1, of pixels 0 .. pixels - 1 of a row that lies in planes, a
 * channel after the other. Element (c, x) of a row is row[c * in_pitch + x]. rows[i] is input row y
 * + i - kernel / 2, or NULL for a row of zeros. What lies left and right of the pixels is there:
 * columns from -(kernel / 2) on. As gemm: out[o * out_pitch + x] = act(bias[o] + sum over taps, then
 * channels). */
typedef struct lic_conv_planes {
    const float *const *rows; /* [kernel] */
    float *out;
    size_t in_pitch, out_pitch;
    const float *w; /* as in lic_gemm, w_pitch 16 */
    size_t panel_pitch;
    const float *bias; /* [n rounded up to 16] */
    int kernel, pixels, k, n;
    lic_act act;
} lic_conv_planes;

typedef struct lic_kernels {
    lic_cpu cpu;
    int byte_size; /* bytes that a rounded number takes in a record */
    bool prefers_planes; /* conv_planes is faster than gemm where there are few channels */
    void (*gemm)(const lic_gemm *g);
    void (*conv_planes)(const lic_conv_planes *p);
    /* out[j * out_pitch + i] = in[i * in_pitch + j], i < rows, j < columns */
    void (*transpose)(float *out, size_t out_pitch, const float *in, size_t in_pitch, int rows,
                      int columns);
    /* Records of x[r], k floats, at out + r * pitch */
    void (*round_bytes)(float *out, size_t pitch, const float *const *x, int rows, int k);
    /* As gemm, with `bytes` for weights; `in` are records. */
    void (*gemm_bytes)(const lic_gemm *g);
    void (*attention)(const lic_attention *a);
    void (*depthwise)(const lic_depthwise *d);
    /* out[r] = (skip ? skip[r] : 0) + x[r] + LayerNorm(t[r]) * gain + bias over c channels, eps
     * 1e-5. */
    void (*layer_norm_add)(float *const *out, const float *const *x, const float *const *skip,
                           const float *t, size_t t_pitch, const float *gain, const float *bias,
                           int rows, int c);
    /* out = a * s + d * m; s one number, m [c] (gated pair of AC and AG) */
    void (*gate)(float *out, const float *a, const float *d, float s, const float *m, int c);
    /* acc[c] += x[r][c] for ascending r; x + r * pitch */
    void (*sum_rows)(float *acc, const float *x, size_t pitch, int rows, int c);
    void (*activate)(float *x, size_t n, lic_act act);
    void (*exp)(float *x, size_t n);
    void (*add)(float *out, const float *a, const float *b, size_t n);
    void (*mul)(float *out, const float *a, const float *b, size_t n);
    /* n numbers of binary16, none of them infinite or NaN */
    void (*widen)(float *out, const uint16_t *x, size_t n);
    /* out[c] = sum over i of w[i] * p[i][c], i ascending, 4 terms (bilinear sampling) */
    void (*blend4)(float *out, const float *const p[4], const float w[4], int c);
} lic_kernels;

/* The table for a level (AUTO: the best); NULL if this build or machine lacks it. */
const lic_kernels *lic_kernels_get(lic_cpu cpu);

/* Whether they compute on this machine, as they were built, what they must (models/check.c). To be
 * called in the strict floating-point environment. */
bool lic_kernels_check(const lic_kernels *kernels);

/* The table of LIC_BACKEND_ROUNDED: not strict, and only where the strict one is slow; else NULL.
 */
const lic_kernels *lic_kernels_rounded(void);

extern const lic_kernels lic_kernels_scalar, lic_kernels_scalar_fma, lic_kernels_sse4, lic_kernels_avx2,
    lic_kernels_avx512, lic_kernels_avx512vnni, lic_kernels_avx2vnni, lic_kernels_neon, lic_kernels_neondot, lic_kernels_wasm, lic_kernels_wasm_fma,
    lic_kernels_wasm_rounded;

#endif
