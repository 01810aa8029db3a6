/* guard.h - libpng and libjpeg report errors by a call that must not return: it jumps back to the
 * guard round each piece of work. What must survive the jump lies in the job, never in the function
 * that calls setjmp. */
#ifndef LIC_CLI_PICTURE_GUARD_H
#define LIC_CLI_PICTURE_GUARD_H

#include "cli/picture/image_io.h"

#include <setjmp.h>

/* First in the job of each reader and writer, so that a library's pointer for its user's things
 * leads to both. */
typedef struct lic_guard {
    jmp_buf jump;
    lic_picture *picture; /* takes the warnings */
    const char *doing;    /* what a failure is called, "damaged PNG", */
    lic_status on_error;  /* and what it is */
    lic_error *err;       /* of the call that is under way */
    bool salvage;         /* damage that the library can read on behind is no failure */
    bool no_memory;       /* the library asked in vain: whatever it makes of that, it is an error */
    lic_status status;
} lic_guard;

/* Runs work(job) and returns its status; after a failure only closing makes sense. */
lic_status lic_guard_run(lic_guard *guard, void (*work)(void *job), void *job, lic_error *err);
/* Out of the work. */
_Noreturn void lic_guard_stop(lic_guard *guard, lic_status status);
/* The same with what a library says of its failure. */
_Noreturn void lic_guard_fail(lic_guard *guard, const char *text);

#endif
