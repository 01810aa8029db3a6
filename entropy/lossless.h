/* lossless.h - codes rasters of 1 to 4 channels to the last bit, without a network: grey or RGB,
 * with or without alpha, 8 or 16 bits. Photographs are coded by prediction (predictor.h,
 * residual.h), drawn pictures by what they repeat (repeats.h), each pixel by whichever knows it.
 * The code begins with the encoder's choices: a reversible colour transform, tables of the values
 * that occur if these are few, whether to look for repeats, to number colours, to expect slopes.
 * Code is at most a few bytes longer than the samples. Every code decodes to some raster.
 * With a mask, only some blocks of the raster are coded; the mask is then part of the code. */
#ifndef LIC_ENTROPY_LOSSLESS_H
#define LIC_ENTROPY_LOSSLESS_H

#include "codec/base/arena.h"
#include "entropy/mask.h"
#include "entropy/predictor.h"
#include "entropy/repeats.h"
#include "entropy/residual.h"

#include <string.h>

/* The caller's memory, as in lic_image: samples uint8_t or uint16_t, channels adjacent; alpha is
 * channel 1 of 2, 3 of 4. */
typedef struct lic_raster {
    void *data;
    size_t stride_bytes;
    uint32_t width, height, channels, depth;
} lic_raster;

/* Channel i of the pixel in column x of row y. */
static inline uint32_t lic_raster_sample(const lic_raster *r, uint32_t x, uint32_t y, uint32_t i)
{
    const uint8_t *row = (const uint8_t *)r->data + y * r->stride_bytes;
    const size_t at = (size_t)x * r->channels + i;
    if (r->depth == 8)
        return row[at];
    uint16_t v;
    memcpy(&v, row + 2 * at, sizeof v);
    return v;
}

/* Reversible transforms of red, green and blue. */
typedef enum lic_transform {
    LIC_TRANSFORM_NONE,
    LIC_TRANSFORM_YCOCG,   /* YCoCg-R (Malvar and Sullivan 2003) */
    LIC_TRANSFORM_GREEN,   /* G, R - G, B - G */
    LIC_TRANSFORM_GREEN_2, /* G, R - G, B - (R + G) / 2 */
    LIC_TRANSFORMS
} lic_transform;

/* What an encoder chooses. */
typedef struct lic_lossless_choice {
    lic_transform transform;
    bool tables[LIC_MAX_PLANES]; /* the channel's values are numbered */
    bool repeats, colours;
    bool slopes; /* samples are predicted to go on as planes do */
    bool raw;    /* samples are not modelled: for noise, which no model makes smaller */
} lic_lossless_choice;

typedef struct lic_lossless {
    lic_bit_tables tables;
    lic_predictor_tables predictor_tables;
    lic_predictor predictor;
    lic_residual_models *models[LIC_MAX_PLANES];
    lic_repeats *repeats;
    uint16_t *value_of[LIC_MAX_PLANES];  /* by number */
    uint16_t *number_of[LIC_MAX_PLANES]; /* by value */
    uint32_t n_values[LIC_MAX_PLANES];
    lic_pixel *row;
    uint32_t max_width, channels, depth;
    lic_transform transform;
    int32_t highest; /* of the samples before the transform */
    lic_lossless_choice choice;
    bool old_head;  /* the code knows no slopes: version 2 of the format */
    lic_mask *mask; /* NULL: the whole raster is coded */
    uint32_t step;  /* of an encoder: the colours' values are its multiples and the highest; 1 */
    uint32_t first_row; /* of the raster, where rows further down are tried */
    lic_pixel start;    /* the first pixel of the row above */
    uint32_t
        *costs; /* of an encoder, if not NULL: the bits of each block, in 1 / 64, are added here */
} lic_lossless;

/* Working memory, and all settings, for rasters of up to this size, and this many channels and
 * bits; one at a time. The result is to be used only if the arena is not planning and has not
 * failed. */
void lic_lossless_take(lic_lossless *l, lic_arena *arena, uint32_t width, uint32_t height,
                       uint32_t channels, uint32_t depth);
/* An encoder with this much room for a raster of so many bytes never asks for more. */
size_t lic_lossless_room(size_t raster_bytes);
/* For such an encoder: growing fails. */
void *lic_lossless_refuse_growth(void *user, void *old, size_t old_bytes, size_t new_bytes);
/* The encoder must be new; the caller finishes it. l->mask, l->costs and l->step are the caller's
 * to set.
 * What a mask hides is best filled with neighbours, as choices are made by looking at all of the
 * raster.
 */
void lic_lossless_encode(lic_lossless *l, lic_range_encoder *encoder, const lic_raster *from);
/* Returns how many rows are there: all, unless the decoder is salvaging and ran out of input, or
 * the code is not valid. Later rows are untouched. l->mask, if it is set, is decoded too; hidden
 * pixels have no meaning. */
uint32_t lic_lossless_decode(lic_lossless *l, lic_range_decoder *decoder, const lic_raster *to);

/* ---- between lossless.c, lossless_head.c and lossless_choice.c ---- */

static inline bool lic_lossless_is_alpha(const lic_lossless *l, uint32_t channel)
{
    return l->channels % 2 == 0 && channel == l->channels - 1;
}

/* Codes l->choice and the tables; sets what follows from them. */
void lic_lossless_code_head(lic_lossless *l, const lic_bit_coder *coder);
/* Sets l->choice by looking at the whole raster and, in doubt, by coding a part of it. */
void lic_lossless_choose(lic_lossless *l, lic_range_encoder *encoder, const lic_raster *from);
/* Forgets what was coded since `fresh`, a copy of the new encoder; its memory is kept. */
void lic_lossless_restart(lic_range_encoder *encoder, const lic_range_encoder *fresh);
/* Starts the repeats of a raster of this size. */
void lic_lossless_begin_repeats(lic_lossless *l, uint32_t width, uint32_t height, bool colours);
/* Codes by l->choice. */
void lic_lossless_encode_as_chosen(lic_lossless *l, lic_range_encoder *encoder,
                                   const lic_raster *from);

#endif
