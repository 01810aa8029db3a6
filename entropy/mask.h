/* mask.h - which blocks of a raster are coded: squares of LIC_MASK_SIDE pixels, cut at the right
 * and lower edges. */
#ifndef LIC_ENTROPY_MASK_H
#define LIC_ENTROPY_MASK_H

#include "entropy/bit_model.h"

enum { LIC_MASK_BITS = 4, LIC_MASK_SIDE = 1 << LIC_MASK_BITS }; /* pixels of a block's side */

typedef struct lic_mask {
    uint8_t *shown; /* [rows, columns] 1 or 0 */
    uint32_t columns, rows;
} lic_mask;

static inline uint32_t lic_mask_blocks(uint32_t pixels)
{
    return (pixels + LIC_MASK_SIDE - 1) >> LIC_MASK_BITS;
}

/* Whether the pixel in column x of row y is coded. */
static inline bool lic_mask_shows(const lic_mask *m, uint32_t x, uint32_t y)
{
    return m->shown[(y >> LIC_MASK_BITS) * m->columns + (x >> LIC_MASK_BITS)];
}

/* Codes all blocks' bits. Decoding fills m->shown, which has room for columns * rows. */
void lic_mask_code(lic_mask *m, const lic_bit_coder *coder);

#endif
