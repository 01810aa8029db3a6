/* chunks.h - chunks of a .lic file by their types, of four letters each. */
#ifndef LIC_CLI_BASE_CHUNKS_H
#define LIC_CLI_BASE_CHUNKS_H

#include "codec/lic.h"

#include <stdbool.h>
#include <string.h>

static inline bool lic_chunk_has_type(const lic_chunk *chunk, const char *type)
{
    return memcmp(chunk->type, type, sizeof chunk->type) == 0;
}

/* The first of a type; NULL if there is none. */
static inline const lic_chunk *lic_info_chunk(const lic_info *info, const char *type)
{
    for (size_t i = 0; i < info->n_chunks; i++)
        if (lic_chunk_has_type(&info->chunks[i], type))
            return &info->chunks[i];
    return NULL;
}

#endif
