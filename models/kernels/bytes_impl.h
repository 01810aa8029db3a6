/* bytes_impl.h - the kernels of layers in integers (strict.h), a part of strict_impl.h. The
 * including file defines LIC_BYTE_ROWS and LIC_BYTE_PANELS: the rows of a tile, and its width at
 * most, 1 to 3 panels. */
#include "models/kernels/simd_bytes.h"

/* The largest |x| in each lane, or 1e-30. A NaN is neither larger nor smaller than anything, so it
 * is passed over. Two vectors at a time: each has to wait for the one before. */
LIC_INLINE v16 largest_of(const float *x, int k)
{
    v16 high = v16_set(1e-30f), low = v16_set(-1e-30f), high2 = high, low2 = low;
    int c = 0;
    for (; c + 2 * LIC_LANES <= k; c += 2 * LIC_LANES) {
        const v16 a = v16_load(x + c), b = v16_load(x + c + LIC_LANES);
        high = v16_max(a, high);
        low = v16_min(a, low);
        high2 = v16_max(b, high2);
        low2 = v16_min(b, low2);
    }
    for (; c < k; c += LIC_LANES) {
        const v16 a = load_tail(x + c, k - c);
        high = v16_max(a, high);
        low = v16_min(a, low);
    }
    high = v16_max(high, high2);
    low = v16_min(low, low2);
    return v16_max(high, v16_sub(v16_set(0.0f), low));
}

/* A NaN, also that of infinity times an inverse of 0, becomes -127. All else is within -127.5 ..
 * 127.5, because no |x| is above the largest: it needs no limits. */
LIC_INLINE v16 in_steps(v16 x, v16 inverse)
{
    return v16_max(v16_mul(x, inverse), v16_set(-127.0f));
}

/* One record, of a position whose step and inverse are known. */
LIC_INLINE void round_position(float *out, const float *p, int k, float step, float by)
{
    const v16 inverse = v16_set(by);
    int c = 0;
    out[0] = step;
#if defined(LIC_STORE_64)
    for (; c + 4 * LIC_LANES <= k; c += 4 * LIC_LANES)
        v64_store_bytes(out + 1, (size_t)c, in_steps(v16_load(p + c), inverse),
                        in_steps(v16_load(p + c + LIC_LANES), inverse),
                        in_steps(v16_load(p + c + 2 * LIC_LANES), inverse),
                        in_steps(v16_load(p + c + 3 * LIC_LANES), inverse));
#endif
    for (; c < k; c += LIC_LANES)
        v16_store_bytes(out + 1, (size_t)c, in_steps(load_tail(p + c, k - c), inverse));
}

/* Positions go side by side: their quotients are lanes of a vector. Not so many that the first has
 * left the nearest cache when its turn comes again. */
enum { NEAR_FLOATS = 16 * 256 };

static void round_bytes(float *out, size_t pitch, const float *const *x, int rows, int k)
{
    const v16 whole = v16_set(127.0f);
    const int many = k <= NEAR_FLOATS / LIC_LANES ? LIC_LANES : 4;
    for (int first = 0; first < rows; first += many, x += many) {
        const int n = rows - first < many ? rows - first : many;
        v16 tops[LIC_LANES];
        float steps[LIC_LANES], inverses[LIC_LANES];
        for (int r = 0; r < LIC_LANES; r++)
            tops[r] = largest_of(x[r < n ? r : n - 1], r < n ? k : 0);
        const v16 largest = v16_hmax_each(tops);
        v16_store(steps, v16_div(largest, whole));
        v16_store(inverses, v16_div(whole, largest));
        for (int r = 0; r < n; r++, out += pitch)
            round_position(out, x[r], k, steps[r], inverses[r]);
    }
}

enum { SUM_ROWS = 64, SUM_PITCH = 3 * LIC_PANEL };

/* Whether results are done once they are scaled: nothing follows, and all columns before `end` are
 * there. */
static bool is_plain(const lic_gemm *g, int end)
{
    return g->act == LIC_ACT_NONE && !g->scale && end <= g->n;
}

LIC_INLINE v16 scaled(const lic_gemm *g, v16 sum, int col)
{
    const v16 bias = g->bias ? v16_load(g->bias + col) : v16_set(0.0f);
    return v16_fma(sum, v16_load(g->w_scale + col), bias);
}

/* One tap of one tile of `rows` x `panels`: sums += products, times the scales of the positions.
 * Rows beyond `valid` repeat the last one and go nowhere. */
