/* The range coder on its own codes: fixed bytes, round trips over random tables, rate. Damaged and
 * hostile codes are in test_range_damage.c. */
#include "codec/base/bytes.h"
#include "tests/unit/range_fixture.h"

TEST(fixed_symbols_give_fixed_bytes)
{
    static const uint8_t index[] = {4, 4, 4, 4, 2, 2, 2, 1, 1, 0, 3, 3, 3, 4, 4, 2, 1, 4, 0,
                                    0, 4, 2, 2, 3, 1, 4, 4, 4, 4, 2, 2, 2, 2, 4, 4, 4, 0, 4};
    static const int32_t values[] = {0,  1,  -1, 2, 0, 0,  1, 0,  0,         7,         0,  -2, 0,
                                     -3, 3,  -1, 0, 4, -1, 0, 40, 0,         0,         0,  1,  1,
                                     1,  -2, 0,  1, 1, 0,  0, -3, INT32_MIN, INT32_MAX, -9, 0};
    static const uint8_t expected[] = {
        0x92, 0x5D, 0xF7, 0x8F, 0x71, 0x74, 0xB8, 0xF9, 0x24, 0x32, 0xEC, 0x8F, 0xC3,
        0xEF, 0xE0, 0x90, 0xB0, 0x2A, 0x6A, 0xCF, 0x87, 0xFF, 0xF2, 0xE5, 0x38, 0x64,
        0xA1, 0x6B, 0x1E, 0x5E, 0xC6, 0x07, 0x00, 0x1D, 0x67, 0xB1, 0xFF, 0x34, 0x53,
    };
    fixture f = {0};
    fixed_tables(&f);
    REQUIRE(fixture_finish(&f));
    code c = encode(&f.set, index, values, sizeof index);
    CHECK_EQ_INT(c.bytes, sizeof expected);
    if (c.bytes == sizeof expected)
        CHECK_EQ_MEM(c.data, expected, sizeof expected);
    CHECK_EQ_INT(round_trip(&f.set, index, values, sizeof index), sizeof expected);
    free(c.data);
    fixture_free(&f);
}

TEST(many_fixed_symbols_give_a_fixed_checksum)
{
    enum { N = 20000 };
    static uint8_t index[N];
    static int32_t values[N];
    fixture f = {0};
    fixed_tables(&f);
    REQUIRE(fixture_finish(&f));
    for (size_t i = 0; i < N; i++) {
        index[i] = (uint8_t)test_random_below(5);
        values[i] = random_value(&f.set.tables[index[i]]);
    }
    code c = encode(&f.set, index, values, N);
    CHECK_EQ_INT(c.bytes, 11291);
    CHECK_EQ_INT(lic_crc32(0, c.data, c.bytes), 2234226284);
    free(c.data);
    fixture_free(&f);
}

TEST(nothing_takes_no_bytes)
{
    fixture f = {0};
    fixed_tables(&f);
    REQUIRE(fixture_finish(&f));
    CHECK_EQ_INT(round_trip(&f.set, NULL, NULL, 0), 0);
    lic_range_decoder dec;
    lic_range_decoder_init(&dec, NULL, 0);
    CHECK(lic_range_decoder_ok(&dec));
    fixture_free(&f);
}

TEST(random_tables_and_symbols_round_trip)
{
    enum { N = 300 };
    for (int trial = 0; trial < 300; trial++) {
        fixture f = {0};
        uint8_t index[N];
        int32_t values[N];
        for (int t = 0; t < 6; t++)
            add_random_table(&f);
        REQUIRE(fixture_finish(&f));
        for (size_t i = 0; i < N; i++) {
            index[i] = (uint8_t)test_random_below(6);
            values[i] = random_value(&f.set.tables[index[i]]);
        }
        for (size_t n = 0; n < N; n = n < 12 ? n + 1 : n * 2)
            round_trip(&f.set, index, values, n);
        fixture_free(&f);
    }
}

