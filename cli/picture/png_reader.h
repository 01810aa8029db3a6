/* png_reader.h - what the parts of the PNG reader share: the list of chunks (png_chunks.c), rows
 * (png_read.c) and metadata (png_meta.c). */
#ifndef LIC_CLI_PICTURE_PNG_READER_H
#define LIC_CLI_PICTURE_PNG_READER_H

#include "cli/picture/colour.h"
#include "cli/picture/png_errors.h"

/* What a compressed chunk (ICC profile, XMP, text) may grow to, a thousandfold, and how many libpng
 * may keep if they are compressed: the product bounds the memory that a small file can take. Texts
 * that are not compressed have a limit of their number. */
enum { LIC_PNG_CHUNK_BYTES = 16 << 20, LIC_PNG_PACKED_CHUNKS = 16 };

typedef struct lic_png_reader {
    lic_guard guard;
    png_structp png;
    png_infop info;
    lic_source *source;
    const lic_read_options *options;
    lic_colour colour;
    uint64_t texts, packed_texts; /* in the file; of them, compressed ones */
    uint8_t *profile;             /* of a text, by malloc */
    int passes;
    uint8_t *whole; /* of an interlaced picture, once it is read */
    uint32_t next_row;
    void *row; /* the one wanted */
} lic_png_reader;

/* These are called in work that the guard runs. */

void lic_png_keep(lic_png_reader *r, lic_meta kind, const void *data, size_t bytes);
/* Looks through all chunks up to IEND, which must lie in the file: libpng takes the memory that a
 * chunk's length promises before it sees that the file is shorter, and a hundred bytes cost
 * gigabytes. Keeps colours and resolution, which libpng would change or does not know. */
void lic_png_list_chunks(lic_png_reader *r);
/* Once libpng has read the chunks: profile, EXIF, texts and what is hidden in texts. */
void lic_png_keep_metadata(lic_png_reader *r);

#endif
