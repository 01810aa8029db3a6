/* look.c - see look.h. */
#include "cli/rd/look.h"

#include "cli/picture/colour.h"
#include "cli/picture/icc.h"

#include <stdlib.h>
#include <string.h>

/* What is known of a picture's colours. */
struct colours {
    const lic_blob *icc; /* NULL: none */
    lic_colour png;
    char name[80];
    bool is_srgb; /* or taken for it */
};

/* A profile counts as sRGB by its name: there are many that differ in the last digits. */
static struct colours colours_of(const lic_picture *picture)
{
    const lic_blob *icc = &picture->meta[LIC_META_ICCP], *blob = &picture->meta[LIC_META_COLOUR];
    struct colours c = {.icc = icc->data ? icc : NULL};
    if (blob->data)
        lic_colour_unpack(blob->data, blob->bytes, &c.png);
    c.png.has[LIC_COLOUR_MDCV] = c.png.has[LIC_COLOUR_CLLI] = false; /* of a display */
    if (c.png.has[LIC_COLOUR_CICP])
        c.icc = NULL; /* it goes before a profile (PNG, third edition) */
    if (c.icc) {
        char name[60];
        lic_icc_name(icc->data, icc->bytes, name, sizeof name);
        c.is_srgb = strstr(name, "sRGB") != NULL;
        snprintf(c.name, sizeof c.name, "ICC profile '%s'", name);
    } else {
        c.is_srgb = lic_colour_is_srgb(&c.png);
        snprintf(c.name, sizeof c.name, "%s", lic_colour_what(&c.png));
    }
    return c;
}

/* A profile made from these colours for JPEG counts as the same. */
static bool is_profile_of(const lic_blob *icc, const lic_colour *colour, uint32_t channels)
{
    const char *why;
    const lic_blob made = lic_icc_of_colour(colour, channels, &why);
    const bool same =
        made.data && made.bytes == icc->bytes && memcmp(made.data, icc->data, made.bytes) == 0;
    free(made.data);
    return same;
}

static bool are_alike(const struct colours *a, const struct colours *b, uint32_t channels)
{
    uint8_t x[LIC_COLOUR_MAX_BYTES], y[LIC_COLOUR_MAX_BYTES];
    if (a->is_srgb && b->is_srgb)
        return true;
    if (a->icc && b->icc)
        return a->icc->bytes == b->icc->bytes &&
               memcmp(a->icc->data, b->icc->data, a->icc->bytes) == 0;
    if (a->icc || b->icc)
        return is_profile_of(a->icc ? a->icc : b->icc, a->icc ? &b->png : &a->png, channels);
    const size_t n = lic_colour_pack(&a->png, x);
    return !a->is_srgb && !b->is_srgb && n == lic_colour_pack(&b->png, y) && memcmp(x, y, n) == 0;
}

void lic_look_compare(const lic_picture *reference, const lic_picture *picture, char *text,
                      size_t size)
{
    const int a = (int)lic_picture_orientation(reference),
              b = (int)lic_picture_orientation(picture);
    const struct colours x = colours_of(reference), y = colours_of(picture);
    const char *between = "";
    int n = 0;
    text[0] = 0;
    if (a != b) {
        n = snprintf(text, size, "has orientation %d, the reference %d", b, a);
        between = ", and ";
    }
    if (!are_alike(&x, &y, picture->image.channels) && n >= 0 && (size_t)n < size)
        n += snprintf(text + n, size - (size_t)n, "%scolours are %s, those of the reference %s",
                      between, y.name, x.name);
    if (n > 0 && (size_t)n < size)
        snprintf(text + n, size - (size_t)n, ": samples are compared as they are stored");
}
