/* png.h - what the reader and the writer of PNG share: libpng with its errors led to a format's
 * state. */
#ifndef LIC_CLI_PICTURE_PNG_H
#define LIC_CLI_PICTURE_PNG_H

#include "cli/picture/format.h"

#include <png.h>

/* The keyword that Adobe's XMP specification (part 3, 1.1.5) gives the iTXt chunk. */
#define LIC_PNG_XMP_KEYWORD "XML:com.adobe.xmp"

enum { LIC_PNG_PHYS_BYTES = 9 };

/* What libpng works on, for reading or writing; to be called in a step. */
png_structp lic_png_create(lic_format_state *state, bool writing);
png_infop lic_png_create_info(lic_format_state *state, png_structp png);
/* Samples of 16 bits are big-endian in the file and native in memory. */
void lic_png_native_order(png_structp png);

#endif
