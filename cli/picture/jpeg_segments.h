/* jpeg_segments.h - the list of segments before a JPEG's first scan, looked through before libjpeg
 * sees it: libjpeg takes time with the square of the number of those that it keeps. */
#ifndef LIC_CLI_PICTURE_JPEG_SEGMENTS_H
#define LIC_CLI_PICTURE_JPEG_SEGMENTS_H

#include "cli/picture/source.h"

typedef struct lic_jpeg_segments {
    uint32_t n_meta;     /* APP1, APP2, APP13, COM */
    uint64_t meta_bytes; /* of these */
    bool has_pictures;   /* more pictures after this one (MPF, CIPA DC-007) */
    bool has_gain_map;   /* one of which is a gain map (ISO 21496-1) */
    bool has_claims;     /* a provenance manifest (C2PA, in APP11) */
} lic_jpeg_segments;

/* What is kept of a file; cameras write tens of segments and half a megabyte. */
enum { LIC_JPEG_MOST_META = 1000, LIC_JPEG_MOST_META_BYTES = 1 << 24 };

/* Reads from the start of the source and goes back there. Damage ends the list. */
lic_jpeg_segments lic_jpeg_list_segments(lic_source *source);

#endif
