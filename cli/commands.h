/* commands.h - the commands, each in its own file. They return the exit code, everything said. */
#ifndef LIC_CLI_COMMANDS_H
#define LIC_CLI_COMMANDS_H

#include "cli/options/options.h"

int lic_command_encode(const lic_settings *settings);
int lic_command_decode(const lic_settings *settings);
int lic_command_info(const lic_settings *settings);
int lic_command_eval(const lic_settings *settings);
int lic_command_bdrate(const lic_settings *settings);
int lic_command_sweep(const lic_settings *settings);
int lic_command_bench(const lic_settings *settings);
int lic_command_version(void);

#endif
