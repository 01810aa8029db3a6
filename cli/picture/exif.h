/* exif.h - reads what matters in EXIF (a TIFF stream without the "Exif\0\0" of JPEG), and changes
 * what is no longer right for a part of the picture. The bytes are hostile: every offset is
 * checked, and nothing grows beyond what came in. */
#ifndef LIC_CLI_PICTURE_EXIF_H
#define LIC_CLI_PICTURE_EXIF_H

#include "cli/picture/image_io.h"

enum { LIC_EXIF_ORIENTATION_BYTES = 26 };

/* The orientation, 1 to 8 (TIFF 6.0, tag 274); 1 if it says nothing valid. */
int lic_exif_orientation(const uint8_t *exif, size_t bytes);
/* EXIF that says this and nothing else. */
void lic_exif_of_orientation(int orientation, uint8_t out[LIC_EXIF_ORIENTATION_BYTES]);

/* EXIF for a part or a reduced copy of the picture, of width x height pixels. It is written anew
 * with the new sides, so that no byte of a thumbnail, a maker's note or another preview stays. By
 * malloc; data is NULL if there is no memory or if this is not EXIF, which *valid tells. */
lic_blob lic_exif_of_part(const uint8_t *exif, size_t bytes, uint32_t width, uint32_t height,
                          bool *valid);

#endif
