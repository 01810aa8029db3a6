/* test_png_write.c - the PNG writer: what it writes reads back sample by sample, whatever the
 * shape, and is not larger than it need be. */
#include "cli/picture/image_io.h"
#include "tests/test.h"

static const lic_read_options read_options = {.max_pixels = 1 << 28};

/* What is written; free it. */
static uint8_t *write_picture(lic_picture *picture, size_t *bytes)
{
    const lic_read_options options = {.alpha = LIC_ALPHA_KEEP};
    const lic_image *image = &picture->image;
    char *data = NULL;
    lic_writer *writer;
    lic_error err = {0};
    FILE *file = open_memstream(&data, bytes);
    CHECK_EQ_INT(lic_writer_open(file, LIC_FORMAT_PNG, picture, &options, &writer, &err), LIC_OK);
    CHECK_EQ_INT(lic_writer_rows(writer, image->height, image->data, image->stride_bytes, &err),
                 LIC_OK);
    CHECK_EQ_INT(lic_writer_end(writer, &err), LIC_OK);
    CHECK_EQ_STR(err.text, "");
    lic_writer_close(writer);
    fclose(file);
    return (uint8_t *)data;
}

static void fill(lic_image *image)
{
    const size_t n = (size_t)image->width * image->height * image->channels;
    for (size_t i = 0; i < n; i++) {
        const uint32_t v = (uint32_t)(i * 7 / 3 + test_random_below(9));
        if (image->depth == 16)
            ((uint16_t *)image->data)[i] = (uint16_t)(v * 19);
        else
            ((uint8_t *)image->data)[i] = (uint8_t)v;
    }
}

/* What is written is read back the same. */
static void check(uint32_t width, uint32_t height, uint32_t channels, uint32_t depth)
{
    lic_picture picture = {0}, back;
    lic_error err = {0};
    size_t bytes;
    REQUIRE(lic_picture_alloc(&picture, width, height, channels, depth, &read_options, &err) ==
            LIC_OK);
    fill(&picture.image);
    uint8_t *data = write_picture(&picture, &bytes);
    CHECK_EQ_INT(lic_picture_read(data, bytes, &read_options, &back, &err), LIC_OK);
    CHECK_EQ_STR(err.text, "");
    CHECK_EQ_STR(back.warning, "");
    if (back.image.data)
        CHECK_EQ_MEM(back.image.data, picture.image.data, picture.image.stride_bytes * height);
    lic_picture_free(&back);
    lic_picture_free(&picture);
    free(data);
}

TEST(any_shape_is_read_back)
{
    check(1, 1, 1, 8);
    check(700, 999, 3, 8); /* several IDAT chunks */
    check(512, 1024, 1, 8);
    check(300, 1900, 3, 16);
    check(65535, 3, 3, 16);
    check(65535, 9, 1, 8);
}

TEST(what_is_flat_stays_small)
{
    lic_picture picture = {0};
    lic_error err;
    size_t bytes;
    REQUIRE(lic_picture_alloc(&picture, 4000, 4000, 3, 8, &read_options, &err) == LIC_OK);
    memset(picture.image.data, 200, picture.image.stride_bytes * 4000);
    uint8_t *data = write_picture(&picture, &bytes);
    CHECK(bytes < 48000000 / 200);
    free(data);
    lic_picture_free(&picture);
}

/* Writes `rows` of its rows, `at_a_time`, with so many threads. */
static lic_status write_rows(lic_picture *picture, uint32_t rows, uint32_t at_a_time, int threads,
                             char **data, size_t *bytes, lic_error *err)
{
    const lic_read_options options = {.alpha = LIC_ALPHA_KEEP};
    const lic_image *image = &picture->image;
    lic_writer *writer;
    FILE *file = open_memstream(data, bytes);
    lic_status status = lic_writer_open(file, LIC_FORMAT_PNG, picture, &options, &writer, err);
    if (status == LIC_OK)
        lic_writer_use_threads(writer, threads);
    for (uint32_t y = 0, n; y < rows && status == LIC_OK; y += n) {
        n = rows - y < at_a_time ? rows - y : at_a_time;
        status = lic_writer_rows(writer, n, (uint8_t *)image->data + y * image->stride_bytes,
                                 image->stride_bytes, err);
    }
    if (status == LIC_OK)
        status = lic_writer_end(writer, err);
    lic_writer_close(writer);
    fclose(file);
    return status;
}

/* A file is the same whoever compresses it, and in whatever bands its rows come. */
TEST(threads_do_not_change_a_byte)
{
    static const struct {
        uint32_t width, height, channels, depth;
    } shapes[] = {{1, 1, 1, 8},       {700, 999, 3, 8},  {300, 700, 4, 16},
                  {20000, 11, 3, 16}, {65535, 7, 2, 16}, {43690, 4, 3, 8}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        lic_picture picture = {0};
        lic_error err = {0};
        char *one = NULL;
        size_t bytes;
        REQUIRE(lic_picture_alloc(&picture, shapes[i].width, shapes[i].height, shapes[i].channels,
                                  shapes[i].depth, &read_options, &err) == LIC_OK);
        fill(&picture.image);
        const uint32_t rows = shapes[i].height;
        REQUIRE(write_rows(&picture, rows, rows, 1, &one, &bytes, &err) == LIC_OK);
        for (int threads = 0; threads <= 40; threads += threads < 5 ? 1 : 35) {
            char *other = NULL;
            size_t other_bytes;
            REQUIRE(write_rows(&picture, rows, 1 + test_random_below(rows), threads, &other,
                               &other_bytes, &err) == LIC_OK);
            CHECK_EQ_INT(other_bytes, bytes);
            if (other_bytes == bytes)
                CHECK_EQ_MEM(other, one, bytes);
            free(other);
        }
        free(one);
        lic_picture_free(&picture);
    }
}

/* A file with fewer rows than its head says is not left as if it were whole. */
TEST(rows_that_are_missing)
{
    for (uint32_t rows = 0; rows <= 200; rows += rows < 198 ? 33 : 1) {
        lic_picture picture = {0};
        lic_error err = {0};
        char *data = NULL;
        size_t bytes;
        REQUIRE(lic_picture_alloc(&picture, 900, 200, 3, 8, &read_options, &err) == LIC_OK);
        fill(&picture.image);
        CHECK_EQ_INT(write_rows(&picture, rows, rows + 1, 2, &data, &bytes, &err),
                     rows == 200 ? LIC_OK : LIC_ERR_ARGUMENT);
        free(data);
        lic_picture_free(&picture);
    }
}
