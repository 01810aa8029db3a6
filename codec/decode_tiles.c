/* decode_tiles.c - latents -> g_s -> picture, tile by tile. The latents of a row of tiles are
 * decoded before the row above it is synthesised, because that row sees a halo of them. A preview
 * by a head for them needs only the first slices; one of 1/16 nothing of a tile's neighbours,
 * larger ones the latents next to it. */
#include "codec/decode_tiles.h"

#include "codec/base/bytes.h"
#include "codec/base/status.h"
#include "codec/latent.h"
#include "codec/lossless_tiles.h"

#include <string.h>

static lic_area intersect(lic_area a, lic_area b)
{
    return (lic_area){lic_larger(a.x0, b.x0), lic_larger(a.y0, b.y0), lic_smaller(a.x1, b.x1),
                      lic_smaller(a.y1, b.y1)};
}

/* ---- latents of a tile ---- */

/* One attempt at the latents of a tile. */
struct attempt {
    lic_range_decoder coder;
    latent_io io;
    tensor y_hat;
};

static void read_latents(lic_session *session, nn *c, const lic_decoding *d, lic_area tile,
                         const lic_tile_code *code, bool salvage, struct attempt *a)
{
    const tensor none = {0};
    *a = (struct attempt){
        .io = {
            .model = session->model, .dec = &a->coder, .n_read = d->n_read, .n_made = d->n_made}};
    if (!lic_nn_idle(c)) {
        lic_range_decoder_init(&a->coder, code->data, code->bytes);
        if (salvage)
            lic_range_decoder_salvage(&a->coder);
    }
    a->y_hat = lic_latent_code(c, &a->io, &d->rate, none, none, (tile.y1 - tile.y0) / 16,
                               (tile.x1 - tile.x0) / 16);
}

/* Whether every slice was read; only then the end of the code and the check mean anything. */
static bool reads_all(const lic_session *session, const lic_decoding *d)
{
    return d->n_made == session->model->net.n_slices && d->n_read >= d->n_made;
}

static lic_damage judge(const lic_session *session, const lic_decoding *d, const struct attempt *a,
                        uint32_t check)
{
    if (!reads_all(session, d))
        return lic_range_decoder_cut(&a->coder) ? LIC_DAMAGE_CODE : LIC_DAMAGE_NONE;
    if (!lic_range_decoder_ok(&a->coder))
        return LIC_DAMAGE_CODE;
    if (d->no_check || lic_latent_check(a->y_hat) == check)
        return LIC_DAMAGE_NONE;
    return LIC_DAMAGE_LATENTS;
}

/* Decodes what is left of a tile that has lost its end. If only the file's checksum said so, its
 * latents may turn out to be whole. Code that is too long for its symbols, or is not valid, has not
 * merely lost its end. */
static void salvage_latents(lic_session *session, nn *c, lic_decoding *d, lic_area tile,
                            const lic_tile_code *code, struct attempt *a)
{
    const size_t mark = lic_arena_mark(c->arena);
    if (!d->codes.starts && reads_all(session, d)) {
        read_latents(session, c, d, tile, code, false, a);
        if (!lic_nn_idle(c) && !lic_range_decoder_cut(&a->coder) &&
            lic_latent_check(a->y_hat) == code->check)
            d->damage = LIC_DAMAGE_NOT_CUT;
        lic_arena_rewind(c->arena, mark);
    }
    read_latents(session, c, d, tile, code, true, a);
    if (lic_nn_idle(c) || d->damage)
        return;
    if (a->coder.corrupt || (reads_all(session, d) && a->coder.overrun == 0))
        d->damage = LIC_DAMAGE_CODE;
}

static void count_whole(lic_decoding *d, const struct attempt *a)
{
    const uint32_t n = (uint32_t)lic_smaller(a->io.n_whole, lic_smaller(d->n_read, d->n_made));
    d->n_tiles++;
    d->n_whole_tiles += (int)n == lic_smaller(d->n_read, d->n_made);
    d->n_whole_slices = n < d->n_whole_slices ? n : d->n_whole_slices;
}

