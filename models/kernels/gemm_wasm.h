/* gemm_wasm.h - the exact matrix product for WebAssembly without a fused multiply-add that can be
 * relied on (included by strict_impl.h where simd_wasm.h has defined LIC_WASM_EXACT).
 *
 * Accumulators are floats held as doubles. A step multiplies (exact), adds (rounded to double),
 * converts to float and back: the fused result, unless the sum fell on the middle between two
 * floats. That is looked for in the low halves of the doubles, once for STEP inputs; where one such
 * sum was met, the STEP inputs are done again with sums rounded to odd. With weights of 11 bits one
 * sum in some thousands is a middle, and nearly all of these are exact.
 *
 * Below 2^-126 middles lie elsewhere. No sum comes there if all that is added is a multiple of
 * 2^-126, which inputs and weights that are not too small prove; else every step is rounded to odd.
 */
#ifndef LIC_KERNELS_GEMM_WASM_H
#define LIC_KERNELS_GEMM_WASM_H

enum { ROWS = 4, STEP = 8 };

/* Sums of four rows, four columns, two of them in a vector. */
typedef struct sums {
    v128_t at[ROWS][2];
} sums;

/* The least magnitude of the vectors' numbers that are not zero, as bits: v and least hold
 * 2 |x| - 1, in which zero is the largest. */
LIC_INLINE v128_t lesser(v128_t least, v128_t x)
{
    return wasm_u32x4_min(least, wasm_i32x4_sub(wasm_i32x4_shl(x, 1), wasm_i32x4_splat(1)));
}

LIC_INLINE uint32_t least_bits(v128_t least)
{
    least = wasm_u32x4_min(least, wasm_i32x4_shuffle(least, least, 2, 3, 0, 1));
    least = wasm_u32x4_min(least, wasm_i32x4_shuffle(least, least, 1, 0, 3, 2));
    return (uint32_t)wasm_i32x4_extract_lane(least, 0);
}

/* Biased exponent: x is a multiple of 2^(exponent - 150). */
LIC_INLINE int least_exponent(uint32_t bits)
{
    return bits == UINT32_MAX ? 255 : (int)((bits + 1) >> 24);
}

static int input_exponent(const lic_gemm *g)
{
    v128_t least = wasm_i32x4_splat(-1);
    for (int i = 0; i < g->taps * g->rows; i++) {
        const float *p = g->in[i];
        int k = 0;
        for (; k + 4 <= g->k; k += 4)
            least = lesser(least, wasm_v128_load(p + k));
        for (; k < g->k; k++)
            least = lesser(least, wasm_v128_load32_splat(p + k));
    }
    return least_exponent(least_bits(least));
}

static int weight_exponent(const lic_gemm *g, const float *w)
{
    v128_t least = wasm_i32x4_splat(-1);
    for (int i = 0; i < g->taps * g->k; i++, w += g->w_pitch)
        for (int q = 0; q < 4; q++)
            least = lesser(least, wasm_v128_load(w + 4 * q));
    return least_exponent(least_bits(least));
}

/* Whether no sum of the panel can be below 2^-126 and not zero. */
static bool sums_are_normal(const lic_gemm *g, int inputs, int col)
{
    const float *w = g->w + (size_t)(col / LIC_PANEL) * g->panel_pitch;
    v128_t bias = wasm_i32x4_splat(-1);
    for (int q = 0; g->bias && q < 4; q++)
        bias = lesser(bias, wasm_v128_load(g->bias + col + 4 * q));
    return least_exponent(least_bits(bias)) >= 150 - 126 &&
           inputs + weight_exponent(g, w) >= 2 * 150 - 126;
}

LIC_INLINE v128_t both(const float *p)
{
    return wasm_f64x2_promote_low_f32x4(wasm_v128_load32_splat(p));
}

LIC_INLINE v128_t rounded(v128_t s)
{
    return wasm_f64x2_promote_low_f32x4(wasm_f32x4_demote_f64x2_zero(s));
}

/* n inputs from the k-th on, whatever their sums. */
static __attribute__((noinline)) void add_exactly(sums *s, const float *const *in, const float *w,
                                                  size_t w_pitch, int k, int n)
{
    for (int i = 0; i < n; i++, w += w_pitch)
        for (int r = 0; r < ROWS; r++)
            for (int j = 0; j < 2; j++) {
                const v128_t b = wasm_f64x2_promote_low_f32x4(wasm_v128_load64_zero(w + 2 * j));
                const v128_t p = wasm_f64x2_mul(both(in[r] + k + i), b), d = s->at[r][j];
                s->at[r][j] = rounded(sum_to_odd(wasm_f64x2_add(p, d), p, d));
            }
}

