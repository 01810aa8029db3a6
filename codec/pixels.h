/* pixels.h - between the caller's samples and the networks' tensors. Strict arithmetic: the pixels of a
 * decoded file are the same everywhere. */
#ifndef LIC_CODEC_PIXELS_H
#define LIC_CODEC_PIXELS_H

#include "codec/lic.h"
#include "models/nn.h"

lic_status lic_image_check(const lic_image *image, lic_error *err);
/* Samples scaled to [0, 1], minus 0.5; grey three times; the last row and column repeated up to x's size. */
void lic_pixels_load(nn *c, const lic_image *image, tensor x);
/* t [H/2, W/2, 12] of g_s, plus 0.5, clamped, rounded to the image's depth; grey is the mean of three. */
void lic_pixels_store(nn *c, tensor t, const lic_image *image);

#endif
