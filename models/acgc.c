/* acgc.c - the adaptive channel-wise and global-inter attention context model (S2LIC, figure 5) for
 * one slice of the latents. The non-anchor pass sees the decoded anchors (He et al. 2021). Also the
 * latent residual prediction (Minnen and Singh 2020). All of it belongs to the entropy path:
 * strict. */
#include "models/network.h"

#include <string.h>

static const affine NO_RATE = {0};

/* A tensor of the same shape, of its own. */
static tensor like(nn *c, tensor t)
{
    return lic_nn_new(c, t.h, t.w, t.c);
}

/* Copies channels to one row of a matrix and steps on. */
static float *append(float *row, const float *from, int n)
{
    memcpy(row, from, (size_t)n * sizeof *row);
    return row + n;
}

/* ---- gates --------------------------------------------------------------------------------------
 */

/* C_Map: sigmoid(b(leaky(a(mean over positions)))), one factor per channel. */
static void channel_map(nn *c, const gate_map *w, tensor x, float *out)
{
    const size_t mark = lic_arena_mark(c->arena);
    float *mean = lic_arena_take(c->arena, (size_t)x.c + LIC_PANEL, sizeof *mean);
    float *hidden = lic_arena_take(c->arena, (size_t)w->a.cout + LIC_PANEL, sizeof *hidden);
    lic_nn_mean(c, x, mean);
    const conv a = lic_nn_widen(c, &w->a), b = lic_nn_widen(c, &w->b);
    if (!lic_nn_idle(c)) {
        lic_nn_linear_rows(c, &a, mean, (size_t)x.c, hidden, (size_t)w->a.cout, 1, LIC_ACT_LEAKY,
                           0);
        lic_nn_linear_rows(c, &b, hidden, (size_t)w->a.cout, out, (size_t)x.c, 1, LIC_ACT_SIGMOID,
                           0);
    }
    lic_arena_rewind(c->arena, mark);
}

struct gate_job {
    nn *c;
    const gate_map *smap;
    const float *cmap;
    tensor a, d, out;
};

/* One row of positions: out = a S_Map(d) + d C_Map(a). */
static void gate_row(void *user, size_t item, int worker)
{
    const struct gate_job *j = user;
    float *hidden = lic_nn_scratch(j->c, worker), *s = hidden + LIC_BLOCK * (size_t)j->smap->a.cout;
    const int y = (int)item;
    for (int x = 0; x < j->a.w; x += LIC_BLOCK) {
        const int n = j->a.w - x < LIC_BLOCK ? j->a.w - x : LIC_BLOCK;
        const size_t wide = (size_t)j->smap->a.cout;
        lic_nn_linear_rows(j->c, &j->smap->a, lic_nn_at(j->d, y, x), j->d.pitch, hidden, wide, n,
                           LIC_ACT_LEAKY, worker);
        lic_nn_linear_rows(j->c, &j->smap->b, hidden, wide, s, 1, n, LIC_ACT_SIGMOID, worker);
        for (int r = 0; r < n; r++)
            j->c->k->gate(lic_nn_at(j->out, y, x + r), lic_nn_at(j->a, y, x + r),
                          lic_nn_at(j->d, y, x + r), s[r], j->cmap, j->a.c);
    }
}

static void gated_pair(nn *c, const gate_map *smap, const gate_map *cmap, tensor a, tensor d,
                       tensor out)
{
    const size_t mark = lic_arena_mark(c->arena);
    float *factors = lic_arena_take(c->arena, (size_t)a.c + LIC_PANEL, sizeof *factors);
    channel_map(c, cmap, a, factors);
    const gate_map wide = {lic_nn_widen(c, &smap->a), lic_nn_widen(c, &smap->b)};
    lic_nn_need(c, LIC_BLOCK * ((size_t)smap->a.cout + 1));
    lic_nn_count(c, (size_t)a.h * (size_t)a.w, (size_t)smap->a.cin + 1, (size_t)smap->a.cout);
    if (!lic_nn_idle(c)) {
        struct gate_job j = {c, &wide, factors, a, d, out};
        lic_pool_run(c->pool, (size_t)a.h, gate_row, &j);
    }
    lic_arena_rewind(c->arena, mark);
}

/* ---- AC: adaptive channel-wise attention
 * --------------------------------------------------------- */

