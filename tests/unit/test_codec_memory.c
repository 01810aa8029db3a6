/* test_codec_memory.c - memory of encoder and decoder: every allocation may fail, none leaks, all
 * go through the caller's allocator, exactly the plan is taken, and max_memory holds before any
 * work. */
#include "tests/unit/codec_fixture.h"

#include <stdbool.h>

/* ---- allocations that fail ------------------------------------------------------------------- */

static const uint8_t profile[300] = {1, 2, 3};

/* Opens, encodes, probes, decodes; the first status that is not LIC_OK. */
static lic_status whole_way(const lic_allocator *allocator, int threads, uint32_t tile_side)
{
    lic_image p = make_picture(70, 30, 3, 8), out = {0};
    const lic_chunk chunk = {.type = "iccp", .data = profile, .bytes = sizeof profile};
    lic_options options = with_threads(threads);
    lic_encode_options e = at_quality(40);
    lic_buffer file = {0};
    lic_error err = {0};
    lic_status status;
    e.chunks = &chunk;
    e.n_chunks = 1;
    e.tile_side = tile_side;
    options.allocator = allocator;
    lic_model *model = open_tiny(allocator, &status);
    if (!status)
        status = lic_encode(model, &p, &options, &e, &file, &err);
    if (!status)
        status = lic_decode(model, file.data, file.bytes, &options, NULL, &out, &err);
    CHECK(!status || (!out.data && (!err.status || err.text[0])));
    lic_image_free(&out);
    lic_buffer_free(&file);
    lic_model_close(model);
    free(p.data);
    return status;
}

/* Lets each allocation of a round trip fail in turn: an error, and nothing leaks. */
static void fail_everywhere(int threads, uint32_t tile_side)
{
    counted c = {.refuse_at = -1};
    const lic_allocator allocator = {counted_alloc, counted_free, &c};
    CHECK_EQ_INT(whole_way(&allocator, threads, tile_side), LIC_OK);
    CHECK_EQ_INT(c.live, 0);
    const int n = c.calls;
    printf("%d allocations\n", n);
    CHECK(n > 8);
    for (int i = 0; i < n; i++) {
        c = (counted){.refuse_at = i};
        const lic_status status = whole_way(&allocator, threads, tile_side);
        if (test_failed(status == LIC_ERR_MEMORY && c.live == 0))
            printf("allocation %d of %d: %s, %d left\n", i, n, lic_status_name(status), c.live);
    }
}

TEST(codec_every_allocation_may_fail)
{
    fail_everywhere(1, 0);
    fail_everywhere(3, 0);
    fail_everywhere(2, 64); /* the picture is two tiles */
}

/* After a failure the same contexts work again. */
TEST(codec_contexts_survive_a_failed_allocation)
{
    counted c = {.refuse_at = -1};
    const lic_allocator allocator = {counted_alloc, counted_free, &c};
    lic_image p = make_picture(70, 30, 3, 8);
    lic_options options = with_threads(2);
    lic_session *encoder = NULL;
    lic_buffer file;
    lic_error err;
    options.allocator = &allocator;
    REQUIRE(lic_session_new(tiny_model(), &options, &encoder, &err) == LIC_OK);
    for (int ahead = 0; ahead < 20; ahead++) {
        c.refuse_at = c.calls + ahead;
        const lic_status status = lic_session_encode(encoder, &p, NULL, &file, &err);
        CHECK(status == LIC_OK || status == LIC_ERR_MEMORY);
        lic_buffer_free(&file);
        c.refuse_at = -1;
        REQUIRE(lic_session_encode(encoder, &p, NULL, &file, &err) == LIC_OK);
        lic_buffer_free(&file);
    }
    lic_session_free(encoder);
    CHECK_EQ_INT(c.live, 0);
    free(p.data);
}

/* ---- plan and limits ------------------------------------------------------------------------- */

/* The largest block that a call takes is its plan, and what comes on top is small beside it. */
static void check_plan(uint32_t width, uint32_t height, int threads)
{
    counted c = {.refuse_at = -1};
    const lic_allocator allocator = {counted_alloc, counted_free, &c};
    lic_image p = make_picture(width, height, 3, 8), out;
    lic_options options = with_threads(threads);
    lic_session *encoder = NULL;
    lic_session *decoder = NULL;
    lic_buffer file;
    lic_stats stats;
    lic_error err;
    options.allocator = &allocator;
    REQUIRE(lic_session_new(tiny_model(), &options, &encoder, &err) == LIC_OK);
    REQUIRE(lic_session_encode(encoder, &p, NULL, &file, &err) == LIC_OK);
    lic_session_get_stats(encoder, &stats);
    CHECK(c.largest >= stats.planned_bytes && c.largest <= stats.planned_bytes + 64);
    const size_t encoding = stats.planned_bytes;
    lic_session_free(encoder);
    c = (counted){.refuse_at = -1, .live = c.live};
    REQUIRE(lic_session_new(tiny_model(), &options, &decoder, &err) == LIC_OK);
    REQUIRE(lic_session_decode(decoder, file.data, file.bytes, NULL, &out, &err) == LIC_OK);
    lic_session_get_stats(decoder, &stats);
    CHECK(c.largest >= stats.planned_bytes && c.largest <= stats.planned_bytes + 64);
    const size_t larger = encoding > stats.planned_bytes ? encoding : stats.planned_bytes;
    CHECK(lic_plan_bytes(tiny_model(), width, height, 0, 0, threads) >= larger);
    lic_session_free(decoder);
    lic_image_free(&out);
    lic_buffer_free(&file);
    CHECK_EQ_INT(c.live, 0);
    free(p.data);
}

