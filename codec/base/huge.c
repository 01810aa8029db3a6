/* huge.c - see huge.h. */
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* MADV_HUGEPAGE */
#endif
#include "codec/base/huge.h"

#include <stdint.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

void lic_huge_pages(void *block, size_t bytes)
{
#if defined(MADV_HUGEPAGE)
    const size_t before = (LIC_HUGE_PAGE - (uintptr_t)block % LIC_HUGE_PAGE) % LIC_HUGE_PAGE;
    if (bytes >= LIC_HUGE_BLOCK)
        (void)madvise((uint8_t *)block + before, (bytes - before) / LIC_HUGE_PAGE * LIC_HUGE_PAGE,
                      MADV_HUGEPAGE);
#else
    (void)block;
    (void)bytes;
#endif
}
