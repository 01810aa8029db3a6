/* swin.c - residual SwinV2 transformer blocks (S2LIC's RSTB), fused so that the wide intermediates
 * stay in the cache: attention runs window by window (gather, qkv, heads, projection, norm, store),
 * the MLP in strips of rows with three rows of hidden features alive. Bits do not depend on how
 * strips are cut. */
#include "models/network.h"

#include <string.h>

enum { STRIP = 16 };

struct window_job {
    nn *c;
    const swin *w;
    const float *mask; /* [4, 64, 64] */
    tensor x, out;
};

static size_t window_scratch(const swin *w)
{
    const size_t c = (size_t)w->proj.cin;
    return LIC_TOKENS * 5 * c + LIC_PANEL +
           lic_attention_scratch(LIC_TOKENS, LIC_TOKENS, (int)c / w->heads);
}

/* Token (i, j) of a window lies at the picture's row and column, rolled by `shift` (SwinV2, figure
 * 2). */
static void window_rows(tensor t, int wy, int wx, int shift, float **rows)
{
    for (int i = 0; i < LIC_WINDOW; i++) {
        const int y = (wy * LIC_WINDOW + i + shift) % t.h;
        for (int j = 0; j < LIC_WINDOW; j++)
            rows[i * LIC_WINDOW + j] = lic_nn_at(t, y, (wx * LIC_WINDOW + j + shift) % t.w);
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
    const int columns = j->x.w / LIC_WINDOW, wy = (int)item / columns, wx = (int)item % columns;
    float *qkv = lic_nn_scratch(c, worker), *mixed = qkv + LIC_TOKENS * 3 * dim + LIC_PANEL;
    float *projected = mixed + LIC_TOKENS * dim, *scratch = projected + LIC_TOKENS * dim;
    float *in[LIC_TOKENS], *out[LIC_TOKENS], *rows[LIC_TOKENS];
    window_rows(j->x, wy, wx, w->shift, in);
    window_rows(j->out, wy, wx, w->shift, out);
    for (int i = 0; i < LIC_TOKENS; i++)
        rows[i] = qkv + (size_t)i * 3 * dim;
    const lic_gemm g = {.in = (const float *const *)in,
                        .out = rows,
                        .w = w->qkv.w,
                        .w_pitch = LIC_PANEL,
                        .panel_pitch = dim * LIC_PANEL,
                        .bias = w->qkv.bias,
                        .rows = LIC_TOKENS,
                        .taps = 1,
                        .k = (int)dim,
                        .n = 3 * (int)dim};
    c->k->gemm(&g);
    attend(j, qkv, mixed, window_mask(j, wy, wx), scratch);
    lic_nn_linear_rows(c, &w->proj, mixed, dim, projected, dim, LIC_TOKENS, LIC_ACT_NONE);
    c->k->layer_norm_add(out, (const float *const *)in, NULL, projected, dim, w->norm1.gain,
                         w->norm1.bias, LIC_TOKENS, (int)dim);
}

static void attention(nn *c, const swin *w, const float *mask, tensor x, tensor out)
{
    const size_t dim = (size_t)x.c;
    lic_nn_need(c, window_scratch(w));
    lic_nn_count(c, (size_t)x.h * (size_t)x.w, dim, 4 * dim + 2 * LIC_TOKENS);
    if (lic_nn_idle(c))
        return;
    struct window_job j = {c, w, mask, x, out};
    lic_pool_run(c->pool, (size_t)(x.h / LIC_WINDOW) * (size_t)(x.w / LIC_WINDOW), window, &j);
}

struct mlp_job {
    nn *c;
    const swin *w;
    tensor x, out;
    const tensor *skip;
};

static size_t strip_scratch(const swin *w, int width)
{
    const size_t hidden = (size_t)w->fc1.cout;
    return 3 * (size_t)width * hidden + LIC_BLOCK * (hidden + (size_t)w->fc2.cout);
}

/* gelu(fc1(x)) of one picture row. */
static void hidden_row(const struct mlp_job *j, int y, float *out)
{
    const size_t hidden = (size_t)j->w->fc1.cout;
    for (int x = 0; x < j->x.w; x += LIC_BLOCK) {
        const int n = j->x.w - x < LIC_BLOCK ? j->x.w - x : LIC_BLOCK;
        lic_nn_linear_rows(j->c, &j->w->fc1, lic_nn_at(j->x, y, x), j->x.pitch,
                           out + (size_t)x * hidden, hidden, n, LIC_ACT_GELU);
    }
}

/* One output row: out = x + norm2(fc2(t + dw(t))) + skip; hidden[i] is t's row y - 1 + i, or NULL.
 */
static void mlp_row(const struct mlp_job *j, int y, const float *const *hidden, float *scratch)
{
    const swin *w = j->w;
    const size_t c = (size_t)w->fc2.cout, wide = (size_t)w->fc1.cout;
    float *mixed = scratch, *narrow = mixed + LIC_BLOCK * wide;
    for (int x = 0; x < j->x.w; x += LIC_BLOCK) {
        const int n = j->x.w - x < LIC_BLOCK ? j->x.w - x : LIC_BLOCK;
        const lic_depthwise d = {.rows = hidden,
                                 .out = mixed,
                                 .w = w->dw.w,
                                 .bias = w->dw.bias,
                                 .in_pitch = wide,
                                 .out_pitch = wide,
                                 .width = j->x.w,
                                 .x0 = x,
                                 .x1 = x + n,
                                 .c = (int)wide,
                                 .kernel = 3,
                                 .residual = true};
        j->c->k->depthwise(&d);
        lic_nn_linear_rows(j->c, &w->fc2, mixed, wide, narrow, c, n, LIC_ACT_NONE);
        float *out[LIC_BLOCK];
        const float *in[LIC_BLOCK], *skip[LIC_BLOCK];
        for (int r = 0; r < n; r++) {
            out[r] = lic_nn_at(j->out, y, x + r);
            in[r] = lic_nn_at(j->x, y, x + r);
            skip[r] = j->skip ? lic_nn_at(*j->skip, y, x + r) : NULL;
        }
        j->c->k->layer_norm_add(out, in, j->skip ? skip : NULL, narrow, c, w->norm2.gain,
                                w->norm2.bias, n, (int)c);
    }
}

/* Rows of one strip; the hidden rows above and below it are computed again by its neighbours. */
static void mlp_strip(void *user, size_t item, int worker)
{
    const struct mlp_job *j = user;
    const int h = j->x.h, y0 = (int)item * STRIP, y1 = y0 + STRIP < h ? y0 + STRIP : h;
    const size_t row = (size_t)j->x.w * (size_t)j->w->fc1.cout;
    float *ring = lic_nn_scratch(j->c, worker), *scratch = ring + 3 * row;
    for (int y = y0 > 0 ? y0 - 1 : 0; y <= y0 && y < h; y++)
        hidden_row(j, y, ring + (size_t)(y % 3) * row);
    for (int y = y0; y < y1; y++) {
        if (y + 1 < h)
            hidden_row(j, y + 1, ring + (size_t)((y + 1) % 3) * row);
        const float *hidden[3];
        for (int i = 0; i < 3; i++) {
            const int from = y - 1 + i;
            hidden[i] = from >= 0 && from < h ? ring + (size_t)(from % 3) * row : NULL;
        }
        mlp_row(j, y, hidden, scratch);
    }
}

static void mlp(nn *c, const swin *w, tensor x, const tensor *skip, tensor out)
{
    lic_nn_need(c, strip_scratch(w, x.w));
    lic_nn_count(c, (size_t)x.h * (size_t)x.w, (size_t)w->fc1.cout, 2 * (size_t)x.c + 9);
    if (lic_nn_idle(c))
        return;
    struct mlp_job j = {c, w, x, out, skip};
    lic_pool_run(c->pool, (size_t)((x.h + STRIP - 1) / STRIP), mlp_strip, &j);
}

void lic_rstb(nn *c, const rstb *w, const float *mask, tensor x, tensor out)
{
    const size_t mark = lic_arena_mark(c->arena);
    tensor a = lic_nn_new(c, x.h, x.w, x.c), b = {0}, from = x;
    if (w->depth > 1)
        b = lic_nn_new(c, x.h, x.w, x.c);
    for (int i = 0; i < w->depth; i++) {
        const bool last = i == w->depth - 1;
        /* x itself is needed for the skip: the first attention writes elsewhere, later ones in
         * place. */
        tensor attended = i == 0 ? a : from, to = last ? out : (i % 2 ? a : b);
        attention(c, &w->blocks[i], mask, from, attended);
        mlp(c, &w->blocks[i], attended, last ? &x : NULL, to);
        lic_nn_trace(c, "block", i, to);
        from = to;
    }
    lic_arena_rewind(c->arena, mark);
}
