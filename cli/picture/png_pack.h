/* png_pack.h - the compressed pixels of a PNG file: rows are filtered and deflated by several
 * threads. The picture is cut into stripes of rows that are compressed by themselves, some 0.4 %
 * larger than in one piece. Where it is cut does not depend on the threads, so neither do the
 * bytes. */
#ifndef LIC_CLI_PICTURE_PNG_PACK_H
#define LIC_CLI_PICTURE_PNG_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct lic_png_pack lic_png_pack;

typedef struct lic_png_shape {
    uint32_t width, height, channels, depth; /* samples of 16 bits are in the host's order */
} lic_png_shape;

/* NULL: there is no memory. */
lic_png_pack *lic_png_pack_new(const lic_png_shape *shape, int threads);
void lic_png_pack_free(lic_png_pack *p);
/* Copies a row. Returns how many pieces are ready then, to be taken before the next row; -1: there
 * is no memory. */
int lic_png_pack_row(lic_png_pack *p, const void *row);
/* One of the pieces that are ready, the contents of an IDAT chunk. */
const uint8_t *lic_png_pack_piece(const lic_png_pack *p, int i, size_t *bytes);

#endif
