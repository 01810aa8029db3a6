/* ahead.h - a reader in a thread of its own: while the encoder works on some rows, it unpacks the
 * next, as many as there is room for. */
#ifndef LIC_CLI_PICTURE_AHEAD_H
#define LIC_CLI_PICTURE_AHEAD_H

#include "cli/picture/image_io.h"

typedef struct lic_ahead lic_ahead;

/* Room for `room` rows of row_bytes, of the n_rows that the picture has. NULL if there is no memory
 * or thread: then take the rows from the reader itself. Reader and picture belong to the thread
 * until lic_ahead_end. */
lic_ahead *lic_ahead_begin(lic_reader *reader, uint32_t n_rows, uint32_t room, size_t row_bytes);
/* The next rows, as lic_reader_rows gives them; waits until they are there. An error stays. */
lic_status lic_ahead_rows(lic_ahead *ahead, uint32_t n_rows, void *rows, size_t stride_bytes,
                          lic_error *err);
/* Stops reading and frees; NULL: nothing to do. After the last row lic_reader_end comes next. */
void lic_ahead_end(lic_ahead *ahead);

#endif
