/* swin.c - residual SwinV2 transformer blocks (S2LIC's RSTB), fused so that the wide intermediates
 * stay small: attention runs window by window (gather, qkv, heads, projection, norm, store), the
 * MLP strip by strip, keeping only the hidden features of one strip and of the rows beside it. Both
 * work in place. The bits do not depend on how strips are cut. */
#include "models/network.h"

#include <string.h>

struct window_job {
    nn *c;
    const swin *w;
    const float *mask; /* [4, 64, 64] */
    tensor x, out;
    int first; /* row */
};

static size_t window_scratch(const swin *w)
{
    const size_t c = (size_t)w->proj.cin;
    return LIC_TOKENS * 5 * c + LIC_PANEL +
           lic_attention_scratch(LIC_TOKENS, LIC_TOKENS, (int)c / w->heads);
}

/* Token (i, j) of a window lies at the picture's row and column, rolled by `shift` (SwinV2, figure
 * 2). */
static void window_tokens(tensor t, int wy, int wx, int shift, float **tokens)
{
    for (int i = 0; i < LIC_WINDOW; i++) {
        float *row = lic_nn_at(t, (wy * LIC_WINDOW + i + shift) % t.h, 0);
        for (int j = 0; j < LIC_WINDOW; j++)
            tokens[i * LIC_WINDOW + j] =
                row + (size_t)((wx * LIC_WINDOW + j + shift) % t.w) * t.pitch;
    }
}

/* Only shifted windows of the last row and column hold tokens from opposite edges. */
static const float *window_mask(const struct window_job *j, int wy, int wx)
{
    const int last_row = wy == j->x.h / LIC_WINDOW - 1, last_column = wx == j->x.w / LIC_WINDOW - 1;
    if (!j->w->shift || !(last_row || last_column))
        return NULL;
    return j->mask + (size_t)(2 * last_row + last_column) * LIC_TOKENS * LIC_TOKENS;
}

static void attend(const struct window_job *j, const float *qkv, float *out, const float *mask,
                   float *scratch)
{
    const swin *w = j->w;
    const size_t c = (size_t)w->proj.cin, d = c / (size_t)w->heads;
    for (int head = 0; head < w->heads; head++) {
        const float *q = qkv + (size_t)head * d;
        const lic_attention a = {.q = q,
                                 .k = q + c,
                                 .v = q + 2 * c,
                                 .q_pitch = 3 * c,
                                 .kv_pitch = 3 * c,
                                 .out_pitch = c,
                                 .out = out + (size_t)head * d,
                                 .bias = w->bias + (size_t)head * LIC_TOKENS * LIC_TOKENS,
                                 .mask = mask,
                                 .scale = w->scale[head],
                                 .nq = LIC_TOKENS,
                                 .nk = LIC_TOKENS,
                                 .d = (int)d,
                                 .cosine = true,
                                 .scratch = scratch};
        j->c->k->attention(&a);
    }
}

/* out = x + norm1(proj(attention(x))) for one window. */
static void window(void *user, size_t item, int worker)
{
    const struct window_job *j = user;
    const nn *c = j->c;
    const swin *w = j->w;
    const size_t dim = (size_t)w->proj.cin;
    const int columns = j->x.w / LIC_WINDOW, wx = (int)item % columns;
    const int wy = j->first / LIC_WINDOW + (int)item / columns;
    float *qkv = lic_nn_scratch(c, worker), *mixed = qkv + LIC_TOKENS * 3 * dim + LIC_PANEL;
    float *projected = mixed + LIC_TOKENS * dim, *scratch = projected + LIC_TOKENS * dim;
    float *in[LIC_TOKENS], *out[LIC_TOKENS], *to[LIC_TOKENS];
    window_tokens(j->x, wy, wx, w->shift, in);
    window_tokens(j->out, wy, wx, w->shift, out);
    for (int i = 0; i < LIC_TOKENS; i++)
        to[i] = qkv + (size_t)i * 3 * dim;
    lic_gemm g = lic_nn_gemm(&w->qkv, LIC_TOKENS, LIC_ACT_NONE);
    g.in = (const float *const *)in;
    g.out = to;
    lic_nn_product(c, &w->qkv, &g, worker);
    attend(j, qkv, mixed, window_mask(j, wy, wx), scratch);
    lic_nn_linear_rows(c, &w->proj, mixed, dim, projected, dim, LIC_TOKENS, LIC_ACT_NONE,
                       worker);
    c->k->layer_norm_add(out, (const float *const *)in, NULL, projected, dim, w->norm1.gain,
                         w->norm1.bias, LIC_TOKENS, (int)dim);
}

