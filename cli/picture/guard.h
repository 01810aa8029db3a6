/* guard.h - libpng and libjpeg report errors through a call that must not return. It jumps back to
 * the guard around each piece of work. What must survive the jump lies in the job, never in the
 * function that calls setjmp. */
#ifndef LIC_CLI_PICTURE_GUARD_H
#define LIC_CLI_PICTURE_GUARD_H

#include "cli/picture/image_io.h"

#include <setjmp.h>

/* The first member of each reader's and writer's job, so that the library's user pointer leads to
 * both. */
typedef struct lic_guard {
    jmp_buf jump;
    lic_picture *picture; /* takes the warnings */
    const char *doing;    /* what a failure is called, "damaged PNG", */
    lic_status on_error;  /* and what it is */
    lic_error *err;       /* of the call that is under way */
    bool salvage;         /* damage is no failure if the library can read on */
    bool no_memory;       /* an allocation failed: an error, whatever the library makes of it */
    lic_status status;
} lic_guard;

/* Runs work(job) and returns its status; after a failure only closing makes sense. */
lic_status lic_guard_run(lic_guard *guard, void (*work)(void *job), void *job, lic_error *err);
/* Leaves the work. */
_Noreturn void lic_guard_stop(lic_guard *guard, lic_status status);
/* The same, with the library's own message. */
_Noreturn void lic_guard_fail(lic_guard *guard, const char *text);

#endif
