/* The head of a .lic file: fixed bytes, round trips, damage, hostile sides, arguments, memory.
 * Chunks are in test_chunks.c. */
#include "tests/unit/container_fixture.h"

TEST(a_file_has_fixed_bytes)
{
    static const uint8_t expected[] = {0x9B, 'l',  'i',  'c',  0x01, 0xFF, 0x05, 0xFF,
                                       0x03, 0x78, 0x56, 0x34, 0x12, 0x00, 0x80, 0x0D,
                                       0xF0, 0xFE, 0xCA, 0x16, 0xAD, 0xE1, 0x43, 1,
                                       2,    3,    4,    5,    0,    255,  128,  9};
    lic_container c = plain(768, 512);
    lic_buffer file = write_file(&c);
    CHECK_EQ_INT(file.bytes, sizeof expected);
    if (file.bytes == sizeof expected) {
        CHECK_EQ_MEM(file.data, expected, sizeof expected);
    }
    lic_buffer_free(&file);
    CHECK(file.data == NULL && file.bytes == 0);
}

TEST(a_plain_picture_of_768x512_costs_23_bytes)
{
    lic_container c = plain(768, 512);
    lic_buffer file = write_file(&c);
    CHECK_EQ_INT(file.bytes - sizeof some_latents, 23);
    lic_buffer_free(&file);
    c = plain(65535, 65535);
    file = write_file(&c);
    CHECK_EQ_INT(file.bytes - sizeof some_latents, 25);
    lic_buffer_free(&file);
    c = plain(128, 128);
    file = write_file(&c);
    CHECK_EQ_INT(file.bytes - sizeof some_latents, HEAD_SMALL);
    lic_buffer_free(&file);
}

TEST(heads_round_trip)
{
    static const uint32_t sides[] = {1, 2, 127, 128, 129, 768, 16384, 16385, 65534, 65535};
    for (uint32_t i = 0; i < 400; i++) {
        lic_container c = plain(sides[i % 10], sides[i / 10 % 10]);
        c.channels = i & 1 ? 1 : 3;
        c.depth = i & 2 ? 16 : 8;
        c.quality_code = i & 4 ? 65535 : i * 100;
        c.model_id = (uint32_t)test_random();
        c.check_latents = (uint32_t)test_random();
        c.latent_bytes = i & 8 ? 0 : sizeof some_latents;
        lic_buffer file = write_file(&c);
        lic_info info;
        lic_error err;
        CHECK_EQ_INT(probe(file.data, file.bytes, &info, &err), LIC_OK);
        CHECK_EQ_INT(info.width, c.width);
        CHECK_EQ_INT(info.height, c.height);
        CHECK_EQ_INT(info.channels, c.channels);
        CHECK_EQ_INT(info.depth, c.depth);
        CHECK((uint32_t)(info.quality / 100 * LIC_QUALITY_CODES + 0.5) == c.quality_code);
        CHECK_EQ_INT(info.version, 1);
        CHECK_EQ_INT(info.model_id, c.model_id);
        CHECK_EQ_INT(info.check_latents, c.check_latents);
        CHECK_EQ_INT(info.latent_bytes, c.latent_bytes);
        CHECK_EQ_INT(info.n_chunks, 0);
        lic_chunk chunks[LIC_MAX_CHUNKS];
        lic_container back;
        CHECK_EQ_INT(lic_container_read(file.data, file.bytes, chunks, &back, NULL), LIC_OK);
        CHECK_EQ_INT(back.quality_code, c.quality_code);
        CHECK_EQ_MEM(back.latents, some_latents, c.latent_bytes);
        lic_buffer_free(&file);
    }
}

/* The head tells that it is short; from then on a cut shows in the checksum. */
TEST(every_truncation_is_an_error)
{
    lic_chunk chunks[LIC_MAX_CHUNKS];
    lic_container with = with_chunks(chunks, 3), without = plain(100, 50);
    for (int i = 0; i < 2; i++) {
        lic_buffer file = write_file(i ? &with : &without);
        for (size_t n = 0; n < file.bytes; n++)
            CHECK_EQ_INT(probe_status(file.data, n),
                         n < HEAD_SMALL ? LIC_ERR_TRUNCATED : LIC_ERR_CORRUPT);
        lic_buffer_free(&file);
    }
}

