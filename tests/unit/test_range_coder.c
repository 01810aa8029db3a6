/* The range coder: fixed bytes, round trips over random tables, rate, and hostile input. Codes are
 * decoded from blocks of exactly their size, so that a sanitizer sees every read too far. */
#include "codec/base/bytes.h"
#include "tests/entropy_fixture.h"
#include "tests/test.h"

typedef struct code {
    uint8_t *data;
    size_t bytes;
} code;

static code encode(const lic_cdf_set *set, const uint8_t *index, const int32_t *values, size_t n)
{
    grow_state g = {-1, 0};
    lic_range_encoder enc;
    lic_range_encoder_init(&enc, fixture_grow, &g);
    lic_range_encode_many(&enc, set, index, values, n);
    CHECK(lic_range_finish(&enc));
    return (code){enc.data, enc.bytes};
}

/* Decodes a copy of the bytes; true if the decoder takes it for an encoder's work. */
static bool decode(const lic_cdf_set *set, const uint8_t *index, int32_t *values, size_t n,
                   const uint8_t *data, size_t bytes)
{
    uint8_t *copy = malloc(bytes ? bytes : 1);
    if (bytes)
        memcpy(copy, data, bytes);
    lic_range_decoder dec;
    lic_range_decoder_init(&dec, copy, bytes);
    lic_range_decode_many(&dec, set, index, values, n);
    CHECK(dec.code < dec.range || dec.corrupt);
    bool ok = lic_range_decoder_ok(&dec);
    free(copy);
    return ok;
}

/* Encodes, decodes, compares; returns the bytes it took. */
static size_t round_trip(const lic_cdf_set *set, const uint8_t *index, const int32_t *values,
                         size_t n)
{
    code c = encode(set, index, values, n);
    int32_t *out = malloc((n + 1) * sizeof *out);
    CHECK(decode(set, index, out, n, c.data, c.bytes));
    CHECK_EQ_MEM(out, values, n * sizeof *out);
    free(out);
    free(c.data);
    return c.bytes;
}

/* A table of n symbols: flat, or as uneven as it gets (one symbol has nearly all). */
static void add_random_table(fixture *f)
{
    static uint32_t freq[300];
    static const int32_t firsts[] = {0, -1, -40, 1000, INT32_MIN, INT32_MAX - 300};
    uint32_t kind = test_random_below(4), n = 1 + test_random_below(kind == 3 ? 300 : 20);
    uint32_t left = LIC_CDF_TOTAL - n;
    for (uint32_t k = 0; k < n; k++) {
        uint32_t more = kind == 0 ? left / n : kind == 1 ? test_random_below(left / 2 + 1) : 0;
        freq[k] = 1 + more;
        left -= kind == 0 ? 0 : more;
    }
    left = LIC_CDF_TOTAL;
    for (uint32_t k = 0; k < n; k++)
        left -= freq[k];
    freq[test_random_below(n)] += left;
    fixture_add(f, firsts[test_random_below(6)], freq, n);
}

/* A value that the table has, likely or not, or now and then one that needs the escape. */
static int32_t random_value(const lic_cdf *c)
{
    static const int32_t extremes[] = {INT32_MIN, INT32_MAX, 0, -1, 1, INT32_MIN + 1};
    uint32_t what = test_random_below(40), k = 0, q = test_random_below(LIC_CDF_TOTAL);
    if (what == 0)
        return extremes[test_random_below(6)];
    if (what == 1)
        return (int32_t)(uint32_t)(test_random() >> test_random_below(64));
    if (what == 2)
        return (int32_t)((uint32_t)c->first + c->n - 4 + test_random_below(8));
    if (what < 10)
        return c->first + (int32_t)test_random_below(c->n);
    while (k + 1 < c->n && c->cum[k + 1] <= q)
        k++;
    return c->first + (int32_t)k;
}

/* Five tables of every kind, frequencies from 1 to 65535; used by the fixed bytes below: do not
 * change. */
static void fixed_tables(fixture *f)
{
    static const uint32_t a[] = {1}, b[] = {65535, 1}, c[] = {1000, 60000, 4000, 536},
                          d[] = {1, 1, 65533, 1},
                          e[] = {5000, 9000, 12000, 16000, 13000, 7000, 3535, 1};
    fixture_add(f, 0, a, 1);
    fixture_add(f, 0, b, 2);
    fixture_add(f, -1, c, 4);
    fixture_add(f, -2, d, 4);
    fixture_add(f, -3, e, 8);
}

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

