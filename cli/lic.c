/* lic.c - main of the command line program: reads the options and calls the command. Results go to
 * standard output, messages to standard error. */
#include "cli/base/files.h"
#include "cli/base/report.h"
#include "cli/base/utf8.h"
#include "cli/options/options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Done before the library loads OpenBLAS and before there are threads. OpenBLAS 0.3.21 does not
 * know recent processors: on AMD Zen 5 it picks Haswell kernels, half as fast as its AVX-512
 * ones. */
static void choose_openblas_kernels(const lic_settings *settings)
{
    if (settings->backend == LIC_BACKEND_OPENBLAS && lic_cpu_supported(LIC_CPU_AVX512))
        setenv("OPENBLAS_CORETYPE", "SkylakeX", 0);
}

static int print_model(void *user, const char *path, uint64_t hash)
{
    int *n = user;
    printf("%s%016" PRIx64 "  ", (*n)++ ? "          " : "models    ", hash);
    lic_utf8_put(stdout, path);
    putchar('\n');
    return 0;
}

/* lic -V: what this program is and what it would use here. */
static void print_version(void)
{
    int n = 0;
    printf("lic %s (stream format %d)\n", lic_version(), LIC_FORMAT_VERSION);
    printf("cpu       %s (has:", lic_cpu_name(lic_cpu_best()));
    for (int cpu = LIC_CPU_SCALAR; cpu <= LIC_CPU_LAST; cpu++)
        if (lic_cpu_supported((lic_cpu)cpu))
            printf(" %s", lic_cpu_name((lic_cpu)cpu));
    printf(")\nbackends  strict%s\n",
           lic_backend_supported(LIC_BACKEND_OPENBLAS) ? ", openblas" : "");
    printf("threads   %d\n", lic_thread_count(0));
    (void)lic_model_each(NULL, print_model, &n);
    if (n == 0)
        printf("models    none found; LIC_MODEL_DIR names a folder\n");
}

static int run(const lic_settings *settings)
{
    choose_openblas_kernels(settings);
    const lic_command_row *command = lic_options_command(settings->command);
    if (command)
        return command->run(settings);
    return lic_report_exit(LIC_EXIT_USAGE, NULL,
                           "what to do? lic encode, decode, info ...; lic -h explains");
}

int main(int argc, char **argv)
{
    lic_settings settings;
    int code = LIC_EXIT_OK;
    lic_file_keep_standard();
    if (argc > 2 && strcmp(argv[1], "--complete") == 0) { /* a shell asks: completion.c */
        lic_options_complete_words(argc - 2, argv + 2);
        return LIC_EXIT_OK;
    }
    if (!lic_options_parse(argc, argv, &settings))
        return LIC_EXIT_USAGE;
    lic_report_init(settings.quiet ? -1 : settings.verbose, !settings.no_progress);
    lic_output_catch_signals();
    if (settings.help)
        lic_options_help(&settings);
    else if (settings.completion)
        lic_options_complete(&settings);
    else if (settings.version)
        print_version();
    else
        code = run(&settings);
    /* Output counts only if it arrived: a full disk must not look like success. */
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == LIC_EXIT_OK) {
        lic_report_error(NULL, "cannot write to standard output: %s", strerror(errno));
        code = LIC_EXIT_FAILED;
    }
    return code;
}
