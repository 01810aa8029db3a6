/* bench.c - lic bench: how long pictures take to encode and decode here, in memory, without reading
 * and writing files. Each figure is the median over its own repetitions. */
#include "cli/base/files.h"
#include "cli/base/report.h"
#include "cli/base/utf8.h"
#include "cli/batch/inputs.h"
#include "cli/rd/codec.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TOTAL = LIC_N_STAGES, PARTS, N_TIMES = PARTS + LIC_N_PARTS };

/* Seconds of one direction: of its stages, of the whole call, and of its parts. */
struct times {
    double *samples[N_TIMES]; /* [reps] */
    double median[N_TIMES];
    uint64_t multiply_adds[LIC_N_PARTS];
    uint64_t planned_bytes;
};

struct result {
    const char *input;
    uint32_t width, height;
    size_t bytes;
    struct times encode, decode;
    lic_error err;
};

struct bench {
    const lic_settings *settings;
    lic_json_lines json; /* not open: a table */
    lic_codec codec;
    size_t n_inputs, n, n_failed;
    int exit_code; /* of the first that failed */
    double pixels, encode_s, decode_s;
    double kernel_rate; /* of all threads, multiply-adds per second; 0: not measured */
    double byte_rate;   /* the same of layers in integers */
};

/* ---- measuring ---- */

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void take_medians(struct times *t, size_t n)
{
    for (int i = 0; i < N_TIMES; i++) {
        qsort(t->samples[i], n, sizeof(double), by_value);
        t->median[i] = (t->samples[i][n / 2] + t->samples[i][(n - 1) / 2]) / 2;
    }
}

static void take_sample(struct times *t, int at, double start, const lic_stats *stats)
{
    t->samples[TOTAL][at] = lic_report_seconds() - start;
    for (int i = 0; i < LIC_N_STAGES; i++)
        t->samples[i][at] = stats->seconds[i];
    for (int i = 0; i < LIC_N_PARTS; i++)
        t->samples[PARTS + i][at] = stats->part_seconds[i];
    memcpy(t->multiply_adds, stats->part_multiply_adds, sizeof t->multiply_adds);
    t->planned_bytes = stats->planned_bytes;
}

/* Once there and back. The first time is for warming up (at < 0). */
static lic_status measure_once(struct bench *b, const lic_image *image, int at, struct result *r)
{
    lic_buffer data = {0};
    lic_image decoded = {0};
    lic_stats stats;
    double start = lic_report_seconds();
    lic_status status = lic_codec_encode(&b->codec, image, b->settings->quality, &data, &r->err);
    if (status == LIC_OK && at >= 0) {
        lic_session_get_stats(b->codec.encoder, &stats);
        take_sample(&r->encode, at, start, &stats);
    }
    start = lic_report_seconds();
    if (status == LIC_OK)
        status = lic_codec_decode(&b->codec, data.data, data.bytes, false, &decoded, &r->err);
    if (status == LIC_OK && at >= 0) {
        lic_session_get_stats(b->codec.decoder, &stats);
        take_sample(&r->decode, at, start, &stats);
    }
    r->bytes = data.bytes;
    lic_image_free(&decoded);
    lic_buffer_free(&data);
    return status;
}

static lic_status measure(struct bench *b, struct result *r)
{
    const int reps = b->settings->reps;
    lic_picture picture = {0};
    size_t lic_bytes;
    lic_status status = lic_codec_read(&b->codec, r->input, &picture, &lic_bytes, &r->err);
    r->width = picture.image.width;
    r->height = picture.image.height;
    for (int i = -1; i < reps && status == LIC_OK; i++) {
        lic_report_count(b->n * (size_t)(reps + 1) + (size_t)(i + 1),
                         b->n_inputs * (size_t)(reps + 1), lic_file_base_name(r->input));
        status = measure_once(b, &picture.image, i, r);
    }
    if (status == LIC_OK) {
        take_medians(&r->encode, (size_t)reps);
        take_medians(&r->decode, (size_t)reps);
    }
    lic_report_progress_end();
    lic_picture_free(&picture);
    return status;
}

/* ---- saying it ---- */

static double rate(double pixels, double seconds)
{
    return seconds > 0 ? pixels / 1e6 / seconds : 0;
}

static void put_head(void)
{
    printf("%-20s %7s %7s %10s %7s %9s %7s %10s %7s %7s %9s %7s\n", "", "MP", "bpp", "encode ms",
           "MP/s", "analysis", "coding", "decode ms", "MP/s", "coding", "synthesis", "MB");
}

