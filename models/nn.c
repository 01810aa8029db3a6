/* nn.c - the layers of nn.h on top of the kernel table. Every layer takes its pixels in blocks of
 * at most LIC_BLOCK within one row and writes each output once, so blocks may run in any order. */
#include "models/nn.h"

#include "codec/base/bytes.h"

#include <string.h>

bool lic_nn_idle(const nn *c)
{
    return c->arena->planning || c->arena->failed || c->cancelled;
}

tensor lic_nn_new(nn *c, int h, int w, int c_out)
{
    tensor t = {.h = h, .w = w, .c = c_out, .pitch = (size_t)c_out};
    size_t n;
    /* Kernels may load a whole vector at the last channels of a strided operand: 16 floats to
     * spare. */
    if (!lic_mul_size((size_t)h, (size_t)w, &n) || !lic_mul_size(n, t.pitch, &n) ||
        !lic_add_size(n, LIC_PANEL, &n))
        c->arena->failed = true;
    t.data = lic_arena_take(c->arena, n, sizeof(float));
    return t;
}

tensor lic_nn_channels(tensor t, int first, int n)
{
    if (t.data)
        t.data += first;
    t.c = n;
    return t;
}

void lic_nn_need(nn *c, size_t floats)
{
    floats += LIC_PANEL;
    if (floats > c->scratch_floats && c->arena->planning)
        c->scratch_floats = (floats + 15) / 16 * 16;
}

void lic_nn_count(nn *c, size_t rows, size_t inputs, size_t outputs)
{
    c->macs += (uint64_t)rows * inputs * outputs;
}

float *lic_nn_scratch(const nn *c, int worker)
{
    return c->scratch + (size_t)worker * c->scratch_floats;
}

int lic_nn_tap_row(const nn *c, int y, int h)
{
    return lic_reflect(y, h, c->open & LIC_OPEN_TOP, c->open & LIC_OPEN_BOTTOM);
}

int lic_nn_tap_column(const nn *c, int x, int w)
{
    return lic_reflect(x, w, c->open & LIC_OPEN_LEFT, c->open & LIC_OPEN_RIGHT);
}

void lic_nn_trace(const nn *c, const char *name, int index, tensor t)
{
    if (c->trace && !lic_nn_idle(c))
        c->trace(c->trace_user, name, index, t);
}

void lic_nn_report(nn *c, double fraction)
{
    if (c->progress && !lic_nn_idle(c) && c->progress(c->progress_user, fraction))
        c->cancelled = true;
}

static int blocks_in(int width)
{
    return (width + LIC_BLOCK - 1) / LIC_BLOCK;
}

/* A run of output pixels of one row. */
struct block {
    int y, x, n;
};

static struct block block_at(size_t item, int width)
{
    const int per_row = blocks_in(width), column = (int)(item % (size_t)per_row);
    struct block b = {.y = (int)(item / (size_t)per_row), .x = column * LIC_BLOCK};
    b.n = width - b.x < LIC_BLOCK ? width - b.x : LIC_BLOCK;
    return b;
}

/* Input pixel of every tap for the output pixels of a block; outside, zeros or mirrored. */
static void gather(const nn *c, const conv *w, tensor x, struct block b, const float **in)
{
    const int half = w->kernel / 2;
    for (int i = 0; i < w->kernel; i++) {
        const int y = lic_nn_tap_row(c, b.y * w->stride + i - half, x.h);
        for (int j = 0; j < w->kernel; j++) {
            for (int r = 0; r < b.n; r++) {
                const int xx = lic_nn_tap_column(c, (b.x + r) * w->stride + j - half, x.w);
                *in++ = y >= 0 && xx >= 0 ? lic_nn_at(x, y, xx) : c->zeros;
            }
        }
    }
}

static lic_gemm gemm_of(const conv *w, int rows, lic_act act, affine rate)
{
    const int taps = w->kernel * w->kernel;
    return (lic_gemm){.w = w->w,
                      .w_rows = w->rows,
                      .w_pitch = LIC_PANEL,
                      .panel_pitch = (size_t)taps * (size_t)w->cin * LIC_PANEL,
                      .bias = w->bias,
                      .scale = rate.scale,
                      .shift = rate.shift,
                      .rows = rows,
                      .taps = taps,
                      .k = w->cin,
                      .n = w->cout,
                      .act = act};
}

struct conv_job {
    nn *c;
    const conv *w;
    const upconv *up; /* or NULL */
    tensor x, out;
    const tensor *residual;
    lic_act act;
    affine rate;
};

static void conv_block(void *user, size_t item, int worker)
{
    const struct conv_job *j = user;
    const nn *c = j->c;
    const struct block b = block_at(item, j->out.w);
    const float *in[LIC_MAX_TAPS * LIC_BLOCK];
    float *out[LIC_BLOCK];
    gather(c, j->w, j->x, b, in);
    for (int r = 0; r < b.n; r++)
        out[r] = lic_nn_at(j->out, b.y, b.x + r);
    lic_gemm g = gemm_of(j->w, b.n, j->act, j->rate);
    g.in = in;
    g.out = out;
    g.scratch = lic_nn_scratch(c, worker);
    c->gemm(&g);
    for (int r = 0; j->residual && r < b.n; r++)
        c->k->add(out[r], out[r], lic_nn_at(*j->residual, b.y, b.x + r), (size_t)j->out.c);
}

