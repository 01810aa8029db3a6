/* exif.h - what has to be known of EXIF, a TIFF stream without the "Exif\0\0" of JPEG, and what has
 * to be changed when the picture is not the whole one any more. The bytes are hostile: every offset
 * is checked, and nothing grows beyond what came in. */
#ifndef LIC_CLI_PICTURE_EXIF_H
#define LIC_CLI_PICTURE_EXIF_H

#include "cli/picture/image_io.h"

enum { LIC_EXIF_ORIENTATION_BYTES = 26 };

/* The orientation, 1 to 8 (TIFF 6.0, tag 274); 1 if it says nothing valid. */
int lic_exif_orientation(const uint8_t *exif, size_t bytes);
/* EXIF that says this and nothing else. */
void lic_exif_of_orientation(int orientation, uint8_t out[LIC_EXIF_ORIENTATION_BYTES]);

/* EXIF for a part or a reduced copy of the picture, width x height pixels: written anew, so that no
 * byte of a thumbnail, a maker's note or another preview stays, with the new sides. By malloc; data
 * NULL if there is no memory, or if it is no EXIF, which *valid tells. */
lic_blob lic_exif_of_part(const uint8_t *exif, size_t bytes, uint32_t width, uint32_t height,
                          bool *valid);

#endif
