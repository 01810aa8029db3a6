/* context_layers.h - AC, AG and the entropy parameters of one slice (models/acgc.c) done layer by
 * layer, each compared with its record. Pooling, sampling and the attention of AG are written again
 * here, in double precision; the rest goes through the library's plain layers. */
#ifndef LIC_TESTS_CONTEXT_LAYERS_H
#define LIC_TESTS_CONTEXT_LAYERS_H

#include "entropy/checkerboard.h"
#include "tests/golden/golden.h"

/* ---- AC and AG, layer by layer --------------------------------------------------------------- */

/* S_Map of d and C_Map of a; a S_Map(d) + d C_Map(a). */
static inline void gated(nn *c, golden *g, const char *name, const gate_map *smap,
                         const gate_map *cmap, tensor a, tensor d, tensor out)
{
    tensor s = conv_layer(c, g, named("%s.smap.a", name), &smap->a, d, LIC_ACT_LEAKY);
    s = conv_layer(c, g, named("%s.smap.b", name), &smap->b, s, LIC_ACT_SIGMOID);
    check_layer(c, g, named("%s.smap", name), s);
    tensor m = lic_nn_new(c, 1, 1, a.c);
    lic_nn_mean(c, a, m.data);
    m = conv_layer(c, g, named("%s.cmap.a", name), &cmap->a, m, LIC_ACT_LEAKY);
    m = conv_layer(c, g, named("%s.cmap.b", name), &cmap->b, m, LIC_ACT_SIGMOID);
    check_layer(c, g, named("%s.cmap", name), m);
    for (int y = 0; y < a.h && !lic_nn_idle(c); y++)
        for (int x = 0; x < a.w; x++)
            for (int i = 0; i < a.c; i++)
                lic_nn_at(out, y, x)[i] =
                    lic_nn_at(a, y, x)[i] * *lic_nn_at(s, y, x) + lic_nn_at(d, y, x)[i] * m.data[i];
    check_layer(c, g, named("%s", name), out);
}

static inline void channel_layers(nn *c, golden *g, int slice, tensor prev)
{
    const adaptive_channel *w = &g->model->net.ctx[slice].ac;
    const layer_name ac = named("ctx.%d.ac", slice);
    tensor x = conv_layer(c, g, named("%s.inp", ac.text), &w->inp, prev, LIC_ACT_NONE);
    tensor a = conv_layer(c, g, named("%s.c1", ac.text), &w->c1, x, LIC_ACT_GELU);
    a = conv_layer(c, g, named("%s.c2", ac.text), &w->c2, a, LIC_ACT_GELU);
    tensor d = depthwise_layer(c, g, named("%s.dw", ac.text), &w->dw, x);
    gated(c, g, ac.text, &w->smap, &w->cmap, a, d, new_like(c, a, a.c));
}

/* Means over the 8 x 8 cells that adaptive_avg_pool2d cuts, in double precision. */
static inline tensor pooled(nn *c, tensor x)
{
    tensor out = lic_nn_new(c, LIC_GRID, LIC_GRID, x.c);
    for (int gy = 0; gy < LIC_GRID && !lic_nn_idle(c); gy++)
        for (int gx = 0; gx < LIC_GRID; gx++)
            for (int i = 0; i < x.c; i++) {
                double sum = 0, n = 0;
                for (int y = gy * x.h / LIC_GRID; y * LIC_GRID < (gy + 1) * x.h; y++)
                    for (int xx = gx * x.w / LIC_GRID; xx * LIC_GRID < (gx + 1) * x.w; xx++, n++)
                        sum += (double)lic_nn_at(x, y, xx)[i];
                lic_nn_at(out, gy, gx)[i] = (float)(sum / n);
            }
    return out;
}

static inline double held(double v, double most)
{
    return v < 0 ? 0 : v > most ? most : v;
}

