/* test_preview.c - reduced pictures: by a head of the network's own file or of the one beside it,
 * compared with a plain form of FORMAT.md, section 8; and without a head, by averaging the decoded
 * picture. */
#include "codec/container.h"
#include "codec/latent.h"
#include "codec/session.h"
#include "codec/tile_codes.h"
#include "codec/tiles.h"
#include "tests/unit/codec_fixture.h"
#include "tests/unit/weights_fixture.h"

#include <math.h>

enum { LEVELS = 8, CHANNELS = 6 };          /* of the first two slices of the tiny network */
enum { SIDE = 4, OUTPUTS = 48, FEWER = 2 }; /* a larger head, and the channels of the first slice */

static float head_w[LEVELS][3][9][CHANNELS], head_b[LEVELS][3];
static float large_w[LEVELS][OUTPUTS][9][FEWER], large_b[LEVELS][OUTPUTS];

static void fill_random(float *to, size_t bytes)
{
    for (size_t i = 0; i < bytes / sizeof *to; i++)
        to[i] = (float)test_random_below(2001) * 1e-4f - 0.1f;
}

/* The tiny network with a head of random weights. */
static weights tiny_with_head(void)
{
    static const uint32_t dims[4] = {LEVELS, 3, 9, CHANNELS}, bias[4] = {LEVELS, 3, 1, 1};
    weights w = read_tiny();
    fill_random(&head_w[0][0][0][0], sizeof head_w);
    fill_random(&head_b[0][0], sizeof head_b);
    add_tensor(&w, "preview.weight", 0, 4, dims, head_w, sizeof head_w);
    add_tensor(&w, "preview.bias", 0, 2, bias, head_b, sizeof head_b);
    seal_head(&w);
    return w;
}

/* Heads of 4 x 4 colours for it, random too, in binary16. */
static weights large_head(const weights *owner)
{
    static const uint32_t dims[4] = {LEVELS, OUTPUTS, 9, FEWER}, bias[4] = {LEVELS, OUTPUTS, 1, 1};
    enum { N = LEVELS * OUTPUTS * 9 * FEWER };
    static uint16_t halves[N];
    weights w = no_previews(get(owner->data + W_HASH_AT, 8));
    for (size_t i = 0; i < N; i++) {
        halves[i] = some_half((uint32_t)test_random());
        (&large_w[0][0][0][0])[i] = half_value(halves[i]);
    }
    fill_random(&large_b[0][0], sizeof large_b);
    add_tensor(&w, "preview.weight", 1, 4, dims, halves, sizeof halves);
    add_tensor(&w, "preview.bias", 0, 2, bias, large_b, sizeof large_b);
    seal_head(&w);
    return w;
}

static lic_model *open_weights(void)
{
    lic_model *model = NULL;
    lic_error err;
    if (lic_model_open(weights_path, NULL, &model, &err)) {
        printf("%s\n", err.text);
        exit(2);
    }
    return model;
}

/* With a head of its own, with a larger one beside it, or both; or neither. */
static lic_model *with_heads(bool own, bool beside)
{
    weights w = own ? tiny_with_head() : read_tiny();
    write_weights(&w);
    remove_previews();
    if (beside) {
        weights heads = large_head(&w);
        write_previews(&heads);
        free(heads.data);
    }
    free(w.data);
    return open_weights();
}

static lic_decode_options reduced(uint32_t scale)
{
    lic_decode_options o;
    lic_decode_options_init(&o);
    o.scale = scale;
    return o;
}

/* ---- the head, plainly ------------------------------------------------------------------------*/

