/* test_image_alpha.c - images with alpha: without loss in both directions, in every way that rows
 * can go; the choices of channels and depth; damaged planes. */
#include "codec/container.h"
#include "tests/unit/codec_fixture.h"

#include <stdbool.h>

/* Of pixel x of a row. */
static uint32_t alpha_at(const lic_image *p, uint32_t x, uint32_t y)
{
    const uint8_t *row = (const uint8_t *)p->data + y * p->stride_bytes;
    const size_t at = (size_t)x * p->channels + p->channels - 1;
    uint16_t wide;
    if (p->depth == 8)
        return row[at];
    memcpy(&wide, row + 2 * at, 2);
    return wide;
}

static void set_alpha(lic_image *p, uint32_t x, uint32_t y, uint32_t v)
{
    uint8_t *row = (uint8_t *)p->data + y * p->stride_bytes;
    const size_t at = (size_t)x * p->channels + p->channels - 1;
    const uint16_t wide = (uint16_t)v;
    if (p->depth == 8)
        row[at] = (uint8_t)v;
    else
        memcpy(row + 2 * at, &wide, 2);
}

/* Opaque at the top, a disc, a ramp and noise below. */
static lic_image picture(uint32_t width, uint32_t height, uint32_t channels, uint32_t depth)
{
    lic_image p = make_picture(width, height, channels, depth);
    const uint32_t most = (1u << depth) - 1;
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++)
            set_alpha(&p, x, y,
                      y < 3 || x % 7 == 0 ? most
                      : x < width / 2     ? x * most / width
                                          : test_random_below(most + 1));
    return p;
}

static lic_buffer encode(const lic_image *p, uint32_t side)
{
    lic_encode_options e = at_quality(50);
    lic_buffer file = {0};
    lic_error err = {0};
    e.tile_side = side;
    CHECK_EQ_INT(lic_encode(tiny_model(), p, NULL, &e, &file, &err), LIC_OK);
    if (err.status)
        printf("%s\n", err.text);
    return file;
}

static lic_status decode(const lic_buffer *file, const lic_decode_options *o, lic_image *out)
{
    return lic_decode(tiny_model(), file->data, file->bytes, NULL, o, out, NULL);
}

static void check_alpha(const lic_image *got, const lic_image *want, uint32_t x0, uint32_t y0)
{
    int wrong = 0;
    for (uint32_t y = 0; y < got->height; y++)
        for (uint32_t x = 0; x < got->width; x++)
            wrong += alpha_at(got, x, y) != alpha_at(want, x0 + x, y0 + y);
    CHECK_EQ_INT(wrong, 0);
}

/* The colours are those that a decoder gives without alpha. */
static void check_colours(const lic_image *got, const lic_image *plain)
{
    const size_t sample = got->depth / 8;
    int wrong = 0;
    for (uint32_t y = 0; y < got->height; y++)
        for (uint32_t x = 0; x < got->width; x++)
            for (uint32_t i = 0; i + 1 < got->channels; i++)
                wrong += memcmp((const uint8_t *)got->data + y * got->stride_bytes +
                                    (x * got->channels + i) * sample,
                                (const uint8_t *)plain->data + y * plain->stride_bytes +
                                    (x * plain->channels + i) * sample,
                                sample) != 0;
    CHECK_EQ_INT(wrong, 0);
}

TEST(alpha_comes_back_without_loss)
{
    for (uint32_t channels = 2; channels <= 4; channels += 2)
        for (uint32_t depth = 8; depth <= 16; depth += 8)
            for (uint32_t side = 0; side <= 64; side += 64) {
                lic_image p = picture(150, 100, channels, depth), out = {0}, plain = {0};
                lic_buffer file = encode(&p, side);
                lic_info info;
                lic_decode_options o = of_depth(0);
                CHECK_EQ_INT(lic_probe(file.data, file.bytes, &info, NULL), LIC_OK);
                CHECK(info.has_alpha && info.channels == channels - 1);
                CHECK_EQ_INT(decode(&file, NULL, &out), LIC_OK);
                CHECK(out.channels == channels && out.depth == depth);
                check_alpha(&out, &p, 0, 0);
                o.channels = channels - 1;
                CHECK_EQ_INT(decode(&file, &o, &plain), LIC_OK);
                CHECK_EQ_INT(plain.channels, channels - 1);
                check_colours(&out, &plain);
                lic_image_free(&out);
                lic_image_free(&plain);
                lic_buffer_free(&file);
                free(p.data);
            }
}

