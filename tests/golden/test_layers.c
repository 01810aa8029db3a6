/* test_layers.c - g_a, h_a, h_s and g_s of the tiny network, layer by layer, against PyTorch.
 *
 * The library fuses layers so that most of them never lie in memory. Here they are done one by one,
 * as models/train/model.py has it, each compared with its record; then the library's own function
 * runs on the same input and must give the same bits. So what is fused is right, and fusing changes
 * nothing. */
#include "tests/golden/golden.h"

/* ---- SwinV2 ---------------------------------------------------------------------------------- */

static float *token(tensor x, int shift, int window, int i)
{
    const int columns = x.w / LIC_WINDOW;
    const int y = window / columns * LIC_WINDOW + i / LIC_WINDOW;
    const int xx = window % columns * LIC_WINDOW + i % LIC_WINDOW;
    return lic_nn_at(x, (y + shift) % x.h, (xx + shift) % x.w);
}

/* Tokens of all windows [windows, 64, c] from the picture, or back. */
static void partition(const nn *c, tensor x, int shift, tensor t, int back)
{
    const size_t bytes = (size_t)x.c * sizeof *x.data;
    for (int window = 0; window < t.h && !lic_nn_idle(c); window++)
        for (int i = 0; i < LIC_TOKENS; i++) {
            float *in_picture = token(x, shift, window, i), *in_window = lic_nn_at(t, window, i);
            memcpy(back ? in_picture : in_window, back ? in_window : in_picture, bytes);
        }
}

static const float *mask_of(const network *net, tensor x, int shift, int window)
{
    const int columns = x.w / LIC_WINDOW, rows = x.h / LIC_WINDOW;
    const int kind = 2 * (window / columns == rows - 1) + (window % columns == columns - 1);
    return shift ? net->mask + (size_t)kind * LIC_TOKENS * LIC_TOKENS : NULL;
}

static void attend(nn *c, const network *net, const swin *w, tensor x, tensor qkv, tensor out)
{
    const size_t dim = (size_t)x.c, d = dim / (size_t)w->heads;
    const size_t n = lic_attention_scratch(LIC_TOKENS, LIC_TOKENS, (int)d);
    float *scratch = lic_arena_take(c->arena, n, sizeof *scratch);
    for (int window = 0; window < out.h && !lic_nn_idle(c); window++)
        for (int head = 0; head < w->heads; head++) {
            const float *q = lic_nn_at(qkv, window, 0) + (size_t)head * d;
            const lic_attention a = {.q = q,
                                     .k = q + dim,
                                     .v = q + 2 * dim,
                                     .q_pitch = 3 * dim,
                                     .kv_pitch = 3 * dim,
                                     .out_pitch = dim,
                                     .out = lic_nn_at(out, window, 0) + (size_t)head * d,
                                     .bias = w->bias + (size_t)head * LIC_TOKENS * LIC_TOKENS,
                                     .mask = mask_of(net, x, w->shift, window),
                                     .scale = w->scale[head],
                                     .nq = LIC_TOKENS,
                                     .nk = LIC_TOKENS,
                                     .d = (int)d,
                                     .cosine = true,
                                     .scratch = scratch};
            c->k->attention(&a);
        }
}

/* LayerNorm(t), compared; then x + that. */
static tensor norm_layer(nn *c, golden *g, layer_name name, const norm *w, tensor t, tensor x)
{
    tensor normed = new_like(c, t, t.c), sum = new_like(c, t, t.c);
    for (int y = 0; y < t.h && !lic_nn_idle(c); y++)
        for (int i = 0; i < t.w; i++) {
            float *out = lic_nn_at(normed, y, i);
            const float *zero = c->zeros, *from = lic_nn_at(t, y, i);
            c->k->layer_norm_add(&out, &zero, NULL, from, t.pitch, w->gain, w->bias, 1, t.c);
            c->k->add(lic_nn_at(sum, y, i), lic_nn_at(x, y, i), out, (size_t)t.c);
        }
    check_layer(c, g, name, normed);
    return sum;
}

static tensor attention_branch(nn *c, golden *g, const network *net, const swin *w,
                               const char *name, tensor x)
{
    const int windows = x.h / LIC_WINDOW * (x.w / LIC_WINDOW);
    tensor tokens = lic_nn_new(c, windows, LIC_TOKENS, x.c), mixed = new_like(c, tokens, x.c);
    tensor picture = new_like(c, x, x.c);
    partition(c, x, w->shift, tokens, 0);
    tensor qkv = conv_layer(c, g, named("%s.attn.qkv", name), &w->qkv, tokens, LIC_ACT_NONE);
    attend(c, net, w, x, qkv, mixed);
    tensor proj = conv_layer(c, g, named("%s.attn.proj", name), &w->proj, mixed, LIC_ACT_NONE);
    partition(c, picture, w->shift, proj, 1);
    return norm_layer(c, g, named("%s.norm1", name), &w->norm1, picture, x);
}

