/* bench_seams.c - what cutting a picture into tiles costs: bytes, and squared error next to the
 * borders of tiles, compared with the same picture coded as one tile.
 *
 * bench_seams MODEL.licw SIDE PICTURE.ppm...: prints one JSON line per picture and quality. "seam"
 * is the mean squared error within 8 pixels of an inner tile border over that of the one-tile
 * picture at the same pixels, "inside" the same for all other pixels, "bytes" the ratio of file
 * sizes. */
#include "codec/lic.h"
#include "tests/bench/ppm.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BAND = 8 };

/* Encodes and decodes; the bytes and the picture. */
static size_t code(lic_session *encoder, lic_session *decoder, const lic_image *image,
                   double quality, unsigned side, lic_image *out, lic_info *info)
{
    lic_encode_options options;
    lic_buffer file;
    lic_error err;
    lic_encode_options_init(&options);
    options.quality = quality;
    options.tile_side = side;
    if (lic_session_encode(encoder, image, &options, &file, &err) ||
        lic_probe(file.data, file.bytes, info, &err) ||
        lic_session_decode(decoder, file.data, file.bytes, NULL, out, &err)) {
        fprintf(stderr, "bench_seams: %s\n", err.text);
        exit(1);
    }
    const size_t bytes = file.bytes;
    lic_buffer_free(&file);
    return bytes;
}

/* Distance to the nearest inner border below BAND. */
static bool near_border(unsigned x, unsigned tile, unsigned length)
{
    const unsigned before = x / tile * tile, after = before + tile;
    return (before > 0 && x - before < BAND) || (after < length && after - x <= BAND);
}

/* Mean squared errors near borders of tiles, and elsewhere. */
static void errors(const lic_image *a, const lic_image *b, const lic_info *tiles, double sum[2])
{
    sum[0] = sum[1] = 0;
    for (unsigned y = 0; y < a->height; y++)
        for (unsigned x = 0; x < a->width; x++) {
            const bool near = near_border(x, tiles->tile_width, a->width) ||
                              near_border(y, tiles->tile_height, a->height);
            for (unsigned i = 0; i < 3; i++) {
                const size_t at = (size_t)y * a->stride_bytes + 3 * (size_t)x + i;
                const double d =
                    (double)((const uint8_t *)a->data)[at] - ((const uint8_t *)b->data)[at];
                sum[near] += d * d;
            }
        }
}

int main(int argc, char **argv)
{
    static const double qualities[] = {10, 40, 80};
    lic_model *model;
    lic_session *encoder;
    lic_session *decoder;
    lic_error err;
    if (argc < 4)
        return fprintf(stderr, "usage: bench_seams MODEL SIDE PICTURE.ppm...\n"), 2;
    if (lic_model_open(argv[1], NULL, &model, &err) ||
        lic_session_new(model, NULL, &encoder, &err) ||
        lic_session_new(model, NULL, &decoder, &err))
        return fprintf(stderr, "bench_seams: %s\n", err.text), 1;
    for (int i = 3; i < argc; i++) {
        lic_image image, whole, tiled;
        if (!read_ppm(argv[i], &image))
            return fprintf(stderr, "bench_seams: %s: not an 8-bit PPM\n", argv[i]), 1;
        for (size_t q = 0; q < sizeof qualities / sizeof qualities[0]; q++) {
            lic_info one, many;
            double reference[2], sum[2];
            const size_t a = code(encoder, decoder, &image, qualities[q], 16384, &whole, &one);
            const size_t b = code(encoder, decoder, &image, qualities[q], (unsigned)atoi(argv[2]),
                                  &tiled, &many);
            if (!many.tile_width)
                return fprintf(stderr, "bench_seams: %s: one tile\n", argv[i]), 1;
            errors(&image, &whole, &many, reference);
            errors(&image, &tiled, &many, sum);
            printf("{\"picture\": \"%s\", \"quality\": %g, \"tile\": \"%ux%u\", \"bytes\": %.4f, "
                   "\"seam\": %.4f, \"inside\": %.4f}\n",
                   argv[i], qualities[q], many.tile_width, many.tile_height, (double)b / (double)a,
                   sum[1] / reference[1], sum[0] / reference[0]);
            lic_image_free(&whole);
            lic_image_free(&tiled);
        }
        free(image.data);
    }
    lic_session_free(decoder);
    lic_session_free(encoder);
    lic_model_close(model);
    return 0;
}
