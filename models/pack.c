/* pack.c - see pack.h. Conversions are exact; strict floating-point mode is assumed (subnormals
 * kept). */
#include "models/pack.h"

#include "models/kernels/half.h"
#include "models/kernels/strict.h"

#include <string.h>

enum {
    CONVERTED = 512, /* values of a row at a time; one channel's kernel fits */
    MAX_TAPS = 25    /* of a kernel, 5x5 */
};

int lic_pack_taps(const lic_packing *p)
{
    return (p->kernel * p->kernel - p->tap_first + p->tap_step - 1) / p->tap_step;
}

static size_t panels_of(const lic_packing *p)
{
    return ((size_t)p->cout + LIC_PANEL - 1) / LIC_PANEL;
}

/* Bytes of one tap in a panel: channels in fours. */
static size_t tap_bytes(const lic_packing *p)
{
    return ((size_t)p->cin + 3) / 4 * 4 * LIC_PANEL;
}

size_t lic_pack_offsets(const lic_packing *p)
{
    return panels_of(p) * (size_t)lic_pack_taps(p) * LIC_PANEL;
}

size_t lic_pack_count(lic_pack_kind kind, const lic_packing *p)
{
    const size_t inputs = (size_t)lic_pack_taps(p) * (size_t)p->cin, panels = panels_of(p);
    if (kind == LIC_PACK_BYTES)
        return panels * (size_t)lic_pack_taps(p) * tap_bytes(p);
    return inputs * (kind == LIC_PACK_ROWS ? (size_t)p->cout : panels * LIC_PANEL);
}

/* The exponent of infinity and NaN is all ones. */
static bool halves(float *out, const uint8_t *src, size_t n)
{
    unsigned bad = 0;
    for (size_t i = 0; i < n; i++) {
        const unsigned h = (unsigned)(src[2 * i] | src[2 * i + 1] << 8);
        out[i] = lic_half_value(h);
        bad |= (h & 0x7C00u) == 0x7C00u;
    }
    return !bad;
}

static bool singles(float *out, const uint8_t *src, size_t n)
{
    bool good = true;
    for (size_t i = 0; i < n; i++, src += 4) {
        const uint32_t bits = (uint32_t)src[0] | (uint32_t)src[1] << 8 | (uint32_t)src[2] << 16 |
                              (uint32_t)src[3] << 24;
        memcpy(&out[i], &bits, sizeof bits);
        good &= out[i] >= -1e30f && out[i] <= 1e30f; /* false for NaN */
    }
    return good;
}

bool lic_pack_values(float *out, const uint8_t *src, bool half, size_t n)
{
    return half ? halves(out, src, n) : singles(out, src, n);
}

size_t lic_pack_row_bytes(const lic_pack_job *j)
{
    const size_t size = j->kind == LIC_PACK_BYTES ? 1 : j->half ? 2 : 4;
    return (size_t)j->p.cin * (size_t)(j->p.kernel * j->p.kernel) * size;
}

/* The row of output channel `channel` of a part that begins with channel 0. */
static const uint8_t *row_of(const lic_pack_job *j, const uint8_t *rows, int channel)
{
    return rows + (size_t)(channel * j->p.stride + j->p.first) * lic_pack_row_bytes(j);
}

/* n output channels, a panel at most, to out[(tap, channel) * pitch]. Each row of the tensor,
 * [cin, kernel * kernel], is converted part by part. */
static bool pack_rows(const lic_pack_job *j, const uint8_t *src, int n, float *out, size_t pitch)
{
    float rows[LIC_PANEL][CONVERTED + LIC_PANEL]; /* so that rows do not share cache lines */
    const lic_packing *p = &j->p;
    const size_t kk = (size_t)(p->kernel * p->kernel), cin = (size_t)p->cin,
                 taps = (size_t)lic_pack_taps(p), part = CONVERTED / kk;
    bool good = true;
    for (size_t at = 0, m; at < cin; at += m) {
        m = cin - at < part ? cin - at : part;
        for (int r = 0; r < n; r++)
            good &= lic_pack_values(rows[r], row_of(j, src, r) + at * kk * (j->half ? 2 : 4),
                                    j->half, m * kk);
        for (size_t i = 0; i < m; i++)
            for (size_t t = 0; t < taps; t++) {
                const size_t tap = (size_t)p->tap_first + t * (size_t)p->tap_step;
                float *to = out + (t * cin + at + i) * pitch;
                for (int r = 0; r < n; r++)
                    to[r] = rows[r][i * kk + tap];
            }
    }
    return good;
}

