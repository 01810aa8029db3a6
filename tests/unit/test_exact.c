/* Blocks that are kept exactly in a picture with loss: chosen where a photograph has text beside
 * it, and nowhere else; the same bytes and pixels in every way to make and read them; what is
 * damaged, cut or made up is refused. */
#include "codec/container.h"
#include "tests/unit/page_fixture.h"
#include "tests/unit/seal.h"

#include <string.h>

static lic_buffer encode_as(const lic_image *page, double quality, uint32_t side, int threads,
                            lic_lossless_mode mode)
{
    const lic_options o = with_threads(threads);
    lic_encode_options e = at_quality(quality);
    lic_buffer file = {0};
    lic_error err = {0};
    e.lossless = mode;
    e.tile_side = side;
    CHECK_EQ_INT(lic_encode(tiny_model(), page, &o, &e, &file, &err), LIC_OK);
    if (err.text[0])
        printf("%s\n", err.text);
    return file;
}

static lic_image decode_as(const lic_buffer *file, const lic_decode_options *d, int threads)
{
    const lic_options o = with_threads(threads);
    lic_image out = {0};
    lic_error err = {0};
    CHECK_EQ_INT(lic_decode(tiny_model(), file->data, file->bytes, &o, d, &out, &err), LIC_OK);
    if (err.text[0])
        printf("%s\n", err.text);
    return out;
}

/* The chunk of a file; NULL: it has none. */
static const lic_chunk *exact_of(const lic_buffer *file, lic_info *info)
{
    CHECK_EQ_INT(lic_probe(file->data, file->bytes, info, NULL), LIC_OK);
    return lic_chunk_find(info->chunks, info->n_chunks, LIC_EXACT_TYPE);
}

static uint32_t n_wrong(const lic_image *a, const lic_image *b, uint32_t x1)
{
    uint32_t n = 0;
    for (uint32_t y = 0; y < PAGE_HEIGHT; y++)
        for (uint32_t x = 0; x < x1; x++)
            for (uint32_t i = 0; i < a->channels; i++)
                n += get_sample(a, x, y, i) != get_sample(b, x, y, i);
    return n;
}

TEST(text_is_exact_beside_a_photograph)
{
    for (uint32_t channels = 1; channels <= 4; channels++)
        for (uint32_t depth = 8; depth <= 16; depth += 8) {
            lic_info info = {0};
            lic_image page = make_page(channels, depth);
            lic_buffer file = encode_as(&page, 75, 0, 2, LIC_LOSSLESS_AUTO);
            CHECK(exact_of(&file, &info) && !info.lossless && info.version == 1);
            lic_image out = decode_as(&file, NULL, 2);
            CHECK_EQ_INT(n_wrong(&out, &page, PAGE_TEXT), 0);
            CHECK(n_wrong(&out, &page, PAGE_WIDTH) > PAGE_WIDTH); /* the photograph is not */
            lic_buffer lossy = encode_as(&page, 50, 0, 2, LIC_LOSSLESS_NO);
            CHECK(!exact_of(&lossy, &info));
            lic_buffer_free(&lossy);
            lic_image_free(&out);
            lic_buffer_free(&file);
            free(page.data);
        }
}

/* A source: rows of the image that is the user. */
static int give_rows(void *user, uint32_t first, uint32_t n, void *rows, size_t stride)
{
    const lic_image *page = user;
    for (uint32_t y = 0; y < n; y++)
        memcpy((uint8_t *)rows + y * stride,
               (const uint8_t *)page->data + (first + y) * page->stride_bytes, page->stride_bytes);
    return 0;
}

/* For a sink: what its rows should be, and the row that comes next. */
struct taken {
    const lic_image *whole;
    uint32_t next;
};

static int compare_rows(void *user, uint32_t first, uint32_t n, void *rows, size_t stride)
{
    struct taken *t = user;
    CHECK_EQ_INT(first, t->next);
    for (uint32_t y = 0; y < n; y++)
        CHECK_EQ_MEM((const uint8_t *)rows + y * stride,
                     (const uint8_t *)t->whole->data + (first + y) * t->whole->stride_bytes,
                     t->whole->stride_bytes);
    t->next += n;
    return 0;
}

