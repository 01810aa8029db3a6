/* orientation.c - see orientation.h. */
#include "cli/package/desktop/orientation.h"

#include <string.h>

int lic_orientation_swaps(int orientation)
{
    return orientation >= 5;
}

void lic_orientation_apply(int orientation, const uint8_t *from, uint32_t width, uint32_t height,
                           uint32_t pixel_bytes, uint8_t *to)
{
    /* What EXIF calls 5 to 8 are 1, 4, 2 and 3 of the picture with rows and columns exchanged; each
     * of these is mirrored along x, along y, along both or not at all. */
    static const uint8_t mirror_x[9] = {0, 0, 1, 1, 0, 0, 1, 1, 0};
    static const uint8_t mirror_y[9] = {0, 0, 0, 1, 1, 0, 0, 1, 1};
    const int swap = lic_orientation_swaps(orientation);
    const uint32_t to_width = swap ? height : width, to_height = swap ? width : height;
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++, from += pixel_bytes) {
            uint32_t to_x = swap ? y : x, to_y = swap ? x : y;
            to_x = mirror_x[orientation] ? to_width - 1 - to_x : to_x;
            to_y = mirror_y[orientation] ? to_height - 1 - to_y : to_y;
            memcpy(to + ((size_t)to_y * to_width + to_x) * pixel_bytes, from, pixel_bytes);
        }
}
