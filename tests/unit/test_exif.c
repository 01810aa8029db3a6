/* test_exif.c - EXIF for a part of a picture: what is copied, what goes, what changes; and hostile
 * bytes: no read past their end, and no growth. */
#include "codec/lic.h"
#include "tests/test.h"

#include <stdbool.h>

enum { MOST = 2048 };

struct exif {
    uint8_t data[MOST];
    size_t bytes;
    bool big;
};

static void put(struct exif *e, size_t at, int n, uint32_t value)
{
    for (int i = 0; i < n; i++)
        e->data[at + (size_t)i] = (uint8_t)(value >> 8 * (e->big ? n - 1 - i : i));
}

static uint32_t get(const lic_buffer *b, size_t at, int n, bool big)
{
    uint32_t v = 0;
    for (int i = 0; i < n && at + (size_t)n <= b->bytes; i++)
        v |= (uint32_t)b->data[at + (size_t)i] << 8 * (big ? n - 1 - i : i);
    return v;
}

static uint32_t orientation_of(const lic_buffer *b)
{
    return lic_exif_orientation((lic_span){b->data, b->bytes});
}

static void begin(struct exif *e, bool big)
{
    *e = (struct exif){.bytes = 8, .big = big};
    memcpy(e->data, big ? "MM\0*" : "II*\0", 4);
    put(e, 4, 4, 8);
}

/* A folder of n entries at the end, to be filled in. */
static size_t folder(struct exif *e, size_t n)
{
    const size_t at = e->bytes;
    put(e, at, 2, (uint32_t)n);
    e->bytes += 2 + 12 * n + 4;
    return at;
}

static void entry(struct exif *e, size_t at, size_t i, uint32_t tag, uint32_t type, uint32_t count,
                  uint32_t value)
{
    at += 2 + 12 * i;
    put(e, at, 2, tag);
    put(e, at + 2, 2, type);
    put(e, at + 4, 4, count);
    put(e, at + 8, type == 3 ? 2 : 4, value);
}

static uint32_t text(struct exif *e, const char *word)
{
    const size_t at = e->bytes;
    memcpy(e->data + at, word, strlen(word) + 1);
    e->bytes += strlen(word) + 1;
    return (uint32_t)at;
}

/* Entry of a tag in a folder; 0 if it is not there. */
static size_t find(const lic_buffer *b, size_t at, uint32_t tag, bool big)
{
    const uint32_t n = get(b, at, 2, big);
    for (uint32_t i = 0; i < n; i++)
        if (get(b, at + 2 + 12 * (size_t)i, 2, big) == tag)
            return at + 2 + 12 * (size_t)i;
    return 0;
}

static bool holds(const lic_buffer *b, const char *word)
{
    const size_t n = strlen(word);
    for (size_t i = 0; i + n <= b->bytes; i++)
        if (memcmp(b->data + i, word, n) == 0)
            return true;
    return false;
}

/* As a camera writes it: all folders, a maker's note, a thumbnail. */
static void make_full(struct exif *e, bool big)
{
    begin(e, big);
    const size_t main = folder(e, 6), sub = folder(e, 5), gps = folder(e, 1), last = folder(e, 2);
    entry(e, main, 0, 0x0100, 3, 1, 4000);
    entry(e, main, 1, 0x010E, 2, 14, text(e, "a description"));
    entry(e, main, 2, 0x0112, 3, 1, 6);
    entry(e, main, 3, 0x8649, 7, 18, text(e, "photoshop thumbnail"));
    entry(e, main, 4, 0x8769, 4, 1, (uint32_t)sub);
    entry(e, main, 5, 0x8825, 4, 1, (uint32_t)gps);
    put(e, main + 2 + 12 * 6, 4, (uint32_t)last);
    entry(e, sub, 0, 0x927C, 7, 12, text(e, "maker's note"));
    entry(e, sub, 1, 0x9286, 7, 10, text(e, "a comment."));
    entry(e, sub, 2, 0xA002, 3, 1, 4000);
    entry(e, sub, 3, 0xA003, 4, 1, 3000);
    entry(e, sub, 4, 0x9214, 3, 2, 0);
    entry(e, gps, 0, 0x001D, 2, 11, text(e, "2026:11:27"));
    entry(e, last, 0, 0x0201, 4, 1, text(e, "a small picture"));
    entry(e, last, 1, 0x0202, 4, 1, 15);
}

TEST(a_part_has_its_own_sides_and_no_thumbnail)
{
    for (int big = 0; big < 2; big++) {
        struct exif e;
        lic_buffer b;
        make_full(&e, big);
        REQUIRE(lic_exif_fit((lic_span){e.data, e.bytes}, 640, 480, NULL, &b) == LIC_OK);
        CHECK(b.bytes <= e.bytes);
        CHECK_EQ_INT(orientation_of(&b), 6);
        const size_t main = get(&b, 4, 4, big);
        CHECK_EQ_INT(get(&b, find(&b, main, 0x0100, big) + 8, 4, big), 640);
        CHECK_EQ_INT(get(&b, main, 2, big), 5);
        CHECK_EQ_INT(get(&b, main + 2 + 12 * 5, 4, big), 0);
        const size_t sub = get(&b, find(&b, main, 0x8769, big) + 8, 4, big);
        CHECK_EQ_INT(get(&b, find(&b, sub, 0xA002, big) + 8, 4, big), 640);
        CHECK_EQ_INT(get(&b, find(&b, sub, 0xA003, big) + 8, 4, big), 480);
        CHECK_EQ_INT(get(&b, sub, 2, big), 3);
        CHECK(holds(&b, "a description") && holds(&b, "a comment.") && holds(&b, "2026:11:27"));
        CHECK(!holds(&b, "maker") && !holds(&b, "small picture") && !holds(&b, "photoshop"));
        lic_buffer_free(&b);
    }
}