static tensor block(nn *c, golden *g, const network *net, const swin *w, const char *name, tensor x)
{
    x = attention_branch(c, g, net, w, name, x);
    tensor t = conv_layer(c, g, named("%s.fc1", name), &w->fc1, x, LIC_ACT_GELU);
    tensor mixed = new_like(c, t, t.c);
    depthwise_layer(c, g, named("%s.dw", name), &w->dw, t);
    lic_nn_depthwise(c, &w->dw, t, LIC_ACT_NONE, true, mixed);
    t = conv_layer(c, g, named("%s.fc2", name), &w->fc2, mixed, LIC_ACT_NONE);
    x = norm_layer(c, g, named("%s.norm2", name), &w->norm2, t, x);
    check_layer(c, g, named("%s", name), x);
    return x;
}

static tensor stage(nn *c, golden *g, const network *net, const rstb *w, const char *name, tensor x)
{
    tensor t = x, sum = new_like(c, x, x.c), fused = new_like(c, x, x.c);
    for (int i = 0; i < w->depth; i++)
        t = block(c, g, net, &w->blocks[i], named("%s.blocks.%d", name, i).text, t);
    for (int y = 0; y < x.h && !lic_nn_idle(c); y++)
        c->k->add(lic_nn_at(sum, y, 0), lic_nn_at(x, y, 0), lic_nn_at(t, y, 0),
                  (size_t)x.w * x.pitch);
    check_layer(c, g, named("%s", name), sum);
    lic_rstb(c, w, net->mask, x, fused);
    check_same(c, name, fused, sum);
    return sum;
}

/* ---- convolutions ---------------------------------------------------------------------------- */

static tensor enhancement(nn *c, golden *g, const dense *w, const char *name, tensor x)
{
    tensor features = new_like(c, x, x.c + 3 * w->growth);
    for (int y = 0; y < x.h && !lic_nn_idle(c); y++)
        for (int i = 0; i < x.w; i++)
            memcpy(lic_nn_at(features, y, i), lic_nn_at(x, y, i), (size_t)x.c * sizeof *x.data);
    for (int i = 0; i < 3; i++) {
        tensor out = lic_nn_channels(features, x.c + i * w->growth, w->growth);
        lic_nn_conv(c, &w->convs[i], features, LIC_ACT_NONE, no_rate, NULL, out);
        check_layer(c, g, named("%s.convs.%d", name, i), out);
        activate(c, out, LIC_ACT_LEAKY);
    }
    conv_layer(c, g, named("%s.out", name), &w->out, features, LIC_ACT_NONE);
    tensor sum = new_like(c, x, x.c);
    lic_nn_conv(c, &w->out, features, LIC_ACT_NONE, no_rate, &x, sum);
    check_layer(c, g, named("%s", name), sum);
    return sum;
}

static tensor down(nn *c, golden *g, const conv *w, affine rate, layer_name name,
                   layer_name rate_name, tensor x)
{
    tensor t = conv_layer(c, g, name, w, x, LIC_ACT_NONE);
    lic_nn_conv(c, w, x, LIC_ACT_NONE, rate, NULL, t);
    check_layer(c, g, rate_name, t);
    return t;
}

static tensor up_layer(nn *c, golden *g, layer_name name, const upconv *w, tensor x, lic_act act)
{
    tensor t = lic_nn_new(c, 2 * x.h, 2 * x.w, w->cout);
    lic_nn_upconv(c, w, x, LIC_ACT_NONE, no_rate, t);
    check_layer(c, g, name, t);
    activate(c, t, act);
    return t;
}

static tensor up(nn *c, golden *g, const upconv *w, affine rate, layer_name name,
                 layer_name rate_name, tensor x)
{
    tensor t = up_layer(c, g, name, w, x, LIC_ACT_NONE);
    lic_nn_upconv(c, w, x, LIC_ACT_NONE, rate, t);
    check_layer(c, g, rate_name, t);
    return t;
}

/* ---- the transforms -------------------------------------------------------------------------- */

static void scale_by(const nn *c, tensor t, const float *gain)
{
    for (int y = 0; y < t.h && !lic_nn_idle(c); y++)
        for (int x = 0; x < t.w; x++)
            c->k->mul(lic_nn_at(t, y, x), lic_nn_at(t, y, x), gain, (size_t)t.c);
}

static tensor analysis_layers(nn *c, golden *g, const rate_state *rate, tensor picture)
{
    const network *net = &g->model->net;
    const analysis *w = &net->g_a;
    tensor t =
        down(c, g, &w->down1, rate->g_a[0], named("g_a.down1"), named("g_a.rate.0"), picture);
    t = enhancement(c, g, &w->enh, "g_a.enh", t);
    t = stage(c, g, net, &w->st1, "g_a.st1", t);
    t = down(c, g, &w->down2, rate->g_a[1], named("g_a.down2"), named("g_a.rate.1"), t);
    t = stage(c, g, net, &w->st2, "g_a.st2", t);
    t = down(c, g, &w->down3, rate->g_a[2], named("g_a.down3"), named("g_a.rate.2"), t);
    t = stage(c, g, net, &w->st3, "g_a.st3", t);
    t = conv_layer(c, g, named("g_a.down4"), &w->down4, t, LIC_ACT_NONE);
    scale_by(c, t, rate->gain);
    check_layer(c, g, named("y"), t);
    return t;
}

