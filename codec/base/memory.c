/* memory.c - see memory.h. A container limits its processes through control groups.
 * /proc/self/cgroup names them, one line "id:controllers:path" each. Inside a container the path
 * may be the host's, which does not exist there; the root of the mount is then the container's own
 * group, so the root is always looked at. What cannot be read limits nothing. */
#include "codec/base/memory.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 1024 };

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The number in a file; UINT64_MAX if there is none ("max" means no limit in version 2). */
static uint64_t read_number(const char *path)
{
    char line[32] = "";
    FILE *file = fopen(path, "r");
    if (!file)
        return UINT64_MAX;
    const bool ok = fgets(line, sizeof line, file) && line[0] >= '0' && line[0] <= '9';
    fclose(file);
    return ok ? strtoull(line, NULL, 10) : UINT64_MAX;
}

/* The lowest limit of a group and of those above it, up to the root of the mount. */
static uint64_t limit_of_group(const char *root, const char *mount, const char *group,
                               const char *name)
{
    char path[PATH_BYTES], at[PATH_BYTES / 2];
    uint64_t limit = UINT64_MAX;
    if (snprintf(at, sizeof at, "%s", group) >= (int)sizeof at || strstr(at, "/.."))
        at[0] = 0;
    for (;;) {
        const int n = snprintf(path, sizeof path, "%s%s%s/%s", root, mount, at, name);
        if (n > 0 && n < (int)sizeof path)
            limit = smaller(limit, read_number(path));
        char *last = strrchr(at, '/');
        if (!last)
            return limit;
        *last = 0;
    }
}

/* Whether a comma-separated list contains the word "memory". */
static bool has_memory(const char *list)
{
    const char word[] = "memory";
    for (const char *at = list; (at = strstr(at, word)); at++) {
        const char behind = at[sizeof word - 1];
        if ((at == list || at[-1] == ',') && (behind == 0 || behind == ','))
            return true;
    }
    return false;
}

static uint64_t limit_of_line(const char *root, char *line)
{
    line[strcspn(line, "\n")] = 0;
    char *list = strchr(line, ':'), *group = list ? strchr(list + 1, ':') : NULL;
    if (!group)
        return UINT64_MAX;
    *group++ = 0;
    if (list[1] == 0)
        return limit_of_group(root, "/sys/fs/cgroup", group, "memory.max");
    return has_memory(list + 1)
               ? limit_of_group(root, "/sys/fs/cgroup/memory", group, "memory.limit_in_bytes")
               : UINT64_MAX;
}

static uint64_t limit_of_groups(const char *root)
{
    char line[PATH_BYTES];
    uint64_t limit = UINT64_MAX;
    snprintf(line, sizeof line, "%s/proc/self/cgroup", root);
    FILE *file = fopen(line, "r");
    if (!file)
        return limit;
    while (fgets(line, sizeof line, file))
        limit = smaller(limit, limit_of_line(root, line));
    fclose(file);
    return limit;
}

static uint64_t physical(void)
{
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    return pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : UINT64_MAX;
}

uint64_t lic_memory_of_process(const char *root)
{
    return smaller(physical(), limit_of_groups(root));
}