TEST(orientation_alone)
{
    for (uint32_t o = 1; o <= 8; o++) {
        lic_buffer b;
        REQUIRE(lic_exif_turn((lic_span){0}, o, NULL, &b) == LIC_OK);
        CHECK_EQ_INT(orientation_of(&b), o);
        lic_buffer_free(&b);
    }
}

/* Folders that lead to themselves or to each other, values that overlap: refused, or no longer than
 * what came in. */
TEST(little_does_not_become_much)
{
    struct exif e;
    lic_buffer b;
    begin(&e, false);
    const size_t main = folder(&e, 2);
    entry(&e, main, 0, 0x8769, 4, 1, (uint32_t)main);
    entry(&e, main, 1, 0x8769, 4, 1, (uint32_t)main);
    CHECK_EQ_INT(lic_exif_fit((lic_span){e.data, e.bytes}, 1, 1, NULL, &b), LIC_ERR_CORRUPT);
    CHECK(!b.data);
    begin(&e, false);
    const size_t many = folder(&e, 100);
    for (size_t i = 0; i < 100; i++)
        entry(&e, many, i, 0x010E, 2, 1200, 8);
    CHECK_EQ_INT(lic_exif_fit((lic_span){e.data, e.bytes}, 1, 1, NULL, &b), LIC_ERR_CORRUPT);
    CHECK(!b.data);
}

/* Sizes that are small only in 32 bits: the value is not there, and its entry goes. */
TEST(values_of_more_than_32_bits)
{
    static const uint32_t size[] = {0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4};
    for (uint32_t type = 1; type < sizeof size / sizeof *size; type++) {
        struct exif e;
        lic_buffer b;
        begin(&e, type & 1);
        const size_t main = folder(&e, 1);
        const uint32_t count = (uint32_t)((((uint64_t)1 << 32) + 8) / size[type]);
        entry(&e, main, 0, 0x010E, type, size[type] == 1 ? UINT32_MAX : count, 8);
        if (type == 3)
            put(&e, main + 2 + 8, 4, 8);
        REQUIRE(lic_exif_fit((lic_span){e.data, e.bytes}, 5, 7, NULL, &b) == LIC_OK);
        CHECK_EQ_INT(get(&b, get(&b, 4, 4, e.big), 2, e.big), 0);
        lic_buffer_free(&b);
    }
}

TEST(any_bytes_are_taken)
{
    for (int round = 0; round < 20000; round++) {
        struct exif e;
        lic_buffer b;
        make_full(&e, round & 1);
        const uint32_t changes = 1 + test_random_below(12);
        for (uint32_t i = 0; i < changes; i++)
            e.data[test_random_below((uint32_t)e.bytes)] = (uint8_t)test_random();
        const size_t bytes = test_random_below((uint32_t)e.bytes + 1);
        uint8_t *copy = malloc(bytes + 1); /* so that reading beyond is seen */
        REQUIRE(copy);
        memcpy(copy, e.data, bytes);
        const lic_status status = lic_exif_fit((lic_span){copy, bytes}, 5, 7, NULL, &b);
        CHECK(status == LIC_OK || status == LIC_ERR_CORRUPT);
        CHECK(!b.data == !!status);
        CHECK(!b.data || b.bytes <= bytes + bytes / 12 + 64);
        CHECK(!b.data || orientation_of(&b) == lic_exif_orientation((lic_span){copy, bytes}));
        lic_buffer_free(&b);
        free(copy);
    }
}

TEST(arguments_that_make_no_sense)
{
    struct exif e;
    lic_buffer b;
    make_full(&e, false);
    const lic_span exif = {e.data, e.bytes}, text = {(const uint8_t *)"no EXIF", 7};
    CHECK_EQ_INT(lic_exif_turn(exif, 0, NULL, &b), LIC_ERR_ARGUMENT);
    CHECK_EQ_INT(lic_exif_turn(exif, 9, NULL, &b), LIC_ERR_ARGUMENT);
    CHECK_EQ_INT(lic_exif_turn(text, 1, NULL, &b), LIC_ERR_CORRUPT);
    CHECK_EQ_INT(lic_exif_fit(exif, 0, 1, NULL, &b), LIC_ERR_ARGUMENT);
    CHECK_EQ_INT(lic_exif_fit(text, 1, 1, NULL, &b), LIC_ERR_CORRUPT);
    CHECK_EQ_INT(lic_exif_orientation(text), 1);
}