/* Tiles and threads; rows from a source, rows to a sink. */
TEST(the_same_in_every_way)
{
    lic_image page = make_page(3, 8);
    for (uint32_t side = 64; side <= 256; side *= 2) {
        lic_buffer file = encode_as(&page, 70, side, 1, LIC_LOSSLESS_AUTO);
        lic_info info = {0};
        CHECK(exact_of(&file, &info));
        lic_image whole = decode_as(&file, NULL, 1);
        for (int threads = 2; threads <= 7; threads += 5) {
            lic_buffer again = encode_as(&page, 70, side, threads, LIC_LOSSLESS_AUTO);
            check_same_bytes(&file, &again);
            lic_buffer_free(&again);
            lic_image out = decode_as(&file, NULL, threads);
            check_same_pixels(&out, &whole);
            lic_image_free(&out);
        }
        lic_encode_options e = at_quality(70);
        e.lossless = LIC_LOSSLESS_AUTO;
        e.tile_side = side;
        e.source = give_rows;
        e.source_user = &page;
        lic_buffer rows = {0};
        CHECK_EQ_INT(lic_encode(tiny_model(), &page, NULL, &e, &rows, NULL), LIC_OK);
        check_same_bytes(&file, &rows);
        lic_buffer_free(&rows);
        struct taken taken = {&whole, 0};
        lic_decode_options d;
        lic_decode_options_init(&d);
        d.sink = compare_rows;
        d.sink_user = &taken;
        CHECK_EQ_INT(lic_decode(tiny_model(), file.data, file.bytes, NULL, &d, NULL, NULL), LIC_OK);
        CHECK_EQ_INT(taken.next, PAGE_HEIGHT);
        lic_image_free(&whole);
        lic_buffer_free(&file);
    }
    free(page.data);
}

TEST(parts_are_those_of_the_whole)
{
    static const uint32_t parts[][4] = {
        {0, 0, 1, 1}, {150, 100, 20, 9}, {329, 289, 1, 1}, {5, 70, 140, 50}, {130, 10, 90, 270}};
    lic_image page = make_page(4, 8);
    lic_buffer file = encode_as(&page, 40, 128, 2, LIC_LOSSLESS_AUTO);
    lic_image whole = decode_as(&file, NULL, 2);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const lic_decode_options d = of_part(parts[i]);
        lic_image out = decode_as(&file, &d, 1);
        check_part(&out, &whole, &d);
        lic_image_free(&out);
    }
    lic_image_free(&whole);
    lic_buffer_free(&file);
    free(page.data);
}

/* A preview has the means of exact blocks; the others are as without them. */
static void check_means(const lic_image *page, const lic_image *out, uint32_t scale)
{
    for (uint32_t y = 0; y < out->height; y++)
        for (uint32_t x = 0; x < PAGE_TEXT / scale; x++)
            for (uint32_t i = 0; i < 3; i++) {
                uint32_t sum = 0, n = 0;
                for (uint32_t v = scale * y; v < scale * y + scale && v < PAGE_HEIGHT; v++)
                    for (uint32_t u = scale * x; u < scale * x + scale; u++, n++)
                        sum += get_sample(page, u, v, i);
                CHECK_EQ_INT(get_sample(out, x, y, i), (sum + n / 2) / n);
            }
}

TEST(previews_have_the_means)
{
    lic_image page = make_page(3, 8);
    lic_buffer file = encode_as(&page, 90, 0, 2, LIC_LOSSLESS_AUTO);
    lic_decode_options d;
    lic_decode_options_init(&d);
    for (d.scale = 2; d.scale <= 16; d.scale *= 2) {
        lic_image out = decode_as(&file, &d, 2);
        check_means(&page, &out, d.scale);
        lic_image_free(&out);
    }
    lic_buffer_free(&file);
    free(page.data);
}

/* Noise, a photograph with a burnt-out sky, and a little text are as they are without a choice. */
TEST(photographs_stay_as_they_are)
{
    for (int kind = 0; kind < 3; kind++) {
        lic_image p = make_page(3, 8);
        for (uint32_t y = 0; y < PAGE_HEIGHT; y++)
            for (uint32_t x = 0; x < PAGE_TEXT; x++)
                for (uint32_t i = 0; i < 3 && (kind != 2 || x > 20 || y > 12); i++)
                    put_sample(&p, x, y, i, kind == 0 ? (uint32_t)test_random() & 255 : 255);
        for (double quality = 25; quality <= 100; quality += 75) {
            lic_buffer a = encode_as(&p, quality, 0, 1, LIC_LOSSLESS_AUTO),
                       b = encode_as(&p, quality, 0, 1, LIC_LOSSLESS_NO);
            lic_info info = {0};
            CHECK(!exact_of(&a, &info) || kind > 0);
            if (kind == 0)
                check_same_bytes(&a, &b);
            lic_buffer_free(&a);
            lic_buffer_free(&b);
        }
        free(p.data);
    }
}

