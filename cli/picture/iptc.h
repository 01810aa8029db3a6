/* iptc.h - IPTC (IIM) data sets: captions, credits, keywords of press pictures. JPEG has them among
 * Photoshop's image resources (Adobe Photoshop File Formats Specification, "Image Resource
 * Blocks"), PNG has them in a text of hexadecimal digits, which ImageMagick began and ExifTool and
 * others use too. */
#ifndef LIC_CLI_PICTURE_IPTC_H
#define LIC_CLI_PICTURE_IPTC_H

#include "cli/picture/image_io.h"

#define LIC_RAW_PROFILE_KEYWORD "Raw profile type " /* of texts in PNG; the type follows */
#define LIC_IPTC_KEYWORD        LIC_RAW_PROFILE_KEYWORD "iptc" /* resources in it */
#define LIC_IPTC_HEAD           "Photoshop 3.0" /* of an APP13, with the final zero */

/* Finds the data sets in image resources, or in bytes that are nothing but data sets; empty if
 * there are none. The blob is a part of the bytes. */
lic_blob lic_iptc_find(uint8_t *data, size_t bytes);
/* Image resources with nothing but these data sets, by malloc; data NULL if there is no memory. */
lic_blob lic_iptc_wrap(const lic_blob *iptc);
/* The bytes that the digits of such a text stand for, by malloc, whatever its type; empty if there
 * are no such digits. False if there is no memory. */
bool lic_raw_profile_of_digits(const char *text, lic_blob *profile);
/* A text with digits for bytes, by malloc; NULL if there is no memory. */
char *lic_iptc_digits(const lic_blob *resources);

#endif