static void adaptive_channel_forward(nn *c, const adaptive_channel *w, tensor prev, tensor out)
{
    const size_t mark = lic_arena_mark(c->arena);
    const tensor x = like(c, out), t = like(c, out), a = like(c, out), d = like(c, out);
    lic_nn_conv(c, &w->inp, prev, LIC_ACT_NONE, NO_RATE, NULL, x);
    lic_nn_conv(c, &w->c1, x, LIC_ACT_GELU, NO_RATE, NULL, t);
    lic_nn_conv(c, &w->c2, t, LIC_ACT_GELU, NO_RATE, NULL, a);
    lic_nn_depthwise(c, &w->dw, x, LIC_ACT_NONE, false, d);
    gated_pair(c, &w->smap, &w->cmap, a, d, out);
    lic_arena_rewind(c->arena, mark);
}

/* ---- AG: adaptive global-inter attention
 * --------------------------------------------------------- */

/* Mean of x over one bin of LIC_GRID along each axis, cut as in adaptive_avg_pool2d. */
static void pool_cell(const nn *c, tensor x, int gy, int gx, float *out)
{
    const int y0 = gy * x.h / LIC_GRID, y1 = ((gy + 1) * x.h + LIC_GRID - 1) / LIC_GRID;
    const int x0 = gx * x.w / LIC_GRID, x1 = ((gx + 1) * x.w + LIC_GRID - 1) / LIC_GRID;
    memset(out, 0, (size_t)x.c * sizeof *out);
    for (int y = y0; y < y1; y++)
        c->k->sum_rows(out, lic_nn_at(x, y, x0), x.pitch, x1 - x0, x.c);
    for (int i = 0; i < x.c; i++)
        out[i] /= (float)((y1 - y0) * (x1 - x0));
}

/* Sampling position in pixels for a coordinate in [-1, 1] (grid_sample, align_corners false,
 * border). */
static float unnormalise(float v, int size)
{
    const float p = ((v + 1.0f) * (float)size - 1.0f) / 2.0f, last = (float)(size - 1);
    return p > 0.0f ? (p < last ? p : last) : 0.0f;
}

static void sample(const nn *c, tensor x, int first, int n, float px, float py, float *out)
{
    const int x0 = (int)px, y0 = (int)py, x1 = x0 + 1 < x.w ? x0 + 1 : x0,
              y1 = y0 + 1 < x.h ? y0 + 1 : y0;
    const float fx = px - (float)x0, fy = py - (float)y0, gx = 1.0f - fx, gy = 1.0f - fy;
    const float *const p[4] = {lic_nn_at(x, y0, x0) + first, lic_nn_at(x, y0, x1) + first,
                               lic_nn_at(x, y1, x0) + first, lic_nn_at(x, y1, x1) + first};
    const float weights[4] = {gx * gy, fx * gy, gx * fy, fx * fy};
    c->k->blend4(out, p, weights, n);
}

/* Deformable sampling: every head looks at its own shifted 8 x 8 points of x. -> samples [64, c] */
static void sample_points(nn *c, const adaptive_global *w, const conv *off, tensor x, tensor moved,
                          float *samples, float *scratch)
{
    const int per_head = x.c / w->heads;
    float *pooled = scratch, *offsets = pooled + x.c + LIC_PANEL;
    for (int i = 0; i < LIC_GRID * LIC_GRID; i++) {
        const int gy = i / LIC_GRID, gx = i % LIC_GRID;
        pool_cell(c, moved, gy, gx, pooled);
        lic_nn_linear_rows(c, off, pooled, (size_t)x.c, offsets, (size_t)off->cout, 1,
                           LIC_ACT_TANH, 0);
        const float ry = ((float)gy + 0.5f) / LIC_GRID * 2.0f - 1.0f,
                    rx = ((float)gx + 0.5f) / LIC_GRID * 2.0f - 1.0f;
        for (int head = 0; head < w->heads; head++) {
            const float ox = offsets[2 * head] * (2.0f / LIC_GRID),
                        oy = offsets[2 * head + 1] * (2.0f / LIC_GRID);
            sample(c, x, head * per_head, per_head, unnormalise(rx + ox, x.w),
                   unnormalise(ry + oy, x.h), samples + (size_t)i * (size_t)x.c + head * per_head);
        }
    }
}

