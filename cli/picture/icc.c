/* icc.c - see icc.h. Codes of cICP are those of ITU-T H.273, tables 2 and 3. */
#include "cli/picture/icc.h"

#include "cli/base/big_endian.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD_BYTES = 128, TAG_BYTES = 12, MOST_TAGS = 10, CURVE_POINTS = 1024 };
enum { XYZ_BYTES = 20, CHAD_BYTES = 44, CURVE_BYTES = 12 + 2 * CURVE_POINTS, DESC_BYTES = 90 };
enum { PQ = 16, HLG = 18 };

struct chromaticity {
    double x, y;
};
/* White, red, green, blue, as in cHRM. */
struct primaries {
    struct chromaticity of[4];
};

static const struct chromaticity d65 = {0.3127, 0.3290};

/* ---- which colours? ---- */

static bool primaries_of_code(int code, struct primaries *p)
{
    static const struct {
        int code;
        struct chromaticity red, green, blue;
    } known[] = {
        {1, {0.640, 0.330}, {0.300, 0.600}, {0.150, 0.060}},  /* BT.709, sRGB */
        {5, {0.640, 0.330}, {0.290, 0.600}, {0.150, 0.060}},  /* BT.601, 625 lines */
        {6, {0.630, 0.340}, {0.310, 0.595}, {0.155, 0.070}},  /* BT.601, 525 lines */
        {7, {0.630, 0.340}, {0.310, 0.595}, {0.155, 0.070}},  /* SMPTE 240M */
        {9, {0.708, 0.292}, {0.170, 0.797}, {0.131, 0.046}},  /* BT.2020, BT.2100 */
        {12, {0.680, 0.320}, {0.265, 0.690}, {0.150, 0.060}}, /* Display P3 */
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].code == code) {
            *p = (struct primaries){{d65, known[i].red, known[i].green, known[i].blue}};
            return true;
        }
    return false;
}

static struct primaries primaries_of_chrm(const uint8_t *chrm)
{
    struct primaries p;
    for (int i = 0; i < 4; i++)
        p.of[i] = (struct chromaticity){lic_get_be(chrm + 8 * i, 4) / 1e5,
                                        lic_get_be(chrm + 8 * i + 4, 4) / 1e5};
    return p;
}

/* Light of a sample: (a v + b)^gamma above `limit`, v / slope below; a pure power if limit is 0. */
struct curve {
    double gamma, a, b, limit, slope;
};

static const struct curve srgb = {2.4, 1 / 1.055, 0.055 / 1.055, 0.04045, 12.92};

static bool curve_of_code(int code, struct curve *c)
{
    switch (code) {
    case 1: /* BT.709, and the same for BT.601 and BT.2020 */
    case 6:
    case 14:
    case 15:
        *c = (struct curve){1 / 0.45, 1 / 1.099, 0.099 / 1.099, 0.081, 4.5};
        return true;
    case 4:
    case 5:
        *c = (struct curve){.gamma = code == 4 ? 2.2 : 2.8};
        return true;
    case 8: /* linear */
        *c = (struct curve){.gamma = 1};
        return true;
    case 13:
        *c = srgb;
        return true;
    default:
        return false;
    }
}

static double light(const struct curve *c, double v)
{
    if (c->limit == 0)
        return pow(v, c->gamma);
    return v < c->limit ? v / c->slope : pow(c->a * v + c->b, c->gamma);
}

/* NULL, or the reason why there can be no profile. */
static const char *read_colour(const lic_colour *colour, struct primaries *p, struct curve *c)
{
    primaries_of_code(1, p);
    *c = srgb;
    if (colour->has[LIC_COLOUR_CICP]) {
        const uint8_t *code = colour->data[LIC_COLOUR_CICP];
        if (code[1] == PQ || code[1] == HLG)
            return code[1] == PQ ? "PQ (HDR)" : "HLG (HDR)";
        if (code[2] != 0 || code[3] != 1 || !primaries_of_code(code[0], p) ||
            !curve_of_code(code[1], c))
            return "of a rare kind (cICP)";
        return NULL;
    }
    if (colour->has[LIC_COLOUR_SRGB])
        return NULL;
    if (colour->has[LIC_COLOUR_GAMA])
        *c = (struct curve){.gamma = 1e5 / lic_get_be(colour->data[LIC_COLOUR_GAMA], 4)};
    if (colour->has[LIC_COLOUR_CHRM])
        *p = primaries_of_chrm(colour->data[LIC_COLOUR_CHRM]);
    return c->gamma > 0.1 && c->gamma < 10 ? NULL : "of a gamma that makes no sense";
}

/* ---- matrices ---- */

struct matrix {
    double m[3][3];
};

static struct matrix multiply(const struct matrix *a, const struct matrix *b)
{
    struct matrix c = {{{0}}};
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            for (int k = 0; k < 3; k++)
                c.m[i][j] += a->m[i][k] * b->m[k][j];
    return c;
}

