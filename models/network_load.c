/* network_load.c - knows which tensors a network of this family has and what they are called. It is
 * the counterpart of the constructors in models/train/model.py, in the same order. All sizes are
 * checked here, so that forward code can rely on them. */
#include "models/weights.h"

#include "codec/base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { NAME = 72, WIDEST = 4096, MAX_RATIO = 8 };

/* Sums of products of bytes, in either form (simd_bytes.h), fit in 32 bits. */
_Static_assert((int64_t)WIDEST *MAX_RATIO * 127 * 255 <= INT32_MAX, "layers are too wide");

typedef struct config {
    int ch[3], depth[3], ratio[3]; /* at 1/2, 1/4, 1/8 */
    int growth, head_dim, heads, hid;
} config;

typedef struct name {
    char text[NAME];
} name;

/* "prefix.leaf" */
#if defined(__GNUC__)
__attribute__((format(printf, 1, 2)))
#endif
static name
at(const char *format, ...)
{
    name n;
    va_list args;
    va_start(args, format);
    vsnprintf(n.text, sizeof n.text, format, args);
    va_end(args);
    return n;
}

#define SUB(prefix, leaf) at("%s." leaf, prefix).text

/* Expands the file's [heads, 15 * 15] table by offset to every pair of tokens: [heads, 64, 64]. */
static const float *expand_bias(lic_weights *w, const float *table, int heads)
{
    const int side = 2 * LIC_WINDOW - 1;
    if (w->leaves)
        return NULL;
    float *out = lic_arena_take(w->arena, (size_t)heads * LIC_TOKENS * LIC_TOKENS, sizeof *out),
          *to = out;
    for (int head = 0; out && table && head < heads; head++)
        for (int q = 0; q < LIC_TOKENS; q++)
            for (int k = 0; k < LIC_TOKENS; k++) {
                const int dy = q / LIC_WINDOW - k / LIC_WINDOW,
                          dx = q % LIC_WINDOW - k % LIC_WINDOW;
                *to++ = table[(head * side + dy + LIC_WINDOW - 1) * side + dx + LIC_WINDOW - 1];
            }
    return out;
}

static void load_swin(lic_weights *w, const config *cfg, swin *s, int dim, int hidden, int shift,
                      const char *prefix)
{
    s->heads = dim / cfg->head_dim;
    s->shift = shift;
    const uint32_t table[4] = {(uint32_t)s->heads, (2 * LIC_WINDOW - 1) * (2 * LIC_WINDOW - 1), 1,
                               1};
    const uint32_t heads[4] = {(uint32_t)s->heads, 1, 1, 1};
    lic_weights_linear(w, &s->qkv, 3 * dim, dim, SUB(prefix, "attn.qkv"));
    lic_weights_linear(w, &s->proj, dim, dim, SUB(prefix, "attn.proj"));
    s->bias =
        expand_bias(w, lic_weights_floats(w, SUB(prefix, "attn.bias_table"), 2, table), s->heads);
    s->scale = lic_weights_floats(w, SUB(prefix, "attn.scale"), 1, heads);
    lic_weights_norm(w, &s->norm1, dim, SUB(prefix, "norm1"));
    lic_weights_norm(w, &s->norm2, dim, SUB(prefix, "norm2"));
    lic_weights_linear(w, &s->fc1, hidden, dim, SUB(prefix, "fc1"));
    lic_weights_linear(w, &s->fc2, dim, hidden, SUB(prefix, "fc2"));
    lic_weights_depthwise(w, &s->dw, hidden, 3, SUB(prefix, "dw.conv"));
}

/* stage: 0 at 1/2, 1 at 1/4, 2 at 1/8 */
static void load_rstb(lic_weights *w, const config *cfg, rstb *st, int stage, const char *prefix)
{
    const int dim = cfg->ch[stage], hidden = cfg->ratio[stage] * dim;
    st->depth = cfg->depth[stage];
    for (int i = 0; i < st->depth; i++)
        load_swin(w, cfg, &st->blocks[i], dim, hidden, i % 2 ? LIC_WINDOW / 2 : 0,
                  at("%s.blocks.%d", prefix, i).text);
}