TEST(every_changed_bit_is_an_error)
{
    lic_chunk chunks[LIC_MAX_CHUNKS];
    lic_container with = with_chunks(chunks, 3), without = plain(100, 50);
    for (int i = 0; i < 2; i++) {
        lic_buffer file = write_file(i ? &with : &without);
        for (size_t bit = 0; bit < file.bytes * 8; bit++) {
            file.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
            lic_status status = probe_status(file.data, file.bytes);
            CHECK(bit < 32   ? status == LIC_ERR_NOT_LIC
                  : bit < 40 ? status == LIC_ERR_VERSION || status == LIC_ERR_CORRUPT
                             : status == LIC_ERR_CORRUPT);
            file.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        for (size_t at = 0; at < file.bytes; at++) {
            file.data[at] ^= 0xFF;
            CHECK(probe_status(file.data, file.bytes) != LIC_OK);
            file.data[at] ^= 0xFF;
        }
        CHECK_EQ_INT(probe_status(file.data, file.bytes), LIC_OK);
        lic_buffer_free(&file);
    }
}

TEST(texts_are_for_people)
{
    lic_container c = plain(100, 50);
    lic_buffer file = write_file(&c);
    lic_info info;
    lic_error err;
    (void)probe("GIF89a", 6, &info, &err);
    CHECK_EQ_STR(err.text, "not a .lic file");
    (void)probe(file.data, 10, &info, &err);
    CHECK_EQ_STR(err.text, "file is cut short: it ends within its head");
    (void)probe(file.data, 0, &info, &err);
    CHECK_EQ_STR(err.text, "file is cut short: it is empty");
    (void)probe(file.data, file.bytes - 1, &info, &err);
    CHECK_EQ_STR(err.text, "checksum of the file does not match: the file is damaged or cut short");
    file.data[4] = 4;
    (void)probe(file.data, file.bytes, &info, &err);
    CHECK_EQ_STR(err.text, "the file is of format version 4, this program reads version 3");
    lic_buffer_free(&file);
}

TEST(a_failed_checksum_leaves_what_could_be_read)
{
    lic_container c = plain(100, 50), back;
    lic_chunk chunks[LIC_MAX_CHUNKS];
    lic_buffer file = write_file(&c);
    CHECK_EQ_INT(lic_container_read(file.data, file.bytes - 3, chunks, &back, NULL),
                 LIC_ERR_CORRUPT);
    CHECK_EQ_INT(back.width, 100);
    CHECK_EQ_INT(back.latent_bytes, sizeof some_latents - 3);
    CHECK(back.latents == file.data + HEAD_SMALL);
    lic_buffer_free(&file);
}

TEST(versions_to_come_are_refused)
{
    lic_container c = plain(100, 50);
    lic_buffer file = write_file(&c);
    for (unsigned version = 0; version < 8; version++) {
        file.data[4] = (uint8_t)version;
        seal(file.data, file.bytes, CRC_AT_SMALL);
        const lic_status status = probe_status(file.data, file.bytes);
        if (version == 3) /* which has another head */
            CHECK_EQ_INT(status, LIC_ERR_CORRUPT);
        else
            CHECK_EQ_INT(status, version == 1 ? LIC_OK : LIC_ERR_VERSION);
    }
    lic_buffer_free(&file);
}

/* Lossless files have neither model nor quality, lists that end with one byte, and chunks that are
 * stored where zlib wins nothing. Version 2 is not written. */
TEST(lossless_files_have_short_heads)
{
    static const uint8_t bytes[5] = {'s', 'h', 'o', 'r', 't'}, zeros[400] = {0};
    const lic_chunk chunks[2] = {{.type = {'x', 'm', 'p', ' '}, .data = bytes, .bytes = 5},
                                 {.type = {'i', 'c', 'c', 'p'}, .data = zeros, .bytes = 400}};
    lic_container c = plain(100, 50);
    lic_buffer file = write_file(&c), out;
    lic_info info;
    const size_t version_1 = file.bytes;
    lic_buffer_free(&file);
    c.version = 2;
    CHECK_EQ_INT(lic_container_write(&c, NULL, &file, NULL), LIC_ERR_ARGUMENT);
    c.version = 3;
    file = write_file(&c);
    CHECK_EQ_INT(file.bytes, version_1 - 6);
    const size_t bare = file.bytes;
    lic_buffer_free(&file);
    c.chunks = chunks;
    c.n_chunks = 1;
    file = write_file(&c);
    CHECK_EQ_INT(file.bytes, bare + 4 + 2 + 5 + 1);
    lic_buffer_free(&file);
    c.n_chunks = 2;
    file = write_file(&c);
    CHECK(file.bytes < bare + 100);
    CHECK_EQ_INT(probe_status(file.data, file.bytes), LIC_OK);
    CHECK_EQ_INT(lic_probe(file.data, file.bytes, &info, NULL), LIC_OK);
    CHECK(info.lossless && info.model_id == 0 && info.quality == 100.0 && info.n_chunks == 2);
    for (size_t i = 0; i < 2; i++) {
        CHECK_EQ_INT(lic_chunk_read(&info.chunks[i], NULL, &out, NULL), LIC_OK);
        CHECK_EQ_INT(out.bytes, chunks[i].bytes);
        CHECK_EQ_MEM(out.data, chunks[i].data, out.bytes);
        lic_buffer_free(&out);
    }
    /* and they can be passed on, to files of either kind */
    c.chunks = info.chunks;
    lic_buffer again = write_file(&c);
    CHECK_EQ_INT(again.bytes, file.bytes);
    CHECK_EQ_MEM(again.data, file.data, file.bytes);
    lic_buffer_free(&again);
    c.version = 1;
    again = write_file(&c);
    lic_info other;
    CHECK_EQ_INT(lic_probe(again.data, again.bytes, &other, NULL), LIC_OK);
    CHECK_EQ_INT(lic_chunk_read(&other.chunks[0], NULL, &out, NULL), LIC_OK);
    CHECK(out.bytes == 5 && memcmp(out.data, bytes, 5) == 0);
    lic_buffer_free(&out);
    lic_buffer_free(&again);
    lic_buffer_free(&file);
}

/* A type that begins with a capital letter is one that must be known. */
TEST(only_known_types_may_be_critical)
{
    static const uint8_t bytes[50 * 100] = {0};
    lic_chunk chunk = {.type = {'A', 'l', 'p', 'h'},
                       .data = bytes,
                       .bytes = 9,
                       .packed = 1,
                       .unpacked_bytes = sizeof bytes};
    lic_container c = plain(100, 50);
    c.chunks = &chunk;
    c.n_chunks = 1;
    lic_buffer file = write_file(&c);
    CHECK_EQ_INT(probe_status(file.data, file.bytes), LIC_OK);
    CHECK_EQ_MEM(file.data + HEAD_SMALL, "Alph", 4);
    file.data[HEAD_SMALL] = 'B';
    seal(file.data, file.bytes, CRC_AT_SMALL);
    CHECK_EQ_INT(probe_status(file.data, file.bytes), LIC_ERR_VERSION);
    lic_buffer_free(&file);
    chunk.type[0] = 'B';
    CHECK_EQ_INT(lic_container_write(&c, NULL, &file, NULL), LIC_ERR_ARGUMENT);
    chunk.type[0] = 'A';
    chunk.unpacked_bytes--;
    CHECK_EQ_INT(lic_container_write(&c, NULL, &file, NULL), LIC_ERR_ARGUMENT);
}

/* Two bytes more, and what they say comes back; sides that are no multiples of 64, or too long, do
 * not. */
TEST(tiles_cost_two_bytes)
{
    static const uint32_t bad[][2] = {{64, 0}, {0, 64}, {100, 64}, {64, 16448}, {1, 1}};
    lic_container c = plain(5000, 3000);
    lic_buffer whole = write_file(&c), tiled;
    lic_info info;
    lic_error err;
    c.tile_w = 16384;
    c.tile_h = 64;
    tiled = write_file(&c);
    CHECK_EQ_INT(tiled.bytes, whole.bytes + 2);
    CHECK_EQ_INT(lic_probe(tiled.data, tiled.bytes, &info, &err), LIC_OK);
    CHECK_EQ_INT(info.tile_width, 16384);
    CHECK_EQ_INT(info.tile_height, 64);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        lic_buffer out;
        c.tile_w = bad[i][0];
        c.tile_h = bad[i][1];
        CHECK_EQ_INT(lic_container_write(&c, NULL, &out, &err), LIC_ERR_ARGUMENT);
    }
    lic_buffer_free(&whole);
    lic_buffer_free(&tiled);
}