/* There and back with memory of `allocator`; the first status that is not LIC_OK. */
static lic_status whole_way(const lic_image *page, uint32_t side, const lic_allocator *allocator)
{
    lic_options o = with_threads(2);
    lic_encode_options e = at_quality(50);
    lic_buffer file = {0};
    lic_image out = {0};
    lic_info info = {0};
    lic_error err = {0};
    e.tile_side = side;
    e.lossless = LIC_LOSSLESS_AUTO;
    o.allocator = allocator;
    lic_status status = lic_encode(tiny_model(), page, &o, &e, &file, &err);
    if (!status) {
        CHECK(exact_of(&file, &info));
        status = lic_decode(tiny_model(), file.data, file.bytes, &o, NULL, &out, &err);
    }
    CHECK(!status || (!out.data && (!err.status || err.text[0])));
    CHECK(status || n_wrong(page, &out, PAGE_TEXT - 16) == 0);
    lic_image_free(&out);
    lic_buffer_free(&file);
    return status;
}

/* Each allocation in turn, in a picture of one tile and of several: an error, and nothing leaks. */
TEST(every_allocation_may_fail)
{
    static const uint32_t sides[] = {512, 192};
    lic_image page = make_page(3, 8);
    for (int i = 0; i < 2; i++) {
        counted c = {.refuse_at = -1};
        const lic_allocator allocator = {counted_alloc, counted_free, &c};
        CHECK_EQ_INT(whole_way(&page, sides[i], &allocator), LIC_OK);
        CHECK_EQ_INT(c.live, 0);
        const int n = c.calls;
        CHECK(n > 8);
        for (int k = 0; k < n; k++) {
            c = (counted){.refuse_at = k};
            const lic_status status = whole_way(&page, sides[i], &allocator);
            if (test_failed(status == LIC_ERR_MEMORY && c.live == 0))
                printf("allocation %d of %d: %s, %d left\n", k, n, lic_status_name(status), c.live);
        }
        printf("%d allocations\n", n);
    }
    free(page.data);
}

/* What a call takes with exact blocks is what the plan says, in one tile and in several. */
TEST(plans_beforehand_are_what_is_taken)
{
    static const uint32_t sides[] = {512, 192};
    lic_image page = make_page(3, 16);
    for (int i = 0; i < 4; i++) {
        lic_options o = with_threads(1 + i / 2);
        lic_encode_options e = at_quality(50);
        lic_session *session = NULL;
        lic_buffer file = {0};
        lic_image out = {0};
        lic_info info = {0};
        lic_stats encoding, decoding;
        e.tile_side = sides[i % 2];
        e.lossless = LIC_LOSSLESS_AUTO;
        REQUIRE(lic_session_new(tiny_model(), &o, &session, NULL) == LIC_OK);
        CHECK_EQ_INT(lic_session_encode(session, &page, &e, &file, NULL), LIC_OK);
        lic_session_get_stats(session, &encoding);
        CHECK(exact_of(&file, &info));
        CHECK_EQ_INT(lic_session_decode(session, file.data, file.bytes, NULL, &out, NULL), LIC_OK);
        lic_session_get_stats(session, &decoding);
        CHECK_EQ_INT(
            lic_plan_bytes(tiny_model(), PAGE_WIDTH, PAGE_HEIGHT, sides[i % 2], 0, 1 + i / 2),
            encoding.planned_bytes > decoding.planned_bytes ? encoding.planned_bytes
                                                            : decoding.planned_bytes);
        lic_image_free(&out);
        lic_buffer_free(&file);
        lic_session_free(session);
    }
    free(page.data);
}

/* Every byte of the chunk counts, whatever the checksum of the file says. */
TEST(damage_is_seen)
{
    lic_image page = make_page(3, 8);
    lic_buffer file = encode_as(&page, 50, 256, 1, LIC_LOSSLESS_AUTO);
    lic_info info = {0};
    const lic_chunk *chunk = exact_of(&file, &info);
    const size_t first = (size_t)(chunk->data - file.data);
    for (size_t i = 0; i < chunk->bytes; i += i < 12 ? 3 : 197) {
        lic_image out = {0};
        file.data[first + i] ^= 0x10;
        seal(file.data, file.bytes, crc_place(file.data));
        CHECK_EQ_INT(lic_decode(tiny_model(), file.data, file.bytes, NULL, NULL, &out, NULL),
                     LIC_ERR_CORRUPT);
        CHECK(!out.data);
        file.data[first + i] ^= 0x10;
    }
    /* The number of blocks is that of the picture. */
    file.data[first - 1] ^= 1;
    seal(file.data, file.bytes, crc_place(file.data));
    CHECK_EQ_INT(lic_probe(file.data, file.bytes, &info, NULL), LIC_ERR_CORRUPT);
    file.data[first - 1] ^= 1;
    lic_buffer_free(&file);
    free(page.data);
}

