/* gemm_wasm.h - the exact matrix product for WebAssembly without a fused multiply-add that can be
 * relied on (included by strict_impl.h where simd_wasm.h has defined LIC_WASM_EXACT).
 *
 * Accumulators are floats held as doubles. A step multiplies (exact), adds (rounded to double) and
 * rounds to 24 bits: the fused result, unless the sum fell on the middle between two floats. That is
 * looked for in the low halves of the doubles, once for STEP inputs; where one such sum was met,
 * the STEP inputs are done again with sums rounded to odd. With weights of 11 bits one sum in some
 * thousands is a middle, and nearly all of these are exact.
 *
 * Below 2^-126 middles lie elsewhere, and above 2^128 there are no floats. No sum comes there if all
 * that is added is a multiple of 2^-126 and none of it large, which the magnitudes of inputs and
 * weights prove; else every sum is rounded to odd and converted. */
#ifndef LIC_KERNELS_GEMM_WASM_H
#define LIC_KERNELS_GEMM_WASM_H

enum { ROWS = 4, STEP = 4, CHUNK = 128, ALL_ROWS = 64 };

/* Sums of four rows, four columns, two of them in a vector. */
typedef struct sums {
    v128_t at[ROWS][2];
} sums;

/* What is multiplied at once, as doubles: CHUNK inputs of four rows, CHUNK weights of a panel. */
typedef struct operands {
    double x[ROWS][CHUNK], w[CHUNK][LIC_PANEL];
} operands;

/* ---- magnitudes ---- */

/* Bits of 2 |x| less 1 of the least that is not zero (zero itself gives the most), and of 2 |x| of
 * the greatest, in each of four lanes. */
typedef struct magnitudes {
    v128_t least, greatest;
} magnitudes;

/* Biased exponents: all numbers are multiples of 2^(least - 150) and below 2^(greatest - 126). */
typedef struct exponents {
    int least, greatest;
} exponents;

LIC_INLINE void take(magnitudes *m, v128_t x)
{
    const v128_t twice = wasm_i32x4_shl(x, 1);
    m->least = wasm_u32x4_min(m->least, wasm_i32x4_sub(twice, wasm_i32x4_splat(1)));
    m->greatest = wasm_u32x4_max(m->greatest, twice);
}

LIC_INLINE magnitudes no_magnitudes(void)
{
    return (magnitudes){wasm_i32x4_splat(-1), wasm_i32x4_splat(0)};
}

static exponents exponents_of(magnitudes m)
{
    uint32_t least[4], greatest[4];
    wasm_v128_store(least, m.least);
    wasm_v128_store(greatest, m.greatest);
    for (int i = 1; i < 4; i++) {
        least[0] = least[i] < least[0] ? least[i] : least[0];
        greatest[0] = greatest[i] > greatest[0] ? greatest[i] : greatest[0];
    }
    return (exponents){least[0] == UINT32_MAX ? 255 : (int)((least[0] + 1) >> 24),
                       (int)(greatest[0] >> 24)};
}

static exponents exponents_of_inputs(const lic_gemm *g)
{
    magnitudes m = no_magnitudes();
    for (int i = 0; i < g->taps * g->rows; i++) {
        const float *p = g->in[i];
        int k = 0;
        for (; k + 4 <= g->k; k += 4)
            take(&m, wasm_v128_load(p + k));
        for (; k < g->k; k++)
            take(&m, wasm_v128_load32_splat(p + k));
    }
    return exponents_of(m);
}

static exponents exponents_of_weights(const lic_gemm *g, const float *w)
{
    magnitudes m = no_magnitudes();
    for (int i = 0; i < g->taps * g->k; i++, w += g->w_pitch)
        for (int q = 0; q < 4; q++)
            take(&m, wasm_v128_load(w + 4 * q));
    return exponents_of(m);
}

