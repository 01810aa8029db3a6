/* weights_layers.c - see weights.h: layers by the name of their PyTorch module, bound to packed
 * weights. */
#include "models/weights_table.h"

#include <stdio.h>

static const char *join(char *out, const char *module, const char *leaf)
{
    snprintf(out, LIC_WEIGHTS_NAME, "%s.%s", module, leaf);
    return out;
}

/* Room for a packed tensor; filled when the pass ends. */
static void *pack(lic_weights *w, const lic_weights_entry *e, lic_pack_kind kind,
                  const lic_packing *p)
{
    const size_t size = kind == LIC_PACK_HALVES ? sizeof(uint16_t) : sizeof(float);
    void *out = lic_arena_take(w->arena, lic_pack_count(kind, p) + LIC_PANEL, size);
    if (!out)
        return NULL;
    if (w->n_jobs == LIC_MAX_JOBS) {
        LIC_WEIGHTS_FAIL(w, "weights file with too many layers");
        return NULL;
    }
    w->jobs[w->n_jobs++] = (lic_pack_job){.kind = kind,
                                          .p = *p,
                                          .name = e->name,
                                          .src = w->data + e->offset,
                                          .half = e->type == LIC_WEIGHTS_F16,
                                          .out = out};
    return out;
}

/* Weight and bias of one module. */
typedef struct pair {
    lic_weights_entry weight, bias;
} pair;

static bool find_pair(lic_weights *w, const char *module, int rank, const uint32_t dims[4],
                      pair *out)
{
    char name[LIC_WEIGHTS_NAME];
    return lic_weights_find_floats(w, join(name, module, "weight"), rank, dims, &out->weight) &&
           lic_weights_find_floats(w, join(name, module, "bias"), 1, dims, &out->bias);
}

/* A bias is a layer with one input. */
static const float *pack_bias(lic_weights *w, const pair *from, const lic_packing *p)
{
    const lic_packing one = {p->cout, 1, 1, p->stride, p->first, 0, 1};
    return pack(w, &from->bias, LIC_PACK_PANELS, &one);
}

static void pack_conv(lic_weights *w, const pair *from, const lic_packing *p, int stride,
                      bool keep_rows, conv *out)
{
    *out = (conv){.kernel = p->kernel,
                  .stride = stride,
                  .cin = p->cin,
                  .cout = p->cout,
                  .taps = lic_pack_taps(p)};
    if (from->weight.type == LIC_WEIGHTS_F16)
        out->half = pack(w, &from->weight, LIC_PACK_HALVES, p);
    else
        out->w = pack(w, &from->weight, LIC_PACK_PANELS, p);
    out->bias = pack_bias(w, from, p);
    out->rows = keep_rows ? pack(w, &from->weight, LIC_PACK_ROWS, p) : NULL;
}

void lic_weights_conv(lic_weights *w, conv *out, int cout, int cin, int kernel, int stride,
                      const char *module)
{
    const uint32_t dims[4] = {(uint32_t)cout, (uint32_t)cin, (uint32_t)kernel, (uint32_t)kernel};
    const lic_packing p = {cout, cin, kernel, 1, 0, 0, 1};
    pair from;
    if (find_pair(w, module, 4, dims, &from))
        pack_conv(w, &from, &p, stride, w->keep_rows, out);
}

void lic_weights_linear(lic_weights *w, conv *out, int cout, int cin, const char *module)
{
    const uint32_t dims[4] = {(uint32_t)cout, (uint32_t)cin, 1, 1};
    const lic_packing p = {cout, cin, 1, 1, 0, 0, 1};
    pair from;
    if (find_pair(w, module, 2, dims, &from))
        pack_conv(w, &from, &p, 1, false, out);
}

void lic_weights_upconv(lic_weights *w, upconv *out, int cout, int cin, const char *module)
{
    const uint32_t dims[4] = {4 * (uint32_t)cout, (uint32_t)cin, 3, 3};
    pair from;
    out->cout = cout;
    if (!find_pair(w, module, 4, dims, &from))
        return;
    for (int phase = 0; phase < 4; phase++) { /* channel 4 j + phase, as pixel_shuffle has it */
        const lic_packing p = {cout, cin, 3, 4, phase, 0, 1};
        pack_conv(w, &from, &p, 1, w->keep_rows, &out->phase[phase]);
    }
}

void lic_weights_local(lic_weights *w, conv *out, int cout, int cin, const char *module)
{
    const uint32_t dims[4] = {(uint32_t)cout, (uint32_t)cin, LIC_LOCAL, LIC_LOCAL};
    const lic_packing p = {cout, cin, LIC_LOCAL, 1, 0, 1, 2}; /* taps with an odd sum of offsets */
    pair from;
    if (find_pair(w, module, 4, dims, &from))
        pack_conv(w, &from, &p, 1, false, out);
}

void lic_weights_depthwise(lic_weights *w, depthwise *out, int c, int kernel, const char *module)
{
    const uint32_t dims[4] = {(uint32_t)c, 1, (uint32_t)kernel, (uint32_t)kernel};
    const lic_packing p = {c, 1, kernel, 1, 0, 0, 1};
    pair from;
    *out = (depthwise){.kernel = kernel, .c = c};
    if (!find_pair(w, module, 4, dims, &from))
        return;
    out->w = pack(w, &from.weight, LIC_PACK_ROWS, &p);
    out->bias = pack_bias(w, &from, &p);
}

void lic_weights_norm(lic_weights *w, norm *out, int c, const char *module)
{
    const uint32_t dims[4] = {(uint32_t)c, 1, 1, 1};
    char name[LIC_WEIGHTS_NAME];
    out->gain = lic_weights_floats(w, join(name, module, "weight"), 1, dims);
    out->bias = lic_weights_floats(w, join(name, module, "bias"), 1, dims);
}