/* One input; `middle` becomes INT32_MIN in even lanes where a sum fell on a middle. */
LIC_INLINE void add_one(sums *s, const float *const *in, const float *w, int k, v128_t *middle)
{
    const v128_t b[2] = {wasm_f64x2_promote_low_f32x4(wasm_v128_load64_zero(w)),
                         wasm_f64x2_promote_low_f32x4(wasm_v128_load64_zero(w + 2))};
    UNROLL for (int r = 0; r < ROWS; r++)
    {
        const v128_t a = both(in[r] + k);
        UNROLL for (int j = 0; j < 2; j++)
        {
            const v128_t sum = wasm_f64x2_add(wasm_f64x2_mul(a, b[j]), s->at[r][j]);
            *middle = wasm_i32x4_min(*middle, wasm_i32x4_shl(sum, 3));
            s->at[r][j] = rounded(sum);
        }
    }
}

LIC_INLINE bool has_middle(v128_t middle)
{
    const v128_t low = wasm_i32x4_make(-1, 0, -1, 0);
    return wasm_v128_any_true(
        wasm_v128_and(wasm_i32x4_eq(middle, wasm_i32x4_splat(INT32_MIN)), low));
}

/* The inputs of one tap. */
LIC_INLINE void add_tap(sums *s, const float *const *in, const float *w, size_t w_pitch, int n)
{
    int k = 0;
    for (; k + STEP <= n; k += STEP, w += STEP * w_pitch) {
        sums before = *s;
        v128_t middle = wasm_i32x4_splat(0);
        const float *at = w;
        ROLLED for (int i = 0; i < STEP; i++, at += w_pitch) add_one(s, in, at, k + i, &middle);
        if (__builtin_expect(has_middle(middle), 0)) {
            add_exactly(&before, in, w, w_pitch, k, STEP);
            *s = before;
        }
    }
    if (k < n) {
        sums rest = *s;
        add_exactly(&rest, in, w, w_pitch, k, n - k);
        *s = rest;
    }
}

/* Four columns from col + 4 q on of four rows; -> out [ROWS][16] from its column 4 q on. */
LIC_INLINE void strip(const lic_gemm *g, int row, int col, int q, bool normal, float *out)
{
    const int valid = g->rows - row < ROWS ? g->rows - row : ROWS;
    const float *w = g->w + (size_t)(col / LIC_PANEL) * g->panel_pitch + 4 * q;
    const v128_t bias = g->bias ? wasm_v128_load(g->bias + col + 4 * q) : wasm_f32x4_splat(0.0f);
    sums s;
    UNROLL for (int r = 0; r < ROWS; r++)
    {
        s.at[r][0] = wasm_f64x2_promote_low_f32x4(bias);
        s.at[r][1] = wasm_f64x2_promote_low_f32x4(high_half(bias));
    }
    for (int t = 0; t < g->taps; t++, w += (size_t)g->k * g->w_pitch) {
        const float *in[ROWS];
        UNROLL for (int r = 0; r < ROWS; r++) in[r] =
            g->in[t * g->rows + row + (r < valid ? r : valid - 1)];
        if (normal) {
            add_tap(&s, in, w, g->w_pitch, g->k);
        } else {
            sums slow = s;
            add_exactly(&slow, in, w, g->w_pitch, 0, g->k);
            s = slow;
        }
    }
    UNROLL for (int r = 0; r < ROWS; r++)
        wasm_v128_store(out + r * LIC_PANEL + 4 * q, two_floats(s.at[r][0], s.at[r][1]));
}

static void gemm(const lic_gemm *g)
{
    const int inputs = input_exponent(g);
    for (int col = 0; col < g->n; col += LIC_PANEL) {
        const bool normal = sums_are_normal(g, inputs, col);
        for (int row = 0; row < g->rows; row += ROWS) {
            float tile[ROWS * LIC_PANEL];
            ROLLED for (int q = 0; q < 4; q++) strip(g, row, col, q, normal, tile);
            for (int r = 0; r < ROWS && row + r < g->rows; r++)
                finish(g, v16_load(tile + r * LIC_PANEL), row + r, col);
        }
    }
}

#endif
