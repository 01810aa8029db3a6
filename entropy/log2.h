/* log2.h - the binary logarithm in whole, half and quarter steps, for choosing contexts. */
#ifndef LIC_ENTROPY_LOG2_H
#define LIC_ENTROPY_LOG2_H

#include <stdint.h>

extern const uint8_t lic_log2_of_byte[256]; /* floor(log2(v)), 0 for 0 */

/* floor(log2(v)); 0 for 0. */
static inline unsigned lic_log2(uint32_t v)
{
    const unsigned words = (unsigned)(v > 0xFFFF) << 4, bytes = (unsigned)(v >> words > 0xFF) << 3;
    return words + bytes + lic_log2_of_byte[v >> words >> bytes];
}

/* Four steps to the octave: v for v < 8, then 8 for 8 and 9, ... */
static inline unsigned lic_log2_quarters(uint32_t v)
{
    const unsigned n = lic_log2(v);
    return v < 4 ? v : 4 * (n - 1) + (v >> (n - 2) & 3);
}

/* Of these, two steps to the octave: v for v < 4, then 4 for 4 and 5, 5 for 6 and 7, 6 for 8 .. 11,
 * ... */
static inline unsigned lic_log2_halves_of(unsigned quarters)
{
    return quarters < 4 ? quarters : quarters / 2 + 2;
}

/* And the whole steps. */
static inline unsigned lic_log2_whole_of(unsigned quarters)
{
    return quarters < 4 ? quarters / 2 : quarters / 4 + 1;
}

#endif
