/* latent.c - see latent.h. Entropy path: strict arithmetic only; every value that reaches the range
 * coder is an integer. */
#include "codec/latent.h"

#include "codec/base/bytes.h"
#include "entropy/checkerboard.h"

#include <string.h>

/* Nearest integer, ties to even, if |v| < 2^22: adding 1.5 * 2^23 leaves no fraction bits. NaN
 * gives 0. */
static int32_t nearest(float v)
{
    const float limit = 4194303.0f, magic = 12582912.0f;
    if (!(v > -limit))
        v = v <= -limit ? -limit : 0.0f;
    if (v > limit)
        v = limit;
    const float shifted = v + magic;
    return (int32_t)(shifted - magic);
}

/* Tables of n log scales: one subtraction, one product, one rounding (FORMAT.md, section 4). */
static void scale_indices(const network *net, const float *restrict log_scale, int n,
                          uint8_t *restrict index)
{
    const int32_t last = (int32_t)net->y_tables.n_tables - 1;
    const float lo = net->scale_lo, steps = (float)last / (net->scale_hi - lo);
    for (int i = 0; i < n; i++) {
        const int32_t at = nearest((log_scale[i] - lo) * steps);
        index[i] = (uint8_t)(at < 0 ? 0 : at > last ? last : at);
    }
}

static void round_residuals(const float *restrict y, const float *restrict mean, int n,
                            int32_t *restrict symbols)
{
    for (int i = 0; i < n; i++)
        symbols[i] = nearest(y[i] - mean[i]);
}

/* Writes or reads n symbols. */
static void code(latent_io *io, const lic_cdf_set *set, const uint8_t *index, int32_t *symbols,
                 size_t n)
{
    if (io->enc)
        lic_range_encode_many(io->enc, set, index, symbols, n);
    else
        lic_range_decode_many(io->dec, set, index, symbols, n);
}

/* A symbol of z, clamped to the range that selects among the tables of a channel. */
static int held(float z_hat)
{
    const float most = LIC_Z_NEAR;
    return (int)(z_hat < -most ? -most : z_hat > most ? most : z_hat);
}

/* Table of channel i of z at a position: the channel's only one, or the one for the symbols to the
 * left and above (FORMAT.md, section 4). */
static const lic_cdf *z_table(const latent_io *io, tensor z_hat, int y, int x, int i)
{
    const lic_cdf *tables = io->model->z_tables.tables;
    if (io->model->z_tables.n_tables == (uint32_t)z_hat.c)
        return &tables[i];
    const int sum = (x ? held(lic_nn_at(z_hat, y, x - 1)[i]) : 0) +
                    (y ? held(lic_nn_at(z_hat, y - 1, x)[i]) : 0);
    return &tables[i * LIC_Z_CONTEXTS + LIC_Z_NEAR + held((float)sum)];
}

/* Codes z, rounded, position by position. Returns z_hat. */
static tensor code_z(nn *c, latent_io *io, tensor z, int h, int w)
{
    tensor z_hat = lic_nn_new(c, h, w, io->model->net.n);
    if (lic_nn_idle(c))
        return z_hat;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++)
            for (int i = 0; i < z_hat.c; i++) {
                const lic_cdf *table = z_table(io, z_hat, y, x, i);
                int32_t symbol = 0;
                if (io->enc) {
                    symbol = nearest(lic_nn_at(z, y, x)[i]);
                    lic_range_encode(io->enc, table, symbol);
                } else {
                    symbol = lic_range_decode(io->dec, table);
                }
                lic_nn_at(z_hat, y, x)[i] = (float)symbol;
            }
    return z_hat;
}

/* What one pass of one slice works on. */
struct pass {
    int slice, kind; /* LIC_ANCHOR or LIC_NON_ANCHOR */
    tensor params;   /* [1, positions, 2 size]: means, then log scales */
    tensor y;        /* the slice of the encoder's y, or NULL data */
    tensor y_hat;    /* the slice of y_hat */
    tensor anchors;  /* [h, w, size], zero except at anchors */
    uint8_t *index;  /* [positions * size] */
    int32_t *symbols;
};

typedef void (*position_fn)(const latent_io *io, struct pass *p, int y, int x, size_t at);

struct row_job {
    const latent_io *io;
    struct pass *p;
    position_fn fn;
};

static void one_row(void *user, size_t item, int worker)
{
    (void)worker;
    const struct row_job *j = user;
    const int width = j->p->y_hat.w; /* even: half of it in each pass */
    size_t at = item * (size_t)(width / 2);
    for (int x = (int)lic_checkerboard_first((uint32_t)item, j->p->kind); x < width; x += 2)
        j->fn(j->io, j->p, (int)item, x, at++);
}

/* Calls fn for every position of the pass; `at` is its place in coding order. */
static void for_positions(nn *c, const latent_io *io, struct pass *p, position_fn fn)
{
    struct row_job j = {io, p, fn};
    lic_pool_run(c->pool, (size_t)p->y_hat.h, one_row, &j);
}

/* Table index of every channel; for the encoder also its symbol, round(y - mean). */
static void prepare(const latent_io *io, struct pass *p, int y, int x, size_t at)
{
    const int size = p->y_hat.c;
    const size_t first = at * (size_t)size;
    const float *mean = lic_nn_at(p->params, 0, (int)at);
    scale_indices(&io->model->net, mean + size, size, p->index + first);
    if (p->y.data)
        round_residuals(lic_nn_at(p->y, y, x), mean, size, p->symbols + first);
}

