/* blend.c - see blend.h. */
#include "cli/picture/blend.h"

#include <string.h>

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

void lic_blend_split(const void *pixels, uint32_t width, uint32_t channels, uint32_t depth,
                     void *colours, void *alpha)
{
    size_t i = 0, n = 0;
    for (uint32_t x = 0; x < width; x++) {
        for (uint32_t c = 0; c < channels; c++)
            set_sample(colours, depth, n++, sample(pixels, depth, i++));
        set_sample(alpha, depth, x, sample(pixels, depth, i++));
    }
}

void lic_blend_join(const void *colours, const void *alpha, uint32_t width, uint32_t channels,
                    uint32_t depth, void *pixels)
{
    size_t i = 0, n = 0;
    for (uint32_t x = 0; x < width; x++) {
        for (uint32_t c = 0; c < channels; c++)
            set_sample(pixels, depth, i++, sample(colours, depth, n++));
        set_sample(pixels, depth, i++, sample(alpha, depth, x));
    }
}

bool lic_blend_is_opaque(const void *alpha, uint32_t width, uint32_t depth)
{
    const uint8_t *bytes = alpha;
    for (size_t i = 0; i < (size_t)width * (depth / 8); i++)
        if (bytes[i] != 0xFF)
            return false;
    return true;
}

void lic_blend_rescale(const void *from, uint32_t width, uint32_t from_depth, uint32_t to_depth,
                       void *to)
{
    const uint32_t from_most = (1u << from_depth) - 1, to_most = (1u << to_depth) - 1;
    for (uint32_t x = 0; x < width; x++)
        set_sample(to, to_depth, x,
                   (sample(from, from_depth, x) * to_most + from_most / 2) / from_most);
}

void lic_blend_over(const void *from, const void *alpha, uint32_t width, uint32_t channels,
                    uint32_t depth, const uint8_t background[3], uint32_t to_channels, void *to)
{
    const uint32_t most = (1u << depth) - 1;
    for (size_t x = 0; x < width; x++) {
        const uint64_t a = sample(alpha, depth, x);
        for (uint32_t c = 0; c < to_channels; c++) {
            const uint64_t over = sample(from, depth, x * channels + (c < channels ? c : 0));
            const uint64_t under = (uint64_t)background[c] * (most / 255);
            set_sample(to, depth, x * to_channels + c,
                       (uint32_t)((over * a + under * (most - a) + most / 2) / most));
        }
    }
}

uint32_t lic_blend_channels(uint32_t channels, const uint8_t background[3])
{
    const bool grey = background[0] == background[1] && background[0] == background[2];
    return channels == 1 && grey ? 1 : 3;
}
