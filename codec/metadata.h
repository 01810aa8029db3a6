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

/* As lic_exif_orientation, but 0 if the EXIF says nothing valid. */
uint32_t lic_metadata_orientation(lic_span exif);

#endif
