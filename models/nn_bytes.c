/* nn_bytes.c - layers in integers (nn.h): positions are rounded in a worker's scratch, right before
 * the product that needs them. A convolution rounds each pixel of a block and its surroundings
 * once, not for each tap. */
#include "models/nn.h"

/* Columns that a block of n output pixels sees. */
static size_t columns(const conv *w, int n)
{
    return (size_t)((n - 1) * w->stride + w->kernel);
}

void lic_nn_need_records(nn *c, const conv *w)
{
    const size_t record = lic_record_floats(LIC_MAX_BYTE_SIZE, w->cin);
    const size_t pixels = (size_t)w->kernel * columns(w, LIC_BLOCK);
    /* Only of the local context some taps are left out; it has rows gathered for each. */
    const size_t rows = w->taps < w->kernel * w->kernel ? (size_t)w->taps * LIC_BLOCK : 0;
    const size_t floats = (pixels > rows ? pixels : rows) * record;
    if (w->bytes && c->arena->planning && floats > c->record_floats)
        c->record_floats = (floats + 15) / 16 * 16;
}

static float *records_of(const nn *c, int worker)
{
    return lic_nn_scratch(c, worker) + c->scratch_floats;
}

/* The pixels of one row that a block sees, from column `first` on: rounded in place of `to`, or no
 * position where there is nothing. */
static void round_row(const nn *c, tensor x, int y, int first, int n, float *to, size_t record,
                      const float **in)
{
    const float *from[2 * LIC_BLOCK + LIC_MAX_TAPS];
    int n_from = 0;
    for (int i = 0; i < n; i++) {
        const int at = first + i;
        const int xx = (unsigned)at < (unsigned)x.w ? at : lic_nn_tap_column(c, at, x.w);
        in[i] = c->zeros; /* adds nothing */
        if (xx < 0)
            continue;
        in[i] = to + (size_t)n_from * record;
        from[n_from++] = lic_nn_at(x, y, xx);
    }
    c->k->round_bytes(to, record, from, n_from, x.c);
}

void lic_nn_gather_records(const nn *c, const conv *w, tensor x, pixel_run b, const float **in,
                           int worker)
{
    const float *seen[2 * LIC_BLOCK + LIC_MAX_TAPS];
    const size_t record = lic_record_floats(c->k->byte_size, w->cin);
    const int half = w->kernel / 2, wide = (int)columns(w, b.n);
    float *to = records_of(c, worker);
    x.c = w->cin;
    for (int i = 0; i < w->kernel; i++, to += (size_t)wide * record) {
        const int y = lic_nn_tap_row(c, b.y * w->stride + i - half, x.h);
        if (y >= 0)
            round_row(c, x, y, b.x * w->stride - half, wide, to, record, seen);
        for (int j = 0; j < w->kernel; j++)
            for (int r = 0; r < b.n; r++)
                *in++ = y >= 0 ? seen[r * w->stride + j] : c->zeros;
    }
}

void lic_nn_product(const nn *c, const conv *w, const lic_gemm *g, int worker)
{
    if (!w->bytes) {
        c->k->gemm(g);
        return;
    }
    const float *in[LIC_MAX_TAPS * LIC_BLOCK];
    const size_t record = lic_record_floats(c->k->byte_size, w->cin);
    float *to = records_of(c, worker);
    lic_gemm rounded = *g;
    for (int i = 0; i < g->taps * g->rows; i++)
        in[i] = g->in[i] == c->zeros ? c->zeros : to + (size_t)i * record;
    c->k->round_bytes(to, record, g->in, g->taps * g->rows, w->cin);
    rounded.in = in;
    c->k->gemm_bytes(&rounded);
}
