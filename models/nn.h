/* nn.h - tensors, layers and the context that a forward pass runs in.
 *
 * Tensors are channels-last, binary32, in the arena of the context. Forward code takes tensors,
 * computes, and rewinds. With a planning arena the same code computes nothing and yields the bytes
 * that it needs: the plan is the forward run with kernels switched off. Work is cut into blocks of
 * up to 64 output pixels, whatever the number of threads. A layer can produce all rows of a tensor
 * or some, so that large tensors need not be in memory as a whole. Knows nothing of pictures, files
 * or range coders. */
#ifndef LIC_MODELS_NN_H
#define LIC_MODELS_NN_H

#include "codec/base/arena.h"
#include "codec/base/pool.h"
#include "models/kernels/strict.h"

enum { LIC_BLOCK = 64, LIC_WINDOW = 8, LIC_TOKENS = LIC_WINDOW * LIC_WINDOW, LIC_MAX_TAPS = 25 };

/* [h, w, c]: element (y, x, i) is data[(y * w + x) * pitch + i]; pitch >= c. data is NULL while
 * planning. A ring holds only `held` rows in memory: row y takes the place of row y - held. 0: all
 * rows are held. */
typedef struct tensor {
    float *data;
    int h, w, c;
    size_t pitch;
    int held;
} tensor;

/* Rows first .. end - 1 of a layer's output. */
typedef struct row_range {
    int first, end;
} row_range;

/* kernel x kernel convolution, padded by kernel / 2; kernel 1 is a linear layer. */
typedef struct conv {
    int kernel, stride, cin, cout;
    int taps;             /* kernel * kernel, or fewer (acgc.c) */
    const float *w;       /* panels [cout / 16][taps * cin][16], or NULL: */
    const uint16_t *half; /* the same in binary16, or NULL: */
    const int8_t *bytes;  /* in integers, see lic_gemm, with */
    const int32_t *offsets;
    const float *w_scale; /* [cout], padded to 16 */
    const float *rows;    /* [taps * cin][cout] for OpenBLAS, or NULL */
    const float *bias;    /* [cout], padded to 16 */
} conv;

/* Sub-pixel x2 upsampling: one convolution for each of the four output phases (dy, dx). */
typedef struct upconv {
    conv phase[4];
    int cout;
} upconv;

typedef struct depthwise {
    int kernel, c;
    const float *w; /* [kernel * kernel][c] */
    const float *bias;
} depthwise;

typedef struct norm {
    const float *gain, *bias; /* [c] */
} norm;

/* Per-channel x (1 + scale) + shift, already interpolated for the rate level. */
typedef struct affine {
    const float *scale, *shift; /* [c], padded to 16; NULL: identity */
} affine;

/* Tensors at half the picture's scale are rings. LIC_STRIP rows come in at a time and LIC_HELD are
 * in memory: those of a strip, and the rows by which layers lag behind (transforms.c). */
enum { LIC_STRIP = 16, LIC_HELD = LIC_STRIP + 2 * LIC_WINDOW };

/* Rows that a layer can produce when `in` of h input rows are there. A row needs `below` rows
 * beneath it. */
static inline int lic_nn_ready(int in, int h, int below)
{
    return in == h ? h : in > below ? in - below : 0;
}

/* Moves on to row `end` and returns the rows that are new. */
static inline row_range lic_nn_advance(int *at, int end)
{
    const row_range r = {*at, end};
    *at = end;
    return r;
}

/* A run of pixels of one row. */
typedef struct pixel_run {
    int y, x, n;
} pixel_run;

/* Sides of a tensor beyond which the picture goes on in another tile. Convolutions mirror there;
 * zeros would look to the networks like the border of a picture (FORMAT.md, section 3). */
enum { LIC_OPEN_LEFT = 1, LIC_OPEN_RIGHT = 2, LIC_OPEN_TOP = 4, LIC_OPEN_BOTTOM = 8 };

typedef struct nn {
    const lic_kernels *k;
    void (*gemm)(const lic_gemm *g); /* k->gemm, or OpenBLAS's in g_a, h_a and g_s */
    lic_arena *arena;
    lic_pool *pool;        /* NULL while planning */
    size_t scratch_floats; /* per worker: the most that any layer asked for */
    size_t record_floats;  /* per worker: the same of layers in integers, for rounded positions */
    float *scratch;        /* [threads][scratch_floats + record_floats] */
    const float *zeros;    /* [at least the largest cin + 16], for taps outside the picture */
    void (*trace)(void *user, const char *name, int index,
                  tensor t); /* tests see activations; or NULL */
    void *trace_user;
    /* Called after each stage with the work done so far, 0..1; non-zero sets `cancelled`. NULL:
     * none. */
    int (*progress)(void *user, double fraction);
    void *progress_user;
    bool cancelled;
    unsigned open; /* LIC_OPEN_ bits of the tensors at hand */
    uint64_t macs; /* multiply-adds of convolutions, linear layers and attention so far */
    struct {
        lic_part part;
        double start;        /* seconds on a clock */
        uint64_t start_macs; /* at that time */
        double seconds[LIC_N_PARTS];
        uint64_t macs[LIC_N_PARTS];
    } clock;
} nn;