struct plain {
    lic_container file;
    lic_grid grid;
    lic_tile_codes codes;
    lic_image out; /* 8 bits, RGB */
    int scale;
    bool own; /* by the network's own head, else by means of the larger one */
    float *y; /* [H / 16, W / 16, CHANNELS] of the padded picture, with their gains */
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

/* A weight of output `out` at the level l + f, of tap t and channel i; with t 9 its bias. */
static float weight_at(const struct plain *p, int l, float f, int out, int t, int i)
{
    const int side = 16 / p->scale, block = SIDE / side;
    float sum = 0;
    if (p->own && t == 9)
        return at_level(head_b[l][out], head_b[l + 1][out], f);
    if (p->own)
        return at_level(head_w[l][out][t][i], head_w[l + 1][out][t][i], f);
    for (int y = 0; y < block; y++)
        for (int x = 0; x < block; x++) {
            const int row =
                3 * (SIDE * (out / 3 / side * block + y) + out / 3 % side * block + x) + out % 3;
            sum += t == 9 ? at_level(large_b[l][row], large_b[l + 1][row], f)
                          : at_level(large_w[l][row][t][i], large_w[l + 1][row][t][i], f);
        }
    return sum * (1.0f / (float)(block * block));
}

/* One output at a position in a tile. Beyond an open side positions are mirrored. */
static float head_at(const struct plain *p, lic_area tile, float level, int row, int column,
                     int out)
{
    const unsigned open = lic_grid_open(&p->grid, tile);
    const int l = (int)level < LEVELS - 2 ? (int)level : LEVELS - 2;
    const int y0 = tile.y0 / 16, x0 = tile.x0 / 16, y1 = tile.y1 / 16, x1 = tile.x1 / 16;
    const float f = level - (float)l;
    float v = weight_at(p, l, f, out, 9, 0);
    for (int t = 0; t < 9; t++) {
        int r = row + t / 3 - 1, q = column + t % 3 - 1;
        r = r < y0 && open & LIC_OPEN_TOP ? y0 + 1 : r >= y1 && open & LIC_OPEN_BOTTOM ? y1 - 2 : r;
        q = q < x0 && open & LIC_OPEN_LEFT ? x0 + 1 : q >= x1 && open & LIC_OPEN_RIGHT ? x1 - 2 : q;
        const int inside = r >= y0 && r < y1 && q >= x0 && q < x1;
        const float *y = p->y + (inside ? (r * p->grid.width / 16 + q) * CHANNELS : 0);
        for (int i = 0; i < (p->own ? CHANNELS : FEWER); i++)
            v = fmaf(inside ? y[i] : 0.0f, weight_at(p, l, f, out, t, i), v);
    }
    return v;
}

/* All slices are decoded here, of which the head sees the first. */
static void plain_latents(lic_session *session, nn *c, struct plain *p, int column, int row)
{
    const lic_area tile = lic_grid_tile(&p->grid, column, row);
    const size_t mark = lic_arena_mark(c->arena);
    const tensor none = {0};
    rate_state rate;
    lic_range_decoder coder = {0};
    lic_rate_state(c, &session->model->net, lic_level(session->model, p->file.quality_code), &rate);
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
        const int r = tile.y0 / 16 + i / y.w, q = tile.x0 / 16 + i % y.w;
        memcpy(p->y + (r * p->grid.width / 16 + q) * CHANNELS, lic_nn_at(y, i / y.w, i % y.w),
               CHANNELS * sizeof(float));
    }
    lic_arena_rewind(c->arena, mark);
}

/* A preview of 1/16 sees the tile alone, a larger one the whole picture. */
static void paint(const struct plain *p, float level)
{
    const lic_grid *g = &p->grid;
    const lic_area all = {0, 0, g->width, g->height};
    const int side = 16 / p->scale;
    for (uint32_t r = 0; r < p->out.height; r++)
        for (uint32_t q = 0; q < p->out.width; q++) {
            const int row = (int)r / side, column = (int)q / side;
            const lic_area tile = lic_grid_tile(g, 16 * column / g->tile_w, 16 * row / g->tile_h);
            const int place = 3 * (side * ((int)r % side) + (int)q % side);
            for (int k = 0; k < 3; k++)
                ((uint8_t *)p->out.data)[r * p->out.stride_bytes + 3 * q + (uint32_t)k] =
                    sample_of(head_at(p, side > 1 ? all : tile, level, row, column, place + k));
        }
}

static void plain_forward(lic_session *session, nn *c, void *user)
{
    struct plain *p = user;
    for (int i = 0; i < p->grid.columns * p->grid.rows; i++)
        plain_latents(session, c, p, i % p->grid.columns, i / p->grid.columns);
    if (!lic_nn_idle(c))
        paint(p, lic_level(session->model, p->file.quality_code));
}

