/* pixels.h - converts between the caller's samples and the networks' tensors. Strict arithmetic:
 * the pixels of a decoded file are the same everywhere. */
#ifndef LIC_CODEC_PIXELS_H
#define LIC_CODEC_PIXELS_H

#include "codec/lic.h"
#include "codec/tiles.h"
#include "models/nn.h"

/* Rows of a picture that are in memory. image->data is row first_row of the picture; image->width
 * and height are those of the whole picture. */
typedef struct lic_band {
    lic_image image;
    int first_row;
    bool grey; /* when storing: the picture is grey, whatever channels the image has */
} lic_band;

/* rows_elsewhere: there are no data and stride to check. */
lic_status lic_image_check(const lic_image *image, bool rows_elsewhere, lic_error *err);
/* Loads the pixels from (x0, y0) on as samples scaled to [0, 1], minus 0.5. Grey is taken three
 * times, alpha is ignored, and the picture's last row and column are repeated beyond its end. */
void lic_pixels_load(nn *c, const lic_band *from, int x0, int y0, tensor x);
/* Stores t [h, w, 12] of g_s, whose first pixel is (x0, y0): plus 0.5, clamped, rounded to the
 * image's depth; grey is the mean of three. Writes the pixels of `area`, whose corner is at the
 * band's column `left`. */
void lic_pixels_store(nn *c, tensor t, int x0, int y0, lic_area area, const lic_band *to, int left);

/* The same for a picture reduced by `scale`, whose rows are `to`. Each pixel is the clamped mean of
 * those of its scale x scale that are in the area. x0, y0 and the corner of the area are multiples
 * of LIC_MAX_SCALE. */
void lic_pixels_store_means(nn *c, tensor t, int x0, int y0, lic_area area, int scale,
                            const lic_band *to);
/* Stores t [h, w, 3 side^2] of lic_preview, side = LIC_MAX_SCALE / scale, which already has the
 * size; its first pixel, in the whole picture, is (x0, y0). */
void lic_pixels_store_small(nn *c, tensor t, int x0, int y0, lic_area area, int scale,
                            const lic_band *to);

#endif
