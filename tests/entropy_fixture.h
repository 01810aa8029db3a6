/* entropy_fixture.h - frequency tables and a growing buffer for the tests and the bench of
 * entropy/.
 *
 * Tests may use floating point, the coder may not: here the Gaussian tables of WEIGHTS.md are
 * computed, near enough to an exporter's for timing and rate; golden bytes never depend on them. */
#ifndef LIC_TESTS_ENTROPY_FIXTURE_H
#define LIC_TESTS_ENTROPY_FIXTURE_H

#include "entropy/range_coder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Owns everything a set needs; tables are appended with fixture_add, then fixture_finish. */
typedef struct fixture {
    uint16_t *cum;
    int32_t *start, *first;
    uint32_t n;
    lic_cdf_set set;
} fixture;

/* One table of n symbols with the given frequencies, which add up to 65536. */
static inline void fixture_add(fixture *f, int32_t first, const uint32_t *freq, uint32_t n)
{
    size_t old = f->n ? (size_t)f->start[f->n] : 0;
    f->cum = realloc(f->cum, (old + n) * sizeof *f->cum);
    f->start = realloc(f->start, (f->n + 2) * sizeof *f->start);
    f->first = realloc(f->first, (f->n + 1) * sizeof *f->first);
    uint32_t below = 0;
    for (uint32_t k = 0; k < n; k++) {
        f->cum[old + k] = (uint16_t)below;
        below += freq[k];
    }
    f->start[f->n] = (int32_t)old;
    f->start[f->n + 1] = (int32_t)(old + n);
    f->first[f->n++] = first;
}

static inline bool fixture_finish(fixture *f)
{
    lic_cdf *tables = calloc(f->n, sizeof *tables);
    uint16_t *lookup = calloc((size_t)f->n * LIC_CDF_LOOKUP_SIZE, sizeof *lookup);
    return lic_cdf_set_init(&f->set, f->n, f->cum, (size_t)f->start[f->n], f->start, f->first,
                            tables, lookup);
}

static inline void fixture_free(fixture *f)
{
    free(f->cum);
    free(f->start);
    free(f->first);
    free(f->set.tables);
    free(f->set.lookup);
    *f = (fixture){0};
}

/* 64 Gaussians of mean 0 and log-spaced scales 0.11 .. 64, down to tails of 2^-16. */
static inline void fixture_gaussians(fixture *f)
{
    for (int i = 0; i < 64; i++) {
        double s = 0.11 * pow(64 / 0.11, i / 63.0);
        int edge = 0;
        while (erfc((edge + 0.5) / s * 0.70710678118654752) / 2 > 1.0 / 65536)
            edge++;
        uint32_t freq[1024], n = 2 * (uint32_t)edge + 2, mode = (uint32_t)edge, sum = 0;
        for (uint32_t k = 0; k < n; k++) {
            double a = ((double)k - edge - 0.5) / s, b = a + 1 / s;
            double p = (erfc(a * 0.70710678118654752) - erfc(b * 0.70710678118654752)) / 2;
            freq[k] = k == n - 1 || p * 65536 < 1 ? 1 : (uint32_t)(p * 65536);
            sum += freq[k];
        }
        freq[mode] += LIC_CDF_TOTAL - sum;
        fixture_add(f, -edge, freq, n);
    }
}

static inline uint32_t fixture_frequency(const lic_cdf *c, uint32_t k)
{
    return (k + 1 < c->n ? c->cum[k + 1] : LIC_CDF_TOTAL) - c->cum[k];
}

/* Allocations left before grow fails (negative: never), and what is allocated. */
typedef struct grow_state {
    int left;
    size_t bytes;
} grow_state;

static inline void *fixture_grow(void *user, void *old, size_t old_bytes, size_t new_bytes)
{
    grow_state *g = user;
    if (g->left == 0 || old_bytes != g->bytes)
        return NULL;
    if (g->left > 0)
        g->left--;
    g->bytes = new_bytes;
    return realloc(old, new_bytes);
}

#endif
