/* strict_impl.h - the source of all strict kernels, compiled once per instruction set.
 *
 * The including file defines:
 *   LIC_SIMD_*               the instruction set, for simd.h
 *   LIC_TABLE, LIC_CPU_ID    the name of the kernel table, and the processor it is for
 *   LIC_ROWS_1, _2, _3       rows in a tile that is 1, 2 or 3 panels wide; 0: no such tiles
 *   LIC_PLANE_OUTPUTS, _VECTORS   a tile of a layer in planes (planes_impl.h)
 *   LIC_DW_PIXELS            pixels that a depthwise convolution computes at a time
 *   LIC_BYTE_ROWS, _PANELS   a tile of a layer in integers (bytes_impl.h)
 *
 * Tile shapes change speed, never bits: each output is one chain of fma over its inputs in order.
 */
#include "models/kernels/functions.h"
#include "models/kernels/strict.h"

#define UNROLL _Pragma("GCC unroll 16")
#define ROLLED _Pragma("GCC unroll 1")

LIC_INLINE v16 apply_act(v16 x, lic_act act)
{
    switch (act) {
    case LIC_ACT_LEAKY: /* slope 0.1 */
        return v16_max(x, v16_mul(x, v16_set(0.1f)));
    case LIC_ACT_GELU:
        return v16_gelu(x);
    case LIC_ACT_TANH:
        return v16_tanh(x);
    case LIC_ACT_SIGMOID:
        return v16_sigmoid(x);
    default:
        return x;
    }
}

LIC_INLINE v16 load_tail(const float *p, int n)
{
    return n < LIC_LANES ? v16_load_n(p, n) : v16_load(p);
}
LIC_INLINE void store_tail(float *p, v16 a, int n)
{
    if (n < LIC_LANES)
        v16_store_n(p, a, n);
    else
        v16_store(p, a);
}

/* Epilogue of one 16-column piece of one row. */
LIC_INLINE void finish(const lic_gemm *g, v16 acc, int row, int col)
{
    acc = apply_act(acc, g->act);
    if (g->scale) {
        acc = v16_fma(acc, v16_load(g->scale + col), acc);
        acc = v16_add(acc, v16_load(g->shift + col));
    }
    store_tail(g->out[row] + col, acc, g->n - col < LIC_LANES ? g->n - col : LIC_LANES);
}

#if defined(LIC_WASM_EXACT)
#include "models/kernels/gemm_wasm.h"
#else
/* One tile: MR rows from `row` on (missing ones repeat the last row), NV panels from `col` on. */
#define DEFINE_TILE(MR, NV)                                                                        \
    static void tile_##NV(const lic_gemm *g, int row, int col)                                     \
    {                                                                                              \
        const float *w = g->w + (size_t)(col / LIC_PANEL) * g->panel_pitch;                        \
        const size_t w_pitch = g->w_pitch, panel_pitch = g->panel_pitch;                           \
        const int valid = g->rows - row < (MR) ? g->rows - row : (MR);                             \
        v16 acc[MR][NV];                                                                           \
        UNROLL for (int v = 0; v < (NV); v++)                                                      \
        {                                                                                          \
            v16 bias = g->bias ? v16_load(g->bias + col + v * LIC_PANEL) : v16_set(0.0f);          \
            UNROLL for (int r = 0; r < (MR); r++) acc[r][v] = bias;                                \
        }                                                                                          \
        for (int t = 0; t < g->taps; t++) {                                                        \
            const float *const *in = g->in + (size_t)t * (size_t)g->rows + row;                    \
            const float *p[MR];                                                                    \
            UNROLL for (int r = 0; r < (MR); r++) p[r] = in[r < valid ? r : valid - 1];            \
            for (int k = 0; k < g->k; k++) {                                                       \
                v16 b[NV];                                                                         \
                UNROLL for (int v = 0; v < (NV); v++) b[v] =                                       \
                    v16_load(w + (size_t)v * panel_pitch);                                         \
                UNROLL for (int r = 0; r < (MR); r++)                                              \
                {                                                                                  \
                    v16 a = v16_set(p[r][k]);                                                      \
                    UNROLL for (int v = 0; v < (NV); v++) acc[r][v] = v16_fma(a, b[v], acc[r][v]); \
                }                                                                                  \
                w += w_pitch;                                                                      \
            }                                                                                      \
        }                                                                                          \
        if (valid == (MR) && g->act == LIC_ACT_NONE && !g->scale &&                                \
            g->n - col >= (NV)*LIC_PANEL) {                                                        \
            float *const *out = g->out + row;                                                      \
            UNROLL for (int r = 0; r < (MR); r++)                                                  \
            {                                                                                      \
                UNROLL for (int v = 0; v < (NV); v++)                                              \
                    v16_store(out[r] + col + v * LIC_PANEL, acc[r][v]);                            \
            }                                                                                      \
            return;                                                                                \
        }                                                                                          \
        UNROLL for (int r = 0; r < (MR); r++)                                                      \
        {                                                                                          \
            if (r < valid) {                                                                       \
                UNROLL for (int v = 0; v < (NV); v++)                                              \
                    finish(g, acc[r][v], row + r, col + v * LIC_PANEL);                            \
            }                                                                                      \
        }                                                                                          \
    }