/* ---- binary16, unconverted ---- */

/* Where value k of a row goes in a panel, in steps of a whole vector: k is (channel, tap). */
typedef struct places {
    size_t of_tap[MAX_TAPS], kk, channel, tap;
} places;

enum { NOWHERE = -1 };

static places places_of(const lic_packing *p)
{
    places at = {.kk = (size_t)(p->kernel * p->kernel)};
    for (size_t t = 0; t < at.kk; t++) {
        const int from = (int)t - p->tap_first;
        const bool kept = from >= 0 && from % p->tap_step == 0;
        at.of_tap[t] = kept ? (size_t)(from / p->tap_step) * (size_t)p->cin : (size_t)NOWHERE;
    }
    return at;
}

/* The place of the next value; `skipped` if its tap is not kept. */
static uint16_t *next_place(places *at, uint16_t *panel, uint16_t *skipped)
{
    const size_t first = at->of_tap[at->tap];
    uint16_t *to = first == (size_t)NOWHERE ? skipped : panel + (first + at->channel) * LIC_PANEL;
    if (++at->tap == at->kk) {
        at->tap = 0;
        at->channel++;
    }
    return to;
}

/* Four values of each of four rows, turned: out[i] has value i of all rows. */
static void turn(const uint64_t rows[4], uint64_t out[4])
{
    const uint64_t even = 0x0000FFFF0000FFFFu, low = 0xFFFFFFFFu;
    const uint64_t a = (rows[0] & even) | (rows[1] & even) << 16,
                   b = (rows[0] >> 16 & even) | (rows[1] & ~even),
                   c = (rows[2] & even) | (rows[3] & even) << 16,
                   d = (rows[2] >> 16 & even) | (rows[3] & ~even);
    out[0] = (a & low) | c << 32;
    out[1] = (b & low) | d << 32;
    out[2] = a >> 32 | (c & ~low);
    out[3] = b >> 32 | (d & ~low);
}

/* n output channels, a panel at most, four values of all rows at a time; as in the file, they are
 * little-endian. Returns false if one is infinite or NaN: then its exponent is all ones. */
static bool pack_halves(const lic_pack_job *j, const uint8_t *src, int n, uint16_t *panel)
{
    const size_t bytes = lic_pack_row_bytes(j), pitch = bytes * (size_t)j->p.stride;
    const uint64_t exponents = 0x7C007C007C007C00u, one = 0x0400040004000400u;
    places at = places_of(&j->p);
    uint16_t skipped[LIC_PANEL];
    uint64_t full = 0;
    src = row_of(j, src, 0);
    for (size_t k = 0; k < bytes; k += 8) {
        const size_t more = bytes - k < 8 ? bytes - k : 8;
        uint64_t rows[LIC_PANEL] = {0}, turned[LIC_PANEL / 4][4];
        for (int r = 0; r < n; r++) {
            const uint8_t *from = src + (size_t)r * pitch + k;
            if (more == 8)
                memcpy(&rows[r], from, 8);
            else
                memcpy(&rows[r], from, more);
            full |= (rows[r] & exponents) + one;
        }
        for (size_t g = 0; g < LIC_PANEL / 4; g++)
            turn(rows + 4 * g, turned[g]);
        for (size_t i = 0; i < more / 2; i++) {
            uint16_t *to = next_place(&at, panel, skipped);
            for (size_t g = 0; g < LIC_PANEL / 4; g++)
                memcpy(to + 4 * g, &turned[g][i], 8);
        }
    }
    return !(full & 0x8000800080008000u);
}

/* ---- bytes ---- */

/* One output channel: column `column` of the panel that begins at `out` and `offsets`. */
static bool pack_channel(const lic_packing *p, const uint8_t *row, int column, int8_t *out,
                         int32_t *offsets)
{
    const size_t kk = (size_t)(p->kernel * p->kernel), cin = (size_t)p->cin;
    bool good = true;
    for (size_t i = 0; i < cin * kk; i++)
        good &= row[i] != 0x80;
    for (int t = 0; t < lic_pack_taps(p); t++, out += tap_bytes(p), offsets += LIC_PANEL) {
        const uint8_t *from = row + p->tap_first + t * p->tap_step;
        int32_t sum = 0;
        for (size_t i = 0; i < cin; i++, from += kk) {
            int8_t value;
            memcpy(&value, from, 1);
            out[i / 4 * 4 * LIC_PANEL + (size_t)column * 4 + i % 4] = value;
            sum += value;
        }
        offsets[column] = -128 * sum;
    }
    return good;
}