static void load_dense(lic_weights *w, const config *cfg, dense *d, int dim, const char *prefix)
{
    d->growth = cfg->growth;
    for (int i = 0; i < 3; i++)
        lic_weights_conv(w, &d->convs[i], cfg->growth, dim + i * cfg->growth, 3, 1,
                         at("%s.convs.%d.conv", prefix, i).text);
    lic_weights_conv(w, &d->out, dim, dim + 3 * cfg->growth, 1, 1, SUB(prefix, "out.conv"));
}

static void load_rate(lic_weights *w, const network *net, rate_affine *r, int c, const char *prefix)
{
    const uint32_t dims[4] = {(uint32_t)net->levels, 2, (uint32_t)c, 1};
    r->c = c;
    r->w = lic_weights_floats(w, SUB(prefix, "w"), 3, dims);
}

static void load_analysis(lic_weights *w, const config *cfg, network *net)
{
    analysis *a = &net->g_a;
    const int *ch = cfg->ch;
    for (int i = 0; i < 3; i++)
        load_rate(w, net, &a->rate[i], ch[i], at("g_a.rate.%d", i).text);
    w->leaves = !(w->uses & LIC_MODEL_ENCODES);
    lic_weights_conv(w, &a->down1, ch[0], 3, 5, 2, "g_a.down1.conv");
    load_dense(w, cfg, &a->enh, ch[0], "g_a.enh");
    load_rstb(w, cfg, &a->st1, 0, "g_a.st1");
    lic_weights_conv(w, &a->down2, ch[1], ch[0], 3, 2, "g_a.down2.conv");
    load_rstb(w, cfg, &a->st2, 1, "g_a.st2");
    lic_weights_conv(w, &a->down3, ch[2], ch[1], 3, 2, "g_a.down3.conv");
    load_rstb(w, cfg, &a->st3, 2, "g_a.st3");
    lic_weights_conv(w, &a->down4, net->m, ch[2], 3, 2, "g_a.down4.conv");
    w->leaves = false;
}

static void load_synthesis(lic_weights *w, const config *cfg, network *net)
{
    synthesis *s = &net->g_s;
    const int *ch = cfg->ch;
    for (int i = 0; i < 3; i++)
        load_rate(w, net, &s->rate[i], ch[i], at("g_s.rate.%d", i).text);
    w->leaves = !(w->uses & LIC_MODEL_DECODES);
    lic_weights_upconv(w, &s->up1, ch[2], net->m, "g_s.up1.conv");
    load_rstb(w, cfg, &s->st3, 2, "g_s.st3");
    lic_weights_upconv(w, &s->up2, ch[1], ch[2], "g_s.up2.conv");
    load_rstb(w, cfg, &s->st2, 1, "g_s.st2");
    lic_weights_upconv(w, &s->up3, ch[0], ch[1], "g_s.up3.conv");
    load_rstb(w, cfg, &s->st1, 0, "g_s.st1");
    load_dense(w, cfg, &s->enh, ch[0], "g_s.enh");
    lic_weights_conv(w, &s->up4, 12, ch[0], 3, 1, "g_s.up4.conv");
    w->leaves = false;
}

static void load_hyperprior(lic_weights *w, network *net)
{
    const int m = net->m, n = net->n;
    w->leaves = !(w->uses & LIC_MODEL_ENCODES);
    lic_weights_conv(w, &net->h_a.c[0], n, m, 3, 1, "h_a.c.0.conv");
    lic_weights_conv(w, &net->h_a.c[1], n, n, 3, 2, "h_a.c.1.conv");
    lic_weights_conv(w, &net->h_a.c[2], n, n, 3, 2, "h_a.c.2.conv");
    w->leaves = false;
    lic_weights_upconv(w, &net->h_s.c0, n, n, "h_s.c.0.conv");
    lic_weights_upconv(w, &net->h_s.c1, n, n, "h_s.c.1.conv");
    lic_weights_conv(w, &net->h_s.c2, net->hyper, n, 3, 1, "h_s.c.2.conv");
    load_rate(w, net, &net->hrate, net->hyper, "hrate");
}

