/* view.h - a .lic file as a desktop shows it: RGB or RGBA of 8 bits, at most as large as the
 * picture, with its profile and orientation. For the thumbnailer and the gdk-pixbuf module,
 * which run inside other people's programs: limits hold before memory is taken, and nothing is
 * printed. */
#ifndef LIC_CLI_PACKAGE_DESKTOP_VIEW_H
#define LIC_CLI_PACKAGE_DESKTOP_VIEW_H

#include "codec/lic.h"

/* The most that a file in some folder can make a desktop do. */
typedef struct lic_view_limits {
    size_t bytes;    /* of the file */
    uint64_t pixels; /* of the picture */
    uint64_t memory; /* of decoding, without the picture itself */
    uint64_t work;   /* multiply-adds, as in lic_options */
} lic_view_limits;

/* For a picture that somebody opens, and for one in a folder that somebody looks at. The work of a
 * thumbnail allows a preview of 100 megapixels by the student, or 16 megapixels in full. */
extern const lic_view_limits lic_view_of_picture, lic_view_of_thumbnail;

typedef struct lic_view {
    const lic_view_limits *limits;
    const uint8_t *data; /* the caller's, until lic_view_close */
    size_t bytes;
    lic_info info;
    uint32_t channels; /* of what lic_view_decode gives: 3, or 4 with alpha */
    int orientation;   /* as in EXIF, 1 to 8; pixels are given as stored */
    lic_buffer icc; /* profile, or one made of what PNG says of colours; empty: sRGB */
} lic_view;

/* Reads the head. Close in any case. */
lic_status lic_view_open(lic_view *view, const lic_view_limits *limits, const uint8_t *data,
                         size_t bytes, lic_error *err);
void lic_view_close(lic_view *view);

/* Decodes to view->channels bytes per pixel, width x height, at most those of the picture, at `to`.
 */
lic_status lic_view_decode(const lic_view *view, uint32_t width, uint32_t height, uint8_t *to,
                           size_t stride_bytes, lic_error *err);

#endif
