/* bench_lossless.c - the lossless coder of entropy/ alone, on one thread:
 *     bench_lossless PICTURE.ppm...
 * One line per picture (bytes, bits per pixel, what was chosen) and a last one with the sum and
 * megapixels per second of this process's time; every picture is decoded and compared. */
#include "codec/base/bytes.h"
#include "entropy/lossless.h"
#include "tests/bench/ppm.h"

#include <string.h>
#include <time.h>

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *grow(void *user, void *old, size_t old_bytes, size_t new_bytes)
{
    (void)user;
    (void)old_bytes;
    return realloc(old, new_bytes);
}

struct sums {
    double bytes, pixels, encoding, decoding;
};

/* One picture there and back; false if it does not come back the same. */
static bool measure(const char *path, lic_image *image, struct sums *sums)
{
    lic_raster from = {image->data,   image->stride_bytes, image->width,
                       image->height, image->channels,     image->depth};
    lic_arena plan, arena = {0};
    static lic_lossless l;
    lic_arena_plan(&plan);
    lic_lossless_take(&l, &plan, from.width, from.height, from.channels, from.depth);
    if (!lic_arena_reserve(&arena, plan.peak, NULL))
        return false;
    lic_lossless_take(&l, &arena, from.width, from.height, from.channels, from.depth);
    lic_range_encoder enc;
    double start = seconds();
    lic_range_encoder_init(&enc, grow, NULL);
    lic_lossless_encode(&l, &enc, &from);
    bool good = lic_range_finish(&enc);
    sums->encoding += seconds() - start;
    lic_raster to = from;
    to.data = malloc(from.stride_bytes * from.height);
    start = seconds();
    lic_range_decoder dec;
    lic_range_decoder_init(&dec, enc.data, enc.bytes);
    good &= lic_lossless_decode(&l, &dec, &to) == to.height && lic_range_decoder_ok(&dec);
    sums->decoding += seconds() - start;
    good &= memcmp(to.data, from.data, from.stride_bytes * from.height) == 0;
    const double pixels = (double)from.width * from.height;
    printf("%s %zu %.4f transform %d repeats %d colours %d%s\n", path, enc.bytes,
           8 * (double)enc.bytes / pixels, (int)l.choice.transform, l.choice.repeats,
           l.choice.colours, good ? "" : " WRONG");
    sums->bytes += (double)enc.bytes;
    sums->pixels += pixels;
    free(to.data);
    free(enc.data);
    lic_arena_release(&arena);
    return good;
}

int main(int argc, char **argv)
{
    struct sums sums = {0};
    bool good = true;
    for (int i = 1; i < argc; i++) {
        lic_image image;
        if (!read_ppm(argv[i], &image)) {
            fprintf(stderr, "%s: no 8-bit PPM\n", argv[i]);
            return 1;
        }
        good &= measure(argv[i], &image, &sums);
        free(image.data);
    }
    printf("sum %.0f bytes, %.4f bpp, encoding %.2f MP/s, decoding %.2f MP/s\n", sums.bytes,
           8 * sums.bytes / sums.pixels, sums.pixels / sums.encoding / 1e6,
           sums.pixels / sums.decoding / 1e6);
    return !good;
}
