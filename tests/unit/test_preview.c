/* test_preview.c - pictures of 1/16 the size: by the network's head, compared with a plain form of
 * FORMAT.md, section 8; and without a head, by averaging the decoded picture. */
#include "codec/container.h"
#include "codec/latent.h"
#include "codec/session.h"
#include "codec/tile_codes.h"
#include "codec/tiles.h"
#include "tests/unit/codec_fixture.h"
#include "tests/unit/weights_fixture.h"

#include <math.h>

enum { LEVELS = 8, CHANNELS = 6 }; /* of the first two slices of the tiny network */

static float head_w[LEVELS][3][9][CHANNELS], head_b[LEVELS][3];

/* The tiny network with a head of random weights. */
static lic_model *with_head(void)
{
    static const uint32_t dims[4] = {LEVELS, 3, 9, CHANNELS}, bias[4] = {LEVELS, 3, 1, 1};
    weights w = read_tiny();
    lic_model *model = NULL;
    for (size_t i = 0; i < sizeof head_w / sizeof(float); i++)
        (&head_w[0][0][0][0])[i] = (float)test_random_below(2001) * 1e-4f - 0.1f;
    for (size_t i = 0; i < sizeof head_b / sizeof(float); i++)
        (&head_b[0][0])[i] = (float)test_random_below(2001) * 1e-4f - 0.1f;
    add_tensor(&w, "preview.weight", 0, 4, dims, head_w, sizeof head_w);
    add_tensor(&w, "preview.bias", 0, 2, bias, head_b, sizeof head_b);
    seal_head(&w);
    write_weights(&w);
    if (lic_model_open(weights_path, NULL, &model, NULL))
        exit(2);
    free(w.data);
    return model;
}

static lic_decode_options reduced(void)
{
    lic_decode_options o;
    lic_decode_options_init(&o);
    o.scale = 16;
    return o;
}

/* ---- the head, plainly ------------------------------------------------------------------------*/

struct plain {
    lic_container file;
    lic_grid grid;
    lic_tile_codes codes;
    lic_image out; /* 8 bits, RGB */
};

static float at_level(float a, float b, float f)
{
    const float g = 1.0f - f, left = g * a, right = f * b;
    return left + right;
}

static uint8_t sample_of(float v)
{
    v += 0.5f;
    return (uint8_t)lrintf((v > 0 ? v < 1 ? v : 1 : 0) * 255.0f);
}

/* One colour of one position; y has its gains. Beyond an open side positions are mirrored. */
static float head_at(const struct plain *p, tensor y, lic_area tile, float level, int row,
                     int column, int colour)
{
    const unsigned open = lic_grid_open(&p->grid, tile);
    const int l = (int)level < LEVELS - 2 ? (int)level : LEVELS - 2;
    const float f = level - (float)l;
    float v = at_level(head_b[l][colour], head_b[l + 1][colour], f);
    for (int t = 0; t < 9; t++) {
        int r = row + t / 3 - 1, q = column + t % 3 - 1;
        r = r < 0 && open & LIC_OPEN_TOP ? 1 : r >= y.h && open & LIC_OPEN_BOTTOM ? y.h - 2 : r;
        q = q < 0 && open & LIC_OPEN_LEFT ? 1 : q >= y.w && open & LIC_OPEN_RIGHT ? y.w - 2 : q;
        for (int i = 0; i < CHANNELS; i++) {
            const int inside = r >= 0 && r < y.h && q >= 0 && q < y.w;
            const float w = at_level(head_w[l][colour][t][i], head_w[l + 1][colour][t][i], f);
            v = fmaf(inside ? lic_nn_at(y, r, q)[i] : 0.0f, w, v);
        }
    }
    return v;
}

/* All slices are decoded here, of which the head sees the first. */
static void plain_tile(lic_session *session, nn *c, struct plain *p, int column, int row)
{
    const lic_area tile = lic_grid_tile(&p->grid, column, row);
    const float level = lic_level(session->model, p->file.quality_code);
    const size_t mark = lic_arena_mark(c->arena);
    const tensor none = {0};
    rate_state rate;
    lic_range_decoder coder = {0};
    lic_rate_state(c, &session->model->net, level, &rate);
    if (!lic_nn_idle(c)) {
        const lic_tile_code code =
            lic_tile_codes_get(&p->codes, (size_t)(row * p->grid.columns + column));
        lic_range_decoder_init(&coder, code.data, code.bytes);
    }
    latent_io io = {.model = session->model, .dec = &coder};
    c->open = lic_grid_open(&p->grid, tile);
    const tensor y = lic_latent_code(c, &io, &rate, none, none, (tile.y1 - tile.y0) / 16,
                                     (tile.x1 - tile.x0) / 16);
    c->open = 0;
    lic_nn_apply_gain(c, y, rate.igain, y);
    for (int i = 0; i < y.h * y.w && !lic_nn_idle(c); i++) {
        const int r = i / y.w, q = i % y.w, to_r = tile.y0 / 16 + r, to_q = tile.x0 / 16 + q;
        if (to_r >= (int)p->out.height || to_q >= (int)p->out.width)
            continue;
        for (int k = 0; k < 3; k++)
            ((uint8_t *)p->out.data)[(size_t)to_r * p->out.stride_bytes + (size_t)(3 * to_q + k)] =
                sample_of(head_at(p, y, tile, level, r, q, k));
    }
    lic_arena_rewind(c->arena, mark);
}

