/* test_memory.c - the limits that a container sets are found, in trees like those of Linux, in a
 * folder of their own. */
#include "codec/base/memory.h"
#include "codec/lic.h"
#include "tests/test.h"

#include <sys/stat.h>
#include <unistd.h>

static char root[64];

static void make_root(void)
{
    strcpy(root, "/tmp/lic-test-memory-XXXXXX");
    if (!mkdtemp(root))
        exit(2);
}

/* Writes a file below the root, with the folders on the way. */
static void put(const char *path, const char *text)
{
    char full[512];
    const int n = snprintf(full, sizeof full, "%s%s", root, path);
    if (n < 0 || n >= (int)sizeof full)
        exit(2);
    for (char *at = full + strlen(root) + 1; (at = strchr(at, '/')); at++) {
        *at = 0;
        (void)mkdir(full, 0700);
        *at = '/';
    }
    FILE *file = fopen(full, "w");
    if (!file || fputs(text, file) < 0 || fclose(file))
        exit(2);
}

static void remove_root(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", root);
    if (system(command))
        exit(2);
}

TEST(nothing_said_leaves_the_machine)
{
    make_root();
    const uint64_t machine = lic_memory_of_process(root);
    CHECK(machine > 1000000);
    put("/proc/self/cgroup", "0::/\n");
    put("/sys/fs/cgroup/memory.max", "max\n");
    CHECK(lic_memory_of_process(root) == machine);
    put("/proc/self/cgroup", "no line of this kind\n::\n\n");
    CHECK(lic_memory_of_process(root) == machine);
    put("/sys/fs/cgroup/memory.max", "-5\n");
    put("/proc/self/cgroup", "0::/\n");
    CHECK(lic_memory_of_process(root) == machine);
    remove_root();
}

TEST(version_2_own_group_and_those_above)
{
    make_root();
    put("/proc/self/cgroup", "0::/a/b\n");
    put("/sys/fs/cgroup/memory.max", "max\n");
    put("/sys/fs/cgroup/a/memory.max", "100000\n");
    put("/sys/fs/cgroup/a/b/memory.max", "200000\n");
    CHECK_EQ_INT(lic_memory_of_process(root), 100000);
    put("/sys/fs/cgroup/a/b/memory.max", "50000\n");
    CHECK_EQ_INT(lic_memory_of_process(root), 50000);
    remove_root();
}

TEST(version_2_inside_of_a_container)
{
    make_root();
    put("/proc/self/cgroup", "0::/../../kubepods/pod7\n"); /* the path of the host */
    put("/sys/fs/cgroup/memory.max", "300000\n");
    CHECK_EQ_INT(lic_memory_of_process(root), 300000);
    put("/proc/self/cgroup", "0::/docker/0123456789abcdef\n");
    CHECK_EQ_INT(lic_memory_of_process(root), 300000);
    remove_root();
}

TEST(version_1_and_both_at_once)
{
    make_root();
    put("/proc/self/cgroup", "12:cpu,cpuacct:/x\n4:memory:/docker/c\n0::/user\n");
    put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "700000\n");
    put("/sys/fs/cgroup/cpu/x/memory.limit_in_bytes", "1\n");
    CHECK_EQ_INT(lic_memory_of_process(root), 700000);
    put("/sys/fs/cgroup/memory/docker/c/memory.limit_in_bytes", "600000\n");
    CHECK_EQ_INT(lic_memory_of_process(root), 600000);
    put("/proc/self/cgroup", "4:hugetlb,memory:/docker/c\n");
    CHECK_EQ_INT(lic_memory_of_process(root), 600000);
    put("/proc/self/cgroup", "4:memory_x,notmemory:/docker/c\n");
    CHECK(lic_memory_of_process(root) > 700000);
    remove_root();
}

TEST(the_default_limit_leaves_a_quarter)
{
    CHECK(lic_memory_limit() == lic_memory_of_process("") / 4 * 3);
}
