/* network.h - the weights of one codec network, layer by layer. The names are the same in the
 * papers, in the PyTorch modules and in the weights file. network_load.c fills the structs, the
 * forward functions read them. They do not change after loading. */
#ifndef LIC_MODELS_NETWORK_H
#define LIC_MODELS_NETWORK_H

#include "models/planes.h"

enum { LIC_MAX_SLICES = 16, LIC_MAX_DEPTH = 32, LIC_MAX_LEVELS = 64, LIC_GRID = 8 };
enum { LIC_LOCAL = 5, LIC_LOCAL_TAPS = 12 }; /* 5x5 local context: the taps that hold anchors */

/* SwinV2 block (Liu et al. 2022): attention and MLP, each followed by its norm, inside residuals.
 */
typedef struct swin {
    conv qkv, proj, fc1, fc2;
    norm norm1, norm2;
    depthwise dw;
    int heads, shift;
    const float *bias;  /* [heads, 64, 64] position bias, expanded from the file's table */
    const float *scale; /* [heads] */
} swin;

typedef struct rstb {
    int depth;
    swin blocks[LIC_MAX_DEPTH];
} rstb;

/* Feature enhancement: densely connected 3x3 convolutions and a 1x1 back to `dim`, inside a
 * residual. */
typedef struct dense {
    conv convs[3], out;
    int growth;
} dense;

/* Rate conditioning: [levels, 2, c] scales and shifts. */
typedef struct rate_affine {
    const float *w;
    int c;
} rate_affine;

typedef struct analysis {
    rate_affine rate[3];
    conv down1, down2, down3, down4;
    dense enh;
    rstb st1, st2, st3;
} analysis;

typedef struct synthesis {
    rate_affine rate[3];
    upconv up1, up2, up3;
    conv up4; /* 12 channels at 1/2; depth-to-space happens when pixels are written */
    dense enh;
    rstb st1, st2, st3;
} synthesis;

typedef struct hyper_analysis {
    conv c[3];
} hyper_analysis;

typedef struct hyper_synthesis {
    upconv c0, c1;
    conv c2;
} hyper_synthesis;

/* C_Map and S_Map of S2LIC's ACGC: gates from two linear layers. */
typedef struct gate_map {
    conv a, b;
} gate_map;

typedef struct adaptive_channel {
    conv inp, c1, c2;
    depthwise dw;
    gate_map smap, cmap;
} adaptive_channel;

typedef struct adaptive_global {
    int heads;
    conv inp, q, kv, off, out;
    depthwise off_dw, conv, dw;
    gate_map smap, cmap;
} adaptive_global;

typedef struct entropy_params {
    conv l[3];
} entropy_params;

typedef struct slice_model {
    int prev, size; /* channels of the slices before, and of this one */
    adaptive_channel ac;
    adaptive_global ag;
    conv local; /* [cout / 16][12 taps, cin][16]: see acgc.c */
    entropy_params ep_anchor, ep_non;
    conv lrp[2];
} slice_model;

/* A channel of z has one table or LIC_Z_CONTEXTS. With several, the sum of the symbols to the left
 * and above selects one; each symbol and the sum are clamped to LIC_Z_NEAR. (Ours: it uses what a
 * factorised prior leaves between neighbours.) */
enum { LIC_Z_NEAR = 3, LIC_Z_CONTEXTS = 2 * LIC_Z_NEAR + 1 };

/* Integer frequency tables as in the file; entropy/ builds the coder's tables from them. */
typedef struct table_data {
    const uint16_t *cum;
    const int32_t *start, *first;
    size_t n_cum, n_tables;
} table_data;

/* A head for previews: side x side colours for each latent, and so pictures of side / 16 the size;
 * row by row, r, g, b of each. */
enum { LIC_MAX_HEAD_SIDE = 8, LIC_N_HEADS = 2 };

typedef struct preview_head {
    int side, slices, channels; /* that it sees; side 0: there is no such head */
    const float *w, *b;         /* [levels, 3 side^2, 9 taps, channels], [levels, 3 side^2] */
} preview_head;

typedef struct network {
    int levels, m, n, hyper, dim, gdim, hid, n_slices;
    float lambda[2]; /* Lagrange multipliers of the first and last level, 0 if unknown */
    int ch[3], slices[LIC_MAX_SLICES];
    analysis g_a;
    synthesis g_s;
    hyper_analysis h_a;
    hyper_synthesis h_s;
    rate_affine hrate;
    slice_model ctx[LIC_MAX_SLICES];
    preview_head heads[LIC_N_HEADS]; /* of the network's own file, of the file beside it */
    const float *gain, *igain, *zgain, *izgain; /* [levels, m] and [levels, n], logarithms */
    const float
        *mask; /* [4, 64, 64]: shifted windows in the middle, last column, last row, corner */
    const float *zeros;       /* [widest layer] */
    float scale_lo, scale_hi; /* logarithms of the smallest and largest scale */
    table_data y_tables, z_tables;
} network;

