/* metrics.c - see metrics.h. One channel at a time. The window is separable: each row is blurred
 * along x once and kept in a ring of 11 rows, which are then blurred along y. So memory beyond the
 * two planes is a few rows. */
#include "cli/rd/metrics.h"

#include "cli/base/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TAPS = 11, SCALES = 5 };
static const double sigma = 1.5;
static const double c1 = (0.01 * 255) * (0.01 * 255), c2 = (0.03 * 255) * (0.03 * 255);
static const double weights[SCALES] = {0.0448, 0.2856, 0.3001, 0.2363, 0.1333};

/* Local means that SSIM is made of. */
enum { X, Y, XX, YY, XY, MAPS };

struct planes {
    float *x, *y; /* this channel at this scale; exact for 8 bits: all are multiples of 4^-scale */
    size_t width, height;
    double window[TAPS];
    double *row;  /* [width] a row of one map */
    double *ring; /* [MAPS][TAPS][width] the last rows, blurred along x */
    double *mean; /* [MAPS][width] a row, blurred along x and y */
};

/* Sample of channel c on the scale of 8 bits; a grey picture has the same in all channels. A
 * picture of 16 bits is rounded to 8 if it is compared with one of 8, which was rounded too. */
static double sample(const lic_image *image, size_t x, size_t y, uint32_t c, bool fine)
{
    const uint8_t *row = (const uint8_t *)image->data + y * image->stride_bytes;
    size_t at = x * image->channels + (image->channels < 3 ? 0 : c);
    if (image->depth == 8)
        return row[at];
    unsigned value = ((const uint16_t *)(const void *)row)[at];
    return fine ? value / 257.0 : (value + 128u) / 257u;
}

static void load_channel(const lic_image *image, uint32_t c, bool fine, float *plane)
{
    for (size_t y = 0; y < image->height; y++)
        for (size_t x = 0; x < image->width; x++)
            *plane++ = (float)sample(image, x, y, c, fine);
}

/* ---- MS-SSIM ---- */

static void make_window(double *window)
{
    double sum = 0;
    for (int i = 0; i < TAPS; i++)
        sum += window[i] = exp(-(i - TAPS / 2) * (i - TAPS / 2) / (2 * sigma * sigma));
    for (int i = 0; i < TAPS; i++)
        window[i] /= sum;
}

/* out [n - 10] = in [n] under the window. */
static void blur_row(const double *k, const double *in, double *out, size_t n)
{
    for (size_t x = 0; x + TAPS <= n; x++)
        out[x] = k[0] * in[x] + k[1] * in[x + 1] + k[2] * in[x + 2] + k[3] * in[x + 3] +
                 k[4] * in[x + 4] + k[5] * in[x + 5] + k[6] * in[x + 6] + k[7] * in[x + 7] +
                 k[8] * in[x + 8] + k[9] * in[x + 9] + k[10] * in[x + 10];
}

static double *ring_row(const struct planes *p, size_t map, size_t y)
{
    return p->ring + (map * TAPS + y % TAPS) * p->width;
}

/* Row y of all maps into the ring. */
static void enter_row(const struct planes *p, size_t y)
{
    size_t w = p->width;
    const float *rows[2] = {p->x + y * w, p->y + y * w};
    static const int factors[MAPS][2] = {
        [X] = {0, -1}, [Y] = {1, -1}, [XX] = {0, 0}, [YY] = {1, 1}, [XY] = {0, 1}};
    for (size_t map = 0; map < MAPS; map++) {
        const float *a = rows[factors[map][0]];
        const float *b = factors[map][1] < 0 ? NULL : rows[factors[map][1]];
        for (size_t x = 0; x < w; x++)
            p->row[x] = b ? (double)a[x] * b[x] : a[x];
        blur_row(p->window, p->row, ring_row(p, map, y), w);
    }
}

/* Means under the windows whose first row is y. */
static void leave_row(const struct planes *p, size_t y)
{
    size_t n = p->width - TAPS + 1;
    for (size_t map = 0; map < MAPS; map++) {
        double *mean = p->mean + map * p->width;
        memset(mean, 0, n * sizeof *mean);
        for (size_t i = 0; i < TAPS; i++) {
            const double *row = ring_row(p, map, y + i);
            for (size_t x = 0; x < n; x++)
                mean[x] += p->window[i] * row[x];
        }
    }
}

