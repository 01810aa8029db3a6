/* test_latent.c - the slice loop with latents that no picture gives: halves, numbers beyond all
 * tables, infinities and NaN. The symbols are the nearest whole numbers, ties to even, clamped to
 * 2^22. The decoder gets the very same y_hat from the code. */
#include "tests/golden/golden.h"

#include "entropy/checkerboard.h"

enum { H = 8, W = 8, N = 5, N_Z = H / 4 * (W / 4) };

typedef struct latents {
    golden *g;
    const lic_model *model;
    float (*value)(void);
    float z[N_Z][N];                /* of the four positions of z, five channels */
    float first_mean[H * W / 2][2]; /* of the anchors of slice 0, two channels */
    int32_t first[H * W / 2 * 2];   /* and their symbols */
    lic_range_encoder coder;
} latents;

static float odd_value(void)
{
    static const float odd[] = {
        0.0f,       -0.0f,      0.5f,        -0.5f,       1.5f,      2.5f,        -3.5f,
        1e-40f,     1e30f,      -1e30f,      INFINITY,    -INFINITY, NAN,         4194302.5f,
        4194303.0f, 4194304.0f, -4194303.5f, 16777217.0f, 3.4e38f,   0.49999997f, 1e5f};
    return odd[test_random_below(sizeof odd / sizeof odd[0])];
}

static float ordinary_value(void)
{
    return (float)test_random_below(20000) / 1000.0f - 10.0f;
}

/* What the format asks for: FORMAT.md, section 4. */
static int32_t nearest_whole(float v)
{
    const float limit = 4194303.0f;
    return isnan(v) ? 0 : (int32_t)rintf(v < -limit ? -limit : v > limit ? limit : v);
}

static void keep_first(void *user, int slice, int pass, const int32_t *symbols, size_t n)
{
    latents *l = user;
    if (slice == 0 && pass == LIC_ANCHOR) {
        CHECK_EQ_INT(n, H * W / 2 * 2);
        memcpy(l->first, symbols, sizeof l->first);
    }
}

/* All from l->value. */
static void make_latents(const nn *c, latents *l, tensor y, tensor z)
{
    if (lic_nn_idle(c))
        return;
    for (int i = 0; i < N_Z * N; i++)
        z.data[i] = l->z[i / N][i % N] = l->value();
    for (size_t i = 0; i < (size_t)(H * W) * y.pitch; i++)
        y.data[i] = l->value();
}

/* Means of the anchors of slice 0, which depend on z alone. */
static void first_means(nn *c, latents *l, const rate_state *rate, tensor z)
{
    const network *net = &l->model->net;
    tensor z_hat = new_like(c, z, z.c), params = lic_nn_new(c, 1, H * W / 2, 4);
    for (int i = 0; i < N_Z * N && !lic_nn_idle(c); i++)
        z_hat.data[i] = (float)nearest_whole(z.data[i]);
    const tensor none = {0}, hyper = lic_h_s(c, net, rate, z_hat);
    lic_entropy_parameters(c, &net->ctx[0], LIC_ANCHOR, hyper, none, none, params);
    for (int at = 0; at < H * W / 2 && !lic_nn_idle(c); at++)
        memcpy(l->first_mean[at], lic_nn_at(params, 0, at), sizeof l->first_mean[at]);
}

static int held(int32_t v)
{
    return v < -3 ? -3 : v > 3 ? 3 : (int)v;
}

/* FORMAT.md, section 4: of a channel, or of a channel and what lies to the left and above. */
static int z_table(const latents *l, int at, int channel)
{
    if (l->model->z_tables.n_tables == N)
        return channel;
    const int columns = W / 4, left = at % columns ? held(nearest_whole(l->z[at - 1][channel])) : 0,
              above = at >= columns ? held(nearest_whole(l->z[at - columns][channel])) : 0;
    return 7 * channel + 3 + held(left + above);
}

