/* target.h - searches the quality that comes nearest to a size or a PSNR without breaking the
 * promise: never above a size, never below a PSNR. Knows nothing of pictures: the caller encodes at
 * the quality that is asked for and reports the result. */
#ifndef LIC_CLI_BATCH_TARGET_H
#define LIC_CLI_BATCH_TARGET_H

#include <stdbool.h>
#include <stddef.h>

typedef enum lic_target_kind {
    LIC_TARGET_NONE,
    LIC_TARGET_BPP,  /* bits of the whole file per pixel */
    LIC_TARGET_SIZE, /* bytes of the whole file */
    LIC_TARGET_PSNR  /* dB */
} lic_target_kind;

enum { LIC_TARGET_MAX_TRIES = 5 };

typedef struct lic_target_try {
    double quality;
    double error; /* how far above the target: log of sizes, or dB */
    bool kept;    /* the promise */
    size_t bytes, used; /* of the file; of these, what quality changes */
    double psnr;
} lic_target_try;

typedef struct lic_target {
    lic_target_kind kind; /* SIZE or PSNR */
    double value;         /* bytes or dB */
    double pixels;
    lic_target_try tries[LIC_TARGET_MAX_TRIES];
    int n;
} lic_target;

/* For a picture of this many pixels. */
void lic_target_begin(lic_target *target, lic_target_kind kind, double value, double pixels);
/* The quality to try next; false when there is nothing left to gain. */
bool lic_target_next(const lic_target *target, double *quality);
/* Reports a result: bytes of the whole file, `overhead` of which do not depend on quality, and the
 * PSNR if that is the target. Returns whether it is the best so far that keeps the promise. */
bool lic_target_add(lic_target *target, double quality, size_t bytes, size_t overhead, double psnr);
/* The best try that keeps the promise: for a size the largest file, for a PSNR the smallest. NULL
 * if none does. */
const lic_target_try *lic_target_best(const lic_target *target);
/* The try nearest to the target, if none keeps the promise: the limit of what can be had. */
const lic_target_try *lic_target_limit(const lic_target *target);

#endif