DEFINE_TILE(LIC_ROWS_1, 1)
#if LIC_ROWS_2
DEFINE_TILE(LIC_ROWS_2, 2)
#endif
#if LIC_ROWS_3
DEFINE_TILE(LIC_ROWS_3, 3)
#endif

/* Panels of the next tile column: threes, but never a lone one at the end where two twos will do.
 */
static int tile_width(int panels)
{
    (void)panels;
#if LIC_ROWS_3
    if (panels >= 3 && panels != 4)
        return 3;
#endif
#if LIC_ROWS_2
    if (panels >= 2)
        return 2;
#endif
    return 1;
}

static void gemm(const lic_gemm *g)
{
    const int panels = (g->n + LIC_PANEL - 1) / LIC_PANEL;
    for (int p = 0, width; p < panels; p += width) {
        width = tile_width(panels - p);
        const int col = p * LIC_PANEL;
#if LIC_ROWS_3
        for (int r = 0; width == 3 && r < g->rows; r += LIC_ROWS_3)
            tile_3(g, r, col);
#endif
#if LIC_ROWS_2
        for (int r = 0; width == 2 && r < g->rows; r += LIC_ROWS_2)
            tile_2(g, r, col);
#endif
        for (int r = 0; width == 1 && r < g->rows; r += LIC_ROWS_1)
            tile_1(g, r, col);
    }
}
#endif

#include "models/kernels/bytes_impl.h"
#include "models/kernels/planes_impl.h"

#include "models/kernels/attention_impl.h"

enum { MAX_DEPTHWISE_TAPS = 25 };

/* One pixel, wherever it is: the channels from `first` on. */
static void depthwise_pixel(const lic_depthwise *d, int x, int first)
{
    const float *in[MAX_DEPTHWISE_TAPS], *w[MAX_DEPTHWISE_TAPS];
    const int half = d->kernel / 2;
    int taps = 0;
    for (int i = 0; i < d->kernel; i++)
        for (int j = 0; d->rows[i] && j < d->kernel; j++) {
            const int xx = lic_reflect(x + j - half, d->width, d->open_left, d->open_right);
            if (xx < 0)
                continue;
            in[taps] = d->rows[i] + (size_t)xx * d->in_pitch;
            w[taps++] = d->w + (size_t)(i * d->kernel + j) * (size_t)d->c;
        }
    const float *centre = d->rows[half] + (size_t)x * d->in_pitch;
    float *out = d->out + (size_t)(x - d->x0) * d->out_pitch;
    for (int c = first; c < d->c; c += LIC_LANES) {
        const int n = d->c - c < LIC_LANES ? d->c - c : LIC_LANES;
        v16 acc = v16_load(d->bias + c);
        for (int t = 0; t < taps; t++)
            acc = v16_fma(load_tail(in[t] + c, n), v16_load(w[t] + c), acc);
        acc = apply_act(acc, d->act);
        if (d->residual)
            acc = v16_add(load_tail(centre + c, n), acc);
        store_tail(out + c, acc, n);
    }
}

/* 3x3 for pixels x to x + LIC_DW_PIXELS - 1, of which none is the first or last of the row, and for
 * all whole vectors of channels. An input that several pixels share is loaded once, and channels
 * follow each other as they do in memory. */
