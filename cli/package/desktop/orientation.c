/* orientation.c - see orientation.h. The EXIF is hostile: every offset in it is checked. */
#include "cli/package/desktop/orientation.h"

#include <string.h>

enum { TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3, ENTRY_BYTES = 12 };

static uint32_t get(const uint8_t *at, int n, int big)
{
    uint32_t v = 0;
    for (int i = 0; i < n; i++)
        v |= (uint32_t)at[i] << 8 * (big ? n - 1 - i : i);
    return v;
}

int lic_orientation_of_exif(const uint8_t *exif, size_t bytes)
{
    if (bytes < 8 || (memcmp(exif, "II*\0", 4) != 0 && memcmp(exif, "MM\0*", 4) != 0))
        return 1;
    const int big = exif[0] == 'M';
    const size_t folder = get(exif + 4, 4, big);
    if (folder > bytes || bytes - folder < 2)
        return 1;
    const size_t n = get(exif + folder, 2, big);
    for (size_t i = 0; i < n && bytes - folder - 2 >= (i + 1) * ENTRY_BYTES; i++) {
        const uint8_t *entry = exif + folder + 2 + i * ENTRY_BYTES;
        if (get(entry, 2, big) != TAG_ORIENTATION)
            continue;
        const uint32_t value = get(entry + 8, 2, big);
        return get(entry + 2, 2, big) == TYPE_SHORT && value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

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
