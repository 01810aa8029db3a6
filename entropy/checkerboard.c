/* checkerboard.c - which positions a pass codes, as counts and first columns; see the header. */
#include "entropy/checkerboard.h"

/* Of an odd number of positions, one more is even. Multiplied as size_t: 32 bits could overflow. */
size_t lic_checkerboard_count(uint32_t height, uint32_t width, int pass)
{
    size_t n = (size_t)height * width;
    return pass == LIC_ANCHOR ? n - n / 2 : n / 2;
}

uint32_t lic_checkerboard_first(uint32_t row, int pass)
{
    return (row + (uint32_t)pass) & 1;
}
