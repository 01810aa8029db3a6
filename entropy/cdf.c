/* cdf.c - checks frequency tables from a weights file and indexes them for the decoder.
 *
 * The tables are hostile until they pass here: the range coder trusts everything that is verified
 * below and nothing else. No memory is taken. */
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