/* Whether each sum of a panel is zero or within 2^-126 .. 2^127. */
static bool sums_are_normal(const lic_gemm *g, exponents x, int col)
{
    const exponents w =
        exponents_of_weights(g, g->w + (size_t)(col / LIC_PANEL) * g->panel_pitch);
    magnitudes m = no_magnitudes();
    for (int q = 0; g->bias && q < 4; q++)
        take(&m, wasm_v128_load(g->bias + col + 4 * q));
    const exponents b = exponents_of(m);
    return b.least - 150 >= -126 && x.least + w.least - 2 * 150 >= -126 && /* multiples of 2^-126 */
           g->taps * g->k <= 1 << 16 && x.greatest + w.greatest - 2 * 126 <= 126 - 16 - 1 &&
           b.greatest - 126 <= 126 - 1;
}

/* ---- sums ---- */

LIC_INLINE v128_t product_of(const operands *o, int r, int k, int column)
{
    return wasm_f64x2_mul(wasm_v128_load64_splat(&o->x[r][k]), wasm_v128_load(&o->w[k][column]));
}

/* Two doubles that are the rounded sum of p and d -> the same, odd where the sum is not exact. */
LIC_INLINE v128_t sum_to_odd(v128_t s, v128_t p, v128_t d)
{
    const v128_t t = wasm_f64x2_sub(s, p);
    const v128_t error =
        wasm_f64x2_add(wasm_f64x2_sub(p, wasm_f64x2_sub(s, t)), wasm_f64x2_sub(d, t));
    const v128_t zero = wasm_f64x2_splat(0.0), one = wasm_i64x2_splat(1);
    /* neither zero nor NaN, and the last bit still 0 */
    const v128_t inexact =
        wasm_v128_or(wasm_f64x2_gt(error, zero), wasm_f64x2_lt(error, zero));
    const v128_t even = wasm_i64x2_eq(wasm_v128_and(s, one), wasm_i64x2_splat(0));
    /* 1 away from zero where error and sum have one sign, else -1 */
    const v128_t away = wasm_v128_or(wasm_i64x2_shr(wasm_v128_xor(error, s), 63), one);
    return wasm_i64x2_add(s, wasm_v128_and(away, wasm_v128_and(inexact, even)));
}

/* n inputs from the k-th on, whatever their sums, to the columns from `column` on. */
static __attribute__((noinline)) void add_exactly(sums *s, const operands *o, int column, int k,
                                                  int n)
{
    for (int i = k; i < k + n; i++)
        for (int r = 0; r < ROWS; r++)
            for (int j = 0; j < 2; j++) {
                const v128_t p = product_of(o, r, i, column + 2 * j), d = s->at[r][j];
                const v128_t sum = sum_to_odd(wasm_f64x2_add(p, d), p, d);
                s->at[r][j] = wasm_f64x2_promote_low_f32x4(wasm_f32x4_demote_f64x2_zero(sum));
            }
}

/* One input; `middle` becomes INT32_MIN in even lanes where a sum fell on a middle. To 24 bits by
 * integers, which is several times faster than to float and back: half a unit more, then cut off. */
LIC_INLINE void add_one(sums *s, const operands *o, int column, int k, v128_t *middle)
{
    const v128_t half = wasm_i64x2_splat(1 << 28), kept = wasm_i64x2_splat(-(1 << 29));
    const v128_t w[2] = {wasm_v128_load(&o->w[k][column]), wasm_v128_load(&o->w[k][column + 2])};
    UNROLL for (int r = 0; r < ROWS; r++)
    {
        const v128_t x = wasm_v128_load64_splat(&o->x[r][k]);
        UNROLL for (int j = 0; j < 2; j++)
        {
            const v128_t sum = wasm_f64x2_add(wasm_f64x2_mul(x, w[j]), s->at[r][j]);
            *middle = wasm_i32x4_min(*middle, wasm_i32x4_shl(sum, 3));
            s->at[r][j] = wasm_v128_and(wasm_i64x2_add(sum, half), kept);
        }
    }
}

LIC_INLINE bool has_middle(v128_t middle)
{
    const v128_t low = wasm_i32x4_make(-1, 0, -1, 0);
    return wasm_v128_any_true(
        wasm_v128_and(wasm_i32x4_eq(middle, wasm_i32x4_splat(INT32_MIN)), low));
}

