/* png_pack.h - the pixels of a PNG as its IDAT chunks have them: rows filtered and deflated, by
 * several threads at a time. Rows are cut in pieces of a fixed size, each deflated for itself, so
 * that the bytes do not depend on the number of threads. */
#ifndef LIC_CLI_PICTURE_PNG_PACK_H
#define LIC_CLI_PICTURE_PNG_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct lic_png_pack lic_png_pack;

/* Takes the data of an IDAT chunk. */
typedef void (*lic_png_put_fn)(void *user, const uint8_t *data, size_t bytes);

/* samples: of a row, of all channels. NULL: no memory. */
lic_png_pack *lic_png_pack_new(size_t samples, uint32_t channels, uint32_t depth, int threads,
                               lic_png_put_fn put, void *user);
/* Samples are uint8_t or uint16_t in native order. False: zlib failed. put may not return. */
bool lic_png_pack_row(lic_png_pack *pack, const void *samples);
bool lic_png_pack_end(lic_png_pack *pack);
void lic_png_pack_free(lic_png_pack *pack);

#endif