/* Bilinear sample of channel i at (px, py) in -1..1, the border repeated. */
static inline double bilinear(tensor x, int i, double px, double py)
{
    px = held(((px + 1) * x.w - 1) / 2, x.w - 1);
    py = held(((py + 1) * x.h - 1) / 2, x.h - 1);
    const int x0 = (int)px, y0 = (int)py, x1 = x0 + (x0 + 1 < x.w), y1 = y0 + (y0 + 1 < x.h);
    const double fx = px - x0, fy = py - y0;
    const double upper =
        (double)lic_nn_at(x, y0, x0)[i] * (1 - fx) + (double)lic_nn_at(x, y0, x1)[i] * fx;
    const double lower =
        (double)lic_nn_at(x, y1, x0)[i] * (1 - fx) + (double)lic_nn_at(x, y1, x1)[i] * fx;
    return upper * (1 - fy) + lower * fy;
}

/* x at the reference points, each head's moved by its offsets: [8, 8, c]. */
static inline tensor sampled(nn *c, const adaptive_global *w, tensor x, tensor offsets)
{
    tensor out = lic_nn_new(c, LIC_GRID, LIC_GRID, x.c);
    for (int gy = 0; gy < LIC_GRID && !lic_nn_idle(c); gy++)
        for (int gx = 0; gx < LIC_GRID; gx++)
            for (int i = 0; i < x.c; i++) {
                const float *o = lic_nn_at(offsets, gy, gx) + 2 * (i / (x.c / w->heads));
                const double px = (gx + 0.5) / LIC_GRID * 2 - 1 + (double)o[0] * 2 / LIC_GRID;
                const double py = (gy + 0.5) / LIC_GRID * 2 - 1 + (double)o[1] * 2 / LIC_GRID;
                lic_nn_at(out, gy, gx)[i] = (float)bilinear(x, i, px, py);
            }
    return out;
}

/* softmax(q k / sqrt d) v in double precision; kv [8, 8, 2 c]. */
static inline tensor attended(nn *c, int heads, tensor q, tensor kv)
{
    const int n = LIC_GRID * LIC_GRID, d = q.c / heads;
    tensor out = new_like(c, q, q.c);
    for (int at = 0; at < q.h * q.w * heads && !lic_nn_idle(c); at++) {
        const int head = at % heads * d;
        const float *query = lic_nn_at(q, 0, at / heads) + head;
        double e[LIC_GRID * LIC_GRID], sum = 0;
        for (int j = 0; j < n; j++) {
            double score = 0;
            for (int i = 0; i < d; i++)
                score += (double)query[i] * (double)lic_nn_at(kv, 0, j)[head + i];
            sum += e[j] = exp(score / sqrt(d));
        }
        for (int i = 0; i < d; i++) {
            double v = 0;
            for (int j = 0; j < n; j++)
                v += e[j] / sum * (double)lic_nn_at(kv, 0, j)[q.c + head + i];
            lic_nn_at(out, 0, at / heads)[head + i] = (float)v;
        }
    }
    return out;
}

static inline void global_layers(nn *c, golden *g, int slice, tensor prev, tensor hyper)
{
    const adaptive_global *w = &g->model->net.ctx[slice].ag;
    const layer_name ag = named("ctx.%d.ag", slice);
    tensor x = conv_layer(c, g, named("%s.inp", ag.text), &w->inp, prev, LIC_ACT_NONE);
    tensor moved = depthwise_layer(c, g, named("%s.off_dw", ag.text), &w->off_dw, x);
    activate(c, moved, LIC_ACT_GELU);
    tensor offsets =
        conv_layer(c, g, named("%s.off", ag.text), &w->off, pooled(c, moved), LIC_ACT_TANH);
    tensor kv =
        conv_layer(c, g, named("%s.kv", ag.text), &w->kv, sampled(c, w, x, offsets), LIC_ACT_NONE);
    tensor q = conv_layer(c, g, named("%s.q", ag.text), &w->q, hyper, LIC_ACT_NONE);
    tensor o = conv_layer(c, g, named("%s.out", ag.text), &w->out, attended(c, w->heads, q, kv),
                          LIC_ACT_NONE);
    tensor a = new_like(c, o, o.c);
    depthwise_layer(c, g, named("%s.conv", ag.text), &w->conv, o);
    lic_nn_depthwise(c, &w->conv, o, LIC_ACT_NONE, true, a);
    tensor d = depthwise_layer(c, g, named("%s.dw", ag.text), &w->dw, x);
    gated(c, g, ag.text, &w->smap, &w->cmap, a, d, new_like(c, a, a.c));
}

