/* conv.c - convolutions and linear layers of nn.h: gathers the taps of a block of pixels, and has
 * the kernel table multiply them. */
#include "models/nn.h"

/* Gathers one tap for the output pixels of a block: input row y, columns from `first` in steps. */
static void gather_tap(const nn *c, tensor x, int y, int first, int step, int n, const float **in)
{
    const float *row = y >= 0 ? lic_nn_at(x, y, 0) : NULL;
    for (int r = 0, at = first; r < n; r++, at += step) {
        const int xx = (unsigned)at < (unsigned)x.w ? at : lic_nn_tap_column(c, at, x.w);
        in[r] = row && xx >= 0 ? row + (size_t)xx * x.pitch : c->zeros;
    }
}

/* Gathers the input pixel of every tap for the output pixels of a block; outside, zeros or
 * mirrored. Of each row of the kernel the first `columns` taps. */
static void gather(const nn *c, const conv *w, int columns, tensor x, pixel_run b, const float **in,
                   int worker)
{
    if (w->bytes) {
        lic_nn_gather_records(c, w, x, b, in, worker);
        return;
    }
    const int half = w->kernel / 2;
    for (int i = 0; i < w->kernel; i++) {
        const int y = lic_nn_tap_row(c, b.y * w->stride + i - half, x.h);
        for (int j = 0; j < columns; j++, in += b.n)
            gather_tap(c, x, y, b.x * w->stride + j - half, w->stride, b.n, in);
    }
}

struct widen_job {
    const lic_kernels *k;
    const uint16_t *from;
    float *to;
    size_t n;
};

enum { WIDEN = 1 << 15 }; /* values at once */

static void widen_part(void *user, size_t item, int worker)
{
    const struct widen_job *j = user;
    const size_t at = item * WIDEN;
    (void)worker;
    j->k->widen(j->to + at, j->from + at, j->n - at < WIDEN ? j->n - at : WIDEN);
}

conv lic_nn_widen(nn *c, const conv *w)
{
    conv wide = *w;
    lic_nn_need_records(c, w);
    if (!w->half)
        return wide;
    const size_t panels = ((size_t)w->cout + LIC_PANEL - 1) / LIC_PANEL;
    const size_t n = panels * (size_t)w->taps * (size_t)w->cin * LIC_PANEL;
    float *to = lic_arena_take(c->arena, n, sizeof *to);
    wide.w = to;
    wide.half = NULL;
    if (lic_nn_idle(c))
        return wide;
    struct widen_job j = {c->k, w->half, to, n};
    lic_pool_run(c->pool, (n + WIDEN - 1) / WIDEN, widen_part, &j);
    return wide;
}

lic_gemm lic_nn_gemm(const conv *w, int rows, lic_act act)
{
    return (lic_gemm){.w = w->w,
                      .w_pitch = LIC_PANEL,
                      .panel_pitch = (size_t)w->taps * (size_t)w->cin * LIC_PANEL,
                      .bytes = w->bytes,
                      .offsets = w->offsets,
                      .w_scale = w->w_scale,
                      .bias = w->bias,
                      .rows = rows,
                      .taps = w->taps,
                      .k = w->cin,
                      .n = w->cout,
                      .act = act};
}

/* The same in g_a, h_a and g_s, which OpenBLAS may compute. */
static lic_gemm gemm_of(const conv *w, int rows, lic_act act, affine rate)
{
    lic_gemm g = lic_nn_gemm(w, rows, act);
    g.w_rows = w->rows;
    g.scale = rate.scale;
    g.shift = rate.shift;
    return g;
}

static void multiply(const nn *c, const lic_gemm *g)
{
    if (g->bytes)
        c->k->gemm_bytes(g);
    else
        c->gemm(g);
}

struct conv_job {
    nn *c;
    const conv *w;
    const upconv *up; /* or NULL */
    tensor x, out;
    const tensor *residual;
    lic_act act;
    affine rate;
    row_range rows; /* of out, or of x for an upconv */
};

/* Pixels x, x + step, ... of a row. */
static void pixels(tensor t, int y, int x, int step, int n, float **out)
{
    float *at = lic_nn_at(t, y, x);
    for (int r = 0; r < n; r++, at += (size_t)step * t.pitch)
        out[r] = at;
}

/* `joined`: what a row of the kernel sees lies in the picture, and in memory without a gap; so it
 * is one tap of more channels, in the same order. */
static void conv_run(const struct conv_job *j, pixel_run b, bool joined, int worker)
{
    const nn *c = j->c;
    const float *in[LIC_MAX_TAPS * LIC_BLOCK];
    float *out[LIC_BLOCK];
    gather(c, j->w, joined ? 1 : j->w->kernel, j->x, b, in, worker);
    pixels(j->out, b.y, b.x, 1, b.n, out);
    lic_gemm g = gemm_of(j->w, b.n, j->act, j->rate);
    if (joined) {
        g.taps = j->w->kernel;
        g.k = j->w->kernel * j->w->cin;
    }
    g.in = in;
    g.out = out;
    g.scratch = lic_nn_scratch(c, worker);
    multiply(c, &g);
    for (int r = 0; j->residual && r < b.n; r++)
        c->k->add(out[r], out[r], lic_nn_at(*j->residual, b.y, b.x + r), (size_t)j->out.c);
}

