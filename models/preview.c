/* preview.c - a small picture without g_s: latents lie at 1/16 of the picture's scale, and a 3 x 3
 * convolution over the first slices, fitted to the means of 16 x 16 pixels for each rate level
 * (models/train/preview.py), comes close to what reducing the decoded picture gives, at a small
 * part of the work. */
#include "models/network.h"

tensor lic_preview(nn *c, const rate_state *rate, tensor y_hat)
{
    const affine none = {0};
    tensor out = lic_nn_new(c, y_hat.h, y_hat.w, rate->preview.cout);
    lic_nn_apply_gain(c, y_hat, rate->igain, y_hat);
    lic_nn_conv(c, &rate->preview, y_hat, LIC_ACT_NONE, none, NULL, out);
    lic_nn_trace(c, "preview", 0, out);
    return out;
}