/* The bytes of the file are the same whether alpha comes along or was never there, but for its
 * chunk. */
TEST(colours_do_not_depend_on_alpha)
{
    lic_image p = picture(70, 50, 4, 8), plain = make_picture(70, 50, 3, 8);
    lic_info a, b;
    for (uint32_t y = 0; y < 50; y++)
        for (uint32_t x = 0; x < 70; x++)
            memcpy((uint8_t *)plain.data + y * plain.stride_bytes + 3 * x,
                   (uint8_t *)p.data + y * p.stride_bytes + 4 * x, 3);
    lic_buffer with = encode(&p, 0), without = encode(&plain, 0);
    CHECK_EQ_INT(lic_probe(with.data, with.bytes, &a, NULL), LIC_OK);
    CHECK_EQ_INT(lic_probe(without.data, without.bytes, &b, NULL), LIC_OK);
    CHECK(a.latent_bytes == b.latent_bytes && a.check_latents == b.check_latents);
    CHECK(a.has_alpha && !b.has_alpha && b.n_chunks == 0);
    lic_buffer_free(&with);
    lic_buffer_free(&without);
    free(p.data);
    free(plain.data);
}

TEST(what_is_opaque_throughout_has_no_alpha)
{
    lic_image p = picture(70, 50, 4, 16), out = {0};
    lic_decode_options o = of_depth(8);
    lic_info info;
    for (uint32_t y = 0; y < 50; y++)
        for (uint32_t x = 0; x < 70; x++)
            set_alpha(&p, x, y, 65535);
    lic_buffer file = encode(&p, 0);
    CHECK_EQ_INT(lic_probe(file.data, file.bytes, &info, NULL), LIC_OK);
    CHECK(!info.has_alpha && info.n_chunks == 0);
    CHECK_EQ_INT(decode(&file, NULL, &out), LIC_OK);
    CHECK_EQ_INT(out.channels, 3);
    lic_image_free(&out);
    o.channels = 4;
    CHECK_EQ_INT(decode(&file, &o, &out), LIC_OK);
    CHECK(out.channels == 4 && alpha_at(&out, 69, 49) == 255 && alpha_at(&out, 0, 0) == 255);
    lic_image_free(&out);
    lic_buffer_free(&file);
    free(p.data);
}

TEST(channels_as_they_are_wanted)
{
    static const bool grey_gives[5] = {true, true, true, true, true};
    static const bool rgb_gives[5] = {true, false, false, true, true};
    for (uint32_t channels = 1; channels <= 4; channels++) {
        lic_image p = make_picture(40, 30, channels, 8), out = {0};
        lic_buffer file = encode(&p, 0);
        for (uint32_t wanted = 0; wanted <= 5; wanted++) {
            lic_decode_options o = of_depth(0);
            o.channels = wanted;
            const bool can = wanted < 5 && (channels < 3 ? grey_gives : rgb_gives)[wanted];
            CHECK_EQ_INT(decode(&file, &o, &out), can ? LIC_OK : LIC_ERR_ARGUMENT);
            CHECK(!can || out.channels == (wanted ? wanted : channels));
            if (can && channels < 3 && out.channels >= 3) {
                const uint8_t *at = (const uint8_t *)out.data + 7 * out.stride_bytes;
                CHECK(at[0] == at[1] && at[1] == at[2]);
            }
            lic_image_free(&out);
        }
        lic_buffer_free(&file);
        free(p.data);
    }
}

/* From 16 to 8 bits and back: the nearest values. */
TEST(alpha_in_another_depth)
{
    lic_image p = picture(60, 40, 4, 16), out = {0};
    const lic_decode_options narrow = of_depth(8), wide = of_depth(16);
    lic_buffer file = encode(&p, 0);
    int wrong = 0;
    CHECK_EQ_INT(decode(&file, &narrow, &out), LIC_OK);
    for (uint32_t y = 0; y < 40; y++)
        for (uint32_t x = 0; x < 60; x++)
            wrong += alpha_at(&out, x, y) != (alpha_at(&p, x, y) * 255u + 32767) / 65535;
    CHECK_EQ_INT(wrong, 0);
    lic_image_free(&out);
    lic_buffer_free(&file);
    free(p.data);
    p = picture(60, 40, 2, 8);
    file = encode(&p, 0);
    CHECK_EQ_INT(decode(&file, &wide, &out), LIC_OK);
    for (uint32_t y = 0; y < 40; y++)
        for (uint32_t x = 0; x < 60; x++)
            wrong += alpha_at(&out, x, y) != alpha_at(&p, x, y) * 257u;
    CHECK_EQ_INT(wrong, 0);
    lic_image_free(&out);
    lic_buffer_free(&file);
    free(p.data);
}

