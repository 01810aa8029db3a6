/* preview.c - a small picture without g_s. Latents lie at 1/16 of the picture's scale. For each
 * rate level a 3 x 3 convolution over the first slices was fitted to the means of blocks of the 16
 * x 16 pixels behind a latent (models/train/preview.py). It comes close to reducing the decoded
 * picture, for a small part of the work. */
#include "models/network.h"

const preview_head *lic_preview_head(const network *net, int side)
{
    const preview_head *best = NULL;
    for (const preview_head *h = net->heads; h < net->heads + LIC_N_HEADS; h++)
        if (h->side >= side && (!best || h->side < best->side))
            best = h;
    return best;
}

tensor lic_preview(nn *c, const rate_state *rate, tensor y_hat)
{
    const affine none = {0};
    tensor out = lic_nn_new(c, y_hat.h, y_hat.w, rate->preview.cout);
    lic_nn_apply_gain(c, y_hat, rate->igain, y_hat);
    lic_nn_conv(c, &rate->preview, y_hat, LIC_ACT_NONE, none, NULL, out);
    lic_nn_trace(c, "preview", 0, out);
    return out;
}
