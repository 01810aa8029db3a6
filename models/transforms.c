/* transforms.c - g_a and g_s, the analysis and synthesis transforms (S2LIC, figure 2). Results are
 * taken from the arena before the intermediates, so that each stage gives its memory back when it
 * ends.
 *
 * Nothing at half the picture's scale is in memory as a whole; it would be most of all memory. Its
 * layers take turns, each with the rows for which it has all its input. So a 3x3 convolution lags a
 * row behind the layer before it, attention up to a window. With LIC_STRIP rows coming in, that is
 * at most 27 rows from the first still needed to the last, which fits in LIC_HELD. */
#include "models/network.h"

static const affine NO_RATE = {0};

/* The tensors that an RSTB reads and writes are whole if it does not work in strips. */
static tensor passing(nn *c, const rstb *st, int h, int w, int channels)
{
    return lic_nn_new_ring(c, h, w, channels, lic_rstb_has_strips(st) ? LIC_HELD : h);
}

/* The layers at 1/2: down1, enhancement, RSTB, and down2 to 1/4. x [H, W, 3] -> out [H/4, W/4, ch1]
 */
static void analysis_half(nn *c, const network *net, const rate_state *rate, tensor x, tensor out)
{
    const analysis *w = &net->g_a;
    const int h = x.h / 2, wd = x.w / 2, dim = net->ch[0];
    const size_t mark = lic_arena_mark(c->arena);
    const tensor enhanced = passing(c, &w->st1, h, wd, dim), s1 = passing(c, &w->st1, h, wd, dim);
    dense_strips enh;
    rstb_strips st;
    int in = 0, down2 = 0;
    lic_dense_begin(c, &w->enh, NULL, h, wd, LIC_HELD, &enh);
    lic_rstb_begin(c, &w->st1, enhanced, &st);
    while (in < h) {
        const int end = in + LIC_STRIP < h ? in + LIC_STRIP : h;
        lic_nn_conv_rows(c, &w->down1, x, LIC_ACT_NONE, rate->g_a[0], NULL, enh.x,
                         lic_nn_advance(&in, end));
        int ready = lic_dense_strip(c, &w->enh, enhanced, in, &enh);
        ready = lic_rstb_strip(c, &w->st1, net->mask, enhanced, s1, ready, &st);
        ready = lic_nn_ready(ready, h, 1) / 2; /* row y of 1/4 sees 2y - 1 to 2y + 1 */
        lic_nn_conv_rows(c, &w->down2, s1, LIC_ACT_NONE, rate->g_a[1], NULL, out,
                         lic_nn_advance(&down2, ready));
        lic_nn_report(c, 0.45 * in / h);
    }
    lic_arena_rewind(c->arena, mark);
}

/* The end of a stage: tests see what came out, and the arena takes back what was in between. */
static void end_stage(nn *c, size_t mark, const char *name, tensor out)
{
    lic_nn_trace(c, name, 0, out);
    lic_arena_rewind(c->arena, mark);
}

/* down1, enhancement, st1, down2, st2. x [H, W, 3] -> [H/4, W/4, ch1] */
static tensor analysis_quarter(nn *c, const network *net, const rate_state *rate, tensor x)
{
    const tensor out = lic_nn_new(c, x.h / 4, x.w / 4, net->ch[1]);
    const size_t mark = lic_arena_mark(c->arena);
    const tensor t = lic_nn_new(c, out.h, out.w, out.c);
    lic_nn_part(c, LIC_PART_G_A_2);
    analysis_half(c, net, rate, x, t);
    lic_nn_part(c, LIC_PART_G_A_4);
    lic_rstb(c, &net->g_a.st2, net->mask, t, out);
    end_stage(c, mark, "st2", out);
    lic_nn_report(c, 0.7);
    return out;
}

/* down3, st3. x [h, w, ch1] -> [h/2, w/2, ch2] */
static tensor analysis_eighth(nn *c, const network *net, const rate_state *rate, tensor x)
{
    const analysis *w = &net->g_a;
    const tensor out = lic_nn_new(c, x.h / 2, x.w / 2, net->ch[2]);
    const size_t mark = lic_arena_mark(c->arena);
    const tensor t = lic_nn_new(c, out.h, out.w, out.c);
    lic_nn_part(c, LIC_PART_G_A_8);
    lic_nn_conv(c, &w->down3, x, LIC_ACT_NONE, rate->g_a[2], NULL, t);
    lic_nn_trace(c, "down", 0, t);
    lic_rstb(c, &w->st3, net->mask, t, out);
    end_stage(c, mark, "st3", out);
    return out;
}