/* Sides: longest, too long by one, with padding, with more than 32 bits. */
TEST(hostile_sides)
{
    static const struct {
        uint8_t side[6];
        size_t n;
        lic_status status;
    } cases[] = {
        {{0xFE, 0xFF, 0x03}, 3, LIC_OK},
        {{0xFF, 0xFF, 0x03}, 3, LIC_ERR_CORRUPT},
        {{0x80, 0x00}, 2, LIC_ERR_CORRUPT},
        {{0xFF, 0xFF, 0xFF, 0xFF, 0x0F}, 5, LIC_ERR_CORRUPT},
        {{0x81, 0x80, 0x00}, 3, LIC_ERR_CORRUPT},
        {{255, 255, 255, 255, 255, 1}, 6, LIC_ERR_CORRUPT},
    };
    for (size_t i = 0; i < 6; i++) {
        uint8_t file[64] = {0x9B, 'l', 'i', 'c', 1}, *at = file + 5;
        for (int side = 0; side < 2; side++, at += cases[i].n)
            memcpy(at, cases[i].side, cases[i].n);
        seal(file, 60, (size_t)(at - file) + 10);
        lic_info info;
        lic_error err;
        CHECK_EQ_INT(probe(file, 60, &info, &err), cases[i].status);
        if (cases[i].status == LIC_OK)
            CHECK(info.width == 65535 && info.height == 65535);
    }
}

