/* test_strips.c - g_a and g_s hold no tensor of half the picture's scale as a whole. Here the same
 * layers run one by one on whole tensors: the bits must be the same, whatever the height, the sides
 * where the picture goes on and the number of threads, and memory as planned. The tiny network's
 * RSTB at 1/2 is cut to one block, which passes in strips as those of the shipped networks do; with
 * its two blocks it is done as a whole. */
#include "tests/unit/codec_fixture.h"

#include "codec/session.h"

static const affine no_rate = {0};

/* ---- whole tensors, layer by layer ----------------------------------------------------------- */

static tensor like(nn *c, tensor t, int channels)
{
    return lic_nn_new(c, t.h, t.w, channels);
}

static tensor plain_enhance(nn *c, const dense *w, tensor x)
{
    const tensor features = like(c, x, x.c + 3 * w->growth), out = like(c, x, x.c);
    for (int y = 0; y < x.h && !lic_nn_idle(c); y++)
        for (int i = 0; i < x.w; i++)
            memcpy(lic_nn_at(features, y, i), lic_nn_at(x, y, i), (size_t)x.c * sizeof *x.data);
    for (int i = 0; i < 3; i++)
        lic_nn_conv(c, &w->convs[i], features, LIC_ACT_LEAKY, no_rate, NULL,
                    lic_nn_channels(features, x.c + i * w->growth, w->growth));
    lic_nn_conv(c, &w->out, features, LIC_ACT_NONE, no_rate, &x, out);
    return out;
}

/* Rows of the MLP's hidden features are all there; the sum is taken in another tensor. */
static tensor plain_rstb(nn *c, const network *net, const rstb *w, tensor x)
{
    const tensor out = like(c, x, x.c);
    lic_rstb(c, w, net->mask, x, out);
    return out;
}

static tensor down(nn *c, const conv *w, affine rate, tensor x)
{
    const tensor out = lic_nn_new(c, x.h / 2, x.w / 2, w->cout);
    lic_nn_conv(c, w, x, LIC_ACT_NONE, rate, NULL, out);
    return out;
}

static tensor up(nn *c, const upconv *w, affine rate, tensor x)
{
    const tensor out = lic_nn_new(c, 2 * x.h, 2 * x.w, w->cout);
    lic_nn_upconv(c, w, x, LIC_ACT_NONE, rate, out);
    return out;
}

static tensor plain_g_a(nn *c, const network *net, const rate_state *rate, tensor x)
{
    const analysis *w = &net->g_a;
    tensor t = plain_enhance(c, &w->enh, down(c, &w->down1, rate->g_a[0], x));
    t = plain_rstb(c, net, &w->st1, t);
    t = plain_rstb(c, net, &w->st2, down(c, &w->down2, rate->g_a[1], t));
    t = plain_rstb(c, net, &w->st3, down(c, &w->down3, rate->g_a[2], t));
    t = down(c, &w->down4, no_rate, t);
    lic_nn_apply_gain(c, t, rate->gain, t);
    return t;
}

static tensor plain_g_s(nn *c, const network *net, const rate_state *rate, tensor y_hat)
{
    const synthesis *w = &net->g_s;
    tensor t = like(c, y_hat, y_hat.c);
    lic_nn_apply_gain(c, y_hat, rate->igain, t);
    t = plain_rstb(c, net, &w->st3, up(c, &w->up1, rate->g_s[2], t));
    t = plain_rstb(c, net, &w->st2, up(c, &w->up2, rate->g_s[1], t));
    t = plain_rstb(c, net, &w->st1, up(c, &w->up3, rate->g_s[0], t));
    t = plain_enhance(c, &w->enh, t);
    const tensor out = like(c, t, w->up4.cout);
    lic_nn_conv(c, &w->up4, t, LIC_ACT_NONE, no_rate, NULL, out);
    return out;
}

/* ---- the comparison -------------------------------------------------------------------------- */

struct task {
    network net;
    int height, width; /* of the picture */
    unsigned open;
    bool plain, tensors; /* layers one by one; no planes */
    float *out;          /* y, then the picture */
    size_t n;
};

