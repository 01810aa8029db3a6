/* hyperprior.c - h_a and h_s (S2LIC, figure 2): convolutions to and from z at 1/64. h_s is part of
 * the entropy path: always strict. */
#include "models/network.h"

static int half(int n)
{
    return (n + 1) / 2;
}

tensor lic_h_a(nn *c, const network *net, const rate_state *rate, tensor y)
{
    const hyper_analysis *w = &net->h_a;
    const affine none = {0};
    tensor z = lic_nn_new(c, half(half(y.h)), half(half(y.w)), net->n);
    const size_t mark = lic_arena_mark(c->arena);
    lic_nn_part(c, LIC_PART_H_A);
    tensor a = lic_nn_new(c, y.h, y.w, net->n), b = lic_nn_new(c, half(y.h), half(y.w), net->n);
    lic_nn_conv(c, &w->c[0], y, LIC_ACT_LEAKY, none, NULL, a);
    lic_nn_conv(c, &w->c[1], a, LIC_ACT_LEAKY, none, NULL, b);
    lic_nn_conv(c, &w->c[2], b, LIC_ACT_NONE, none, NULL, z);
    lic_arena_rewind(c->arena, mark);
    lic_nn_apply_gain(c, z, rate->zgain, z);
    lic_nn_part(c, LIC_PART_OTHER);
    lic_nn_trace(c, "z", 0, z);
    return z;
}

tensor lic_h_s(nn *c, const network *net, const rate_state *rate, tensor z_hat)
{
    const hyper_synthesis *w = &net->h_s;
    const affine none = {0};
    const int h = z_hat.h, wd = z_hat.w;
    tensor hyper = lic_nn_new(c, 4 * h, 4 * wd, net->hyper);
    const size_t mark = lic_arena_mark(c->arena);
    lic_nn_part(c, LIC_PART_H_S);
    tensor z = lic_nn_new(c, h, wd, net->n), a = lic_nn_new(c, 2 * h, 2 * wd, net->n);
    tensor b = lic_nn_new(c, 4 * h, 4 * wd, net->n);
    lic_nn_apply_gain(c, z_hat, rate->izgain, z);
    lic_nn_upconv(c, &w->c0, z, LIC_ACT_LEAKY, none, a);
    lic_nn_upconv(c, &w->c1, a, LIC_ACT_LEAKY, none, b);
    lic_nn_conv(c, &w->c2, b, LIC_ACT_NONE, rate->hyper, NULL, hyper);
    lic_arena_rewind(c->arena, mark);
    lic_nn_part(c, LIC_PART_OTHER);
    lic_nn_trace(c, "hyper", 0, hyper);
    return hyper;
}
