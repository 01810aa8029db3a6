/* fuzz_image.h - the program's readers of pictures: one input read with all kinds of options, whole
 * and by rows, then written in all formats, and what was written without loss read again and
 * compared. */
#ifndef LIC_TESTS_FUZZ_IMAGE_H
#define LIC_TESTS_FUZZ_IMAGE_H

#include "cli/picture/image_io.h"
#include "tests/fuzz/fuzz.h"

enum { FUZZ_MAX_PIXELS = 1 << 16 };

/* Reads and checks that what is said to be there is there. */
static inline lic_status fuzz_read(const uint8_t *data, size_t bytes, lic_alpha alpha,
                                   unsigned metadata, lic_picture *picture)
{
    const lic_read_options options = {FUZZ_MAX_PIXELS, metadata, alpha, {1, 200, 30}, 0, false};
    lic_error err = {0};
    const lic_status status = lic_picture_read(data, bytes, &options, picture, &err);
    fuzz_check_error(status, &err);
    if (status)
        return status;
    const lic_image *i = &picture->image;
    FUZZ_CHECK(i->channels == 1 || i->channels == 3 ||
               (alpha == LIC_ALPHA_KEEP && (i->channels == 2 || i->channels == 4)));
    FUZZ_CHECK(i->depth == 8 || i->depth == 16);
    FUZZ_CHECK(i->width >= 1 && i->height >= 1 &&
               (uint64_t)i->width * i->height <= FUZZ_MAX_PIXELS);
    FUZZ_CHECK(i->stride_bytes == (size_t)i->width * i->channels * i->depth / 8);
    for (int k = 0; k < LIC_N_META; k++)
        FUZZ_CHECK(!picture->meta[k].data || !picture->meta[k].data[picture->meta[k].bytes]);
    return LIC_OK;
}

static inline void fuzz_check_same(const lic_image *a, const lic_image *b)
{
    FUZZ_CHECK(a->width == b->width && a->height == b->height && a->channels == b->channels);
    FUZZ_CHECK(a->depth == b->depth && !memcmp(a->data, b->data, a->stride_bytes * a->height));
}

/* By n rows at a time it is the same, or fails in the same way. */
static inline void fuzz_read_portions(const uint8_t *data, size_t bytes, lic_alpha alpha,
                                      uint32_t n, lic_status right, const lic_picture *whole)
{
    const lic_read_options options = {FUZZ_MAX_PIXELS, LIC_META_ALL, alpha, {1, 200, 30}, 0, false};
    lic_source source = lic_source_memory(data, bytes);
    lic_picture picture;
    lic_reader *reader;
    lic_error err = {0};
    lic_status status = lic_reader_open(&source, &options, &picture, &reader, &err);
    const size_t stride = picture.image.stride_bytes;
    uint8_t *rows = malloc(n * stride + 1);
    FUZZ_CHECK(rows);
    for (uint32_t y = 0; status == LIC_OK && y < picture.image.height; y += n) {
        const uint32_t left = picture.image.height - y, now = left < n ? left : n;
        status = lic_reader_rows(reader, now, rows, stride, &err);
        FUZZ_CHECK(status || right ||
                   !memcmp(rows, (uint8_t *)whole->image.data + y * stride, now * stride));
    }
    if (status == LIC_OK)
        status = lic_reader_end(reader, &err);
    fuzz_check_error(status, &err);
    FUZZ_CHECK(status == right);
    free(rows);
    lic_reader_close(reader);
    lic_picture_free(&picture);
}

/* Writes what was read, and reads it again. JPEG alone may refuse. */
static inline void fuzz_write(lic_picture *picture, lic_picture_format format)
{
    char *data = NULL;
    size_t bytes = 0;
    lic_error err = {0};
    FILE *file = open_memstream(&data, &bytes);
    FUZZ_CHECK(file);
    const lic_status status = lic_picture_write(file, format, picture, &err);
    fclose(file);
    FUZZ_CHECK(status == LIC_OK || format == LIC_FORMAT_JPEG);
    if (status == LIC_OK) {
        lic_picture again;
        FUZZ_CHECK(fuzz_read((uint8_t *)data, bytes, LIC_ALPHA_KEEP, LIC_META_ALL, &again) ==
                   LIC_OK);
        if (format == LIC_FORMAT_PNG ||
            (format == LIC_FORMAT_PPM && picture->image.channels % 2 == 1))
            fuzz_check_same(&picture->image, &again.image);
        lic_picture_free(&again);
    }
    free(data);
}

/* Salvaging takes what is whole as it is, and of what is damaged a picture, or nothing. */
static inline void fuzz_salvage(const uint8_t *data, size_t bytes, lic_alpha alpha,
                                lic_status plain, const lic_picture *whole)
{
    const lic_read_options options = {FUZZ_MAX_PIXELS, LIC_META_LOOK, alpha, {1, 200, 30}, 0, true};
    lic_picture picture;
    lic_error err = {0};
    const lic_status status = lic_picture_read(data, bytes, &options, &picture, &err);
    fuzz_check_error(status, &err);
    FUZZ_CHECK(plain || status == LIC_OK);
    FUZZ_CHECK(status == plain || (plain == LIC_ERR_CORRUPT && status == LIC_OK) || status);
    FUZZ_CHECK(status || picture.whole_rows <= picture.image.height);
    if (plain == LIC_OK) {
        FUZZ_CHECK(!picture.damage[0] && picture.whole_rows == picture.image.height);
        fuzz_check_same(&picture.image, &whole->image);
    }
    lic_picture_free(&picture);
}

/* A part of it: thumbnails go, and what is left is still metadata. */
static inline void fuzz_part(lic_picture *picture)
{
    lic_error err = {0};
    const lic_status status = lic_picture_fit_metadata(picture, 3, 2, &err);
    fuzz_check_error(status, &err);
    FUZZ_CHECK(status == LIC_OK || status == LIC_ERR_MEMORY);
    for (int k = 0; k < LIC_N_META; k++)
        FUZZ_CHECK(!picture->meta[k].data || !picture->meta[k].data[picture->meta[k].bytes]);
}

/* Reads as a whole and in portions, and writes again. */
static inline void fuzz_picture(const uint8_t *data, size_t bytes)
{
    const lic_alpha alpha = (lic_alpha)(bytes % 4);
    const fuzz_cost cost = fuzz_cost_begin();
    lic_picture picture;
    const lic_status status = fuzz_read(data, bytes, alpha, LIC_META_ALL, &picture);
    fuzz_read_portions(data, bytes, alpha, 1 + (uint32_t)(bytes / 4 % 5), status, &picture);
    if (status == LIC_OK) {
        fuzz_write(&picture, LIC_FORMAT_PNG);
        fuzz_write(&picture, LIC_FORMAT_PPM);
        fuzz_write(&picture, LIC_FORMAT_JPEG);
    }
    fuzz_salvage(data, bytes, alpha, status, &picture);
    if (status == LIC_OK)
        fuzz_part(&picture);
    lic_picture_free(&picture);
    fuzz_cost_check(&cost, bytes);
}

#endif
