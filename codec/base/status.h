/* status.h - how every module reports failure: a lic_status and one line of text.
 * Layer 0: may include nothing of the project but the public types in codec/lic.h. */
#ifndef LIC_BASE_STATUS_H
#define LIC_BASE_STATUS_H

#include "codec/lic.h"

/* Fills *err (if not NULL) with the status and the formatted line. Returns the status, so that a
 * failing function can end in `return lic_fail(err, LIC_ERR_..., "...")`. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
lic_status
lic_fail(lic_error *err, lic_status status, const char *format, ...);

/* Allocates through the caller's allocator, or with malloc if it is NULL. */
void *lic_alloc(const lic_allocator *allocator, size_t bytes);
/* As realloc, for a block of old_bytes; old may be NULL. Large blocks are mostly not copied where
 * the allocator is malloc's. */
void *lic_realloc(const lic_allocator *allocator, void *old, size_t old_bytes, size_t bytes);
void lic_dealloc(const lic_allocator *allocator, void *pointer);

#endif
