/* blend.c - see blend.h. */
#include "cli/picture/blend.h"

static uint32_t sample(const void *row, uint32_t depth, size_t i)
{
    return depth == 16 ? ((const uint16_t *)row)[i] : ((const uint8_t *)row)[i];
}

static void set_sample(void *row, uint32_t depth, size_t i, uint32_t value)
{
    if (depth == 16)
        ((uint16_t *)row)[i] = (uint16_t)value;
    else
        ((uint8_t *)row)[i] = (uint8_t)value;
}

bool lic_blend_is_opaque(const lic_image *image, const void *row)
{
    const uint32_t most = (1u << image->depth) - 1, n = image->channels;
    for (size_t x = 0; x < image->width; x++)
        if (sample(row, image->depth, x * n + n - 1) != most)
            return false;
    return true;
}

void lic_blend_drop(const lic_image *image, const void *row, void *to)
{
    const uint32_t n = image->channels - 1;
    for (size_t x = 0; x < image->width; x++)
        for (uint32_t c = 0; c < n; c++)
            set_sample(to, image->depth, x * n + c, sample(row, image->depth, x * (n + 1) + c));
}

void lic_blend_over(const lic_image *image, const void *row, const uint8_t background[3], void *to)
{
    const uint32_t most = (1u << image->depth) - 1, colours = image->channels - 1;
    const uint32_t n = lic_blend_channels(image->channels, background);
    for (size_t x = 0; x < image->width; x++) {
        const size_t at = x * image->channels;
        const uint64_t a = sample(row, image->depth, at + colours);
        for (uint32_t c = 0; c < n; c++) {
            const uint64_t over = sample(row, image->depth, at + (c < colours ? c : 0));
            const uint64_t under = (uint64_t)background[c] * (most / 255);
            set_sample(to, image->depth, x * n + c,
                       (uint32_t)((over * a + under * (most - a) + most / 2) / most));
        }
    }
}

uint32_t lic_blend_channels(uint32_t channels, const uint8_t background[3])
{
    const bool grey = background[0] == background[1] && background[0] == background[2];
    return channels == 2 && grey ? 1 : 3;
}
