/* commands.h - the functions of the commands in LIC_COMMANDS, each in its own file. They print all
 * messages and return the exit code. */
#ifndef LIC_CLI_COMMANDS_H
#define LIC_CLI_COMMANDS_H

#include "cli/options/options.h"

#define LIC_COMMAND_FUNCTION(NAME, name, ...) int lic_command_##name(const lic_settings *settings);
LIC_COMMANDS(LIC_COMMAND_FUNCTION)

int lic_command_version(void); /* lic -V */

#endif
