/* pixels.h - between the caller's samples and the networks' tensors. Strict arithmetic: the pixels
 * of a decoded file are the same everywhere. */
#ifndef LIC_CODEC_PIXELS_H
#define LIC_CODEC_PIXELS_H

#include "codec/lic.h"
#include "codec/tiles.h"
#include "models/nn.h"

/* Rows of a picture that are in memory: image->data is row first_row of the picture, and
 * image->width and height are the whole picture's. The pixel at (x, y) is there if its row is. */
typedef struct lic_band {
    lic_image image;
    int first_row;
    bool grey; /* stored to: the picture is, whatever channels the image has */
} lic_band;

/* rows_elsewhere: data and stride are not there to be checked. */
lic_status lic_image_check(const lic_image *image, bool rows_elsewhere, lic_error *err);
/* Samples scaled to [0, 1], minus 0.5, of the pixels from (x0, y0) on; grey three times; alpha is
 * not looked at; the picture's last row and column repeated beyond its end. */
void lic_pixels_load(nn *c, const lic_band *from, int x0, int y0, tensor x);
/* t [h, w, 12] of g_s, whose first pixel is (x0, y0): plus 0.5, clamped, rounded to the image's
 * depth; grey is the mean of three. Writes the pixels of `area`, which has its corner at the band's
 * column `left`. */
void lic_pixels_store(nn *c, tensor t, int x0, int y0, lic_area area, const lic_band *to, int left);

/* The same for a picture of 1/16, `to` being its rows: each pixel is the mean of those of 16 x 16
 * that are in the area, clamped. x0 and y0 are multiples of 16, as is the corner of the area. */
void lic_pixels_store_means(nn *c, tensor t, int x0, int y0, lic_area area, const lic_band *to);
/* t [h, w, 3], a sample of 1/16 each: the area, in pixels of the whole picture, begins where t
 * does. */
void lic_pixels_store_small(nn *c, tensor t, lic_area area, const lic_band *to);

#endif