struct ag_job {
    nn *c;
    const conv *q, *o; /* widened */
    int heads;
    tensor hyper, out;
    const float *kv; /* [64, 2 c] */
};

/* Queries of one row of positions attend to the 64 samples; then the output projection. */
static void ag_row(void *user, size_t item, int worker)
{
    const struct ag_job *j = user;
    const int y = (int)item, dim = j->out.c, d = dim / j->heads;
    const size_t pitch = (size_t)dim;
    float *q = lic_nn_scratch(j->c, worker), *o = q + LIC_BLOCK * pitch,
          *scratch = o + LIC_BLOCK * pitch;
    for (int x = 0; x < j->out.w; x += LIC_BLOCK) {
        const int n = j->out.w - x < LIC_BLOCK ? j->out.w - x : LIC_BLOCK;
        lic_nn_linear_rows(j->c, j->q, lic_nn_at(j->hyper, y, x), j->hyper.pitch, q, pitch, n,
                           LIC_ACT_NONE, worker);
        for (int head = 0; head < j->heads; head++) {
            const lic_attention a = {.q = q + head * d,
                                     .k = j->kv + head * d,
                                     .v = j->kv + dim + head * d,
                                     .q_pitch = pitch,
                                     .kv_pitch = 2 * pitch,
                                     .out_pitch = pitch,
                                     .out = o + head * d,
                                     .nq = n,
                                     .nk = LIC_GRID * LIC_GRID,
                                     .d = d,
                                     .scratch = scratch};
            j->c->k->attention(&a);
        }
        lic_nn_linear_rows(j->c, j->o, o, pitch, lic_nn_at(j->out, y, x), j->out.pitch, n,
                           LIC_ACT_NONE, worker);
    }
}

/* Keys and values: [64, 2 c] from the deformed samples of x. */
static const float *keys_and_values(nn *c, const adaptive_global *w, tensor x, tensor moved)
{
    const size_t dim = (size_t)x.c;
    float *kv = lic_arena_take(c->arena, 64 * 2 * dim + LIC_PANEL, sizeof *kv);
    float *samples = lic_arena_take(c->arena, 64 * dim + LIC_PANEL, sizeof *samples);
    float *scratch =
        lic_arena_take(c->arena, dim + 2 * (size_t)w->heads + 4 * LIC_PANEL, sizeof *scratch);
    const conv off = lic_nn_widen(c, &w->off), to_kv = lic_nn_widen(c, &w->kv);
    if (!lic_nn_idle(c)) {
        sample_points(c, w, &off, x, moved, samples, scratch);
        lic_nn_linear_rows(c, &to_kv, samples, dim, kv, 2 * dim, 64, LIC_ACT_NONE, 0);
    }
    return kv;
}

static void adaptive_global_forward(nn *c, const adaptive_global *w, tensor prev, tensor hyper,
                                    tensor out)
{
    const size_t mark = lic_arena_mark(c->arena), dim = (size_t)out.c;
    const tensor x = like(c, out), o = like(c, out), a = like(c, out), d = like(c, out);
    lic_nn_conv(c, &w->inp, prev, LIC_ACT_NONE, NO_RATE, NULL, x);
    lic_nn_depthwise(c, &w->off_dw, x, LIC_ACT_GELU, false, a);
    const float *kv = keys_and_values(c, w, x, a);
    lic_nn_need(c, LIC_BLOCK * 2 * dim +
                       lic_attention_scratch(LIC_BLOCK, LIC_GRID * LIC_GRID, (int)dim / w->heads));
    lic_nn_count(c, (size_t)o.h * (size_t)o.w, dim,
                 (size_t)hyper.c + dim + 2 * LIC_GRID * LIC_GRID);
    const conv q = lic_nn_widen(c, &w->q), last = lic_nn_widen(c, &w->out);
    if (!lic_nn_idle(c)) {
        struct ag_job j = {c, &q, &last, w->heads, hyper, o, kv};
        lic_pool_run(c->pool, (size_t)o.h, ag_row, &j);
    }
    lic_nn_depthwise(c, &w->conv, o, LIC_ACT_NONE, true, a);
    lic_nn_depthwise(c, &w->dw, x, LIC_ACT_NONE, false, d);
    gated_pair(c, &w->smap, &w->cmap, a, d, out);
    lic_arena_rewind(c->arena, mark);
}

