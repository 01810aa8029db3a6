/* encode.c - lic encode: pictures to .lic files. */
#include "cli/base/report.h"
#include "cli/batch/batch.h"
#include "cli/batch/code_image.h"
#include "cli/options/settings.h"
#include "cli/picture/ahead.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Feeds rows to the encoder. */
struct feed {
    lic_conversion *c;
    lic_source source;
    lic_reader *reader;
    lic_ahead *ahead; /* NULL: the encoder waits for the reader */
    lic_picture picture;
    lic_output out; /* open before the work, so that what cannot be written costs none */
    lic_encode_options encode;
    lic_chunk chunks[LIC_N_META];
    lic_status status; /* why the encoder was stopped */
    lic_error err;
};

static lic_status open_picture(struct feed *feed)
{
    lic_conversion *c = feed->c;
    lic_info info;
    const uint8_t *head;
    lic_status status = lic_source_open(&feed->source, c->input, c->settings->max_memory, &c->err);
    if (status != LIC_OK)
        return status;
    const size_t bytes = lic_source_peek(&feed->source, &head);
    if (lic_probe(bytes ? head : NULL, bytes, &info, NULL) != LIC_ERR_NOT_LIC)
        return lic_report_fail(&c->err, LIC_ERR_UNSUPPORTED, "is a .lic file already");
    status =
        lic_reader_open(&feed->source, &c->settings->read, &feed->picture, &feed->reader, &c->err);
    c->width = feed->picture.image.width;
    c->height = feed->picture.image.height;
    c->channels = feed->picture.image.channels < 3 ? 1 : 3; /* alpha is not counted */
    c->depth = feed->picture.image.depth;
    lic_conversion_lap(c, LIC_LAP_READ);
    return status;
}

/* What travels with the picture is known once the last row has been read. */
static void list_chunks(struct feed *feed)
{
    const lic_picture *picture = &feed->picture;
    size_t n = 0;
    for (int i = 0; i < LIC_N_META; i++) {
        if (!picture->meta[i].data)
            continue;
        feed->chunks[n] =
            (lic_chunk){.data = picture->meta[i].data, .bytes = picture->meta[i].bytes};
        memcpy(feed->chunks[n++].type, lic_picture_meta_chunks[i], sizeof feed->chunks[n].type);
    }
    feed->encode.chunks = feed->chunks;
    feed->encode.n_chunks = n;
}

static int give_rows(void *user, uint32_t first, uint32_t n, void *rows, size_t stride_bytes)
{
    struct feed *feed = user;
    lic_conversion_lap(feed->c, LIC_LAP_CODE);
    feed->status = feed->ahead ? lic_ahead_rows(feed->ahead, n, rows, stride_bytes, &feed->err)
                               : lic_reader_rows(feed->reader, n, rows, stride_bytes, &feed->err);
    if (feed->status == LIC_OK && first + n == feed->picture.image.height) {
        lic_ahead_end(feed->ahead);
        feed->ahead = NULL;
        feed->status = lic_reader_end(feed->reader, &feed->err);
        list_chunks(feed);
    }
    lic_conversion_lap(feed->c, LIC_LAP_READ);
    return feed->status != LIC_OK;
}

static uint64_t whole_bytes(const lic_image *image)
{
    return (uint64_t)image->stride_bytes * image->height;
}

/* Of a picture with several rows of tiles one row can be read while another is encoded. Returns how
 * many rows of pixels to keep for that; 0 if there is one row of tiles only, or if the options
 * leave no thread or memory for it. */
static uint32_t rows_ahead(const lic_settings *s, const lic_image *image)
{
    enum { TILE = 1024, MOST_BYTES = 64 << 20 };
    const uint32_t side = s->tile_side ? s->tile_side : TILE;
    if (image->height <= side || s->threads == 1 || s->max_memory)
        return 0;
    const size_t most = MOST_BYTES / image->stride_bytes;
    return most < side ? (uint32_t)most : side;
}

/* A small first picture is read while the model is. */
static void read_meanwhile(const lic_worker *worker, struct feed *feed)
{
    enum { MOST_BYTES = 4 << 20 };
    const lic_settings *s = feed->c->settings;
    const lic_image *image = &feed->picture.image;
    if (!worker->model && !rows_ahead(s, image) && whole_bytes(image) <= MOST_BYTES &&
        !s->max_memory && lic_thread_count(s->threads) > 1)
        feed->ahead =
            lic_ahead_begin(feed->reader, image->height, image->height, image->stride_bytes);
}

static lic_status code_rows(lic_worker *worker, struct feed *feed, lic_buffer *out)
{
    lic_conversion *c = feed->c;
    const lic_image *image = &feed->picture.image;
    const uint32_t room = rows_ahead(c->settings, image);
    if (room)
        feed->ahead = lic_ahead_begin(feed->reader, image->height, room, image->stride_bytes);
    feed->encode.source = give_rows;
    feed->encode.source_user = feed;
    lic_status status = lic_session_encode(worker->encoder, image, &feed->encode, out, &c->err);
    lic_ahead_end(feed->ahead);
    feed->ahead = NULL;
    if (status == LIC_OK)
        lic_session_get_stats(worker->encoder, &c->stats);
    c->quality = feed->encode.quality;
    lic_conversion_lap(c, LIC_LAP_CODE);
    if (feed->status != LIC_OK)
        c->err = feed->err;
    return feed->status != LIC_OK ? feed->status : status;
}

