/* test_rows.c - lic_reader and lic_writer: rows in any portions, metadata after the pixels, damage
 * in the last rows, round trips of alpha and colours, files that shrink. */
#include "cli/picture/colour.h"
#include "cli/picture/format.h"
#include "tests/cli/png_fixture.h"
#include "tests/test.h"

#include <fcntl.h>
#include <unistd.h>

static const lic_read_options defaults = {
    .max_pixels = 1 << 20, .metadata = LIC_META_ALL, .alpha = LIC_ALPHA_KEEP};

enum { WIDTH = 37, HEIGHT = 29 };
static uint8_t file[1 << 17];

/* Rows of random samples, filter 0, as PNG has them; `bands` of `depth` bits. */
static size_t make_png(int colour, int depth, const char *after, size_t after_bytes)
{
    static const int bands[] = {1, 0, 3, 0, 2, 0, 4};
    static uint8_t rows[HEIGHT * (1 + WIDTH * 8)];
    const size_t row = 1 + (size_t)(WIDTH * bands[colour] * depth / 8);
    for (size_t i = 0; i < HEIGHT * row; i++)
        rows[i] = i % row ? (uint8_t)test_random() : 0;
    uint8_t *at = put_png_head(file, WIDTH, HEIGHT, depth, colour, 0);
    at = put_pixels(at, rows, HEIGHT * row);
    if (after)
        at = put_chunk(at, after, after + 4, after_bytes);
    return (size_t)(put_chunk(at, "IEND", NULL, 0) - file);
}

/* Reads in portions of n rows; the pixels must be those of the whole. */
static void check_portions(lic_source *source, const lic_picture *whole, uint32_t n)
{
    lic_picture p;
    lic_reader *reader;
    lic_error err = {0};
    static uint8_t rows[HEIGHT * WIDTH * 8];
    source->at = 0;
    REQUIRE(lic_reader_open(source, &defaults, &p, &reader, &err) == LIC_OK);
    const size_t stride = p.image.stride_bytes;
    CHECK_EQ_INT(stride, whole->image.stride_bytes);
    for (uint32_t y = 0; y < HEIGHT; y += n)
        CHECK_EQ_INT(lic_reader_rows(reader, HEIGHT - y < n ? HEIGHT - y : n, rows + y * stride,
                                     stride, &err),
                     LIC_OK);
    CHECK_EQ_INT(lic_reader_end(reader, &err), LIC_OK);
    CHECK_EQ_STR(err.text, "");
    CHECK_EQ_MEM(rows, whole->image.data, HEIGHT * stride);
    lic_reader_close(reader);
    lic_picture_free(&p);
}

/* A file by this name with the bytes made above. */
static void save(const char *path, size_t bytes)
{
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(file, 1, bytes, f) != bytes || fclose(f) != 0)
        abort();
}

TEST(rows_come_in_any_portions_from_memory_and_files)
{
    char path[] = "/tmp/lic-test-rows-XXXXXX";
    close(mkstemp(path));
    for (int colour = 0; colour <= 6; colour += 2)
        for (int depth = 8; depth <= 16; depth += 8) {
            lic_error err = {0};
            lic_picture whole;
            const size_t bytes = make_png(colour, depth, NULL, 0);
            REQUIRE(lic_picture_read(file, bytes, &defaults, &whole, &err) == LIC_OK);
            CHECK_EQ_INT(whole.image.channels, (colour & 2 ? 3 : 1) + (colour >= 4));
            lic_source source = lic_source_memory(file, bytes);
            for (uint32_t n = 1; n <= HEIGHT; n = n * 2 + 1)
                check_portions(&source, &whole, n);
            save(path, bytes);
            REQUIRE(lic_source_open(&source, path, 0, &err) == LIC_OK);
            check_portions(&source, &whole, 5);
            lic_source_close(&source);
            lic_picture_free(&whole);
        }
    unlink(path);
}

