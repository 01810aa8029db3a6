/* png_errors.h - libpng with its errors led to a guard, for the reader and the writer. */
#ifndef LIC_CLI_PICTURE_PNG_ERRORS_H
#define LIC_CLI_PICTURE_PNG_ERRORS_H

#include "cli/picture/guard.h"

#include <png.h>

/* The keyword that Adobe's XMP specification (part 3, 1.1.5) gives the iTXt chunk. */
#define LIC_PNG_XMP_KEYWORD "XML:com.adobe.xmp"

/* What libpng works on, for reading or writing, in work that the guard runs. */
png_structp lic_png_create(lic_guard *guard, bool writing);
png_infop lic_png_create_info(lic_guard *guard, png_structp png);
/* Samples of 16 bits are big-endian in the file and native in memory. */
void lic_png_native_order(png_structp png);

#endif