/* By cofactors; false if there is none. */
static bool invert(const struct matrix *a, struct matrix *out)
{
    double det = 0;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            const int r = (j + 1) % 3, s = (j + 2) % 3, t = (i + 1) % 3, u = (i + 2) % 3;
            out->m[i][j] = a->m[r][t] * a->m[s][u] - a->m[r][u] * a->m[s][t];
        }
    for (int k = 0; k < 3; k++)
        det += a->m[0][k] * out->m[k][0];
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            out->m[i][j] /= det;
    return fabs(det) > 1e-9;
}

static void xyz_of(struct chromaticity c, double xyz[3])
{
    xyz[0] = c.x / c.y;
    xyz[1] = 1;
    xyz[2] = (1 - c.x - c.y) / c.y;
}

static void apply(const struct matrix *a, const double v[3], double out[3])
{
    for (int i = 0; i < 3; i++)
        out[i] = a->m[i][0] * v[0] + a->m[i][1] * v[1] + a->m[i][2] * v[2];
}

static const double d50[3] = {0.9642, 1, 0.8249};

/* The adaptation from a white point to that of profiles, after Bradford (ICC.1:2010, annex E). */
static bool adaptation(const double white[3], struct matrix *out)
{
    static const struct matrix bradford = {
        {{0.8951, 0.2664, -0.1614}, {-0.7502, 1.7135, 0.0367}, {0.0389, -0.0685, 1.0296}}};
    struct matrix back, scaled = bradford;
    double from[3], to[3];
    apply(&bradford, white, from);
    apply(&bradford, d50, to);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            scaled.m[i][j] *= to[i] / from[i];
    if (!(fabs(from[0]) > 1e-6 && fabs(from[1]) > 1e-6 && fabs(from[2]) > 1e-6))
        return false;
    const bool ok = invert(&bradford, &back);
    *out = multiply(&back, &scaled);
    return ok;
}

/* Columns are XYZ of red, green and blue under D50; chad is the adaptation that led there. */
static bool colorants(const struct primaries *p, struct matrix *out, struct matrix *chad)
{
    struct matrix rgb, inverse;
    double white[3], amounts[3];
    for (int i = 0; i < 4; i++)
        if (!(p->of[i].y > 1e-4 && p->of[i].x >= 0 && p->of[i].x < 2 && p->of[i].y < 2))
            return false;
    for (int i = 0; i < 3; i++) {
        double xyz[3];
        xyz_of(p->of[i + 1], xyz);
        for (int k = 0; k < 3; k++)
            rgb.m[k][i] = xyz[k];
    }
    xyz_of(p->of[0], white);
    if (!invert(&rgb, &inverse) || !adaptation(white, chad))
        return false;
    apply(&inverse, white, amounts);
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < 3; i++)
            rgb.m[k][i] *= amounts[i];
    *out = multiply(chad, &rgb);
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < 3; i++)
            if (!(fabs(out->m[k][i]) < 4)) /* far from any colours that are seen */
                return false;
    return true;
}

/* ---- writing ---- */

struct profile {
    uint8_t *data;
    size_t bytes;
    int n_tags;
};

/* s15Fixed16 */
static void put_fixed(uint8_t *at, double value)
{
    lic_put_be(at, (uint32_t)(int32_t)lrint(value * 65536), 4);
}

/* Appends a tag of this many bytes, which begin with its type. Returns its first byte. */
static uint8_t *add_tag(struct profile *p, const char *name, const char *type, size_t bytes)
{
    uint8_t *tag = p->data + HEAD_BYTES + 4 + TAG_BYTES * p->n_tags++;
    uint8_t *at = p->data + p->bytes;
    memcpy(tag, name, 4);
    lic_put_be(tag + 4, (uint32_t)p->bytes, 4);
    lic_put_be(tag + 8, (uint32_t)bytes, 4);
    memcpy(at, type, 4);
    p->bytes += (bytes + 3) & ~(size_t)3;
    return at;
}

/* The tag before once more, under another name. */
static void repeat_tag(struct profile *p, const char *name)
{
    uint8_t *tag = p->data + HEAD_BYTES + 4 + TAG_BYTES * p->n_tags++;
    memcpy(tag, tag - TAG_BYTES, TAG_BYTES);
    memcpy(tag, name, 4);
}

static void add_xyz(struct profile *p, const char *name, double x, double y, double z)
{
    uint8_t *at = add_tag(p, name, "XYZ ", XYZ_BYTES);
    put_fixed(at + 8, x);
    put_fixed(at + 12, y);
    put_fixed(at + 16, z);
}

static void add_texts(struct profile *p)
{
    static const char name[] = "RGB or grey as the PNG said", rights[] = "Free for any use";
    uint8_t *at = add_tag(p, "desc", "desc", DESC_BYTES + sizeof name);
    lic_put_be(at + 8, sizeof name, 4);
    memcpy(at + 12, name, sizeof name);
    at = add_tag(p, "cprt", "text", 8 + sizeof rights);
    memcpy(at + 8, rights, sizeof rights);
}

