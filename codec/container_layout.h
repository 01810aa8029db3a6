/* container_layout.h - what the writer and the reader of a .lic file share: its constants, and
 * which types of chunks there are. */
#ifndef LIC_CONTAINER_LAYOUT_H
#define LIC_CONTAINER_LAYOUT_H

#include "codec/container.h"

#define VERSION_BITS 0x07
#define FLAG_SRGB    0x08
#define FLAG_CHUNKS  0x10
#define FLAG_GREY    0x20
#define FLAG_16_BIT  0x40
#define FLAG_TILES   0x80

#define MAX_SIDE   65535u
#define TYPE_BYTES 4
#define CRC_BYTES  4
#define TILE_UNIT  64u

enum { SIGNATURE_BYTES = 4, SRGB_BYTES = 6, PACKED_SRGB_BYTES = 17 };
extern const uint8_t lic_file_signature[SIGNATURE_BYTES];
/* What most pictures say of their colours, and all that they say: a flag stands for this chunk.
 * Unpacked and, for readers, packed as one stored block. */
extern const uint8_t lic_srgb[SRGB_BYTES], lic_packed_srgb[PACKED_SRGB_BYTES];

/* The first byte is a letter, and all can be printed. */
bool lic_chunk_type_is_valid(const char *type);
/* Upper case: a reader that does not know the type cannot show the picture. */
bool lic_chunk_is_unknown_and_critical(const char *type);
/* The size of alpha follows from that of the picture, and so does the number of blocks; other
 * chunks have a limit. */
bool lic_chunk_fits_picture(const lic_container *c, const char *type, uint64_t unpacked);
int lic_end_of_list_bytes(const lic_container *c);
/* Checksum of the file with the 4 bytes at crc_at left out. */
uint32_t lic_file_crc(const uint8_t *data, size_t bytes, size_t crc_at);

#endif
