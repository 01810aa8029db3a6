/* checkerboard.h - the order in which the positions of a latent plane are coded.
 *
 * Pass 0 (anchor) codes the positions where row + column is even, pass 1 (non-anchor) the odd ones.
 * Both go row by row, left to right; channels of a position are adjacent. (He et al. 2021; S2LIC
 * section III-C.) */
#ifndef LIC_ENTROPY_CHECKERBOARD_H
#define LIC_ENTROPY_CHECKERBOARD_H

#include <stddef.h>
#include <stdint.h>

enum { LIC_ANCHOR = 0, LIC_NON_ANCHOR = 1 };

/* Positions of one pass in a height x width plane. */
size_t lic_checkerboard_count(uint32_t height, uint32_t width, int pass);
/* Column of the first position of this pass in `row`; the others follow at distance 2. */
uint32_t lic_checkerboard_first(uint32_t row, int pass);

#endif