static void hyper_layers(nn *c, golden *g, const rate_state *rate, tensor y)
{
    const network *net = &g->model->net;
    tensor t = conv_layer(c, g, named("h_a.c.0"), &net->h_a.c[0], y, LIC_ACT_LEAKY);
    t = conv_layer(c, g, named("h_a.c.1"), &net->h_a.c[1], t, LIC_ACT_LEAKY);
    t = conv_layer(c, g, named("h_a.c.2"), &net->h_a.c[2], t, LIC_ACT_NONE);
    scale_by(c, t, rate->zgain);
    check_layer(c, g, named("z"), t);
    check_same(c, "h_a", lic_h_a(c, net, rate, y), t);
    const tensor z_hat = tensor_of(c, golden_find(g, "z.symbols"));
    t = tensor_of(c, golden_find(g, "z.symbols"));
    scale_by(c, t, rate->izgain);
    t = up_layer(c, g, named("h_s.c.0"), &net->h_s.c0, t, LIC_ACT_LEAKY);
    t = up_layer(c, g, named("h_s.c.1"), &net->h_s.c1, t, LIC_ACT_LEAKY);
    const tensor out = conv_layer(c, g, named("h_s.c.2"), &net->h_s.c2, t, LIC_ACT_NONE);
    lic_nn_conv(c, &net->h_s.c2, t, LIC_ACT_NONE, rate->hyper, NULL, out);
    check_layer(c, g, named("h_s.out"), out);
    check_same(c, "h_s", lic_h_s(c, net, rate, z_hat), out);
}

static tensor copy_of(nn *c, tensor t)
{
    tensor out = new_like(c, t, t.c);
    if (!lic_nn_idle(c))
        memcpy(out.data, t.data, (size_t)t.h * (size_t)t.w * t.pitch * sizeof *t.data);
    return out;
}

static void synthesis_layers(nn *c, golden *g, const rate_state *rate)
{
    const network *net = &g->model->net;
    const synthesis *w = &net->g_s;
    const tensor y_hat = tensor_of(c, golden_find(g, "y_hat"));
    tensor t = copy_of(c, y_hat);
    scale_by(c, t, rate->igain);
    t = up(c, g, &w->up1, rate->g_s[2], named("g_s.up1"), named("g_s.rate.2"), t);
    t = stage(c, g, net, &w->st3, "g_s.st3", t);
    t = up(c, g, &w->up2, rate->g_s[1], named("g_s.up2"), named("g_s.rate.1"), t);
    t = stage(c, g, net, &w->st2, "g_s.st2", t);
    t = up(c, g, &w->up3, rate->g_s[0], named("g_s.up3"), named("g_s.rate.0"), t);
    t = stage(c, g, net, &w->st1, "g_s.st1", t);
    t = enhancement(c, g, &w->enh, "g_s.enh", t);
    tensor out = new_like(c, t, w->up4.cout);
    lic_nn_conv(c, &w->up4, t, LIC_ACT_NONE, no_rate, NULL, out);
    check_layer(c, g, named("g_s.up4"), pixels_of(c, out, 0.0f));
    check_same(c, "g_s", lic_g_s(c, net, rate, y_hat), out);
}

static void gains(const nn *c, golden *g, const rate_state *rate)
{
    const network *net = &g->model->net;
    check_values(c, g, named("gain"), rate->gain, net->m);
    check_values(c, g, named("igain"), rate->igain, net->m);
    check_values(c, g, named("zgain"), rate->zgain, net->n);
    check_values(c, g, named("izgain"), rate->izgain, net->n);
}

static void transforms(lic_session *session, nn *c, void *user)
{
    golden *g = user;
    rate_state rate;
    (void)session;
    lic_rate_state(c, &g->model->net, golden_find(g, "level")->values[0], &rate);
    gains(c, g, &rate);
    const tensor picture = padded_picture(c, g);
    const tensor y = analysis_layers(c, g, &rate, picture);
    check_same(c, "g_a", lic_g_a(c, &g->model->net, &rate, picture), y);
    hyper_layers(c, g, &rate, y);
    synthesis_layers(c, g, &rate);
}

/* Records of the slice model are compared in test_slices.c. */
static void skip(golden *g)
{
    static const char *const elsewhere[] = {"ctx.", "x_hat", "bits", "escapes"};
    for (int i = 0; i < g->n_records; i++)
        for (size_t j = 0; j < sizeof elsewhere / sizeof elsewhere[0]; j++)
            if (!strncmp(g->records[i].name, elsewhere[j], strlen(elsewhere[j])))
                g->records[i].used = 2;
}

static void compare_layers(const char *dump)
{
    golden *g = golden_open(dump);
    golden_run(g->model, transforms, g);
    skip(g);
    golden_report(g, dump);
    golden_close(g);
}

TEST(every_layer_of_the_transforms)
{
    compare_layers("tiny.bin");
}

TEST(every_layer_in_integers)
{
    compare_layers("integers.bin");
}