static void plain_forward(lic_session *session, nn *c, void *user)
{
    struct plain *p = user;
    for (int i = 0; i < p->grid.columns * p->grid.rows; i++)
        plain_tile(session, c, p, i % p->grid.columns, i / p->grid.columns);
}

static lic_image plain_preview(const lic_model *model, const lic_buffer *stream)
{
    static const uint8_t *starts[100];
    struct plain p = {0};
    lic_chunk chunks[LIC_MAX_CHUNKS];
    lic_session *session;
    const lic_options options = with_threads(1);
    CHECK_EQ_INT(lic_container_read(stream->data, stream->bytes, chunks, &p.file, NULL), LIC_OK);
    CHECK(lic_grid_init(&p.grid, p.file.width, p.file.height, (int)p.file.tile_w,
                        (int)p.file.tile_h));
    p.codes = (lic_tile_codes){.file = &p.file, .n = (size_t)(p.grid.columns * p.grid.rows)};
    p.codes.starts = p.file.tile_w ? starts : NULL;
    CHECK(!p.file.tile_w || lic_tile_codes_find(&p.codes));
    p.out = (lic_image){.width = (p.file.width + 15) / 16,
                        .height = (p.file.height + 15) / 16,
                        .channels = 3,
                        .depth = 8};
    p.out.stride_bytes = 3 * (size_t)p.out.width;
    p.out.data = malloc(p.out.stride_bytes * p.out.height);
    CHECK_EQ_INT(lic_session_new(model, &options, &session, NULL), LIC_OK);
    CHECK_EQ_INT(lic_session_run(session, plain_forward, &p, p.file.width, p.file.height, NULL),
                 LIC_OK);
    lic_session_free(session);
    return p.out;
}

static lic_buffer encode_with(const lic_model *model, const lic_image *picture, uint32_t side,
                              double quality)
{
    lic_encode_options e = at_quality(quality);
    lic_buffer file = {0};
    e.tile_side = side;
    CHECK_EQ_INT(lic_encode(model, picture, NULL, &e, &file, NULL), LIC_OK);
    return file;
}

static lic_image decode_with(const lic_model *model, const lic_buffer *file, int threads,
                             lic_cpu cpu, const lic_decode_options *o, lic_stats *stats)
{
    lic_options options = with_threads(threads);
    lic_session *decoder = NULL;
    lic_image out = {0};
    lic_error err = {0};
    options.cpu = cpu;
    CHECK_EQ_INT(lic_session_new(model, &options, &decoder, NULL), LIC_OK);
    CHECK_EQ_INT(lic_session_decode(decoder, file->data, file->bytes, o, &out, &err), LIC_OK);
    if (err.status)
        printf("%s\n", err.text);
    if (stats)
        lic_session_get_stats(decoder, stats);
    lic_session_free(decoder);
    return out;
}

/* At every level of instructions and several numbers of threads, in one tile and in many. */
TEST(preview_by_the_head)
{
    static const uint32_t cases[][3] = {{200, 90, 0}, {200, 150, 64}, {1, 1, 0}, {17, 130, 64}};
    lic_model *model = with_head();
    lic_model_info info;
    lic_model_get_info(model, &info);
    CHECK_EQ_INT(info.preview_slices, 2);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        lic_image p = make_picture(cases[i][0], cases[i][1], 3, 8);
        lic_buffer file = encode_with(model, &p, cases[i][2], 20 + 20 * (double)i);
        lic_image want = plain_preview(model, &file);
        const lic_decode_options options = reduced();
        for (int cpu = LIC_CPU_AUTO; cpu <= LIC_CPU_LAST; cpu++) {
            if (cpu && !lic_cpu_supported((lic_cpu)cpu))
                continue;
            lic_stats stats;
            lic_image got =
                decode_with(model, &file, cpu == 1 ? 7 : cpu + 1, (lic_cpu)cpu, &options, &stats);
            check_same_pixels(&got, &want);
            CHECK_EQ_INT(stats.n_slices, 2);
            CHECK(stats.seconds[LIC_STAGE_SYNTHESIS] == 0);
            lic_image_free(&got);
        }
        free(want.data);
        lic_buffer_free(&file);
        free(p.data);
    }
    lic_model_close(model);
}

/* ---- without a head ---------------------------------------------------------------------------*/

/* Means of 8-bit samples, where the decoder takes those of numbers not yet rounded: half a step
 * either way. */
