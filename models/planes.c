/* planes.c - see planes.h. Work is cut into the blocks of nn.h. */
#include "models/planes.h"

#include "codec/base/bytes.h"

enum { MARGIN = LIC_PANEL }; /* a pixel is enough; so first pixels are aligned */

planes lic_planes_new_ring(nn *c, int h, int w, int channels, int held)
{
    planes t = {.h = h, .w = w, .c = channels, .held = held < h ? held : 0};
    /* Kernels read whole vectors. An odd number of cache lines: else the same pixel of many
     * channels would have one place in the cache. */
    t.pitch = (((size_t)w + 2 * MARGIN + LIC_PANEL - 1) / LIC_PANEL | 1) * LIC_PANEL;
    size_t n = (size_t)(t.held ? held : h);
    if (!lic_mul_size(t.pitch, (size_t)channels, &t.row) || !lic_mul_size(t.row, n, &n))
        c->arena->failed = true;
    t.data = lic_arena_take(c->arena, n, sizeof(float));
    if (t.data)
        t.data += MARGIN;
    return t;
}

planes lic_planes_channels(planes t, int first, int n)
{
    if (t.data)
        t.data += (size_t)first * t.pitch;
    t.c = n;
    return t;
}

bool lic_planes_suit(const nn *c, const conv *w)
{
    return c->k->prefers_planes && !w->bytes && !w->rows && w->stride == 1 && w->kernel <= 3;
}

struct planes_job {
    nn *c;
    const conv *w;
    planes x, to;
    tensor out; /* or no data: to planes */
    const planes *residual;
    lic_act act;
    row_range rows;
};

/* What a 3x3 sees beside a row, if the block has an end of it. */
static void fill_margins(const nn *c, planes t, pixel_run b)
{
    const int left = lic_nn_tap_column(c, -1, t.w), right = lic_nn_tap_column(c, t.w, t.w);
    for (int i = 0; i < t.c; i++) {
        float *row = lic_planes_at(t, b.y, i);
        if (b.x == 0)
            row[-1] = left >= 0 ? row[left] : 0.0f;
        if (b.x + b.n == t.w)
            row[t.w] = right >= 0 ? row[right] : 0.0f;
    }
}

static void from_block(void *user, size_t item, int worker)
{
    const struct planes_job *j = user;
    const pixel_run b = lic_nn_block(item, j->rows, j->to.w);
    (void)worker;
    j->c->k->transpose(lic_planes_at(j->to, b.y, 0) + b.x, j->to.pitch, lic_nn_at(j->out, b.y, b.x),
                       j->out.pitch, b.n, j->to.c);
    fill_margins(j->c, j->to, b);
}

void lic_planes_from(nn *c, tensor x, planes out, row_range r)
{
    if (lic_nn_idle(c))
        return;
    struct planes_job j = {.c = c, .to = out, .out = x, .rows = r};
    lic_nn_run_blocks(c, r, x.w, from_block, &j);
}

/* A block of the result, in planes at `out`. */
static void compute(const struct planes_job *j, pixel_run b, float *out, size_t pitch)
{
    const conv *w = j->w;
    const float *rows[3];
    for (int i = 0; i < w->kernel; i++) {
        const int y = lic_nn_tap_row(j->c, b.y + i - w->kernel / 2, j->x.h);
        rows[i] = y >= 0 ? lic_planes_at(j->x, y, 0) + b.x : NULL;
    }
    const lic_conv_planes p = {.rows = rows,
                               .out = out,
                               .in_pitch = j->x.pitch,
                               .out_pitch = pitch,
                               .w = w->w,
                               .panel_pitch = (size_t)w->taps * (size_t)w->cin * LIC_PANEL,
                               .bias = w->bias,
                               .kernel = w->kernel,
                               .pixels = b.n,
                               .k = w->cin,
                               .n = w->cout,
                               .act = j->act};
    j->c->k->conv_planes(&p);
    for (int i = 0; j->residual && i < w->cout; i++, out += pitch)
        j->c->k->add(out, out, lic_planes_at(*j->residual, b.y, i) + b.x, (size_t)b.n);
}

static void conv_block(void *user, size_t item, int worker)
{
    const struct planes_job *j = user;
    const pixel_run b = lic_nn_block(item, j->rows, j->x.w);
    if (!j->out.data) {
        compute(j, b, lic_planes_at(j->to, b.y, 0) + b.x, j->to.pitch);
        fill_margins(j->c, j->to, b);
        return;
    }
    float *scratch = lic_nn_scratch(j->c, worker);
    compute(j, b, scratch, LIC_BLOCK);
    j->c->k->transpose(lic_nn_at(j->out, b.y, b.x), j->out.pitch, scratch, LIC_BLOCK, j->w->cout,
                       b.n);
}

static void run(struct planes_job *j, const conv *w, row_range r)
{
    nn *c = j->c;
    const size_t mark = lic_arena_mark(c->arena);
    const conv wide = lic_nn_widen(c, w);
    j->w = &wide;
    j->rows = r;
    lic_nn_need(c, LIC_BLOCK * (size_t)w->cout);
    lic_nn_count(c, (size_t)(r.end - r.first) * (size_t)j->x.w,
                 (size_t)(w->kernel * w->kernel * w->cin), (size_t)w->cout);
    if (!lic_nn_idle(c))
        lic_nn_run_blocks(c, r, j->x.w, conv_block, j);
    lic_arena_rewind(c->arena, mark);
}

void lic_planes_conv_rows(nn *c, const conv *w, planes x, lic_act act, const planes *residual,
                          planes out, row_range r)
{
    struct planes_job j = {.c = c, .x = x, .to = out, .residual = residual, .act = act};
    run(&j, w, r);
}

void lic_planes_conv_out_rows(nn *c, const conv *w, planes x, lic_act act, const planes *residual,
                              tensor out, row_range r)
{
    struct planes_job j = {.c = c, .x = x, .out = out, .residual = residual, .act = act};
    run(&j, w, r);
}
