/* dense.c - feature enhancement (S2LIC, figure 3) strip by strip, in one wide buffer, [x | f1 | f2
 * | f3]: out = x + out(all of it). Behind it may come one more convolution, up4. These layers are
 * narrow, so the buffer is in planes where kernels are faster on them. */
#include "models/network.h"

static const affine NO_RATE = {0};

/* Rows that are taken at a time, and those in memory: layers lag by up to four. */
enum { ROWS = LIC_STRIP, HELD = ROWS + 8 };

static bool suit(const nn *c, const dense *w, const conv *last)
{
    return lic_planes_suit(c, &w->convs[0]) && lic_planes_suit(c, &w->convs[1]) &&
           lic_planes_suit(c, &w->convs[2]) && lic_planes_suit(c, &w->out) &&
           (!last || lic_planes_suit(c, last));
}

void lic_dense_begin(nn *c, const dense *w, const conv *last, int h, int wd, int held,
                     dense_strips *s)
{
    const int dim = w->out.cout, wide = dim + 3 * w->growth;
    *s = (dense_strips){.last = last, .planar = suit(c, w, last)};
    if (s->planar) {
        s->x = lic_nn_new_ring(c, h, wd, dim, held);
        s->planes = lic_planes_new_ring(c, h, wd, wide, HELD);
        if (last)
            s->enhanced_planes = lic_planes_new_ring(c, h, wd, dim, HELD);
    } else {
        s->features = lic_nn_new_ring(c, h, wd, wide, held);
        s->x = lic_nn_channels(s->features, 0, dim);
        if (last)
            s->enhanced = lic_nn_new_ring(c, h, wd, dim, HELD);
    }
}

/* With `ready` rows of x. Returns how many rows of the result there are. */
static int enhance(nn *c, const dense *w, tensor out, int ready, dense_strips *s)
{
    const int dim = s->x.c, h = s->x.h;
    for (int i = 0; i < 3; i++) {
        ready = lic_nn_ready(ready, h, 1);
        lic_nn_conv_rows(c, &w->convs[i], s->features, LIC_ACT_LEAKY, NO_RATE, NULL,
                         lic_nn_channels(s->features, dim + i * w->growth, w->growth),
                         lic_nn_advance(&s->convs[i], ready));
    }
    lic_nn_conv_rows(c, &w->out, s->features, LIC_ACT_NONE, NO_RATE, &s->x,
                     s->last ? s->enhanced : out, lic_nn_advance(&s->out, ready));
    if (!s->last)
        return ready;
    ready = lic_nn_ready(ready, h, 1);
    lic_nn_conv_rows(c, s->last, s->enhanced, LIC_ACT_NONE, NO_RATE, NULL, out,
                     lic_nn_advance(&s->at_last, ready));
    return ready;
}

/* The same in planes. */
static int enhance_planes(nn *c, const dense *w, tensor out, int ready, dense_strips *s)
{
    const int dim = s->x.c, h = s->x.h;
    const planes x = lic_planes_channels(s->planes, 0, dim);
    lic_planes_from(c, s->x, x, lic_nn_advance(&s->in_planes, ready));
    for (int i = 0; i < 3; i++) {
        ready = lic_nn_ready(ready, h, 1);
        lic_planes_conv_rows(c, &w->convs[i], s->planes, LIC_ACT_LEAKY, NULL,
                             lic_planes_channels(s->planes, dim + i * w->growth, w->growth),
                             lic_nn_advance(&s->convs[i], ready));
    }
    const row_range r = lic_nn_advance(&s->out, ready);
    if (!s->last) {
        lic_planes_conv_out_rows(c, &w->out, s->planes, LIC_ACT_NONE, &x, out, r);
        return ready;
    }
    lic_planes_conv_rows(c, &w->out, s->planes, LIC_ACT_NONE, &x, s->enhanced_planes, r);
    ready = lic_nn_ready(ready, h, 1);
    lic_planes_conv_out_rows(c, s->last, s->enhanced_planes, LIC_ACT_NONE, NULL, out,
                             lic_nn_advance(&s->at_last, ready));
    return ready;
}

int lic_dense_strip(nn *c, const dense *w, tensor out, int ready, dense_strips *s)
{
    while (s->in < ready) {
        s->in = s->in + ROWS < ready ? s->in + ROWS : ready;
        s->ready = (s->planar ? enhance_planes : enhance)(c, w, out, s->in, s);
    }
    return s->ready;
}
