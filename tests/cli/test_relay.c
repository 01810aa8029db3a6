/* test_relay.c - rows written by a thread of its own: the same file as without one, whatever the
 * bands, and a failure is told, at the latest at the end. */
#include "cli/picture/relay.h"

#include "tests/test.h"

#include <stdlib.h>

enum { WIDTH = 61, HEIGHT = 200, STRIDE = 3 * WIDTH };

static uint8_t pixels[HEIGHT * STRIDE];

static void make_pixels(void)
{
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * i / 7 + test_random_below(9));
}

static lic_writer *open_writer(FILE *file, lic_picture *picture)
{
    static const lic_read_options options = {.alpha = LIC_ALPHA_KEEP};
    lic_writer *writer = NULL;
    lic_error err;
    *picture =
        (lic_picture){.image = {.width = WIDTH, .height = HEIGHT, .channels = 3, .depth = 8}};
    if (lic_writer_open(file, LIC_FORMAT_PNG, picture, &options, &writer, &err)) {
        printf("%s\n", err.text);
        exit(2);
    }
    return writer;
}

static size_t content(FILE *file, uint8_t *out, size_t most)
{
    fflush(file);
    rewind(file);
    return fread(out, 1, most, file);
}

/* Bands of `band` rows, handed over in memory that is written over at once. */
static void check_bands(uint32_t band)
{
    static uint8_t with[200000], without[200000];
    uint8_t *given = malloc((size_t)band * STRIDE);
    FILE *a = tmpfile(), *b = tmpfile();
    lic_picture picture;
    lic_error err;
    REQUIRE(a && b && given);
    make_pixels();
    lic_writer *writer = open_writer(a, &picture);
    lic_relay *relay = lic_relay_begin(writer, (size_t)band * STRIDE);
    REQUIRE(relay != NULL);
    for (uint32_t y = 0; y < HEIGHT; y += band) {
        const uint32_t n = HEIGHT - y < band ? HEIGHT - y : band;
        memcpy(given, pixels + (size_t)y * STRIDE, (size_t)n * STRIDE);
        CHECK_EQ_INT(lic_relay_rows(relay, n, given, STRIDE, &err), LIC_OK);
        memset(given, 0, (size_t)band * STRIDE);
    }
    CHECK_EQ_INT(lic_relay_end(relay, &err), LIC_OK);
    CHECK_EQ_INT(lic_writer_end(writer, &err), LIC_OK);
    lic_writer_close(writer);
    writer = open_writer(b, &picture);
    CHECK_EQ_INT(lic_writer_rows(writer, HEIGHT, pixels, STRIDE, &err), LIC_OK);
    CHECK_EQ_INT(lic_writer_end(writer, &err), LIC_OK);
    lic_writer_close(writer);
    const size_t n = content(a, with, sizeof with);
    CHECK(n > 0 && n == content(b, without, sizeof without));
    CHECK(memcmp(with, without, n) == 0);
    fclose(a);
    fclose(b);
    free(given);
}

TEST(relay_writes_the_same)
{
    static const uint32_t bands[] = {1, 7, 64, HEIGHT, HEIGHT + 1};
    for (size_t i = 0; i < sizeof bands / sizeof bands[0]; i++)
        check_bands(bands[i]);
}

TEST(relay_without_rows)
{
    FILE *file = tmpfile();
    lic_picture picture;
    lic_error err;
    REQUIRE(file != NULL);
    lic_writer *writer = open_writer(file, &picture);
    CHECK_EQ_INT(lic_relay_end(lic_relay_begin(writer, STRIDE), &err), LIC_OK);
    CHECK_EQ_INT(lic_relay_end(NULL, &err), LIC_OK);
    lic_writer_close(writer);
    fclose(file);
}

TEST(relay_tells_a_full_disk)
{
    FILE *file = fopen("/dev/full", "wb");
    lic_picture picture;
    lic_error err = {0};
    lic_status status = LIC_OK;
    if (!file)
        return; /* not on this system */
    setvbuf(file, NULL, _IONBF, 0);
    static const lic_read_options options = {.alpha = LIC_ALPHA_KEEP};
    lic_writer *writer = NULL;
    picture = (lic_picture){.image = {.width = WIDTH, .height = HEIGHT, .channels = 3, .depth = 8}};
    if (lic_writer_open(file, LIC_FORMAT_PPM, &picture, &options, &writer, &err)) {
        fclose(file);
        return; /* its head failed already */
    }
    lic_relay *relay = lic_relay_begin(writer, STRIDE);
    REQUIRE(relay != NULL);
    for (int y = 0; y < HEIGHT && status == LIC_OK; y++)
        status = lic_relay_rows(relay, 1, pixels, STRIDE, &err);
    CHECK(status != LIC_OK && err.text[0]);
    err = (lic_error){0};
    CHECK_EQ_INT(lic_relay_end(relay, &err), status); /* once more */
    CHECK(err.text[0]);
    lic_writer_close(writer);
    fclose(file);
}

TEST(relay_refuses_more_than_a_band)
{
    FILE *file = tmpfile();
    lic_picture picture;
    lic_error err;
    REQUIRE(file != NULL);
    lic_writer *writer = open_writer(file, &picture);
    lic_relay *relay = lic_relay_begin(writer, 2 * STRIDE);
    REQUIRE(relay != NULL);
    CHECK_EQ_INT(lic_relay_rows(relay, 3, pixels, STRIDE, &err), LIC_ERR_ARGUMENT);
    CHECK_EQ_INT(lic_relay_rows(relay, 2, pixels, STRIDE, &err), LIC_OK);
    CHECK_EQ_INT(lic_relay_end(relay, &err), LIC_OK);
    lic_writer_close(writer);
    fclose(file);
}