static lic_image plain_preview(const lic_model *model, const lic_buffer *stream, uint32_t scale,
                               bool own)
{
    static const uint8_t *starts[100];
    struct plain p = {.scale = (int)scale, .own = own};
    lic_chunk chunks[LIC_MAX_CHUNKS];
    lic_session *session;
    const lic_options options = with_threads(1);
    CHECK_EQ_INT(lic_container_read(stream->data, stream->bytes, chunks, &p.file, NULL), LIC_OK);
    CHECK(lic_grid_init(&p.grid, p.file.width, p.file.height, (int)p.file.tile_w,
                        (int)p.file.tile_h));
    p.codes = (lic_tile_codes){.file = &p.file, .n = (size_t)(p.grid.columns * p.grid.rows)};
    p.codes.starts = p.file.tile_w ? starts : NULL;
    CHECK(!p.file.tile_w || lic_tile_codes_find(&p.codes));
    p.out = (lic_image){.width = (p.file.width + scale - 1) / scale,
                        .height = (p.file.height + scale - 1) / scale,
                        .channels = 3,
                        .depth = 8};
    p.out.stride_bytes = 3 * (size_t)p.out.width;
    p.out.data = malloc(p.out.stride_bytes * p.out.height);
    p.y = malloc((size_t)p.grid.height / 16 * (size_t)p.grid.width / 16 * CHANNELS * sizeof *p.y);
    CHECK_EQ_INT(lic_session_new(model, &options, &session, NULL), LIC_OK);
    CHECK_EQ_INT(lic_session_run(session, plain_forward, &p, p.file.width, p.file.height, NULL),
                 LIC_OK);
    lic_session_free(session);
    free(p.y);
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

/* At every level of instructions and several numbers of threads. */
static void check_preview(const lic_model *model, const lic_buffer *file, uint32_t scale, bool own)
{
    lic_image want = plain_preview(model, file, scale, own);
    const lic_decode_options options = reduced(scale);
    for (int cpu = LIC_CPU_AUTO; cpu <= LIC_CPU_LAST; cpu++) {
        if (cpu && !lic_cpu_supported((lic_cpu)cpu))
            continue;
        lic_stats stats;
        lic_image got =
            decode_with(model, file, cpu == 1 ? 7 : cpu + 1, (lic_cpu)cpu, &options, &stats);
        check_same_pixels(&got, &want);
        CHECK_EQ_INT(stats.n_slices, own ? 2 : 1);
        CHECK(stats.seconds[LIC_STAGE_SYNTHESIS] == 0);
        lic_image_free(&got);
    }
    free(want.data);
}

/* By each head that there may be, in one tile and in many. The own head gives 1/16 whatever is
 * beside it. */
TEST(preview_by_a_head)
{
    static const uint32_t cases[][3] = {{200, 90, 0}, {200, 150, 64}, {1, 1, 0}, {17, 130, 64}};
    for (int heads = 1; heads < 4; heads++) {
        const bool own = heads & 1, beside = heads & 2;
        lic_model *model = with_heads(own, beside);
        lic_model_info info;
        lic_model_get_info(model, &info);
        CHECK_EQ_INT(info.preview_slices, own ? 2 : 1);
        CHECK_EQ_INT(info.preview_scale, beside ? 4 : 16);
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            lic_image p = make_picture(cases[i][0], cases[i][1], 3, 8);
            lic_buffer file = encode_with(model, &p, cases[i][2], 20 + 20 * (double)i);
            for (uint32_t scale = 16; scale >= info.preview_scale; scale /= 2)
                check_preview(model, &file, scale, scale == 16 && own);
            lic_buffer_free(&file);
            free(p.data);
        }
        lic_model_close(model);
    }
}

/* Heads beside the file are a matter of what a model is opened for. */
TEST(heads_that_are_not_wanted)
{
    lic_model_options options;
    lic_model_info info;
    lic_model_close(with_heads(true, true));
    lic_model_options_init(&options);
    for (options.uses = 1; options.uses < 8; options.uses++) {
        lic_model *model = NULL;
        REQUIRE(!lic_model_open(weights_path, &options, &model, NULL));
        lic_model_get_info(model, &info);
        CHECK_EQ_INT(info.preview_scale, options.uses & LIC_MODEL_PREVIEWS ? 4 : 16);
        lic_model_close(model);
    }
}

