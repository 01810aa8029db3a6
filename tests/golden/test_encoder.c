/* test_encoder.c - the whole encoder of the tiny network against PyTorch: the symbols of every
 * slice in coding order. A symbol may differ only where y - mean lies within 1e-3 of a half; from
 * there on the two go different ways, so the comparison ends with that pass. */
#include "tests/golden/golden.h"
#include "tests/rows.h"

typedef struct comparison {
    golden *g;
    int pass, passes_equal, over; /* over: a symbol differed, nothing after it can be compared */
    size_t compared, differ;
} comparison;

static int near_half(const golden *g, const record *y, const record *mean, int size, size_t at,
                     int channel)
{
    int first = 0;
    for (int i = 0; g->model->net.slices[i] != size; i++) /* sizes of the tiny slices all differ */
        first += g->model->net.slices[i];
    const size_t m = (size_t)g->model->net.m, i = at * m + (size_t)(first + channel);
    const double v =
        (double)y->values[i] - (double)mean->values[at * (size_t)size + (size_t)channel];
    return fabs(v - floor(v) - 0.5) < 1e-3;
}

/* Counts symbols that differ from those of PyTorch, which may be by rounding alone. */
static void compare_symbols(void *user, int slice, int pass, const int32_t *symbols, size_t n)
{
    comparison *s = user;
    const record *want = golden_find(s->g, "ctx.%d.symbols", slice), *y = golden_find(s->g, "y");
    const record *mean = golden_find(s->g, pass ? "ctx.%d.mu_non" : "ctx.%d.mu_anchor", slice);
    const int w = (int)want->dims[1], size = (int)want->dims[2];
    size_t i = 0, differ = 0;
    if (s->over)
        return;
    for (int row = 0; row < (int)want->dims[0]; row++)
        for (int x = (row + pass) % 2; x < w; x += 2)
            for (int channel = 0; channel < size; channel++, i++) {
                const size_t at = (size_t)(row * w + x);
                if (symbols[i] == (int32_t)want->values[at * (size_t)size + (size_t)channel])
                    continue;
                differ++;
                CHECK(near_half(s->g, y, mean, size, at, channel));
            }
    CHECK_EQ_INT(i, n);
    s->compared += n;
    s->differ += differ;
    s->over = differ > 0;
    s->passes_equal += !s->over;
}

static void check_z(const nn *c, golden *g, tensor z)
{
    const record *want = golden_find(g, "z.symbols");
    for (int at = 0; at < z.h * z.w * z.c && !lic_nn_idle(c); at++) {
        const double v = (double)z.data[at];
        CHECK(rint(v) == (double)want->values[at] || fabs(v - floor(v) - 0.5) < 1e-3);
    }
}

/* The forward pass of the encoder, layer by layer. */
static void encoder(lic_session *session, nn *c, void *user)
{
    comparison *s = user;
    const network *net = &s->g->model->net;
    rate_state rate;
    lic_range_encoder coder;
    (void)session;
    lic_rate_state(c, net, golden_find(s->g, "level")->values[0], &rate);
    const tensor y = lic_g_a(c, net, &rate, padded_picture(c, s->g));
    const tensor z = lic_h_a(c, net, &rate, y);
    check_layer(c, s->g, named("y"), y);
    check_layer(c, s->g, named("z"), z);
    check_z(c, s->g, z);
    lic_range_encoder_init(&coder, golden_grow, NULL);
    latent_io io = {.model = s->g->model, .enc = &coder, .trace = compare_symbols, .trace_user = s};
    const tensor y_hat = lic_latent_code(c, &io, &rate, y, z, y.h, y.w);
    if (!s->over)
        check_layer(c, s->g, named("y_hat"), y_hat);
    free(coder.data);
}

TEST(symbols_of_the_encoder)
{
    comparison s = {.g = golden_open("tiny.bin")};
    golden_run(s.g->model, encoder, &s);
    printf("%zu symbols compared, %zu differ, %d of %d passes equal\n", s.compared, s.differ,
           s.passes_equal, 2 * s.g->model->net.n_slices);
    CHECK(s.passes_equal > 0);
    CHECK(s.differ <= 1);
    golden_close(s.g);
}

/* The same through the public interface, with bytes and 16-bit pixels. The level 2.25 is between
 * two quality codes, so symbols may differ: the picture and its size must not by much. */
TEST(file_of_the_picture)
{
    golden *g = golden_open("tiny.bin");
    const record *x = golden_find(g, "x"), *bits = golden_find(g, "bits");
    static uint8_t samples[40 * 75 * 3];
    lic_image image = {.data = samples,
                       .stride_bytes = 75 * 3,
                       .width = 75,
                       .height = 40,
                       .channels = 3,
                       .depth = 8},
              out;
    lic_encode_options options;
    lic_buffer file;
    lic_error err = {0};
    for (size_t i = 0; i < x->n; i++)
        samples[i] = (uint8_t)lrintf(x->values[i] * 255.0f);
    lic_encode_options_init(&options);
    options.quality = 2.25 * 100 / 7;
    REQUIRE(lic_encode(g->model, &image, NULL, &options, &file, &err) == LIC_OK);
    const double want = (double)bits->values[0] + (double)bits->values[1];
    printf("file of %zu bytes; the tables say %.1f for the latents\n", file.bytes, want / 8);
    CHECK((double)file.bytes > want / 8 * 0.9 && (double)file.bytes < want / 8 * 1.1 + 40);
    const lic_decode_options wide = of_depth(16);
    REQUIRE(lic_decode(g->model, file.data, file.bytes, NULL, &wide, &out, &err) == LIC_OK);
    const record *x_hat = golden_find(g, "x_hat");
    double sum = 0;
    size_t n = 0;
    for (size_t i = 0; i < x_hat->n; i++) { /* [64, 128, 3], of which 40 x 75 are the picture */
        const size_t at = i * x_hat->step, row = at / (128 * 3), column = at % (128 * 3) / 3;
        if (row >= 40 || column >= 75)
            continue;
        uint16_t got;
        memcpy(&got, (uint8_t *)out.data + row * out.stride_bytes + 2 * (column * 3 + at % 3), 2);
        const double exact = fmin(fmax((double)x_hat->values[i], 0), 1);
        sum += fabs((double)got / 65535 - exact);
        n++;
    }
    printf("mean difference of %zu samples: %.2g\n", n, sum / (double)n);
    CHECK(n > 500 && sum / (double)n < 1e-3);
    lic_image_free(&out);
    lic_buffer_free(&file);
    golden_close(g);
}