/* Symbols whose code starts with these bytes; as many as the bytes are good for, at most n_max. */
static size_t symbols_of(const lic_cdf_set *set, uint8_t *index, int32_t *values, size_t n_max,
                         lic_range_decoder *dec)
{
    size_t n = 0;
    for (int left = 100; n < n_max && left > 0 && dec->at < dec->end;) {
        lic_range_decoder before = *dec;
        values[n] = lic_range_decode(dec, &set->tables[index[n]]);
        if (!dec->corrupt) {
            n++;
            continue;
        }
        *dec = before; /* no symbol of this table goes on from here: take another table */
        index[n] = (uint8_t)test_random_below(set->n_tables);
        left--;
    }
    return n;
}

/* Almost every string of bytes is the code of some symbols. Following 80000000... the encoder
 * stands just below that number for as long as it lasts, having written 7FFFFF...; then it has to
 * carry through all of it. Following any bytes it must end in the same ones, except that it chooses
 * the last 8 itself, which may carry into those before. */
static void follow(const uint8_t *bytes, size_t n_bytes)
{
    enum { N = 3000 };
    static uint8_t index[N], prefix[N];
    static int32_t values[N];
    fixture f = {0};
    fixed_tables(&f);
    for (int t = 0; t < 6; t++)
        add_random_table(&f);
    REQUIRE(fixture_finish(&f));
    for (size_t i = 0; i < N; i++)
        index[i] = (uint8_t)test_random_below(f.n);
    lic_range_decoder dec;
    lic_range_decoder_init(&dec, bytes, n_bytes);
    size_t n = symbols_of(&f.set, index, values, N, &dec);
    code c = encode(&f.set, index, values, n);
    size_t read = (size_t)(dec.at - bytes), sure = read > 8 ? read - 8 : 0;
    CHECK(c.bytes >= sure && c.bytes <= read);
    memcpy(prefix, bytes, sure);
    if (c.bytes >= sure && memcmp(c.data, prefix, sure) != 0)
        for (size_t i = sure; i > 0 && ++prefix[i - 1] == 0;)
            i--;
    if (c.bytes >= sure)
        CHECK_EQ_MEM(c.data, prefix, sure);
    round_trip(&f.set, index, values, n);
    free(c.data);
    fixture_free(&f);
}

TEST(carries_run_through_everything_written)
{
    static uint8_t bytes[2000];
    for (int trial = 0; trial < 200; trial++) {
        size_t tail = test_random_below(30);
        memset(bytes, 0, sizeof bytes);
        bytes[0] = (uint8_t)(1 + test_random_below(255));
        for (size_t i = sizeof bytes - tail; i < sizeof bytes; i++)
            bytes[i] = (uint8_t)test_random();
        follow(bytes, sizeof bytes);
        memset(bytes + 1, 0xFF, sizeof bytes - 1 - tail);
        bytes[0] = (uint8_t)test_random_below(255);
        follow(bytes, sizeof bytes);
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] =
                test_random_below(3) ? (uint8_t)test_random() : (uint8_t)(test_random() % 2 - 1);
        follow(bytes, sizeof bytes);
    }
}

/* No other bytes are taken for the code of the same symbols. */
TEST(damage_is_survived_and_never_goes_unseen)
{
    enum { N = 250 };
    uint8_t index[N];
    int32_t values[N], out[N];
    for (int trial = 0; trial < 8; trial++) {
        fixture f = {0};
        fixed_tables(&f);
        for (int t = 0; t < 4; t++)
            add_random_table(&f);
        REQUIRE(fixture_finish(&f));
        for (size_t i = 0; i < N; i++) {
            index[i] = (uint8_t)test_random_below(f.n);
            values[i] = random_value(&f.set.tables[index[i]]);
        }
        code c = encode(&f.set, index, values, N);
        c.data = realloc(c.data, c.bytes + 4);
        for (size_t cut = 0; cut < c.bytes; cut++)
            CHECK(!decode(&f.set, index, out, N, c.data, cut) || memcmp(out, values, sizeof out));
        for (size_t i = 0; i < c.bytes * 8; i++) {
            c.data[i / 8] ^= (uint8_t)(1 << i % 8);
            CHECK(!decode(&f.set, index, out, N, c.data, c.bytes) ||
                  memcmp(out, values, sizeof out));
            c.data[i / 8] ^= (uint8_t)(1 << i % 8);
        }
        for (size_t more = 1; more <= 4; more++) {
            c.data[c.bytes + more - 1] = (uint8_t)(more % 2 * test_random());
            CHECK(!decode(&f.set, index, out, N, c.data, c.bytes + more) ||
                  memcmp(out, values, sizeof out));
        }
        free(c.data);
        fixture_free(&f);
    }
}

