/* bench_rows.c - large pictures coded by rows, never in memory as a whole.
 *
 * bench_rows encode|decode MODEL.licw PICTURE.ppm WIDTH HEIGHT THREADS QUALITY FILE.lic REPEATS:
 * one JSON line. The picture is a mosaic of PICTURE, every second copy mirrored so that there are
 * no edges where copies meet. Encoding writes FILE.lic, decoding reads it. Seconds are the least
 * wall time of the runs, "cpu" that of all threads in the same run; "peak_bytes" is all that the
 * process ever held: weights, working memory, rows, the code. */
#include "codec/lic.h"
#include "tests/bench/ppm.h"
#include "tests/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

struct mosaic {
    lic_image one;
    uint32_t width;
    uint64_t sum; /* of the bytes taken, so that none is left undone */
};

static double now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* There and back again: 0 1 2 2 1 0 0 1 2 ... */
static size_t folded(size_t i, size_t n)
{
    i %= 2 * n;
    return i < n ? i : 2 * n - 1 - i;
}

static int give_rows(void *user, uint32_t first, uint32_t n, void *rows, size_t stride)
{
    const struct mosaic *m = user;
    for (uint32_t r = 0; r < n; r++) {
        const size_t from_row = folded(first + r, m->one.height);
        const uint8_t *from = (const uint8_t *)m->one.data + from_row * m->one.stride_bytes;
        uint8_t *to = (uint8_t *)rows + r * stride;
        for (size_t x = 0; x < m->width; x++)
            memcpy(to + 3 * x, from + 3 * folded(x, m->one.width), 3);
    }
    return 0;
}

static int take_rows(void *user, uint32_t first, uint32_t n, void *rows, size_t stride)
{
    struct mosaic *m = user;
    (void)first;
    for (uint32_t r = 0; r < n; r++)
        for (size_t x = 0; x < 3 * (size_t)m->width; x++)
            m->sum += ((const uint8_t *)rows)[r * stride + x];
    return 0;
}

static void check(lic_status status, const lic_error *err)
{
    if (status) {
        fprintf(stderr, "bench_rows: %s\n", err->text);
        exit(1);
    }
}

static lic_buffer read_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    lic_buffer b = {0};
    if (f && !fseek(f, 0, SEEK_END) && ftell(f) > 0) {
        b.bytes = (size_t)ftell(f);
        b.data = malloc(b.bytes);
        rewind(f);
    }
    if (!b.data || fread(b.data, 1, b.bytes, f) != b.bytes) {
        fprintf(stderr, "bench_rows: cannot read %s\n", path);
        exit(1);
    }
    fclose(f);
    return b;
}

static void write_file(const char *path, const lic_buffer *b)
{
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(b->data, 1, b->bytes, f) != b->bytes || fclose(f)) {
        fprintf(stderr, "bench_rows: cannot write %s\n", path);
        exit(1);
    }
}

struct bench {
    lic_session *encoder;
    lic_session *decoder;
    struct mosaic mosaic;
    lic_image shape;
    lic_encode_options encode;
    lic_buffer file;
    const char *path;
};

/* One run; the working memory it planned. */
static size_t run(struct bench *b)
{
    lic_stats stats;
    lic_error err;
    if (b->encoder) {
        lic_buffer_free(&b->file);
        check(encode_rows(b->encoder, &b->shape, give_rows, &b->mosaic, &b->encode, &b->file, &err),
              &err);
        lic_session_get_stats(b->encoder, &stats);
    } else {
        check(
            decode_rows(b->decoder, b->file.data, b->file.bytes, NULL, take_rows, &b->mosaic, &err),
            &err);
        lic_session_get_stats(b->decoder, &stats);
    }
    return stats.planned_bytes;
}

/* Model, session and file, as the arguments say. */
static void open_all(struct bench *b, char **argv, lic_model **model)
{
    lic_options options;
    lic_error err;
    lic_options_init(&options);
    options.threads = atoi(argv[6]);
    lic_encode_options_init(&b->encode);
    b->encode.quality = atof(argv[7]);
    b->path = argv[8];
    b->shape = (lic_image){.width = (uint32_t)atoi(argv[4]),
                           .height = (uint32_t)atoi(argv[5]),
                           .channels = 3,
                           .depth = 8};
    b->mosaic.width = b->shape.width;
    check(lic_model_open(argv[2], NULL, model, &err), &err);
    if (!strcmp(argv[1], "encode")) {
        check(lic_session_new(*model, &options, &b->encoder, &err), &err);
    } else {
        check(lic_session_new(*model, &options, &b->decoder, &err), &err);
        b->file = read_file(b->path);
    }
}

int main(int argc, char **argv)
{
    struct bench b = {0};
    lic_model *model;
    struct rusage usage;
    double best = 1e9, cpu = 0;
    size_t planned = 0;
    if (argc != 10 || !read_ppm(argv[3], &b.mosaic.one))
        return fprintf(stderr, "usage: bench_rows encode|decode MODEL PICTURE.ppm WIDTH HEIGHT "
                               "THREADS QUALITY FILE.lic REPEATS\n"),
               2;
    open_all(&b, argv, &model);
    for (int i = 0; i < atoi(argv[9]); i++) {
        const double start = now(CLOCK_MONOTONIC), used = now(CLOCK_PROCESS_CPUTIME_ID);
        planned = run(&b);
        const double seconds = now(CLOCK_MONOTONIC) - start;
        if (seconds < best) {
            best = seconds;
            cpu = now(CLOCK_PROCESS_CPUTIME_ID) - used;
        }
    }
    if (b.encoder)
        write_file(b.path, &b.file);
    getrusage(RUSAGE_SELF, &usage);
    const double pixels = (double)b.shape.width * b.shape.height;
    printf("{\"what\": \"%s\", \"width\": %u, \"height\": %u, \"threads\": %s, \"bytes\": %zu, "
           "\"seconds\": %.3f, \"cpu\": %.3f, \"mp_per_s\": %.3f, \"planned_bytes\": %zu, "
           "\"peak_bytes\": %ld}\n",
           argv[1], b.shape.width, b.shape.height, argv[6], b.file.bytes, best, cpu,
           pixels / best * 1e-6, planned, 1024 * usage.ru_maxrss);
    lic_session_free(b.encoder);
    lic_session_free(b.decoder);
    lic_model_close(model);
    free(b.mosaic.one.data);
    return 0;
}
