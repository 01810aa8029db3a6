/* huge.h - large blocks of memory on huge pages. */
#ifndef LIC_BASE_HUGE_H
#define LIC_BASE_HUGE_H

#include <stddef.h>

enum { LIC_HUGE_PAGE = 2 << 20, LIC_HUGE_BLOCK = 2 * LIC_HUGE_PAGE };

/* Asks for huge pages where a block of LIC_HUGE_BLOCK or more has whole ones. Its pages then come a
 * few at a time instead of by a fault each, which costs more than the page, above all in virtual
 * machines. A hint, which may be of no effect. lic_alloc does so for what comes from malloc. */
void lic_huge_pages(void *block, size_t bytes);
/* The bytes up to the end of the last of these pages, or 0. */
size_t lic_huge_reach(const void *block, size_t bytes);

#endif
