/* Little-endian access, LEB128, checked sizes, CRC-32, and the texts of errors. Buffers end at the
 * end of their malloc'd block, so that a sanitizer or valgrind sees every read too far. */
#include "codec/base/bytes.h"
#include "codec/base/status.h"
#include "tests/test.h"

/* A reader over a fresh copy of the bytes; free through *block. */
static lic_reader reader(const uint8_t *data, size_t n, uint8_t **block)
{
    *block = malloc(n ? n : 1);
    if (n)
        memcpy(*block, data, n);
    return (lic_reader){*block, *block + n, false};
}

TEST(fixed_width_numbers_are_little_endian)
{
    static const uint8_t data[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0xFF};
    uint8_t *block;
    lic_reader r = reader(data, sizeof data, &block);
    CHECK_EQ_INT(lic_read_u16(&r), 0x0201);
    CHECK_EQ_INT(lic_read_u32(&r), 0x06050403);
    CHECK_EQ_INT(lic_read_u64(&r), 0x0E0D0C0B0A090807);
    CHECK_EQ_INT(lic_read_u8(&r), 0xFF);
    CHECK(!r.failed && r.at == r.end);
    free(block);
}

TEST(a_read_past_the_end_fails_and_stays_failed)
{
    static const uint8_t data[] = {0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF, 0x11};
    for (size_t n = 0; n < 8; n++) {
        uint8_t *block;
        lic_reader r = reader(data, n, &block);
        CHECK_EQ_INT(lic_read_u64(&r), 0);
        CHECK(r.failed && r.at == block);
        CHECK_EQ_INT(lic_read_u8(&r), 0);
        CHECK_EQ_INT(lic_read_varint(&r), 0);
        CHECK(r.failed && r.at == block);
        free(block);
    }
}

TEST(varint_round_trips_at_every_length)
{
    static const uint32_t v[] = {0,         1,         127,       128,     16383,
                                 16384,     65534,     2097151,   2097152, 268435455,
                                 268435456, INT32_MAX, UINT32_MAX};
    static const int bytes[] = {1, 1, 1, 2, 2, 3, 3, 3, 4, 4, 5, 5, 5};
    for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
        uint8_t buf[LIC_VARINT_MAX_BYTES], *block;
        size_t n = (size_t)(lic_write_varint(buf, v[i]) - buf);
        CHECK_EQ_INT(n, bytes[i]);
        lic_reader r = reader(buf, n, &block);
        CHECK_EQ_INT(lic_read_varint(&r), v[i]);
        CHECK(!r.failed && r.at == r.end);
        free(block);
        r = reader(buf, n - 1, &block);
        CHECK_EQ_INT(lic_read_varint(&r), 0);
        CHECK(r.failed);
        free(block);
    }
}

TEST(varint_refuses_padding_and_more_than_32_bits)
{
    static const struct {
        uint8_t data[7];
        size_t n;
    } bad[] = {
        {{0x80, 0x00}, 2},                   /* zero in two bytes */
        {{0xFF, 0x80, 0x00}, 3},             /* padded */
        {{0x80, 0x80, 0x80, 0x80, 0x00}, 5}, /* padded to the limit */
        {{0xFF, 0xFF, 0xFF, 0xFF, 0x10}, 5}, /* 2^32 and more */
        {{0xFF, 0xFF, 0xFF, 0xFF, 0x7F}, 5},
        {{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01}, 6}, /* too long */
        {{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01}, 7},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint8_t *block;
        lic_reader r = reader(bad[i].data, bad[i].n, &block);
        CHECK_EQ_INT(lic_read_varint(&r), 0);
        CHECK(r.failed);
        free(block);
    }
}

TEST(writers_agree_with_readers)
{
    uint8_t buf[6], *block;
    CHECK(lic_write_u32(lic_write_u16(buf, 0xBEEF), 0xDEADC0DE) == buf + 6);
    static const uint8_t expected[] = {0xEF, 0xBE, 0xDE, 0xC0, 0xAD, 0xDE};
    CHECK_EQ_MEM(buf, expected, sizeof buf);
    lic_reader r = reader(buf, sizeof buf, &block);
    CHECK_EQ_INT(lic_read_u16(&r), 0xBEEF);
    CHECK_EQ_INT(lic_read_u32(&r), 0xDEADC0DE);
    free(block);
}

TEST(sizes_overflow_is_seen)
{
    size_t out;
    CHECK(lic_mul_size(0, SIZE_MAX, &out) && out == 0);
    CHECK(lic_mul_size(SIZE_MAX, 0, &out) && out == 0);
    CHECK(lic_mul_size(SIZE_MAX, 1, &out) && out == SIZE_MAX);
    CHECK(!lic_mul_size(SIZE_MAX / 2 + 1, 2, &out));
    CHECK(!lic_mul_size(SIZE_MAX, SIZE_MAX, &out));
    CHECK(lic_mul_size(SIZE_MAX / 3, 3, &out));
    CHECK(lic_add_size(SIZE_MAX - 1, 1, &out) && out == SIZE_MAX);
    CHECK(!lic_add_size(SIZE_MAX, 1, &out));
    CHECK(!lic_add_size(SIZE_MAX, SIZE_MAX, &out));
}