/* ---- parts, previews, rows ---- */

TEST(alpha_of_a_part)
{
    lic_image p = picture(200, 150, 4, 8), out = {0};
    lic_buffer file = encode(&p, 64);
    static const uint32_t parts[][4] = {
        {0, 0, 1, 1}, {199, 149, 1, 1}, {63, 64, 70, 3}, {0, 100, 200, 50}, {17, 5, 100, 140}};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        const lic_decode_options o = of_part(parts[i]);
        CHECK_EQ_INT(decode(&file, &o, &out), LIC_OK);
        CHECK(out.width == parts[i][2] && out.channels == 4);
        check_alpha(&out, &p, parts[i][0], parts[i][1]);
        lic_image_free(&out);
    }
    lic_buffer_free(&file);
    free(p.data);
}

TEST(alpha_of_a_preview_is_the_mean)
{
    lic_image p = picture(150, 70, 4, 8), out = {0};
    for (uint32_t k = 0; k < 8; k++) {
        const uint32_t scale = 2u << k / 2;
        lic_buffer file = encode(&p, k % 2 ? 64 : 0);
        lic_decode_options o = of_depth(0);
        o.scale = scale;
        CHECK_EQ_INT(decode(&file, &o, &out), LIC_OK);
        CHECK(out.width == (150 + scale - 1) / scale && out.height == (70 + scale - 1) / scale);
        CHECK_EQ_INT(out.channels, 4);
        int wrong = 0;
        for (uint32_t y = 0; y < out.height; y++)
            for (uint32_t x = 0; x < out.width; x++) {
                uint32_t sum = 0, n = 0;
                for (uint32_t i = scale * y; i < scale * y + scale && i < 70; i++)
                    for (uint32_t j = scale * x; j < scale * x + scale && j < 150; j++, n++)
                        sum += alpha_at(&p, j, i);
                wrong += alpha_at(&out, x, y) != (sum + n / 2) / n;
            }
        CHECK_EQ_INT(wrong, 0);
        lic_image_free(&out);
        lic_buffer_free(&file);
    }
    free(p.data);
}

struct rows {
    lic_image *image;
    uint32_t next;
};

static int move(void *user, uint32_t first, uint32_t n, void *rows, size_t stride, bool gives)
{
    struct rows *r = user;
    CHECK_EQ_INT(first, r->next);
    CHECK_EQ_INT(stride, r->image->stride_bytes);
    uint8_t *at = (uint8_t *)r->image->data + first * stride;
    memcpy(gives ? rows : at, gives ? at : rows, n * stride);
    r->next += n;
    return 0;
}

static int give(void *user, uint32_t first, uint32_t n, void *rows, size_t stride)
{
    return move(user, first, n, rows, stride, true);
}

static int take(void *user, uint32_t first, uint32_t n, void *rows, size_t stride)
{
    return move(user, first, n, rows, stride, false);
}

TEST(alpha_row_by_row_is_the_same)
{
    for (uint32_t side = 0; side <= 64; side += 64) {
        lic_image p = picture(150, 200, 4, 16), whole = {0}, got = make_picture(150, 200, 4, 16);
        lic_buffer want = encode(&p, side), file = {0};
        lic_encode_options e = at_quality(50);
        lic_session *session = NULL;
        struct rows from = {&p, 0}, to = {&got, 0};
        lic_image shape = {0};
        lic_decode_options o = of_depth(0);
        e.tile_side = side;
        o.sink = take;
        o.sink_user = &to;
        REQUIRE(lic_session_new(tiny_model(), NULL, &session, NULL) == LIC_OK);
        CHECK_EQ_INT(encode_rows(session, &p, give, &from, &e, &file, NULL), LIC_OK);
        check_same_bytes(&file, &want);
        CHECK_EQ_INT(decode(&want, NULL, &whole), LIC_OK);
        CHECK_EQ_INT(lic_session_decode(session, file.data, file.bytes, &o, &shape, NULL), LIC_OK);
        check_same_pixels(&got, &whole);
        CHECK(shape.width == 150 && shape.channels == 4 && shape.data == NULL);
        lic_session_free(session);
        lic_buffer_free(&file);
        lic_buffer_free(&want);
        lic_image_free(&whole);
        free(got.data);
        free(p.data);
    }
}

