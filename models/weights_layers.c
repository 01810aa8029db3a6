/* weights_layers.c - layers by the name of their PyTorch module, bound to packed weights. */
#include "models/weights_entry.h"

#include "codec/base/status.h"

#include <stdio.h>

static const char *join(char *out, const char *module, const char *leaf)
{
    snprintf(out, LIC_TENSOR_NAME, "%s.%s", module, leaf);
    return out;
}

/* Room for a packed tensor; filled when the pass ends. NULL if it is not needed. */
static void *pack(lic_weights *w, const lic_entry *e, lic_pack_kind kind, const lic_packing *p)
{
    if (w->leaves)
        return NULL;
    const size_t size = kind == LIC_PACK_BYTES    ? 1
                        : kind == LIC_PACK_HALVES ? sizeof(uint16_t)
                                                  : sizeof(float);
    const size_t offsets = kind == LIC_PACK_BYTES ? lic_pack_offsets(p) : 0;
    int32_t *more = offsets ? lic_arena_take(w->arena, offsets, sizeof *more) : NULL;
    void *out = lic_arena_take(w->arena, lic_pack_count(kind, p) + LIC_PANEL, size);
    if (!out || (offsets && !more))
        return NULL;
    if (w->n_jobs == LIC_MAX_JOBS) {
        LIC_WEIGHTS_FAIL(w, "weights file with too many layers");
        return NULL;
    }
    w->jobs[w->n_jobs++] = (lic_pack_job){.kind = kind,
                                          .p = *p,
                                          .name = e->name,
                                          .at = e->offset,
                                          .crc = e->crc,
                                          .half = e->type == LIC_TENSOR_F16,
                                          .out = out,
                                          .offsets = more};
    return out;
}

/* Weight and bias of one module, and the scales of weights in bytes. */
typedef struct pair {
    lic_entry weight, bias, scale;
} pair;

static bool find_pair(lic_weights *w, const char *module, int rank, const uint32_t dims[4],
                      pair *out)
{
    char name[LIC_TENSOR_NAME];
    return lic_entry_find_floats(w, join(name, module, "weight"), rank, dims, &out->weight) &&
           lic_entry_find_floats(w, join(name, module, "bias"), 1, dims, &out->bias);
}

/* The same of a layer that may be in integers: then its weight has a companion,
 * LIC_TENSOR_NAME.scale. */
static bool find_layer(lic_weights *w, const char *module, int rank, const uint32_t dims[4],
                       pair *out)
{
    char name[LIC_TENSOR_NAME];
    lic_entry *const weight = &out->weight;
    if (lic_entry_type(w, join(name, module, "weight")) != LIC_TENSOR_I8)
        return find_pair(w, module, rank, dims, out);
    return lic_entry_find(w, name, weight) && lic_entry_check(w, weight, rank, dims, true) &&
           lic_entry_find(w, join(name, module, "weight.scale"), &out->scale) &&
           lic_entry_check(w, &out->scale, 1, dims, out->scale.type == LIC_TENSOR_F32) &&
           lic_entry_find_floats(w, join(name, module, "bias"), 1, dims, &out->bias);
}

/* A bias is a layer with one input; and so are scales. */
static const float *pack_bias(lic_weights *w, const lic_entry *from, const lic_packing *p)
{
    const lic_packing one = {p->cout, 1, 1, p->stride, p->first, 0, 1};
    return pack(w, from, LIC_PACK_PANELS, &one);
}

static void pack_weight(lic_weights *w, const pair *from, const lic_packing *p, int stride,
                        bool keep_rows, conv *out)
{
    *out = (conv){.kernel = p->kernel,
                  .stride = stride,
                  .cin = p->cin,
                  .cout = p->cout,
                  .taps = lic_pack_taps(p)};
    if (from->weight.type == LIC_TENSOR_I8) {
        out->bytes = pack(w, &from->weight, LIC_PACK_BYTES, p);
        if (out->bytes)
            out->offsets = w->jobs[w->n_jobs - 1].offsets;
        return;
    }
    if (from->weight.type == LIC_TENSOR_F16)
        out->half = pack(w, &from->weight, LIC_PACK_HALVES, p);
    else
        out->w = pack(w, &from->weight, LIC_PACK_PANELS, p);
    out->rows = keep_rows ? pack(w, &from->weight, LIC_PACK_ROWS, p) : NULL;
}

