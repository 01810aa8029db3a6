/* encode_tiles.h - one call of the encoder: what encoder.c has admitted and encode_tiles.c works
 * through. */
#ifndef LIC_CODEC_ENCODE_TILES_H
#define LIC_CODEC_ENCODE_TILES_H

#include "codec/alpha.h"
#include "codec/exact.h"
#include "codec/session.h"
#include "codec/tile_list.h"

typedef struct lic_encoding {
    lic_band from;
    bool by_rows;                /* from a source; else the whole picture is in memory */
    lic_encode_options *options; /* NULL when only a plan is made */
    int rows_read;               /* that came from the source; in memory: whose alpha is packed */
    lic_plane_packer *alpha;     /* NULL: the picture has none */
    uint32_t quality_code;
    bool lossless;
    lic_grid grid;
    int tile_w, tile_h; /* 0, 0: one tile */
    rate_state rate;
    lic_range_encoder coder; /* of the current tile */
    lic_tile_list tiles;     /* all tiles so far, of a picture that has a list of them */
    bool chooses;            /* what is drawn is looked for, to be kept exactly */
    bool drawn;              /* all tiles so far look drawn: the whole picture may be kept */
    lic_tile_list exact;     /* these tiles without loss, as long as all look drawn */
    lic_exact blocks;        /* that are kept exactly in a picture with loss */
    uint32_t check;          /* of y_hat, if there is one tile */
    lic_status status;       /* LIC_ERR_MEMORY once memory has run out */
} lic_encoding;

static inline bool lic_encoding_has_alpha(const lic_encoding *e)
{
    return e->from.image.channels % 2 == 0 && e->from.image.channels > 0;
}

/* The forward passes, each a lic_forward_fn with a lic_encoding: with networks, and without. */
void lic_encoding_forward(lic_session *session, nn *c, void *user);
void lic_encoding_lossless(lic_session *session, nn *c, void *user);
/* Frees the code of a tile that was not listed. */
void lic_encoding_drop_code(lic_encoding *e);

#endif
