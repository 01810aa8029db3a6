/* inputs.h - what encode and decode work on: the words of the command line, the files of folders
 * (-r) and of lists (--filelist), each with the name of its output. Names are checked before
 * anything is written: no two inputs have one output, and no output is an input. */
#ifndef LIC_CLI_BATCH_INPUTS_H
#define LIC_CLI_BATCH_INPUTS_H

#include "cli/options/options.h"

typedef struct lic_input {
    char *path;
    char *output;
    const char *name; /* in the path: what an output folder mirrors and --shard goes by */
} lic_input;

typedef struct lic_inputs {
    lic_input *items;
    size_t n;
    size_t n_unread; /* folders that could not be read, which has been said */
    bool in_folder;  /* outputs may need folders that are not there yet */
} lic_inputs;

/* suffix: what a default output name ends in. Returns -1 to go on, else the exit code, everything
 * said. Free in any case. */
int lic_inputs_gather(lic_inputs *inputs, const lic_settings *settings, const char *suffix);
void lic_inputs_free(lic_inputs *inputs);

/* ---- for inputs.c alone, in output_names.c ---- */

/* Says so; the exit code. */
int lic_inputs_no_memory(void);
/* Names the outputs. -1, or the exit code, said. */
int lic_inputs_name_outputs(lic_inputs *inputs, const lic_settings *settings, const char *suffix);
/* Inputs that differ in their suffix only, and so have one output, get outputs with that suffix. Do
 * two still have one output, or is one's output another's input? -1, or the exit code, said. */
int lic_inputs_check_outputs(const lic_inputs *inputs, const lic_settings *settings,
                             const char *suffix);

#endif