/* n inputs of four rows to four columns of their sums, which lie at `at`. */
static void add_chunk(double (*at)[LIC_PANEL], const operands *o, int column, int n, bool normal)
{
    sums s;
    int k = 0;
    UNROLL for (int r = 0; r < ROWS; r++)
    {
        s.at[r][0] = wasm_v128_load(&at[r][column]);
        s.at[r][1] = wasm_v128_load(&at[r][column + 2]);
    }
    for (; normal && k + STEP <= n; k += STEP) {
        sums before = s;
        v128_t middle = wasm_i32x4_splat(0);
        ROLLED for (int i = 0; i < STEP; i++) add_one(&s, o, column, k + i, &middle);
        if (__builtin_expect(has_middle(middle), 0)) {
            add_exactly(&before, o, column, k, STEP);
            s = before;
        }
    }
    if (k < n) {
        sums rest = s;
        add_exactly(&rest, o, column, k, n - k);
        s = rest;
    }
    UNROLL for (int r = 0; r < ROWS; r++)
    {
        wasm_v128_store(&at[r][column], s.at[r][0]);
        wasm_v128_store(&at[r][column + 2], s.at[r][1]);
    }
}

/* ---- the product ---- */

static void widen_weights(const lic_gemm *g, int col, int input, int n, operands *o)
{
    const float *w =
        g->w + (size_t)(col / LIC_PANEL) * g->panel_pitch + (size_t)input * g->w_pitch;
    for (int i = 0; i < n; i++, w += g->w_pitch)
        for (int j = 0; j < LIC_PANEL; j += 2)
            wasm_v128_store(&o->w[i][j],
                            wasm_f64x2_promote_low_f32x4(wasm_v128_load64_zero(w + j)));
}

/* Four rows from `row` on; missing ones repeat the last. */
static void widen_inputs(const lic_gemm *g, int tap, int row, int k, int n, operands *o)
{
    for (int r = 0; r < ROWS; r++) {
        const int from = row + r < g->rows ? row + r : g->rows - 1;
        const float *x = g->in[tap * g->rows + from] + k;
        for (int i = 0; i < n; i++)
            o->x[r][i] = (double)x[i];
    }
}

/* All inputs of up to ALL_ROWS rows to a panel. */
static void add_inputs(const lic_gemm *g, int first, int end, int col, bool normal,
                       double (*at)[LIC_PANEL])
{
    operands o;
    for (int t = 0; t < g->taps; t++)
        for (int k = 0; k < g->k; k += CHUNK) {
            const int n = g->k - k < CHUNK ? g->k - k : CHUNK;
            widen_weights(g, col, t * g->k + k, n, &o);
            for (int row = first; row < end; row += ROWS) {
                widen_inputs(g, t, row, k, n, &o);
                for (int column = 0; column < LIC_PANEL; column += 4)
                    add_chunk(at + (row - first), &o, column, n, normal);
            }
        }
}

static void gemm(const lic_gemm *g)
{
    double at[ALL_ROWS][LIC_PANEL];
    const exponents x = exponents_of_inputs(g);
    for (int col = 0; col < g->n; col += LIC_PANEL) {
        const bool normal = sums_are_normal(g, x, col);
        for (int first = 0; first < g->rows; first += ALL_ROWS) {
            const int end = g->rows - first < ALL_ROWS ? g->rows : first + ALL_ROWS;
            for (int r = 0; r < ALL_ROWS; r++)
                for (int j = 0; j < LIC_PANEL; j++)
                    at[r][j] = g->bias ? (double)g->bias[col + j] : 0.0;
            add_inputs(g, first, end, col, normal, at);
            for (int row = first; row < end; row++) {
                float sums_of_row[LIC_PANEL];
                for (int j = 0; j < LIC_PANEL; j++)
                    sums_of_row[j] = (float)at[row - first][j];
                finish(g, v16_load(sums_of_row), row, col);
            }
        }
    }
}

#endif
