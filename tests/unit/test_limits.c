/* test_limits.c - what a hostile stream can cost: every limit of lic_options holds before any work,
 * and a stream within the limits is not refused. The streams here are whole except for what they
 * promise. */
#include "codec/container.h"
#include "codec/session.h"
#include "tests/unit/codec_fixture.h"

#include <stdbool.h>

#include <zlib.h>

static lic_container promise(uint32_t width, uint32_t height, uint32_t tile)
{
    lic_model_info model;
    lic_model_get_info(tiny_model(), &model);
    return (lic_container){.width = width,
                           .height = height,
                           .channels = 3,
                           .depth = 8,
                           .tile_w = tile,
                           .tile_h = tile,
                           .model_id = (uint32_t)model.hash};
}

/* Decodes a file of this head; what it took of memory is in *memory. */
static lic_status cost(const lic_container *c, lic_options options, counted *memory, lic_error *err)
{
    const lic_allocator allocator = {counted_alloc, counted_free, memory};
    lic_session *session = NULL;
    lic_buffer file = {0};
    *memory = (counted){.refuse_at = -1};
    options.allocator = &allocator;
    CHECK_EQ_INT(lic_container_write(c, NULL, &file, NULL), LIC_OK);
    CHECK_EQ_INT(lic_session_new(tiny_model(), &options, &session, NULL), LIC_OK);
    const lic_status status = decode_rows(session, file.data, file.bytes, NULL, drop_rows, NULL, err);
    lic_session_free(session);
    lic_buffer_free(&file);
    CHECK_EQ_INT(memory->live, 0);
    return status;
}

/* ---- work ------------------------------------------------------------------------------------ */

/* Multiply-adds of one call. */
static uint64_t work_of(uint32_t width, uint32_t height, uint32_t side, bool encodes)
{
    lic_image p = make_picture(width, height, 3, 8);
    const lic_options options = with_threads(1);
    lic_encode_options e = at_quality(10);
    lic_session *session = NULL;
    lic_buffer file = {0};
    lic_stats stats;
    e.tile_side = side;
    CHECK_EQ_INT(lic_session_new(tiny_model(), &options, &session, NULL), LIC_OK);
    CHECK_EQ_INT(lic_session_encode(session, &p, &e, &file, NULL), LIC_OK);
    if (!encodes)
        CHECK_EQ_INT(decode_rows(session, file.data, file.bytes, NULL, drop_rows, NULL, NULL), LIC_OK);
    lic_session_get_stats(session, &stats);
    lic_session_free(session);
    lic_buffer_free(&file);
    free(p.data);
    return stats.multiply_adds;
}

/* The limit is exactly the work, which is only planned from some of the tiles. */
static void limit_is_the_work(uint32_t width, uint32_t height, uint32_t side)
{
    lic_image p = make_picture(width, height, 3, 8);
    for (int less = 0; less < 2; less++) {
        lic_options options = with_threads(1);
        lic_encode_options e = at_quality(10);
        lic_buffer file = {0};
        lic_image out = {0};
        lic_error err = {0};
        e.tile_side = side;
        options.max_work = work_of(width, height, side, true) - (uint64_t)less;
        const lic_status want = less ? LIC_ERR_LIMIT : LIC_OK;
        CHECK_EQ_INT(lic_encode(tiny_model(), &p, &options, &e, &file, &err), want);
        lic_buffer_free(&file);
        CHECK_EQ_INT(lic_encode(tiny_model(), &p, NULL, &e, &file, &err), LIC_OK);
        options.max_work = work_of(width, height, side, false) - (uint64_t)less;
        CHECK_EQ_INT(lic_decode(tiny_model(), file.data, file.bytes, &options, NULL, &out, &err),
                     want);
        CHECK((out.data == NULL) == less);
        lic_image_free(&out);
        lic_buffer_free(&file);
    }
    free(p.data);
}

TEST(max_work_is_counted_to_the_last_tile)
{
    limit_is_the_work(60, 50, 0);
    limit_is_the_work(64 * 7, 64, 64);
    limit_is_the_work(64, 64 * 7, 64);
    limit_is_the_work(64 * 6 - 5, 64 * 5, 64);
    limit_is_the_work(64 * 4, 64 * 3, 64);
}

/* Small tiles are nearly all halo: the same picture in tiles of 64 costs several times as much. */
TEST(halos_are_work)
{
    CHECK(work_of(512, 512, 64, false) > 2 * work_of(512, 512, 512, false));
}

TEST(bombs_of_small_tiles_are_refused_at_once)
{
    enum { SIDE = 65024, N = (SIDE / 64) * (SIDE / 64) };
    uint8_t *tiles = calloc(N, 6);
    lic_container c = promise(SIDE, SIDE, 64);
    lic_options options = with_threads(1);
    counted memory;
    lic_error err;
    REQUIRE(tiles);
    for (size_t i = 0; i < N; i++)
        tiles[6 * i] = 1; /* a byte of code, check 0 */
    c.latents = tiles;
    c.latent_bytes = 6 * (size_t)N;
    options.max_pixels = UINT64_MAX;
    options.max_work = (uint64_t)1 << 30;
    CHECK_EQ_INT(cost(&c, options, &memory, &err), LIC_ERR_LIMIT);
    CHECK(strstr(err.text, "multiply-adds") != NULL);
    CHECK(memory.most < 1 << 20);
    free(tiles);
}

