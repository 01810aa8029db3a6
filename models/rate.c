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

/* Outputs side by side in one panel: [9 taps, channels][LIC_PANEL]. */
static const float *panel_of(nn *c, const float *rows, int n_rows, size_t inputs)
{
    float *out = lic_arena_take(c->arena, inputs * LIC_PANEL, sizeof *out);
    if (lic_nn_idle(c))
        return out;
    memset(out, 0, inputs * LIC_PANEL * sizeof *out);
    for (size_t i = 0; i < inputs; i++)
        for (int row = 0; row < n_rows; row++)
            out[i * LIC_PANEL + (size_t)row] = rows[(size_t)row * inputs + i];
    return out;
}

void lic_rate_preview(nn *c, const network *net, float level, rate_state *out)
{
    enum { TAPS = 9, RGB = 3 };
    const slice_model *last = &net->ctx[net->preview_slices - 1];
    conv *head = &out->preview;
    *head =
        (conv){.kernel = 3, .stride = 1, .cin = last->prev + last->size, .cout = RGB, .taps = TAPS};
    const int inputs = TAPS * head->cin;
    head->bias = mixed(c, net->preview_b, RGB, net->levels, level, RGB, false);
    const float *rows =
        mixed(c, net->preview_w, RGB * (size_t)inputs, net->levels, level, RGB * inputs, false);
    head->w = panel_of(c, rows, RGB, (size_t)inputs);
}