TEST(preview_by_averaging)
{
    static const uint32_t cases[][3] = {{200, 90, 0}, {200, 150, 64}, {1, 1, 0}, {31, 129, 64}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const uint32_t w = cases[i][0], h = cases[i][1];
        lic_image p = make_picture(w, h, i % 2 ? 3 : 1, 8);
        lic_buffer file = encode_with(tiny_model(), &p, cases[i][2], 70);
        const lic_decode_options options = reduced();
        lic_image whole = decode_with(tiny_model(), &file, 1, LIC_CPU_AUTO, NULL, NULL),
                  small = decode_with(tiny_model(), &file, 2, LIC_CPU_AUTO, &options, NULL);
        REQUIRE(small.width == (w + 15) / 16 && small.height == (h + 15) / 16);
        REQUIRE(small.channels == p.channels);
        for (uint32_t y = 0; y < small.height; y++)
            for (uint32_t x = 0; x < small.width * p.channels; x++) {
                double sum = 0, n = 0;
                const uint32_t column = x / p.channels, colour = x % p.channels;
                for (uint32_t r = 16 * y; r < 16 * y + 16 && r < h; r++)
                    for (uint32_t q = 16 * column; q < 16 * column + 16 && q < w; q++, n++)
                        sum += ((uint8_t *)
                                    whole.data)[r * whole.stride_bytes + q * p.channels + colour];
                CHECK(fabs(sum / n - ((uint8_t *)small.data)[y * small.stride_bytes + x]) <= 1.0);
            }
        lic_image_free(&whole);
        lic_image_free(&small);
        lic_buffer_free(&file);
        free(p.data);
    }
}

/* ---- what goes with it ------------------------------------------------------------------------*/

struct rows {
    uint8_t *to;
    uint32_t next;
    size_t row_bytes;
};

static int take_rows(void *user, uint32_t first, uint32_t n, void *rows, size_t stride)
{
    struct rows *r = user;
    if (first != r->next)
        return 1;
    r->next += n;
    for (uint32_t i = 0; i < n; i++)
        memcpy(r->to + (first + i) * r->row_bytes, (uint8_t *)rows + i * stride, r->row_bytes);
    return 0;
}

TEST(preview_row_by_row)
{
    lic_model *head = with_head();
    const lic_model *models[] = {tiny_model(), head};
    for (int i = 0; i < 2; i++) {
        lic_image p = make_picture(150, 200, 3, 16);
        lic_buffer file = encode_with(models[i], &p, 64, 40);
        const lic_decode_options options = reduced();
        lic_image want = decode_with(models[i], &file, 1, LIC_CPU_AUTO, &options, NULL);
        struct rows rows = {malloc(image_bytes(&want)), 0, want.stride_bytes};
        lic_session *decoder;
        REQUIRE(!lic_session_new(models[i], NULL, &decoder, NULL));
        CHECK(!decode_rows(decoder, file.data, file.bytes, &options, take_rows, &rows, NULL));
        CHECK_EQ_INT(rows.next, want.height);
        CHECK_EQ_MEM(rows.to, want.data, image_bytes(&want));
        lic_session_free(decoder);
        free(rows.to);
        lic_image_free(&want);
        lic_buffer_free(&file);
        free(p.data);
    }
    lic_model_close(head);
}

TEST(preview_options_that_are_refused)
{
    lic_image p = make_picture(100, 80, 3, 8), out;
    lic_buffer file = encode_tiny(tiny_model(), &p, NULL, 40);
    lic_session *decoder;
    lic_error err;
    REQUIRE(!lic_session_new(tiny_model(), NULL, &decoder, NULL));
    for (uint32_t scale = 2; scale <= 32; scale++) {
        lic_decode_options o = reduced();
        o.scale = scale;
        o.crop_width = o.crop_height = scale == 16 ? 16 : 0;
        CHECK_EQ_INT(lic_session_decode(decoder, file.data, file.bytes, &o, &out, &err),
                     LIC_ERR_ARGUMENT);
        CHECK(!out.data && err.text[0]);
    }
    lic_session_free(decoder);
    lic_buffer_free(&file);
    free(p.data);
}

/* A file cut behind the slices that the head sees has a whole preview. */
TEST(preview_of_a_cut_file)
{
    lic_model *model = with_head();
    lic_image p = make_picture(100, 80, 3, 8), whole, out;
    lic_buffer file = encode_with(model, &p, 0, 60);
    lic_decode_options o = reduced();
    lic_stats stats;
    whole = decode_with(model, &file, 1, LIC_CPU_AUTO, &o, NULL);
    o.salvage = 1;
    file.bytes -= 12;
    out = decode_with(model, &file, 1, LIC_CPU_AUTO, &o, &stats);
    check_same_pixels(&out, &whole);
    CHECK(stats.n_whole_tiles == 1 && stats.n_whole_slices == 2);
    lic_image_free(&out);
    lic_image_free(&whole);
    lic_buffer_free(&file);
    lic_model_close(model);
    free(p.data);
}
