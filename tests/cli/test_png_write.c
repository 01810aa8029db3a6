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
