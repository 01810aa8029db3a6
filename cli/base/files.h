/* files.h - whole files in, whole files out. "-" is standard input or output.
 * An output file appears under its name only when it is complete: it is written beside its place
 * under a temporary name and renamed; an error or a signal removes it. */
#ifndef LIC_CLI_BASE_FILES_H
#define LIC_CLI_BASE_FILES_H

#include "codec/lic.h"

#include <stdbool.h>
#include <stdio.h>
#include <time.h>

typedef struct lic_file_data {
    uint8_t *data; /* lic_file_free */
    size_t bytes;
} lic_file_data;

/* What --max-memory lets be read as a whole, if it is not given. */
#define LIC_READ_MEMORY ((uint64_t)1 << 30)
#define LIC_READ_ANY    UINT64_MAX
/* A file of more than max_memory bytes (0: LIC_READ_MEMORY) is refused, and no more than that is
 * taken: what comes through a pipe tells its length only at its end. LIC_READ_ANY is for what has
 * nothing to do with --max-memory; there is still an end to it. */
lic_status lic_file_read(const char *path, uint64_t max_memory, lic_file_data *out, lic_error *err);
/* The same of a .lic file: what begins otherwise is refused before the rest of it is read. */
lic_status lic_file_read_stream(const char *path, uint64_t max_memory, lic_file_data *out,
                                lic_error *err);
/* Of at most 16 MiB: what people write, or programs for people. */
lic_status lic_file_read_small(const char *path, lic_file_data *out, lic_error *err);
void lic_file_free(lic_file_data *data);

typedef struct lic_output {
    FILE *stream;
    char *path;      /* where it will be; NULL for a stream or device, written in place */
    char *temporary; /* its name until then */
    bool overwrite;
    unsigned mode; /* rights that it gets once it is complete: until then, its owner's */
    bool has_owner, has_times; /* to be given as well, as far as the system lets */
    unsigned owner, group;
    struct timespec times[2];
    struct lic_output *next; /* of those that a signal removes */
} lic_output;

/* What stands at an output name. */
typedef enum lic_place {
    LIC_PLACE_FREE,
    LIC_PLACE_FILE,   /* would be overwritten */
    LIC_PLACE_DEVICE, /* a device or pipe: written in place */
    LIC_PLACE_INPUT,  /* the input itself, by this or another name */
    LIC_PLACE_FOLDER
} lic_place;
lic_place lic_output_place(const char *path, const char *input);

/* The output stays where it is in memory until it is committed or aborted. A file that it takes the
 * place of leaves it its rights and its owner; a new one has those that the user's mask gives. */
lic_status lic_output_open(lic_output *out, const char *path, bool overwrite, lic_error *err);
/* It is made of this file: nobody may read it, if new, who may not read that one; and it has its
 * times, if these are wanted. */
void lic_output_made_of(lic_output *out, const char *input, bool times);
/* Flushes, closes, renames. The output is closed in any case. */
lic_status lic_output_commit(lic_output *out, lic_error *err);
/* Closes and removes what was written so far. */
void lic_output_abort(lic_output *out);

/* From here on SIGINT, SIGTERM, SIGHUP and all others that end a program and can be caught remove
 * the temporary files and exit with 130. To be called before there are other threads. */
void lic_output_catch_signals(void);

/* What follows the last slash. */
const char *lic_file_base_name(const char *path);

#endif