/* eXIf and XMP may stand behind the pixels: exiftool and libpng put them there. */
TEST(metadata_behind_the_pixels_is_kept)
{
    static const char exif[] = "eXIfMM\0*\0\0\0\10\0\0\0\0\0";
    static const char xmp[] = "iTXtXML:com.adobe.xmp\0\0\0\0\0<x/>";
    lic_error err = {0};
    lic_picture p;
    size_t bytes = make_png(2, 8, exif, sizeof exif - 5);
    REQUIRE(lic_picture_read(file, bytes, &defaults, &p, &err) == LIC_OK);
    CHECK_EQ_INT(p.meta[LIC_META_EXIF].bytes, sizeof exif - 5);
    lic_picture_free(&p);
    bytes = make_png(0, 16, xmp, sizeof xmp - 5);
    REQUIRE(lic_picture_read(file, bytes, &defaults, &p, &err) == LIC_OK);
    CHECK_EQ_INT(p.meta[LIC_META_XMP].bytes, 4);
    lic_picture_free(&p);
}

/* The pixels are at the end of the file, before checksums and IEND (12 bytes). */
TEST(damage_in_the_last_rows_is_an_error_in_the_middle)
{
    const size_t bytes = make_png(2, 8, NULL, 0);
    lic_error err = {0};
    lic_picture p;
    lic_reader *reader;
    static uint8_t rows[WIDTH * 3];
    file[bytes - 30] ^= 1;
    lic_source source = lic_source_memory(file, bytes);
    REQUIRE(lic_reader_open(&source, &defaults, &p, &reader, &err) == LIC_OK);
    lic_status status = LIC_OK;
    uint32_t good = 0;
    for (; good < HEIGHT && status == LIC_OK; good++)
        status = lic_reader_rows(reader, 1, rows, sizeof rows, &err);
    CHECK(good > HEIGHT / 2); /* it does begin */
    if (status == LIC_OK)
        status = lic_reader_end(reader, &err);
    CHECK_EQ_INT(status, LIC_ERR_CORRUPT);
    CHECK(strstr(err.text, "damaged PNG"));
    memset(&err, 0, sizeof err);
    CHECK_EQ_INT(lic_reader_rows(reader, 1, rows, sizeof rows, &err), LIC_ERR_CORRUPT);
    CHECK(err.text[0]);
    lic_reader_close(reader);
    lic_picture_free(&p);
}

TEST(files_that_shrink_end_early)
{
    char path[] = "/tmp/lic-test-rows-XXXXXX";
    close(mkstemp(path));
    static uint8_t rows[300 * 300];
    const size_t bytes =
        (size_t)snprintf((char *)file, sizeof file, "P5 300 300 255 ") + sizeof rows;
    save(path, bytes);
    lic_source source;
    lic_error err = {0};
    lic_picture p;
    lic_reader *reader;
    REQUIRE(lic_source_open(&source, path, 0, &err) == LIC_OK);
    REQUIRE(lic_reader_open(&source, &defaults, &p, &reader, &err) == LIC_OK);
    CHECK_EQ_INT(lic_reader_rows(reader, 10, rows, 300, &err), LIC_OK);
    REQUIRE(truncate(path, 70000) == 0);
    CHECK_EQ_INT(lic_reader_rows(reader, 290, rows, 300, &err), LIC_ERR_CORRUPT);
    CHECK(strstr(err.text, "samples are missing"));
    lic_reader_close(reader);
    lic_picture_free(&p);
    lic_source_close(&source);
    unlink(path);
}

/* ---- alpha ---- */

