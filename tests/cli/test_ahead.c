/* test_ahead.c - rows read by a thread of its own: the same as without one, whatever the room and
 * the requests; a failure comes with the row that it belongs to; and it can be stopped anywhere. */
#include "cli/picture/ahead.h"

#include "tests/test.h"

#include <stdlib.h>

enum { WIDTH = 61, HEIGHT = 200, STRIDE = 3 * WIDTH };

static uint8_t pixels[HEIGHT * STRIDE], file[2 * sizeof pixels];
static size_t file_bytes;

/* A PNG file, once. */
static void make_file(void)
{
    lic_picture picture = {.image = {.data = pixels,
                                     .width = WIDTH,
                                     .height = HEIGHT,
                                     .channels = 3,
                                     .depth = 8,
                                     .stride_bytes = STRIDE}};
    lic_error err;
    FILE *f = file_bytes ? NULL : tmpfile();
    if (file_bytes)
        return;
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * i / 7 + test_random_below(9));
    if (!f || lic_picture_write(f, LIC_FORMAT_PNG, &picture, &err) || fflush(f)) {
        printf("cannot write a PNG\n");
        exit(2);
    }
    rewind(f);
    file_bytes = fread(file, 1, sizeof file, f);
    fclose(f);
}

typedef struct reading {
    lic_source source;
    lic_read_options options;
    lic_picture picture;
    lic_reader *reader;
} reading;

/* The file, or its first bytes. */
static void open_rows(reading *r, size_t bytes)
{
    lic_error err = {0};
    *r = (reading){.source = lic_source_memory(file, bytes), .options = {.max_pixels = 1 << 20}};
    if (lic_reader_open(&r->source, &r->options, &r->picture, &r->reader, &err)) {
        printf("%s\n", err.text);
        exit(2);
    }
}

static void close_rows(reading *r)
{
    lic_reader_close(r->reader);
    lic_picture_free(&r->picture);
    lic_source_close(&r->source);
}

/* Requests of some rows each, into memory with gaps between them. */
static void check_requests(uint32_t room, uint32_t at_once)
{
    enum { GAP = 5, PITCH = STRIDE + GAP };
    reading r;
    lic_error err = {0};
    uint8_t *rows = malloc((size_t)at_once * PITCH);
    make_file();
    open_rows(&r, file_bytes);
    lic_ahead *ahead = lic_ahead_begin(r.reader, HEIGHT, room, STRIDE);
    REQUIRE(rows && ahead);
    for (uint32_t y = 0; y < HEIGHT; y += at_once) {
        const uint32_t n = HEIGHT - y < at_once ? HEIGHT - y : at_once;
        memset(rows, 0xA5, (size_t)at_once * PITCH);
        CHECK_EQ_INT(lic_ahead_rows(ahead, n, rows, PITCH, &err), LIC_OK);
        for (uint32_t i = 0; i < n; i++) {
            CHECK(!memcmp(rows + (size_t)i * PITCH, pixels + (size_t)(y + i) * STRIDE, STRIDE));
            CHECK(rows[(size_t)i * PITCH + STRIDE] == 0xA5);
        }
    }
    CHECK_EQ_INT(lic_ahead_rows(ahead, 1, rows, PITCH, &err), LIC_ERR_ARGUMENT);
    lic_ahead_end(ahead);
    CHECK_EQ_INT(lic_reader_end(r.reader, &err), LIC_OK);
    close_rows(&r);
    free(rows);
}

TEST(ahead_gives_the_same_rows)
{
    static const uint32_t sizes[] = {1, 7, 16, 33, HEIGHT, HEIGHT + 9};
    enum { N = sizeof sizes / sizeof sizes[0] };
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++)
            check_requests(sizes[i], sizes[j]);
}

/* Damage from some byte on: rows before it are given, then there is the reader's own error, and it
 * stays. */
static void check_damaged(size_t from)
{
    static uint8_t rows[HEIGHT * STRIDE], want_rows[HEIGHT * STRIDE];
    reading r;
    lic_error want = {0}, err = {0};
    for (size_t i = from; i < from + 100; i++)
        file[i] ^= 0xFF;
    open_rows(&r, file_bytes);
    uint32_t n = 0;
    while (n < HEIGHT && !lic_reader_rows(r.reader, 1, want_rows + n * STRIDE, STRIDE, &want))
        n++;
    CHECK(n < HEIGHT && want.text[0]);
    close_rows(&r);
    open_rows(&r, file_bytes);
    lic_ahead *ahead = lic_ahead_begin(r.reader, HEIGHT, 20, STRIDE);
    REQUIRE(ahead != NULL);
    CHECK_EQ_INT(lic_ahead_rows(ahead, n, rows, STRIDE, &err), LIC_OK);
    CHECK(!memcmp(rows, want_rows, (size_t)n * STRIDE));
    for (int i = 0; i < 2; i++) {
        CHECK_EQ_INT(lic_ahead_rows(ahead, 1, rows, STRIDE, &err), LIC_ERR_CORRUPT);
        CHECK(!strcmp(err.text, want.text));
    }
    lic_ahead_end(ahead);
    close_rows(&r);
    for (size_t i = from; i < from + 100; i++)
        file[i] ^= 0xFF;
}

TEST(ahead_tells_where_a_file_is_damaged)
{
    make_file();
    for (int eighths = 1; eighths < 8; eighths++)
        check_damaged(file_bytes * (size_t)eighths / 8);
}

TEST(ahead_stops_anywhere)
{
    static uint8_t rows[HEIGHT * STRIDE];
    make_file();
    for (uint32_t taken = 0; taken < HEIGHT; taken += 23) {
        reading r;
        lic_error err = {0};
        open_rows(&r, file_bytes);
        lic_ahead *ahead = lic_ahead_begin(r.reader, HEIGHT, 11, STRIDE);
        REQUIRE(ahead != NULL);
        CHECK_EQ_INT(lic_ahead_rows(ahead, taken, rows, STRIDE, &err), LIC_OK);
        lic_ahead_end(ahead);
        close_rows(&r);
    }
    lic_ahead_end(NULL);
}

TEST(ahead_without_room)
{
    CHECK(!lic_ahead_begin(NULL, HEIGHT, 0, STRIDE));
    CHECK(!lic_ahead_begin(NULL, HEIGHT, UINT32_MAX, SIZE_MAX / 2));
}
