/* bench_codec.c - how fast the library is here: encode and decode of one picture, stage by stage,
 * against the best rate of the GEMM kernel measured in the same run.
 *
 * bench_codec MODEL.licw PICTURE.ppm MOSAIC QUALITY THREADS CPU BACKEND REPEATS: one JSON line; the
 * picture is laid out MOSAIC times across and down. Times are medians, in seconds; "ceiling" is
 * GFLOP/s of the gemm kernel alone on one thread, times threads; "gflops" are the networks'
 * multiply-adds, times two, over the time of all stages (coding symbols included). */
#include "codec/lic.h"
#include "tests/bench/ppm.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { MAX_REPEATS = 101 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v, int n)
{
    qsort(v, (size_t)n, sizeof *v, by_value);
    return v[n / 2];
}

/* The picture, n times across and down. */
static bool make_mosaic(lic_image *image, unsigned n)
{
    const lic_image one = *image;
    image->width *= n;
    image->height *= n;
    image->stride_bytes *= n;
    uint8_t *data = malloc(image->stride_bytes * image->height);
    for (size_t y = 0; data && y < image->height; y++)
        for (size_t x = 0; x < n; x++)
            memcpy(data + y * image->stride_bytes + x * one.stride_bytes,
                   (const uint8_t *)one.data + y % one.height * one.stride_bytes, one.stride_bytes);
    free(one.data);
    image->data = data;
    return data != NULL;
}

struct run {
    double seconds[LIC_N_STAGES][MAX_REPEATS], total[MAX_REPEATS];
    lic_stats stats;
};

static void record(struct run *r, int i, const lic_stats *stats, double start)
{
    r->total[i] = now() - start;
    for (int s = 0; s < LIC_N_STAGES; s++)
        r->seconds[s][i] = stats->seconds[s];
    r->stats = *stats;
}

static void print(const char *name, struct run *r, int n, double pixels)
{
    const double total = median(r->total, n), work = 2e-9 * (double)r->stats.multiply_adds;
    printf(", \"%s\": {\"seconds\": %.4f, \"analysis\": %.4f, \"coding\": %.4f, \"synthesis\": "
           "%.4f, \"mp_per_s\": %.3f, "
           "\"gflops\": %.1f, \"kmac_per_pixel\": %.1f, \"planned_bytes\": %zu}",
           name, total, median(r->seconds[0], n), median(r->seconds[1], n),
           median(r->seconds[2], n), pixels / total * 1e-6, work / total,
           (double)r->stats.multiply_adds / pixels / 1000, r->stats.planned_bytes);
}

static int fail(const char *what, const lic_error *err)
{
    fprintf(stderr, "bench_codec: %s: %s\n", what, err ? err->text : "bad argument");
    return 1;
}

static lic_cpu cpu_named(const char *name)
{
    for (int i = LIC_CPU_SCALAR; i <= LIC_CPU_LAST; i++)
        if (!strcmp(name, lic_cpu_name((lic_cpu)i)))
            return (lic_cpu)i;
    return LIC_CPU_AUTO;
}

struct bench {
    lic_model *model;
    lic_session *encoder;
    lic_session *decoder;
    lic_image image;
    lic_options options;
    lic_encode_options encode;
    double load;
    int repeats;
};

/* Model, session and picture, as the arguments say. */
static lic_status open_all(struct bench *b, char **argv, lic_error *err)
{
    lic_model_options model_options;
    lic_model_options_init(&model_options);
    lic_options_init(&b->options);
    lic_encode_options_init(&b->encode);
    b->encode.quality = atof(argv[4]);
    b->options.threads = atoi(argv[5]);
    b->options.cpu = cpu_named(argv[6]);
    b->options.backend = strcmp(argv[7], "openblas") ? LIC_BACKEND_STRICT : LIC_BACKEND_OPENBLAS;
    model_options.backend = b->options.backend;
    const int n = atoi(argv[8]);
    b->repeats = n < 1 ? 1 : n > MAX_REPEATS ? MAX_REPEATS : n;
    const double start = now();
    lic_status status = lic_model_open(argv[1], &model_options, &b->model, err);
    b->load = now() - start;
    if (!status)
        status = lic_session_new(b->model, &b->options, &b->encoder, err);
    if (!status)
        status = lic_session_new(b->model, &b->options, &b->decoder, err);
    return status;
}

/* One picture there and back. */
static lic_status measure(struct bench *b, int i, struct run *enc, struct run *dec, size_t *bytes,
                          lic_error *err)
{
    lic_stats stats;
    lic_buffer file;
    lic_image out;
    double start = now();
    lic_status status = lic_session_encode(b->encoder, &b->image, &b->encode, &file, err);
    if (status)
        return status;
    lic_session_get_stats(b->encoder, &stats);
    record(enc, i, &stats, start);
    start = now();
    status = lic_session_decode(b->decoder, file.data, file.bytes, NULL, &out, err);
    lic_session_get_stats(b->decoder, &stats);
    record(dec, i, &stats, start);
    *bytes = file.bytes;
    lic_image_free(&out);
    lic_buffer_free(&file);
    return status;
}

int main(int argc, char **argv)
{
    static struct run enc, dec;
    struct bench b = {0};
    lic_error err;
    lic_model_info info;
    struct rusage usage;
    size_t bytes = 0;
    if (argc != 9)
        return fail(
            "usage: bench_codec MODEL PICTURE.ppm MOSAIC QUALITY THREADS CPU BACKEND REPEATS",
            NULL);
    if (!read_ppm(argv[2], &b.image) || !make_mosaic(&b.image, (unsigned)atoi(argv[3])))
        return fail(argv[2], NULL);
    if (open_all(&b, argv, &err))
        return fail(argv[1], &err);
    for (int i = 0; i < b.repeats; i++)
        if (measure(&b, i, &enc, &dec, &bytes, &err))
            return fail(argv[2], &err);
    getrusage(RUSAGE_SELF, &usage);
    lic_model_get_info(b.model, &info);
    const double ceiling = 2e-9 * lic_kernel_rate(b.options.cpu);
    printf("{\"model\": \"%s\", \"width\": %u, \"height\": %u, \"quality\": %s, \"threads\": %s, "
           "\"cpu\": \"%s\", "
           "\"backend\": \"%s\", \"bytes\": %zu, \"load\": %.4f, \"ceiling\": %.1f, "
           "\"peak_bytes\": %ld",
           info.name, b.image.width, b.image.height, argv[4], argv[5], lic_cpu_name(b.options.cpu),
           argv[7], bytes, b.load, ceiling * (b.options.threads > 0 ? b.options.threads : 1),
           1024 * usage.ru_maxrss);
    print("encode", &enc, b.repeats, (double)b.image.width * b.image.height);
    print("decode", &dec, b.repeats, (double)b.image.width * b.image.height);
    printf("}\n");
    return 0;
}
