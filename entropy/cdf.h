/* cdf.h - frequency tables for the range coder.
 *
 * A table covers the values first .. first + n - 2. Its last symbol, n - 1, is the escape: the
 * value follows in an exponential Golomb code, so that every int32_t can be coded. Tables come from
 * the weights file, never from run-time arithmetic. This folder holds no floating-point type and
 * knows nothing of pictures or networks. */
#ifndef LIC_ENTROPY_CDF_H
#define LIC_ENTROPY_CDF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIC_CDF_BITS        16
#define LIC_CDF_TOTAL       (1u << LIC_CDF_BITS)
#define LIC_CDF_LOOKUP_BITS 8
#define LIC_CDF_LOOKUP_SIZE (1u << LIC_CDF_LOOKUP_BITS)
#define LIC_CDF_MAX_SYMBOLS 65535

typedef struct lic_cdf {
    const uint16_t *cum;    /* [n] cumulative frequency below each symbol, without the total
                               65536 */
    uint32_t n;             /* symbols, the escape included; 1 <= n <= 65535 */
    int32_t first;          /* value of symbol 0 */
    const uint16_t *lookup; /* [256] first symbol to try for each leading byte of a code value */
} lic_cdf;

typedef struct lic_cdf_set {
    uint32_t n_tables;
    lic_cdf *tables;  /* [n_tables] */
    uint16_t *lookup; /* [n_tables * 256] */
} lic_cdf_set;

/* Checks untrusted tables and builds the set in caller's memory: `tables` [n_tables], `lookup`
 * [n_tables * 256]. cum [n_cum] holds the tables one after another, table i at start[i] ..
 * start[i+1] (start [n_tables + 1]; the tables fill cum exactly). True if every table is
 * non-empty, starts at 0 and rises strictly, and first + n stays in int32_t. If false, *set must
 * not be used. */
bool lic_cdf_set_init(lic_cdf_set *set, uint32_t n_tables, const uint16_t *cum, size_t n_cum,
                      const int32_t *start, const int32_t *first, lic_cdf *tables,
                      uint16_t *lookup);

/* The fewest bits that a symbol of the table can take, in 1/LIC_CDF_COST_UNIT bits, rounded
 * down. */
#define LIC_CDF_COST_UNIT 256
uint32_t lic_cdf_least_cost(const lic_cdf *cdf);

#endif