/* A picture that is encoded more than once, or compared, is read into memory. */
static lic_status code_whole(lic_worker *worker, struct feed *feed, lic_buffer *out)
{
    lic_conversion *c = feed->c;
    lic_image image = feed->picture.image;
    image.data = malloc((size_t)whole_bytes(&image));
    if (!image.data)
        return lic_report_fail(&c->err, LIC_ERR_MEMORY, "no memory for the picture");
    lic_conversion_lap(c, LIC_LAP_WAIT);
    lic_status status =
        lic_reader_rows(feed->reader, image.height, image.data, image.stride_bytes, &c->err);
    if (status == LIC_OK)
        status = lic_reader_end(feed->reader, &c->err);
    lic_conversion_lap(c, LIC_LAP_READ);
    if (status == LIC_OK) {
        list_chunks(feed);
        status = lic_code_image(worker, c, &image, &feed->encode, out);
    }
    free(image.data);
    return status;
}

/* ---- the command ---- */

static lic_status code(lic_worker *worker, struct feed *feed, lic_buffer *out)
{
    lic_conversion *c = feed->c;
    const lic_settings *s = c->settings;
    const lic_image *image = &feed->picture.image;
    const bool decodes = lic_settings_compare(s);
    const bool whole = decodes || s->target.kind;
    const lic_need need = {.use = LIC_USE_ENCODER | (decodes ? LIC_USE_DECODER : 0),
                           .width = image->width,
                           .height = image->height,
                           .tile_side = s->tile_side,
                           .row_bytes = whole ? 0 : image->stride_bytes,
                           .extra_bytes = lic_source_held(&feed->source) +
                                          lic_reader_memory(feed->reader) +
                                          (whole ? whole_bytes(image) * (decodes ? 2 : 1)
                                                 : rows_ahead(s, image) * image->stride_bytes)};
    const lic_model *model = NULL;
    lic_encode_options_init(&feed->encode);
    feed->encode.lossless = s->lossless      ? LIC_LOSSLESS_YES
                            : s->target.kind ? LIC_LOSSLESS_NO
                                             : LIC_LOSSLESS_AUTO;
    feed->encode.near = s->near;
    feed->encode.quality = s->lossless ? 100 : s->quality;
    feed->encode.tile_side = s->tile_side;
    if (!s->lossless && !whole)
        read_meanwhile(worker, feed);
    lic_status status = s->lossless ? LIC_OK : lic_worker_model(worker, c, 0, &model);
    if (status != LIC_OK)
        return status;
    if (s->lambda > 0) {
        lic_model_info info;
        lic_model_get_info(model, &info);
        status = lic_rates_quality(&info, s->lambda, &feed->encode.quality, &c->err);
        if (status != LIC_OK)
            return status;
    }
    status = lic_worker_enter(worker, c, model, &need);
    if (status == LIC_OK)
        status = lic_conversion_open_output(c, &feed->out);
    if (status == LIC_OK)
        status = whole ? code_whole(worker, feed, out) : code_rows(worker, feed, out);
    lic_worker_leave(worker);
    c->bytes = out->bytes;
    return status;
}

static lic_status write_file(lic_conversion *c, lic_output *out, const lic_buffer *data)
{
    if (fwrite(data->data, 1, data->bytes, out->stream) != data->bytes)
        return lic_report_fail(&c->err, LIC_REPORT_ERR_IO, "cannot write %s: %s", c->output,
                               strerror(errno));
    const lic_status status = lic_conversion_commit_output(c, out);
    lic_conversion_lap(c, LIC_LAP_WRITE);
    return status;
}

/* Reports a picture encoded from a damaged file. */
static lic_status check_whole(struct feed *feed)
{
    const lic_picture *picture = &feed->picture;
    if (!picture->damage[0])
        return LIC_OK;
    return lic_report_fail(&feed->c->err, LIC_REPORT_PARTIAL,
                           "salvaged: %" PRIu32 " of %" PRIu32 " rows were whole (%s)",
                           picture->whole_rows, picture->image.height, picture->damage);
}

static lic_status encode(lic_worker *worker, lic_conversion *c)
{
    struct feed feed = {.c = c};
    lic_buffer data = {0};
    lic_status status = open_picture(&feed);
    if (status == LIC_OK)
        status = code(worker, &feed, &data);
    if (status == LIC_OK)
        lic_picture_say(&feed.picture, c->input);
    const lic_status found = status == LIC_OK ? check_whole(&feed) : LIC_OK;
    lic_ahead_end(feed.ahead);
    const uint64_t before = feed.source.bytes;
    lic_reader_close(feed.reader);
    lic_picture_free(&feed.picture);
    lic_source_close(&feed.source);
    if (status == LIC_OK)
        status = write_file(c, &feed.out, &data);
    if (status != LIC_OK)
        lic_output_abort(&feed.out);
    if (status == LIC_OK && !c->skipped &&
        data.bytes > before) /* a drawing, say, that PNG holds in less */
        lic_report_warning(c->input, "takes more bytes as .lic: %zu, and %llu as it is", data.bytes,
                           (unsigned long long)before);
    lic_buffer_free(&data);
    return status == LIC_OK && !c->skipped ? found : status;
}

int lic_command_encode(const lic_settings *settings)
{
    lic_inputs inputs;
    int code_at_once = lic_inputs_gather(&inputs, settings, ".lic");
    int exit_code = code_at_once >= 0 ? code_at_once : lic_batch_run(settings, &inputs, encode);
    lic_inputs_free(&inputs);
    return exit_code;
}