/* Escapes at both ends of int32_t, with tables at both ends and in the middle. */
TEST(every_int32_can_be_coded_with_every_table)
{
    static const uint32_t one[] = {65536}, three[] = {1, 65534, 1};
    static const int32_t firsts[] = {INT32_MIN, INT32_MIN + 1, -1,           0,
                                     1,         INT32_MAX - 4, INT32_MAX - 3};
    fixture f = {0};
    for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++) {
        fixture_add(&f, firsts[i], one, 1);
        fixture_add(&f, firsts[i], three, 3);
    }
    REQUIRE(fixture_finish(&f));
    for (uint32_t t = 0; t < f.n; t++) {
        for (int shift = 0; shift < 32; shift++) {
            int32_t p = (int32_t)(UINT32_MAX >> 1 >> shift),
                    v[] = {p, -p, -p - 1, 0, p / 3 * 2, p - 1};
            uint8_t index[] = {0, 0, 0, 0, 0, 0};
            memset(index, (int)t, sizeof index);
            CHECK(round_trip(&f.set, index, v, 6) <= 6 * 11);
        }
    }
    fixture_free(&f);
}

TEST(one_at_a_time_gives_the_same_bytes)
{
    enum { N = 2000 };
    fixture f = {0};
    static uint8_t index[N];
    static int32_t values[N];
    fixed_tables(&f);
    REQUIRE(fixture_finish(&f));
    grow_state g = {-1, 0};
    lic_range_encoder enc;
    lic_range_encoder_init(&enc, fixture_grow, &g);
    for (size_t i = 0; i < N; i++) {
        index[i] = (uint8_t)test_random_below(5);
        values[i] = random_value(&f.set.tables[index[i]]);
        lic_range_encode(&enc, &f.set.tables[index[i]], values[i]);
    }
    REQUIRE(lic_range_finish(&enc));
    code c = encode(&f.set, index, values, N);
    CHECK_EQ_INT(c.bytes, enc.bytes);
    CHECK_EQ_MEM(c.data, enc.data, c.bytes);
    lic_range_decoder dec;
    lic_range_decoder_init(&dec, c.data, c.bytes);
    for (size_t i = 0; i < N; i++)
        CHECK_EQ_INT(lic_range_decode(&dec, &f.set.tables[index[i]]), values[i]);
    CHECK(lic_range_decoder_ok(&dec));
    free(enc.data);
    free(c.data);
    fixture_free(&f);
}

TEST(rate_is_within_a_ten_thousandth_of_the_ideal)
{
    enum { N = 400000 };
    static uint8_t index[N];
    static int32_t values[N];
    fixture f = {0};
    fixture_gaussians(&f);
    REQUIRE(fixture_finish(&f));
    for (uint32_t highest = 2; highest <= 64; highest *= 2) {
        double bits = 0;
        for (size_t i = 0; i < N; i++) {
            index[i] = (uint8_t)test_random_below(highest);
            const lic_cdf *c = &f.set.tables[index[i]];
            uint32_t q = test_random_below(LIC_CDF_TOTAL - 1), k = 0; /* not the escape */
            while (k + 2 < c->n && c->cum[k + 1] <= q)
                k++;
            values[i] = c->first + (int32_t)k;
            bits += 16 - log2(fixture_frequency(c, k));
        }
        size_t bytes = round_trip(&f.set, index, values, N);
        CHECK((double)bytes <= bits / 8 * 1.0001 + 8);
    }
    fixture_free(&f);
}

TEST(running_out_of_memory_is_told_at_the_end)
{
    enum { N = 60000 };
    static uint8_t index[N];
    static int32_t values[N];
    fixture f = {0};
    fixed_tables(&f);
    REQUIRE(fixture_finish(&f));
    for (size_t i = 0; i < N; i++) {
        index[i] = 4;
        values[i] = (int32_t)test_random_below(100) - 3;
    }
    bool done = false;
    int left = 0;
    for (; !done && left < 20; left++) {
        grow_state g = {left, 0};
        lic_range_encoder enc;
        lic_range_encoder_init(&enc, fixture_grow, &g);
        lic_range_encode_many(&enc, &f.set, index, values, N);
        done = lic_range_finish(&enc);
        CHECK_EQ_INT(done, !enc.failed);
        CHECK(enc.bytes <= enc.capacity && enc.capacity == g.bytes);
        free(enc.data);
    }
    CHECK(done && left > 5);
    fixture_free(&f);
}