/* Reads, writes in the format, and reads again. */
static lic_status again(const lic_read_options *options, lic_picture_format format,
                        lic_picture *first, lic_picture *second, size_t bytes)
{
    lic_error err = {0};
    static uint8_t data[1 << 17];
    *second = (lic_picture){0};
    lic_status status = lic_picture_read(file, bytes, &defaults, first, &err);
    if (status != LIC_OK)
        return status;
    FILE *f = tmpfile();
    lic_writer *writer;
    status = lic_writer_open(f, format, first, options, &writer, &err);
    if (status == LIC_OK)
        status =
            lic_writer_rows(writer, HEIGHT, first->image.data, first->image.stride_bytes, &err);
    if (status == LIC_OK)
        status = lic_writer_end(writer, &err);
    lic_writer_close(writer);
    rewind(f);
    const size_t n = fread(data, 1, sizeof data, f);
    fclose(f);
    return status != LIC_OK ? status : lic_picture_read(data, n, &defaults, second, &err);
}

TEST(alpha_goes_into_a_png_and_no_other_file)
{
    for (int colour = 4; colour <= 6; colour += 2)
        for (int depth = 8; depth <= 16; depth += 8) {
            lic_picture a, b;
            const size_t bytes = make_png(colour, depth, NULL, 0);
            CHECK_EQ_INT(again(&defaults, LIC_FORMAT_PNG, &a, &b, bytes), LIC_OK);
            CHECK_EQ_STR(a.warning, "");
            CHECK_EQ_MEM(b.image.data, a.image.data, a.image.stride_bytes * HEIGHT);
            CHECK_EQ_INT(b.image.channels, colour & 2 ? 4 : 2);
            lic_picture_free(&a);
            lic_picture_free(&b);
            CHECK_EQ_INT(again(&defaults, LIC_FORMAT_PPM, &a, &b, bytes), LIC_OK);
            CHECK(strstr(a.warning, "transparency is left out: a PPM file"));
            CHECK_EQ_INT(b.image.channels, colour & 2 ? 3 : 1);
            lic_picture_free(&a);
            lic_picture_free(&b);
        }
}

TEST(alpha_is_blended_or_dropped_on_the_way_out)
{
    lic_read_options options = defaults;
    lic_picture a, b;
    const size_t bytes = make_png(4, 8, NULL, 0);
    options.alpha = LIC_ALPHA_DROP;
    CHECK_EQ_INT(again(&options, LIC_FORMAT_PNG, &a, &b, bytes), LIC_OK);
    CHECK(b.image.channels == 1 && !a.warning[0]);
    lic_picture_free(&a);
    lic_picture_free(&b);
    options.alpha = LIC_ALPHA_BLEND;
    memset(options.background, 255, 3);
    CHECK_EQ_INT(again(&options, LIC_FORMAT_PPM, &a, &b, bytes), LIC_OK);
    CHECK_EQ_INT(b.image.channels, 1);
    const uint8_t over = file[33 + 8 + 7 + 1], alpha = file[33 + 8 + 7 + 2]; /* the first pixel */
    CHECK_EQ_INT(((uint8_t *)b.image.data)[0], (over * alpha + 255 * (255 - alpha) + 127) / 255);
    lic_picture_free(&a);
    lic_picture_free(&b);
    options.background[2] = 7; /* a colour behind grey */
    CHECK_EQ_INT(again(&options, LIC_FORMAT_JPEG, &a, &b, bytes), LIC_OK);
    CHECK_EQ_INT(b.image.channels, 3);
    lic_picture_free(&a);
    lic_picture_free(&b);
}

/* ---- memory ---- */

TEST(interlaced_pictures_are_bounded_in_memory)
{
    static const uint8_t nothing[64];
    lic_read_options options = {.max_pixels = 1 << 28, .max_memory = 1000000};
    lic_error err = {0};
    lic_picture p;
    uint8_t *at = put_pixels(put_png_head(file, 10000, 10000, 16, 2, 1), nothing, sizeof nothing);
    at = put_chunk(at, "IEND", NULL, 0);
    CHECK_EQ_INT(lic_picture_read(file, (size_t)(at - file), &options, &p, &err), LIC_ERR_LIMIT);
    CHECK(strstr(err.text, "interlaced PNG") && strstr(err.text, "600000000"));
    lic_picture_free(&p);
}