/* A panel of one tap: channels go in fours as they are. */
static bool pack_whole_bytes(const lic_pack_job *j, const uint8_t *src, int8_t *out,
                             int32_t *offsets)
{
    const size_t cin = (size_t)j->p.cin;
    unsigned bad = 0;
    for (int c = 0; c < LIC_PANEL; c++) {
        const uint8_t *row = row_of(j, src, c);
        int8_t *to = out + 4 * c;
        int32_t sum = 0;
        for (size_t i = 0; i < cin; i++) {
            sum += row[i] < 0x80 ? row[i] : row[i] - 0x100;
            bad |= row[i] == 0x80;
        }
        for (size_t i = 0; i < cin; i += 4, to += 4 * LIC_PANEL)
            memcpy(to, row + i, 4);
        offsets[c] = -128 * sum;
    }
    return !bad;
}

/* n output channels from channel `first` on, a panel at most. */
static bool pack_bytes(const lic_pack_job *j, const uint8_t *src, int first, int n)
{
    const lic_packing *p = &j->p;
    const size_t taps = (size_t)lic_pack_taps(p), panel = (size_t)(first / LIC_PANEL) * taps;
    int8_t *out = (int8_t *)j->out + panel * tap_bytes(p);
    int32_t *offsets = j->offsets + panel * LIC_PANEL;
    if (n == LIC_PANEL && p->kernel == 1 && p->cin % 4 == 0)
        return pack_whole_bytes(j, src, out, offsets);
    bool good = true;
    memset(out, 0, taps * tap_bytes(p));
    memset(offsets, 0, taps * LIC_PANEL * sizeof *offsets);
    for (int c = 0; c < n; c++)
        good &= pack_channel(p, row_of(j, src, c), c, out, offsets);
    return good;
}

/* ---- parts ---- */

/* n output channels from channel `first` on, a panel at most. */
static bool pack_panel(const lic_pack_job *j, const uint8_t *src, int first, int n)
{
    const lic_packing *p = &j->p;
    const size_t inputs = (size_t)lic_pack_taps(p) * (size_t)p->cin, at = inputs * (size_t)first;
    if (j->kind == LIC_PACK_BYTES)
        return pack_bytes(j, src, first, n);
    if (j->kind == LIC_PACK_ROWS)
        return pack_rows(j, src, n, (float *)j->out + first, (size_t)p->cout);
    if (j->kind == LIC_PACK_HALVES)
        return pack_halves(j, src, n, (uint16_t *)j->out + at);
    float *out = (float *)j->out + at;
    if (n < LIC_PANEL)
        memset(out, 0, inputs * LIC_PANEL * sizeof *out);
    return pack_rows(j, src, n, out, LIC_PANEL);
}

void lic_pack_part(lic_pack_job *j, const uint8_t *rows, int first, int n)
{
    const size_t panel = LIC_PANEL * (size_t)j->p.stride * lic_pack_row_bytes(j);
    for (int c = 0; c < n; c += LIC_PANEL, rows += panel)
        j->bad |= !pack_panel(j, rows, first + c, n - c < LIC_PANEL ? n - c : LIC_PANEL);
}

/* Panels of one input are the values themselves. */
static bool are_positive(const float *values, int n)
{
    bool good = true;
    for (int i = 0; i < n; i++)
        good &= values[i] > 0.0f;
    return good;
}

void lic_pack_end(lic_pack_job *j)
{
    const size_t n = lic_pack_count(j->kind, &j->p);
    if (j->kind == LIC_PACK_HALVES)
        memset((uint16_t *)j->out + n, 0, LIC_PANEL * sizeof(uint16_t));
    else if (j->kind != LIC_PACK_BYTES)
        memset((float *)j->out + n, 0, LIC_PANEL * sizeof(float));
    j->bad |= j->positive && !are_positive(j->out, j->p.cout);
}
