/* source.h - the bytes of an input file, read in pieces so that a picture of gigabytes does not
 * need gigabytes of memory; or bytes in memory. A file that shrinks while it is read ends early. */
#ifndef LIC_CLI_PICTURE_SOURCE_H
#define LIC_CLI_PICTURE_SOURCE_H

#include "codec/lic.h"

#include <stdbool.h>

typedef struct lic_source {
    uint64_t bytes, at;  /* length, and where reading is; at may be set to any place */
    const uint8_t *data; /* in memory: all of it; of a file: the piece from piece_at */
    uint64_t piece_at;
    size_t piece_bytes;
    int fd; /* -1: in memory */
    uint64_t base;
    void *owned; /* to be freed */
    int error;   /* errno of a piece that could not be read, which looks like the end; or 0 */
} lic_source;

/* Bytes that outlive the source; nothing to close. */
lic_source lic_source_memory(const void *data, size_t bytes);
/* "-" is standard input. What is not a regular file is read to its end at once, within max_memory
 * as in lic_file_read. Close it in any case. */
lic_status lic_source_open(lic_source *source, const char *path, uint64_t max_memory,
                           lic_error *err);
/* Bytes that it holds in memory, apart from a piece. */
uint64_t lic_source_held(const lic_source *source);
void lic_source_close(lic_source *source);

/* LIC_REPORT_ERR_IO if anything could not be read so far. */
lic_status lic_source_status(const lic_source *source, lic_error *err);

/* The number of bytes read; less than asked for only at the end or if the file cannot be read. */
size_t lic_source_read(lic_source *source, void *to, size_t bytes);
/* Looks at the bytes at `at`, as many as are at hand, without moving; 0 at the end. */
size_t lic_source_peek(lic_source *source, const uint8_t **data);
/* The next byte; -1 at the end. */
int lic_source_get(lic_source *source);

#endif
