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

typedef struct problem {
    float w[TAPS * K * N], x[(ROWS + TAPS) * K], out[ROWS * N];
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

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double lic_kernel_rate(lic_cpu cpu)
{
    const lic_kernels *kernels = lic_kernels_get(cpu);
    problem *p = kernels ? lic_alloc(NULL, sizeof *p) : NULL;
    if (!p)
        return 0.0;
    prepare(p);
    const lic_gemm g = {.in = p->in,
                        .out = p->rows,
                        .w = p->w,
                        .w_pitch = LIC_PANEL,
                        .panel_pitch = TAPS * K * LIC_PANEL,
                        .rows = ROWS,
                        .taps = TAPS,
                        .k = K,
                        .n = N};
    const double begin = seconds();
    double best = 0.0;
    for (int i = 0; i < RUNS && seconds() - begin < 0.1; i++) {
        const double start = seconds();
        for (int j = 0; j < CALLS; j++)
            kernels->gemm(&g);
        const double rate = (double)CALLS * ROWS * TAPS * K * N / (seconds() - start);
        best = rate > best ? rate : best;
    }
    lic_dealloc(NULL, p);
    return best;
}
