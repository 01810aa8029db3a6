/* range_coder.h - integer range coder with 64-bit state (Martin 1979, carry-propagating form).
 *
 * Both sides are deterministic integer code. The encoder writes into a growing buffer and keeps a
 * sticky failure flag. The decoder never reads past its input: bytes beyond the end count as zero,
 * and `overrun` tells how many were asked for. The encoder leaves out 4 to 8 zeros, so a few are
 * normal; if there are more in the middle of a stream, it was cut and the symbols are no longer the
 * encoder's. Any int32_t can be coded with any table: see the escape in cdf.h. Tables must come
 * from lic_cdf_set_init. The same symbols always give the same bytes, and no other bytes are
 * accepted. */
#ifndef LIC_ENTROPY_RANGE_CODER_H
#define LIC_ENTROPY_RANGE_CODER_H

#include "entropy/cdf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Like realloc, with the old size given. NULL if it fails; the old block then stays valid. */
typedef void *(*lic_range_grow_fn)(void *user, void *old, size_t old_bytes, size_t new_bytes);

typedef struct lic_range_encoder {
    uint64_t low, range;
    uint8_t *data;
    size_t bytes, capacity;
    lic_range_grow_fn grow;
    void *grow_user;
    bool failed; /* out of memory: everything after is ignored */
} lic_range_encoder;

void lic_range_encoder_init(lic_range_encoder *enc, lic_range_grow_fn grow, void *grow_user);
void lic_range_encode(lic_range_encoder *enc, const lic_cdf *cdf, int32_t value);
/* n values, value i with table set->tables[index[i]]. index[i] must be < n_tables (so only the
 * first 256 tables of a set can be named here). */
void lic_range_encode_many(lic_range_encoder *enc, const lic_cdf_set *set, const uint8_t *index,
                           const int32_t *values, size_t n);
/* Ends the stream with the fewest bytes; data[0 .. bytes) is then the whole code, which the caller
 * frees through its own grow function. False if memory ran out on the way. */
bool lic_range_finish(lic_range_encoder *enc);

typedef struct lic_range_decoder {
    uint64_t code, range; /* code is relative to low */
    const uint8_t *at, *end;
    size_t overrun;
    bool corrupt; /* an escape that no encoder writes; values after it are zero */
    bool salvage; /* bytes past the end are missing, not zero */
    bool stopped; /* values are zero from here on */
} lic_range_decoder;

void lic_range_decoder_init(lic_range_decoder *dec, const uint8_t *data, size_t bytes);
/* To be called right after init, for input that is known to have lost its end. A value is decoded
 * only if every byte that it depends on is there, so that it is the encoder's; all values after the
 * last such one are zero. Without loss `overrun` would have come to 4 or more. */
void lic_range_decoder_salvage(lic_range_decoder *dec);
/* Nothing more is decoded: all values from here on are zero. */
void lic_range_decoder_stop(lic_range_decoder *dec);
int32_t lic_range_decode(lic_range_decoder *dec, const lic_cdf *cdf);
void lic_range_decode_many(lic_range_decoder *dec, const lic_cdf_set *set, const uint8_t *index,
                           int32_t *values, size_t n);
/* At any time: true if the input is known to be no code, because it was cut or held a corrupt
 * escape. Symbols from here on mean nothing. When salvaging, only the escape counts. */
bool lic_range_decoder_cut(const lic_range_decoder *dec);
/* After the last symbol: true if an encoder given these symbols writes exactly these bytes. False
 * after a corrupt escape, more than 8 bytes read past the end, input left over, or another spelling
 * of the end. */
bool lic_range_decoder_ok(const lic_range_decoder *dec);

/* ---- for bits, a hundred million of them a second, see bit_model.h ---- */

#define LIC_RANGE_MIN ((uint64_t)1 << 32)

/* After low has moved up by `start` and range has been set: carries, and writes a word if it is
 * due. */
void lic_range_settle(lic_range_encoder *enc, uint64_t start);
/* To be called when range is below LIC_RANGE_MIN: the next word of code. */
void lic_range_refill(lic_range_decoder *dec);

#endif
