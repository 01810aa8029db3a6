/* planes.h - tensors channel by channel, and the convolutions on them. Where a layer has few
 * channels, its kernels take neighbouring pixels for lanes, and those have to lie side by side. The
 * bits are those of the layers of nn.h. */
#ifndef LIC_MODELS_PLANES_H
#define LIC_MODELS_PLANES_H

#include "models/nn.h"

/* [h, c, w], as rings like those of a tensor: element (y, i, x) is lic_planes_at(t, y, i)[x]. Left
 * and right of a row lie margins: the one pixel that a 3x3 sees there, zero or mirrored. */
typedef struct planes {
    float *data; /* NULL while planning */
    int h, w, c, held;
    size_t pitch, row; /* from a channel to the next, from a row to the next */
} planes;

planes lic_planes_new_ring(nn *c, int h, int w, int channels, int held);
/* The channels first .. first + n - 1 of t, as a view. */
planes lic_planes_channels(planes t, int first, int n);
static inline float *lic_planes_at(planes t, int y, int channel)
{
    const size_t place = (size_t)(t.held ? y % t.held : y);
    return t.data + place * t.row + (size_t)channel * t.pitch;
}

/* Whether a layer can be computed on planes, and is faster so. */
bool lic_planes_suit(const nn *c, const conv *w);
/* Some rows of x, to planes of as many channels. */
void lic_planes_from(nn *c, tensor x, planes out, row_range r);
/* out = act(conv(x)) + residual, for some rows; to planes or to a tensor. 1x1 and 3x3 of stride 1.
 * residual NULL: none. x and out may be views of the same planes. */
void lic_planes_conv_rows(nn *c, const conv *w, planes x, lic_act act, const planes *residual,
                          planes out, row_range r);
void lic_planes_conv_out_rows(nn *c, const conv *w, planes x, lic_act act, const planes *residual,
                              tensor out, row_range r);

#endif