/* y_hat of one tile, checked as far as possible. */
static tensor tile_latents(lic_session *session, nn *c, lic_decoding *d, int column, int row)
{
    const lic_area tile = lic_grid_tile(&d->grid, column, row);
    const int h = (tile.y1 - tile.y0) / 16, w = (tile.x1 - tile.x0) / 16;
    const double start = lic_session_stage(session, c, LIC_STAGE_CODING);
    lic_tile_code code = {.whole = true};
    struct attempt a;
    if (!lic_nn_idle(c))
        code =
            lic_tile_codes_get(&d->codes, (size_t)row * (size_t)d->grid.columns + (size_t)column);
    if (code.whole && !lic_nn_idle(c) && !lic_latent_may_fit(session->model, h, w, code.bytes)) {
        d->damage = LIC_DAMAGE_CODE;
        return (tensor){0};
    }
    c->open = lic_grid_open(&d->grid, tile);
    if (code.whole)
        read_latents(session, c, d, tile, &code, false, &a);
    else
        salvage_latents(session, c, d, tile, &code, &a);
    if (code.whole && !lic_nn_idle(c))
        d->damage = judge(session, d, &a, code.check);
    if (!lic_nn_idle(c))
        count_whole(d, &a);
    c->open = 0;
    lic_session_stage_end(session, start);
    return a.y_hat;
}

/* ---- pictures ---- */

/* Decodes the latents of a tile into their place in the row of tiles. */
static void decode_latents(lic_session *session, nn *c, lic_decoding *d, int column, int row)
{
    const size_t mark = lic_arena_mark(c->arena);
    const tensor y_hat = tile_latents(session, c, d, column, row), to = d->y_hat[row % 3];
    const int x = lic_grid_tile(&d->grid, column, row).x0 / 16;
    for (int y = 0; y < y_hat.h && !lic_nn_idle(c); y++)
        memcpy(lic_nn_at(to, y, x), lic_nn_at(y_hat, y, 0),
               (size_t)y_hat.w * to.pitch * sizeof *to.data);
    lic_arena_rewind(c->arena, mark);
}

/* The latents of a region, from up to three rows of tiles. */
static tensor region_latents(nn *c, const lic_decoding *d, lic_area region, int m)
{
    tensor y = lic_nn_new(c, (region.y1 - region.y0) / 16, (region.x1 - region.x0) / 16, m);
    for (int row = 0; row < y.h && !lic_nn_idle(c); row++) {
        const int at = region.y0 + 16 * row, tile_row = at / d->grid.tile_h;
        const tensor from = d->y_hat[tile_row % 3];
        memcpy(lic_nn_at(y, row, 0),
               lic_nn_at(from, (at - tile_row * d->grid.tile_h) / 16, region.x0 / 16),
               (size_t)y.w * y.pitch * sizeof *y.data);
    }
    return y;
}

/* The pixels of one tile. */
static void synthesise(lic_session *session, nn *c, lic_decoding *d, int column, int row)
{
    const network *net = &session->model->net;
    const lic_area region = lic_grid_region(&d->grid, column, row);
    const lic_area wanted = intersect(lic_grid_tile(&d->grid, column, row), d->crop);
    const size_t mark = lic_arena_mark(c->arena);
    const double start = lic_session_stage(session, c, LIC_STAGE_SYNTHESIS);
    const tensor y = region_latents(c, d, region, net->m), t = lic_g_s(c, net, &d->rate, y);
    lic_nn_part(c, LIC_PART_SAMPLES);
    if (d->scale > 1)
        lic_pixels_store_means(c, t, region.x0, region.y0, wanted, d->scale, &d->to);
    else
        lic_pixels_store(c, t, region.x0, region.y0, wanted, &d->to, d->crop.x0);
    lic_nn_part(c, LIC_PART_OTHER);
    lic_session_stage_end(session, start);
    lic_arena_rewind(c->arena, mark);
}

/* The pixels of one tile of a preview by a head, of the latents around it too. */
static void synthesise_small(lic_session *session, nn *c, lic_decoding *d, int column, int row)
{
    enum { NEAR = 16 }; /* one latent: what a 3 x 3 sees */
    const lic_area tile = lic_grid_tile(&d->grid, column, row);
    const lic_area around = {tile.x0 - NEAR, tile.y0 - NEAR, tile.x1 + NEAR, tile.y1 + NEAR};
    const lic_area region = intersect(around, (lic_area){0, 0, d->grid.width, d->grid.height});
    const size_t mark = lic_arena_mark(c->arena);
    (void)session;
    const tensor y = region_latents(c, d, region, d->y_hat[0].c);
    lic_pixels_store_small(c, lic_preview(c, &d->rate, y), region.x0, region.y0,
                           intersect(tile, d->crop), d->scale, &d->to);
    lic_arena_rewind(c->arena, mark);
}

/* The pixels of one tile of a preview by a head, of the tile's latents alone. */
static void decode_small(lic_session *session, nn *c, lic_decoding *d, int column, int row)
{
    const size_t mark = lic_arena_mark(c->arena);
    const lic_area tile = lic_grid_tile(&d->grid, column, row);
    const tensor y_hat = tile_latents(session, c, d, column, row);
    if (!d->damage) { /* else nobody knows what is in y_hat */
        c->open = lic_grid_open(&d->grid, tile);
        const tensor t = lic_preview(c, &d->rate, y_hat);
        c->open = 0;
        lic_pixels_store_small(c, t, tile.x0, tile.y0, intersect(tile, d->crop), d->scale, &d->to);
    }
    lic_arena_rewind(c->arena, mark);
}