/* Attention over rows of whole windows. out may be x: a window reads and writes the same tokens. */
static void attention(nn *c, const swin *w, const float *mask, tensor x, tensor out, row_range r)
{
    const size_t dim = (size_t)x.c;
    lic_nn_need(c, window_scratch(w));
    lic_nn_count(c, (size_t)(r.end - r.first) * (size_t)x.w, dim, 4 * dim + 2 * LIC_TOKENS);
    if (lic_nn_idle(c))
        return;
    struct window_job j = {c, w, mask, x, out, r.first};
    const size_t windows = (size_t)((r.end - r.first) / LIC_WINDOW) * (size_t)(x.w / LIC_WINDOW);
    lic_pool_run(c->pool, windows, window, &j);
}

struct mlp_job {
    nn *c;
    const swin *w;
    tensor x, hidden;
    const tensor *skip;
    row_range rows;
};

/* gelu(fc1(x)) */
static void hidden_block(void *user, size_t item, int worker)
{
    const struct mlp_job *j = user;
    const pixel_run b = lic_nn_block(item, j->rows, j->x.w);
    lic_nn_linear_rows(j->c, &j->w->fc1, lic_nn_at(j->x, b.y, b.x), j->x.pitch,
                       lic_nn_at(j->hidden, b.y, b.x), j->hidden.pitch, b.n, LIC_ACT_GELU,
                       worker);
}

/* t + dw(t) of a block of hidden features. */
static void mix(const struct mlp_job *j, pixel_run b, float *out)
{
    const float *near[3];
    for (int i = 0; i < 3; i++) {
        const int y = b.y + i - 1;
        near[i] = y >= 0 && y < j->x.h ? lic_nn_at(j->hidden, y, 0) : NULL;
    }
    const lic_depthwise d = {.rows = near,
                             .out = out,
                             .w = j->w->dw.w,
                             .bias = j->w->dw.bias,
                             .in_pitch = j->hidden.pitch,
                             .out_pitch = j->hidden.pitch,
                             .width = j->x.w,
                             .x0 = b.x,
                             .x1 = b.x + b.n,
                             .c = j->hidden.c,
                             .kernel = 3,
                             .residual = true};
    j->c->k->depthwise(&d);
}

/* x = x + norm2(fc2(t + dw(t))) + skip, t the hidden features. */
static void mlp_block(void *user, size_t item, int worker)
{
    const struct mlp_job *j = user;
    const swin *w = j->w;
    const pixel_run b = lic_nn_block(item, j->rows, j->x.w);
    const size_t c = (size_t)w->fc2.cout, wide = j->hidden.pitch;
    float *mixed = lic_nn_scratch(j->c, worker), *narrow = mixed + LIC_BLOCK * wide;
    float *out[LIC_BLOCK];
    const float *in[LIC_BLOCK], *skip[LIC_BLOCK];
    mix(j, b, mixed);
    lic_nn_linear_rows(j->c, &w->fc2, mixed, wide, narrow, c, b.n, LIC_ACT_NONE, worker);
    for (int r = 0; r < b.n; r++) {
        in[r] = out[r] = lic_nn_at(j->x, b.y, b.x) + (size_t)r * j->x.pitch;
        skip[r] = j->skip ? lic_nn_at(*j->skip, b.y, b.x) + (size_t)r * j->skip->pitch : NULL;
    }
    j->c->k->layer_norm_add(out, in, j->skip ? skip : NULL, narrow, c, w->norm2.gain, w->norm2.bias,
                            b.n, (int)c);
}

/* Computes the hidden features of the rows of x up to `ready`, and the result of those rows that
 * have both neighbours. In place: a row of x that was written is only read again for itself. */