static void pack_scale(lic_weights *w, const pair *from, const lic_packing *p, conv *out)
{
    if (from->weight.type != LIC_TENSOR_I8)
        return;
    out->w_scale = pack_bias(w, &from->scale, p);
    if (out->w_scale)
        w->jobs[w->n_jobs - 1].positive = true;
}

static void pack_conv(lic_weights *w, const pair *from, const lic_packing *p, int stride,
                      bool keep_rows, conv *out)
{
    pack_weight(w, from, p, stride, keep_rows, out);
    pack_scale(w, from, p, out);
    out->bias = pack_bias(w, &from->bias, p);
}

void lic_weights_conv(lic_weights *w, conv *out, int cout, int cin, int kernel, int stride,
                      const char *module)
{
    const uint32_t dims[4] = {(uint32_t)cout, (uint32_t)cin, (uint32_t)kernel, (uint32_t)kernel};
    const lic_packing p = {cout, cin, kernel, 1, 0, 0, 1};
    pair from;
    if (find_layer(w, module, 4, dims, &from))
        pack_conv(w, &from, &p, stride, w->keep_rows, out);
}

void lic_weights_linear(lic_weights *w, conv *out, int cout, int cin, const char *module)
{
    const uint32_t dims[4] = {(uint32_t)cout, (uint32_t)cin, 1, 1};
    const lic_packing p = {cout, cin, 1, 1, 0, 0, 1};
    pair from;
    if (find_layer(w, module, 2, dims, &from))
        pack_conv(w, &from, &p, 1, false, out);
}

void lic_weights_upconv(lic_weights *w, upconv *out, int cout, int cin, const char *module)
{
    const uint32_t dims[4] = {4 * (uint32_t)cout, (uint32_t)cin, 3, 3};
    pair from;
    out->cout = cout;
    if (!find_layer(w, module, 4, dims, &from))
        return;
    /* Channel 4 j + phase, as pixel_shuffle has it. All jobs of a tensor follow each other: then it
     * is read once. */
    lic_packing p[4];
    for (int phase = 0; phase < 4; phase++) {
        p[phase] = (lic_packing){cout, cin, 3, 4, phase, 0, 1};
        pack_weight(w, &from, &p[phase], 1, w->keep_rows, &out->phase[phase]);
    }
    for (int phase = 0; phase < 4; phase++)
        pack_scale(w, &from, &p[phase], &out->phase[phase]);
    for (int phase = 0; phase < 4; phase++)
        out->phase[phase].bias = pack_bias(w, &from.bias, &p[phase]);
}

void lic_weights_local(lic_weights *w, conv *out, int cout, int cin, const char *module)
{
    const uint32_t dims[4] = {(uint32_t)cout, (uint32_t)cin, LIC_LOCAL, LIC_LOCAL};
    const lic_packing p = {cout, cin, LIC_LOCAL, 1, 0, 1, 2}; /* taps with an odd sum of offsets */
    pair from;
    if (find_layer(w, module, 4, dims, &from))
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
    out->bias = pack_bias(w, &from.bias, &p);
}

void lic_weights_norm(lic_weights *w, norm *out, int c, const char *module)
{
    const uint32_t dims[4] = {(uint32_t)c, 1, 1, 1};
    char name[LIC_TENSOR_NAME];
    out->gain = lic_weights_floats(w, join(name, module, "weight"), 1, dims);
    out->bias = lic_weights_floats(w, join(name, module, "bias"), 1, dims);
}
