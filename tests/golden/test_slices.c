/* test_slices.c - the slice model of the tiny network against PyTorch, from the symbols of the
 * dumps, as a decoder has them: a mean that differs in its last bit may round to another symbol,
 * after which everything differs. The parts of the context model are done one by one and compared;
 * then the symbols are range coded and the library's own loop must decode the same y_hat, to the
 * last bit. */
#include "tests/golden/context_layers.h"

/* ---- the slice loop from given symbols ------------------------------------------------------- */

/* What the test's loop found, for the library's loop to be compared with. */
typedef struct run {
    golden *g;
    int layers; /* the dump has every layer */
    lic_range_encoder coder;
    float *y_hat; /* as the test's loop made it */
    size_t n;
} run;

/* Means, scales and tables of one pass, [1, positions, .] in coding order, onto the plane. */
static void spread(const nn *c, tensor params, int first, int pass, tensor out)
{
    int at = 0;
    for (int y = 0; y < out.h && !lic_nn_idle(c); y++)
        for (int x = (y + pass) % 2; x < out.w; x += 2, at++)
            memcpy(lic_nn_at(out, y, x), lic_nn_at(params, 0, at) + first,
                   (size_t)out.c * sizeof(float));
}

/* round((clamp(s) - lo) * steps) in single precision, as FORMAT.md has it. */
static int table_of(const network *net, float s)
{
    const int last = (int)net->y_tables.n_tables - 1;
    const float steps = (float)last / (net->scale_hi - net->scale_lo);
    const float at = rintf((s - net->scale_lo) * steps);
    return at < 0 ? 0 : at > (float)last ? last : (int)at;
}

/* A record of tables may be off by one where the scale lies half way between two. */
static void check_tables(const nn *c, golden *g, int slice, int pass, tensor scale)
{
    const record *r = golden_find(g, "ctx.%d.index", slice);
    const network *net = &g->model->net;
    const size_t size = (size_t)scale.c, row = size * (size_t)scale.w;
    for (size_t i = 0; i < r->n && !lic_nn_idle(c); i++) {
        const size_t at = i * r->step, y = at / row, x = at % row / size;
        if ((int)((y + x) % 2) != pass)
            continue;
        const float s = lic_nn_at(scale, (int)y, (int)x)[at % size];
        CHECK(table_of(net, s) == (int)r->values[i] ||
              table_of(net, s - 1e-4f) == (int)r->values[i] ||
              table_of(net, s + 1e-4f) == (int)r->values[i]);
    }
}

/* Codes the symbols of one pass; y_hat = symbol + mean there. */
static void code_pass(const nn *c, run *r, int slice, int pass, tensor mean, tensor scale,
                      tensor y_hat)
{
    const record *symbols = golden_find(r->g, "ctx.%d.symbols", slice);
    const lic_model *model = r->g->model;
    for (int y = 0; y < y_hat.h && !lic_nn_idle(c); y++)
        for (int x = (y + pass) % 2; x < y_hat.w; x += 2)
            for (int i = 0; i < y_hat.c; i++) {
                const float symbol = symbols->values[(y * y_hat.w + x) * y_hat.c + i];
                const int table = table_of(&model->net, lic_nn_at(scale, y, x)[i]);
                lic_nn_at(y_hat, y, x)[i] = symbol + lic_nn_at(mean, y, x)[i];
                lic_range_encode(&r->coder, &model->y_tables.tables[table], (int32_t)symbol);
            }
}