tensor lic_g_a(nn *c, const network *net, const rate_state *rate, tensor x)
{
    const tensor y = lic_nn_new(c, x.h / 16, x.w / 16, net->m);
    const size_t mark = lic_arena_mark(c->arena);
    const tensor s2 = analysis_quarter(c, net, rate, x);
    const tensor s3 = analysis_eighth(c, net, rate, s2);
    lic_nn_conv(c, &net->g_a.down4, s3, LIC_ACT_NONE, NO_RATE, NULL, y);
    end_stage(c, mark, "down4", y);
    lic_nn_apply_gain(c, y, rate->gain, y);
    lic_nn_part(c, LIC_PART_OTHER);
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

/* The layers at 1/2: up3, RSTB, enhancement, up4. x [h, w, ch1] -> out [2h, 2w, 12] */
static void synthesis_half(nn *c, const network *net, affine rate, tensor x, tensor out)
{
    const synthesis *w = &net->g_s;
    const int h = out.h, wd = out.w, dim = net->ch[0];
    const size_t mark = lic_arena_mark(c->arena);
    const tensor t = passing(c, &w->st1, h, wd, dim);
    dense_strips enh;
    rstb_strips st;
    int in = 0;
    lic_dense_begin(c, &w->enh, &w->up4, h, wd, lic_rstb_has_strips(&w->st1) ? LIC_HELD : h, &enh);
    lic_rstb_begin(c, &w->st1, t, &st);
    while (in < h) {
        const int end = in + LIC_STRIP < h ? in + LIC_STRIP : h;
        lic_nn_upconv_rows(c, &w->up3, x, LIC_ACT_NONE, rate, t, lic_nn_advance(&in, end));
        const int ready = lic_rstb_strip(c, &w->st1, net->mask, t, enh.x, in, &st);
        lic_dense_strip(c, &w->enh, out, ready, &enh);
        lic_nn_report(c, 0.6 + 0.4 * in / h);
    }
    lic_arena_rewind(c->arena, mark);
}

/* up1, st3, up2, st2, after the inverse gains, which are applied in place. y_hat [h, w, m] -> [4h,
 * 4w, ch1] */
static tensor synthesis_quarter(nn *c, const network *net, const rate_state *rate, tensor y_hat)
{
    const synthesis *w = &net->g_s;
    const tensor out = lic_nn_new(c, 4 * y_hat.h, 4 * y_hat.w, net->ch[1]);
    const size_t mark = lic_arena_mark(c->arena);
    const tensor s3 = lic_nn_new(c, 2 * y_hat.h, 2 * y_hat.w, net->ch[2]);
    lic_nn_part(c, LIC_PART_G_S_8);
    lic_nn_apply_gain(c, y_hat, rate->igain, y_hat);
    synthesis_stage(c, &w->up1, &w->st3, rate->g_s[2], net->mask, y_hat, s3);
    lic_nn_trace(c, "st3", 0, s3);
    lic_nn_report(c, 0.3);
    lic_nn_part(c, LIC_PART_G_S_4);
    synthesis_stage(c, &w->up2, &w->st2, rate->g_s[1], net->mask, s3, out);
    end_stage(c, mark, "st2", out);
    lic_nn_report(c, 0.6);
    return out;
}

tensor lic_g_s(nn *c, const network *net, const rate_state *rate, tensor y_hat)
{
    const tensor out = lic_nn_new(c, 8 * y_hat.h, 8 * y_hat.w, net->g_s.up4.cout);
    const size_t mark = lic_arena_mark(c->arena);
    const tensor s2 = synthesis_quarter(c, net, rate, y_hat);
    lic_nn_part(c, LIC_PART_G_S_2);
    synthesis_half(c, net, rate->g_s[0], s2, out);
    lic_nn_part(c, LIC_PART_OTHER);
    end_stage(c, mark, "up4", out);
    lic_nn_report(c, 1.0);
    return out;
}
