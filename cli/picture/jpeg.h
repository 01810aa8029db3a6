/* jpeg.h - libjpeg(-turbo) with its errors led to a format's state, for the reader and the writer.
 * libjpeg paints over damage with a warning. Here each warning is known by name, and one that means
 * lost pixels is an error unless the file is to be salvaged. */
#ifndef LIC_CLI_PICTURE_JPEG_H
#define LIC_CLI_PICTURE_JPEG_H

#include "cli/picture/format.h"

/* jpeglib.h needs stdio.h before it. */
#include <stdio.h>

/* jerror.h numbers its messages by what jpeglib.h says of the library. In the other order all
 * messages after the first difference are off, and one warning is taken for another. */
#include <jpeglib.h>

#include <jerror.h>

/* What a warning of libjpeg means for the picture. */
typedef enum lic_jpeg_loss {
    LIC_JPEG_HARMLESS, /* no pixel is lost: a warning, and reading goes on */
    LIC_JPEG_SALVAGE,  /* pixels are lost: an error, unless the options salvage */
    LIC_JPEG_FATAL     /* an error in any case, as is every warning that has no row */
} lic_jpeg_loss;

typedef struct lic_jpeg_warning {
    int code; /* JWRN_... */
    lic_jpeg_loss loss;
    const char *says; /* a part of libjpeg's own text for this code */
    const char *told; /* our text instead; NULL: libjpeg's will do */
} lic_jpeg_warning;

extern const lic_jpeg_warning lic_jpeg_warnings[]; /* ends with no text */

/* For the err field of libjpeg's struct, whose client_data must be a format's state. Returns
 * `errors`. */
struct jpeg_error_mgr *lic_jpeg_errors(struct jpeg_error_mgr *errors);

#endif
