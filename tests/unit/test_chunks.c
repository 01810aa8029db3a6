/* Metadata in a .lic file: round trips, malformed lists, chunks that lie about their size. */
#include "tests/unit/container_fixture.h"

#include <zlib.h>

TEST(chunks_round_trip)
{
    lic_chunk chunks[LIC_MAX_CHUNKS];
    for (size_t n = 2; n <= LIC_MAX_CHUNKS; n++) {
        lic_container c = with_chunks(chunks, n);
        lic_buffer file = write_file(&c);
        lic_info info;
        REQUIRE(lic_probe(file.data, file.bytes, &info, NULL) == LIC_OK);
        CHECK_EQ_INT(info.n_chunks, n);
        CHECK_EQ_INT(info.latent_bytes, sizeof some_latents);
        for (size_t i = 0; i < n; i++) {
            lic_buffer out;
            lic_error err;
            CHECK_EQ_MEM(info.chunks[i].type, chunks[i].type, 4);
            REQUIRE(lic_chunk_read(&info.chunks[i], NULL, &out, &err) == LIC_OK);
            CHECK_EQ_INT(out.bytes, chunks[i].bytes);
            CHECK_EQ_MEM(out.data, chunks[i].data, out.bytes);
            lic_buffer_free(&out);
        }
        lic_buffer_free(&file);
    }
}

/* What lic_probe lists can be given to an encoder: nothing is packed again. */
TEST(packed_chunks_are_written_as_they_are)
{
    lic_chunk chunks[LIC_MAX_CHUNKS];
    lic_container c = with_chunks(chunks, 5);
    lic_buffer first = write_file(&c), second;
    lic_info info;
    REQUIRE(lic_probe(first.data, first.bytes, &info, NULL) == LIC_OK);
    c.chunks = info.chunks;
    second = write_file(&c);
    CHECK_EQ_INT(second.bytes, first.bytes);
    if (second.bytes == first.bytes)
        CHECK_EQ_MEM(second.data, first.data, first.bytes);
    lic_buffer_free(&first);
    lic_buffer_free(&second);
}

/* What most PNG files say of colours costs no byte, alone, among others, and written again as read;
 * a `colr` that says more, or is not the first, is a chunk like others. */
TEST(plain_srgb_is_a_flag)
{
    static const uint8_t srgb[] = {'s', 'R', 'G', 'B', 1, 0};
    lic_chunk chunks[] = {{.type = {'e', 'x', 'i', 'f'}, .data = srgb, .bytes = 2},
                          {.type = {'c', 'o', 'l', 'r'}, .data = srgb, .bytes = sizeof srgb},
                          {.type = {'x', 'm', 'p', ' '}, .data = srgb, .bytes = 5}};
    lic_container c = plain(100, 50), others = c;
    others.chunks = (lic_chunk[]){chunks[0], chunks[2]};
    for (size_t n = 0; n < 3; n++) { /* other chunks beside it */
        c.chunks = n == 2 ? chunks : chunks + (n == 0);
        c.n_chunks = n + 1;
        others.n_chunks = n;
        lic_buffer file = write_file(&c), without = write_file(&others), again, out;
        lic_info info;
        CHECK_EQ_INT(file.bytes, without.bytes);
        CHECK_EQ_INT(file.data[4], without.data[4] | 8);
        REQUIRE(lic_probe(file.data, file.bytes, &info, NULL) == LIC_OK);
        REQUIRE(info.n_chunks == n + 1);
        CHECK_EQ_MEM(info.chunks[0].type, "colr", 4);
        CHECK_EQ_MEM(info.chunks[n].type, n == 0 ? "colr" : n == 1 ? "exif" : "xmp ", 4);
        REQUIRE(lic_chunk_read(&info.chunks[0], NULL, &out, NULL) == LIC_OK);
        CHECK_EQ_INT(out.bytes, sizeof srgb);
        CHECK_EQ_MEM(out.data, srgb, out.bytes);
        c.chunks = info.chunks;
        again = write_file(&c);
        CHECK_EQ_INT(again.bytes, file.bytes);
        CHECK_EQ_MEM(again.data, file.data, again.bytes);
        lic_buffer_free(&again);
        lic_buffer_free(&out);
        lic_buffer_free(&without);
        lic_buffer_free(&file);
    }
}

