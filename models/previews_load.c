/* previews_load.c - heads for previews: of a network's own file, or of the file beside it, which
 * holds a head and says for which network it was fitted. */
#include "models/weights_entry.h"

#include "codec/base/status.h"

/* The side of a head by its outputs; 0: none has so many. */
static int side_of(uint32_t outputs)
{
    for (uint32_t side = 1; side <= LIC_MAX_HEAD_SIDE; side *= 2)
        if (outputs == 3 * side * side)
            return (int)side;
    return 0;
}

/* Inputs are the channels of the first slices. */
static void set_slices(const network *net, preview_head *head)
{
    int channels = 0;
    head->slices = 0;
    while (head->slices < net->n_slices && channels < head->channels)
        channels += net->slices[head->slices++];
    if (channels != head->channels)
        head->slices = 0;
}

static preview_head shape_of(const network *net, uint32_t outputs, uint32_t inputs)
{
    preview_head head = {.side = side_of(outputs),
                         .channels = inputs <= (uint32_t)net->m ? (int)inputs : 0};
    set_slices(net, &head);
    return head;
}

void lic_weights_note_beside(lic_weights *w, lic_weights *heads)
{
    w->beside_outputs = lic_weights_dim(heads, "preview.weight", 1);
    w->beside_inputs = lic_weights_dim(heads, "preview.weight", 3);
}

int lic_weights_preview_slices(const lic_weights *w, const network *net)
{
    const preview_head heads[LIC_N_HEADS] = {net->heads[0],
                                             shape_of(net, w->beside_outputs, w->beside_inputs)};
    int slices = 0, side = 0;
    for (int i = 0; i < LIC_N_HEADS; i++) {
        slices = heads[i].side && heads[i].slices > slices ? heads[i].slices : slices;
        side = heads[i].side > side ? heads[i].side : side;
    }
    return side >= w->side ? slices : 0;
}

void lic_weights_preview(lic_weights *w, const network *net, preview_head *head)
{
    const uint32_t outputs = lic_weights_dim(w, "preview.weight", 1),
                   inputs = lic_weights_dim(w, "preview.weight", 3);
    const uint32_t weight[4] = {(uint32_t)net->levels, outputs, 9, inputs},
                   bias[4] = {(uint32_t)net->levels, outputs, 1, 1};
    *head = (preview_head){0};
    if (!outputs)
        return;
    *head = shape_of(net, outputs, inputs);
    head->side = w->version < 4 && outputs != 3 ? 0 : head->side;
    if (!head->side)
        LIC_WEIGHTS_FAIL(w, "weights file with a preview of %u outputs", (unsigned)outputs);
    if (!head->slices)
        LIC_WEIGHTS_FAIL(w, "weights file with a preview of other channels than its slices");
    head->w = lic_weights_floats(w, "preview.weight", 4, weight);
    head->b = lic_weights_floats(w, "preview.bias", 2, bias);
}

lic_status lic_previews_load(lic_weights *w, lic_arena *arena, uint64_t hash, network *net)
{
    preview_head *head = &net->heads[1];
    lic_weights_begin(w, arena);
    lic_weights_family(w, "s2lic-previews", "no file of heads for previews");
    if (!w->status && lic_weights_count(w, "network") != hash)
        LIC_WEIGHTS_FAIL(w, "heads for previews of another network than %016llx",
                         (unsigned long long)hash);
    if (!w->status)
        lic_weights_preview(w, net, head);
    if (!w->status && !head->side)
        LIC_WEIGHTS_FAIL(w, "a file of heads for previews without one");
    return lic_weights_end(w);
}