/* Writing a sound file with one thing changed. */
#define REFUSES(change)                                                                            \
    do {                                                                                           \
        lic_chunk chunk = {.type = {'i', 'c', 'c', 'p'}, .data = metadata, .bytes = 10};           \
        lic_container c = plain(10, 10);                                                           \
        lic_buffer out;                                                                            \
        lic_error err = {0};                                                                       \
        c.chunks = &chunk;                                                                         \
        c.n_chunks = 1;                                                                            \
        change;                                                                                    \
        CHECK_EQ_INT(lic_container_write(&c, NULL, &out, &err), LIC_ERR_ARGUMENT);                 \
        CHECK(err.text[0] && !out.data && out.bytes == 0);                                         \
    } while (0)

TEST(arguments_of_the_writer_are_checked)
{
    REFUSES(c.width = 0);
    REFUSES(c.width = 65536);
    REFUSES(c.height = 0);
    REFUSES(c.height = 65536);
    REFUSES(c.channels = 2);
    REFUSES(c.channels = 4);
    REFUSES(c.depth = 10);
    REFUSES(c.quality_code = 65536);
    REFUSES(chunk.type[0] = 'I');
    REFUSES(chunk.type[0] = 0);
    REFUSES(chunk.type[3] = '\n');
    REFUSES(chunk.data = NULL);
    REFUSES(chunk.bytes = LIC_MAX_CHUNK_BYTES + 1);
    REFUSES(c.chunks = NULL);
    REFUSES(c.n_chunks = LIC_MAX_CHUNKS + 1);
    REFUSES(c.latents = NULL);
}

TEST(arguments_of_the_readers_are_checked)
{
    lic_chunk chunk = {.type = {'i', 'c', 'c', 'p'}, .data = metadata, .bytes = 10};
    lic_info info;
    lic_buffer out;
    CHECK_EQ_INT(lic_probe(NULL, 5, &info, NULL), LIC_ERR_ARGUMENT);
    CHECK_EQ_INT(lic_probe("x", 1, NULL, NULL), LIC_ERR_ARGUMENT);
    CHECK_EQ_INT(lic_probe(NULL, 0, &info, NULL), LIC_ERR_TRUNCATED);
    CHECK_EQ_INT(lic_chunk_read(NULL, NULL, &out, NULL), LIC_ERR_ARGUMENT);
    CHECK_EQ_INT(lic_chunk_read(&chunk, NULL, NULL, NULL), LIC_ERR_ARGUMENT);
    CHECK_EQ_INT(lic_chunk_read(&chunk, NULL, &out, NULL), LIC_ERR_ARGUMENT); /* not packed */
    lic_buffer_free(NULL);
}

static void *limited_alloc(void *user, size_t bytes)
{
    int *left = user;
    return (*left)-- > 0 ? malloc(bytes) : NULL;
}

static void limited_free(void *user, void *pointer)
{
    (void)user;
    free(pointer);
}

TEST(every_failing_allocation_is_told)
{
    lic_chunk chunks[LIC_MAX_CHUNKS];
    lic_container c = with_chunks(chunks, 4);
    lic_status status = LIC_ERR_MEMORY;
    int n = 0;
    for (; status != LIC_OK && n < 100; n++) {
        int left = n;
        lic_allocator allocator = {limited_alloc, limited_free, &left};
        lic_buffer out;
        lic_error err = {0};
        status = lic_container_write(&c, &allocator, &out, &err);
        CHECK(status == LIC_OK || (status == LIC_ERR_MEMORY && !out.data));
        lic_buffer_free(&out);
    }
    CHECK(status == LIC_OK && n > 5);
}