/* Adds a row of SSIM and of its contrast-structure part to the sums. */
static void add_row(const struct planes *p, double *whole, double *contrast)
{
    size_t w = p->width;
    for (size_t x = 0; x + TAPS <= w; x++) {
        double mx = p->mean[X * w + x], my = p->mean[Y * w + x];
        double variances = p->mean[XX * w + x] - mx * mx + p->mean[YY * w + x] - my * my;
        double cs = (2 * (p->mean[XY * w + x] - mx * my) + c2) / (variances + c2);
        *contrast += cs;
        *whole += cs * (2 * mx * my + c1) / (mx * mx + my * my + c1);
    }
}

static void ssim(const struct planes *p, double *whole, double *contrast)
{
    double n = (double)(p->width - TAPS + 1) * (double)(p->height - TAPS + 1);
    *whole = *contrast = 0;
    for (size_t y = 0; y < p->height; y++) {
        enter_row(p, y);
        if (y + 1 < TAPS)
            continue;
        leave_row(p, y + 1 - TAPS);
        add_row(p, whole, contrast);
    }
    *whole /= n;
    *contrast /= n;
}

/* Means of 2x2, in place. An odd side gets zeros before and after it, which count in the mean, as
 * in avg_pool2d(padding = side % 2) of pytorch-msssim. */
static void halve(float *plane, size_t width, size_t height)
{
    size_t px = width % 2, py = height % 2, w = (width + px) / 2, h = (height + py) / 2;
    for (size_t y = 0; y < h; y++)
        for (size_t x = 0; x < w; x++) {
            float sum = 0;
            for (size_t j = 2 * y; j < 2 * y + 2; j++)
                for (size_t i = 2 * x; i < 2 * x + 2; i++)
                    if (i >= px && j >= py) /* the zeros after the plane are never reached */
                        sum += plane[(j - py) * width + i - px];
            plane[y * w + x] = sum / 4; /* the reads are further on */
        }
}

static double channel_msssim(struct planes *p)
{
    double product = 1, whole, contrast;
    for (int scale = 0; scale < SCALES; scale++) {
        ssim(p, &whole, &contrast);
        double part = scale < SCALES - 1 ? contrast : whole;
        product *= pow(part > 0 ? part : 0, weights[scale]);
        halve(p->x, p->width, p->height);
        halve(p->y, p->width, p->height);
        p->width = (p->width + 1) / 2;
        p->height = (p->height + 1) / 2;
    }
    return product;
}

/* ---- both ---- */

static double squared_error(const struct planes *p)
{
    double sum = 0;
    for (size_t i = 0; i < p->width * p->height; i++) {
        double d = (double)p->x[i] - p->y[i];
        sum += d * d;
    }
    return sum;
}

static void compare(const lic_image *a, const lic_image *b, struct planes *p, lic_metrics *m)
{
    const uint32_t channels = a->channels < 3 && b->channels < 3 ? 1 : 3;
    double samples = (double)a->width * a->height * channels;
    bool fine = a->depth == 16 && b->depth == 16;
    make_window(p->window);
    *m = (lic_metrics){.has_msssim =
                           a->width >= LIC_MSSSIM_MIN_SIDE && a->height >= LIC_MSSSIM_MIN_SIDE};
    for (uint32_t c = 0; c < channels; c++) {
        p->width = a->width;
        p->height = a->height;
        load_channel(a, c, fine, p->x);
        load_channel(b, c, fine, p->y);
        m->mse += squared_error(p) / samples;
        if (m->has_msssim)
            m->msssim += channel_msssim(p) / channels;
    }
    m->psnr = m->mse > 0 ? 10 * log10(255 * 255 / m->mse) : INFINITY;
    if (m->mse == 0)
        m->msssim = 1; /* not 1 - 2^-53 */
    m->msssim_db = m->msssim < 1 ? -10 * log10(1 - m->msssim) : INFINITY;
}

lic_status lic_metrics_compare(const lic_image *reference, const lic_image *picture,
                               lic_metrics *metrics, lic_error *err)
{
    struct planes p = {0};
    size_t w = reference->width, n = w * reference->height;
    p.x = n > SIZE_MAX / (2 * sizeof *p.x) ? NULL : malloc(2 * n * sizeof *p.x);
    p.row = malloc((1 + MAPS * TAPS + MAPS) * w * sizeof *p.row);
    lic_status status = LIC_OK;
    if (p.x && p.row) {
        p.y = p.x + n;
        p.ring = p.row + w;
        p.mean = p.ring + MAPS * TAPS * w;
        compare(reference, picture, &p, metrics);
    } else {
        status = lic_report_fail(err, LIC_ERR_MEMORY, "no memory to compare the pictures");
    }
    free(p.x);
    free(p.row);
    return status;
}