/* The z symbols come first in the code. */
static void check_z_symbols(const latents *l)
{
    lic_range_decoder decoder;
    lic_range_decoder_init(&decoder, l->coder.data, l->coder.bytes);
    for (int i = 0; i < N_Z * N; i++) {
        const lic_cdf *table = &l->model->z_tables.tables[z_table(l, i / N, i % N)];
        CHECK_EQ_INT(lic_range_decode(&decoder, table), nearest_whole(l->z[i / N][i % N]));
    }
}

static void check_first_symbols(const latents *l, tensor y)
{
    int at = 0;
    for (int row = 0; row < H; row++)
        for (int x = row % 2; x < W; x += 2, at++)
            for (int i = 0; i < 2; i++)
                CHECK_EQ_INT(l->first[at * 2 + i],
                             nearest_whole(lic_nn_at(y, row, x)[i] - l->first_mean[at][i]));
}

/* Moves the first anchors' y to half way between two symbols, as well as binary32 can say it. */
static void make_halves(const nn *c, const latents *l, tensor y)
{
    int at = 0;
    for (int row = 0; row < H && !lic_nn_idle(c); row++)
        for (int x = row % 2; x < W; x += 2, at++)
            for (int i = 0; i < 2; i++)
                lic_nn_at(y, row, x)[i] = l->first_mean[at][i] + (float)(at % 7 - 3) + 0.5f;
}

/* Codes latents of one kind, decodes them, and compares. */
static void there_and_back(lic_session *session, nn *c, void *user)
{
    latents *l = user;
    rate_state rate;
    lic_range_decoder decoder;
    const tensor none = {0};
    (void)session;
    lic_rate_state(c, &l->model->net, 3.0f, &rate);
    const tensor y = lic_nn_new(c, H, W, l->model->net.m), z = lic_nn_new(c, H / 4, W / 4, N);
    make_latents(c, l, y, z);
    first_means(c, l, &rate, z);
    if (l->value == ordinary_value)
        make_halves(c, l, y);
    lic_range_encoder_init(&l->coder, golden_grow, NULL);
    latent_io to = {.model = l->model, .enc = &l->coder, .trace = keep_first, .trace_user = l};
    const tensor sent = lic_latent_code(c, &to, &rate, y, z, H, W);
    if (!lic_nn_idle(c)) {
        CHECK(lic_range_finish(&l->coder));
        check_z_symbols(l);
        check_first_symbols(l, y);
    }
    lic_range_decoder_init(&decoder, l->coder.data, l->coder.bytes);
    latent_io from = {.model = l->model, .dec = &decoder};
    const tensor got = lic_latent_code(c, &from, &rate, none, none, H, W);
    if (lic_nn_idle(c))
        return;
    CHECK(lic_range_decoder_ok(&decoder));
    CHECK_EQ_MEM(got.data, sent.data, (size_t)(H * W) * got.pitch * sizeof(float));
    CHECK_EQ_INT(lic_latent_check(got), lic_latent_check(sent));
}

/* Seven tables for each channel, those of all channels in turn. */
static void give_neighbours(lic_model *model, lic_cdf *tables)
{
    for (int i = 0; i < N * LIC_Z_CONTEXTS; i++)
        tables[i] = model->z_tables.tables[(i / LIC_Z_CONTEXTS + i) % N];
    model->z_tables.tables = tables;
    model->z_tables.n_tables = N * LIC_Z_CONTEXTS;
}

static void try_latents(float (*value)(void), bool neighbours)
{
    latents l = {.g = golden_open("tiny-4x4.bin"), .value = value};
    lic_model model = *l.g->model;
    lic_cdf tables[N * LIC_Z_CONTEXTS];
    if (neighbours)
        give_neighbours(&model, tables);
    l.model = &model;
    for (int i = 0; i < 20; i++) {
        golden_run(l.g->model, there_and_back, &l);
        free(l.coder.data);
        l.coder.data = NULL;
    }
    golden_close(l.g);
}

TEST(latents_beyond_all_tables)
{
    try_latents(odd_value, false);
}

TEST(latents_half_way)
{
    try_latents(ordinary_value, false);
}

static float small_value(void)
{
    return (float)test_random_below(900) / 100.0f - 4.5f;
}

TEST(z_by_its_neighbours)
{
    try_latents(small_value, true);
    try_latents(odd_value, true);
}
