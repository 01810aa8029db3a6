/* inputs.h - what encode and decode work on: the words of the command line, the files of folders
 * (-r) and of lists (--filelist), each with the name of its output. Names are checked before
 * anything is written: no two inputs share an output, and no output is an input. */
#ifndef LIC_CLI_BATCH_INPUTS_H
#define LIC_CLI_BATCH_INPUTS_H

#include "cli/options/options.h"

typedef struct lic_input {
    char *path;
    char *output;
    const char *name; /* part of the path; output folder and --shard use it */
} lic_input;

typedef struct lic_inputs {
    lic_input *items;
    size_t n;
    size_t n_unread; /* folders that could not be read, already reported */
    bool in_folder;  /* outputs may need folders that are not there yet */
} lic_inputs;

/* suffix: the end of a default output name. Returns -1 to go on, else the exit code with all
 * messages printed. Free in any case. */
int lic_inputs_gather(lic_inputs *inputs, const lic_settings *settings, const char *suffix);
void lic_inputs_free(lic_inputs *inputs);

/* ---- for inputs.c alone, in output_names.c ---- */

/* Prints that and returns the exit code. */
int lic_inputs_no_memory(void);
/* Names the outputs. Returns -1, or the exit code with a message printed. */
int lic_inputs_name_outputs(lic_inputs *inputs, const lic_settings *settings, const char *suffix);
/* Inputs that differ only in their suffix, and so would share an output, get outputs that keep the
 * suffix. Then checks that no two share an output and that no output is another's input. Returns
 * -1, or the exit code with a message printed. */
int lic_inputs_check_outputs(const lic_inputs *inputs, const lic_settings *settings,
                             const char *suffix);

#endif