/* What lic_reader_memory says of a picture of which the pixels are missing: it is not looked for
 * before the first row is asked for. */
static uint64_t told_memory(int colour, int interlaced, lic_alpha alpha)
{
    static const uint8_t nothing[64];
    const lic_read_options options = {.max_pixels = 1 << 28, .alpha = alpha};
    uint8_t *at = put_png_head(file, 3000, 2000, 16, colour, interlaced);
    at = put_chunk(put_pixels(at, nothing, sizeof nothing), "IEND", NULL, 0);
    lic_source source = lic_source_memory(file, (size_t)(at - file));
    lic_error err = {0};
    lic_picture p;
    lic_reader *reader;
    static uint8_t row[3000 * 8];
    uint64_t bytes = UINT64_MAX;
    if (lic_reader_open(&source, &options, &p, &reader, &err) == LIC_OK) {
        bytes = lic_reader_memory(reader);
        CHECK_EQ_INT(lic_reader_rows(reader, 1, row, sizeof row, &err), LIC_ERR_CORRUPT);
    }
    lic_reader_close(reader);
    lic_picture_free(&p);
    return bytes;
}

TEST(readers_tell_what_they_will_take)
{
    const int64_t pixels = 3000 * 2000, alpha = pixels * 2 + 2000; /* a filter type per row */
    CHECK_EQ_INT(told_memory(2, 0, LIC_ALPHA_KEEP), 0);
    CHECK_EQ_INT(told_memory(2, 1, LIC_ALPHA_KEEP), pixels * 6);
    CHECK_EQ_INT(told_memory(6, 0, LIC_ALPHA_KEEP), alpha);
    CHECK_EQ_INT(told_memory(6, 1, LIC_ALPHA_KEEP), pixels * 8 + alpha);
    CHECK_EQ_INT(told_memory(4, 1, LIC_ALPHA_DROP), pixels * 4);
}

/* A pipe tells its length only at its end: reading stops at the limit, not at the end. */
TEST(pipes_are_bounded_in_memory)
{
    static uint8_t bytes[5000];
    char path[32];
    for (uint64_t limit = 4999; limit <= 5001; limit++) {
        lic_source source;
        lic_error err = {0};
        int ends[2];
        REQUIRE(pipe(ends) == 0 && write(ends[1], bytes, sizeof bytes) == sizeof bytes);
        snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
        if (limit >= sizeof bytes)
            close(ends[1]); /* else the end is not waited for */
        CHECK_EQ_INT(lic_source_open(&source, path, limit, &err),
                     limit < sizeof bytes ? LIC_ERR_LIMIT : LIC_OK);
        CHECK(limit >= sizeof bytes || strstr(err.text, "--max-memory=4999"));
        CHECK_EQ_INT(lic_source_held(&source), limit < sizeof bytes ? 0 : sizeof bytes);
        lic_source_close(&source);
        close(ends[0]);
        if (limit < sizeof bytes)
            close(ends[1]);
    }
}

/* ---- colours ---- */

TEST(colours_pack_and_unpack)
{
    uint8_t packed[LIC_COLOUR_MAX_BYTES], chromaticities[32] = {0, 0, 1};
    lic_colour c = {0}, back;
    CHECK(lic_colour_add(&c, "gAMA", (const uint8_t *)"\0\1\206\240", 4));
    CHECK(!lic_colour_add(&c, "gAMA", (const uint8_t *)"\0\1\206\241", 4)); /* the first counts */
    CHECK(!lic_colour_add(&c, "sRGB", (const uint8_t *)"\4", 1));
    CHECK(!lic_colour_add(&c, "cICP", (const uint8_t *)"\1\2\3", 3));
    CHECK(lic_colour_add(&c, "cHRM", chromaticities, 32));
    const size_t bytes = lic_colour_pack(&c, packed);
    CHECK_EQ_INT(bytes, 9 + 37);
    CHECK(lic_colour_unpack(packed, bytes, &back));
    CHECK_EQ_MEM(&back, &c, sizeof c);
    CHECK(!lic_colour_is_srgb(&c));
    for (size_t n = 1; n < bytes; n++)
        CHECK(lic_colour_unpack(packed, n, &back) == (n == 9));
}