static void put_row(const struct result *r)
{
    const double pixels = (double)r->width * r->height;
    const double *e = r->encode.median, *d = r->decode.median;
    const uint64_t planned = r->encode.planned_bytes > r->decode.planned_bytes
                                 ? r->encode.planned_bytes
                                 : r->decode.planned_bytes;
    lic_utf8_put_cell(stdout, lic_file_base_name(r->input), 20, true);
    printf(" %7.3f %7.4f %10.1f %7.2f %9.1f %7.1f %10.1f %7.2f %7.1f %9.1f %7.1f\n", pixels / 1e6,
           8 * (double)r->bytes / pixels, 1e3 * e[TOTAL], rate(pixels, e[TOTAL]),
           1e3 * e[LIC_STAGE_ANALYSIS], 1e3 * e[LIC_STAGE_CODING], 1e3 * d[TOTAL],
           rate(pixels, d[TOTAL]), 1e3 * d[LIC_STAGE_CODING], 1e3 * d[LIC_STAGE_SYNTHESIS],
           (double)planned / 1e6);
    fflush(stdout);
}

/* A multiply-add is two operations. */
static double gflops(double multiply_adds, double seconds)
{
    return seconds > 0 ? 2e-9 * multiply_adds / seconds : 0;
}

static double share(double rate_of_part, double kernel_rate)
{
    return kernel_rate > 0 ? 100 * rate_of_part / (2e-9 * kernel_rate) : 0;
}

static void put_parts(const struct bench *b, const char *direction, const struct times *t)
{
    for (int i = 0; i < LIC_N_PARTS; i++) {
        const double s = t->median[PARTS + i], speed = gflops((double)t->multiply_adds[i], s);
        if (s > 0)
            printf("  %s  %-10s %10.1f ms %5.1f %% %8.1f GFLOP/s %5.0f %%\n", direction,
                   lic_part_name((lic_part)i), 1e3 * s, 100 * s / t->median[TOTAL], speed,
                   share(speed, b->kernel_rate));
    }
    fflush(stdout);
}

static void put_total(const struct bench *b)
{
    printf("%-20s %7.3f %7s %10.1f %7.2f %9s %7s %10.1f %7.2f\n", "all", b->pixels / 1e6, "",
           1e3 * b->encode_s, rate(b->pixels, b->encode_s), "", "", 1e3 * b->decode_s,
           rate(b->pixels, b->decode_s));
}

static void json_parts(const struct bench *b, lic_json *json, const struct times *t)
{
    lic_json_open(json, "parts", '[');
    for (int i = 0; i < LIC_N_PARTS; i++) {
        const double s = t->median[PARTS + i], speed = gflops((double)t->multiply_adds[i], s);
        if (!(s > 0))
            continue;
        lic_json_open(json, NULL, '{');
        lic_json_string(json, "part", lic_part_name((lic_part)i));
        lic_json_real(json, "ms", 1e3 * s, 3);
        lic_json_real(json, "gflops", speed, 1);
        lic_json_real(json, "of_kernel", share(speed, b->kernel_rate) / 100, 3);
        lic_json_close(json, '}');
    }
    lic_json_close(json, ']');
}

static void json_times(const struct bench *b, lic_json *json, const char *key,
                       const struct times *t, double pixels, bool encode)
{
    const double *m = t->median;
    lic_json_open(json, key, '{');
    lic_json_real(json, "ms", 1e3 * m[TOTAL], 3);
    lic_json_real(json, "mp_per_s", rate(pixels, m[TOTAL]), 3);
    if (encode)
        lic_json_real(json, "analysis", 1e3 * m[LIC_STAGE_ANALYSIS], 3);
    lic_json_real(json, "coding", 1e3 * m[LIC_STAGE_CODING], 3);
    if (!encode)
        lic_json_real(json, "synthesis", 1e3 * m[LIC_STAGE_SYNTHESIS], 3);
    lic_json_unsigned(json, "planned_bytes", t->planned_bytes);
    if (b->settings->stages)
        json_parts(b, json, t);
    lic_json_close(json, '}');
}

