/* pack.c - see pack.h. Conversions are exact; strict floating-point mode is assumed (subnormals
 * kept). */
#include "models/pack.h"

#include "models/kernels/strict.h"

#include <string.h>

int lic_pack_taps(const lic_packing *p)
{
    return (p->kernel * p->kernel - p->tap_first + p->tap_step - 1) / p->tap_step;
}

size_t lic_pack_floats(lic_pack_kind kind, const lic_packing *p)
{
    const size_t inputs = (size_t)lic_pack_taps(p) * (size_t)p->cin;
    const size_t panels = ((size_t)p->cout + LIC_PANEL - 1) / LIC_PANEL;
    return inputs * (kind == LIC_PACK_PANELS ? panels * LIC_PANEL : (size_t)p->cout);
}

/* IEEE binary16 to binary32: the exponent is shifted into place and the bias corrected by an exact
 * multiplication, which also normalises subnormals. Infinity and NaN come out above 65504. */
static float half_to_float(unsigned h)
{
    uint32_t bits = (h & 0x7FFFu) << 13;
    float f;
    memcpy(&f, &bits, sizeof f);
    f *= 5192296858534827628530496329220096.0f; /* 2^112 */
    memcpy(&bits, &f, sizeof bits);
    bits |= (h & 0x8000u) << 16;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static float value(const uint8_t *src, bool half, size_t i)
{
    if (half)
        return half_to_float((unsigned)(src[2 * i] | src[2 * i + 1] << 8));
    src += 4 * i;
    const uint32_t bits =
        (uint32_t)src[0] | (uint32_t)src[1] << 8 | (uint32_t)src[2] << 16 | (uint32_t)src[3] << 24;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static bool in_range(float v, bool half)
{
    const float limit = half ? 65504.0f : 1e30f;
    return v >= -limit && v <= limit; /* false for NaN */
}

bool lic_pack_values(float *out, const uint8_t *src, bool half, size_t n)
{
    bool good = true;
    for (size_t i = 0; i < n; i++) {
        out[i] = value(src, half, i);
        good &= in_range(out[i], half);
    }
    return good;
}

/* Row `row` of the tensor, [cin, kernel * kernel], to out[(tap, channel) * pitch]. */
static bool pack_row(const lic_pack_job *j, size_t row, float *out, size_t pitch)
{
    const lic_packing *p = &j->p;
    const size_t kk = (size_t)(p->kernel * p->kernel), cin = (size_t)p->cin,
                 taps = (size_t)lic_pack_taps(p);
    const uint8_t *src = j->src + row * cin * kk * (j->half ? 2 : 4);
    bool good = true;
    for (size_t i = 0; i < cin; i++)
        for (size_t t = 0; t < taps; t++) {
            const size_t tap = (size_t)p->tap_first + t * (size_t)p->tap_step;
            const float v = value(src, j->half, i * kk + tap);
            out[(t * cin + i) * pitch] = v;
            good &= in_range(v, j->half);
        }
    return good;
}

static void pack(void *user, size_t item, int worker)
{
    (void)worker;
    lic_pack_job *j = (lic_pack_job *)user + item;
    const lic_packing *p = &j->p;
    const size_t inputs = (size_t)lic_pack_taps(p) * (size_t)p->cin;
    bool good = true;
    if (j->kind == LIC_PACK_PANELS)
        memset(j->out, 0, lic_pack_floats(j->kind, p) * sizeof *j->out);
    for (int c = 0; c < p->cout; c++) {
        const size_t row = (size_t)(c * p->stride + p->first), panel = (size_t)c / LIC_PANEL;
        if (j->kind == LIC_PACK_PANELS)
            good &= pack_row(j, row, j->out + panel * inputs * LIC_PANEL + (size_t)c % LIC_PANEL,
                             LIC_PANEL);
        else
            good &= pack_row(j, row, j->out + c, (size_t)p->cout);
    }
    j->bad = !good;
}

void lic_pack_run(lic_pack_job *jobs, size_t n, lic_pool *pool)
{
    lic_pool_run(pool, n, pack, jobs);
}