/* ---- the rows of tiles ---- */

typedef void (*step_fn)(lic_session *session, nn *c, lic_decoding *d, int column, int row);

/* The tiles that hold what is wanted, and those whose latents g_s sees for it. */
struct span {
    int left, right, top, bottom, first, last;
};

static struct span span_of(const lic_decoding *d)
{
    const lic_grid *g = &d->grid;
    struct span s = {.left = d->crop.x0 / g->tile_w,
                     .right = (d->crop.x1 - 1) / g->tile_w,
                     .top = d->crop.y0 / g->tile_h,
                     .bottom = (d->crop.y1 - 1) / g->tile_h};
    s.first = lic_larger(s.left - 1, 0);
    s.last = lic_smaller(s.right + 1, g->columns - 1);
    return s;
}

/* Runs one step over the columns of a row of tiles. Planning visits only those that may differ. */
static void for_columns(lic_session *session, nn *c, lic_decoding *d, int row, int first, int last,
                        step_fn step)
{
    for (int column = first; column <= last && !d->damage && !c->cancelled; column++) {
        const uint64_t before = c->macs, alike = lic_tiles_alike(column, first, last);
        if (alike || !c->arena->planning)
            step(session, c, d, column, row);
        if (alike && c->arena->planning)
            c->macs += (alike - 1) * (c->macs - before);
    }
}

/* Alpha of these rows of the picture. */
static void put_alpha(lic_decoding *d, const lic_area *rows)
{
    const lic_image *image = &d->to.image;
    const int first = rows->y0 / d->scale, end = (rows->y1 + d->scale - 1) / d->scale;
    if (!d->unpacker)
        return;
    lic_status status = lic_plane_unpack_rows(
        d->unpacker, image,
        (uint8_t *)image->data + (size_t)(first - d->to.first_row) * image->stride_bytes,
        (uint32_t)(end - first));
    if (!status && rows->y1 == d->crop.y1)
        status = lic_plane_unpack_end(d->unpacker);
    if (status)
        d->damage = status == LIC_ERR_MEMORY ? LIC_DAMAGE_NO_MEMORY : LIC_DAMAGE_ALPHA;
}

/* The pixels of a row of tiles that need no network. */
static void decode_lossless(lic_session *session, nn *c, lic_decoding *d, int row,
                            const struct span *s)
{
    const double start = lic_session_stage(session, c, LIC_STAGE_CODING);
    if (lic_nn_idle(c))
        return;
    lic_lossless_decode_row(d->slots, c, d, row, s->left, s->right);
    lic_session_stage_end(session, start);
    session->done += s->right - s->left + 1 - lic_stage_share(LIC_STAGE_CODING);
    lic_nn_report(c, 0.0);
}

/* The pixels of a row of tiles: moves the band there, fills it, and hands it to the sink. */
static void finish_row(lic_session *session, nn *c, lic_decoding *d, int row, const struct span *s,
                       step_fn step)
{
    const int scale = d->scale;
    const lic_area rows = intersect(lic_grid_tile(&d->grid, 0, row),
                                    (lic_area){0, d->crop.y0, INT32_MAX, d->crop.y1});
    d->to.first_row = (d->by_rows ? rows.y0 : d->crop.y0) / scale;
    if (d->lossless)
        decode_lossless(session, c, d, row, s);
    else
        for_columns(session, c, d, row, s->left, s->right, step);
    if (d->exact && !lic_nn_idle(c) && !d->damage)
        lic_lossless_decode_row(d->slots, c, d, row, s->left, s->right);
    if (lic_nn_idle(c) || d->damage)
        return;
    put_alpha(d, &rows);
    if (!d->by_rows || d->damage)
        return;
    const int first = (rows.y0 - d->crop.y0) / scale,
              end = (rows.y1 - d->crop.y0 + scale - 1) / scale;
    lic_session_call_begin(session);
    if (d->sink(d->sink_user, (uint32_t)first, (uint32_t)(end - first), d->to.image.data,
                d->to.image.stride_bytes))
        c->cancelled = true;
    lic_session_call_end(session);
}

/* `channels` of the latents are made; `show` makes pixels of them, in the stage of synthesis or in
 * none. */
