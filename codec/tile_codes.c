/* tile_codes.c - see tile_codes.h. */
#include "codec/tile_codes.h"

#include "codec/base/bytes.h"

static lic_reader latents_from(const lic_tile_codes *codes, const uint8_t *at)
{
    return (lic_reader){.at = at, .end = codes->file->latents + codes->file->latent_bytes};
}

/* Reads the head of a tile: bytes of its code, its kind, its check. False if it cannot; *damaged if
 * that is not for want of bytes. */
static bool read_head(const lic_tile_codes *codes, lic_reader *r, uint32_t *bytes, uint32_t *check,
                      bool *damaged)
{
    *bytes = lic_read_varint(r);
    *damaged = r->failed && r->at != r->end;
    if (codes->file->version == 2) { /* kinds were planned */
        *damaged |= !r->failed && (*bytes & LIC_TILE_LOSSLESS) == 0;
        *bytes >>= 1;
    }
    if (!r->failed)
        *check = lic_read_u32(r);
    return !r->failed;
}

bool lic_tile_codes_find(lic_tile_codes *codes)
{
    lic_reader r = latents_from(codes, codes->file->latents);
    uint32_t sum = 0, bytes = 0, check;
    bool damaged;
    codes->n_whole = 0;
    for (size_t i = 0; i < codes->n; i++) {
        codes->starts[i] = r.at;
        const bool has_head = read_head(codes, &r, &bytes, &check, &damaged);
        if (damaged)
            return false;
        if (!has_head || (size_t)(r.end - r.at) < bytes)
            break;
        sum = lic_crc32(sum, r.at - 4, 4);
        r.at += bytes;
        codes->n_whole = i + 1;
    }
    if (codes->cut)
        return codes->n_whole < codes->n;
    return codes->n_whole == codes->n && r.at == r.end && sum == codes->file->check_latents;
}

lic_tile_code lic_tile_codes_get(const lic_tile_codes *codes, size_t i)
{
    const lic_container *file = codes->file;
    if (!codes->starts)
        return (lic_tile_code){file->latents, file->latent_bytes, file->check_latents, !codes->cut};
    lic_tile_code code = {.whole = i < codes->n_whole};
    uint32_t bytes;
    bool damaged;
    if (i > codes->n_whole)
        return code;
    lic_reader r = latents_from(codes, codes->starts[i]);
    if (!read_head(codes, &r, &bytes, &code.check, &damaged))
        return code;
    code.data = r.at;
    code.bytes = code.whole ? bytes : (size_t)(r.end - r.at);
    return code;
}
