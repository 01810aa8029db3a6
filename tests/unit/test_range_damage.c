/* The range coder on bytes that no encoder wrote, or that were damaged: it ends, stays within
 * bounds and says so; and on the bytes that make the encoder carry. */
#include "tests/unit/range_fixture.h"

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

/* The code of n random symbols, by fixed and random tables. */
static code random_code(fixture *f, uint8_t *index, int32_t *values, size_t n)
{
    fixed_tables(f);
    for (int t = 0; t < 4; t++)
        add_random_table(f);
    if (!fixture_finish(f))
        exit(2);
    for (size_t i = 0; i < n; i++) {
        index[i] = (uint8_t)test_random_below(f->n);
        values[i] = random_value(&f->set.tables[index[i]]);
    }
    return encode(&f->set, index, values, n);
}

/* No other bytes are taken for the code of the same symbols. */
TEST(damage_is_survived_and_never_goes_unseen)
{
    enum { N = 250 };
    uint8_t index[N];
    int32_t values[N], out[N];
    for (int trial = 0; trial < 8; trial++) {
        fixture f = {0};
        code c = random_code(&f, index, values, N);
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

/* What a code that has lost its end still tells: the encoder's values up to a point that moves on
 * with every byte, and zeros behind it; never a value that the missing bytes could have changed. */
TEST(salvaged_values_are_the_encoders_and_then_zeros)
{
    enum { N = 250 };
    uint8_t index[N];
    int32_t values[N], out[N];
    for (int trial = 0; trial < 8; trial++) {
        fixture f = {0};
        code c = random_code(&f, index, values, N);
        size_t good = 0;
        for (size_t cut = 0; cut < c.bytes; cut++) {
            uint8_t *copy = malloc(cut + 1);
            lic_range_decoder dec;
            memcpy(copy, c.data, cut);
            lic_range_decoder_init(&dec, copy, cut);
            lic_range_decoder_salvage(&dec);
            lic_range_decode_many(&dec, &f.set, index, out, N);
            CHECK(dec.stopped && !dec.corrupt && dec.overrun > 0 && dec.overrun <= 8);
            size_t same = 0, last = N;
            while (same < N && out[same] == values[same])
                same++;
            while (last > 0 && out[last - 1] == 0)
                last--;
            CHECK(last <= same && same >= good);
            good = same;
            free(copy);
        }
        CHECK(good > N / 2);
        free(c.data);
        fixture_free(&f);
    }
}

TEST(a_stopped_decoder_gives_zeros)
{
    static const uint8_t bytes[32] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    uint8_t index[3] = {4, 4, 4};
    int32_t out[3] = {9, 9, 9};
    fixture f = {0};
    fixed_tables(&f);
    REQUIRE(fixture_finish(&f));
    lic_range_decoder dec;
    lic_range_decoder_init(&dec, bytes, sizeof bytes);
    lic_range_decoder_stop(&dec);
    lic_range_decode_many(&dec, &f.set, index, out, 3);
    CHECK(out[0] == 0 && out[1] == 0 && out[2] == 0 && dec.overrun == 0);
    fixture_free(&f);
}