TEST(trailing_bytes_are_rejected)
{
    static const uint8_t garbage[32];
    int32_t out;
    fixture f = {0};
    fixed_tables(&f);
    REQUIRE(fixture_finish(&f));
    uint8_t index = 1;
    int32_t value = 0;
    CHECK_EQ_INT(round_trip(&f.set, &index, &value, 1), 0);
    for (size_t n = 1; n <= sizeof garbage; n++)
        CHECK(!decode(&f.set, &index, &out, 1, garbage, n));
    fixture_free(&f);
}

TEST(more_than_8_missing_bytes_are_an_overrun)
{
    enum { N = 100 };
    uint8_t index[N];
    int32_t values[N], out[N];
    fixture f = {0};
    fixed_tables(&f);
    REQUIRE(fixture_finish(&f));
    for (size_t i = 0; i < N; i++) {
        index[i] = 4;
        values[i] = (int32_t)test_random_below(7) - 3;
    }
    code c = encode(&f.set, index, values, N);
    REQUIRE(c.bytes > 30);
    for (size_t cut = 0; cut < c.bytes - 16; cut++)
        CHECK(!decode(&f.set, index, out, N, c.data, cut));
    free(c.data);
    fixture_free(&f);
}

TEST(any_bytes_end_and_stay_in_bounds)
{
    enum { N = 400 };
    uint8_t index[N], bytes[64];
    int32_t out[N];
    for (int trial = 0; trial < 3000; trial++) {
        fixture f = {0};
        for (int t = 0; t < 3; t++)
            add_random_table(&f);
        REQUIRE(fixture_finish(&f));
        for (size_t i = 0; i < N; i++)
            index[i] = (uint8_t)test_random_below(3);
        size_t n = test_random_below(sizeof bytes + 1);
        for (size_t i = 0; i < n; i++)
            bytes[i] = trial % 3 == 0 ? (uint8_t)test_random() : trial % 3 == 1 ? 0xFF : 0;
        if (n > 8)
            bytes[test_random_below(8)] = (uint8_t)test_random();
        (void)decode(&f.set, index, out, N, bytes, n);
        fixture_free(&f);
    }
}

TEST(a_first_state_of_all_ones_is_refused)
{
    static const uint8_t ones[12] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    uint8_t index[3] = {0, 4, 2};
    int32_t out[3] = {9, 9, 9};
    fixture f = {0};
    fixed_tables(&f);
    REQUIRE(fixture_finish(&f));
    CHECK(!decode(&f.set, index, out, 3, ones, sizeof ones));
    CHECK(out[0] == 0 && out[1] == 0 && out[2] == 0);
    fixture_free(&f);
}

/* 33 zeros announce a magnitude that no int32_t has. Zeros past the end do that as well. */
TEST(an_overlong_escape_is_corrupt_and_zero_from_there)
{
    static const uint8_t zeros[40];
    uint8_t index[3] = {0, 4, 2};
    fixture f = {0};
    fixed_tables(&f);
    REQUIRE(fixture_finish(&f));
    for (size_t n = 0; n <= sizeof zeros; n += 40) {
        int32_t out[3] = {9, 9, 9};
        lic_range_decoder dec;
        lic_range_decoder_init(&dec, zeros, n);
        lic_range_decode_many(&dec, &f.set, index, out, 3);
        CHECK(dec.corrupt && !lic_range_decoder_ok(&dec));
        CHECK(out[0] == 0 && out[1] == 0 && out[2] == 0);
        CHECK(dec.overrun + n < 48);
    }
    fixture_free(&f);
}

/* What one table reaches with INT32_MAX is out of range for a table that starts higher. */
TEST(an_escape_beyond_int32_is_corrupt)
{
    static const uint32_t one[] = {65536};
    static const int32_t high[] = {INT32_MAX, INT32_MAX - 10}, low[] = {INT32_MIN, INT32_MIN + 10};
    fixture f = {0};
    for (int32_t first = 0; first <= 20; first += 10)
        fixture_add(&f, first, one, 1);
    REQUIRE(fixture_finish(&f));
    uint8_t middle = 1, above = 2, below = 0;
    for (int i = 0; i < 2; i++) {
        int32_t out = 5;
        code c = encode(&f.set, &middle, &high[i], 1);
        CHECK_EQ_INT(decode(&f.set, &above, &out, 1, c.data, c.bytes), i);
        CHECK_EQ_INT(out, i ? INT32_MAX : 0);
        free(c.data);
        c = encode(&f.set, &middle, &low[i], 1);
        CHECK_EQ_INT(decode(&f.set, &below, &out, 1, c.data, c.bytes), i);
        CHECK_EQ_INT(out, i ? INT32_MIN : 0);
        free(c.data);
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
