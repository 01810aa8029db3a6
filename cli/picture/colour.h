/* colour.h - what PNG says of colours (cICP, sRGB, gAMA, cHRM, and mDCV and cLLI of HDR), as .lic
 * files keep it: colr in codec/FORMAT.md. */
#ifndef LIC_CLI_PICTURE_COLOUR_H
#define LIC_CLI_PICTURE_COLOUR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum lic_colour_part {
    LIC_COLOUR_CICP,
    LIC_COLOUR_SRGB,
    LIC_COLOUR_GAMA,
    LIC_COLOUR_CHRM,
    LIC_COLOUR_MDCV, /* of the display that the picture was mastered on */
    LIC_COLOUR_CLLI, /* brightest pixel, brightest mean */
    LIC_COLOUR_N
} lic_colour_part;

enum { LIC_COLOUR_MAX_PART = 32, LIC_COLOUR_MAX_BYTES = 6 * 5 + 4 + 1 + 4 + 32 + 24 + 8 };

typedef struct lic_colour {
    bool has[LIC_COLOUR_N];
    uint8_t data[LIC_COLOUR_N][LIC_COLOUR_MAX_PART]; /* as in PNG */
} lic_colour;

extern const char lic_colour_names[LIC_COLOUR_N][5];
extern const uint8_t lic_colour_bytes[LIC_COLOUR_N];

/* Is this the name of a chunk that belongs here? */
bool lic_colour_knows(const char *name);
/* Takes the data of a chunk of PNG; false if it is not one of these or makes no sense. The first of
 * a kind counts. */
bool lic_colour_add(lic_colour *colour, const char *name, const uint8_t *data, size_t bytes);
/* Leaves out gAMA and cHRM that only repeat sRGB. Returns the bytes written. */
size_t lic_colour_pack(const lic_colour *colour, uint8_t out[LIC_COLOUR_MAX_BYTES]);
/* Reads what can be understood; false if that is not all of it. */
bool lic_colour_unpack(const uint8_t *data, size_t bytes, lic_colour *colour);
/* What to write to a PNG. sRGB comes with its gAMA and cHRM, for readers that know only these; with
 * an ICC profile there is no sRGB. */
void lic_colour_complete(lic_colour *colour, bool has_profile);
/* Whether a reader that knows none of this would show the same colours. */
bool lic_colour_is_srgb(const lic_colour *colour);
/* "PQ (HDR)", "BT.2020": what the colours are, for people. */
const char *lic_colour_what(const lic_colour *colour);

#endif
