/* deflate.h - zlib with the memory of the library's allocators. */
#ifndef LIC_CODEC_DEFLATE_H
#define LIC_CODEC_DEFLATE_H

#include "codec/lic.h"

#define ZLIB_CONST /* next_in points to const */
#include <zlib.h>

/* The most that zlib takes for one stream, either way, with our settings. */
#define LIC_DEFLATE_BYTES ((size_t)512 << 10)

/* To be called before deflateInit and inflateInit. *allocator must stay where it is. */
void lic_deflate_prepare(z_stream *z, const lic_allocator **allocator);

#endif
