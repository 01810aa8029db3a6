/* png_guard.h - libpng reports errors by a call that must not return: it jumps back to the guard
 * round each piece of work. What must survive the jump lies in the job, never in the function that
 * calls setjmp. */
#ifndef LIC_CLI_PNG_GUARD_H
#define LIC_CLI_PNG_GUARD_H

#include "cli/image_io.h"

#include <png.h>
#include <setjmp.h>

/* The keyword that Adobe's XMP specification (part 3, 1.1.5) gives the iTXt chunk. */
#define LIC_PNG_XMP_KEYWORD "XML:com.adobe.xmp"

/* First in the job of the reader and of the writer. */
typedef struct lic_png_guard {
    png_structp png;
    png_infop info;
    jmp_buf jump;
    lic_picture *picture;
    lic_error *err; /* of the call that is under way */
    lic_status status, on_error;
    const char *doing; /* "damaged PNG" */
} lic_png_guard;

/* png and info, for reading or writing; false if there is no memory. */
bool lic_png_guard_init(lic_png_guard *guard, bool writing);
/* Runs work(job) and returns its status; after a failure only closing makes sense. */
lic_status lic_png_guarded(lic_png_guard *guard, void (*work)(void *job), void *job,
                           lic_error *err);
/* Out of the work. */
_Noreturn void lic_png_stop(lic_png_guard *guard, lic_status status);
/* Samples of 16 bits are big-endian in the file and native in memory. */
void lic_png_native_order(png_structp png);

#endif