static void fill(const nn *c, tensor t)
{
    uint32_t state = 12345;
    for (size_t i = 0; !lic_nn_idle(c) && i < (size_t)t.h * (size_t)t.w * t.pitch; i++) {
        state = state * 1664525u + 1013904223u;
        t.data[i] = (float)(state >> 16) / 65536.0f - 0.5f;
    }
}

static void keep(const nn *c, struct task *task, tensor t)
{
    const size_t n = (size_t)t.h * (size_t)t.w * (size_t)t.c;
    if (!lic_nn_idle(c))
        memcpy(task->out + task->n, t.data, n * sizeof *t.data);
    task->n += n;
}

static void forward(lic_session *session, nn *c, void *user)
{
    struct task *task = user;
    const network *net = &task->net;
    rate_state rate;
    (void)session;
    task->n = 0;
    c->open = task->open;
    lic_rate_state(c, net, 2.5f, &rate);
    const tensor x = lic_nn_new(c, task->height, task->width, 3);
    const tensor y_hat = lic_nn_new(c, task->height / 16, task->width / 16, net->m);
    fill(c, x);
    fill(c, y_hat);
    keep(c, task, task->plain ? plain_g_a(c, net, &rate, x) : lic_g_a(c, net, &rate, x));
    keep(c, task, task->plain ? plain_g_s(c, net, &rate, y_hat) : lic_g_s(c, net, &rate, y_hat));
}

static void run(struct task *task, int threads, uint64_t *macs)
{
    lic_options options;
    lic_session *session = NULL;
    lic_error err = {0};
    lic_options_init(&options);
    options.threads = threads;
    REQUIRE(lic_session_new(tiny_model(), &options, &session, &err) == LIC_OK);
    lic_kernels kernels = *session->kernels;
    if (task->tensors) {
        kernels.prefers_planes = false;
        session->kernels = &kernels;
    }
    CHECK_EQ_INT(lic_session_run(session, forward, task, 64, 64, &err), LIC_OK);
    *macs = session->stats.multiply_adds;
    lic_session_free(session);
}

/* Strips and whole tensors give the same bits, at the same cost; with narrow layers in planes, as
 * most machines have them, and in tensors. */
static void check_strips(int height, int width, unsigned open, int depth, int threads, bool tensors)
{
    struct task task = {.net = tiny_model()->net,
                        .height = height,
                        .width = width,
                        .open = open,
                        .tensors = tensors};
    const size_t n = (size_t)height * (size_t)width * 8;
    uint64_t macs = 0, plain_macs = 0;
    task.net.g_a.st1.depth = task.net.g_s.st1.depth = depth;
    float *strips = task.out = malloc(n * sizeof *strips), *plain = malloc(n * sizeof *plain);
    REQUIRE(strips && plain);
    run(&task, threads, &macs);
    task.out = plain;
    task.plain = true;
    run(&task, threads, &plain_macs);
    CHECK(task.n <= n);
    if (test_failed(!memcmp(strips, plain, task.n * sizeof *strips)))
        printf("%d x %d, open %u, depth %d, threads %d\n", width, height, open, depth, threads);
    CHECK(macs == plain_macs);
    free(strips);
    free(plain);
}

static void check_size(int height, int width, unsigned open, int depth, int threads)
{
    check_strips(height, width, open, depth, threads, false);
    check_strips(height, width, open, depth, threads, true);
}

TEST(strips_of_any_height)
{
    REQUIRE(tiny_model()->net.g_a.st1.depth == 2 && tiny_model()->net.g_s.st1.depth == 2);
    for (int height = 64; height <= 448; height += 64)
        check_size(height, 64, 0, 1, 1);
    check_size(64, 320, 0, 1, 2);
    check_size(192, 192, 0, 2, 1);
}

TEST(strips_where_the_picture_goes_on)
{
    for (unsigned open = 0; open < 16; open++)
        check_size(128, 64, open, 1, 1);
}

TEST(strips_for_any_number_of_threads)
{
    static const int threads[] = {2, 3, 7};
    for (size_t i = 0; i < sizeof threads / sizeof threads[0]; i++)
        check_size(192, 128, 0, 1, threads[i]);
}