TEST(codec_plan_is_what_is_taken)
{
    check_plan(1, 1, 1);
    check_plan(64, 64, 1);
    check_plan(65, 130, 3);
    check_plan(300, 70, 2);
}

static int fill_rows(void *user, uint32_t first, uint32_t n, void *rows, size_t stride)
{
    (void)user;
    memset(rows, (int)first & 0xFF, n * stride);
    return 0;
}

/* The rows that the library holds are in its plan, whatever the grid of tiles. Of a stream with
 * tiles of another encoder's choice, that of the stream counts. */
static void check_plan_of_rows(uint32_t width, uint32_t height, uint32_t channels, uint32_t depth,
                               uint32_t tile_side)
{
    const lic_image shape = {
        .width = width, .height = height, .channels = channels, .depth = depth};
    const size_t row_bytes = (size_t)width * channels * depth / 8;
    lic_options options = with_threads(1);
    lic_session *encoder = NULL;
    lic_session *decoder = NULL;
    lic_buffer file = {0};
    lic_stats encoding, decoding;
    lic_encode_options tiles = at_quality(50);
    lic_info info;
    lic_error err;
    tiles.tile_side = tile_side;
    REQUIRE(lic_session_new(tiny_model(), &options, &encoder, &err) == LIC_OK);
    REQUIRE(lic_session_new(tiny_model(), &options, &decoder, &err) == LIC_OK);
    CHECK(!encode_rows(encoder, &shape, fill_rows, NULL, &tiles, &file, &err));
    lic_session_get_stats(encoder, &encoding);
    CHECK(!decode_rows(decoder, file.data, file.bytes, NULL, drop_rows, NULL, &err));
    lic_session_get_stats(decoder, &decoding);
    const uint64_t plan = lic_plan_bytes(tiny_model(), width, height, tile_side, row_bytes, 1);
    CHECK(plan >= encoding.planned_bytes && plan >= decoding.planned_bytes);
    REQUIRE(lic_probe(file.data, file.bytes, &info, &err) == LIC_OK);
    CHECK_EQ_INT(lic_plan_stream_bytes(tiny_model(), &info, row_bytes, 1), decoding.planned_bytes);
    lic_buffer_free(&file);
    lic_session_free(encoder);
    lic_session_free(decoder);
}

TEST(codec_plan_of_rows_is_what_is_taken)
{
    check_plan_of_rows(1, 1, 1, 8, 0);
    check_plan_of_rows(65, 130, 3, 16, 0);
    check_plan_of_rows(2100, 70, 3, 8, 0);
    check_plan_of_rows(70, 4500, 3, 8, 0); /* three rows of tiles */
    check_plan_of_rows(40, 5000, 1, 16, 0);
}

TEST(codec_plan_of_a_stream_knows_its_tiles)
{
    check_plan_of_rows(200, 150, 3, 8, 64);
    check_plan_of_rows(2500, 70, 1, 16, 16384); /* one tile */
    check_plan_of_rows(300, 4500, 3, 8, 4096);
    const lic_info large = {.width = 16384, .height = 16384},
                   usual = {
                       .width = 16384, .height = 16384, .tile_width = 2048, .tile_height = 2048};
    const uint64_t one = lic_plan_stream_bytes(tiny_model(), &large, 3 * 16384, 1);
    CHECK(one > 20 * lic_plan_stream_bytes(tiny_model(), &usual, 3 * 16384, 1));
    const lic_info bad = {.width = 100, .height = 100, .tile_width = 65, .tile_height = 64};
    CHECK_EQ_INT(lic_plan_stream_bytes(tiny_model(), &bad, 300, 1), 0);
    CHECK_EQ_INT(lic_plan_stream_bytes(tiny_model(), NULL, 300, 1), 0);
    CHECK_EQ_INT(lic_plan_stream_bytes(NULL, &usual, 300, 1), 0);
}

