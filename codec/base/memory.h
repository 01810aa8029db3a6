/* memory.h - how much memory this process may have: the machine's, or less in a container. */
#ifndef LIC_BASE_MEMORY_H
#define LIC_BASE_MEMORY_H

#include <stdint.h>

/* Bytes: physical memory, or less if control groups (Linux cgroup version 1 and 2, the process's
 * own and those above it) allow less. UINT64_MAX if neither is known. `root` is put in front of
 * every path that is read; it is "" except in tests. */
uint64_t lic_memory_of_process(const char *root);

#endif