static void upconv_block(void *user, size_t item, int worker)
{
    const struct conv_job *j = user;
    const nn *c = j->c;
    const struct block b = block_at(item, j->x.w);
    const float *in[LIC_MAX_TAPS * LIC_BLOCK];
    float *out[LIC_BLOCK];
    gather(c, &j->up->phase[0], j->x, b, in);
    for (int phase = 0; phase < 4; phase++) {
        for (int r = 0; r < b.n; r++)
            out[r] = lic_nn_at(j->out, 2 * b.y + phase / 2, 2 * (b.x + r) + phase % 2);
        lic_gemm g = gemm_of(&j->up->phase[phase], b.n, j->act, j->rate);
        g.in = in;
        g.out = out;
        g.scratch = lic_nn_scratch(c, worker);
        c->gemm(&g);
    }
}

/* OpenBLAS gathers its left side and its product in scratch (nn_openblas.c). */
static void need_for_gemm(nn *c, const conv *w)
{
    if (w->rows)
        lic_nn_need(c, LIC_BLOCK * (size_t)(w->kernel * w->kernel * w->cin + w->cout));
}

void lic_nn_conv(nn *c, const conv *w, tensor x, lic_act act, affine rate, const tensor *residual,
                 tensor out)
{
    need_for_gemm(c, w);
    lic_nn_count(c, (size_t)out.h * (size_t)out.w, (size_t)(w->kernel * w->kernel * w->cin),
                 (size_t)w->cout);
    if (lic_nn_idle(c))
        return;
    struct conv_job j = {
        .c = c, .w = w, .x = x, .out = out, .residual = residual, .act = act, .rate = rate};
    lic_pool_run(c->pool, (size_t)out.h * (size_t)blocks_in(out.w), conv_block, &j);
}

void lic_nn_upconv(nn *c, const upconv *w, tensor x, lic_act act, affine rate, tensor out)
{
    need_for_gemm(c, &w->phase[0]);
    lic_nn_count(c, 4 * (size_t)x.h * (size_t)x.w, 9 * (size_t)w->phase[0].cin, (size_t)w->cout);
    if (lic_nn_idle(c))
        return;
    struct conv_job j = {.c = c, .up = w, .x = x, .out = out, .act = act, .rate = rate};
    lic_pool_run(c->pool, (size_t)x.h * (size_t)blocks_in(x.w), upconv_block, &j);
}

struct depthwise_job {
    nn *c;
    const depthwise *w;
    tensor x, out;
    lic_act act;
    bool residual;
};

static void depthwise_block(void *user, size_t item, int worker)
{
    (void)worker;
    const struct depthwise_job *j = user;
    const struct block b = block_at(item, j->out.w);
    const float *rows[5];
    for (int i = 0; i < j->w->kernel; i++) {
        const int y = lic_nn_tap_row(j->c, b.y + i - j->w->kernel / 2, j->x.h);
        rows[i] = y >= 0 ? lic_nn_at(j->x, y, 0) : NULL;
    }
    const lic_depthwise d = {.rows = rows,
                             .out = lic_nn_at(j->out, b.y, b.x),
                             .w = j->w->w,
                             .bias = j->w->bias,
                             .in_pitch = j->x.pitch,
                             .out_pitch = j->out.pitch,
                             .width = j->x.w,
                             .x0 = b.x,
                             .x1 = b.x + b.n,
                             .c = j->w->c,
                             .kernel = j->w->kernel,
                             .residual = j->residual,
                             .open_left = j->c->open & LIC_OPEN_LEFT,
                             .open_right = j->c->open & LIC_OPEN_RIGHT,
                             .act = j->act};
    j->c->k->depthwise(&d);
}

void lic_nn_depthwise(nn *c, const depthwise *w, tensor x, lic_act act, bool residual, tensor out)
{
    lic_nn_count(c, (size_t)out.h * (size_t)out.w, (size_t)(w->kernel * w->kernel), (size_t)w->c);
    if (lic_nn_idle(c))
        return;
    struct depthwise_job j = {c, w, x, out, act, residual};
    lic_pool_run(c->pool, (size_t)out.h * (size_t)blocks_in(out.w), depthwise_block, &j);
}

void lic_nn_linear_rows(const nn *c, const conv *w, const float *in, size_t in_pitch, float *out,
                        size_t out_pitch, int rows, lic_act act)
{
    const float *in_rows[LIC_BLOCK];
    float *out_rows[LIC_BLOCK];
    for (int r = 0; r < rows; r++) {
        in_rows[r] = in + (size_t)r * in_pitch;
        out_rows[r] = out + (size_t)r * out_pitch;
    }
    lic_gemm g = gemm_of(w, rows, act, (affine){0});
    g.w_rows = NULL; /* strict always: this serves the entropy path and short rows */
    g.in = in_rows;
    g.out = out_rows;
    c->k->gemm(&g);
}

struct gain_job {
    const lic_kernels *k;
    const float *gain;
    tensor x, out;
};

static void gain_row(void *user, size_t item, int worker)
{
    (void)worker;
    const struct gain_job *j = user;
    const int y = (int)item;
    for (int x = 0; x < j->x.w; x++)
        j->k->mul(lic_nn_at(j->out, y, x), lic_nn_at(j->x, y, x), j->gain, (size_t)j->x.c);
}

void lic_nn_apply_gain(nn *c, tensor x, const float *gain, tensor out)
{
    if (lic_nn_idle(c))
        return;
    struct gain_job j = {c->k, gain, x, out};
    lic_pool_run(c->pool, (size_t)x.h, gain_row, &j);
}

void lic_nn_mean(nn *c, tensor x, float *out)
{
    if (lic_nn_idle(c))
        return;
    memset(out, 0, (size_t)x.c * sizeof *out);
    for (int y = 0; y < x.h; y++)
        c->k->sum_rows(out, lic_nn_at(x, y, 0), x.pitch, x.w, x.c);
    const float n = (float)((size_t)x.h * (size_t)x.w);
    for (int i = 0; i < x.c; i++)
        out[i] /= n;
}
