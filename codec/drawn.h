/* drawn.h - which tiles are worth a try without loss beside the one with loss. */
#ifndef LIC_CODEC_DRAWN_H
#define LIC_CODEC_DRAWN_H

#include "codec/pixels.h"
#include "codec/tiles.h"

/* Whether this area is small, has few colours, or is drawn: most of its pixels are as the one to
 * the left, or go on as a plane does. Cheap beside the networks. */
bool lic_looks_drawn(const lic_band *from, lic_area area);

/* How many pixels of a row, from x0 to x1, are as the one to the left, or where the three around
 * them lead. Alpha does not count. */
uint32_t lic_row_goes_on(const lic_band *from, int x0, int x1, int y);

#endif