TEST(another_colr_is_no_flag)
{
    static const uint8_t srgb[] = {'s', 'R', 'G', 'B', 1, 0, 1};
    lic_chunk chunks[] = {{.type = {'c', 'o', 'l', 'r'}, .data = srgb, .bytes = 7},
                          {.type = {'c', 'o', 'l', 'r'}, .data = srgb, .bytes = 6}};
    lic_container c = plain(100, 50);
    c.chunks = chunks;
    for (c.n_chunks = 1; c.n_chunks <= 2; c.n_chunks++) {
        lic_buffer file = write_file(&c);
        CHECK_EQ_INT(file.data[4], 0x11);
        lic_buffer_free(&file);
    }
}

/* With the flag there is room for one chunk less. */
TEST(the_flag_counts_as_a_chunk)
{
    lic_chunk chunks[LIC_MAX_CHUNKS];
    lic_container c = with_chunks(chunks, LIC_MAX_CHUNKS);
    lic_buffer file = write_file(&c);
    file.data[4] |= 8;
    seal(file.data, file.bytes, CRC_AT_SMALL);
    CHECK_EQ_INT(probe_status(file.data, file.bytes), LIC_ERR_CORRUPT);
    lic_buffer_free(&file);
    c.n_chunks--;
    file = write_file(&c);
    file.data[4] |= 8;
    seal(file.data, file.bytes, CRC_AT_SMALL);
    CHECK_EQ_INT(probe_status(file.data, file.bytes), LIC_OK);
    lic_buffer_free(&file);
}

/* 'alph' has as many bytes as the picture asks for: more than others may, and no others. */
TEST(alpha_is_as_large_as_the_picture)
{
    static const uint8_t byte[1] = {0};
    lic_chunk alpha = {
        .type = {'a', 'l', 'p', 'h'}, .data = byte, .bytes = 1, .packed = 1, .unpacked_bytes = 0};
    for (uint32_t depth = 8; depth <= 16; depth += 8) {
        lic_container c = plain(20000, 10000);
        const size_t right = 10000 * (1 + 20000 * (size_t)depth / 8);
        lic_buffer file;
        c.depth = depth;
        c.chunks = &alpha;
        c.n_chunks = 1;
        for (int off = -1; off <= 1; off++) {
            alpha.unpacked_bytes = right + (size_t)off;
            CHECK_EQ_INT(lic_container_write(&c, NULL, &file, NULL),
                         off ? LIC_ERR_ARGUMENT : LIC_OK);
            CHECK(off || probe_status(file.data, file.bytes) == LIC_OK);
            if (!off) { /* and what is in the file is checked as well */
                file.data[file.bytes - c.latent_bytes - 6] ^= 2;
                seal(file.data, file.bytes, 20);
                CHECK_EQ_INT(probe_status(file.data, file.bytes), LIC_ERR_CORRUPT);
                lic_buffer_free(&file);
            }
        }
    }
}

/* A chunk with a random byte each `period` bytes (0: none) makes a file of less than `most`. */
static void long_chunk_round_trips(size_t period, size_t most)
{
    size_t bytes = 3 << 20;
    uint8_t *data = calloc(bytes, 1);
    if (!data)
        exit(2);
    for (size_t i = 0; period && i < bytes; i += period)
        data[i] = (uint8_t)test_random();
    lic_chunk chunk = {.type = {'x', 'm', 'p', ' '}, .data = data, .bytes = bytes};
    lic_container c = plain(1, 1);
    c.chunks = &chunk;
    c.n_chunks = 1;
    lic_buffer file = write_file(&c), out;
    lic_info info;
    REQUIRE(lic_probe(file.data, file.bytes, &info, NULL) == LIC_OK);
    CHECK(file.bytes < most);
    REQUIRE(lic_chunk_read(&info.chunks[0], NULL, &out, NULL) == LIC_OK);
    CHECK_EQ_INT(out.bytes, bytes);
    CHECK_EQ_MEM(out.data, chunk.data, bytes);
    lic_buffer_free(&out);
    lic_buffer_free(&file);
    free(data);
}