tensor lic_slice_context(nn *c, const slice_model *w, tensor prev, tensor hyper)
{
    if (!w->prev)
        return (tensor){0};
    const int dim = w->ac.inp.cout, gdim = w->ag.inp.cout;
    tensor ctx = lic_nn_new(c, prev.h, prev.w, dim + gdim);
    tensor ac = lic_nn_channels(ctx, 0, dim), ag = lic_nn_channels(ctx, dim, gdim);
    adaptive_channel_forward(c, &w->ac, prev, ac);
    lic_nn_trace(c, "ac", 0, ac);
    adaptive_global_forward(c, &w->ag, prev, hyper, ag);
    lic_nn_trace(c, "ag", 0, ag);
    return ctx;
}

/* ---- g_ep and LRP
 * -------------------------------------------------------------------------------- */

struct ep_job {
    nn *c;
    entropy_params ep; /* widened */
    conv local;        /* widened; not of the first pass */
    int pass;
    tensor hyper, ctx, anchors, out;
};

static const entropy_params *ep_of(const slice_model *w, int pass)
{
    return pass ? &w->ep_non : &w->ep_anchor;
}

static size_t ep_scratch(const slice_model *w)
{
    const size_t hid = (size_t)w->ep_non.l[0].cout;
    return LIC_BLOCK * ((size_t)w->ep_non.l[0].cin + (size_t)w->local.cout + 2 * hid);
}

/* Local context of non-anchor positions. Only the taps that fall on anchors, those with an odd sum
 * of offsets, are packed (weights.c): the others would multiply zeros. */
static void local_context(const struct ep_job *j, int y, const int *xs, int n, float *out,
                          int worker)
{
    const conv *w = &j->local;
    const float *in[LIC_MAX_TAPS * LIC_BLOCK], **at = in;
    float *rows[LIC_BLOCK];
    for (int t = 1; t < LIC_LOCAL * LIC_LOCAL; t += 2) {
        const int yy = lic_nn_tap_row(j->c, y + t / LIC_LOCAL - LIC_LOCAL / 2, j->anchors.h);
        for (int r = 0; r < n; r++) {
            const int xx =
                lic_nn_tap_column(j->c, xs[r] + t % LIC_LOCAL - LIC_LOCAL / 2, j->anchors.w);
            *at++ = yy >= 0 && xx >= 0 ? lic_nn_at(j->anchors, yy, xx) : j->c->zeros;
        }
    }
    for (int r = 0; r < n; r++)
        rows[r] = out + (size_t)r * (size_t)w->cout;
    lic_gemm g = lic_nn_gemm(w, n, LIC_ACT_NONE);
    g.in = in;
    g.out = rows;
    lic_nn_product(j->c, w, &g, worker);
}

/* One picture row of one pass: gather [hyper | ac | ag | local], three linear layers. */
static void ep_row(void *user, size_t item, int worker)
{
    const struct ep_job *j = user;
    const entropy_params *ep = &j->ep;
    const int y = (int)item, width = j->hyper.w, k = ep->l[0].cin, hid = ep->l[0].cout;
    const int per_row = width / 2; /* widths at 1/16 are multiples of 4 */
    float *matrix = lic_nn_scratch(j->c, worker), *local = matrix + LIC_BLOCK * (size_t)k;
    float *a = local + LIC_BLOCK * (size_t)j->local.cout, *b = a + LIC_BLOCK * (size_t)hid;
    for (int first = (y + j->pass) % 2; first < width; first += 2 * LIC_BLOCK) {
        int xs[LIC_BLOCK], n = 0;
        for (int x = first; x < width && n < LIC_BLOCK; x += 2)
            xs[n++] = x;
        if (j->pass)
            local_context(j, y, xs, n, local, worker);
        for (int r = 0; r < n; r++) {
            float *row =
                append(matrix + (size_t)r * (size_t)k, lic_nn_at(j->hyper, y, xs[r]), j->hyper.c);
            if (j->ctx.data)
                row = append(row, lic_nn_at(j->ctx, y, xs[r]), j->ctx.c);
            if (j->pass)
                append(row, local + (size_t)r * (size_t)j->local.cout, j->local.cout);
        }
        lic_nn_linear_rows(j->c, &ep->l[0], matrix, (size_t)k, a, (size_t)hid, n, LIC_ACT_LEAKY,
                           worker);
        lic_nn_linear_rows(j->c, &ep->l[1], a, (size_t)hid, b, (size_t)hid, n, LIC_ACT_LEAKY,
                           worker);
        lic_nn_linear_rows(j->c, &ep->l[2], b, (size_t)hid,
                           j->out.data +
                               ((size_t)y * (size_t)per_row + (size_t)(first / 2)) * j->out.pitch,
                           j->out.pitch, n, LIC_ACT_NONE, worker);
    }
}