/* From memory, to a model with a session open, they show what they do beside the file; once. */
TEST(heads_that_are_added)
{
    for (int own = 0; own < 2; own++) {
        lic_image out, picture = make_picture(200, 140, 3, 8);
        lic_model_info info;
        lic_session *session;
        const lic_decode_options o = reduced(4);
        lic_model *model = with_heads(own, false);
        lic_buffer file = encode_with(model, &picture, 64, 50);
        weights w = own ? tiny_with_head() : read_tiny(), heads = large_head(&w);
        REQUIRE(!lic_session_new(model, NULL, &session, NULL));
        CHECK_EQ_INT(lic_model_add_previews(model, heads.data, heads.bytes, NULL), LIC_OK);
        memset(heads.data, 0, heads.bytes);
        lic_model_get_info(model, &info);
        CHECK_EQ_INT(info.preview_scale, 4);
        lic_image want = plain_preview(model, &file, 4, false);
        REQUIRE(!lic_session_decode(session, file.data, file.bytes, &o, &out, NULL));
        check_same_pixels(&out, &want);
        lic_image_free(&out);
        free(want.data);
        free(heads.data);
        heads = large_head(&w);
        CHECK_EQ_INT(lic_model_add_previews(model, heads.data, heads.bytes, NULL),
                     LIC_ERR_ARGUMENT);
        lic_session_free(session);
        lic_model_close(model);
        lic_buffer_free(&file);
        free(picture.data);
        free(heads.data);
        free(w.data);
    }
}

TEST(heads_that_nobody_can_add)
{
    lic_model *model = NULL;
    lic_model_options options;
    lic_model_close(with_heads(false, false));
    weights w = read_tiny(), heads = large_head(&w);
    lic_model_options_init(&options);
    options.uses = LIC_MODEL_ENCODES;
    REQUIRE(!lic_model_open(weights_path, &options, &model, NULL));
    CHECK_EQ_INT(lic_model_add_previews(model, heads.data, heads.bytes, NULL), LIC_ERR_ARGUMENT);
    CHECK_EQ_INT(lic_model_add_previews(model, NULL, 0, NULL), LIC_ERR_ARGUMENT);
    CHECK_EQ_INT(lic_model_add_previews(NULL, heads.data, heads.bytes, NULL), LIC_ERR_ARGUMENT);
    lic_model_close(model);
    free(heads.data);
    free(w.data);
}

/* ---- without a head ---------------------------------------------------------------------------*/

/* Means of 8-bit samples, where the decoder takes those of numbers not yet rounded: half a step
 * either way. */
static void check_means(const lic_image *whole, const lic_image *small, uint32_t scale)
{
    const uint32_t w = whole->width, h = whole->height, n_channels = whole->channels;
    REQUIRE(small->width == (w + scale - 1) / scale && small->height == (h + scale - 1) / scale);
    REQUIRE(small->channels == n_channels);
    for (uint32_t y = 0; y < small->height; y++)
        for (uint32_t x = 0; x < small->width * n_channels; x++) {
            double sum = 0, n = 0;
            const uint32_t column = x / n_channels, colour = x % n_channels;
            for (uint32_t r = scale * y; r < scale * y + scale && r < h; r++)
                for (uint32_t q = scale * column; q < scale * column + scale && q < w; q++, n++)
                    sum += ((const uint8_t *)
                                whole->data)[r * whole->stride_bytes + q * n_channels + colour];
            CHECK(fabs(sum / n - ((uint8_t *)small->data)[y * small->stride_bytes + x]) <= 1.0);
        }
}

