/* range_coder.c - see range_coder.h; codec/FORMAT.md specifies the code bit by bit.
 *
 * A sequence of symbols is an interval [low, low + range) of a number whose digits are 32-bit
 * words. low holds the last 64 bits; what is above them has been written already. Each symbol
 * narrows the interval to the share its frequency gives it; when range falls below 2^32 a word
 * leaves at the top. So before every symbol range >= 2^32, a unit of frequency is range / 2^16 >=
 * 2^16, and rounding it down costs less than 2^-16 of the interval; the last symbol of a table gets
 * that remainder, so that nothing of the interval is left over and the decoder is in a valid state
 * whatever bytes it reads. Assumes tables that lic_cdf_set_init has accepted, and nothing about the
 * bytes. */
#include "entropy/range_coder.h"

#include <string.h>

#define STATE_BYTES 8
#define WORD_BYTES  4
/* A magnitude is below 2^32, so that magnitude + 1 has at most 33 bits. */
#define MAX_PREFIX 32

/* ---- encoder ---- */

void lic_range_encoder_init(lic_range_encoder *enc, lic_range_grow_fn grow, void *grow_user)
{
    *enc = (lic_range_encoder){.range = UINT64_MAX, .grow = grow, .grow_user = grow_user};
}

/* Makes room for one more state. */
static bool reserve(lic_range_encoder *enc)
{
    if (enc->failed || enc->capacity - enc->bytes >= STATE_BYTES)
        return !enc->failed;
    size_t capacity = enc->capacity ? 2 * enc->capacity : 4096;
    uint8_t *data = NULL;
    if (capacity > enc->capacity)
        data = enc->grow(enc->grow_user, enc->data, enc->capacity, capacity);
    if (!data) {
        enc->failed = true;
        return false;
    }
    enc->data = data;
    enc->capacity = capacity;
    return true;
}

/* Adds 1 to the number written so far. It cannot run off the front: the digits are the top ones of
 * a number that stays below low + range <= 2^64 - 1 of the very first state. */
static void carry(lic_range_encoder *enc)
{
    uint8_t *p = enc->data + enc->bytes - 1;
    while (++*p == 0)
        p--;
}

/* Called after low has moved up by `start` and range has been set. Carries, and writes a word if
 * one is due. One word is enough, as no symbol leaves less than 2^16 of range. */
void lic_range_settle(lic_range_encoder *enc, uint64_t start)
{
    if (enc->low < start && !enc->failed)
        carry(enc);
    if (enc->range >= LIC_RANGE_MIN)
        return;
    if (reserve(enc))
        for (int shift = 56; shift >= 32; shift -= 8)
            enc->data[enc->bytes++] = (uint8_t)(enc->low >> shift);
    enc->low <<= 32;
    enc->range <<= 32;
}

/* The upper half takes the odd unit. */
static void encode_bit(lic_range_encoder *enc, bool bit)
{
    uint64_t half = enc->range >> 1, start = bit ? half : 0;
    enc->low += start;
    enc->range = bit ? enc->range - half : half;
    lic_range_settle(enc, start);
}

/* Escape symbol, side (1: below the table), then the distance from the table's edge, plus 1, in
 * exponential Golomb code: as many zeros as it has bits after its first, then its bits. */
static void encode_escape(lic_range_encoder *enc, const lic_cdf *cdf, int32_t value)
{
    uint64_t start = (enc->range >> LIC_CDF_BITS) * cdf->cum[cdf->n - 1];
    enc->low += start;
    enc->range -= start;
    lic_range_settle(enc, start);
    int64_t edge = (int64_t)cdf->first + cdf->n - 1;
    bool below = value < cdf->first;
    uint64_t m = (uint64_t)(below ? (int64_t)cdf->first - value : value - edge + 1);
    encode_bit(enc, below);
    int n = 0;
    while (m >> n > 1) {
        encode_bit(enc, 0);
        n++;
    }
    for (; n >= 0; n--)
        encode_bit(enc, m >> n & 1);
}

/* The state is copied to locals. Otherwise stores of bytes could alias it, and it would live in
 * memory. */
