/* huge.c - see huge.h. */
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* MADV_HUGEPAGE */
#endif
#include "codec/base/huge.h"

#include <stdint.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

size_t lic_huge_pages(void *block, size_t bytes)
{
#if defined(MADV_HUGEPAGE)
    if (bytes < LIC_HUGE_BLOCK)
        return 0;
    const size_t before = (LIC_HUGE_PAGE - (uintptr_t)block % LIC_HUGE_PAGE) % LIC_HUGE_PAGE;
    const size_t huge = (bytes - before) / LIC_HUGE_PAGE * LIC_HUGE_PAGE;
    (void)madvise((uint8_t *)block + before, huge, MADV_HUGEPAGE);
    return before + huge;
#else
    (void)block;
    (void)bytes;
    return 0;
#endif
}
