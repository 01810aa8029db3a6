/* test_metadata.c - which metadata is kept: by the options, by what it promises, by what it is for,
 * by its amount; and what a part of the picture may keep. */
#include "cli/picture/texts.h"
#include "tests/test.h"

static lic_read_options wanting(unsigned metadata)
{
    return (lic_read_options){.max_pixels = 64, .metadata = metadata};
}

static lic_status add(lic_picture *picture, lic_meta kind, const void *data, size_t bytes,
                      unsigned metadata)
{
    const lic_read_options options = wanting(metadata);
    lic_error err = {0};
    return lic_picture_add_meta(picture, kind, data, bytes, &options, &err);
}

/* Each kind is kept if it is wanted, whatever else is, and the first of a kind counts. */
TEST(kinds_are_kept_as_wanted)
{
    for (int kind = 0; kind < LIC_N_META; kind++)
        for (unsigned set = 0; set <= LIC_META_ALL; set++) {
            lic_picture p = {0};
            CHECK_EQ_INT(add(&p, (lic_meta)kind, "first", 5, set), LIC_OK);
            CHECK_EQ_INT(add(&p, (lic_meta)kind, "second", 6, set), LIC_OK);
            CHECK_EQ_INT(p.meta[kind].bytes, set >> kind & 1 ? 5 : 0);
            CHECK(!p.meta[kind].data || memcmp(p.meta[kind].data, "first", 6) == 0);
            CHECK_EQ_STR(p.warning, "");
            lic_picture_free(&p);
        }
}

/* EXIF that is not wanted leaves its orientation, or a warning. */
TEST(orientation_outlives_exif)
{
    for (uint32_t o = 1; o <= 8; o++)
        for (int wanted = 0; wanted < 2; wanted++) {
            lic_picture p = {0};
            uint8_t padded[26 + 20] = {0};
            lic_buffer exif;
            REQUIRE(lic_exif_turn((lic_span){0}, o, NULL, &exif) == LIC_OK && exif.bytes == 26);
            memcpy(padded, exif.data, exif.bytes);
            lic_buffer_free(&exif);
            CHECK_EQ_INT(add(&p, LIC_META_EXIF, padded, sizeof padded,
                             wanted ? LIC_META_LOOK : 1 << LIC_META_ICCP),
                         LIC_OK);
            CHECK_EQ_INT(p.meta[LIC_META_EXIF].bytes, wanted && o > 1 ? 26 : 0);
            CHECK_EQ_INT(!!p.warning[0], !wanted && o > 1);
            if (p.meta[LIC_META_EXIF].data)
                CHECK_EQ_INT(lic_picture_orientation(&p), o);
            lic_picture_free(&p);
        }
}