LIC_INLINE void byte_tile(const lic_gemm *g, int row, int valid, int col, int t, float *sums,
                          const int rows, const int panels)
{
    const size_t steps = ((size_t)g->k + 3) / 4, panel = (size_t)(col / LIC_PANEL);
    const size_t apart = (size_t)g->taps * steps * 4 * LIC_PANEL;
    const size_t first = panel * (size_t)g->taps + (size_t)t;
    const int8_t *w = g->bytes + first * steps * 4 * LIC_PANEL;
    const float *const *in = g->in + (size_t)t * (size_t)g->rows + row;
    const float *p[LIC_BYTE_ROWS];
    v16d acc[LIC_BYTE_ROWS][LIC_BYTE_PANELS];
    UNROLL for (int r = 0; r < rows; r++)
    {
        p[r] = in[r < valid ? r : valid - 1] + 1;
        UNROLL for (int v = 0; v < panels; v++) acc[r][v] =
            v16d_start(g->offsets + (first + (size_t)(v * g->taps)) * LIC_PANEL);
    }
    for (size_t s = 0; s < steps; s++, w += 4 * LIC_PANEL) {
        v16b b[LIC_BYTE_PANELS];
        UNROLL for (int v = 0; v < panels; v++) b[v] = v16b_load(w + (size_t)v * apart);
        UNROLL for (int r = 0; r < rows; r++)
        {
            const v4a a = v4a_load(p[r], s);
            UNROLL for (int v = 0; v < panels; v++) acc[r][v] = v16d_dot(acc[r][v], a, b[v]);
        }
    }
    const bool last = t == g->taps - 1 && is_plain(g, col + panels * LIC_PANEL);
    UNROLL for (int r = 0; r < rows; r++)
    {
        if (r < valid) {
            const v16 step = v16_set(p[r][-1]);
            float *sum = sums + r * SUM_PITCH, *out = g->out[row + r] + col;
            UNROLL for (int v = 0; v < panels; v++)
            {
                const int c = v * LIC_PANEL;
                const v16 before = t ? v16_load(sum + c) : v16_set(0.0f);
                const v16 after = v16_fma(v16d_value(acc[r][v]), step, before);
                if (last)
                    v16_store(out + c, scaled(g, after, col + c));
                else
                    v16_store(sum + c, after);
            }
        }
    }
}

#define DEFINE_BYTE_TILE(NV)                                                                       \
    static void byte_tile_##NV(const lic_gemm *g, int row, int valid, int col, int t, float *sums) \
    {                                                                                              \
        byte_tile(g, row, valid, col, t, sums, LIC_BYTE_ROWS, NV);                                 \
    }

DEFINE_BYTE_TILE(1)
#if LIC_BYTE_PANELS >= 2
DEFINE_BYTE_TILE(2)
#endif
#if LIC_BYTE_PANELS >= 3
DEFINE_BYTE_TILE(3)
#endif

static int byte_width(int panels)
{
    (void)panels;
#if LIC_BYTE_PANELS >= 3
    if (panels >= 3 && panels != 4)
        return 3;
#endif
#if LIC_BYTE_PANELS >= 2
    if (panels >= 2)
        return 2;
#endif
    return 1;
}

/* All taps of some rows, at most SUM_ROWS, and of the panels from `col` on. The weights of one tap
 * stay in the nearest cache while the rows pass. */
static void byte_columns(const lic_gemm *g, int row, int rows, int col, int width, float *sums)
{
    for (int t = 0; t < g->taps; t++)
        for (int r = 0; r < rows; r += LIC_BYTE_ROWS) {
            const int valid = rows - r < LIC_BYTE_ROWS ? rows - r : LIC_BYTE_ROWS;
            float *to = sums + r * SUM_PITCH;
#if LIC_BYTE_PANELS >= 3
            if (width == 3)
                byte_tile_3(g, row + r, valid, col, t, to);
#endif
#if LIC_BYTE_PANELS >= 2
            if (width == 2)
                byte_tile_2(g, row + r, valid, col, t, to);
#endif
            if (width == 1)
                byte_tile_1(g, row + r, valid, col, t, to);
        }
    if (is_plain(g, col + width * LIC_PANEL))
        return;
    for (int r = 0; r < rows; r++)
        for (int c = col; c < col + width * LIC_PANEL; c += LIC_PANEL)
            finish(g, scaled(g, v16_load(sums + r * SUM_PITCH + c - col), c), row + r, c);
}

static void gemm_bytes(const lic_gemm *g)
{
    const int panels = (g->n + LIC_PANEL - 1) / LIC_PANEL;
    float sums[SUM_ROWS * SUM_PITCH];
    for (int row = 0; row < g->rows; row += SUM_ROWS) {
        const int rows = g->rows - row < SUM_ROWS ? g->rows - row : SUM_ROWS;
        for (int p = 0, width; p < panels; p += width) {
            width = byte_width(panels - p);
            byte_columns(g, row, rows, p * LIC_PANEL, width, sums);
        }
    }
}
