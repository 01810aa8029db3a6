/* test_icc.c - profiles made from what PNG says: compared with published figures, well-formed
 * whatever the bytes, and refused if no profile can say it. */
#include "cli/picture/icc.h"
#include "tests/test.h"

#include <math.h>
#include <stdbool.h>

static uint32_t word(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static lic_colour of_cicp(int primaries, int transfer)
{
    lic_colour c = {.has = {[LIC_COLOUR_CICP] = true}};
    const uint8_t code[4] = {(uint8_t)primaries, (uint8_t)transfer, 0, 1};
    memcpy(c.data[LIC_COLOUR_CICP], code, sizeof code);
    return c;
}

static void put_words(uint8_t *to, const uint32_t *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (int k = 0; k < 4; k++)
            *to++ = (uint8_t)(words[i] >> (24 - 8 * k));
}

static lic_colour of_gamma(uint32_t gamma, const uint32_t *chromaticities)
{
    lic_colour c = {.has = {[LIC_COLOUR_GAMA] = true, [LIC_COLOUR_CHRM] = chromaticities}};
    put_words(c.data[LIC_COLOUR_GAMA], &gamma, 1);
    if (chromaticities)
        put_words(c.data[LIC_COLOUR_CHRM], chromaticities, 8);
    return c;
}

/* The data of a tag, checked to lie in the profile; NULL if it is not there. */
static const uint8_t *tag(const lic_blob *icc, const char *name)
{
    const uint32_t n = word(icc->data + 128);
    for (uint32_t i = 0; i < n; i++) {
        const uint8_t *entry = icc->data + 132 + 12 * i;
        const uint32_t at = word(entry + 4), bytes = word(entry + 8);
        CHECK(at % 4 == 0 && at + bytes <= icc->bytes && at >= 132 + 12 * n);
        if (memcmp(entry, name, 4) == 0)
            return icc->data + at;
    }
    return NULL;
}

static void check_head(const lic_blob *icc, const char *space)
{
    CHECK_EQ_INT(word(icc->data), icc->bytes);
    CHECK_EQ_MEM(icc->data + 12, "mntr", 4);
    CHECK_EQ_MEM(icc->data + 16, space, 4);
    CHECK_EQ_MEM(icc->data + 20, "XYZ ", 4);
    CHECK_EQ_MEM(icc->data + 36, "acsp", 4);
    CHECK(tag(icc, "desc") && tag(icc, "cprt") && tag(icc, "wtpt"));
}

/* Columns under D50: those of the profiles that are in use. */
static void check_columns(const lic_blob *icc, const double columns[9])
{
    static const char *const names[] = {"rXYZ", "gXYZ", "bXYZ"};
    for (int i = 0; i < 3; i++) {
        const uint8_t *at = tag(icc, names[i]);
        REQUIRE(at);
        for (int k = 0; k < 3; k++)
            CHECK(fabs((int32_t)word(at + 8 + 4 * k) / 65536.0 - columns[3 * i + k]) < 0.0004);
    }
}

TEST(matrices_are_the_known_ones)
{
    static const uint32_t adobe[] = {31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000};
    static const struct {
        int primaries;
        double columns[9];
    } cases[] = {
        {1, {0.43607, 0.22249, 0.01392, 0.38515, 0.71687, 0.09708, 0.14307, 0.06061, 0.71410}},
        {12, {0.51512, 0.24120, -0.00105, 0.29198, 0.69225, 0.04189, 0.15710, 0.06657, 0.78407}},
        {9, {0.67348, 0.27904, -0.00194, 0.16566, 0.67534, 0.02998, 0.12505, 0.04561, 0.79686}},
        {-1, {0.60974, 0.31111, 0.01947, 0.20528, 0.62567, 0.06087, 0.14919, 0.06322, 0.74457}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const lic_colour c =
            cases[i].primaries < 0 ? of_gamma(45455, adobe) : of_cicp(cases[i].primaries, 13);
        const char *why;
        const lic_blob icc = lic_icc_of_colour(&c, 3, &why);
        REQUIRE(icc.data && !why);
        check_head(&icc, "RGB ");
        check_columns(&icc, cases[i].columns);
        char name[40];
        lic_icc_name(icc.data, icc.bytes, name, sizeof name);
        CHECK_EQ_STR(name, "RGB or grey as the PNG said");
        free(icc.data);
    }
}

/* Light at half of the scale, and at both ends. */
static void check_curve(const lic_colour *c, double half)
{
    const char *why;
    const lic_blob icc = lic_icc_of_colour(c, 1, &why);
    REQUIRE(icc.data && !why);
    check_head(&icc, "GRAY");
    const uint8_t *at = tag(&icc, "kTRC");
    REQUIRE(at);
    const uint32_t n = word(at + 8);
    if (n == 1) {
        CHECK(fabs(pow(0.5, (at[12] << 8 | at[13]) / 256.0) - half) < 0.002);
    } else {
        const uint8_t *last = at + 12 + 2 * (n - 1), *middle = at + 12 + 2 * (n / 2);
        CHECK_EQ_INT(n, 1024);
        CHECK_EQ_INT(at[12] << 8 | at[13], 0);
        CHECK_EQ_INT(last[0] << 8 | last[1], 65535);
        CHECK(fabs((middle[0] << 8 | middle[1]) / 65535.0 - half) < 0.002);
    }
    free(icc.data);
}

TEST(curves_are_the_known_ones)
{
    lic_colour c = of_cicp(12, 13);
    check_curve(&c, 0.2140);
    c = of_cicp(1, 1);
    check_curve(&c, 0.2597);
    c = of_cicp(9, 14);
    check_curve(&c, 0.2597);
    c = of_cicp(1, 8);
    check_curve(&c, 0.5);
    c = of_gamma(45455, NULL);
    check_curve(&c, 0.2176);
    c = of_gamma(100000, NULL);
    check_curve(&c, 0.5);
    c = of_gamma(55556, NULL);
    check_curve(&c, 0.2872);
}

static void check_refused(const lic_colour *c, const char *reason)
{
    const char *why;
    const lic_blob icc = lic_icc_of_colour(c, 3, &why);
    CHECK(!icc.data && why && strstr(why, reason));
    free(icc.data);
}

TEST(what_no_profile_can_say)
{
    static const uint32_t nothing[8] = {0};
    static const uint32_t a_line[8] = {31270, 32900, 10000, 10000, 20000, 20000, 30000, 30000};
    lic_colour c = of_cicp(9, 16);
    check_refused(&c, "PQ (HDR)");
    c = of_cicp(9, 18);
    check_refused(&c, "HLG (HDR)");
    c = of_cicp(200, 13);
    check_refused(&c, "rare kind");
    c = of_cicp(1, 200);
    check_refused(&c, "rare kind");
    c = of_cicp(1, 13);
    c.data[LIC_COLOUR_CICP][3] = 0; /* video range */
    check_refused(&c, "rare kind");
    c = of_gamma(45455, nothing);
    check_refused(&c, "primaries");
    c = of_gamma(45455, a_line);
    check_refused(&c, "primaries");
    c = of_gamma(1, NULL);
    check_refused(&c, "gamma");
}

TEST(any_numbers_are_taken)
{
    for (int round = 0; round < 3000; round++) {
        uint32_t numbers[8], gamma = 1 + test_random_below(1000000);
        for (int i = 0; i < 8; i++)
            numbers[i] = round % 2 ? test_random_below(100000) : (uint32_t)test_random();
        const lic_colour c = of_gamma(gamma, numbers);
        const char *why;
        const lic_blob icc = lic_icc_of_colour(&c, 1 + 2 * (round % 3 > 0), &why);
        CHECK(!icc.data == !!why);
        if (icc.data)
            check_head(&icc, round % 3 > 0 ? "RGB " : "GRAY");
        free(icc.data);
    }
}

TEST(names_of_hostile_profiles)
{
    const lic_colour c = of_cicp(12, 13);
    const char *why;
    const lic_blob icc = lic_icc_of_colour(&c, 3, &why);
    REQUIRE(icc.data);
    for (int round = 0; round < 20000; round++) {
        const size_t bytes = test_random_below((uint32_t)icc.bytes + 1);
        uint8_t *copy = malloc(bytes + 1);
        char name[20];
        REQUIRE(copy);
        memcpy(copy, icc.data, bytes);
        for (int i = 0; i < 6 && bytes; i++)
            copy[test_random_below(bytes < 400 ? (uint32_t)bytes : 400)] = (uint8_t)test_random();
        lic_icc_name(copy, bytes, name, sizeof name);
        CHECK(strlen(name) < sizeof name);
        free(copy);
    }
    free(icc.data);
}
