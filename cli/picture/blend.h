/* blend.h - rows of pixels with and without alpha. Samples are uint8_t or uint16_t, by depth. */
#ifndef LIC_CLI_PICTURE_BLEND_H
#define LIC_CLI_PICTURE_BLEND_H

#include <stdbool.h>
#include <stdint.h>

/* channels colours and one alpha per pixel, taken apart and put together. */
void lic_blend_split(const void *pixels, uint32_t width, uint32_t channels, uint32_t depth,
                     void *colours, void *alpha);
void lic_blend_join(const void *colours, const void *alpha, uint32_t width, uint32_t channels,
                    uint32_t depth, void *pixels);
bool lic_blend_is_opaque(const void *alpha, uint32_t width, uint32_t depth);
/* Alpha of one depth to another, rounded; from and to may not overlap. */
void lic_blend_rescale(const void *from, uint32_t width, uint32_t from_depth, uint32_t to_depth,
                       void *to);
/* Colours over a background. Values are mixed as they are stored, as viewers do. to has 1 or 3
 * channels and may have more than from, for grey over a colour. */
void lic_blend_over(const void *from, const void *alpha, uint32_t width, uint32_t channels,
                    uint32_t depth, const uint8_t background[3], uint32_t to_channels, void *to);
/* Channels that a picture of so many has over this background. */
uint32_t lic_blend_channels(uint32_t channels, const uint8_t background[3]);

#endif
