/* pixels.c - see pixels.h. */
#include "codec/pixels.h"

#include "codec/base/status.h"

#include <string.h>

lic_status lic_image_check(const lic_image *image, lic_error *err)
{
    if (!image || !image->data)
        return lic_fail(err, LIC_ERR_ARGUMENT, "no picture given");
    if ((image->channels != 1 && image->channels != 3) || (image->depth != 8 && image->depth != 16))
        return lic_fail(err, LIC_ERR_ARGUMENT, "pictures have 1 or 3 channels of 8 or 16 bits, this has %u of %u",
                        (unsigned)image->channels, (unsigned)image->depth);
    const size_t sample = image->depth / 8;
    if (image->stride_bytes < (size_t)image->width * image->channels * sample || image->stride_bytes % sample)
        return lic_fail(err, LIC_ERR_ARGUMENT, "the picture's stride is shorter than its rows");
    return LIC_OK;
}

static float read_sample(const lic_image *image, const uint8_t *row, size_t i)
{
    if (image->depth == 8)
        return (float)row[i] / 255.0f;
    uint16_t v;
    memcpy(&v, row + 2 * i, sizeof v);
    return (float)v / 65535.0f;
}

struct pixel_job {
    const lic_image *image;
    tensor t;
};

static void load_row(void *user, size_t item, int worker)
{
    (void)worker;
    const struct pixel_job *j = user;
    const lic_image *image = j->image;
    const size_t y = item < image->height ? item : image->height - 1, channels = image->channels;
    const uint8_t *row = (const uint8_t *)image->data + y * image->stride_bytes;
    for (int x = 0; x < j->t.w; x++) {
        const size_t from = (uint32_t)x < image->width ? (size_t)x : image->width - 1;
        float *to = lic_nn_at(j->t, (int)item, x);
        for (size_t i = 0; i < 3; i++)
            to[i] = read_sample(image, row, from * channels + (channels == 3 ? i : 0)) - 0.5f;
    }
}

void lic_pixels_load(nn *c, const lic_image *image, tensor x)
{
    if (lic_nn_idle(c))
        return;
    struct pixel_job j = {image, x};
    lic_pool_run(c->pool, (size_t)x.h, load_row, &j);
}

/* Clamped to [0, 1], scaled, rounded to nearest even (NaN gives 0). */
static uint16_t to_sample(float v, float top)
{
    const float magic = 12582912.0f;
    if (!(v > 0.0f))
        v = 0.0f;
    if (v > 1.0f)
        v = 1.0f;
    const float scaled = v * top, shifted = scaled + magic;
    return (uint16_t)(shifted - magic);
}

static void write_sample(const lic_image *image, uint8_t *row, size_t i, float v)
{
    const uint16_t sample = to_sample(v, image->depth == 8 ? 255.0f : 65535.0f);
    if (image->depth == 8)
        row[i] = (uint8_t)sample;
    else
        memcpy(row + 2 * i, &sample, sizeof sample);
}

static void store_row(void *user, size_t item, int worker)
{
    (void)worker;
    const struct pixel_job *j = user;
    const lic_image *image = j->image;
    uint8_t *row = (uint8_t *)image->data + item * image->stride_bytes;
    for (uint32_t x = 0; x < image->width; x++) {
        const float *from = lic_nn_at(j->t, (int)item / 2, (int)x / 2) + 2 * (item % 2) + x % 2;
        const float r = from[0] + 0.5f, g = from[4] + 0.5f, b = from[8] + 0.5f;
        if (image->channels == 1) {
            write_sample(image, row, x, ((r + g) + b) / 3.0f);
            continue;
        }
        write_sample(image, row, 3 * (size_t)x, r);
        write_sample(image, row, 3 * (size_t)x + 1, g);
        write_sample(image, row, 3 * (size_t)x + 2, b);
    }
}

void lic_pixels_store(nn *c, tensor t, const lic_image *image)
{
    if (lic_nn_idle(c))
        return;
    struct pixel_job j = {image, t};
    lic_pool_run(c->pool, image->height, store_row, &j);
}