static void load_map(lic_weights *w, gate_map *map, int dim, int out, const char *prefix)
{
    const int inner = dim / 4 > 8 ? dim / 4 : 8;
    lic_weights_linear(w, &map->a, inner, dim, SUB(prefix, "a"));
    lic_weights_linear(w, &map->b, out, inner, SUB(prefix, "b"));
}

static void load_ac(lic_weights *w, adaptive_channel *ac, int prev, int dim, const char *prefix)
{
    lic_weights_linear(w, &ac->inp, dim, prev, SUB(prefix, "inp"));
    lic_weights_conv(w, &ac->c1, dim, dim, 3, 1, SUB(prefix, "c1.conv"));
    lic_weights_conv(w, &ac->c2, dim, dim, 3, 1, SUB(prefix, "c2.conv"));
    lic_weights_depthwise(w, &ac->dw, dim, 3, SUB(prefix, "dw.conv"));
    load_map(w, &ac->smap, dim, 1, SUB(prefix, "smap"));
    load_map(w, &ac->cmap, dim, dim, SUB(prefix, "cmap"));
}

static void load_ag(lic_weights *w, adaptive_global *ag, int prev, int dim, int hyper, int heads,
                    const char *prefix)
{
    ag->heads = heads;
    lic_weights_linear(w, &ag->inp, dim, prev, SUB(prefix, "inp"));
    lic_weights_linear(w, &ag->q, dim, hyper, SUB(prefix, "q"));
    lic_weights_linear(w, &ag->kv, 2 * dim, dim, SUB(prefix, "kv"));
    lic_weights_depthwise(w, &ag->off_dw, dim, 5, SUB(prefix, "off_dw.conv"));
    lic_weights_linear(w, &ag->off, 2 * heads, dim, SUB(prefix, "off"));
    lic_weights_linear(w, &ag->out, dim, dim, SUB(prefix, "out"));
    lic_weights_depthwise(w, &ag->conv, dim, 5, SUB(prefix, "conv.conv"));
    lic_weights_depthwise(w, &ag->dw, dim, 3, SUB(prefix, "dw.conv"));
    load_map(w, &ag->smap, dim, 1, SUB(prefix, "smap"));
    load_map(w, &ag->cmap, dim, dim, SUB(prefix, "cmap"));
}

static void load_ep(lic_weights *w, entropy_params *ep, int cin, int hid, int size,
                    const char *prefix)
{
    lic_weights_linear(w, &ep->l[0], hid, cin, SUB(prefix, "l.0"));
    lic_weights_linear(w, &ep->l[1], hid, hid, SUB(prefix, "l.1"));
    lic_weights_linear(w, &ep->l[2], 2 * size, hid, SUB(prefix, "l.2"));
}

static void load_slice(lic_weights *w, const config *cfg, network *net, int i, int prev)
{
    slice_model *s = &net->ctx[i];
    const name prefix = at("ctx.%d", i);
    int ctx = 0;
    s->prev = prev;
    s->size = net->slices[i];
    if (prev) {
        load_ac(w, &s->ac, prev, net->dim, SUB(prefix.text, "ac"));
        load_ag(w, &s->ag, prev, net->gdim, net->hyper, cfg->heads, SUB(prefix.text, "ag"));
        ctx = net->dim + net->gdim;
    }
    lic_weights_local(w, &s->local, net->dim, s->size, SUB(prefix.text, "local.conv"));
    load_ep(w, &s->ep_anchor, net->hyper + ctx, cfg->hid, s->size, SUB(prefix.text, "ep_anchor"));
    load_ep(w, &s->ep_non, net->hyper + ctx + net->dim, cfg->hid, s->size,
            SUB(prefix.text, "ep_non"));
    lic_weights_linear(w, &s->lrp[0], cfg->hid, net->hyper + prev + s->size,
                       SUB(prefix.text, "lrp.0"));
    lic_weights_linear(w, &s->lrp[1], s->size, cfg->hid, SUB(prefix.text, "lrp.1"));
}

