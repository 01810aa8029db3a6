/* nn_openblas.c - see nn_openblas.h. OpenBLAS is opened at run time. A program that does not ask
 * for it should not pay for its start (threads, buffers), and one that does can first choose its
 * kernels through OPENBLAS_CORETYPE. The environment belongs to the program: it is not set here,
 * nor read once worker threads run. */
#include "models/nn_openblas.h"

#if defined(LIC_NO_OPENBLAS)

bool lic_openblas_available(void)
{
    return false;
}

void lic_openblas_gemm(const lic_gemm *g)
{
    lic_kernels_get(LIC_CPU_AUTO)->gemm(g);
}

#else

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

enum { ROW_MAJOR = 101, NO_TRANSPOSE = 111 };
typedef void (*sgemm_fn)(int order, int trans_a, int trans_b, int m, int n, int k, float alpha,
                         const float *a, int lda, const float *b, int ldb, float beta, float *c,
                         int ldc);

static pthread_once_t once = PTHREAD_ONCE_INIT;
static sgemm_fn sgemm;
static const lic_kernels *kernels; /* for activations and whatever OpenBLAS cannot do */
static bool needs_lock; /* a build without threads cannot be called from several (OpenBLAS issue
                           2164) */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* In POSIX dlsym returns an object pointer. This turns it into a function pointer without a
 * cast. */
static void symbol(void *library, const char *name, void *out)
{
    void *p = dlsym(library, name);
    memcpy(out, &p, sizeof p);
}

static void load(void)
{
    kernels = lic_kernels_get(LIC_CPU_AUTO);
    void *library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return;
    void (*set_threads)(int) = NULL;
    int (*parallel)(void) = NULL;
    symbol(library, "openblas_set_num_threads", &set_threads);
    symbol(library, "openblas_get_parallel", &parallel);
    symbol(library, "cblas_sgemm", &sgemm);
    if (set_threads)
        set_threads(1); /* our own pool cuts the work */
    needs_lock = !parallel || parallel() == 0;
}

bool lic_openblas_available(void)
{
    pthread_once(&once, load);
    return sgemm != NULL;
}

/* The left side as one matrix [rows, taps * k]. */
static void gather(const lic_gemm *g, float *to)
{
    for (int r = 0; r < g->rows; r++)
        for (int t = 0; t < g->taps; t++, to += g->k)
            memcpy(to, g->in[t * g->rows + r], (size_t)g->k * sizeof *to);
}

static void finish_row(const lic_gemm *g, float *row, float *out)
{
    for (int j = 0; g->bias && j < g->n; j++)
        row[j] += g->bias[j];
    if (g->act)
        kernels->activate(row, (size_t)g->n, g->act);
    for (int j = 0; g->scale && j < g->n; j++)
        row[j] = row[j] * (1.0f + g->scale[j]) + g->shift[j];
    memcpy(out, row, (size_t)g->n * sizeof *out);
}

void lic_openblas_gemm(const lic_gemm *g)
{
    const bool available = lic_openblas_available();
    if (!g->w_rows || !g->scratch || !available) {
        kernels->gemm(g);
        return;
    }
    const int k = g->taps * g->k;
    float *left = g->scratch, *product = left + (size_t)g->rows * (size_t)k;
    gather(g, left);
    if (needs_lock)
        pthread_mutex_lock(&lock);
    sgemm(ROW_MAJOR, NO_TRANSPOSE, NO_TRANSPOSE, g->rows, g->n, k, 1.0f, left, k, g->w_rows, g->n,
          0.0f, product, g->n);
    if (needs_lock)
        pthread_mutex_unlock(&lock);
    for (int r = 0; r < g->rows; r++)
        finish_row(g, product + (size_t)r * (size_t)g->n, g->out[r]);
}

#endif