/* One that packs to a fiftieth; and one of zeros, which would pack to a thousandth, as a bomb does:
 * it is stored, so that what an encoder writes can be read. */
TEST(long_chunks_round_trip)
{
    long_chunk_round_trips(64, 3 << 18);
    long_chunk_round_trips(0, 4 << 20);
}

/* A file with this list of chunks (after which come latents), sealed; returns its length. */
static size_t file_with_list(uint8_t *file, const void *list, size_t bytes)
{
    static const uint8_t head[] = {0x9B, 'l', 'i', 'c', 0x11, 9, 9};
    memset(file, 0, HEAD_SMALL);
    memcpy(file, head, sizeof head);
    memcpy(file + HEAD_SMALL, list, bytes);
    seal(file, HEAD_SMALL + bytes, CRC_AT_SMALL);
    return HEAD_SMALL + bytes;
}

#define END    "\0\0\0"                               /* and the zero that C adds */
#define ZLIB_A "\x78\xDA\x4B\x04\x00\x00\x62\x00\x62" /* "a", 9 bytes */

TEST(lists_of_chunks_are_checked)
{
#define LIST(text) text, sizeof text
    static const struct {
        char list[80];
        size_t bytes;
        lic_status status;
    } cases[] = {
        {LIST("test\x09\x01" ZLIB_A END), LIC_OK}, /* unknown, can be skipped */
        {LIST("test\x09\x01" ZLIB_A "test\x09\x01" ZLIB_A END), LIC_OK},
        {LIST("t~ .\x01\x01?" END), LIC_OK},                /* broken, if anyone asks */
        {LIST("Test\x09\x01" ZLIB_A END), LIC_ERR_VERSION}, /* unknown and critical */
        {LIST("test\x09\x01" ZLIB_A "ALFA\x09\x01" ZLIB_A END), LIC_ERR_VERSION},
        {LIST("1est\x09\x01" ZLIB_A END), LIC_ERR_CORRUPT}, /* not a type */
        {LIST("te\nt\x09\x01" ZLIB_A END), LIC_ERR_CORRUPT},
        {LIST("tes\xFF\x09\x01" ZLIB_A END), LIC_ERR_CORRUPT},
        {LIST(END), LIC_ERR_CORRUPT}, /* a list of none */
        {LIST("\0est\x09\x01" ZLIB_A END), LIC_ERR_CORRUPT},
        {LIST("test\x09\x01" ZLIB_A "\0\0"), LIC_ERR_CORRUPT}, /* no end */
        {LIST("test\x09\x01" ZLIB_A), LIC_ERR_CORRUPT},
        {LIST("test\x7F\x01" ZLIB_A END), LIC_ERR_CORRUPT}, /* longer than the file */
        {LIST("test\xFF\xFF\xFF\xFF\x0F\x01" ZLIB_A END), LIC_ERR_CORRUPT},
        {LIST("test\x89\x00\x01" ZLIB_A END), LIC_ERR_CORRUPT},         /* padded number */
        {LIST("test\x09\x81\x80\x80\x20" ZLIB_A END), LIC_ERR_CORRUPT}, /* 64 MiB and 1 */
        {LIST("test\x09\x80\x80\x80\x20" ZLIB_A END), LIC_OK}, /* 64 MiB: broken, if anyone asks */
        {LIST("test"), LIC_ERR_CORRUPT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t file[160];
        size_t bytes = file_with_list(file, cases[i].list, cases[i].bytes);
        lic_status status = probe_status(file, bytes);
        if (status != cases[i].status)
            printf("case %zu:\n", i);
        CHECK_EQ_INT(status, cases[i].status);
    }
}

TEST(more_chunks_than_allowed_are_refused)
{
    uint8_t list[400], file[500];
    size_t n = 0;
    for (int i = 0; i < 17; i++, n += 15)
        memcpy(list + n, "test\x09\x01" ZLIB_A, 15);
    memcpy(list + n, END, 4);
    CHECK_EQ_INT(probe_status(file, file_with_list(file, list, n + 4)), LIC_ERR_CORRUPT);
    n -= 15;
    memcpy(list + n, END, 4);
    CHECK_EQ_INT(probe_status(file, file_with_list(file, list, n + 4)), LIC_OK);
}

/* A chunk made by hand, at the end of its block. */
static lic_status read_chunk(uint32_t promised, const void *data, size_t bytes)
{
    uint8_t *block = malloc(bytes ? bytes : 1);
    memcpy(block, data, bytes);
    lic_chunk chunk = {.type = {'t', 'e', 's', 't'},
                       .data = block,
                       .bytes = bytes,
                       .packed = 1,
                       .unpacked_bytes = promised};
    lic_buffer out;
    lic_error err = {0};
    lic_status status = lic_chunk_read(&chunk, NULL, &out, &err);
    CHECK_EQ_INT(err.status, status);
    CHECK(status == LIC_OK || (!out.data && out.bytes == 0));
    lic_buffer_free(&out);
    free(block);
    return status;
}

TEST(chunks_hold_what_they_promise)
{
    CHECK_EQ_INT(read_chunk(1, ZLIB_A, 9), LIC_OK);
    CHECK_EQ_INT(read_chunk(0, ZLIB_A, 9), LIC_ERR_CORRUPT);
    CHECK_EQ_INT(read_chunk(2, ZLIB_A, 9), LIC_ERR_CORRUPT);
    CHECK_EQ_INT(read_chunk(1, ZLIB_A, 10), LIC_ERR_CORRUPT); /* a byte too many */
    CHECK_EQ_INT(read_chunk(1, ZLIB_A, 8), LIC_ERR_CORRUPT);
    CHECK_EQ_INT(read_chunk(1, "", 0), LIC_ERR_CORRUPT);
    for (size_t i = 0; i < 9; i++) {
        uint8_t bad[9];
        memcpy(bad, ZLIB_A, 9);
        bad[i] ^= 0xFF;
        CHECK_EQ_INT(read_chunk(1, bad, 9), LIC_ERR_CORRUPT);
    }
}

/* 1 MiB of zeros in about 1 KB: never unpacked further than promised, and promises that deflate
 * cannot keep are not believed (no memory is taken for them). */
TEST(zlib_bombs_are_defused)
{
    static uint8_t zeros[1 << 20], packed[4096];
    uLongf bytes = sizeof packed;
    REQUIRE(compress2(packed, &bytes, zeros, sizeof zeros, 9) == Z_OK);
    CHECK_EQ_INT(read_chunk(sizeof zeros, packed, bytes), LIC_OK);
    CHECK_EQ_INT(read_chunk(sizeof zeros - 1, packed, bytes), LIC_ERR_CORRUPT);
    CHECK_EQ_INT(read_chunk(10, packed, bytes), LIC_ERR_CORRUPT);
    CHECK_EQ_INT(read_chunk(sizeof zeros + 1, packed, bytes), LIC_ERR_CORRUPT);
    CHECK_EQ_INT(read_chunk(64u << 20, packed, bytes), LIC_ERR_CORRUPT);
    CHECK_EQ_INT(read_chunk((64u << 20) + 1, packed, bytes), LIC_ERR_CORRUPT);
    CHECK_EQ_INT(read_chunk(UINT32_MAX, packed, bytes), LIC_ERR_CORRUPT);
}

TEST(a_preset_dictionary_is_refused)
{
    CHECK_EQ_INT(read_chunk(1, "\x78\xF9\x00\x62\x00\x62\x4B\x04\x00\x00\x62\x00\x62", 13),
                 LIC_ERR_CORRUPT);
}
