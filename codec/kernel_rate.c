/* kernel_rate.c - what lic_stats counts: names of the parts, and how fast the matrix kernel is by
 * itself, which is as much as any part could reach. */
#include "codec/base/cpu.h"
#include "codec/base/status.h"
#include "models/kernels/strict.h"

#include <string.h>
#include <time.h>

const char *lic_part_name(lic_part part)
{
    static const char *const names[LIC_N_PARTS] = {[LIC_PART_OTHER] = "other",
                                                   [LIC_PART_SAMPLES] = "samples",
                                                   [LIC_PART_G_A_2] = "g_a 1/2",
                                                   [LIC_PART_G_A_4] = "g_a 1/4",
                                                   [LIC_PART_G_A_8] = "g_a 1/8",
                                                   [LIC_PART_H_A] = "h_a",
                                                   [LIC_PART_H_S] = "h_s",
                                                   [LIC_PART_CONTEXT] = "context",
                                                   [LIC_PART_PARAMETERS] = "parameters",
                                                   [LIC_PART_LRP] = "lrp",
                                                   [LIC_PART_SYMBOLS] = "symbols",
                                                   [LIC_PART_G_S_8] = "g_s 1/8",
                                                   [LIC_PART_G_S_4] = "g_s 1/4",
                                                   [LIC_PART_G_S_2] = "g_s 1/2"};
    return (unsigned)part < LIC_N_PARTS ? names[part] : NULL;
}

/* A 3x3 convolution of a block of pixels, which lies in the nearest caches. */
enum { ROWS = 64, TAPS = 9, K = 64, N = 96, CALLS = 10, RUNS = 100 };

enum { RECORD = 1 + K * LIC_MAX_BYTE_SIZE / 4 };

typedef struct problem {
    float w[TAPS * K * N], x[(ROWS + TAPS) * K], out[ROWS * N];
    float records[(ROWS + TAPS) * RECORD], w_scale[N];
    int8_t bytes[TAPS * K * N];
    int32_t offsets[TAPS * N];
    const float *in[TAPS * ROWS];
    float *rows[ROWS];
} problem;

static void prepare(problem *p)
{
    for (size_t i = 0; i < sizeof p->w / sizeof p->w[0]; i++)
        p->w[i] = (float)(i % 17) * 0.01f - 0.08f;
    for (size_t i = 0; i < sizeof p->x / sizeof p->x[0]; i++)
        p->x[i] = (float)(i % 13) * 0.01f;
    for (int t = 0; t < TAPS; t++)
        for (int r = 0; r < ROWS; r++)
            p->in[t * ROWS + r] = p->x + (r + t) * K;
    for (int r = 0; r < ROWS; r++)
        p->rows[r] = p->out + r * N;
}

/* The same in integers, positions rounded. The offsets do not fit the bytes: it does not matter. */
static void prepare_bytes(problem *p, const lic_kernels *kernels)
{
    const float *positions[ROWS + TAPS];
    for (int i = 0; i < ROWS + TAPS; i++)
        positions[i] = p->x + i * K;
    kernels->round_bytes(p->records, RECORD, positions, ROWS + TAPS, K);
    for (size_t i = 0; i < sizeof p->bytes / sizeof p->bytes[0]; i++)
        p->bytes[i] = (int8_t)((int)(i % 251) - 125);
    for (int i = 0; i < N; i++)
        p->w_scale[i] = 1e-3f;
    for (int t = 0; t < TAPS; t++)
        for (int r = 0; r < ROWS; r++)
            p->in[t * ROWS + r] = p->records + (r + t) * RECORD;
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Multiply-adds per second. */
static double best_rate(void (*kernel)(const lic_gemm *), const problem *p)
{
    const lic_gemm g = {.in = p->in,
                        .out = p->rows,
                        .w = p->w,
                        .w_pitch = LIC_PANEL,
                        .panel_pitch = TAPS * K * LIC_PANEL,
                        .bytes = p->bytes,
                        .offsets = p->offsets,
                        .w_scale = p->w_scale,
                        .rows = ROWS,
                        .taps = TAPS,
                        .k = K,
                        .n = N};
    const double begin = seconds();
    double best = 0.0;
    for (int i = 0; i < RUNS && seconds() - begin < 0.1; i++) {
        const double start = seconds();
        for (int j = 0; j < CALLS; j++)
            kernel(&g);
        const double rate = (double)CALLS * ROWS * TAPS * K * N / (seconds() - start);
        best = rate > best ? rate : best;
    }
    return best;
}

static double rate_of(lic_cpu cpu, bool bytes)
{
    const lic_kernels *kernels = lic_kernels_get(cpu);
    problem *p = kernels ? lic_alloc(NULL, sizeof *p) : NULL;
    if (!p)
        return 0.0;
    memset(p, 0, sizeof *p);
    prepare(p);
    if (bytes)
        prepare_bytes(p, kernels);
    const double rate = best_rate(bytes ? kernels->gemm_bytes : kernels->gemm, p);
    lic_dealloc(NULL, p);
    return rate;
}

double lic_kernel_rate(lic_cpu cpu)
{
    return rate_of(cpu, false);
}

double lic_byte_kernel_rate(lic_cpu cpu)
{
    return rate_of(cpu, true);
}
