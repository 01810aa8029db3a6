/* test_levels.c - a model says how many rate levels it has: the tiny network with twelve levels,
 * whose second to ninth are the eight that it was made with, codes there what it codes with
 * eight. */
#include "codec/container.h"
#include "codec/session.h"
#include "tests/unit/codec_fixture.h"
#include "tests/unit/weights_fixture.h"

#include <math.h>

enum { OLD = 8, LEVELS = 12, BEFORE = 1 };

/* The rows of a tensor by level: the first repeated before them, the last behind. */
static void widen(weights *w, const char *name)
{
    uint8_t *e = entry_named(w, name);
    const size_t row = (size_t)get(e + W_SIZE, 8) / OLD;
    uint8_t *values = malloc(row * LEVELS);
    if (!values)
        exit(2);
    for (int i = 0; i < LEVELS; i++) {
        const int from = i < BEFORE ? 0 : i - BEFORE < OLD ? i - BEFORE : OLD - 1;
        memcpy(values + (size_t)i * row, payload_of(w, e) + (size_t)from * row, row);
    }
    replace_tensor(w, name, LEVELS, values);
    free(values);
}

static lic_model *open_model(weights *w)
{
    lic_model *model = NULL;
    lic_error err;
    seal_head(w);
    write_weights(w);
    if (lic_model_open(weights_path, NULL, &model, &err)) {
        printf("%s\n", err.text);
        exit(2);
    }
    free(w->data);
    return model;
}

/* The tiny model with twelve rate levels instead of its own. */
static lic_model *with_twelve(void)
{
    static const char *const names[] = {
        "gain",         "igain",          "zgain",        "izgain",       "hrate.w",
        "g_a.rate.0.w", "g_a.rate.1.w",   "g_a.rate.2.w", "g_s.rate.0.w", "g_s.rate.1.w",
        "g_s.rate.2.w", "preview.weight", "preview.bias"};
    static const uint32_t two[4] = {2, 1, 1, 1};
    const float lambda[2] = {0.00066f, 0.4846f};
    weights w = read_tiny();
    add_preview_head(&w, 1);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        widen(&w, names[i]);
    put(config_named(&w, "levels") + 32, 8, LEVELS);
    add_tensor(&w, "rate.lambda", 0, 1, two, lambda, sizeof lambda);
    return open_model(&w);
}

static lic_model *with_eight(void)
{
    weights w = read_tiny();
    add_preview_head(&w, 1);
    return open_model(&w);
}

TEST(levels_are_told)
{
    lic_model *twelve = with_twelve(), *eight = with_eight();
    lic_model_info info;
    lic_model_get_info(twelve, &info);
    CHECK_EQ_INT(info.levels, LEVELS);
    CHECK(info.lambda[0] == 0.00066f && info.lambda[1] == 0.4846f);
    lic_model_get_info(eight, &info);
    CHECK_EQ_INT(info.levels, OLD);
    CHECK(info.lambda[0] == 0.0012f && info.lambda[1] == 0.08f);
    CHECK(lic_level(twelve, 0) == 0.0f);
    CHECK(fabsf(lic_level(twelve, LIC_QUALITY_CODES) - (LEVELS - 1)) < 1e-3f);
    lic_model_close(twelve);
    lic_model_close(eight);
}

/* All that depends on the rate. */
static void rates_of(const lic_model *model, float level, lic_arena *arena, rate_state *out)
{
    nn c = {.k = lic_kernels_get(LIC_CPU_AUTO), .arena = arena};
    lic_arena plan;
    lic_arena_plan(&plan);
    c.arena = &plan;
    lic_rate_state(&c, &model->net, level, out);
    lic_rate_preview(&c, &model->net, lic_preview_head(&model->net, 1), 1, level, out);
    if (!lic_arena_reserve(arena, plan.peak, NULL))
        exit(2);
    c.arena = arena;
    lic_rate_state(&c, &model->net, level, out);
    lic_rate_preview(&c, &model->net, lic_preview_head(&model->net, 1), 1, level, out);
}

static void check_same(const float *a, const float *b, int n)
{
    CHECK(memcmp(a, b, (size_t)n * sizeof *a) == 0);
}

TEST(levels_are_those_of_the_file)
{
    lic_model *twelve = with_twelve(), *eight = with_eight();
    const network *net = &eight->net;
    static const float levels[] = {0.0f, 0.25f, 3.0f, 6.5f, 7.0f};
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        lic_arena arena = {0}, other = {0};
        rate_state a, b;
        rates_of(twelve, levels[i] + BEFORE, &arena, &a);
        rates_of(eight, levels[i], &other, &b);
        for (int s = 0; s < 3; s++) {
            check_same(a.g_a[s].scale, b.g_a[s].scale, net->ch[s]);
            check_same(a.g_s[s].shift, b.g_s[s].shift, net->ch[s]);
        }
        check_same(a.hyper.scale, b.hyper.scale, net->hyper);
        check_same(a.gain, b.gain, net->m);
        check_same(a.igain, b.igain, net->m);
        check_same(a.zgain, b.zgain, net->n);
        check_same(a.izgain, b.izgain, net->n);
        check_same(a.preview.w, b.preview.w, 9 * a.preview.cin * LIC_PANEL);
        check_same(a.preview.bias, b.preview.bias, 3);
        lic_arena_release(&arena);
        lic_arena_release(&other);
    }
    lic_model_close(twelve);
    lic_model_close(eight);
}

/* There and back at both ends and between, whole and reduced. */
TEST(levels_code_pictures)
{
    lic_model *twelve = with_twelve();
    lic_image p = make_picture(90, 70, 3, 8), out;
    for (int quality = 0; quality <= 100; quality += 25) {
        lic_encode_options o;
        lic_decode_options small;
        lic_buffer file = {0};
        lic_info info;
        lic_session *decoder = NULL;
        lic_encode_options_init(&o);
        lic_decode_options_init(&small);
        o.quality = quality;
        small.scale = 16;
        REQUIRE(!lic_encode(twelve, &p, NULL, &o, &file, NULL));
        REQUIRE(!lic_probe(file.data, file.bytes, &info, NULL));
        CHECK(fabs(info.quality - quality) < 0.001);
        CHECK(!lic_decode(twelve, file.data, file.bytes, NULL, NULL, &out, NULL));
        CHECK_EQ_INT(out.width, 90);
        lic_image_free(&out);
        REQUIRE(!lic_session_new(twelve, NULL, &decoder, NULL));
        CHECK(!lic_session_decode(decoder, file.data, file.bytes, &small, &out, NULL));
        CHECK_EQ_INT(out.width, 6);
        lic_image_free(&out);
        lic_session_free(decoder);
        lic_buffer_free(&file);
    }
    free(p.data);
    lic_model_close(twelve);
}
