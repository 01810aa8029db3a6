/* codec_fixture.h - the tiny network, pictures made by a formula, and an allocator that counts, for
 * the tests of encoder and decoder. */
#ifndef LIC_TESTS_CODEC_FIXTURE_H
#define LIC_TESTS_CODEC_FIXTURE_H

#include "codec/base/bytes.h"
#include "codec/lic.h"
#include "tests/rows.h"
#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

static inline lic_status open_tiny_with(const lic_model_options *options, lic_model **model,
                                        lic_error *err)
{
    const char *here = __FILE__;
    char path[512];
    snprintf(path, sizeof path, "%.*s/../golden/tiny.licw", (int)(strrchr(here, '/') - here), here);
    return lic_model_open(path, options, model, err);
}

/* Ends the program if it cannot be opened with the usual allocator. */
static inline lic_model *open_tiny(const lic_allocator *allocator, lic_status *status)
{
    lic_model *model = NULL;
    lic_model_options options;
    lic_error err = {0};
    lic_model_options_init(&options);
    options.threads = 1;
    options.allocator = allocator;
    *status = open_tiny_with(&options, &model, &err);
    if (*status && !allocator) {
        printf("%s\n", err.text);
        exit(2);
    }
    return model;
}

static inline lic_model *tiny(void)
{
    lic_status status;
    return open_tiny(NULL, &status);
}

static lic_model *shared_model;

static inline void close_shared_model(void)
{
    lic_model_close(shared_model);
}

/* One for all tests of a program. */
static inline const lic_model *tiny_model(void)
{
    if (!shared_model) {
        shared_model = tiny();
        atexit(close_shared_model);
    }
    return shared_model;
}

/* Gradients, an edge and some texture; 16-bit samples use all their bits. */
static inline lic_image make_picture(uint32_t width, uint32_t height, uint32_t channels,
                                     uint32_t depth)
{
    lic_image p = {.width = width, .height = height, .channels = channels, .depth = depth};
    p.stride_bytes = (size_t)width * channels * (depth / 8);
    p.data = malloc(p.stride_bytes * height);
    if (!p.data)
        exit(2);
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++)
            for (uint32_t i = 0; i < channels; i++) {
                uint32_t v = (x * 7 + y * (3 + i) + (x * y) / 9) % 256;
                if (x + 2 * y > width)
                    v = 255 - (v * (i + 1)) / 3;
                const uint16_t wide = (uint16_t)(v * 257 ^ (x * 31 + y));
                uint8_t *at = (uint8_t *)p.data + y * p.stride_bytes;
                if (depth == 8)
                    at[x * channels + i] = (uint8_t)v;
                else
                    memcpy(at + 2 * (x * channels + i), &wide, 2);
            }
    return p;
}

/* ---- counting allocator ---------------------------------------------------------------------- */

typedef struct counted {
    int live, calls;
    int refuse_at;             /* this call, from 0, finds no memory; -1: none */
    size_t now, most, largest; /* bytes */
} counted;

/* The size is kept in front; 16 bytes keep malloc's alignment. */
static inline void *counted_alloc(void *user, size_t bytes)
{
    counted *c = user;
    if (c->calls++ == c->refuse_at)
        return NULL;
    size_t *block = malloc(bytes + 16);
    if (!block)
        return NULL;
    block[0] = bytes;
    c->live++;
    c->now += bytes;
    c->most = c->now > c->most ? c->now : c->most;
    c->largest = bytes > c->largest ? bytes : c->largest;
    return block + 2;
}

static inline void counted_free(void *user, void *pointer)
{
    counted *c = user;
    if (!pointer)
        return;
    size_t *block = (size_t *)pointer - 2;
    c->live--;
    c->now -= block[0];
    free(block);
}

/* ---- round trips ----------------------------------------------------------------------------- */

static inline lic_options with_threads(int threads)
{
    lic_options o;
    lic_options_init(&o);
    o.threads = threads;
    return o;
}

static inline lic_encode_options at_quality(double quality)
{
    lic_encode_options e;
    lic_encode_options_init(&e);
    e.quality = quality;
    return e;
}

/* A file, or an empty buffer after a failed check. */
static inline lic_buffer encode_tiny(const lic_model *model, const lic_image *picture,
                                     const lic_options *options, double quality)
{
    const lic_encode_options e = at_quality(quality);
    lic_buffer out = {0};
    lic_error err = {0};
    CHECK_EQ_INT(lic_encode(model, picture, options, &e, &out, &err), LIC_OK);
    if (err.status)
        printf("%s\n", err.text);
    return out;
}

static inline void check_same_bytes(const lic_buffer *a, const lic_buffer *b)
{
    CHECK_EQ_INT(a->bytes, b->bytes);
    if (a->bytes == b->bytes)
        CHECK_EQ_MEM(a->data, b->data, a->bytes);
}

static inline size_t image_bytes(const lic_image *image)
{
    return image->stride_bytes * image->height;
}

static inline void check_same_pixels(const lic_image *a, const lic_image *b)
{
    CHECK_EQ_INT(a->width, b->width);
    CHECK_EQ_INT(a->height, b->height);
    CHECK_EQ_INT(image_bytes(a), image_bytes(b));
    if (image_bytes(a) == image_bytes(b) && a->data && b->data)
        CHECK_EQ_MEM(a->data, b->data, image_bytes(a));
}

static inline uint32_t sample_top(const lic_image *p)
{
    return p->depth == 8 ? 255 : 65535;
}

static inline uint32_t get_sample(const lic_image *p, uint32_t x, uint32_t y, uint32_t i)
{
    const uint8_t *row = (const uint8_t *)p->data + y * p->stride_bytes;
    uint16_t v;
    if (p->depth == 8)
        return row[x * p->channels + i];
    memcpy(&v, row + 2 * (x * p->channels + i), 2);
    return v;
}

static inline void put_sample(lic_image *p, uint32_t x, uint32_t y, uint32_t i, uint32_t value)
{
    uint8_t *row = (uint8_t *)p->data + y * p->stride_bytes;
    const uint16_t v = (uint16_t)value;
    if (p->depth == 8)
        row[x * p->channels + i] = (uint8_t)value;
    else
        memcpy(row + 2 * (x * p->channels + i), &v, 2);
}

/* x, y, width, height */
static inline lic_decode_options of_part(const uint32_t part[4])
{
    lic_decode_options o;
    lic_decode_options_init(&o);
    o.crop_x = part[0];
    o.crop_y = part[1];
    o.crop_width = part[2];
    o.crop_height = part[3];
    return o;
}

/* `part` holds the pixels of `whole` in the area that the options name. */
static inline void check_part(const lic_image *part, const lic_image *whole,
                              const lic_decode_options *d)
{
    const size_t pixel = whole->channels * whole->depth / 8;
    CHECK(part->width == d->crop_width && part->height == d->crop_height);
    CHECK(part->channels == whole->channels && part->depth == whole->depth);
    for (uint32_t y = 0; y < d->crop_height; y++)
        CHECK_EQ_MEM((const uint8_t *)part->data + y * part->stride_bytes,
                     (const uint8_t *)whole->data + (y + d->crop_y) * whole->stride_bytes +
                         pixel * d->crop_x,
                     pixel * d->crop_width);
}

#endif