/* A chunk without any block, in any number of tiles, is valid; with a tile too few or too many it
 * is not, and a lossless file has none. */
TEST(lists_have_every_tile)
{
    static const uint8_t none[12] = {0};
    lic_image page = make_page(3, 8), out = {0};
    lic_buffer file = encode_as(&page, 50, 128, 1, LIC_LOSSLESS_NO), made = {0};
    lic_chunk chunks[LIC_MAX_CHUNKS];
    lic_container c;
    CHECK_EQ_INT(lic_container_read(file.data, file.bytes, chunks, &c, NULL), LIC_OK);
    lic_image plain = decode_as(&file, NULL, 1);
    for (size_t n = 8; n <= 10; n++) { /* there are 9 */
        lic_chunk list = {.type = "Exac",
                          .data = none,
                          .bytes = n,
                          .packed = 1,
                          .unpacked_bytes = lic_exact_blocks(&c)};
        c.chunks = &list;
        c.n_chunks = 1;
        CHECK_EQ_INT(lic_container_write(&c, NULL, &made, NULL), LIC_OK);
        CHECK_EQ_INT(lic_decode(tiny_model(), made.data, made.bytes, NULL, NULL, &out, NULL),
                     n == 9 ? LIC_OK : LIC_ERR_CORRUPT);
        if (n == 9)
            check_same_pixels(&out, &plain);
        lic_image_free(&out);
        lic_buffer_free(&made);
        c.version = LIC_VERSION_LOSSLESS;
        CHECK_EQ_INT(lic_container_write(&c, NULL, &made, NULL), LIC_ERR_ARGUMENT);
        c.version = 1;
    }
    lic_image_free(&plain);
    lic_buffer_free(&file);
    free(page.data);
}

/* The chunk is the encoder's own. */
TEST(callers_bring_none)
{
    lic_image page = make_page(3, 8);
    lic_chunk own = {.type = "Exac", .data = (const uint8_t *)"", .packed = 1};
    lic_encode_options e = at_quality(50);
    lic_buffer file = {0};
    own.unpacked_bytes = 21 * 19;
    e.chunks = &own;
    e.n_chunks = 1;
    CHECK_EQ_INT(lic_encode(tiny_model(), &page, NULL, &e, &file, NULL), LIC_ERR_ARGUMENT);
    free(page.data);
}

/* What is left of a file that was cut has its exact blocks, as chunks come first. */
TEST(cut_files_keep_the_text)
{
    lic_image page = make_page(3, 8), out;
    lic_buffer file = encode_as(&page, 90, 256, 1, LIC_LOSSLESS_AUTO);
    lic_decode_options d;
    lic_decode_options_init(&d);
    d.salvage = 1;
    const lic_buffer part = {file.data, file.bytes - 300, NULL};
    out = decode_as(&part, &d, 1);
    CHECK_EQ_INT(n_wrong(&out, &page, PAGE_TEXT), 0);
    lic_image_free(&out);
    lic_buffer_free(&file);
    free(page.data);
}

/* What is planned for a stream counts its exact blocks, and is what the decoder takes. */
TEST(memory_is_planned)
{
    lic_image page = make_page(3, 8);
    lic_buffer with = encode_as(&page, 50, 64, 1, LIC_LOSSLESS_AUTO),
               without = encode_as(&page, 50, 64, 1, LIC_LOSSLESS_NO);
    lic_info a = {0}, b = {0};
    CHECK(exact_of(&with, &a) && !exact_of(&without, &b));
    CHECK(lic_plan_stream_bytes(tiny_model(), &a, 0, 1) >
          lic_plan_stream_bytes(tiny_model(), &b, 0, 1));
    lic_options o = with_threads(1);
    lic_image out = {0};
    o.max_memory = lic_plan_stream_bytes(tiny_model(), &b, 0, 1) + page.stride_bytes * PAGE_HEIGHT;
    CHECK_EQ_INT(lic_decode(tiny_model(), with.data, with.bytes, &o, NULL, &out, NULL),
                 LIC_ERR_LIMIT);
    o.max_memory = lic_plan_stream_bytes(tiny_model(), &a, 0, 1) + page.stride_bytes * PAGE_HEIGHT;
    CHECK_EQ_INT(lic_decode(tiny_model(), with.data, with.bytes, &o, NULL, &out, NULL), LIC_OK);
    lic_image_free(&out);
    lic_buffer_free(&with);
    lic_buffer_free(&without);
    free(page.data);
}