static void encode_symbols(lic_range_encoder *enc, const lic_cdf *tables, const uint8_t *index,
                           const int32_t *values, size_t n)
{
    uint64_t low = enc->low, range = enc->range;
    for (size_t i = 0; i < n; i++) {
        const lic_cdf *cdf = &tables[index[i]];
        uint32_t k = (uint32_t)values[i] - (uint32_t)cdf->first;
        bool escape = k >= cdf->n - 1;
        uint64_t start = 0;
        if (!escape) {
            uint64_t unit = range >> LIC_CDF_BITS;
            start = unit * cdf->cum[k];
            low += start;
            range = unit * cdf->cum[k + 1] - start;
            if (low >= start && range >= LIC_RANGE_MIN)
                continue;
        }
        enc->low = low;
        enc->range = range;
        if (escape)
            encode_escape(enc, cdf, values[i]);
        else
            lic_range_settle(enc, start);
        low = enc->low;
        range = enc->range;
    }
    enc->low = low;
    enc->range = range;
}

static const uint8_t only_table = 0;

void lic_range_encode(lic_range_encoder *enc, const lic_cdf *cdf, int32_t value)
{
    encode_symbols(enc, cdf, &only_table, &value, 1);
}

void lic_range_encode_many(lic_range_encoder *enc, const lic_cdf_set *set, const uint8_t *index,
                           const int32_t *values, size_t n)
{
    encode_symbols(enc, set->tables, index, values, n);
}

/* The number in [low, low + range) that has the fewest bytes before nothing but zeros. It may be
 * past 2^64: that is a carry, and shows as *word < low. Four bytes suffice: range >= 2^32. */
static unsigned shortest(uint64_t low, uint64_t range, uint64_t *word)
{
    uint64_t below = UINT64_MAX;
    for (unsigned n = 0;; n++, below >>= 8) {
        *word = (low + below) & ~below;
        if (*word - low < range)
            return n;
    }
}

bool lic_range_finish(lic_range_encoder *enc)
{
    uint64_t word;
    unsigned n = shortest(enc->low, enc->range, &word);
    if (enc->failed || (n > 0 && !reserve(enc)))
        return false;
    if (word < enc->low)
        carry(enc);
    for (unsigned i = 0; i < n; i++)
        enc->data[enc->bytes++] = (uint8_t)(word >> (56 - 8 * i));
    return true;
}

/* ---- decoder ----
 *
 * Invariant: code < range, whatever the input. It holds at the start (else the input is refused).
 * Every step takes the sub-interval that code lies in, and these cover [0, range) without a gap; a
 * refill shifts both by 32 bits. Intervals are never empty, so range >= 2^32 before each symbol and
 * >= 2^16 after it. So the divisor is at least 2^16. The only loop that depends on the input is the
 * prefix of an escape, and it ends after MAX_PREFIX bits. */

/* The next 4 bytes, high first. Bytes past the end are zeros, and are counted. */
static uint32_t next_word(lic_range_decoder *dec)
{
    uint32_t word = 0;
    for (int i = 0; i < WORD_BYTES; i++) {
        uint8_t byte = 0;
        if (dec->at < dec->end)
            byte = *dec->at++;
        else
            dec->overrun++;
        word = word << 8 | byte;
    }
    return word;
}

/* No encoder writes a first state of all ones: its interval ends below. */
void lic_range_decoder_init(lic_range_decoder *dec, const uint8_t *data, size_t bytes)
{
    const uint8_t *end = bytes ? data + bytes : data; /* data may be NULL if there are none */
    *dec = (lic_range_decoder){.range = UINT64_MAX, .at = data, .end = end};
    dec->code = (uint64_t)next_word(dec) << 32;
    dec->code |= next_word(dec);
    dec->corrupt = dec->stopped = dec->code == UINT64_MAX;
}

void lic_range_decoder_salvage(lic_range_decoder *dec)
{
    dec->salvage = true;
    dec->stopped |= dec->overrun > 0;
}

void lic_range_decoder_stop(lic_range_decoder *dec)
{
    dec->stopped = true;
}

void lic_range_refill(lic_range_decoder *dec)
{
    dec->code = dec->code << 32 | next_word(dec);
    dec->range <<= 32;
    dec->stopped |= dec->salvage && dec->overrun > 0;
}

static void refill(lic_range_decoder *dec)
{
    if (dec->range < LIC_RANGE_MIN)
        lic_range_refill(dec);
}

static bool decode_bit(lic_range_decoder *dec)
{
    uint64_t half = dec->range >> 1;
    bool bit = dec->code >= half;
    dec->code -= bit ? half : 0;
    dec->range = bit ? dec->range - half : half;
    refill(dec);
    return bit;
}