static void mlp_step(nn *c, const swin *w, tensor x, const tensor *skip, tensor hidden, int ready,
                     mlp_progress *done)
{
    const row_range wide = {done->hidden, ready}, out = {done->out, lic_nn_ready(ready, x.h, 1)};
    const size_t pixels = (size_t)(out.end - out.first) * (size_t)x.w;
    *done = (mlp_progress){wide.end, out.end};
    lic_nn_need(c, LIC_BLOCK * ((size_t)w->fc1.cout + (size_t)w->fc2.cout));
    lic_nn_count(c, pixels, (size_t)w->fc1.cout, 2 * (size_t)x.c + 9);
    if (lic_nn_idle(c))
        return;
    struct mlp_job j = {c, w, x, hidden, skip, wide};
    lic_nn_run_blocks(c, wide, x.w, hidden_block, &j);
    j.rows = out;
    lic_nn_run_blocks(c, out, x.w, mlp_block, &j);
}

/* The same in steps, so that the hidden features alive fit into the caches: with one core two rows at
 * a time; with more cores more, or there would not be enough blocks for all. */
enum { MLP_ROWS = 8, MLP_ROWS_ALONE = 2 };

static int mlp_rows(const nn *c)
{
    return c->pool && lic_pool_threads(c->pool) == 1 ? MLP_ROWS_ALONE : MLP_ROWS;
}

static void mlp_strip(nn *c, const swin *w, tensor x, const tensor *skip, tensor hidden, int ready,
                      mlp_progress *done)
{
    while (done->hidden < ready) {
        const int next = done->hidden + mlp_rows(c);
        mlp_step(c, w, x, skip, hidden, next < ready ? next : ready, done);
    }
}

static swin widened(nn *c, const swin *w)
{
    swin wide = *w;
    wide.qkv = lic_nn_widen(c, &w->qkv);
    wide.proj = lic_nn_widen(c, &w->proj);
    wide.fc1 = lic_nn_widen(c, &w->fc1);
    wide.fc2 = lic_nn_widen(c, &w->fc2);
    return wide;
}

static tensor hidden_ring(nn *c, const rstb *w, tensor x)
{
    tensor hidden = lic_nn_new_ring(c, x.h, x.w, w->blocks[0].fc1.cout, MLP_ROWS + 2);
    if (hidden.held)
        hidden.held = mlp_rows(c) + 2;
    return hidden;
}

void lic_rstb(nn *c, const rstb *w, const float *mask, tensor x, tensor out)
{
    const size_t mark = lic_arena_mark(c->arena);
    const tensor hidden = hidden_ring(c, w, x);
    for (int i = 0; i < w->depth; i++) {
        const size_t inner = lic_arena_mark(c->arena);
        const swin s = widened(c, &w->blocks[i]);
        mlp_progress done = {0};
        attention(c, &s, mask, i ? out : x, out, lic_nn_all(x));
        mlp_strip(c, &s, out, i == w->depth - 1 ? &x : NULL, hidden, x.h, &done);
        lic_arena_rewind(c->arena, inner);
        lic_nn_trace(c, "block", i, out);
    }
    lic_arena_rewind(c->arena, mark);
}

bool lic_rstb_has_strips(const rstb *w)
{
    return w->depth == 1 && w->blocks[0].shift == 0;
}

void lic_rstb_begin(nn *c, const rstb *w, tensor x, rstb_strips *s)
{
    *s = (rstb_strips){0};
    if (!lic_rstb_has_strips(w))
        return;
    s->hidden = hidden_ring(c, w, x);
    s->block = widened(c, &w->blocks[0]);
}

int lic_rstb_strip(nn *c, const rstb *w, const float *mask, tensor x, tensor out, int ready,
                   rstb_strips *s)
{
    if (lic_rstb_has_strips(w)) {
        const row_range r = {s->attended, ready / LIC_WINDOW * LIC_WINDOW};
        s->attended = r.end;
        attention(c, &s->block, mask, x, out, r);
        mlp_strip(c, &s->block, out, &x, s->hidden, r.end, &s->mlp);
    } else if (ready == x.h && s->mlp.out < x.h) {
        lic_rstb(c, w, mask, x, out);
        s->mlp.out = x.h;
    }
    return s->mlp.out;
}
