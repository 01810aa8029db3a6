/* planes_impl.h - the kernels of layers in planes (strict.h), a part of strict_impl.h. The
 * including file defines LIC_PLANE_OUTPUTS and LIC_PLANE_VECTORS: the output channels of a tile,
 * and the vectors of pixels that it has of each. Lanes are pixels here, so that layers of few
 * channels fill them all. */

/* A row outside of the picture. */
static const float no_pixels[LIC_PLANE_VECTORS * LIC_LANES];

/* Outputs `first` to first + outputs - 1 of the pixels from x on, in so many vectors. Outputs from
 * p->n on are computed from what the panel has there and go nowhere. */
LIC_INLINE void plane_tile(const lic_conv_planes *p, int first, int x, const int outputs,
                           const int vectors)
{
    const int column = first % LIC_PANEL;
    const float *w = p->w + (size_t)(first / LIC_PANEL) * p->panel_pitch + column;
    v16 acc[LIC_PLANE_OUTPUTS][LIC_PLANE_VECTORS];
    UNROLL for (int o = 0; o < outputs; o++)
    {
        UNROLL for (int v = 0; v < vectors; v++) acc[o][v] = v16_set(p->bias[first + o]);
    }
    for (int t = 0; t < p->kernel * p->kernel; t++) {
        const float *row = p->rows[t / p->kernel];
        const float *in = row ? row + x + t % p->kernel - p->kernel / 2 : no_pixels;
        const size_t pitch = row ? p->in_pitch : 0;
        for (int k = 0; k < p->k; k++, in += pitch, w += LIC_PANEL) {
            v16 a[LIC_PLANE_VECTORS];
            UNROLL for (int v = 0; v < vectors; v++) a[v] = v16_keep(v16_load(in + v * LIC_LANES));
            UNROLL for (int o = 0; o < outputs; o++)
            {
                v16 b = v16_set(w[o]);
                if (vectors > 1)
                    b = v16_keep(b);
                UNROLL for (int v = 0; v < vectors; v++) acc[o][v] = v16_fma(a[v], b, acc[o][v]);
            }
        }
    }
    const int end = p->n - first < outputs ? p->n - first : outputs;
    UNROLL for (int o = 0; o < outputs; o++)
    {
        float *out = p->out + (size_t)(first + o) * p->out_pitch + x;
        UNROLL for (int v = 0; v < vectors; v++)
        {
            const int left = p->pixels - x - v * LIC_LANES;
            if (o < end)
                store_tail(out + v * LIC_LANES, apply_act(acc[o][v], p->act),
                           left < LIC_LANES ? left : LIC_LANES);
        }
    }
}

enum { PLANE_REST = LIC_PLANE_OUTPUTS < 4 ? LIC_PLANE_OUTPUTS : 4 };

/* Functions of their own, so that each has all registers. */
#define DEFINE_PLANE_TILE(NAME, OUTPUTS, VECTORS)                                                  \
    static __attribute__((noinline)) void NAME(const lic_conv_planes *p, int first, int x)         \
    {                                                                                              \
        plane_tile(p, first, x, OUTPUTS, VECTORS);                                                 \
    }

DEFINE_PLANE_TILE(plane_tile_all, LIC_PLANE_OUTPUTS, LIC_PLANE_VECTORS)
DEFINE_PLANE_TILE(plane_tile_rest, PLANE_REST, LIC_PLANE_VECTORS)
#if LIC_PLANE_VECTORS > 1
DEFINE_PLANE_TILE(plane_tile_end, LIC_PLANE_OUTPUTS, 1)
DEFINE_PLANE_TILE(plane_tile_rest_end, PLANE_REST, 1)
#endif

/* All pixels of some outputs of one panel. */
static void plane_outputs(const lic_conv_planes *p, int first, bool all)
{
    int x = 0;
#if LIC_PLANE_VECTORS > 1
    const int wide = p->pixels - (LIC_PLANE_VECTORS - 1) * LIC_LANES;
    for (; x < wide; x += LIC_PLANE_VECTORS * LIC_LANES)
        (all ? plane_tile_all : plane_tile_rest)(p, first, x);
    for (; x < p->pixels; x += LIC_LANES)
        (all ? plane_tile_end : plane_tile_rest_end)(p, first, x);
#else
    for (; x < p->pixels; x += LIC_LANES)
        (all ? plane_tile_all : plane_tile_rest)(p, first, x);
#endif
}

static void conv_planes(const lic_conv_planes *p)
{
    for (int panel = 0; panel < p->n; panel += LIC_PANEL) {
        const int end = p->n - panel < LIC_PANEL ? p->n : panel + LIC_PANEL;
        for (int first = panel; first < end;) {
            const bool all = end - first >= LIC_PLANE_OUTPUTS;
            plane_outputs(p, first, all);
            first += all ? LIC_PLANE_OUTPUTS : (int)PLANE_REST;
        }
    }
}

#if defined(LIC_SIMD_WASM)
/* A page loads this code, so it is short. */
static void transpose(float *out, size_t out_pitch, const float *in, size_t in_pitch, int rows,
                      int columns)
{
    for (int r = 0; r < rows; r++)
        ROLLED for (int c = 0; c < columns; c++) out[(size_t)c * out_pitch + (size_t)r] =
            in[(size_t)r * in_pitch + (size_t)c];
}
#else
static void transpose(float *out, size_t out_pitch, const float *in, size_t in_pitch, int rows,
                      int columns)
{
    for (int r = 0; r < rows; r += LIC_LANES)
        for (int c = 0; c < columns; c += LIC_LANES) {
            const int n_rows = rows - r < LIC_LANES ? rows - r : LIC_LANES;
            const int n = columns - c < LIC_LANES ? columns - c : LIC_LANES;
            v16 block[LIC_LANES];
            UNROLL for (int i = 0; i < LIC_LANES; i++) block[i] =
                i < n_rows ? load_tail(in + (size_t)(r + i) * in_pitch + c, n) : v16_set(0.0f);
            v16_transpose(block);
            UNROLL for (int i = 0; i < LIC_LANES; i++)
            {
                if (i < n)
                    store_tail(out + (size_t)(c + i) * out_pitch + r, block[i], n_rows);
            }
        }
}
#endif
