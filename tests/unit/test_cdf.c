/* What lic_cdf_set_init lets through, what it refuses, and the decoder's lookup. */
#include "tests/entropy_fixture.h"
#include "tests/test.h"

/* Tries a set of at most 4 tables. */
static bool accepts(uint32_t n_tables, const uint16_t *cum, size_t n_cum, const int32_t *start,
                    const int32_t *first)
{
    lic_cdf_set set;
    lic_cdf tables[4];
    uint16_t lookup[4 * LIC_CDF_LOOKUP_SIZE];
    return lic_cdf_set_init(&set, n_tables, cum, n_cum, start, first, tables, lookup);
}

TEST(sound_tables_are_accepted)
{
    static const uint16_t cum[] = {0, 0, 65535, 0, 1, 2, 65535};
    static const int32_t start[] = {0, 1, 3, 7}, first[] = {-5, 0, INT32_MIN};
    lic_cdf_set set;
    lic_cdf tables[3];
    uint16_t lookup[3 * LIC_CDF_LOOKUP_SIZE];
    REQUIRE(lic_cdf_set_init(&set, 3, cum, 7, start, first, tables, lookup));
    CHECK_EQ_INT(set.n_tables, 3);
    CHECK(set.tables == tables && set.lookup == lookup);
    CHECK_EQ_INT(tables[0].n, 1);
    CHECK_EQ_INT(tables[1].n, 2);
    CHECK_EQ_INT(tables[2].n, 4);
    CHECK(tables[2].cum == cum + 3 && tables[2].first == INT32_MIN);
}

TEST(tables_must_rise_from_zero)
{
    static const uint16_t bad[][3] = {{1, 2, 3}, {0, 0, 3}, {0, 3, 3}, {0, 4, 3}, {0, 65535, 0}};
    static const int32_t start[] = {0, 3}, first[] = {0};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(!accepts(1, bad[i], 3, start, first));
}

TEST(starts_must_rise_within_bounds)
{
    static const uint16_t cum[] = {0, 1, 2, 0, 1};
    static const int32_t first[] = {0, 0};
    static const int32_t good[] = {0, 3, 5};
    CHECK(accepts(2, cum, 5, good, first));
    static const int32_t bad[][3] = {
        {1, 3, 5}, {-1, 3, 5}, {0, 3, 6},         {0, 3, 3},         {0, 0, 5},         {0, 3, 4},
        {0, 5, 3}, {0, -1, 5}, {0, 3, INT32_MAX}, {0, 3, INT32_MIN}, {0, INT32_MAX, 5}, {0, 3, -5},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(!accepts(2, cum, 5, bad[i], first));
    static const int32_t none[] = {0};
    CHECK(accepts(0, cum, 0, none, first));
    CHECK(!accepts(0, cum, 5, none, first));
}

TEST(values_of_a_table_stay_within_int32)
{
    static const uint16_t cum[] = {0, 1, 2};
    static const int32_t start[] = {0, 3};
    static const int32_t good[] = {INT32_MIN, 0, INT32_MAX - 3};
    static const int32_t bad[] = {INT32_MAX - 2, INT32_MAX};
    for (size_t i = 0; i < 3; i++)
        CHECK(accepts(1, cum, 3, start, &good[i]));
    for (size_t i = 0; i < 2; i++)
        CHECK(!accepts(1, cum, 3, start, &bad[i]));
}

TEST(the_largest_table_is_accepted_and_one_more_refused)
{
    uint16_t *cum = malloc(65536 * sizeof *cum);
    static const int32_t first[] = {0};
    for (uint32_t k = 0; k < 65536; k++)
        cum[k] = (uint16_t)k;
    int32_t start[] = {0, 65535};
    CHECK(accepts(1, cum, 65535, start, first));
    start[1] = 65536;
    CHECK(!accepts(1, cum, 65536, start, first));
    free(cum);
}

TEST(lookup_gives_the_first_symbol_to_try)
{
    fixture f = {0};
    fixture_gaussians(&f);
    REQUIRE(fixture_finish(&f));
    for (uint32_t t = 0; t < f.n; t++) {
        const lic_cdf *c = &f.set.tables[t];
        for (uint32_t b = 0; b < LIC_CDF_LOOKUP_SIZE; b++) {
            uint32_t k = c->lookup[b];
            CHECK(c->cum[k] <= b << 8);
            CHECK(k + 1 == c->n || c->cum[k + 1] > b << 8);
        }
    }
    fixture_free(&f);
}
