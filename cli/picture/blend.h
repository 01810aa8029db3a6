/* blend.h - rows of pixels with alpha, and what becomes of them without. `image` has their shape:
 * width, depth, and 2 or 4 channels, the last of which is alpha. */
#ifndef LIC_CLI_PICTURE_BLEND_H
#define LIC_CLI_PICTURE_BLEND_H

#include "codec/lic.h"

#include <stdbool.h>

bool lic_blend_is_opaque(const lic_image *image, const void *row);
/* The colours alone. */
void lic_blend_drop(const lic_image *image, const void *row, void *to);
/* Colours over a background. Values are mixed as they are stored, as viewers do. */
void lic_blend_over(const lic_image *image, const void *row, const uint8_t background[3], void *to);
/* Channels that pixels of so many have over this background: grey over a colour becomes RGB. */
uint32_t lic_blend_channels(uint32_t channels, const uint8_t background[3]);

#endif