static void load_gains(lic_weights *w, network *net)
{
    const uint32_t m[4] = {(uint32_t)net->levels, (uint32_t)net->m, 1, 1};
    const uint32_t n[4] = {(uint32_t)net->levels, (uint32_t)net->n, 1, 1};
    net->gain = lic_weights_floats(w, "gain", 2, m);
    net->igain = lic_weights_floats(w, "igain", 2, m);
    net->zgain = lic_weights_floats(w, "zgain", 2, n);
    net->izgain = lic_weights_floats(w, "izgain", 2, n);
}

/* Lagrange multipliers that the levels were trained with. A file may lack them: all models of eight
 * levels had the same ones. */
static void load_lambda(lic_weights *w, network *net)
{
    const uint32_t two[4] = {2, 1, 1, 1};
    net->lambda[0] = net->levels == 8 ? 0.0012f : 0.0f;
    net->lambda[1] = net->levels == 8 ? 0.08f : 0.0f;
    if (!lic_weights_dim(w, "rate.lambda", 0))
        return;
    const float *ends = lic_weights_floats(w, "rate.lambda", 1, two);
    if (!ends)
        return;
    if (!(ends[0] > 0.0f && ends[0] < ends[1]) && !w->status)
        w->status = lic_fail(w->err, LIC_ERR_MODEL_INVALID,
                             "weights file with Lagrange multipliers that do not rise");
    memcpy(net->lambda, ends, sizeof net->lambda);
}

static void load_tables(lic_weights *w, table_data *t, const char *prefix)
{
    size_t n_start = 0, n_first = 0;
    t->cum = lic_weights_u16(w, SUB(prefix, "cum"), &t->n_cum);
    t->start = lic_weights_i32(w, SUB(prefix, "start"), &n_start);
    t->first = lic_weights_i32(w, SUB(prefix, "first"), &n_first);
    t->n_tables = n_first;
    if (!w->status && n_start != n_first + 1)
        w->status = lic_fail(w->err, LIC_ERR_MODEL_INVALID,
                             "weights file with frequency tables that do not fit");
}

/* Masks out pairs of tokens that the cyclic shift brought together from opposite edges, with -100
 * as in Swin. */
static const float *make_masks(lic_arena *arena)
{
    float *out = lic_arena_take(arena, 4 * LIC_TOKENS * LIC_TOKENS, sizeof *out), *to = out;
    for (int kind = 0; out && kind < 4; kind++)
        for (int q = 0; q < LIC_TOKENS; q++)
            for (int k = 0; k < LIC_TOKENS; k++) {
                const int half = LIC_WINDOW / 2;
                const bool rows = (q / LIC_WINDOW < half) != (k / LIC_WINDOW < half);
                const bool columns = (q % LIC_WINDOW < half) != (k % LIC_WINDOW < half);
                *to++ = ((kind & 2) && rows) || ((kind & 1) && columns) ? -100.0f : 0.0f;
            }
    return out;
}

/* Zeros as wide as the widest convolution input. */
static const float *make_zeros(lic_arena *arena, const config *cfg, const network *net)
{
    int widest = net->m;
    const int others[] = {net->n,     net->hyper, net->dim, net->gdim, cfg->ch[0] + 3 * cfg->growth,
                          cfg->ch[1], cfg->ch[2]};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (others[i] > widest)
            widest = others[i];
    float *out = lic_arena_take(arena, (size_t)widest + LIC_PANEL, sizeof *out);
    if (out)
        memset(out, 0, ((size_t)widest + LIC_PANEL) * sizeof *out);
    return out;
}

