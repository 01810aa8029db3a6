/* transforms.c - g_a and g_s, the analysis and synthesis transforms (S2LIC, figure 2; DESIGN.md,
 * section 1). Results are taken from the arena before the intermediates, so that each stage gives
 * its memory back when it ends. */
#include "models/network.h"

static const affine NO_RATE = {0};

/* Feature enhancement in one wide buffer, [x | f1 | f2 | f3]; its first channels already hold x.
 * out = x + out(features). */
static void enhance(nn *c, const dense *w, tensor features, tensor out)
{
    const int dim = out.c;
    const tensor x = lic_nn_channels(features, 0, dim);
    for (int i = 0; i < 3; i++)
        lic_nn_conv(c, &w->convs[i], features, LIC_ACT_LEAKY, NO_RATE, NULL,
                    lic_nn_channels(features, dim + i * w->growth, w->growth));
    lic_nn_conv(c, &w->out, features, LIC_ACT_NONE, NO_RATE, &x, out);
    lic_nn_trace(c, "enh", 0, out);
}

/* Stage at 1/2: down1, enhancement, RSTB. x [H, W, 3] -> out [H/2, W/2, ch0] */
static void analysis_half(nn *c, const network *net, affine rate, tensor x, tensor out)
{
    const analysis *w = &net->g_a;
    const size_t mark = lic_arena_mark(c->arena);
    tensor enhanced = lic_nn_new(c, out.h, out.w, out.c);
    const size_t inner = lic_arena_mark(c->arena);
    tensor features = lic_nn_new(c, out.h, out.w, out.c + 3 * w->enh.growth);
    tensor first = lic_nn_channels(features, 0, out.c);
    lic_nn_conv(c, &w->down1, x, LIC_ACT_NONE, rate, NULL, first);
    lic_nn_trace(c, "down1", 0, first);
    enhance(c, &w->enh, features, enhanced);
    lic_arena_rewind(c->arena, inner);
    lic_rstb(c, &w->st1, net->mask, enhanced, out);
    lic_arena_rewind(c->arena, mark);
    lic_nn_trace(c, "st1", 0, out);
}

/* A later stage: strided convolution, rate affine, RSTB. x [h, w, .] -> out [h/2, w/2, .] */
static void analysis_stage(nn *c, const conv *down, const rstb *st, affine rate, const float *mask,
                           tensor x, tensor out)
{
    const size_t mark = lic_arena_mark(c->arena);
    tensor t = lic_nn_new(c, out.h, out.w, out.c);
    lic_nn_conv(c, down, x, LIC_ACT_NONE, rate, NULL, t);
    lic_nn_trace(c, "down", 0, t);
    lic_rstb(c, st, mask, t, out);
    lic_arena_rewind(c->arena, mark);
}

tensor lic_g_a(nn *c, const network *net, const rate_state *rate, tensor x)
{
    const analysis *w = &net->g_a;
    const int h = x.h / 2, wd = x.w / 2;
    tensor y = lic_nn_new(c, h / 8, wd / 8, net->m);
    const size_t mark = lic_arena_mark(c->arena);
    tensor s3 = lic_nn_new(c, h / 4, wd / 4, net->ch[2]);
    tensor s2 = lic_nn_new(c, h / 2, wd / 2, net->ch[1]);
    const size_t inner = lic_arena_mark(c->arena);
    tensor s1 = lic_nn_new(c, h, wd, net->ch[0]);
    analysis_half(c, net, rate->g_a[0], x, s1);
    lic_nn_report(c, 0.4);
    analysis_stage(c, &w->down2, &w->st2, rate->g_a[1], net->mask, s1, s2);
    lic_nn_trace(c, "st2", 0, s2);
    lic_arena_rewind(c->arena, inner);
    lic_nn_report(c, 0.7);
    analysis_stage(c, &w->down3, &w->st3, rate->g_a[2], net->mask, s2, s3);
    lic_nn_trace(c, "st3", 0, s3);
    lic_nn_conv(c, &w->down4, s3, LIC_ACT_NONE, NO_RATE, NULL, y);
    lic_nn_trace(c, "down4", 0, y);
    lic_arena_rewind(c->arena, mark);
    lic_nn_apply_gain(c, y, rate->gain, y);
    lic_nn_report(c, 1.0);
    return y;
}

/* A stage of g_s: sub-pixel convolution, rate affine, RSTB. x [h, w, .] -> out [2h, 2w, .] */
static void synthesis_stage(nn *c, const upconv *up, const rstb *st, affine rate, const float *mask,
                            tensor x, tensor out)
{
    const size_t mark = lic_arena_mark(c->arena);
    tensor t = lic_nn_new(c, 2 * x.h, 2 * x.w, up->cout);
    lic_nn_upconv(c, up, x, LIC_ACT_NONE, rate, t);
    lic_nn_trace(c, "up", 0, t);
    lic_rstb(c, st, mask, t, out);
    lic_arena_rewind(c->arena, mark);
}

/* Stage at 1/2: up3, RSTB, enhancement. x [h, w, ch1] -> out [2h, 2w, ch0] */
static void synthesis_half(nn *c, const network *net, affine rate, tensor x, tensor out)
{
    const synthesis *w = &net->g_s;
    const size_t mark = lic_arena_mark(c->arena);
    tensor features = lic_nn_new(c, out.h, out.w, out.c + 3 * w->enh.growth);
    tensor first = lic_nn_channels(features, 0, out.c);
    synthesis_stage(c, &w->up3, &w->st1, rate, net->mask, x, first);
    lic_nn_trace(c, "st1", 0, first);
    enhance(c, &w->enh, features, out);
    lic_arena_rewind(c->arena, mark);
}

tensor lic_g_s(nn *c, const network *net, const rate_state *rate, tensor y_hat)
{
    const synthesis *w = &net->g_s;
    const int h = y_hat.h, wd = y_hat.w;
    tensor out = lic_nn_new(c, 8 * h, 8 * wd, w->up4.cout);
    const size_t mark = lic_arena_mark(c->arena);
    tensor s1 = lic_nn_new(c, 8 * h, 8 * wd, net->ch[0]);
    tensor s2 = lic_nn_new(c, 4 * h, 4 * wd, net->ch[1]);
    tensor s3 = lic_nn_new(c, 2 * h, 2 * wd, net->ch[2]);
    lic_nn_apply_gain(c, y_hat, rate->igain, y_hat);
    synthesis_stage(c, &w->up1, &w->st3, rate->g_s[2], net->mask, y_hat, s3);
    lic_nn_trace(c, "st3", 0, s3);
    lic_nn_report(c, 0.3);
    synthesis_stage(c, &w->up2, &w->st2, rate->g_s[1], net->mask, s3, s2);
    lic_nn_trace(c, "st2", 0, s2);
    lic_nn_report(c, 0.6);
    synthesis_half(c, net, rate->g_s[0], s2, s1);
    lic_nn_conv(c, &w->up4, s1, LIC_ACT_NONE, NO_RATE, NULL, out);
    lic_nn_trace(c, "up4", 0, out);
    lic_arena_rewind(c->arena, mark);
    lic_nn_report(c, 1.0);
    return out;
}
