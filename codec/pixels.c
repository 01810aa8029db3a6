/* pixels.c - see pixels.h. */
#include "codec/pixels.h"

#include "codec/base/status.h"

#include <string.h>

lic_status lic_image_check(const lic_image *image, bool rows_elsewhere, lic_error *err)
{
    if (!image->data && !rows_elsewhere)
        return lic_fail(err, LIC_ERR_ARGUMENT, "no picture given");
    if (image->channels < 1 || image->channels > 4 || (image->depth != 8 && image->depth != 16))
        return lic_fail(err, LIC_ERR_ARGUMENT,
                        "pictures have 1 to 4 channels of 8 or 16 bits, this has %u of %u",
                        (unsigned)image->channels, (unsigned)image->depth);
    const size_t sample = image->depth / 8;
    if (rows_elsewhere)
        return LIC_OK;
    if (image->stride_bytes < (size_t)image->width * image->channels * sample ||
        image->stride_bytes % sample)
        return lic_fail(err, LIC_ERR_ARGUMENT, "the picture's stride is shorter than its rows");
    return LIC_OK;
}

/* Decoders clamp, so a sample at either end of the range stands for all that lies beyond it. One
 * step of 8 bits further out, the network's errors no longer show there: of a white background, 27
 * % of the samples came back as 254 at quality 100, and 0.04 % do so now, in a file of the same
 * size. */
static float widen(float v)
{
    const float step = 1.0f / 255.0f;
    return v >= 1.0f ? 1.0f + step : v > 0.0f ? v : -step;
}

enum { BYTES = 256 };

struct load_job {
    const lic_band *from;
    int x0, y0;
    tensor x;
    float of_byte[BYTES]; /* samples of 8 bits, as the network sees them */
};

static float read_sample(const struct load_job *j, const uint8_t *row, size_t i)
{
    if (j->from->image.depth == 8)
        return j->of_byte[row[i]];
    uint16_t v;
    memcpy(&v, row + 2 * i, sizeof v);
    return widen((float)v / 65535.0f) - 0.5f;
}

static size_t clamp_index(int i, uint32_t n)
{
    return (uint32_t)i < n ? (size_t)i : (size_t)n - 1;
}

static void load_row(void *user, size_t item, int worker)
{
    (void)worker;
    const struct load_job *j = user;
    const lic_image *image = &j->from->image;
    const size_t channels = image->channels;
    const size_t y = clamp_index(j->y0 + (int)item, image->height) - (size_t)j->from->first_row;
    const uint8_t *row = (const uint8_t *)image->data + y * image->stride_bytes;
    for (int x = 0; x < j->x.w; x++) {
        const size_t from = clamp_index(j->x0 + x, image->width);
        float *to = lic_nn_at(j->x, (int)item, x);
        for (size_t i = 0; i < 3; i++)
            to[i] = read_sample(j, row, from * channels + (channels >= 3 ? i : 0));
    }
}

