/* view.h - a .lic file as a desktop wants to show it: 8 bits RGB or RGBA, in a size at most that of
 * the picture, with what must be known of profile and orientation. For the thumbnailer and the
 * gdk-pixbuf module, which run inside of other people's programs: limits hold before memory is
 * taken, and nothing is printed. */
#ifndef LIC_CLI_PACKAGE_DESKTOP_VIEW_H
#define LIC_CLI_PACKAGE_DESKTOP_VIEW_H

#include "cli/picture/alpha.h"
#include "codec/lic.h"

/* What a desktop may be made to do by a file in some folder. */
#define LIC_VIEW_MAX_BYTES  ((size_t)256 << 20) /* of the file */
#define LIC_VIEW_MAX_MEMORY ((uint64_t)2 << 30) /* of decoding, without the picture itself */
#define LIC_VIEW_MAX_PIXELS ((uint64_t)1 << 28)

typedef struct lic_view {
    const uint8_t *data; /* the caller's, until lic_view_close */
    size_t bytes;
    lic_info info;
    uint32_t channels; /* of what lic_view_decode gives: 3, or 4 with alpha */
    int orientation;   /* as in EXIF, 1 to 8; pixels are given as stored */
    lic_alpha_plane alpha;
    lic_buffer icc; /* profile, empty if there is none */
} lic_view;

/* Reads the head. Close in any case. */
lic_status lic_view_open(lic_view *view, const uint8_t *data, size_t bytes, lic_error *err);
void lic_view_close(lic_view *view);

/* Decodes to view->channels bytes per pixel, width x height, at most those of the picture, at `to`.
 */
lic_status lic_view_decode(const lic_view *view, uint32_t width, uint32_t height, uint8_t *to,
                           size_t stride_bytes, lic_error *err);

#endif