static void do_pass(nn *c, run *r, int slice, int pass, tensor hyper, tensor ctx, tensor anchors,
                    tensor y_hat)
{
    golden *g = r->g;
    const slice_model *w = &g->model->net.ctx[slice];
    const char *suffix = pass ? "non" : "anchor";
    tensor params = lic_nn_new(c, 1, y_hat.h * y_hat.w / 2, 2 * w->size);
    tensor mean = new_like(c, y_hat, w->size), scale = new_like(c, y_hat, w->size);
    if (r->layers)
        parameter_layers(c, g, slice, pass, hyper, ctx, anchors);
    lic_entropy_parameters(c, w, pass, hyper, ctx, anchors, params);
    spread(c, params, 0, pass, mean);
    spread(c, params, w->size, pass, scale);
    check_pass(c, g, named("ctx.%d.mu_%s", slice, suffix), mean, pass);
    check_pass(c, g, named("ctx.%d.scale_%s", slice, suffix), scale, pass);
    check_tables(c, g, slice, pass, scale);
    code_pass(c, r, slice, pass, mean, scale, y_hat);
}

/* What the residual prediction added. */
static void check_lrp(nn *c, golden *g, int slice, tensor before, tensor after)
{
    tensor added = new_like(c, before, before.c);
    for (int y = 0; y < added.h && !lic_nn_idle(c); y++)
        for (int x = 0; x < added.w; x++)
            for (int i = 0; i < added.c; i++)
                lic_nn_at(added, y, x)[i] = lic_nn_at(after, y, x)[i] - lic_nn_at(before, y, x)[i];
    check_layer(c, g, named("ctx.%d.lrp", slice), added);
}

static void copy_channels(const nn *c, tensor to, tensor from, int pass)
{
    for (int y = 0; y < to.h && !lic_nn_idle(c); y++)
        for (int x = 0; x < to.w; x++)
            for (int i = 0; i < to.c; i++)
                lic_nn_at(to, y, x)[i] =
                    pass == EVERYWHERE || (y + x) % 2 == pass ? lic_nn_at(from, y, x)[i] : 0.0f;
}

static void do_slice(nn *c, run *r, int slice, tensor hyper, tensor y_hat)
{
    const slice_model *w = &r->g->model->net.ctx[slice];
    const tensor prev = lic_nn_channels(y_hat, 0, w->prev);
    const tensor own = lic_nn_channels(y_hat, w->prev, w->size);
    const tensor anchors = new_like(c, y_hat, w->size), before = new_like(c, y_hat, w->size);
    const tensor ctx = lic_slice_context(c, w, prev, hyper);
    if (r->layers && w->prev) {
        channel_layers(c, r->g, slice, prev);
        global_layers(c, r->g, slice, prev, hyper);
    }
    if (w->prev && r->layers) {
        check_layer(c, r->g, named("ctx.%d.ac", slice), lic_nn_channels(ctx, 0, w->ac.inp.cout));
        check_layer(c, r->g, named("ctx.%d.ag", slice),
                    lic_nn_channels(ctx, w->ac.inp.cout, w->ag.inp.cout));
    }
    do_pass(c, r, slice, LIC_ANCHOR, hyper, ctx, anchors, own);
    copy_channels(c, anchors, own, LIC_ANCHOR);
    do_pass(c, r, slice, LIC_NON_ANCHOR, hyper, ctx, anchors, own);
    copy_channels(c, before, own, EVERYWHERE);
    lic_lrp(c, w, hyper, y_hat);
    check_lrp(c, r->g, slice, before, own);
    check_layer(c, r->g, named("ctx.%d.y_hat", slice), own);
}

static void code_z(const nn *c, run *r, tensor z)
{
    for (int at = 0; at < z.h * z.w && !lic_nn_idle(c); at++)
        for (int i = 0; i < z.c; i++)
            lic_range_encode(&r->coder, &r->g->model->z_tables.tables[i],
                             (int32_t)lic_nn_at(z, 0, at)[i]);
}

/* The library's decoder from the bytes just made. */
static void decode_again(nn *c, run *r, const rate_state *rate, int h, int w)
{
    lic_range_decoder decoder;
    lic_range_decoder_init(&decoder, r->coder.data, r->coder.bytes);
    latent_io io = {.model = r->g->model, .dec = &decoder};
    const tensor none = {0}, y_hat = lic_latent_code(c, &io, rate, none, none, h, w);
    if (lic_nn_idle(c))
        return;
    CHECK(lic_range_decoder_ok(&decoder));
    CHECK_EQ_MEM(y_hat.data, r->y_hat, r->n * sizeof(float));
}