TEST(codec_plan_of_sizes_out_of_range)
{
    CHECK_EQ_INT(lic_plan_bytes(tiny_model(), 0, 10, 0, 0, 1), 0);
    CHECK_EQ_INT(lic_plan_bytes(tiny_model(), 10, 0, 0, 0, 1), 0);
    CHECK_EQ_INT(lic_plan_bytes(tiny_model(), 65536, 10, 0, 0, 1), 0);
    CHECK_EQ_INT(lic_plan_bytes(tiny_model(), UINT32_MAX - 63, 5000, 0, 0, 1), 0);
    CHECK_EQ_INT(lic_plan_bytes(NULL, 0, 10, 0, 0, 1), 0);
    CHECK_EQ_INT(lic_plan_bytes(tiny_model(), 100, 100, 65, 0, 1), 0);
    CHECK_EQ_INT(lic_plan_bytes(tiny_model(), 100, 100, 16448, 0, 1), 0);
    CHECK(lic_plan_bytes(tiny_model(), 65535, 65535, 0, 0, 1) > 0);
    CHECK(lic_plan_bytes(tiny_model(), 100, 100, 0, 0, 2) >
          lic_plan_bytes(tiny_model(), 100, 100, 0, 0, 1));
}

/* Beside working memory and the picture a call takes a context and a pool (FEW), and pads a large
 * block, so that it begins with a huge page, with bytes that are never touched. */
enum { FEW = 100000, PADDING = 2 << 20 };

static lic_status encode_within(const lic_image *p, uint64_t max_memory, counted *c,
                                size_t *planned)
{
    const lic_allocator allocator = {counted_alloc, counted_free, c};
    lic_options options = with_threads(1);
    lic_session *encoder = NULL;
    lic_buffer out = {0};
    lic_stats stats;
    *c = (counted){.refuse_at = -1};
    options.max_memory = max_memory;
    options.allocator = &allocator;
    CHECK_EQ_INT(lic_session_new(tiny_model(), &options, &encoder, NULL), LIC_OK);
    const lic_status status = lic_session_encode(encoder, p, NULL, &out, NULL);
    lic_session_get_stats(encoder, &stats);
    *planned = stats.planned_bytes;
    lic_buffer_free(&out);
    lic_session_free(encoder);
    CHECK_EQ_INT(c->live, 0);
    return status;
}

/* One byte less than the plan is refused, and nothing of the picture's size was taken for it. */
TEST(codec_max_memory_of_the_encoder)
{
    lic_image p = make_picture(500, 400, 3, 8);
    counted c;
    size_t planned, ignored;
    REQUIRE(encode_within(&p, 0, &c, &planned) == LIC_OK);
    CHECK_EQ_INT(encode_within(&p, planned, &c, &ignored), LIC_OK);
    CHECK_EQ_INT(encode_within(&p, planned - 1, &c, &ignored), LIC_ERR_LIMIT);
    CHECK(c.most < FEW);
    free(p.data);
}

/* *takes receives working memory and the picture that is returned, if one is. */
static lic_status decode_within(const lic_buffer *file, const lic_decode_options *how, bool by_rows,
                                uint64_t max_memory, counted *c, size_t *takes)
{
    const lic_allocator allocator = {counted_alloc, counted_free, c};
    lic_options options = with_threads(1);
    lic_session *decoder = NULL;
    lic_image out = {0};
    lic_stats stats;
    *c = (counted){.refuse_at = -1};
    options.max_memory = max_memory;
    options.allocator = &allocator;
    CHECK_EQ_INT(lic_session_new(tiny_model(), &options, &decoder, NULL), LIC_OK);
    const lic_status status =
        by_rows ? decode_rows(decoder, file->data, file->bytes, how, drop_rows, NULL, NULL)
                : lic_session_decode(decoder, file->data, file->bytes, how, &out, NULL);
    lic_session_get_stats(decoder, &stats);
    *takes = stats.planned_bytes + image_bytes(&out);
    lic_image_free(&out);
    lic_session_free(decoder);
    CHECK_EQ_INT(c->live, 0);
    return status;
}

static void check_decoder_limit(const lic_buffer *file, const lic_decode_options *how, bool by_rows)
{
    counted c;
    size_t takes, ignored;
    REQUIRE(decode_within(file, how, by_rows, 0, &c, &takes) == LIC_OK);
    CHECK(c.most >= takes && c.most < takes + FEW + PADDING);
    CHECK_EQ_INT(decode_within(file, how, by_rows, takes, &c, &ignored), LIC_OK);
    CHECK_EQ_INT(decode_within(file, how, by_rows, takes - 1, &c, &ignored), LIC_ERR_LIMIT);
    CHECK(c.most < FEW); /* neither working memory nor pixels */
}

/* The picture that is returned counts, as large as it was asked for: for each kind a byte less than
 * all is refused. Once only working memory counted, the pixels came on top. */
TEST(codec_max_memory_of_the_decoder)
{
    lic_image p = make_picture(500, 400, 3, 8);
    lic_buffer file = encode_tiny(tiny_model(), &p, NULL, 20);
    lic_decode_options whole, deep, part, small;
    lic_decode_options_init(&whole);
    deep = part = small = whole;
    deep.depth = 16;
    part.crop_width = part.crop_height = 300;
    small.scale = 16;
    check_decoder_limit(&file, NULL, false);
    check_decoder_limit(&file, &deep, false);
    check_decoder_limit(&file, &part, false);
    check_decoder_limit(&file, &small, false);
    check_decoder_limit(&file, &whole, true);
    lic_buffer_free(&file);
    free(p.data);
}
