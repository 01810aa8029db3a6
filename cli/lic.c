/* lic.c - main of the command line program: reads the options and hands over to the command.
 * Results go to standard output, everything said to people to standard error. */
#include "cli/base/files.h"
#include "cli/base/report.h"
#include "cli/commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int run(const lic_settings *settings)
{
    switch (settings->command) {
    case LIC_COMMAND_ENCODE:
        return lic_command_encode(settings);
    case LIC_COMMAND_DECODE:
        return lic_command_decode(settings);
    case LIC_COMMAND_INFO:
        return lic_command_info(settings);
    case LIC_COMMAND_EVAL:
        return lic_command_eval(settings);
    case LIC_COMMAND_BDRATE:
        return lic_command_bdrate(settings);
    case LIC_COMMAND_SWEEP:
        return lic_command_sweep(settings);
    case LIC_COMMAND_BENCH:
        return lic_command_bench(settings);
    default:
        lic_report_error(NULL, "what to do? lic encode, decode, info ...; lic -h explains");
        return LIC_EXIT_USAGE;
    }
}

int main(int argc, char **argv)
{
    lic_settings settings;
    int code = LIC_EXIT_OK;
    if (!lic_options_parse(argc, argv, &settings))
        return LIC_EXIT_USAGE;
    lic_report_init(settings.quiet ? -1 : settings.verbose, !settings.no_progress);
    lic_output_catch_signals();
    if (settings.help)
        lic_options_help(&settings);
    else if (settings.completion)
        lic_options_complete(&settings);
    else if (settings.version)
        code = lic_command_version();
    else
        code = run(&settings);
    /* What was printed counts only if it arrived: a full disk must not look like success. */
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == LIC_EXIT_OK) {
        lic_report_error(NULL, "cannot write to standard output: %s", strerror(errno));
        code = LIC_EXIT_FAILED;
    }
    return code;
}