/* A pure power is written as one number of 8.8 bits, if that is near enough. */
static void add_curve(struct profile *p, const char *name, const struct curve *c)
{
    const double power = c->gamma * 256;
    if (c->limit == 0 && fabs(power - rint(power)) < 0.26) {
        uint8_t *at = add_tag(p, name, "curv", 14);
        lic_put_be(at + 8, 1, 4);
        lic_put_be(at + 12, (uint32_t)lrint(power), 2);
        return;
    }
    uint8_t *at = add_tag(p, name, "curv", CURVE_BYTES);
    lic_put_be(at + 8, CURVE_POINTS, 4);
    for (int i = 0; i < CURVE_POINTS; i++)
        lic_put_be(at + 12 + 2 * i,
                   (uint32_t)lrint(65535 * light(c, (double)i / (CURVE_POINTS - 1))), 2);
}

static void write_head(struct profile *p, bool grey)
{
    uint8_t *at = p->data;
    lic_put_be(at, (uint32_t)p->bytes, 4);
    lic_put_be(at + 8, 0x02400000, 4);
    memcpy(at + 12, grey ? "mntrGRAYXYZ " : "mntrRGB XYZ ", 12);
    lic_put_be(at + 24, 2000, 2); /* a date there must be: always the same one */
    lic_put_be(at + 26, 1, 2);
    lic_put_be(at + 28, 1, 2);
    memcpy(at + 36, "acsp", 4);
    for (int i = 0; i < 3; i++)
        put_fixed(at + 68 + 4 * i, d50[i]);
    lic_put_be(at + HEAD_BYTES, (uint32_t)p->n_tags, 4);
}

lic_blob lic_icc_of_colour(const lic_colour *colour, uint32_t channels, const char **why)
{
    struct primaries primaries;
    struct curve curve;
    struct matrix rgb, chad;
    struct profile p = {.bytes = HEAD_BYTES + 4 + TAG_BYTES * MOST_TAGS};
    *why = read_colour(colour, &primaries, &curve);
    if (!*why && !colorants(&primaries, &rgb, &chad))
        *why = "of primaries that make no sense";
    if (*why)
        return (lic_blob){0};
    p.data = calloc(1, p.bytes + 2 * (size_t)DESC_BYTES + 4 * XYZ_BYTES + CHAD_BYTES + CURVE_BYTES);
    if (!p.data)
        return (lic_blob){0};
    add_texts(&p);
    add_xyz(&p, "wtpt", d50[0], d50[1], d50[2]);
    if (channels == 1) {
        add_curve(&p, "kTRC", &curve);
    } else {
        uint8_t *at = add_tag(&p, "chad", "sf32", CHAD_BYTES);
        for (int i = 0; i < 9; i++)
            put_fixed(at + 8 + 4 * i, chad.m[i / 3][i % 3]);
        add_xyz(&p, "rXYZ", rgb.m[0][0], rgb.m[1][0], rgb.m[2][0]);
        add_xyz(&p, "gXYZ", rgb.m[0][1], rgb.m[1][1], rgb.m[2][1]);
        add_xyz(&p, "bXYZ", rgb.m[0][2], rgb.m[1][2], rgb.m[2][2]);
        add_curve(&p, "rTRC", &curve);
        repeat_tag(&p, "gTRC");
        repeat_tag(&p, "bTRC");
    }
    write_head(&p, channels == 1);
    return (lic_blob){p.data, p.bytes};
}

/* ---- reading ---- */

/* desc of version 2 is ASCII; mluc of version 4 is UTF-16, whose ASCII is taken. */
void lic_icc_name(const uint8_t *icc, size_t bytes, char *name, size_t size)
{
    size_t n = 0;
    name[0] = 0;
    const size_t tags = bytes >= HEAD_BYTES + 4 ? lic_get_be(icc + HEAD_BYTES, 4) : 0;
    for (size_t i = 0; i < tags && i < 100 && bytes >= HEAD_BYTES + 4 + TAG_BYTES * (i + 1); i++) {
        const uint8_t *tag = icc + HEAD_BYTES + 4 + TAG_BYTES * i;
        const size_t at = lic_get_be(tag + 4, 4), length = lic_get_be(tag + 8, 4);
        if (memcmp(tag, "desc", 4) != 0 || at > bytes || length > bytes - at || length < 12)
            continue;
        const bool wide = memcmp(icc + at, "mluc", 4) == 0;
        const size_t from = wide ? (length >= 28 ? lic_get_be(icc + at + 24, 4) : length) : 12;
        for (size_t k = from + wide; k < length && n + 1 < size; k += 1 + wide) {
            const char c = (char)icc[at + k];
            if (c < ' ' || c > '~')
                break;
            name[n++] = c;
        }
        name[n] = 0;
        return;
    }
}
