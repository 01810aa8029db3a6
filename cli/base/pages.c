/* pages.c - see pages.h. */
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* MADV_POPULATE_WRITE */
#endif
#include "cli/base/pages.h"

#include <stdint.h>
#include <stdlib.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

void *lic_pages_take(size_t bytes)
{
    uint8_t *const block = malloc(bytes);
#if defined(MADV_POPULATE_WRITE)
    enum { PAGE = 4096, FEW = 4 };
    if (block && bytes >= FEW * PAGE) {
        uint8_t *const first = block + (PAGE - (uintptr_t)block % PAGE) % PAGE;
        (void)madvise(first, (size_t)(block + bytes - first) / PAGE * PAGE, MADV_POPULATE_WRITE);
    }
#endif
    return block;
}
