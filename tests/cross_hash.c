/* cross_hash.c - what tests/cross.sh runs on each kind of machine with real weights. Not a test by
 * itself: it prints numbers that must be the same everywhere.
 *
 *     cross_hash MODEL.licw encode PICTURE.ppm PREFIX   writes PREFIX-QUALITY.lic, prints hashes
 *     cross_hash MODEL.licw decode FILE.lic...          prints hashes of the samples
 *
 * Each is done on every instruction set that the machine has; if two differ, the exit status is 1.
 */
#include "codec/base/bytes.h"
#include "codec/lic.h"
#include "tests/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 64 }; /* of the picture, at most: emulators are slow */

static void die(const char *what, const lic_error *err)
{
    fprintf(stderr, "%s: %s\n", what, err ? err->text : "cannot be read or written");
    exit(2);
}

/* The upper left corner of an 8-bit PPM. */
static lic_image read_ppm(const char *path)
{
    unsigned width, height;
    FILE *file = fopen(path, "rb");
    if (!file || fscanf(file, "P6 %u %u 255", &width, &height) != 2 || fgetc(file) == EOF)
        die(path, NULL);
    lic_image p = {.width = width < SIDE ? width : SIDE,
                   .height = height < SIDE ? height : SIDE,
                   .channels = 3,
                   .depth = 8,
                   .stride_bytes = (size_t)width * 3};
    const size_t bytes = p.stride_bytes * p.height;
    p.data = malloc(bytes);
    if (!p.data || fread(p.data, 1, bytes, file) != bytes)
        die(path, NULL);
    fclose(file);
    return p;
}

static void write_file(const char *path, const lic_buffer *b)
{
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(b->data, 1, b->bytes, file) != b->bytes || fclose(file))
        die(path, NULL);
}

static uint8_t *read_file(const char *path, size_t *bytes)
{
    enum { MOST = 1 << 20 };
    uint8_t *data = malloc(MOST);
    FILE *file = fopen(path, "rb");
    if (!data || !file)
        die(path, NULL);
    *bytes = fread(data, 1, MOST, file);
    fclose(file);
    return data;
}

static lic_options options_of(lic_cpu cpu)
{
    lic_options o;
    lic_options_init(&o);
    o.cpu = cpu;
    o.threads = 1 + (int)cpu % 2;
    return o;
}

/* CRC-32 of the samples, the same at all levels. */
static unsigned decoded(const lic_model *model, const uint8_t *data, size_t bytes)
{
    unsigned first = 0, n = 0;
    for (lic_cpu cpu = LIC_CPU_SCALAR; cpu <= LIC_CPU_LAST; cpu++) {
        const lic_options o = options_of(cpu);
        const lic_decode_options wide = of_depth(16);
        lic_image out = {0};
        lic_error err = {0};
        if (!lic_cpu_supported(cpu))
            continue;
        if (lic_decode(model, data, bytes, &o, &wide, &out, &err))
            die("decoding", &err);
        const unsigned crc = lic_crc32(0, out.data, out.stride_bytes * out.height);
        lic_image_free(&out);
        if (n++ && crc != first) {
            printf("%s decodes to %08x, not %08x\n", lic_cpu_name(cpu), crc, first);
            exit(1);
        }
        first = crc;
    }
    return first;
}

/* Encodes by each instruction set, which must agree, and writes the file. */
static void encode(const lic_model *model, const lic_image *picture, double quality,
                   const char *prefix)
{
    lic_buffer first = {0};
    char path[600];
    for (lic_cpu cpu = LIC_CPU_SCALAR; cpu <= LIC_CPU_LAST; cpu++) {
        const lic_options o = options_of(cpu);
        lic_encode_options e;
        lic_buffer out;
        lic_error err = {0};
        lic_encode_options_init(&e);
        e.quality = quality;
        if (!lic_cpu_supported(cpu))
            continue;
        if (lic_encode(model, picture, &o, &e, &out, &err))
            die("encoding", &err);
        if (first.data &&
            (first.bytes != out.bytes || memcmp(first.data, out.data, out.bytes) != 0)) {
            printf("%s encodes to other bytes\n", lic_cpu_name(cpu));
            exit(1);
        }
        lic_buffer_free(&first);
        first = out;
    }
    snprintf(path, sizeof path, "%s-%g.lic", prefix, quality);
    write_file(path, &first);
    printf("quality %g: %zu bytes, %08x; samples %08x\n", quality, first.bytes,
           (unsigned)lic_crc32(0, first.data, first.bytes),
           decoded(model, first.data, first.bytes));
    lic_buffer_free(&first);
}

int main(int argc, char **argv)
{
    lic_model *model = NULL;
    lic_error err = {0};
    if (argc < 4)
        die("usage: cross_hash MODEL encode PPM PREFIX | MODEL decode FILE...", NULL);
    if (lic_model_open(argv[1], NULL, &model, &err))
        die(argv[1], &err);
    if (!strcmp(argv[2], "encode") && argc == 5) {
        const lic_image picture = read_ppm(argv[3]);
        encode(model, &picture, 15, argv[4]);
        encode(model, &picture, 85, argv[4]);
        free(picture.data);
    }
    for (int i = 3; i < argc && !strcmp(argv[2], "decode"); i++) {
        size_t bytes;
        uint8_t *data = read_file(argv[i], &bytes);
        printf("%zu bytes: samples %08x\n", bytes, decoded(model, data, bytes));
        free(data);
    }
    lic_model_close(model);
    return 0;
}