/* ---- entropy parameters ---------------------------------------------------------------------- */

/* The 5x5 convolution at all positions, of the 12 taps that hold anchors beside a non-anchor. */
static inline tensor local_layer(nn *c, golden *g, int slice, tensor anchors)
{
    const conv w = lic_nn_widen(c, &g->model->net.ctx[slice].local);
    tensor out = new_like(c, anchors, w.cout);
    for (int at = 0; at < out.h * out.w && !lic_nn_idle(c); at++) {
        const float *in[LIC_LOCAL_TAPS];
        float *to = lic_nn_at(out, 0, at);
        for (int t = 0; t < LIC_LOCAL_TAPS; t++) {
            const int y = at / out.w + (2 * t + 1) / LIC_LOCAL - 2;
            const int x = at % out.w + (2 * t + 1) % LIC_LOCAL - 2;
            const int inside = y >= 0 && y < out.h && x >= 0 && x < out.w;
            in[t] = inside ? lic_nn_at(anchors, y, x) : c->zeros;
        }
        lic_gemm product = lic_nn_gemm(&w, 1, LIC_ACT_NONE);
        product.in = in;
        product.out = &to;
        lic_nn_product(c, &w, &product, 0);
    }
    check_pass(c, g, named("ctx.%d.local", slice), out, LIC_NON_ANCHOR);
    return out;
}

/* Channels of a, b and c side by side; NULL data: none. */
static inline tensor joined(nn *c, tensor hyper, tensor ctx, tensor local)
{
    const tensor parts[3] = {hyper, ctx, local};
    tensor out = new_like(c, hyper, hyper.c + ctx.c + local.c);
    for (int at = 0; at < out.h * out.w && !lic_nn_idle(c); at++) {
        float *to = lic_nn_at(out, 0, at);
        for (int i = 0; i < 3; to += parts[i++].c)
            if (parts[i].data)
                memcpy(to, lic_nn_at(parts[i], 0, at), (size_t)parts[i].c * sizeof *to);
    }
    return out;
}

static inline void check_hidden(nn *c, golden *g, layer_name name, const conv *w, tensor x,
                                tensor out, int pass)
{
    lic_nn_conv(c, w, x, LIC_ACT_NONE, no_rate, NULL, out);
    check_pass(c, g, name, out, pass);
    activate(c, out, LIC_ACT_LEAKY);
}

/* The first two layers of g_ep, at the positions of the pass. */
static inline void parameter_layers(nn *c, golden *g, int slice, int pass, tensor hyper, tensor ctx,
                                    tensor anchors)
{
    const slice_model *w = &g->model->net.ctx[slice];
    const entropy_params *ep = pass ? &w->ep_non : &w->ep_anchor;
    const char *name = pass ? "ep_non" : "ep_anchor";
    const tensor local = pass ? local_layer(c, g, slice, anchors) : (tensor){0};
    tensor a = new_like(c, hyper, ep->l[0].cout), b = new_like(c, hyper, ep->l[1].cout);
    check_hidden(c, g, named("ctx.%d.%s.l.0", slice, name), &ep->l[0], joined(c, hyper, ctx, local),
                 a, pass);
    check_hidden(c, g, named("ctx.%d.%s.l.1", slice, name), &ep->l[1], a, b, pass);
}

#endif