TEST(srgb_stands_for_its_gamma_and_primaries)
{
    uint8_t packed[LIC_COLOUR_MAX_BYTES];
    lic_colour c = {0}, back;
    CHECK(lic_colour_add(&c, "sRGB", (const uint8_t *)"\1", 1));
    CHECK(lic_colour_add(&c, "gAMA", (const uint8_t *)"\0\0\261\217", 4));
    CHECK_EQ_INT(lic_colour_pack(&c, packed), 6);
    CHECK(lic_colour_unpack(packed, 6, &back));
    lic_colour_complete(&back, false);
    CHECK(back.has[LIC_COLOUR_GAMA] && back.has[LIC_COLOUR_CHRM]);
    CHECK_EQ_MEM(back.data[LIC_COLOUR_GAMA], c.data[LIC_COLOUR_GAMA], 4);
    CHECK(lic_colour_is_srgb(&back));
    CHECK(lic_colour_unpack(packed, 6, &back));
    lic_colour_complete(&back, true);
    CHECK(!back.has[LIC_COLOUR_SRGB] && !back.has[LIC_COLOUR_GAMA]);
}

TEST(colours_and_resolution_go_through_a_png)
{
    static const uint8_t pixels[2 * 3] = {0, 1, 2, 0, 3, 4},
                                    phys[9] = {0, 0, 11, 19, 0, 0, 7, 8, 1};
    static const uint8_t text[] = {'c', 'I', 'C', 'P', 4, 9, 16, 0, 1, 's', 'R', 'G', 'B', 1, 2};
    static uint8_t data[1000];
    lic_error err = {0};
    lic_picture p, again;
    uint8_t *at = put_png_head(file, 2, 2, 8, 0, 0);
    at = put_chunk(at, "cICP", text + 5, 4);
    at = put_chunk(at, "sRGB", text + 14, 1);
    at = put_chunk(at, "pHYs", phys, sizeof phys);
    at = put_chunk(at, "gAMA", phys, 4);
    at[-1] ^= 1; /* its checksum */
    at = put_pixels(at, pixels, sizeof pixels);
    at = put_chunk(at, "pHYs", pixels, 6); /* behind the pixels it has no meaning */
    at = put_chunk(at, "IEND", NULL, 0);
    REQUIRE(lic_picture_read(file, (size_t)(at - file), &defaults, &p, &err) == LIC_OK);
    CHECK_EQ_INT(p.meta[LIC_META_COLOUR].bytes, sizeof text);
    CHECK_EQ_MEM(p.meta[LIC_META_COLOUR].data, text, 15);
    CHECK_EQ_MEM(p.meta[LIC_META_RESOLUTION].data, phys, 9);
    CHECK(strstr(p.warning, "PNG: gAMA is damaged and left out"));
    FILE *f = tmpfile();
    CHECK_EQ_INT(lic_picture_write(f, LIC_FORMAT_PNG, &p, &err), LIC_OK);
    rewind(f);
    const size_t bytes = fread(data, 1, sizeof data, f);
    fclose(f);
    REQUIRE(lic_picture_read(data, bytes, &defaults, &again, &err) == LIC_OK);
    CHECK_EQ_MEM(again.meta[LIC_META_COLOUR].data, text, 15);
    CHECK_EQ_MEM(again.meta[LIC_META_RESOLUTION].data, phys, 9);
    CHECK_EQ_STR(again.warning, "");
    lic_picture_free(&again);
    lic_picture_free(&p);
}