/* The parts of the network that depend on the rate level: affines and gains, computed once per
 * picture. */
typedef struct rate_state {
    affine g_a[3], g_s[3], hyper;
    const float *gain, *igain, *zgain, *izgain; /* [m], [m], [n], [n]: factors */
    conv preview;                               /* set by lic_rate_preview alone */
} rate_state;

/* level is in [0, levels - 1]. Linear between the two neighbouring levels; gains are exp of the
 * result. */
void lic_rate_state(nn *c, const network *net, float level, rate_state *out);
/* The head for a preview of side x side colours at each latent: that of the fewest such colours
 * that can give it. NULL: there is none. */
const preview_head *lic_preview_head(const network *net, int side);
/* Prepares it for this side, which may be less than its own. */
void lic_rate_preview(nn *c, const network *net, const preview_head *head, int side, float level,
                      rate_state *out);

/* g_a: x [H, W, 3], samples - 0.5, H and W multiples of 64 -> y [H/16, W/16, m] with gains applied.
 */
tensor lic_g_a(nn *c, const network *net, const rate_state *rate, tensor x);
/* g_s: y_hat [h, w, m] -> [8h, 8w, 12], channel 4 i + 2 dy + dx = sample i of pixel (2y + dy, 2x +
 * dx), - 0.5. */
tensor lic_g_s(nn *c, const network *net, const rate_state *rate, tensor y_hat);
/* h_a: y -> z [h/4, w/4, n], gains applied, not rounded. */
tensor lic_h_a(nn *c, const network *net, const rate_state *rate, tensor y);
/* h_s: z_hat (rounded) -> hyperprior features [4 h_z, 4 w_z, hyper], rate conditioning applied. */
tensor lic_h_s(nn *c, const network *net, const rate_state *rate, tensor z_hat);

/* A small picture by the head that lic_rate_preview has prepared: y_hat [h, w, its channels] -> [h,
 * w, 3 side^2], samples - 0.5. Applies the inverse gains to y_hat in place. */
tensor lic_preview(nn *c, const rate_state *rate, tensor y_hat);

/* Residual SwinV2 transformer block. out may be a channel view; x is not changed. */
void lic_rstb(nn *c, const rstb *w, const float *mask, tensor x, tensor out);

/* The same strip by strip, where x and out are rings. Shifted windows wrap round the picture, so
 * only an RSTB of one plain block works in strips. Any other gives all its rows once all of x is
 * there, and its x and out must be whole. */
typedef struct mlp_progress {
    int hidden, out; /* rows */
} mlp_progress;

typedef struct rstb_strips {
    swin block; /* widened */
    tensor hidden;
    int attended; /* rows */
    mlp_progress mlp;
} rstb_strips;

bool lic_rstb_has_strips(const rstb *w);
/* Takes the hidden features and widened weights from the arena. */
void lic_rstb_begin(nn *c, const rstb *w, tensor x, rstb_strips *s);
/* Goes on when `ready` rows of x are there. Returns how many rows of out are. */
int lic_rstb_strip(nn *c, const rstb *w, const float *mask, tensor x, tensor out, int ready,
                   rstb_strips *s);

/* Feature enhancement strip by strip, and a convolution behind it if `last` is not NULL (dense.c).
 * The caller fills rows of s->x, a ring of `held` rows. */
typedef struct dense_strips {
    tensor x;
    const conv *last;
    bool planar;               /* it works in planes; else in tensors: */
    tensor features, enhanced; /* x and what the dense convolutions add; their result */
    planes planes, enhanced_planes;
    int in, in_planes, convs[3], out, at_last, ready; /* rows */
} dense_strips;

void lic_dense_begin(nn *c, const dense *w, const conv *last, int h, int wd, int held,
                     dense_strips *s);
/* Goes on when `ready` rows of x are there. Returns how many rows of out are: of the convolution
 * `last`, or of the enhancement. */
int lic_dense_strip(nn *c, const dense *w, tensor out, int ready, dense_strips *s);

/* ACGC (S2LIC, figure 5): context features [h, w, dim + gdim] of slice i from the slices before it.
 */
tensor lic_slice_context(nn *c, const slice_model *w, tensor prev, tensor hyper);
/* Mean and log scale, side by side [positions, 2 size], of the positions of one checkerboard pass,
 * in coding order. ctx.data NULL for the first slice; anchors [h, w, size] decoded anchors, for the
 * non-anchor pass. */
void lic_entropy_parameters(nn *c, const slice_model *w, int pass, tensor hyper, tensor ctx,
                            tensor anchors, tensor out);
/* Latent residual prediction: y_hat's channels of this slice += 0.5 tanh(lrp(hyper, slices so
 * far)). */
void lic_lrp(nn *c, const slice_model *w, tensor hyper, tensor y_hat);

#endif
