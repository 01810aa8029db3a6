/* colour.c - see colour.h. */
#include "cli/picture/colour.h"

#include "cli/base/big_endian.h"

#include <string.h>

enum { NAME_BYTES = 4 };

const char lic_colour_names[LIC_COLOUR_N][5] = {"cICP", "sRGB", "gAMA", "cHRM", "mDCV", "cLLI"};
const uint8_t lic_colour_bytes[LIC_COLOUR_N] = {4, 1, 4, 32, 24, 8};

/* The values that the PNG specification has with sRGB (11.3.2.5), times 100000. */
static const uint32_t srgb_gamma[] = {45455};
static const uint32_t srgb_chromaticities[] = {31270, 32900, 64000, 33000,
                                               30000, 60000, 15000, 6000};

static void put_words(uint8_t *to, const uint32_t *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to = lic_put_be(to, words[i], 4);
}

/* The data of gAMA or cHRM that sRGB has. */
static void srgb_part(lic_colour_part part, uint8_t *data)
{
    if (part == LIC_COLOUR_GAMA)
        put_words(data, srgb_gamma, 1);
    else
        put_words(data, srgb_chromaticities, 8);
}

static bool repeats_srgb(const lic_colour *colour, lic_colour_part part)
{
    uint8_t data[LIC_COLOUR_MAX_PART];
    srgb_part(part, data);
    return colour->has[part] && memcmp(colour->data[part], data, lic_colour_bytes[part]) == 0;
}

static bool makes_sense(lic_colour_part part, const uint8_t *data)
{
    static const uint8_t zero[4];
    if (part == LIC_COLOUR_SRGB)
        return data[0] < 4; /* rendering intents */
    return part != LIC_COLOUR_GAMA || (memcmp(data, zero, 4) != 0 && data[0] < 0x80);
}

/* mDCV and cLLI were mDCv and cLLi in drafts of PNG's third edition, and in files of that time. */
static bool is_name(const char *name, const char *wanted)
{
    const size_t n = wanted[0] == 'm' || wanted[1] == 'L' ? NAME_BYTES - 1 : NAME_BYTES;
    return memcmp(name, wanted, n) == 0 &&
           (name[NAME_BYTES - 1] | 0x20) == (wanted[NAME_BYTES - 1] | 0x20);
}

bool lic_colour_knows(const char *name)
{
    for (int i = 0; i < LIC_COLOUR_N; i++)
        if (is_name(name, lic_colour_names[i]))
            return true;
    return false;
}

bool lic_colour_add(lic_colour *colour, const char *name, const uint8_t *data, size_t bytes)
{
    for (int i = 0; i < LIC_COLOUR_N; i++) {
        if (!is_name(name, lic_colour_names[i]))
            continue;
        if (bytes != lic_colour_bytes[i] || colour->has[i] ||
            !makes_sense((lic_colour_part)i, data))
            return false;
        memcpy(colour->data[i], data, bytes);
        return colour->has[i] = true;
    }
    return false;
}

size_t lic_colour_pack(const lic_colour *colour, uint8_t out[LIC_COLOUR_MAX_BYTES])
{
    uint8_t *at = out;
    for (int i = 0; i < LIC_COLOUR_N; i++) {
        const bool implied = (i == LIC_COLOUR_GAMA || i == LIC_COLOUR_CHRM) &&
                             colour->has[LIC_COLOUR_SRGB] &&
                             repeats_srgb(colour, (lic_colour_part)i);
        if (!colour->has[i] || implied)
            continue;
        memcpy(at, lic_colour_names[i], NAME_BYTES);
        at += NAME_BYTES;
        *at++ = lic_colour_bytes[i];
        memcpy(at, colour->data[i], lic_colour_bytes[i]);
        at += lic_colour_bytes[i];
    }
    return (size_t)(at - out);
}

bool lic_colour_unpack(const uint8_t *data, size_t bytes, lic_colour *colour)
{
    bool all = true;
    *colour = (lic_colour){0};
    while (bytes > NAME_BYTES) {
        const size_t n = data[NAME_BYTES], step = NAME_BYTES + 1 + n;
        if (step > bytes)
            return false;
        all = lic_colour_add(colour, (const char *)data, data + NAME_BYTES + 1, n) && all;
        data += step;
        bytes -= step;
    }
    return all && bytes == 0;
}

void lic_colour_complete(lic_colour *colour, bool has_profile)
{
    if (has_profile)
        colour->has[LIC_COLOUR_SRGB] = false;
    if (!colour->has[LIC_COLOUR_SRGB])
        return;
    for (int i = LIC_COLOUR_GAMA; i <= LIC_COLOUR_CHRM; i++)
        if (!colour->has[i]) {
            srgb_part((lic_colour_part)i, colour->data[i]);
            colour->has[i] = true;
        }
}

bool lic_colour_is_srgb(const lic_colour *colour)
{
    static const uint8_t cicp_srgb[] = {1, 13, 0, 1};
    if (colour->has[LIC_COLOUR_CICP])
        return memcmp(colour->data[LIC_COLOUR_CICP], cicp_srgb, sizeof cicp_srgb) == 0;
    if (colour->has[LIC_COLOUR_SRGB])
        return true;
    for (int i = LIC_COLOUR_GAMA; i <= LIC_COLOUR_CHRM; i++)
        if (colour->has[i] && !repeats_srgb(colour, (lic_colour_part)i))
            return false;
    return true;
}

const char *lic_colour_what(const lic_colour *colour)
{
    const uint8_t *code = colour->data[LIC_COLOUR_CICP]; /* ITU-T H.273 */
    if (lic_colour_is_srgb(colour))
        return "sRGB";
    if (!colour->has[LIC_COLOUR_CICP])
        return colour->has[LIC_COLOUR_CHRM] ? "of primaries or a gamma of their own"
                                            : "of a gamma of their own";
    return code[1] == 16                   ? "PQ (HDR)"
           : code[1] == 18                 ? "HLG (HDR)"
           : code[1] == 8                  ? "linear"
           : code[0] == 9                  ? "BT.2020"
           : code[0] == 12                 ? "Display P3"
           : code[0] == 1 && code[1] != 13 ? "BT.709"
                                           : "of a kind of their own (cICP)";
}