static void depthwise_run(const lic_depthwise *d, int x)
{
    enum { PIXELS = LIC_DW_PIXELS };
    const size_t pitch = d->in_pitch, out_pitch = d->out_pitch, channels = (size_t)d->c;
    const size_t at = (size_t)(x - 1) * pitch;
    const float *const rows[3] = {d->rows[0] ? d->rows[0] + at : NULL, d->rows[1] + at,
                                  d->rows[2] ? d->rows[2] + at : NULL};
    float *const out = d->out + (size_t)(x - d->x0) * out_pitch;
    const bool residual = d->residual;
    const lic_act act = d->act;
    for (size_t c = 0; c + LIC_LANES <= channels; c += LIC_LANES) {
        const float *w = d->w + c;
        v16 acc[PIXELS], in[PIXELS + 2];
        acc[0] = v16_load(d->bias + c);
        UNROLL for (int p = 1; p < PIXELS; p++) acc[p] = acc[0];
        ROLLED for (int i = 0; i < 3; i++)
        {
            if (!rows[i]) {
                w += 3 * channels;
                continue;
            }
            UNROLL for (int p = 0; p < PIXELS + 2; p++) in[p] =
                v16_keep(v16_load(rows[i] + (size_t)p * pitch + c));
            UNROLL for (int j = 0; j < 3; j++, w += channels)
            {
                const v16 weight = v16_load(w);
                UNROLL for (int p = 0; p < PIXELS; p++) acc[p] = v16_fma(in[p + j], weight, acc[p]);
            }
        }
        if (act != LIC_ACT_NONE)
            UNROLL for (int p = 0; p < PIXELS; p++) acc[p] = apply_act(acc[p], act);
        if (residual)
            UNROLL for (int p = 0; p < PIXELS; p++) acc[p] =
                v16_add(v16_load(rows[1] + (size_t)(p + 1) * pitch + c), acc[p]);
        UNROLL for (int p = 0; p < PIXELS; p++) v16_store(out + (size_t)p * out_pitch + c, acc[p]);
    }
}

static void depthwise(const lic_depthwise *d)
{
    const int whole = d->c / LIC_LANES * LIC_LANES; /* channels */
    int a = d->x0 > 1 ? d->x0 : 1, b = d->x1 < d->width - 1 ? d->x1 : d->width - 1;
    if (d->kernel != 3 || b - a < LIC_DW_PIXELS)
        a = b = d->x1;
    for (int x = d->x0; x < a; x++)
        depthwise_pixel(d, x, 0);
    int x = a;
    for (; x + LIC_DW_PIXELS <= b; x += LIC_DW_PIXELS)
        depthwise_run(d, x);
    if (x < b) /* some pixels once more */
        depthwise_run(d, b - LIC_DW_PIXELS);
    for (x = a; x < b && whole < d->c; x++)
        depthwise_pixel(d, x, whole);
    for (x = b; x < d->x1; x++)
        depthwise_pixel(d, x, 0);
}

/* Difference from the mean, zero in the lanes past n, so that they add nothing to the variance. */
LIC_INLINE v16 centred(const float *x, int n, v16 mean)
{
    v16 a = v16_sub(load_tail(x, n), mean);
    if (n < LIC_LANES) {
        float f[LIC_LANES];
        v16_store(f, a);
        a = v16_load_n(f, n);
    }
    return a;
}

/* Up to 16 rows from `first` on, side by side up to the mean and the factor of each. */
static void layer_norm_rows(float *const *out, const float *const *x, const float *const *skip,
                            const float *t, size_t t_pitch, const float *gain, const float *bias,
                            int rows, int c)
{
    v16 sums[LIC_LANES];
    float means[LIC_LANES], factors[LIC_LANES];
    for (int r = 0; r < LIC_LANES; r++) {
        v16 sum = v16_set(0.0f);
        for (int i = 0; r < rows && i < c; i += LIC_LANES)
            sum = v16_add(sum, load_tail(t + (size_t)r * t_pitch + i, c - i));
        sums[r] = sum;
    }
    v16_store(means, v16_div(v16_sum_each(sums), v16_set((float)c)));
    for (int r = 0; r < LIC_LANES; r++) {
        v16 squares = v16_set(0.0f);
        for (int i = 0; r < rows && i < c; i += LIC_LANES) {
            const v16 a = centred(t + (size_t)r * t_pitch + i, c - i, v16_set(means[r]));
            squares = v16_fma(a, a, squares);
        }
        sums[r] = squares;
    }
    const v16 variances = v16_div(v16_sum_each(sums), v16_set((float)c));
    v16_store(factors, v16_div(v16_set(1.0f), v16_sqrt(v16_add(variances, v16_set(1e-5f)))));
    for (int r = 0; r < rows; r++, t += t_pitch) {
        const v16 mean = v16_set(means[r]), factor = v16_set(factors[r]);
        for (int i = 0; i < c; i += LIC_LANES) {
            v16 a = v16_mul(v16_sub(load_tail(t + i, c - i), mean), factor);
            a = v16_fma(a, v16_load(gain + i), v16_load(bias + i));
            a = v16_add(load_tail(x[r] + i, c - i), a);
            if (skip)
                a = v16_add(load_tail(skip[r] + i, c - i), a);
            store_tail(out[r] + i, a, c - i);
        }
    }
}

