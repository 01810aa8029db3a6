/* relay.h - a writer in a thread of its own: while it compresses one band of rows, the decoder
 * works on the next. Two bands are in memory then, the decoder's and the relay's. */
#ifndef LIC_CLI_PICTURE_RELAY_H
#define LIC_CLI_PICTURE_RELAY_H

#include "cli/picture/image_io.h"

typedef struct lic_relay lic_relay;

/* For bands of up to band_bytes, rows without gaps. NULL if there is no memory or thread: then give
 * the rows to the writer itself. The writer belongs to the relay until that has ended. */
lic_relay *lic_relay_begin(lic_writer *writer, size_t band_bytes);
/* Copies the rows and returns when the thread is done with the previous ones. An error stays, and
 * may come from rows given earlier. */
lic_status lic_relay_rows(lic_relay *relay, uint32_t n_rows, const void *rows, size_t stride_bytes,
                          lic_error *err);
/* Waits for what was given, and frees the relay; NULL: nothing to do. lic_writer_end comes next. */
lic_status lic_relay_end(lic_relay *relay, lic_error *err);

#endif
