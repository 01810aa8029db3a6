/* bench_preview.c - how close a preview is to the decoded picture reduced, and how much faster.
 *
 * bench_preview MODEL.licw PICTURE.ppm...: one JSON line per scale and quality, means over the
 * pictures: PSNR of the preview against means of the whole decode, the lowest of these, and seconds
 * of both (the better of two runs each, one thread, model loading apart). */
#include "codec/lic.h"
#include "tests/bench/ppm.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void check(lic_status status, const lic_error *err)
{
    if (status) {
        fprintf(stderr, "bench_preview: %s\n", err->text);
        exit(1);
    }
}

/* Seconds, the better of two times. */
static double decode(lic_session *decoder, const lic_buffer *file, uint32_t scale, lic_image *out)
{
    lic_decode_options options;
    lic_error err;
    double best = 1e9;
    lic_decode_options_init(&options);
    options.scale = scale;
    for (int i = 0; i < 2; i++) {
        const double start = now();
        if (i)
            lic_image_free(out);
        check(lic_session_decode(decoder, file->data, file->bytes, &options, out, &err), &err);
        best = fmin(best, now() - start);
    }
    return best;
}

/* Mean of a colour over the pixels behind one of the preview. */
static double mean_of(const lic_image *whole, unsigned scale, unsigned x, unsigned y,
                      unsigned colour)
{
    double sum = 0, n = 0;
    for (unsigned r = scale * y; r < scale * y + scale && r < whole->height; r++)
        for (unsigned q = scale * x; q < scale * x + scale && q < whole->width; q++, n++)
            sum += ((const uint8_t *)whole->data)[r * whole->stride_bytes + 3 * q + colour];
    return sum / n;
}

static double psnr(const lic_image *whole, const lic_image *small, unsigned scale)
{
    double sum = 0;
    for (unsigned y = 0; y < small->height; y++)
        for (unsigned x = 0; x < 3 * small->width; x++) {
            const double d = mean_of(whole, scale, x / 3, y, x % 3) -
                             ((const uint8_t *)small->data)[y * small->stride_bytes + x];
            sum += d * d;
        }
    return 10 * log10(65025.0 * 3 * small->width * small->height / sum);
}

struct sums {
    double psnr, least, whole, small;
};

enum { N_SCALES = 3 };
static const unsigned scales[N_SCALES] = {4, 8, 16};

/* Adds a picture to the sums of each scale: times of the whole and of its preview, and how far
 * these differ. */
static void measure(lic_session *encoder, lic_session *decoder, const lic_image *image,
                    double quality, struct sums sums[N_SCALES])
{
    lic_encode_options options;
    lic_buffer file;
    lic_image whole, small;
    lic_error err;
    lic_encode_options_init(&options);
    options.quality = quality;
    check(lic_session_encode(encoder, image, &options, &file, &err), &err);
    const double seconds = decode(decoder, &file, 1, &whole);
    for (int i = 0; i < N_SCALES; i++) {
        struct sums *s = &sums[i];
        s->whole += seconds;
        s->small += decode(decoder, &file, scales[i], &small);
        const double p = psnr(&whole, &small, scales[i]);
        s->psnr += p;
        s->least = fmin(s->least, p);
        lic_image_free(&small);
    }
    lic_image_free(&whole);
    lic_buffer_free(&file);
}

int main(int argc, char **argv)
{
    static const double qualities[] = {20, 50, 80};
    struct sums sums[3][N_SCALES];
    lic_model *model;
    lic_session *encoder;
    lic_session *decoder;
    lic_options options;
    lic_error err;
    if (argc < 3)
        return fprintf(stderr, "usage: bench_preview MODEL PICTURE.ppm...\n"), 2;
    lic_options_init(&options);
    options.threads = 1;
    check(lic_model_open(argv[1], NULL, &model, &err), &err);
    check(lic_session_new(model, &options, &encoder, &err), &err);
    check(lic_session_new(model, &options, &decoder, &err), &err);
    for (int q = 0; q < 3; q++)
        for (int i = 0; i < N_SCALES; i++)
            sums[q][i] = (struct sums){.least = 1e9};
    for (int i = 2; i < argc; i++) {
        lic_image image;
        if (!read_ppm(argv[i], &image))
            return fprintf(stderr, "bench_preview: %s: not an 8-bit PPM\n", argv[i]), 1;
        for (int q = 0; q < 3; q++)
            measure(encoder, decoder, &image, qualities[q], sums[q]);
        free(image.data);
    }
    for (int i = 0; i < 3 * N_SCALES; i++) {
        const struct sums *s = &sums[i % 3][i / 3];
        printf(
            "{\"scale\": %u, \"quality\": %g, \"pictures\": %d, \"psnr\": %.2f, \"least\": %.2f, "
            "\"whole_seconds\": %.4f, \"preview_seconds\": %.4f, \"times\": %.1f}\n",
            scales[i / 3], qualities[i % 3], argc - 2, s->psnr / (argc - 2), s->least,
            s->whole / (argc - 2), s->small / (argc - 2), s->whole / s->small);
    }
    lic_session_free(decoder);
    lic_session_free(encoder);
    lic_model_close(model);
    return 0;
}
