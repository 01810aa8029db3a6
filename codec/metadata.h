/* metadata.h - the kinds of metadata that most programs know, as chunks of a file. */
#ifndef LIC_CODEC_METADATA_H
#define LIC_CODEC_METADATA_H

#include "codec/lic.h"

/* Most chunks that a lic_metadata becomes. */
enum { LIC_METADATA_CHUNKS = 3 };

/* Appends what there is to chunks [*n]; *exif holds an EXIF that had to be made for it, to be freed
 * once the chunks are written. */
lic_status lic_metadata_chunks(const lic_metadata *metadata, const lic_allocator *allocator,
                               lic_buffer *exif, lic_chunk *chunks, size_t *n, lic_error *err);

/* The orientation that an EXIF tells, 1 to 8; 0 if it tells none. Fails on no bytes. */
uint32_t lic_metadata_orientation(lic_span exif);
/* The same EXIF (none: one of this tag alone) with another orientation. LIC_ERR_CORRUPT: it is
 * none.
 */
lic_status lic_metadata_turn(lic_span exif, uint32_t orientation, const lic_allocator *allocator,
                             lic_buffer *out);

#endif