TEST(preview_by_averaging)
{
    static const uint32_t cases[][3] = {{200, 90, 0}, {200, 150, 64}, {1, 1, 0}, {31, 129, 64}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const uint32_t w = cases[i][0], h = cases[i][1];
        lic_image p = make_picture(w, h, i % 2 ? 3 : 1, 8);
        lic_buffer file = encode_with(tiny_model(), &p, cases[i][2], 70);
        lic_image whole = decode_with(tiny_model(), &file, 1, LIC_CPU_AUTO, NULL, NULL);
        for (uint32_t scale = 2; scale <= 16; scale *= 2) {
            const lic_decode_options options = reduced(scale);
            lic_image small = decode_with(tiny_model(), &file, 2, LIC_CPU_AUTO, &options, NULL);
            check_means(&whole, &small, scale);
            lic_image_free(&small);
        }
        lic_image_free(&whole);
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
    lic_model *head = with_heads(true, true);
    const lic_model *models[] = {tiny_model(), head};
    for (int i = 0; i < 8; i++) {
        const lic_model *model = models[i % 2];
        lic_image p = make_picture(150, 200, 3, 16);
        lic_buffer file = encode_with(model, &p, 64, 40);
        const lic_decode_options options = reduced(2u << i / 2);
        lic_image want = decode_with(model, &file, 1, LIC_CPU_AUTO, &options, NULL);
        struct rows rows = {malloc(image_bytes(&want)), 0, want.stride_bytes};
        lic_session *decoder;
        REQUIRE(!lic_session_new(model, NULL, &decoder, NULL));
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
    for (uint32_t scale = 2; scale <= 33; scale++) {
        const bool is_one = scale == 2 || scale == 4 || scale == 8 || scale == 16;
        lic_decode_options o = reduced(scale < 33 ? scale : UINT32_MAX);
        o.crop_width = o.crop_height = is_one ? 16 : 0;
        CHECK_EQ_INT(lic_session_decode(decoder, file.data, file.bytes, &o, &out, &err),
                     LIC_ERR_ARGUMENT);
        CHECK(!out.data && err.text[0]);
    }
    lic_session_free(decoder);
    lic_buffer_free(&file);
    free(p.data);
}

/* A file cut behind the slices that a head sees has a whole preview. */
TEST(preview_of_a_cut_file)
{
    lic_model *model = with_heads(true, true);
    lic_image p = make_picture(100, 80, 3, 8);
    lic_buffer file = encode_with(model, &p, 0, 60);
    for (uint32_t scale = 4; scale <= 16; scale *= 2) {
        lic_decode_options o = reduced(scale);
        lic_stats stats;
        lic_image whole = decode_with(model, &file, 1, LIC_CPU_AUTO, &o, NULL), out;
        const lic_buffer cut = {.data = file.data, .bytes = file.bytes - 12};
        o.salvage = 1;
        out = decode_with(model, &cut, 1, LIC_CPU_AUTO, &o, &stats);
        check_same_pixels(&out, &whole);
        CHECK(stats.n_whole_tiles == 1 && stats.n_whole_slices == (scale == 16 ? 2 : 1));
        lic_image_free(&out);
        lic_image_free(&whole);
    }
    lic_buffer_free(&file);
    lic_model_close(model);
    free(p.data);
}

/* The same pixels as ever: CRC-32 of them, in one tile and in many, for 1/2 to 1/16. */
TEST(previews_as_they_were)
{
    static const uint32_t want[2][4] = {{0xc7102a14, 0x229936a3, 0x7d4d234e, 0x20b5eef6},
                                        {0x92252272, 0x957083e5, 0x5b05edf1, 0x414294ac}};
    weights w = read_tiny(), heads = no_previews(get(w.data + W_HASH_AT, 8));
    add_preview_head(&w, 1);
    add_preview_head(&heads, 4);
    write_weights(&w);
    write_previews(&heads);
    lic_model *model = open_weights();
    for (uint32_t i = 0; i < 2; i++) {
        lic_image p = make_picture(250, 150, 3, 8);
        lic_buffer file = encode_with(model, &p, 64 * i, 45);
        for (uint32_t k = 0; k < 4; k++) {
            const lic_decode_options o = reduced(2u << k);
            lic_image out = decode_with(model, &file, 2, LIC_CPU_AUTO, &o, NULL);
            const uint32_t got = lic_crc32(0, out.data, image_bytes(&out));
            if (test_failed(got == want[i][k]))
                printf("%u, 1/%u: 0x%08x\n", 64 * i, 2u << k, got);
            lic_image_free(&out);
        }
        lic_buffer_free(&file);
        free(p.data);
    }
    lic_model_close(model);
    free(heads.data);
    free(w.data);
}
