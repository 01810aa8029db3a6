/* latent.h - latents between the networks and the range coder. This is the only place where the two
 * meet, and encoder and decoder share one loop, so they cannot drift apart. */
#ifndef LIC_CODEC_LATENT_H
#define LIC_CODEC_LATENT_H

#include "codec/model.h"
#include "entropy/range_coder.h"

/* Exactly one of enc and dec is set. */
typedef struct latent_io {
    const lic_model *model;
    lic_range_encoder *enc;
    lic_range_decoder *dec;
    int n_read;  /* decoding: slices to read, later symbols are zero; 0: all */
    int n_made;  /* slices to compute; y_hat has only their channels; 0: all */
    int n_whole; /* result: slices of which all symbols were there */
    void (*trace)(void *user, int slice, int pass, const int32_t *symbols,
                  size_t n); /* tests; or NULL */
    void *trace_user;
} latent_io;

/* Codes z and the slices of y; returns y_hat [h, w, m] before the inverse gains.
 * y, z: the encoder's, before rounding; NULL data when decoding. h, w: size of y. */
tensor lic_latent_code(nn *c, latent_io *io, const rate_state *rate, tensor y, tensor z, int h,
                       int w);

/* Whether code of this many bytes can hold the z of a y of [h, w]: even the cheapest symbols take
 * some bits. Costs nothing, so it is asked before memory is taken. */
bool lic_latent_may_fit(const lic_model *model, int h, int w, size_t bytes);

/* Check of y_hat that goes into the stream: CRC-32 of its binary32 words, little-endian. */
uint32_t lic_latent_check(tensor y_hat);

#endif
