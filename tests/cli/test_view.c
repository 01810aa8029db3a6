/* test_view.c - what the thumbnailer and the gdk-pixbuf module show: areas averaged exactly
 * whatever the two sizes, EXIF orientation from hostile bytes, and pictures turned as EXIF says. */
#include "cli/package/desktop/orientation.h"
#include "cli/package/desktop/shrink.h"
#include "cli/package/desktop/view.h"
#include "tests/test.h"

enum { MOST = 40 };

/* The share of [a, a + 1) of `from` parts that lies in [b, b + 1) of `to` parts, times both. */
static uint64_t overlap(uint64_t a, uint64_t from, uint64_t b, uint64_t to)
{
    const uint64_t begin = a * to > b * from ? a * to : b * from;
    const uint64_t end = (a + 1) * to < (b + 1) * from ? (a + 1) * to : (b + 1) * from;
    return end > begin ? end - begin : 0;
}

/* By definition, pixel for pixel. */
static int mean(const uint8_t *p, const uint32_t *size, uint32_t channels, uint32_t x, uint32_t y,
                uint32_t i)
{
    const uint32_t colours = channels - (channels % 2 == 0);
    uint64_t sum = 0, whole = 0, area = 0;
    for (uint32_t v = 0; v < size[1]; v++)
        for (uint32_t u = 0; u < size[0]; u++) {
            const uint8_t *pixel = p + ((size_t)v * size[0] + u) * channels;
            const uint64_t w = overlap(u, size[0], x, size[2]) * overlap(v, size[1], y, size[3]);
            const uint64_t alpha = colours < channels ? w * pixel[colours] : w;
            area += w;
            whole += alpha;
            sum += alpha * pixel[i < colours ? i : 0];
        }
    if (i == colours)
        return (int)((whole + area / 2) / area);
    return whole ? (int)((sum + whole / 2) / whole) : 0;
}

/* Shrinks a random picture and compares with exact means of areas. */
static void check_size(const uint32_t *size, uint32_t channels)
{
    static uint8_t from[MOST * MOST * 4], to[MOST * MOST * 4];
    lic_shrink s;
    const size_t row = (size_t)size[0] * channels;
    for (size_t i = 0; i < row * size[1]; i++)
        from[i] = test_random_below(4) ? (uint8_t)test_random_below(256) : 0;
    REQUIRE(lic_shrink_begin(&s, size[0], size[1], channels, size[2], size[3], to,
                             (size_t)size[2] * channels));
    for (uint32_t y = 0; y < size[1]; y++)
        lic_shrink_row(&s, from + y * row);
    CHECK(lic_shrink_end(&s));
    for (uint32_t y = 0; y < size[3]; y++)
        for (uint32_t x = 0; x < size[2]; x++)
            for (uint32_t i = 0; i < channels; i++)
                CHECK_EQ_INT(to[((size_t)y * size[2] + x) * channels + i],
                             mean(from, size, channels, x, y, i));
}

TEST(shrink_gives_exact_means)
{
    for (int n = 0; n < 60; n++) {
        const uint32_t from_width = 1 + test_random_below(MOST),
                       from_height = 1 + test_random_below(MOST);
        const uint32_t size[4] = {from_width, from_height, 1 + test_random_below(from_width),
                                  1 + test_random_below(from_height)};
        check_size(size, 1 + (uint32_t)n % 4);
    }
}

/* 65535 x 65535 white pixels would take long; their sums must not overflow in either direction. */
TEST(shrink_of_the_longest_sides)
{
    uint8_t *row = malloc(65535 * 4), to[4] = {0};
    lic_shrink s;
    REQUIRE(row);
    memset(row, 255, 65535 * 4);
    REQUIRE(lic_shrink_begin(&s, 65535, 300, 4, 1, 1, to, 4));
    for (int y = 0; y < 300; y++)
        lic_shrink_row(&s, row);
    CHECK(lic_shrink_end(&s));
    CHECK(to[0] == 255 && to[1] == 255 && to[2] == 255 && to[3] == 255);
    free(row);
}

TEST(shrink_tells_missing_rows)
{
    uint8_t row[30] = {0}, to[75];
    lic_shrink s;
    REQUIRE(lic_shrink_begin(&s, 10, 10, 3, 5, 5, to, 15));
    for (int y = 0; y < 9; y++)
        lic_shrink_row(&s, row);
    CHECK(!lic_shrink_end(&s));
}

