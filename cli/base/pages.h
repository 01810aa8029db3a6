/* pages.h - memory that will all be used. */
#ifndef LIC_CLI_BASE_PAGES_H
#define LIC_CLI_BASE_PAGES_H

#include <stddef.h>

/* As malloc; where the system can, its pages come in one call instead of by a fault each, which
 * costs more than the page, above all in virtual machines. Return it by free. */
void *lic_pages_take(size_t bytes);

#endif