/* True while planning, after a failed allocation, and after a cancel: layers then compute nothing.
 */
bool lic_nn_idle(const nn *c);
tensor lic_nn_new(nn *c, int h, int w, int c_out);
/* The same as a ring: only `held` rows are in memory at a time. */
tensor lic_nn_new_ring(nn *c, int h, int w, int c_out, int held);
/* The channels first .. first + n - 1 of t, as a view. */
tensor lic_nn_channels(tensor t, int first, int n);
static inline float *lic_nn_at(tensor t, int y, int x)
{
    const size_t place = (size_t)(t.held ? y % t.held : y);
    return t.data + (place * (size_t)t.w + (size_t)x) * t.pitch;
}
static inline row_range lic_nn_all(tensor t)
{
    return (row_range){0, t.h};
}
/* lic_nn_need announces, while planning, the scratch that a layer needs per worker; lic_nn_scratch
 * hands it out in a worker. */
void lic_nn_need(nn *c, size_t floats);
/* Counts rows x inputs x outputs multiply-adds. */
void lic_nn_count(nn *c, size_t rows, size_t inputs, size_t outputs);
float *lic_nn_scratch(const nn *c, int worker);
/* Row and column of a tap, or -1 for a zero. */
int lic_nn_tap_row(const nn *c, int y, int h);
int lic_nn_tap_column(const nn *c, int x, int w);
/* Block `item` of some rows: equal parts of each row, and one below the other in turn, so that what
 * a 3x3 sees of the rows above is still in the nearest caches. */
pixel_run lic_nn_block(size_t item, row_range r, int width);
/* Runs fn for blocks of at most LIC_BLOCK pixels that make up some rows: item -> lic_nn_block. */
void lic_nn_run_blocks(nn *c, row_range r, int width, lic_pool_fn fn, void *job);
void lic_nn_trace(const nn *c, const char *name, int index, tensor t);
void lic_nn_report(nn *c, double fraction);
/* From here on, time and work belong to this part; what came before belongs to the part of the
 * previous call. */
void lic_nn_part(nn *c, lic_part part);

/* out = affine(act(conv(x))) + residual. residual NULL: none. out may be a channel view. */
void lic_nn_conv(nn *c, const conv *w, tensor x, lic_act act, affine rate, const tensor *residual,
                 tensor out);
/* out [2h, 2w, cout] */
void lic_nn_upconv(nn *c, const upconv *w, tensor x, lic_act act, affine rate, tensor out);
/* The same for some rows of out, even numbers of them for upconv. */
void lic_nn_conv_rows(nn *c, const conv *w, tensor x, lic_act act, affine rate,
                      const tensor *residual, tensor out, row_range r);
void lic_nn_upconv_rows(nn *c, const upconv *w, tensor x, lic_act act, affine rate, tensor out,
                        row_range r);
/* out = act(depthwise(x)) + (residual ? x : 0) */
void lic_nn_depthwise(nn *c, const depthwise *w, tensor x, lic_act act, bool residual, tensor out);
/* A layer with weights as the kernels need them: binary16 is widened into the arena. That takes no
 * time beside the layer's own work, and the model takes half the memory. Bytes stay, but room for
 * rounded positions is announced. To be called outside workers. Every function below that takes a
 * whole tensor does it itself. */
conv lic_nn_widen(nn *c, const conv *w);
/* The product of a widened layer, its rows of `in` and `out` still to be set. */
lic_gemm lic_nn_gemm(const conv *w, int rows, lic_act act);
/* Computes it, inside a worker, by the strict kernels; rounds the rows of `in` first if the layer
 * is in integers. */
void lic_nn_product(const nn *c, const conv *w, const lic_gemm *g, int worker);
/* One linear layer on gathered rows: rows of `in` (pitch in_pitch) to rows of `out`; inside a
 * worker, or outside of them as if in number 0. */
void lic_nn_linear_rows(const nn *c, const conv *w, const float *in, size_t in_pitch, float *out,
                        size_t out_pitch, int rows, lic_act act, int worker);
/* Of layers in integers (nn_bytes.c): what a worker needs for one, and the rounded positions of
 * every tap for the output pixels of a block. */
void lic_nn_need_records(nn *c, const conv *w);
void lic_nn_gather_records(const nn *c, const conv *w, tensor x, pixel_run b, const float **in,
                           int worker);
/* out = x times one factor per channel; out may be x. */
void lic_nn_apply_gain(nn *c, tensor x, const float *gain, tensor out);
/* out[c] = mean over all positions, summed row by row. */
void lic_nn_mean(nn *c, tensor x, float *out);

#endif
