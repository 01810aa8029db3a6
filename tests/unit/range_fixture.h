/* range_fixture.h - coding and decoding with checks, and random tables and values, for the tests of
 * the range coder. Codes are decoded from blocks of exactly their size, so that a sanitizer sees
 * every read too far. */
#ifndef LIC_TESTS_RANGE_FIXTURE_H
#define LIC_TESTS_RANGE_FIXTURE_H

#include "tests/entropy_fixture.h"
#include "tests/test.h"

typedef struct code {
    uint8_t *data;
    size_t bytes;
} code;

static inline code encode(const lic_cdf_set *set, const uint8_t *index, const int32_t *values,
                          size_t n)
{
    grow_state g = {-1, 0};
    lic_range_encoder enc;
    lic_range_encoder_init(&enc, fixture_grow, &g);
    lic_range_encode_many(&enc, set, index, values, n);
    CHECK(lic_range_finish(&enc));
    return (code){enc.data, enc.bytes};
}

/* Decodes a copy of the bytes; true if the decoder takes it for an encoder's work. */
static inline bool decode(const lic_cdf_set *set, const uint8_t *index, int32_t *values, size_t n,
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
static inline size_t round_trip(const lic_cdf_set *set, const uint8_t *index, const int32_t *values,
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
static inline void add_random_table(fixture *f)
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
static inline int32_t random_value(const lic_cdf *c)
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
static inline void fixed_tables(fixture *f)
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

#endif