/* ---- damage, memory ---- */

/* A file whose plane was spoilt by `spoil`, sealed again. */
static lic_status decode_spoilt(const lic_buffer *file, size_t cut, int flip,
                                const lic_decode_options *o)
{
    lic_chunk chunks[LIC_MAX_CHUNKS];
    lic_container c;
    lic_buffer bad = {0};
    lic_image out = {0};
    CHECK_EQ_INT(lic_container_read(file->data, file->bytes, chunks, &c, NULL), LIC_OK);
    chunks[0].bytes -= cut;
    uint8_t *copy = malloc(chunks[0].bytes);
    if (!copy)
        exit(2);
    memcpy(copy, chunks[0].data, chunks[0].bytes);
    if (flip >= 0)
        copy[(size_t)flip % chunks[0].bytes] ^= 0x55;
    chunks[0].data = copy;
    CHECK_EQ_INT(lic_container_write(&c, NULL, &bad, NULL), LIC_OK);
    const lic_status status = decode(&bad, o, &out);
    CHECK((out.data != NULL) == (status == LIC_OK));
    lic_image_free(&out);
    lic_buffer_free(&bad);
    free(copy);
    return status;
}

TEST(damaged_alpha_is_refused)
{
    lic_image p = picture(60, 40, 4, 8);
    lic_buffer file = encode(&p, 0);
    lic_decode_options plain = of_depth(0);
    plain.channels = 3;
    CHECK_EQ_INT(decode_spoilt(&file, 0, -1, NULL), LIC_OK);
    for (size_t cut = 1; cut < 40; cut += 6)
        CHECK_EQ_INT(decode_spoilt(&file, cut, -1, NULL), LIC_ERR_CORRUPT);
    for (int flip = 0; flip < 1000; flip += 37)
        CHECK_EQ_INT(decode_spoilt(&file, 0, flip, NULL), LIC_ERR_CORRUPT);
    CHECK_EQ_INT(decode_spoilt(&file, 5, 3, &plain), LIC_OK); /* not looked at */
    lic_buffer_free(&file);
    free(p.data);
}

TEST(alpha_and_allocations_that_fail)
{
    lic_image p = picture(100, 60, 4, 8);
    for (int at = 0; at < 60; at++) {
        counted memory = {.refuse_at = at};
        const lic_allocator allocator = {counted_alloc, counted_free, &memory};
        lic_options options = with_threads(1);
        lic_buffer file = {0};
        lic_image out = {0};
        options.allocator = &allocator;
        lic_status status = lic_encode(tiny_model(), &p, &options, NULL, &file, NULL);
        if (!status)
            status = lic_decode(tiny_model(), file.data, file.bytes, &options, NULL, &out, NULL);
        CHECK(status == LIC_ERR_MEMORY || memory.calls <= at);
        lic_image_free(&out);
        lic_buffer_free(&file);
        CHECK_EQ_INT(memory.live, 0);
    }
    free(p.data);
}

/* max_memory counts what alpha takes besides the networks. */
TEST(alpha_is_within_max_memory)
{
    lic_image p = picture(300, 300, 4, 16), out = {0};
    lic_buffer file = encode(&p, 64);
    counted memory = {.refuse_at = -1};
    const lic_allocator allocator = {counted_alloc, counted_free, &memory};
    lic_options options = with_threads(1);
    options.allocator = &allocator;
    for (uint64_t limit = 1 << 20; limit < (uint64_t)1 << 24; limit += limit / 8) {
        memory = (counted){.refuse_at = -1};
        options.max_memory = limit;
        const lic_status status =
            lic_decode(tiny_model(), file.data, file.bytes, &options, NULL, &out, NULL);
        CHECK(status == LIC_OK || status == LIC_ERR_LIMIT);
        CHECK(memory.most < limit + 40000); /* the session itself is not the call's */
        lic_image_free(&out);
    }
    lic_buffer_free(&file);
    free(p.data);
}