TEST(crc32_is_that_of_zlib_and_can_be_continued)
{
    CHECK_EQ_INT(lic_crc32(0, "123456789", 9), 0xCBF43926);
    CHECK_EQ_INT(lic_crc32(0, NULL, 0), 0);
    CHECK_EQ_INT(lic_crc32(lic_crc32(0, "1234", 4), "56789", 5), 0xCBF43926);
    CHECK_EQ_INT(lic_crc32(0xCBF43926, NULL, 0), 0xCBF43926);
}

TEST(fail_formats_one_clean_line)
{
    lic_error err;
    CHECK_EQ_INT(lic_fail(NULL, LIC_ERR_MEMORY, "%d", 1), LIC_ERR_MEMORY);
    CHECK_EQ_INT(lic_fail(&err, LIC_ERR_LIMIT, "%d of %s", 3, "a\nb\x7F"), LIC_ERR_LIMIT);
    CHECK_EQ_INT(err.status, LIC_ERR_LIMIT);
    CHECK_EQ_STR(err.text, "3 of a?b?");
    CHECK_EQ_INT(lic_fail(&err, LIC_ERR_CORRUPT, "chunk: %s", err.text), LIC_ERR_CORRUPT);
    CHECK_EQ_STR(err.text, "chunk: 3 of a?b?");
}

/* Wherever the cut falls, what is left is whole numbers and whole UTF-8 characters. */
TEST(fail_never_splits_a_number)
{
    for (int pad = 200; pad < 245; pad++) {
        lic_error err;
        CHECK_EQ_INT(
            lic_fail(&err, LIC_ERR_LIMIT, "%*d bytes%s", pad, 1234567890, "\xC3\xA9\xC3\xA9"),
            LIC_ERR_LIMIT);
        size_t n = strlen(err.text);
        CHECK(n < sizeof err.text);
        const char *digit = strchr(err.text, '1');
        CHECK(!digit || strncmp(digit, "1234567890", 10) == 0);
        const char *e = strchr(err.text, '\xC3');
        CHECK(!e || e[1] == '\xA9');
        if (pad > 230)
            CHECK(n >= 3 && strcmp(err.text + n - 3, "...") == 0);
    }
}

TEST(every_status_has_its_name)
{
    CHECK_EQ_STR(lic_status_name(LIC_OK), "LIC_OK");
    CHECK_EQ_STR(lic_status_name(LIC_ERR_CANCELLED), "LIC_ERR_CANCELLED");
    CHECK_EQ_STR(lic_status_name((lic_status)999), "unknown status");
}

static void *count_alloc(void *user, size_t bytes)
{
    ++*(int *)user;
    return malloc(bytes);
}

static void count_free(void *user, void *pointer)
{
    --*(int *)user;
    free(pointer);
}

TEST(allocation_goes_through_the_callers_functions)
{
    int live = 0;
    lic_allocator a = {count_alloc, count_free, &live};
    void *p = lic_alloc(&a, 10);
    CHECK_EQ_INT(live, 1);
    lic_dealloc(&a, p);
    lic_dealloc(&a, NULL);
    CHECK_EQ_INT(live, 0);
    p = lic_alloc(NULL, 0);
    CHECK(p != NULL);
    lic_dealloc(NULL, p);
}

/* Every wrong byte of some data is found, every wrong bit too; what several wrong bytes or a cut
 * make is hardly ever taken for one. */
TEST(crc32_of_one_wrong_byte)
{
    enum { N = 1500 };
    static uint8_t data[N];
    for (size_t i = 0; i < N; i++)
        data[i] = (uint8_t)test_random();
    const uint32_t right = lic_crc32(0, data, N);
    int mistaken = 0;
    CHECK(!lic_crc32_one_wrong(0, N, true));
    for (size_t i = 0; i < N; i++) {
        const uint8_t flip = (uint8_t)(1 + test_random_below(255));
        data[i] ^= flip;
        const uint32_t difference = right ^ lic_crc32(0, data, N);
        CHECK(lic_crc32_one_wrong(difference, N, true));
        CHECK(lic_crc32_one_wrong(difference, N, false) == !(flip & (flip - 1)));
        CHECK(lic_crc32_one_wrong(difference, N - i, true)); /* as many bytes from the end */
        CHECK(!lic_crc32_one_wrong(difference, N - i - 1, true));
        data[i] ^= flip;
        mistaken += lic_crc32_one_wrong(right ^ lic_crc32(0, data, i), i, true);
    }
    CHECK(mistaken <= 1);
}