static void forward_picture(lic_session *session, nn *c, lic_decoding *d, const struct span *s,
                            int channels, step_fn show)
{
    const lic_grid *g = &d->grid;
    const int end = lic_smaller(s->bottom + 1, g->rows - 1);
    const int start = lic_larger(s->top - 1, 0);
    session->work =
        lic_stage_share(LIC_STAGE_CODING) * (s->last - s->first + 1) * (end - start + 1);
    if (show == synthesise)
        session->work += lic_stage_share(LIC_STAGE_SYNTHESIS) * (s->right - s->left + 1) *
                         (s->bottom - s->top + 1);
    for (int i = 0; i < lic_smaller(3, g->rows); i++)
        d->y_hat[i] = lic_nn_new(c, g->tile_h / 16, g->width / 16, channels);
    for (int row = start; row <= end && !d->damage; row++) {
        for_columns(session, c, d, row, s->first, s->last, decode_latents);
        if (row > s->top)
            finish_row(session, c, d, row - 1, s, show);
    }
    if (s->bottom == g->rows - 1)
        finish_row(session, c, d, s->bottom, s, show);
}

static void forward_small(lic_session *session, nn *c, lic_decoding *d, const struct span *s)
{
    session->work = lic_stage_share(LIC_STAGE_CODING) * d->grid.columns * d->grid.rows;
    for (int row = s->top; row <= s->bottom && !d->damage; row++)
        finish_row(session, c, d, row, s, decode_small);
}

/* Takes memory for the pixels. The plan has counted them too and shown that everything fits. */
static void take_output(lic_session *session, nn *c, lic_decoding *d)
{
    lic_image *image = &d->to.image;
    size_t bytes;
    if (c->arena->planning && image->channels % 2 == 0)
        session->result_bytes = lic_plane_memory(d->file.width, d->file.height, d->file.depth);
    if (d->by_rows) {
        const int rows = lic_smaller(d->grid.tile_h / d->scale, (int)image->height);
        image->data = lic_arena_take(c->arena, (size_t)rows, image->stride_bytes);
    } else if (!lic_mul_size(image->stride_bytes, image->height, &bytes)) {
        c->arena->failed = true;
    } else if (c->arena->planning) {
        session->result_bytes += bytes;
    } else if (!lic_nn_idle(c)) {
        image->data = lic_alloc(d->allocator, bytes);
        if (!image->data)
            d->damage = LIC_DAMAGE_NO_MEMORY;
    }
}

/* Where the tiles are, if there is a list of them. */
static void find_codes(nn *c, lic_decoding *d)
{
    d->codes.file = &d->file;
    d->codes.n = (size_t)d->grid.columns * (size_t)d->grid.rows;
    if (d->file.tile_w || d->file.version == 2)
        d->codes.starts = lic_arena_take(c->arena, d->codes.n, sizeof *d->codes.starts);
    if (d->codes.starts && !lic_nn_idle(c) && !lic_tile_codes_find(&d->codes))
        d->damage = d->codes.cut ? LIC_DAMAGE_NOT_CUT : LIC_DAMAGE_CODE;
}

static void forward_lossless(lic_session *session, nn *c, lic_decoding *d)
{
    const struct span s = span_of(d);
    lic_lossless_slots slots;
    find_codes(c, d);
    lic_lossless_slots_take(&slots, session->threads, c, &d->grid, d->file.channels, d->file.depth,
                            true);
    d->slots = &slots;
    take_output(session, c, d);
    session->work = (double)(s.right - s.left + 1) * (s.bottom - s.top + 1);
    for (int row = s.top; row <= s.bottom && !d->damage && !c->cancelled; row++)
        finish_row(session, c, d, row, &s, NULL);
}

void lic_decoding_forward(lic_session *session, nn *c, void *user)
{
    lic_decoding *d = user;
    if (d->lossless) {
        forward_lossless(session, c, d);
        return;
    }
    const network *net = &session->model->net;
    const struct span span = span_of(d);
    const float level = lic_level(session->model, d->file.quality_code);
    lic_rate_state(c, net, level, &d->rate);
    const int side = LIC_MAX_SCALE / d->scale;
    const preview_head *head = d->scale > 1 ? lic_preview_head(net, side) : NULL;
    if (head)
        lic_rate_preview(c, net, head, side, level, &d->rate);
    d->n_made = head ? head->slices : net->n_slices;
    d->n_read = d->n_read > 0 && d->n_read < d->n_made ? d->n_read : d->n_made;
    d->n_whole_slices = (uint32_t)d->n_read;
    lic_lossless_slots slots;
    find_codes(c, d);
    if (d->exact)
        lic_lossless_slots_take(&slots, session->threads, c, &d->grid, d->file.channels,
                                d->file.depth, true);
    d->slots = &slots;
    take_output(session, c, d);
    if (!head)
        forward_picture(session, c, d, &span, net->m, synthesise);
    else if (side > 1)
        forward_picture(session, c, d, &span, head->channels, synthesise_small);
    else
        forward_small(session, c, d, &span);
}
