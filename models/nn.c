/* nn.c - tensors and blocks of pixels, and the layers of nn.h that work channel by channel. Every
 * layer takes its pixels in blocks of at most LIC_BLOCK within one row and writes each output once,
 * so blocks may run in any order. */
#include "models/nn.h"

#include "codec/base/bytes.h"

#include <string.h>
#include <time.h>

bool lic_nn_idle(const nn *c)
{
    return c->arena->planning || c->arena->failed || c->cancelled;
}

static tensor new_tensor(nn *c, tensor t)
{
    size_t n = (size_t)(t.held ? t.held : t.h);
    t.pitch = (size_t)t.c;
    /* Kernels may load a whole vector at the last channels of a strided operand, so 16 floats are
     * spare. */
    if (!lic_mul_size(n, (size_t)t.w, &n) || !lic_mul_size(n, t.pitch, &n) ||
        !lic_add_size(n, LIC_PANEL, &n))
        c->arena->failed = true;
    t.data = lic_arena_take(c->arena, n, sizeof(float));
    return t;
}

tensor lic_nn_new(nn *c, int h, int w, int c_out)
{
    return new_tensor(c, (tensor){.h = h, .w = w, .c = c_out});
}

tensor lic_nn_new_ring(nn *c, int h, int w, int c_out, int held)
{
    return new_tensor(c, (tensor){.h = h, .w = w, .c = c_out, .held = held < h ? held : 0});
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
    return c->scratch + (size_t)worker * (c->scratch_floats + c->record_floats);
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

void lic_nn_part(nn *c, lic_part part)
{
    struct timespec t;
    if (c->arena->planning)
        return;
    clock_gettime(CLOCK_MONOTONIC, &t);
    const double now = (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
    if (c->clock.start > 0.0) {
        c->clock.seconds[c->clock.part] += now - c->clock.start;
        c->clock.macs[c->clock.part] += c->macs - c->clock.start_macs;
    }
    c->clock.part = part;
    c->clock.start = now;
    c->clock.start_macs = c->macs;
}

void lic_nn_report(nn *c, double fraction)
{
    if (c->progress && !lic_nn_idle(c) && c->progress(c->progress_user, fraction))
        c->cancelled = true;
}

/* Blocks of a row are equal and made of whole kernel tiles and vectors: 96 pixels are two blocks of
 * 48. */
enum { BLOCK_UNIT = 16 };

static int blocks_in(int width)
{
    return (width + LIC_BLOCK - 1) / LIC_BLOCK;
}

pixel_run lic_nn_block(size_t item, row_range r, int width)
{
    const size_t n_rows = (size_t)(r.end - r.first);
    const int per_row = blocks_in(width), column = (int)(item / n_rows);
    const int units = (width + BLOCK_UNIT - 1) / BLOCK_UNIT;
    const int x = units * column / per_row * BLOCK_UNIT;
    const int end = units * (column + 1) / per_row * BLOCK_UNIT;
    return (pixel_run){
        .y = r.first + (int)(item % n_rows), .x = x, .n = (end < width ? end : width) - x};
}

void lic_nn_run_blocks(nn *c, row_range r, int width, lic_pool_fn fn, void *job)
{
    if (r.first < r.end)
        lic_pool_run(c->pool, (size_t)(r.end - r.first) * (size_t)blocks_in(width), fn, job);
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
    const pixel_run b = lic_nn_block(item, lic_nn_all(j->out), j->out.w);
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
    lic_nn_run_blocks(c, lic_nn_all(out), out.w, depthwise_block, &j);
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
