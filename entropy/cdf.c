/* cdf.c - checks frequency tables from a weights file and indexes them for the decoder.
 *
 * The tables are hostile until they pass here: the range coder trusts what is verified below, and
 * nothing else. No memory is allocated. */
#include "entropy/cdf.h"

/* Starts at 0 and rises strictly, so that no symbol has a frequency of zero. */
static bool rises(const uint16_t *cum, uint32_t n)
{
    if (cum[0] != 0)
        return false;
    for (uint32_t k = 1; k < n; k++)
        if (cum[k] <= cum[k - 1])
            return false;
    return true;
}

/* lookup[b] is the last symbol whose interval starts at or below b * 256: the first candidate for
 * all code values with leading byte b. */
static void index_table(const lic_cdf *cdf, uint16_t *lookup)
{
    uint32_t k = 0;
    for (uint32_t b = 0; b < LIC_CDF_LOOKUP_SIZE; b++) {
        while (k + 1 < cdf->n && cdf->cum[k + 1] <= b << (LIC_CDF_BITS - LIC_CDF_LOOKUP_BITS))
            k++;
        lookup[b] = (uint16_t)k;
    }
}

bool lic_cdf_set_init(lic_cdf_set *set, uint32_t n_tables, const uint16_t *cum, size_t n_cum,
                      const int32_t *start, const int32_t *first, lic_cdf *tables, uint16_t *lookup)
{
    if (start[0] != 0)
        return false;
    for (uint32_t i = 0; i < n_tables; i++) {
        int64_t n = (int64_t)start[i + 1] - start[i];
        if (n < 1 || n > LIC_CDF_MAX_SYMBOLS || (uint64_t)start[i + 1] > n_cum)
            return false;
        if (first[i] + n > INT32_MAX)
            return false;
        lic_cdf cdf = {cum + start[i], (uint32_t)n, first[i],
                       lookup + (size_t)i * LIC_CDF_LOOKUP_SIZE};
        if (!rises(cdf.cum, cdf.n))
            return false;
        index_table(&cdf, lookup + (size_t)i * LIC_CDF_LOOKUP_SIZE);
        tables[i] = cdf;
    }
    *set = (lic_cdf_set){n_tables, tables, lookup};
    return (size_t)start[n_tables] == n_cum;
}

/* floor(256 log2(65536 / n)), 1 <= n <= 65536. Halving gives the whole part, each squaring one
 * bit. */
static uint32_t cost_of(uint32_t n)
{
    const uint64_t two = (uint64_t)1 << 32; /* the numbers below have 31 fractional bits */
    uint64_t v = ((uint64_t)LIC_CDF_TOTAL << 31) / n;
    uint32_t cost = 0;
    for (; v >= two; v >>= 1)
        cost += LIC_CDF_COST_UNIT;
    for (uint32_t bit = LIC_CDF_COST_UNIT / 2; bit > 0; bit /= 2) {
        v = v * v >> 31;
        if (v >= two) {
            v >>= 1;
            cost += bit;
        }
    }
    return cost;
}

/* The last symbol also gets what the division of the range leaves over, less than one in 65536. */
uint32_t lic_cdf_least_cost(const lic_cdf *cdf)
{
    uint32_t most = LIC_CDF_TOTAL - cdf->cum[cdf->n - 1] + 1;
    for (uint32_t k = 1; k < cdf->n; k++) {
        const uint32_t frequency = (uint32_t)(cdf->cum[k] - cdf->cum[k - 1]);
        most = frequency > most ? frequency : most;
    }
    return cost_of(most < LIC_CDF_TOTAL ? most : LIC_CDF_TOTAL);
}
