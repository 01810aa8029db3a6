/* pack.c - see pack.h. Conversions are exact; strict floating-point mode is assumed (subnormals
 * kept). */
#include "models/pack.h"

#include "models/kernels/half.h"
#include "models/kernels/strict.h"

#include <string.h>

enum { CONVERTED = 512 }; /* values of a row at a time; one channel's kernel fits */

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

/* Output channels first .. first + n - 1, a panel at most, to out[(tap, channel) * pitch]. Each row
 * of the tensor, [cin, kernel * kernel], is converted part by part. */
static bool pack_rows(const lic_pack_job *j, int first, int n, float *out, size_t pitch)
{
    float rows[LIC_PANEL][CONVERTED + LIC_PANEL]; /* so that rows do not share cache lines */
    const lic_packing *p = &j->p;
    const size_t kk = (size_t)(p->kernel * p->kernel), cin = (size_t)p->cin,
                 taps = (size_t)lic_pack_taps(p), part = CONVERTED / kk;
    bool good = true;
    for (size_t at = 0, m; at < cin; at += m) {
        m = cin - at < part ? cin - at : part;
        for (int r = 0; r < n; r++) {
            const size_t row = (size_t)((first + r) * p->stride + p->first);
            const uint8_t *src = j->src + (row * cin + at) * kk * (j->half ? 2 : 4);
            good &= lic_pack_values(rows[r], src, j->half, m * kk);
        }
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

/* Whether none of n values is infinite or NaN. */
static bool are_finite(const uint8_t *src, size_t n)
{
    unsigned bad = 0;
    for (size_t i = 0; i < n; i++)
        bad |= (src[2 * i + 1] & 0x7Cu) == 0x7Cu;
    return !bad;
}

/* The same values, unconverted, to panels. */
static bool pack_halves(const lic_pack_job *j, int first, int n, uint16_t *out)
{
    const lic_packing *p = &j->p;
    const size_t kk = (size_t)(p->kernel * p->kernel), cin = (size_t)p->cin,
                 taps = (size_t)lic_pack_taps(p);
    bool good = true;
    for (int r = 0; r < n; r++) {
        const size_t row = (size_t)((first + r) * p->stride + p->first) * cin * kk;
        const uint8_t *const from = j->src + 2 * row;
        good &= are_finite(from, cin * kk);
        for (size_t t = 0; t < taps; t++) {
            const uint8_t *at = from + 2 * ((size_t)p->tap_first + t * (size_t)p->tap_step);
            uint16_t *to = out + t * cin * LIC_PANEL + (size_t)r;
            for (size_t i = 0; i < cin; i++, at += 2 * kk, to += LIC_PANEL)
                *to = (uint16_t)(at[0] | at[1] << 8);
        }
    }
    return good;
}

/* One output channel: column `column` of the panel that begins at `out` and `offsets`. */
static bool pack_channel(const lic_pack_job *j, int channel, int column, int8_t *out,
                         int32_t *offsets)
{
    const lic_packing *p = &j->p;
    const size_t kk = (size_t)(p->kernel * p->kernel), cin = (size_t)p->cin;
    const uint8_t *const row = j->src + (size_t)(channel * p->stride + p->first) * cin * kk;
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

static void pack_bytes(lic_pack_job *j)
{
    const lic_packing *p = &j->p;
    const size_t taps = (size_t)lic_pack_taps(p);
    bool good = true;
    memset(j->out, 0, lic_pack_count(LIC_PACK_BYTES, p));
    memset(j->offsets, 0, lic_pack_offsets(p) * sizeof *j->offsets);
    for (int c = 0; c < p->cout; c++) {
        const size_t panel = (size_t)(c / LIC_PANEL) * taps;
        good &= pack_channel(j, c, c % LIC_PANEL, (int8_t *)j->out + panel * tap_bytes(p),
                             j->offsets + panel * LIC_PANEL);
    }
    j->bad = !good;
}

/* Panels of one input are the values themselves. */
static bool are_positive(const float *values, int n)
{
    bool good = true;
    for (int i = 0; i < n; i++)
        good &= values[i] > 0.0f;
    return good;
}

static void pack_floats(lic_pack_job *j)
{
    const lic_packing *p = &j->p;
    const size_t inputs = (size_t)lic_pack_taps(p) * (size_t)p->cin;
    const bool panels = j->kind != LIC_PACK_ROWS, halves = j->kind == LIC_PACK_HALVES;
    const size_t size = halves ? sizeof(uint16_t) : sizeof(float);
    uint8_t *const end = (uint8_t *)j->out + lic_pack_count(j->kind, p) * size;
    bool good = true;
    for (int c = 0; c < p->cout; c += LIC_PANEL) {
        const int n = p->cout - c < LIC_PANEL ? p->cout - c : LIC_PANEL;
        uint8_t *out = (uint8_t *)j->out + (panels ? inputs * (size_t)c : (size_t)c) * size;
        if (panels && n < LIC_PANEL)
            memset(out, 0, inputs * LIC_PANEL * size);
        good &=
            halves ? pack_halves(j, c, n, (uint16_t *)(void *)out)
                   : pack_rows(j, c, n, (float *)(void *)out, panels ? LIC_PANEL : (size_t)p->cout);
    }
    memset(end, 0, LIC_PANEL * size);
    j->bad = !good || (j->positive && !are_positive(j->out, p->cout));
}

static void pack(void *user, size_t item, int worker)
{
    (void)worker;
    lic_pack_job *j = (lic_pack_job *)user + item;
    if (j->kind == LIC_PACK_BYTES)
        pack_bytes(j);
    else
        pack_floats(j);
}

void lic_pack_run(lic_pack_job *jobs, size_t n, lic_pool *pool)
{
    lic_pool_run(pool, n, pack, jobs);
}