void lic_entropy_parameters(nn *c, const slice_model *w, int pass, tensor hyper, tensor ctx,
                            tensor anchors, tensor out)
{
    const entropy_params *ep = ep_of(w, pass);
    const size_t positions = (size_t)hyper.h * (size_t)hyper.w / 2, hid = (size_t)ep->l[0].cout;
    lic_nn_need(c, ep_scratch(w));
    lic_nn_count(c, positions, hid, (size_t)ep->l[0].cin + hid + (size_t)ep->l[2].cout);
    lic_nn_count(c, pass ? positions : 0, LIC_LOCAL_TAPS * (size_t)w->local.cin,
                 (size_t)w->local.cout);
    const size_t mark = lic_arena_mark(c->arena);
    struct ep_job j = {c, *ep, w->local, pass, hyper, ctx, anchors, out};
    for (int i = 0; i < 3; i++)
        j.ep.l[i] = lic_nn_widen(c, &ep->l[i]);
    if (pass)
        j.local = lic_nn_widen(c, &w->local);
    if (!lic_nn_idle(c))
        lic_pool_run(c->pool, (size_t)hyper.h, ep_row, &j);
    lic_arena_rewind(c->arena, mark);
}

struct lrp_job {
    nn *c;
    conv in, last; /* widened */
    int prev;
    tensor hyper, y_hat;
};

static void lrp_row(void *user, size_t item, int worker)
{
    const struct lrp_job *j = user;
    const conv *in = &j->in, *last = &j->last;
    const int y = (int)item, k = in->cin, hid = in->cout, size = last->cout;
    float *matrix = lic_nn_scratch(j->c, worker), *hidden = matrix + LIC_BLOCK * (size_t)k;
    float *residual = hidden + LIC_BLOCK * (size_t)hid;
    for (int x = 0; x < j->hyper.w; x += LIC_BLOCK) {
        const int n = j->hyper.w - x < LIC_BLOCK ? j->hyper.w - x : LIC_BLOCK;
        for (int r = 0; r < n; r++) {
            float *row =
                append(matrix + (size_t)r * (size_t)k, lic_nn_at(j->hyper, y, x + r), j->hyper.c);
            append(row, lic_nn_at(j->y_hat, y, x + r), j->prev + size);
        }
        lic_nn_linear_rows(j->c, in, matrix, (size_t)k, hidden, (size_t)hid, n, LIC_ACT_LEAKY,
                           worker);
        lic_nn_linear_rows(j->c, last, hidden, (size_t)hid, residual, (size_t)size, n,
                           LIC_ACT_TANH, worker);
        for (int r = 0; r < n; r++) {
            float *to = lic_nn_at(j->y_hat, y, x + r) + j->prev;
            for (int i = 0; i < size; i++)
                to[i] += 0.5f * residual[(size_t)r * (size_t)size + (size_t)i];
        }
    }
}

void lic_lrp(nn *c, const slice_model *w, tensor hyper, tensor y_hat)
{
    lic_nn_need(c, LIC_BLOCK * (size_t)(w->lrp[0].cin + w->lrp[0].cout + w->size));
    lic_nn_count(c, (size_t)hyper.h * (size_t)hyper.w, (size_t)w->lrp[0].cout,
                 (size_t)(w->lrp[0].cin + w->size));
    const size_t mark = lic_arena_mark(c->arena);
    struct lrp_job j = {
        c, lic_nn_widen(c, &w->lrp[0]), lic_nn_widen(c, &w->lrp[1]), w->prev, hyper, y_hat};
    if (!lic_nn_idle(c))
        lic_pool_run(c->pool, (size_t)hyper.h, lrp_row, &j);
    lic_arena_rewind(c->arena, mark);
}
