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

/* The most that is read as a whole if --max-memory is not given. */
#define LIC_READ_MEMORY ((uint64_t)1 << 30)
#define LIC_READ_ANY    UINT64_MAX
/* A file of more than max_memory bytes (0: LIC_READ_MEMORY) is refused, and no more memory than
 * that is taken, since a pipe shows its length only at its end. LIC_READ_ANY is for what
 * --max-memory does not cover; it still has a limit. */
lic_status lic_file_read(const char *path, uint64_t max_memory, lic_file_data *out, lic_error *err);
/* The same for a .lic file: another beginning is refused before the rest is read. */
lic_status lic_file_read_stream(const char *path, uint64_t max_memory, lic_file_data *out,
                                lic_error *err);
/* Reads at most 16 MiB: text written by people, or by programs for people. */
lic_status lic_file_read_small(const char *path, lic_file_data *out, lic_error *err);
void lic_file_free(lic_file_data *data);

typedef struct lic_output {
    FILE *stream;
    char *path;      /* its final name; NULL for standard output */
    char *temporary; /* its name until then; NULL for what is written in place */
    bool overwrite;
    unsigned mode;             /* rights once it is complete; until then, the owner's only */
    bool has_owner, has_times; /* to be set too, as far as the system allows */
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

/* The struct must stay where it is until the output is committed or aborted. An output that
 * replaces a file keeps that file's rights and owner; a new one gets those that the user's mask
 * gives. */
lic_status lic_output_open(lic_output *out, const char *path, bool overwrite, lic_error *err);
/* Names the file that the output is made from. A new output is readable only by those who may read
 * that file, and gets its times if these are wanted. */
void lic_output_made_of(lic_output *out, const char *input, bool times);
/* Flushes, closes, renames. The output is closed in any case. */
lic_status lic_output_commit(lic_output *out, lic_error *err);
/* Closes and removes what was written so far. */
void lic_output_abort(lic_output *out);

/* From here on every signal that ends a program and can be caught (SIGINT, SIGTERM, SIGHUP, ...)
 * removes the temporary files and exits with 130. To be called before there are other threads. */
void lic_output_catch_signals(void);

/* Descriptors 0 to 2 that are closed are taken, so that no file becomes standard output or error
 * and gets what is said there. Using them stays an error. To be called before any file is opened.
 */
void lic_file_keep_standard(void);

/* The part after the last slash. */
const char *lic_file_base_name(const char *path);

#endif