/* y_hat = symbol + mean. */
static void reconstruct(const latent_io *io, struct pass *p, int y, int x, size_t at)
{
    (void)io;
    const int size = p->y_hat.c;
    const float *mean = lic_nn_at(p->params, 0, (int)at);
    float *out = lic_nn_at(p->y_hat, y, x);
    for (int i = 0; i < size; i++)
        out[i] = (float)p->symbols[at * (size_t)size + (size_t)i] + mean[i];
    if (p->kind == LIC_ANCHOR)
        memcpy(lic_nn_at(p->anchors, y, x), out, (size_t)size * sizeof *out);
}

static void code_checkerboard(nn *c, latent_io *io, struct pass *p)
{
    const size_t n = (size_t)p->params.w * (size_t)p->y_hat.c;
    if (lic_nn_idle(c))
        return;
    for_positions(c, io, p, prepare);
    code(io, &io->model->y_tables, p->index, p->symbols, n);
    if (io->trace)
        io->trace(io->trace_user, p->slice, p->kind, p->symbols, n);
    for_positions(c, io, p, reconstruct);
}

/* One slice: context from the slices before, anchor pass, non-anchor pass, residual prediction. */
static void code_slice(nn *c, latent_io *io, int slice, tensor hyper, tensor y, tensor y_hat)
{
    const slice_model *w = &io->model->net.ctx[slice];
    const int h = y_hat.h, wd = y_hat.w, size = w->size;
    const size_t mark = lic_arena_mark(c->arena);
    const int positions = (int)((size_t)h * (size_t)wd / 2); /* both even: multiples of 4 */
    lic_nn_part(c, LIC_PART_CONTEXT);
    const tensor ctx = lic_slice_context(c, w, lic_nn_channels(y_hat, 0, w->prev), hyper);
    struct pass p = {.slice = slice, .params = lic_nn_new(c, 1, positions, 2 * size)};
    p.y = y.data ? lic_nn_channels(y, w->prev, size) : (tensor){0};
    p.y_hat = lic_nn_channels(y_hat, w->prev, size);
    p.anchors = lic_nn_new(c, h, wd, size);
    p.index = lic_arena_take(c->arena, (size_t)positions * (size_t)size, sizeof *p.index);
    p.symbols = lic_arena_take(c->arena, (size_t)positions * (size_t)size, sizeof *p.symbols);
    if (!lic_nn_idle(c))
        memset(p.anchors.data, 0, (size_t)h * (size_t)wd * (size_t)size * sizeof *p.anchors.data);
    for (p.kind = LIC_ANCHOR; p.kind <= LIC_NON_ANCHOR; p.kind++) {
        lic_nn_part(c, LIC_PART_PARAMETERS);
        lic_entropy_parameters(c, w, p.kind, hyper, ctx, p.anchors, p.params);
        lic_nn_trace(c, p.kind ? "params_non" : "params_anchor", slice, p.params);
        lic_nn_part(c, LIC_PART_SYMBOLS);
        code_checkerboard(c, io, &p);
    }
    lic_nn_part(c, LIC_PART_LRP);
    lic_lrp(c, w, hyper, y_hat);
    lic_nn_part(c, LIC_PART_OTHER);
    lic_nn_trace(c, "y_hat", slice, p.y_hat);
    lic_arena_rewind(c->arena, mark);
}

/* Nothing is computed from code that has ended too early, since a few bytes can promise any
 * picture. The caller asks the decoder, and does not use y_hat. */
static bool is_cut(const latent_io *io)
{
    return io->dec && lic_range_decoder_cut(io->dec);
}

/* One slice, from code, to code, or without: what is not read is as predicted. */
static void next_slice(nn *c, latent_io *io, int slice, tensor hyper, tensor y, tensor y_hat)
{
    const int n_slices = io->model->net.n_slices;
    if (io->dec && io->n_read && slice >= io->n_read)
        lic_range_decoder_stop(io->dec);
    code_slice(c, io, slice, hyper, y, y_hat);
    if (io->dec && !io->dec->stopped)
        io->n_whole = slice + 1;
    lic_nn_report(c, (double)(slice + 1) / (io->n_made ? io->n_made : n_slices));
}

tensor lic_latent_code(nn *c, latent_io *io, const rate_state *rate, tensor y, tensor z, int h,
                       int w)
{
    const network *net = &io->model->net;
    const int n_made = io->n_made ? io->n_made : net->n_slices;
    const slice_model *last = &net->ctx[n_made - 1];
    tensor y_hat = lic_nn_new(c, h, w, last->prev + last->size);
    const size_t mark = lic_arena_mark(c->arena);
    lic_nn_part(c, LIC_PART_SYMBOLS);
    tensor z_hat = code_z(c, io, z, h / 4, w / 4);
    lic_nn_part(c, LIC_PART_OTHER);
    tensor hyper = is_cut(io) ? (tensor){0} : lic_h_s(c, net, rate, z_hat);
    for (int i = 0; i < n_made && !is_cut(io); i++)
        next_slice(c, io, i, hyper, y, y_hat);
    lic_arena_rewind(c->arena, mark);
    return y_hat;
}

/* Code may lack up to 64 bits of zeros at its end (FORMAT.md, section 5). */
bool lic_latent_may_fit(const lic_model *model, int h, int w, size_t bytes)
{
    const uint64_t positions = (uint64_t)(h / 4) * (uint64_t)(w / 4);
    const uint64_t least_bits = positions * model->z_least_cost / LIC_CDF_COST_UNIT;
    return least_bits / 8 <= (uint64_t)bytes + 8;
}

uint32_t lic_latent_check(tensor y_hat)
{
    return lic_crc32(0, y_hat.data,
                     (size_t)y_hat.h * (size_t)y_hat.w * y_hat.pitch * sizeof *y_hat.data);
}