/* Samples of pixels of the decoded y_hat, as PyTorch's x_hat. */
static void check_picture(nn *c, golden *g, const rate_state *rate, tensor y_hat)
{
    const tensor t = lic_g_s(c, &g->model->net, rate, y_hat);
    check_layer(c, g, named("x_hat"), pixels_of(c, t, 0.5f));
}

static void keep_y_hat(run *r, tensor y_hat)
{
    r->n = (size_t)y_hat.h * (size_t)y_hat.w * y_hat.pitch;
    r->y_hat = malloc(r->n * sizeof *r->y_hat);
    if (!r->y_hat)
        exit(2);
    memcpy(r->y_hat, y_hat.data, r->n * sizeof *r->y_hat);
}

static void slices(lic_session *session, nn *c, void *user)
{
    run *r = user;
    golden *g = r->g;
    const network *net = &g->model->net;
    rate_state rate;
    (void)session;
    lic_rate_state(c, net, golden_find(g, "level")->values[0], &rate);
    const tensor z = tensor_of(c, golden_find(g, "z.symbols"));
    const tensor hyper = lic_h_s(c, net, &rate, z), y_hat = new_like(c, hyper, net->m);
    check_layer(c, g, named("h_s.out"), hyper);
    if (!lic_nn_idle(c))
        lic_range_encoder_init(&r->coder, golden_grow, NULL);
    code_z(c, r, z);
    for (int i = 0; i < net->n_slices; i++)
        do_slice(c, r, i, hyper, y_hat);
    check_layer(c, g, named("y_hat"), y_hat);
    if (!lic_nn_idle(c)) {
        keep_y_hat(r, y_hat);
        CHECK(lic_range_finish(&r->coder));
    }
    check_picture(c, g, &rate, y_hat);
    decode_again(c, r, &rate, hyper.h, hyper.w);
}

/* The size of the code: within a byte or two of what the tables say; an escape takes some bits
 * more. */
static void check_bits(const run *r)
{
    const record *bits = golden_find(r->g, "bits"), *escapes = golden_find(r->g, "escapes");
    const double low = (double)bits->values[0] + (double)bits->values[1];
    const double high = low + 16 * ((double)escapes->values[0] + (double)escapes->values[1]);
    const double got = 8.0 * (double)r->coder.bytes;
    printf("coded in %.0f bits; the tables say %.1f to %.1f\n", got, low, high);
    CHECK(got > low - 1 && got < high + 16);
}

/* Records of the transforms are compared in test_layers.c. */
static void skip(golden *g)
{
    static const char *const elsewhere[] = {"g_a.", "g_s.", "h_a.",  "h_s.c", "x",     "y",
                                            "z",    "gain", "igain", "zgain", "izgain"};
    for (int i = 0; i < g->n_records; i++)
        for (size_t j = 0; j < sizeof elsewhere / sizeof elsewhere[0]; j++)
            if (!g->records[i].used &&
                !strncmp(g->records[i].name, elsewhere[j], strlen(elsewhere[j])))
                g->records[i].used = 2;
}

static void from_symbols(const char *dump, int layers)
{
    run r = {.g = golden_open(dump), .layers = layers};
    golden_run(r.g->model, slices, &r);
    check_bits(&r);
    skip(r.g);
    golden_report(r.g, dump);
    free(r.coder.data);
    free(r.y_hat);
    golden_close(r.g);
}

TEST(slices_of_a_picture)
{
    from_symbols("tiny.bin", 1);
}

TEST(slices_in_integers)
{
    from_symbols("integers.bin", 1);
}

/* One window at 1/8; the last rate level. */
TEST(slices_of_one_unit)
{
    from_symbols("tiny-4x4.bin", 0);
}

/* Larger than the grid of AG, and not square. */
TEST(slices_of_many_windows)
{
    from_symbols("tiny-12x16.bin", 0);
}