static void load_config(lic_weights *w, config *cfg, network *net)
{
    const int widest = WIDEST;
    for (int i = 0; i < 3; i++) {
        cfg->ch[i] = net->ch[i] = lic_weights_int(w, at("ch.%d", i).text, 1, widest);
        cfg->depth[i] = lic_weights_int(w, at("depth.%d", i).text, 1, LIC_MAX_DEPTH);
        cfg->ratio[i] =
            lic_weights_int(w, w->version < 3 ? "ratio" : at("ratio.%d", i).text, 1, MAX_RATIO);
    }
    lic_weights_int(w, "window", LIC_WINDOW, LIC_WINDOW);
    lic_weights_int(w, "grid", LIC_GRID, LIC_GRID);
    cfg->head_dim = lic_weights_int(w, "head_dim", 1, widest);
    cfg->growth = lic_weights_int(w, "growth", 1, widest);
    cfg->heads = lic_weights_int(w, "heads", 1, widest);
    cfg->hid = lic_weights_int(w, "hid", 1, widest);
    net->hid = cfg->hid;
    net->levels = lic_weights_int(w, "levels", 2, LIC_MAX_LEVELS);
    net->m = lic_weights_int(w, "m", 1, widest);
    net->n = lic_weights_int(w, "n", 1, widest);
    net->hyper = lic_weights_int(w, "hyper", 1, widest);
    net->dim = lic_weights_int(w, "dim", 1, widest);
    net->gdim = lic_weights_int(w, "gdim", 1, widest);
    net->n_slices = lic_weights_int(w, "slices", 1, LIC_MAX_SLICES);
    int sum = 0;
    for (int i = 0; i < net->n_slices; i++)
        sum += net->slices[i] = lic_weights_int(w, at("slice.%d", i).text, 1, widest);
    bool fits = sum == net->m && net->gdim % cfg->heads == 0;
    for (int i = 0; i < 3; i++)
        fits &= cfg->ch[i] % cfg->head_dim == 0;
    if (!fits && !w->status)
        w->status = lic_fail(w->err, LIC_ERR_MODEL_INVALID,
                             "weights file with a configuration that does not add up");
}

static void load_scales(lic_weights *w, network *net)
{
    const uint32_t two[4] = {2, 1, 1, 1};
    const float *range = lic_weights_floats(w, "scale.range", 1, two);
    if (range) {
        net->scale_lo = range[0];
        net->scale_hi = range[1];
    }
    load_tables(w, &net->y_tables, "cdf.y");
    load_tables(w, &net->z_tables, "cdf.z");
    if (w->status)
        return;
    const bool fits = net->y_tables.n_tables >= 2 && net->y_tables.n_tables <= 256 &&
                      (net->z_tables.n_tables == (size_t)net->n ||
                       net->z_tables.n_tables == LIC_Z_CONTEXTS * (size_t)net->n) &&
                      (!range || net->scale_lo < net->scale_hi);
    if (!fits)
        w->status = lic_fail(w->err, LIC_ERR_MODEL_INVALID,
                             "weights file with frequency tables that do not fit");
}

/* How many slices are wanted. */
static int choose_parts(lic_weights *w, const network *net)
{
    const int slices = w->uses == LIC_MODEL_PREVIEWS ? lic_weights_preview_slices(w, net) : 0;
    if (slices)
        return slices;
    if (w->uses == LIC_MODEL_PREVIEWS)
        w->uses |= LIC_MODEL_DECODES;
    return net->n_slices;
}

lic_status lic_network_load(lic_weights *w, lic_arena *arena, network *net)
{
    config cfg;
    memset(net, 0, sizeof *net);
    lic_weights_begin(w, arena);
    lic_weights_family(w, "s2lic", "weights of another network family, or no network");
    load_config(w, &cfg, net);
    if (w->status)
        return w->status;
    lic_weights_preview(w, net, &net->heads[0]);
    const int wanted = choose_parts(w, net);
    load_analysis(w, &cfg, net);
    load_synthesis(w, &cfg, net);
    load_hyperprior(w, net);
    for (int i = 0, prev = 0; i < net->n_slices; prev += net->slices[i++]) {
        w->leaves = i >= wanted;
        load_slice(w, &cfg, net, i, prev);
    }
    w->leaves = false;
    load_gains(w, net);
    load_lambda(w, net);
    load_scales(w, net);
    net->mask = make_masks(arena);
    net->zeros = make_zeros(arena, &cfg, net);
    return lic_weights_end(w);
}
