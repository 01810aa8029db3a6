/* decode_tiles.h - one call of the decoder: what decoder.c has admitted and decode_tiles.c works
 * through. */
#ifndef LIC_CODEC_DECODE_TILES_H
#define LIC_CODEC_DECODE_TILES_H

#include "codec/alpha.h"
#include "codec/base/bytes.h"
#include "codec/pixels.h"
#include "codec/session.h"
#include "codec/tile_codes.h"

typedef enum lic_damage {
    LIC_DAMAGE_NONE = 0,
    LIC_DAMAGE_CODE,     /* the code of a tile is not valid */
    LIC_DAMAGE_LATENTS,  /* its latents are not the encoder's */
    LIC_DAMAGE_NOT_CUT,  /* salvaging: the code is whole, so something else is damaged */
    LIC_DAMAGE_ALPHA,    /* the alpha chunk is not valid */
    LIC_DAMAGE_EXACT,    /* blocks that are kept exactly are not */
    LIC_DAMAGE_NO_MEMORY /* for the picture */
} lic_damage;

typedef struct lic_decoding {
    lic_container file;
    lic_tile_codes codes;
    lic_grid grid;
    lic_area crop;      /* the part of the picture that is wanted */
    int scale;          /* pixels to one of the image: 1, or more for a preview */
    int n_read, n_made; /* slices to read and to compute */
    lic_band to;        /* rows in memory: all of them, or those of one row of tiles */
    struct lic_lossless_slots *slots; /* of a lossless picture, or one with exact blocks */
    bool lossless;                    /* all of its tiles are: no network is needed */
    bool no_check;                    /* of the latents, or of the samples */
    bool by_rows;                     /* to sink; else the whole picture is in memory */
    lic_rows_fn sink;                 /* NULL when only a plan is made */
    void *sink_user;
    const lic_allocator *allocator;
    const lic_chunk *alpha;       /* of the file; NULL: it has none */
    const lic_chunk *exact;       /* the same: blocks that are kept exactly, */
    lic_reader exact_reader;      /* what is left of them, */
    size_t exact_next;            /* and the tile that comes next there */
    lic_plane_unpacker *unpacker; /* NULL: no alpha is wanted, or only a plan is made */
    rate_state rate;
    tensor y_hat[3];                                 /* rows of tiles: row r is in [r % 3] */
    uint32_t n_tiles, n_whole_tiles, n_whole_slices; /* for lic_stats */
    lic_damage damage;                               /* found while decoding */
} lic_decoding;

/* The forward pass, a lic_forward_fn with a lic_decoding. */
void lic_decoding_forward(lic_session *session, nn *c, void *user);

#endif