/* ---- memory ---------------------------------------------------------------------------------- */

TEST(tiles_have_a_largest_size)
{
    static const uint8_t code[4096];
    lic_options options = with_threads(1);
    lic_container c = promise(4096, 2048, 0);
    counted memory;
    lic_error err;
    c.latents = code;
    c.latent_bytes = sizeof code;
    CHECK_EQ_INT(cost(&c, options, &memory, &err), LIC_ERR_LIMIT);
    CHECK(memory.most < 1 << 16);
    options.max_tile_pixels = 4096 * 2048;
    CHECK(cost(&c, options, &memory, &err) != LIC_ERR_LIMIT);
    c.width = 2048;
    options.max_tile_pixels = LIC_MAX_TILE_PIXELS;
    CHECK(cost(&c, options, &memory, &err) != LIC_ERR_LIMIT);
}

/* A head of 31 bytes once took the memory of the picture it promised. */
TEST(code_that_is_too_short_takes_no_memory)
{
    static const uint8_t code[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    lic_container c = promise(2048, 2048, 0);
    counted memory;
    lic_error err;
    c.latents = code;
    c.latent_bytes = sizeof code;
    CHECK_EQ_INT(cost(&c, with_threads(1), &memory, &err), LIC_ERR_CORRUPT);
    CHECK(memory.most < 1 << 16);
}

/* What our own encoder makes of nothing is never taken for too short. */
TEST(the_shortest_codes_suffice)
{
    lic_image p = {.width = 300, .height = 200, .channels = 3, .depth = 8, .stride_bytes = 900};
    p.data = malloc(900 * 200);
    REQUIRE(p.data);
    for (int grey = 0; grey < 256; grey += 51) {
        memset(p.data, grey, 900 * 200);
        for (int side = 0; side <= 128; side += 64) {
            lic_encode_options e = at_quality(0);
            lic_buffer file = {0};
            lic_image out = {0};
            e.tile_side = (uint32_t)side;
            CHECK_EQ_INT(lic_encode(tiny_model(), &p, NULL, &e, &file, NULL), LIC_OK);
            CHECK_EQ_INT(lic_decode(tiny_model(), file.data, file.bytes, NULL, NULL, &out, NULL),
                         LIC_OK);
            lic_image_free(&out);
            lic_buffer_free(&file);
        }
    }
    free(p.data);
}

/* ---- metadata -------------------------------------------------------------------------------- */

/* A chunk of n zeros as zlib packs them. */
static lic_chunk zeros(size_t n, uint8_t **packed)
{
    uLongf bytes = compressBound((uLong)n);
    uint8_t *plain = calloc(n, 1);
    *packed = malloc(bytes);
    if (!plain || !*packed || compress2(*packed, &bytes, plain, (uLong)n, 9) != Z_OK)
        exit(2);
    free(plain);
    return (lic_chunk){.type = {'t', 'e', 'x', 't'},
                       .data = *packed,
                       .bytes = bytes,
                       .packed = 1,
                       .unpacked_bytes = n};
}

static lic_status read_zeros(size_t n, const lic_options *options)
{
    uint8_t *packed;
    const lic_chunk chunk = zeros(n, &packed);
    lic_buffer out;
    lic_error err = {0};
    const lic_status status = lic_chunk_read(&chunk, options, &out, &err);
    CHECK_EQ_INT(err.status, status);
    CHECK((out.data != NULL) == (status == LIC_OK));
    lic_buffer_free(&out);
    free(packed);
    return status;
}

TEST(metadata_has_an_amplification_limit)
{
    CHECK_EQ_INT(read_zeros(1000, NULL), LIC_OK);
    CHECK_EQ_INT(read_zeros(LIC_FREE_CHUNK_BYTES, NULL), LIC_OK);
    CHECK_EQ_INT(read_zeros(2 * LIC_FREE_CHUNK_BYTES, NULL), LIC_ERR_LIMIT);
    CHECK_EQ_INT(read_zeros(LIC_MAX_CHUNK_BYTES, NULL), LIC_ERR_LIMIT);
}

TEST(metadata_keeps_to_max_memory_and_the_allocator)
{
    counted memory = {.refuse_at = -1};
    const lic_allocator allocator = {counted_alloc, counted_free, &memory};
    lic_options options = with_threads(1);
    options.allocator = &allocator;
    options.max_memory = 5000;
    CHECK_EQ_INT(read_zeros(5000, &options), LIC_OK);
    CHECK(memory.calls > 1 && memory.live == 0);
    const int calls = memory.calls;
    CHECK_EQ_INT(read_zeros(5001, &options), LIC_ERR_LIMIT);
    CHECK_EQ_INT(memory.calls, calls);
    for (int i = 0; i < calls; i++) {
        memory = (counted){.refuse_at = i};
        CHECK_EQ_INT(read_zeros(5000, &options), LIC_ERR_MEMORY);
        CHECK_EQ_INT(memory.live, 0);
    }
}

/* Alpha may be as large as the picture, but nobody need unpack it at once. */
TEST(alpha_is_not_read_as_metadata)
{
    uint8_t *packed;
    lic_chunk chunk = zeros(LIC_MAX_CHUNK_BYTES + 1, &packed);
    lic_buffer out;
    memcpy(chunk.type, "alph", 4);
    CHECK_EQ_INT(lic_chunk_read(&chunk, NULL, &out, NULL), LIC_ERR_LIMIT);
    free(packed);
}