/* Pixels x to end - 1 of a block. */
static pixel_run part(pixel_run b, int x, int end)
{
    x = x > b.x ? x : b.x;
    end = end < b.x + b.n ? end : b.x + b.n;
    return (pixel_run){b.y, x, end > x ? end - x : 0};
}

enum { FEW = 8 }; /* channels, for which taps are worth joining */

static void conv_block(void *user, size_t item, int worker)
{
    const struct conv_job *j = user;
    const conv *w = j->w;
    const pixel_run b = lic_nn_block(item, j->rows, j->out.w);
    if (w->bytes || w->kernel == 1 || w->cin > FEW || j->x.pitch != (size_t)w->cin) {
        conv_run(j, b, false, worker);
        return;
    }
    const int half = w->kernel / 2, first = (half + w->stride - 1) / w->stride;
    const int inside = j->x.w > half ? (j->x.w - 1 - half) / w->stride + 1 : 0;
    const int end = inside > first ? inside : first;
    const pixel_run runs[3] = {part(b, b.x, first), part(b, first, end), part(b, end, b.x + b.n)};
    for (int i = 0; i < 3; i++)
        if (runs[i].n)
            conv_run(j, runs[i], i == 1, worker);
}

static void upconv_block(void *user, size_t item, int worker)
{
    const struct conv_job *j = user;
    const nn *c = j->c;
    const pixel_run b = lic_nn_block(item, j->rows, j->x.w);
    const float *in[LIC_MAX_TAPS * LIC_BLOCK];
    float *out[LIC_BLOCK];
    gather(c, &j->up->phase[0], 3, j->x, b, in, worker);
    for (int phase = 0; phase < 4; phase++) {
        pixels(j->out, 2 * b.y + phase / 2, 2 * b.x + phase % 2, 2, b.n, out);
        lic_gemm g = gemm_of(&j->up->phase[phase], b.n, j->act, j->rate);
        g.in = in;
        g.out = out;
        g.scratch = lic_nn_scratch(c, worker);
        multiply(c, &g);
    }
}

/* OpenBLAS gathers its left side and its product in scratch (nn_openblas.c). */
static void need_for_gemm(nn *c, const conv *w)
{
    if (w->rows)
        lic_nn_need(c, LIC_BLOCK * (size_t)(w->kernel * w->kernel * w->cin + w->cout));
}

void lic_nn_conv_rows(nn *c, const conv *w, tensor x, lic_act act, affine rate,
                      const tensor *residual, tensor out, row_range r)
{
    const size_t mark = lic_arena_mark(c->arena);
    const conv wide = lic_nn_widen(c, w);
    need_for_gemm(c, w);
    lic_nn_count(c, (size_t)(r.end - r.first) * (size_t)out.w,
                 (size_t)(w->kernel * w->kernel * w->cin), (size_t)w->cout);
    struct conv_job j = {.c = c,
                         .w = &wide,
                         .x = x,
                         .out = out,
                         .residual = residual,
                         .act = act,
                         .rate = rate,
                         .rows = r};
    if (!lic_nn_idle(c))
        lic_nn_run_blocks(c, r, out.w, conv_block, &j);
    lic_arena_rewind(c->arena, mark);
}

void lic_nn_conv(nn *c, const conv *w, tensor x, lic_act act, affine rate, const tensor *residual,
                 tensor out)
{
    lic_nn_conv_rows(c, w, x, act, rate, residual, out, lic_nn_all(out));
}

void lic_nn_upconv_rows(nn *c, const upconv *w, tensor x, lic_act act, affine rate, tensor out,
                        row_range r)
{
    const size_t mark = lic_arena_mark(c->arena);
    upconv wide = *w;
    for (int phase = 0; phase < 4; phase++)
        wide.phase[phase] = lic_nn_widen(c, &w->phase[phase]);
    const row_range from = {r.first / 2, r.end / 2};
    need_for_gemm(c, &w->phase[0]);
    lic_nn_count(c, 4 * (size_t)(from.end - from.first) * (size_t)x.w, 9 * (size_t)w->phase[0].cin,
                 (size_t)w->cout);
    struct conv_job j = {
        .c = c, .up = &wide, .x = x, .out = out, .act = act, .rate = rate, .rows = from};
    if (!lic_nn_idle(c))
        lic_nn_run_blocks(c, from, x.w, upconv_block, &j);
    lic_arena_rewind(c->arena, mark);
}

void lic_nn_upconv(nn *c, const upconv *w, tensor x, lic_act act, affine rate, tensor out)
{
    lic_nn_upconv_rows(c, w, x, act, rate, out, lic_nn_all(out));
}

void lic_nn_linear_rows(const nn *c, const conv *w, const float *in, size_t in_pitch, float *out,
                        size_t out_pitch, int rows, lic_act act, int worker)
{
    const float *in_rows[LIC_BLOCK];
    float *out_rows[LIC_BLOCK];
    for (int r = 0; r < rows; r++) {
        in_rows[r] = in + (size_t)r * in_pitch;
        out_rows[r] = out + (size_t)r * out_pitch;
    }
    lic_gemm g = lic_nn_gemm(w, rows, act);
    g.in = in_rows;
    g.out = out_rows;
    lic_nn_product(c, w, &g, worker);
}