TEST(xmp_keeps_its_promises)
{
    static const struct {
        const char *xmp, *says;
    } cases[] = {
        {"<x xmlns:hdrgm=\"http://ns.adobe.com/hdr-gain-map/1.0/\"/>", "a gain map (HDR)"},
        {"<x xmlns:HDRGainMap='http://ns.apple.com/HDRGainMap/1.0/'/>", "a gain map (HDR)"},
        {"<x GCamera:MotionPhoto=\"1\"/>", "a motion photo"},
        {"<x GCamera:MicroVideo=\"1\"/>", "a motion photo"},
        {"http://ns.google.com/photos/1.0/container/", "further pictures"},
        {"<x dc:title=\"a picture of HDR\"/>", NULL},
        {"http://ns.adobe.com/hdr-gain-map", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int wanted = 0; wanted < 2; wanted++) {
            lic_picture p = {0};
            const size_t n = strlen(cases[i].xmp);
            char *copy = malloc(n + 1); /* without a zero at the end */
            REQUIRE(copy);
            memcpy(copy, cases[i].xmp, n);
            CHECK_EQ_INT(add(&p, LIC_META_XMP, copy, n, wanted ? LIC_META_ALL : 0), LIC_OK);
            CHECK_EQ_INT(!!p.meta[LIC_META_XMP].data, wanted && n && !cases[i].says);
            CHECK_EQ_INT(!!p.warning[0], !!cases[i].says);
            CHECK(!cases[i].says || strstr(p.warning, cases[i].says));
            free(copy);
            lic_picture_free(&p);
        }
}

TEST(profiles_are_for_the_colours)
{
    static const char *const spaces[] = {"RGB ", "GRAY", "CMYK", "Lab ", "\x1B[2J"};
    for (size_t i = 0; i < sizeof spaces / sizeof *spaces; i++) {
        uint8_t icc[128] = {0};
        lic_picture p = {0};
        memcpy(icc + 16, spaces[i], 4);
        CHECK_EQ_INT(add(&p, LIC_META_ICCP, icc, sizeof icc, LIC_META_ALL), LIC_OK);
        CHECK_EQ_INT(!!p.meta[LIC_META_ICCP].data, i < 2);
        CHECK_EQ_INT(!!p.warning[0], i >= 2);
        lic_picture_free(&p);
    }
}

TEST(texts_are_limited_in_number)
{
    enum { FOUR = 4 };
    for (size_t n = LIC_TEXTS_MOST_NUMBER - 1; n <= LIC_TEXTS_MOST_NUMBER + 1; n++) {
        uint8_t *zeros = calloc(n, FOUR);
        lic_picture p = {0};
        REQUIRE(zeros);
        CHECK_EQ_INT(add(&p, LIC_META_TEXT, zeros, n * FOUR, LIC_META_ALL), LIC_OK);
        const size_t kept = n < LIC_TEXTS_MOST_NUMBER ? n : LIC_TEXTS_MOST_NUMBER;
        CHECK_EQ_INT(p.meta[LIC_META_TEXT].bytes, kept * FOUR);
        CHECK_EQ_INT(!!p.warning[0], kept < n);
        lic_picture_free(&p);
        free(zeros);
    }
    lic_picture p = {0};
    const lic_read_options options = wanting(LIC_META_ALL);
    const lic_text text = {"k", "", "", "t"};
    lic_error err;
    for (int i = 0; i < LIC_TEXTS_MOST_NUMBER + 5; i++)
        CHECK_EQ_INT(lic_picture_add_text(&p, &text, &options, &err), LIC_OK);
    CHECK_EQ_INT(p.meta[LIC_META_TEXT].bytes, LIC_TEXTS_MOST_NUMBER * 6);
    CHECK(strstr(p.warning, "more than 4000 texts"));
    lic_picture_free(&p);
}

static void part_of(lic_picture *p, lic_meta kind, const char *data, size_t bytes)
{
    lic_error err;
    *p = (lic_picture){0};
    CHECK_EQ_INT(add(p, kind, data, bytes, LIC_META_ALL), LIC_OK);
    CHECK_EQ_INT(lic_picture_fit_metadata(p, 8, 9, &err), LIC_OK);
}

TEST(xmp_of_a_part)
{
    static const char *const cases[][2] = {
        {"tiff:ImageWidth=\"4000\"", "tiff:ImageWidth=\"8\""},
        {"<tiff:ImageLength>3000</tiff:ImageLength>", "<tiff:ImageLength>9</tiff:ImageLength>"},
        {"exif:PixelXDimension='64' exif:PixelYDimension='48'",
         "exif:PixelXDimension='8' exif:PixelYDimension='9'"},
        {"tiff:ImageWidth", "tiff:ImageWidth"},
        {"tiff:ImageWidth=\"\"", "tiff:ImageWidth=\"\""},
        {"tiff:ImageWidth=\"12", "tiff:ImageWidth=\"8"},
        {"dc:title=\"4000\"", "dc:title=\"4000\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lic_picture p;
        part_of(&p, LIC_META_XMP, cases[i][0], strlen(cases[i][0]));
        CHECK_EQ_STR((const char *)p.meta[LIC_META_XMP].data, cases[i][1]);
        CHECK_EQ_INT(p.meta[LIC_META_XMP].bytes, strlen(cases[i][1]));
        lic_picture_free(&p);
    }
    lic_picture p;
    static const char thumbnail[] = "xmlns:xmpGImg=\"http://ns.adobe.com/xap/1.0/g/img/\"";
    part_of(&p, LIC_META_XMP, thumbnail, sizeof thumbnail - 1);
    CHECK(!p.meta[LIC_META_XMP].data && strstr(p.warning, "thumbnail of the whole picture"));
    lic_picture_free(&p);
}

TEST(iptc_of_a_part)
{
    static const char plain[] = "\x1C\2\x78\0\3abc\x1C\2\x50\0\1d", preview[] = "\x1C\2\x78\0\3abc"
                                                                                "\x1C\2\xCA\0\2pp";
    lic_picture p;
    part_of(&p, LIC_META_IPTC, plain, sizeof plain - 1);
    CHECK_EQ_INT(p.meta[LIC_META_IPTC].bytes, sizeof plain - 1);
    lic_picture_free(&p);
    part_of(&p, LIC_META_IPTC, preview, sizeof preview - 1);
    CHECK(!p.meta[LIC_META_IPTC].data && strstr(p.warning, "preview of the whole picture"));
    lic_picture_free(&p);
    for (size_t n = 1; n < sizeof preview; n++) { /* cut anywhere */
        char *copy = malloc(n);
        REQUIRE(copy);
        memcpy(copy, preview, n);
        part_of(&p, LIC_META_IPTC, copy, n);
        lic_picture_free(&p);
        free(copy);
    }
}

/* EXIF that is none keeps nothing back but its orientation. */
TEST(exif_of_a_part)
{
    lic_picture p;
    part_of(&p, LIC_META_EXIF, "no TIFF at all", 14);
    CHECK(!p.meta[LIC_META_EXIF].data && strstr(p.warning, "EXIF is left out"));
    lic_picture_free(&p);
}

/* Lines of a warning: each once, none in the middle of another file's. */
TEST(warnings_are_lines)
{
    lic_picture p = {0};
    uint8_t icc[128] = {0};
    memcpy(icc + 16, "CMYK", 4);
    for (int i = 0; i < 3; i++)
        CHECK_EQ_INT(add(&p, LIC_META_ICCP, icc, sizeof icc, LIC_META_ALL), LIC_OK);
    CHECK_EQ_INT(add(&p, LIC_META_XMP, "MotionPhoto", 11, LIC_META_ALL), LIC_OK);
    const char *end = strchr(p.warning, '\n');
    CHECK(end && !strchr(end + 1, '\n'));
    lic_picture_free(&p);
}
