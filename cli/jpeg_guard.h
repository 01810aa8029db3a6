/* jpeg_guard.h - as png_guard.h, for libjpeg(-turbo). libjpeg paints over damage with a warning;
 * here those warnings that mean lost pixels are errors. */
#ifndef LIC_CLI_JPEG_GUARD_H
#define LIC_CLI_JPEG_GUARD_H

#include "cli/image_io.h"

/* jpeglib.h needs stdio.h before it */
#include <stdio.h>

#include <jerror.h>
#include <jpeglib.h>
#include <setjmp.h>

#define LIC_JPEG_EXIF_HEAD     "Exif\0" /* 6 bytes with the final zero */
#define LIC_JPEG_XMP_HEAD      "http://ns.adobe.com/xap/1.0/"
#define LIC_JPEG_XMP_MORE_HEAD "http://ns.adobe.com/xmp/extension/"

/* First in the job of the reader and of the writer. */
typedef struct lic_jpeg_guard {
    struct jpeg_error_mgr errors; /* first: libjpeg hands back a pointer to it */
    jmp_buf jump;
    lic_picture *picture;
    lic_error *err; /* of the call that is under way */
    lic_status status;
} lic_jpeg_guard;

/* For the err field of libjpeg's struct, whose client_data must be the guard. */
struct jpeg_error_mgr *lic_jpeg_guard_init(lic_jpeg_guard *guard, lic_picture *picture);
/* Runs work(job) and returns its status; after a failure only closing makes sense. */
lic_status lic_jpeg_guarded(lic_jpeg_guard *guard, void (*work)(void *job), void *job,
                            lic_error *err);
/* Out of the work. */
_Noreturn void lic_jpeg_stop(lic_jpeg_guard *guard, lic_status status);

#endif
