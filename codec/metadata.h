/* metadata.h - the kinds of metadata that most programs know, as chunks of a file. */
#ifndef LIC_CODEC_METADATA_H
#define LIC_CODEC_METADATA_H

#include "codec/lic.h"

/* The most chunks that a lic_metadata can become. */
enum { LIC_METADATA_CHUNKS = 3 };

/* Appends what there is to chunks [*n]. If an EXIF had to be made, *exif holds it, to be freed once
 * the chunks are written. */
lic_status lic_metadata_chunks(const lic_metadata *metadata, const lic_allocator *allocator,
                               lic_buffer *exif, lic_chunk *chunks, size_t *n, lic_error *err);

/* The orientation in an EXIF, 1 to 8; 0 if it has none. Accepts any bytes. */
uint32_t lic_metadata_orientation(lic_span exif);
/* The same EXIF with another orientation; without EXIF, a new one of this tag alone.
 * LIC_ERR_CORRUPT: these bytes are not EXIF. */
lic_status lic_metadata_turn(lic_span exif, uint32_t orientation, const lic_allocator *allocator,
                             lic_buffer *out);

#endif
