/* huge.c - see huge.h. */
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* MADV_HUGEPAGE */
#endif
#include "codec/base/huge.h"

#include <stdint.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

#if defined(MADV_HUGEPAGE)
static size_t to_huge_page(const void *block)
{
    return (LIC_HUGE_PAGE - (uintptr_t)block % LIC_HUGE_PAGE) % LIC_HUGE_PAGE;
}

size_t lic_huge_reach(const void *block, size_t bytes)
{
    const size_t before = to_huge_page(block);
    return bytes < LIC_HUGE_BLOCK ? 0 : before + (bytes - before) / LIC_HUGE_PAGE * LIC_HUGE_PAGE;
}

void lic_huge_pages(void *block, size_t bytes)
{
    const size_t before = to_huge_page(block), reach = lic_huge_reach(block, bytes);
    if (reach > 0)
        (void)madvise((uint8_t *)block + before, reach - before, MADV_HUGEPAGE);
}
#else
size_t lic_huge_reach(const void *block, size_t bytes)
{
    (void)block;
    (void)bytes;
    return 0;
}

void lic_huge_pages(void *block, size_t bytes)
{
    (void)block;
    (void)bytes;
}
#endif
