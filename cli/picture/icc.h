/* icc.h - ICC profiles (ICC.1:2001-04, version 2.4) for formats that have no other way to name
 * colours. They are made from what PNG says, as matrix and curve, which every reader knows. */
#ifndef LIC_CLI_PICTURE_ICC_H
#define LIC_CLI_PICTURE_ICC_H

#include "cli/picture/colour.h"
#include "cli/picture/image_io.h"

/* A profile of the same colours for a picture of 1 or 3 channels, by malloc; the same bytes for the
 * same colours. data NULL: *why gives the reason, or is NULL if there is no memory. */
lic_blob lic_icc_of_colour(const lic_colour *colour, uint32_t channels, const char **why);

/* The profile's own name, for people and for a guess; "" if it has none. */
void lic_icc_name(const uint8_t *icc, size_t bytes, char *name, size_t size);

#endif