/* When salvaging, an input that ends within the escape has no value here and is not corrupt. */
static int32_t decode_escape(lic_range_decoder *dec, const lic_cdf *cdf)
{
    bool below = decode_bit(dec);
    int n = 0;
    while (n <= MAX_PREFIX && !dec->stopped && !decode_bit(dec))
        n++;
    int64_t m = 1;
    for (int i = 0; i < n && n <= MAX_PREFIX && !dec->stopped; i++)
        m = m << 1 | decode_bit(dec);
    if (dec->stopped)
        return 0;
    int64_t value = below ? cdf->first - m : (int64_t)cdf->first + cdf->n - 2 + m;
    dec->corrupt = dec->stopped = n > MAX_PREFIX || value < INT32_MIN || value > INT32_MAX;
    return dec->corrupt ? 0 : (int32_t)value;
}

/* A symbol and its share [start, start + size) of the interval. */
typedef struct share {
    uint32_t k;
    uint64_t start, size;
} share;

/* The symbol of code value q: the lookup's candidate, or one of the few after it. q is 2^16 if code
 * lies in the remainder, which belongs to the last symbol. */
static inline uint32_t find_symbol(const lic_cdf *cdf, uint64_t q)
{
    q = q < LIC_CDF_TOTAL ? q : LIC_CDF_TOTAL - 1;
    uint32_t k = cdf->lookup[q >> (LIC_CDF_BITS - LIC_CDF_LOOKUP_BITS)];
    while (k + 1 < cdf->n && cdf->cum[k + 1] <= q)
        k++;
    return k;
}

/* The share of [0, range) that holds code. Most latents are 0, so the symbol for 0, if the table
 * has one, is tried first. That takes 2 to 4 ns a symbol; with the division it is 8. */
static inline share find_share(const lic_cdf *cdf, uint64_t code, uint64_t range)
{
    uint64_t unit = range >> LIC_CDF_BITS;
    share s = {0u - (uint32_t)cdf->first, 0, 0};
    if (s.k < cdf->n - 1) {
        s.start = unit * cdf->cum[s.k];
        s.size = unit * cdf->cum[s.k + 1] - s.start;
    }
    if (code - s.start >= s.size) { /* true also where code < start: the difference wraps */
        s.k = find_symbol(cdf, code / unit);
        s.start = unit * cdf->cum[s.k];
        s.size = s.k + 1 < cdf->n ? unit * cdf->cum[s.k + 1] - s.start : range - s.start;
    }
    return s;
}

static void decode_symbols(lic_range_decoder *dec, const lic_cdf *tables, const uint8_t *index,
                           int32_t *values, size_t n)
{
    size_t i = 0;
    uint64_t code = dec->code, range = dec->range;
    for (; i < n && !dec->stopped; i++) {
        const lic_cdf *cdf = &tables[index[i]];
        share s = find_share(cdf, code, range);
        bool escape = s.k + 1 == cdf->n;
        code -= s.start;
        range = s.size;
        values[i] = (int32_t)((uint32_t)cdf->first + s.k);
        if (range >= LIC_RANGE_MIN && !escape)
            continue;
        dec->code = code;
        dec->range = range;
        refill(dec);
        if (escape)
            values[i] = decode_escape(dec, cdf);
        code = dec->code;
        range = dec->range;
    }
    dec->code = code;
    dec->range = range;
    if (i < n)
        memset(values + i, 0, (n - i) * sizeof *values);
}

int32_t lic_range_decode(lic_range_decoder *dec, const lic_cdf *cdf)
{
    int32_t value;
    decode_symbols(dec, cdf, &only_table, &value, 1);
    return value;
}

void lic_range_decode_many(lic_range_decoder *dec, const lic_cdf_set *set, const uint8_t *index,
                           int32_t *values, size_t n)
{
    decode_symbols(dec, set->tables, index, values, n);
}

bool lic_range_decoder_cut(const lic_range_decoder *dec)
{
    return dec->corrupt || dec->overrun > STATE_BYTES;
}

/* A sequence of symbols has exactly one code. The last state read is the encoder's final word, and
 * `low` is that word less code. Either the encoder would have ended in the same bytes, or this is
 * no code. */
bool lic_range_decoder_ok(const lic_range_decoder *dec)
{
    if (lic_range_decoder_cut(dec) || dec->at != dec->end)
        return false;
    unsigned n = (unsigned)(STATE_BYTES - dec->overrun);
    uint64_t last = 0, word;
    for (unsigned i = 0; i < n; i++)
        last |= (uint64_t) * (dec->end - n + i) << (56 - 8 * i);
    return shortest(last - dec->code, dec->range, &word) == n && word == last;
}