static void json_row(struct bench *b, const struct result *r, lic_status status)
{
    const lic_settings *s = b->settings;
    const double pixels = (double)r->width * r->height;
    lic_json *json = &b->json.json;
    if (!lic_json_line_begin(&b->json, "bench", r->input))
        return;
    lic_json_line_status(&b->json, status, &r->err);
    if (status == LIC_OK) {
        lic_json_unsigned(json, "width", r->width);
        lic_json_unsigned(json, "height", r->height);
        lic_json_unsigned(json, "bytes", r->bytes);
        lic_json_real(json, "bpp", 8 * (double)r->bytes / pixels, 6);
        lic_json_real(json, "quality", s->quality, 4);
        lic_json_string(json, "model", b->codec.model_info.name);
        lic_json_hex(json, "model_hash", b->codec.model_info.hash, 16);
        lic_json_string(json, "cpu", lic_cpu_name(s->cpu ? s->cpu : lic_cpu_best()));
        lic_json_string(json, "backend", s->backend == LIC_BACKEND_STRICT ? "strict" : "openblas");
        lic_json_unsigned(json, "threads", (uint64_t)lic_thread_count(s->threads));
        lic_json_unsigned(json, "reps", (uint64_t)s->reps);
        if (s->stages) {
            lic_json_real(json, "kernel_gflops", 2e-9 * b->kernel_rate, 1);
            lic_json_real(json, "byte_kernel_gops", 2e-9 * b->byte_rate, 1);
        }
        json_times(b, json, "encode", &r->encode, pixels, true);
        json_times(b, json, "decode", &r->decode, pixels, false);
    }
    lic_json_line_end(&b->json);
}

static void json_total(struct bench *b)
{
    lic_json *json = &b->json.json;
    if (!lic_json_line_begin(&b->json, "bench", NULL))
        return;
    lic_json_string(json, "summary", "sum of the medians");
    lic_json_unsigned(json, "pictures", b->n);
    lic_json_unsigned(json, "failed", b->n_failed);
    lic_json_real(json, "mp", b->pixels / 1e6, 6);
    lic_json_real(json, "encode_mp_per_s", rate(b->pixels, b->encode_s), 3);
    lic_json_real(json, "decode_mp_per_s", rate(b->pixels, b->decode_s), 3);
    lic_json_line_end(&b->json);
}

/* ---- the command ---- */

static void take_memory(struct times *t, double *memory, size_t reps)
{
    for (size_t i = 0; i < N_TIMES; i++)
        t->samples[i] = memory + i * reps;
}

static void bench_picture(struct bench *b, const char *path, double *memory)
{
    const size_t reps = (size_t)b->settings->reps;
    struct result r = {.input = path};
    take_memory(&r.encode, memory, reps);
    take_memory(&r.decode, memory + N_TIMES * reps, reps);
    lic_status status = measure(b, &r);
    if (status == LIC_OK && b->settings->stages) { /* at the same time as the picture */
        const int threads = lic_thread_count(b->settings->threads);
        b->kernel_rate = lic_kernel_rate(b->settings->cpu) * threads;
        b->byte_rate = lic_byte_kernel_rate(b->settings->cpu) * threads;
    }
    b->n++;
    if (status != LIC_OK) {
        lic_report_error(path, "%s", r.err.text);
        b->exit_code = b->n_failed++ ? LIC_EXIT_FAILED : lic_report_exit_code(status);
    } else {
        b->pixels += (double)r.width * r.height;
        b->encode_s += r.encode.median[TOTAL];
        b->decode_s += r.decode.median[TOTAL];
    }
    if (b->json.file)
        json_row(b, &r, status);
    else if (status == LIC_OK)
        put_row(&r);
    if (!b->json.file && status == LIC_OK && b->settings->stages) {
        put_parts(b, "encode", &r.encode);
        put_parts(b, "decode", &r.decode);
        printf("  the matrix kernel by itself, %d threads: %.1f GFLOP/s, in integers %.1f GOP/s\n",
               lic_thread_count(b->settings->threads), 2e-9 * b->kernel_rate, 2e-9 * b->byte_rate);
    }
}

static int run(struct bench *b, const lic_inputs *inputs)
{
    double *memory = malloc(2 * N_TIMES * (size_t)b->settings->reps * sizeof *memory);
    if (!memory)
        return lic_report_exit(LIC_EXIT_FAILED, NULL, "no memory for %d repetitions",
                               b->settings->reps);
    b->n_inputs = inputs->n;
    if (!b->json.file)
        put_head();
    lic_codec_begin(&b->codec, b->settings);
    for (size_t i = 0; i < inputs->n; i++)
        bench_picture(b, inputs->items[i].path, memory);
    lic_codec_end(&b->codec);
    free(memory);
    if (b->json.file && b->n > 1)
        json_total(b);
    else if (b->n > 1)
        put_total(b);
    return b->exit_code;
}

int lic_command_bench(const lic_settings *s)
{
    struct bench b = {.settings = s};
    lic_inputs inputs;
    int code = lic_inputs_gather(&inputs, s, "");
    const bool wants_json = s->json || !isatty(STDOUT_FILENO);
    if (code < 0 && wants_json && !lic_json_lines_open(&b.json, s, stdout))
        code = LIC_EXIT_FAILED;
    if (code < 0)
        code = run(&b, &inputs);
    if (!lic_json_lines_close(&b.json) && code == LIC_EXIT_OK)
        code = LIC_EXIT_FAILED;
    lic_inputs_free(&inputs);
    return code;
}
