/* jpeg_errors.h - libjpeg(-turbo) with its errors led to a guard, for the reader and the writer.
 * libjpeg paints over damage with a warning; here those warnings that mean lost pixels are errors.
 */
#ifndef LIC_CLI_PICTURE_JPEG_ERRORS_H
#define LIC_CLI_PICTURE_JPEG_ERRORS_H

#include "cli/picture/guard.h"

/* jpeglib.h needs stdio.h before it */
#include <stdio.h>

#include <jerror.h>
#include <jpeglib.h>

#define LIC_JPEG_EXIF_HEAD     "Exif\0" /* 6 bytes with the final zero */
#define LIC_JPEG_XMP_HEAD      "http://ns.adobe.com/xap/1.0/"
#define LIC_JPEG_XMP_MORE_HEAD "http://ns.adobe.com/xmp/extension/"

/* For the err field of libjpeg's struct, whose client_data must be a guard. Returns `errors`. */
struct jpeg_error_mgr *lic_jpeg_errors(struct jpeg_error_mgr *errors);

#endif
