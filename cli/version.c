/* version.c - lic -V: what this program is and what it would use here. */
#include "cli/base/report.h"
#include "cli/base/utf8.h"
#include "cli/commands.h"

#include <inttypes.h>
#include <stdio.h>

static int print_model(void *user, const char *path, uint64_t hash)
{
    int *n = user;
    printf("%s%016" PRIx64 "  ", (*n)++ ? "          " : "models    ", hash);
    lic_utf8_put(stdout, path);
    putchar('\n');
    return 0;
}

int lic_command_version(void)
{
    int n = 0;
    printf("lic %s (stream format %d)\n", lic_version(), LIC_FORMAT_VERSION);
    printf("cpu       %s (has:", lic_cpu_name(lic_cpu_best()));
    for (int cpu = LIC_CPU_SCALAR; cpu <= LIC_CPU_AVX512VNNI; cpu++)
        if (lic_cpu_supported((lic_cpu)cpu))
            printf(" %s", lic_cpu_name((lic_cpu)cpu));
    printf(")\nbackends  strict%s\n",
           lic_backend_supported(LIC_BACKEND_OPENBLAS) ? ", openblas" : "");
    printf("threads   %d\n", lic_thread_count(0));
    (void)lic_model_each(NULL, print_model, &n);
    if (n == 0)
        printf("models    none found; LIC_MODEL_DIR names a folder\n");
    return LIC_EXIT_OK;
}
