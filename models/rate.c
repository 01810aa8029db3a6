/* rate.c - variable rate: interpolates the network's per-level parameters at a quality level.
 * Strict arithmetic: encoder and decoder must get the same gains to the last bit. */
#include "models/network.h"

#include <string.h>

/* out[i] = (1 - f) a[i] + f b[i] between two neighbouring levels. */
static void mix(float *out, const float *levels, size_t stride, int n_levels, float level, size_t n)
{
    int lower = (int)level;
    if (lower > n_levels - 2)
        lower = n_levels - 2;
    const float f = level - (float)lower, g = 1.0f - f;
    const float *a = levels + (size_t)lower * stride, *b = a + stride;
    for (size_t i = 0; i < n; i++) {
        const float left = g * a[i], right = f * b[i];
        out[i] = left + right;
    }
}

static const float *mixed(nn *c, const float *levels, size_t stride, int n_levels, float level,
                          int n, bool take_exp)
{
    float *out = lic_arena_take(c->arena, (size_t)n + LIC_PANEL, sizeof *out);
    if (lic_nn_idle(c))
        return out;
    mix(out, levels, stride, n_levels, level, (size_t)n);
    if (take_exp)
        c->k->exp(out, (size_t)n);
    for (int i = n; i < n + LIC_PANEL; i++)
        out[i] = 0.0f;
    return out;
}

static affine affine_at(nn *c, const rate_affine *r, int n_levels, float level)
{
    const size_t stride = 2 * (size_t)r->c;
    return (affine){.scale = mixed(c, r->w, stride, n_levels, level, r->c, false),
                    .shift = mixed(c, r->w + r->c, stride, n_levels, level, r->c, false)};
}

void lic_rate_state(nn *c, const network *net, float level, rate_state *out)
{
    const int levels = net->levels;
    for (int i = 0; i < 3; i++) {
        out->g_a[i] = affine_at(c, &net->g_a.rate[i], levels, level);
        out->g_s[i] = affine_at(c, &net->g_s.rate[i], levels, level);
    }
    out->hyper = affine_at(c, &net->hrate, levels, level);
    out->gain = mixed(c, net->gain, (size_t)net->m, levels, level, net->m, true);
    out->igain = mixed(c, net->igain, (size_t)net->m, levels, level, net->m, true);
    out->zgain = mixed(c, net->zgain, (size_t)net->n, levels, level, net->n, true);
    out->izgain = mixed(c, net->izgain, (size_t)net->n, levels, level, net->n, true);
}

enum { TAPS = 9, RGB = 3 };

/* Colours of side x side places. */
static int colours(int side)
{
    return RGB * side * side;
}

/* Means of the rows of neighbouring places, so that to x to of them are left of from x from: the
 * best linear guess of a mean is the mean of the best guesses. n numbers a row. */
static const float *averaged(nn *c, const float *rows, int from, int to, size_t n)
{
    const size_t all = (size_t)colours(to) * n;
    const int block = from / to;
    const float share = 1.0f / (float)(block * block);
    float *out = lic_arena_take(c->arena, all + LIC_PANEL, sizeof *out);
    if (lic_nn_idle(c))
        return out;
    memset(out, 0, (all + LIC_PANEL) * sizeof *out);
    for (int row = 0; row < colours(from); row++) {
        const int place = row / RGB, y = place / from / block, x = place % from / block;
        float *sum = out + (size_t)(RGB * (to * y + x) + row % RGB) * n;
        for (size_t i = 0; i < n; i++)
            sum[i] += rows[(size_t)row * n + i];
    }
    for (size_t i = 0; i < all; i++)
        out[i] *= share;
    return out;
}

/* Outputs side by side in panels: [panels][9 taps, channels][LIC_PANEL]. */
static const float *panels_of(nn *c, const float *rows, int n_rows, size_t inputs)
{
    const size_t all = ((size_t)n_rows + LIC_PANEL - 1) / LIC_PANEL * LIC_PANEL * inputs;
    float *out = lic_arena_take(c->arena, all, sizeof *out);
    if (lic_nn_idle(c))
        return out;
    memset(out, 0, all * sizeof *out);
    for (int row = 0; row < n_rows; row++) {
        float *to = out + (size_t)(row / LIC_PANEL) * inputs * LIC_PANEL + row % LIC_PANEL;
        for (size_t i = 0; i < inputs; i++)
            to[i * LIC_PANEL] = rows[(size_t)row * inputs + i];
    }
    return out;
}

void lic_rate_preview(nn *c, const network *net, const preview_head *head, int side, float level,
                      rate_state *out)
{
    const int from = colours(head->side), inputs = TAPS * head->channels;
    const float *bias = mixed(c, head->b, (size_t)from, net->levels, level, from, false);
    const float *rows =
        mixed(c, head->w, (size_t)from * (size_t)inputs, net->levels, level, from * inputs, false);
    if (side < head->side) {
        bias = averaged(c, bias, head->side, side, 1);
        rows = averaged(c, rows, head->side, side, (size_t)inputs);
    }
    out->preview = (conv){.kernel = 3,
                          .stride = 1,
                          .cin = head->channels,
                          .cout = colours(side),
                          .taps = TAPS,
                          .bias = bias,
                          .w = panels_of(c, rows, colours(side), (size_t)inputs)};
}