static void check_fit(uint32_t width, uint32_t height, uint32_t side, uint32_t w, uint32_t h)
{
    uint32_t got_w, got_h;
    lic_shrink_fit(width, height, side, &got_w, &got_h);
    CHECK_EQ_INT(got_w, w);
    CHECK_EQ_INT(got_h, h);
}

TEST(shrink_fits_into_a_square)
{
    check_fit(768, 512, 256, 256, 171);
    check_fit(512, 768, 256, 171, 256);
    check_fit(100, 50, 256, 100, 50);
    check_fit(65535, 1, 256, 256, 1);
    check_fit(1, 65535, 128, 1, 128);
    check_fit(256, 256, 256, 256, 256);
}

/* One entry, orientation 6, in both byte orders; then every byte changed and every length. */
TEST(orientation_of_hostile_exif)
{
    const uint8_t little[26] = "II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0";
    const uint8_t big[26] = "MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0";
    CHECK_EQ_INT(lic_exif_orientation((lic_span){little, sizeof little}), 6);
    CHECK_EQ_INT(lic_exif_orientation((lic_span){big, sizeof big}), 6);
    CHECK_EQ_INT(lic_exif_orientation((lic_span){0}), 1);
    for (size_t bytes = 0; bytes <= sizeof little; bytes++)
        for (size_t at = 0; at < bytes; at++)
            for (int value = 0; value < 256; value += 5) {
                uint8_t *copy = malloc(bytes); /* exact, so that a sanitizer sees reads beyond */
                REQUIRE(copy);
                memcpy(copy, little, bytes);
                copy[at] = (uint8_t)value;
                const uint32_t o = lic_exif_orientation((lic_span){copy, bytes});
                CHECK(o >= 1 && o <= 8 && (bytes >= 22 || o == 1));
                free(copy);
            }
}

/* a b c        The seen picture of each orientation, row by row. */
/* d e f */
TEST(orientation_turns_as_exif_says)
{
    static const char *const seen[9] = {"",       "abcdef", "cbafed", "fedcba", "defabc",
                                        "adbecf", "daebfc", "fcebda", "cfbead"};
    for (int o = 1; o <= 8; o++) {
        uint8_t to[6];
        lic_orientation_apply(o, (const uint8_t *)"abcdef", 3, 2, 1, to);
        CHECK(memcmp(to, seen[o], 6) == 0);
        CHECK_EQ_INT(lic_orientation_swaps(o), o > 4);
    }
}

/* Of a file without loss, where there are no weights. */
TEST(view_of_lossless_files_wants_no_weights)
{
    enum { WIDTH = 40, HEIGHT = 30 };
    static uint8_t pixels[WIDTH * HEIGHT * 3], shown[WIDTH * HEIGHT * 3];
    const lic_image image = {.data = pixels,
                             .stride_bytes = WIDTH * 3,
                             .width = WIDTH,
                             .height = HEIGHT,
                             .channels = 3,
                             .depth = 8};
    lic_encode_options options;
    lic_buffer file;
    lic_view view;
    lic_error err = {0};
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)test_random_below(256);
    lic_encode_options_init(&options);
    options.lossless = LIC_LOSSLESS_YES;
    REQUIRE(!lic_encode(NULL, &image, NULL, &options, &file, &err));
    setenv("LIC_MODEL_DIR", "/nowhere", 1);
    REQUIRE(!lic_view_open(&view, &lic_view_of_picture, file.data, file.bytes, &err));
    CHECK_EQ_INT(lic_view_decode(&view, WIDTH, HEIGHT, shown, WIDTH * 3, &err), LIC_OK);
    CHECK_EQ_MEM(shown, pixels, sizeof pixels);
    lic_view_close(&view);
    lic_buffer_free(&file);
    unsetenv("LIC_MODEL_DIR");
}

TEST(view_refuses_what_is_no_file)
{
    const lic_view_limits *limits = &lic_view_of_thumbnail;
    lic_view view;
    lic_error err = {0};
    CHECK_EQ_INT(lic_view_open(&view, limits, (const uint8_t *)"\x9Blic", 4, &err),
                 LIC_ERR_TRUNCATED);
    CHECK(err.text[0]);
    lic_view_close(&view);
    CHECK_EQ_INT(lic_view_open(&view, limits, NULL, limits->bytes + 1, &err), LIC_ERR_LIMIT);
    lic_view_close(&view);
}