static void layer_norm_add(float *const *out, const float *const *x, const float *const *skip,
                           const float *t, size_t t_pitch, const float *gain, const float *bias,
                           int rows, int c)
{
    for (int r = 0; r < rows; r += LIC_LANES)
        layer_norm_rows(out + r, x + r, skip ? skip + r : NULL, t + (size_t)r * t_pitch, t_pitch,
                        gain, bias, rows - r < LIC_LANES ? rows - r : LIC_LANES, c);
}

static void gate(float *out, const float *a, const float *d, float s, const float *m, int c)
{
    const v16 vs = v16_set(s);
    for (int i = 0; i < c; i += LIC_LANES) {
        v16 t = v16_mul(load_tail(a + i, c - i), vs);
        t = v16_fma(load_tail(d + i, c - i), load_tail(m + i, c - i), t);
        store_tail(out + i, t, c - i);
    }
}

static void sum_rows(float *acc, const float *x, size_t pitch, int rows, int c)
{
    for (int i = 0; i < c; i += LIC_LANES) {
        v16 sum = load_tail(acc + i, c - i);
        for (int r = 0; r < rows; r++)
            sum = v16_add(sum, load_tail(x + (size_t)r * pitch + i, c - i));
        store_tail(acc + i, sum, c - i);
    }
}

LIC_INLINE int span(size_t n, size_t i)
{
    return n - i < LIC_LANES ? (int)(n - i) : LIC_LANES;
}

static void activate(float *x, size_t n, lic_act act)
{
    for (size_t i = 0; i < n; i += LIC_LANES)
        store_tail(x + i, apply_act(load_tail(x + i, span(n, i)), act), span(n, i));
}

static void exp_all(float *x, size_t n)
{
    for (size_t i = 0; i < n; i += LIC_LANES)
        store_tail(x + i, v16_exp(load_tail(x + i, span(n, i))), span(n, i));
}

static void add(float *out, const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i += LIC_LANES) {
        const int m = span(n, i);
        store_tail(out + i, v16_add(load_tail(a + i, m), load_tail(b + i, m)), m);
    }
}

static void mul(float *out, const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i += LIC_LANES) {
        const int m = span(n, i);
        store_tail(out + i, v16_mul(load_tail(a + i, m), load_tail(b + i, m)), m);
    }
}

static void widen(float *out, const uint16_t *x, size_t n)
{
    size_t i = 0;
    for (; i + LIC_LANES <= n; i += LIC_LANES)
        v16_store(out + i, v16_load_half(x + i));
    for (; i < n; i++)
        out[i] = lic_half_value(x[i]);
}

static void blend4(float *out, const float *const p[4], const float w[4], int c)
{
    for (int i = 0; i < c; i += LIC_LANES) {
        v16 acc = v16_mul(load_tail(p[0] + i, c - i), v16_set(w[0]));
        for (int j = 1; j < 4; j++)
            acc = v16_fma(load_tail(p[j] + i, c - i), v16_set(w[j]), acc);
        store_tail(out + i, acc, c - i);
    }
}

const lic_kernels LIC_TABLE = {
    .cpu = LIC_CPU_ID,
    .byte_size = LIC_BYTE_SIZE,
#if !defined(LIC_WASM_EXACT)
    .prefers_planes = true,
#endif
    .gemm = gemm,
    .conv_planes = conv_planes,
    .transpose = transpose,
    .round_bytes = round_bytes,
    .gemm_bytes = gemm_bytes,
    .attention = attention,
    .depthwise = depthwise,
    .layer_norm_add = layer_norm_add,
    .gate = gate,
    .sum_rows = sum_rows,
    .activate = activate,
    .exp = exp_all,
    .add = add,
    .mul = mul,
    .widen = widen,
    .blend4 = blend4,
};