void lic_pixels_load(nn *c, const lic_band *from, int x0, int y0, tensor x)
{
    if (lic_nn_idle(c))
        return;
    struct load_job j = {.from = from, .x0 = x0, .y0 = y0, .x = x};
    for (int i = 0; i < BYTES; i++)
        j.of_byte[i] = widen((float)i / 255.0f) - 0.5f;
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

struct store_job {
    tensor t;
    int x0, y0, left, scale;
    lic_area area;
    const lic_band *to;
};

/* Stores the colours of a pixel. Alpha, if the image has it, is not stored here. */
static void store_pixel(const lic_band *to, uint8_t *row, size_t x, float r, float g, float b)
{
    const lic_image *image = &to->image;
    const size_t at = x * image->channels;
    if (to->grey)
        r = g = b = ((r + g) + b) / 3.0f;
    write_sample(image, row, at, r);
    if (image->channels < 3)
        return;
    write_sample(image, row, at + 1, g);
    write_sample(image, row, at + 2, b);
}

static void store_row(void *user, size_t item, int worker)
{
    (void)worker;
    const struct store_job *j = user;
    const lic_image *image = &j->to->image;
    const int y = j->area.y0 + (int)item, ty = y - j->y0;
    uint8_t *row = (uint8_t *)image->data + (size_t)(y - j->to->first_row) * image->stride_bytes;
    for (int x = j->area.x0; x < j->area.x1; x++) {
        const int tx = x - j->x0;
        const float *from = lic_nn_at(j->t, ty / 2, tx / 2) + 2 * (ty % 2) + tx % 2;
        store_pixel(j->to, row, (size_t)(x - j->left), from[0] + 0.5f, from[4] + 0.5f,
                    from[8] + 0.5f);
    }
}

void lic_pixels_store(nn *c, tensor t, int x0, int y0, lic_area area, const lic_band *to, int left)
{
    if (lic_nn_idle(c) || area.x0 >= area.x1 || area.y0 >= area.y1)
        return;
    struct store_job j = {t, x0, y0, left, 1, area, to};
    lic_pool_run(c->pool, (size_t)(area.y1 - area.y0), store_row, &j);
}

/* ---- reduced pictures ---- */

static float clamped(float v)
{
    return v > 0.0f ? (v < 1.0f ? v : 1.0f) : 0.0f;
}

/* Sums of the samples of one row of t from pixel x0 to x1 of the picture. */
static void add_samples(const struct store_job *j, int y, int x0, int x1, float sum[3])
{
    const int ty = y - j->y0;
    for (int x = x0; x < x1; x++) {
        const int tx = x - j->x0;
        const float *from = lic_nn_at(j->t, ty / 2, tx / 2) + 2 * (ty % 2) + tx % 2;
        const float rgb[3] = {from[0] + 0.5f, from[4] + 0.5f, from[8] + 0.5f};
        const float grey = ((rgb[0] + rgb[1]) + rgb[2]) / 3.0f;
        for (int i = 0; i < 3; i++)
            sum[i] += clamped(j->to->grey ? grey : rgb[i]);
    }
}

static uint8_t *row_of(const struct store_job *j, int y)
{
    const lic_image *image = &j->to->image;
    return (uint8_t *)image->data + (size_t)(y - j->to->first_row) * image->stride_bytes;
}

static void means_row(void *user, size_t item, int worker)
{
    (void)worker;
    const struct store_job *j = user;
    const int scale = j->scale;
    const int y = j->area.y0 + scale * (int)item, y1 = lic_smaller(y + scale, j->area.y1);
    uint8_t *row = row_of(j, y / scale);
    for (int x = j->area.x0; x < j->area.x1; x += scale) {
        const int x1 = lic_smaller(x + scale, j->area.x1);
        const float n = (float)((y1 - y) * (x1 - x));
        float sum[3] = {0};
        for (int yy = y; yy < y1; yy++)
            add_samples(j, yy, x, x1, sum);
        store_pixel(j->to, row, (size_t)(x / scale), sum[0] / n, sum[1] / n, sum[2] / n);
    }
}

/* A latent has the colours of side x side pixels, row by row. */
static void small_row(void *user, size_t item, int worker)
{
    (void)worker;
    const struct store_job *j = user;
    const int scale = j->scale, side = LIC_MAX_SCALE / scale;
    const int y = j->area.y0 / scale + (int)item, ty = y - j->y0 / scale;
    const int x0 = j->area.x0 / scale, x1 = (j->area.x1 + scale - 1) / scale;
    uint8_t *row = row_of(j, y);
    for (int x = x0; x < x1; x++) {
        const int tx = x - j->x0 / scale, place = side * (ty % side) + tx % side;
        const float *from = lic_nn_at(j->t, ty / side, tx / side) + 3 * place;
        store_pixel(j->to, row, (size_t)x, from[0] + 0.5f, from[1] + 0.5f, from[2] + 0.5f);
    }
}

static void store_reduced(nn *c, struct store_job job, lic_pool_fn row)
{
    const lic_area a = job.area;
    if (!lic_nn_idle(c) && a.x0 < a.x1 && a.y0 < a.y1)
        lic_pool_run(c->pool, (size_t)((a.y1 - a.y0 + job.scale - 1) / job.scale), row, &job);
}

void lic_pixels_store_means(nn *c, tensor t, int x0, int y0, lic_area area, int scale,
                            const lic_band *to)
{
    store_reduced(c, (struct store_job){t, x0, y0, 0, scale, area, to}, means_row);
}

void lic_pixels_store_small(nn *c, tensor t, int x0, int y0, lic_area area, int scale,
                            const lic_band *to)
{
    store_reduced(c, (struct store_job){t, x0, y0, 0, scale, area, to}, small_row);
}
