/* orientation.h - turns a picture for display, as its EXIF says. */
#ifndef LIC_CLI_PACKAGE_DESKTOP_ORIENTATION_H
#define LIC_CLI_PACKAGE_DESKTOP_ORIENTATION_H

#include <stddef.h>
#include <stdint.h>

/* True (1) if width and height change places. */
int lic_orientation_swaps(int orientation);

/* Turns a picture of width x height pixels, rows without gaps, the way it is meant to be seen. */
void lic_orientation_apply(int orientation, const uint8_t *from, uint32_t width, uint32_t height,
                           uint32_t pixel_bytes, uint8_t *to);

#endif
