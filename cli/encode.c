/* encode.c - lic encode: pictures to .lic files. */
#include "cli/base/report.h"
#include "cli/batch/batch.h"
#include "cli/batch/search.h"
#include "cli/commands.h"
#include "cli/options/rates.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Feeds rows to the encoder. */
struct feed {
    lic_job *job;
    lic_source source;
    lic_reader *reader;
    lic_picture picture;
    lic_encode_options encode;
    lic_chunk chunks[LIC_N_META];
    lic_status status; /* why the encoder was stopped */
    lic_error err;
};

static lic_status open_picture(struct feed *feed)
{
    lic_job *job = feed->job;
    lic_info info;
    const uint8_t *head;
    lic_status status =
        lic_source_open(&feed->source, job->input, job->settings->max_memory, &job->err);
    if (status != LIC_OK)
        return status;
    const size_t bytes = lic_source_peek(&feed->source, &head);
    if (lic_probe(bytes ? head : NULL, bytes, &info, NULL) != LIC_ERR_NOT_LIC)
        return lic_report_fail(&job->err, LIC_ERR_UNSUPPORTED, "is a .lic file already");
    status = lic_reader_open(&feed->source, &job->settings->read, &feed->picture, &feed->reader,
                             &job->err);
    job->width = feed->picture.image.width;
    job->height = feed->picture.image.height;
    job->channels = feed->picture.image.channels < 3 ? 1 : 3; /* alpha is not counted */
    job->depth = feed->picture.image.depth;
    lic_job_lap(job, LIC_LAP_READ);
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
    lic_job_lap(feed->job, LIC_LAP_CODE);
    feed->status = lic_reader_rows(feed->reader, n, rows, stride_bytes, &feed->err);
    if (feed->status == LIC_OK && first + n == feed->picture.image.height) {
        feed->status = lic_reader_end(feed->reader, &feed->err);
        list_chunks(feed);
    }
    lic_job_lap(feed->job, LIC_LAP_READ);
    return feed->status != LIC_OK;
}

static uint64_t whole_bytes(const lic_image *image)
{
    return (uint64_t)image->stride_bytes * image->height;
}

static lic_status code_rows(lic_worker *worker, struct feed *feed, lic_buffer *out)
{
    lic_job *job = feed->job;
    feed->encode.source = give_rows;
    feed->encode.source_user = feed;
    lic_status status =
        lic_session_encode(worker->encoder, &feed->picture.image, &feed->encode, out, &job->err);
    if (status == LIC_OK)
        lic_session_get_stats(worker->encoder, &job->stats);
    job->quality = feed->encode.quality;
    lic_job_lap(job, LIC_LAP_CODE);
    if (feed->status != LIC_OK)
        job->err = feed->err;
    return feed->status != LIC_OK ? feed->status : status;
}

/* A picture that is encoded more than once, or compared, is read into memory. */
static lic_status code_whole(lic_worker *worker, struct feed *feed, lic_buffer *out)
{
    lic_job *job = feed->job;
    lic_image image = feed->picture.image;
    image.data = malloc((size_t)whole_bytes(&image));
    if (!image.data)
        return lic_report_fail(&job->err, LIC_ERR_MEMORY, "no memory for the picture");
    lic_job_lap(job, LIC_LAP_WAIT);
    lic_status status =
        lic_reader_rows(feed->reader, image.height, image.data, image.stride_bytes, &job->err);
    if (status == LIC_OK)
        status = lic_reader_end(feed->reader, &job->err);
    lic_job_lap(job, LIC_LAP_READ);
    if (status == LIC_OK) {
        list_chunks(feed);
        status = lic_search_code(worker, job, &image, &feed->encode, out);
    }
    free(image.data);
    return status;
}

static lic_status code(lic_worker *worker, struct feed *feed, lic_buffer *out)
{
    lic_job *job = feed->job;
    const lic_settings *s = job->settings;
    const lic_image *image = &feed->picture.image;
    const bool decodes = s->report || s->target.kind == LIC_TARGET_PSNR;
    const bool whole = decodes || s->target.kind;
    const lic_need need = {.use = LIC_USE_ENCODER | (decodes ? LIC_USE_DECODER : 0),
                           .width = image->width,
                           .height = image->height,
                           .tile_side = s->tile_side,
                           .row_bytes = whole ? 0 : image->stride_bytes,
                           .extra_bytes = lic_source_held(&feed->source) +
                                          lic_reader_memory(feed->reader) +
                                          (whole ? whole_bytes(image) * (decodes ? 2 : 1) : 0)};
    const lic_model *model = NULL;
    lic_encode_options_init(&feed->encode);
    feed->encode.lossless = s->lossless      ? LIC_LOSSLESS_YES
                            : s->target.kind ? LIC_LOSSLESS_NO
                                             : LIC_LOSSLESS_AUTO;
    feed->encode.quality = s->lossless ? 100 : s->quality;
    feed->encode.tile_side = s->tile_side;
    lic_status status = s->lossless ? LIC_OK : lic_worker_model(worker, job, 0, &model);
    if (status != LIC_OK)
        return status;
    if (s->lambda > 0) {
        lic_model_info info;
        lic_model_get_info(model, &info);
        status = lic_rates_quality(&info, s->lambda, &feed->encode.quality, &job->err);
        if (status != LIC_OK)
            return status;
    }
    status = lic_worker_enter(worker, job, model, &need);
    if (status == LIC_OK)
        status = whole ? code_whole(worker, feed, out) : code_rows(worker, feed, out);
    lic_worker_leave(worker);
    job->bytes = out->bytes;
    return status;
}

static lic_status write_file(lic_job *job, const lic_buffer *data)
{
    lic_output out;
    lic_status status = lic_job_open_output(job, &out);
    if (status != LIC_OK)
        return status;
    if (fwrite(data->data, 1, data->bytes, out.stream) != data->bytes) {
        lic_report_fail(&job->err, LIC_REPORT_ERR_IO, "cannot write %s: %s", job->output,
                        strerror(errno));
        lic_output_abort(&out);
        return LIC_REPORT_ERR_IO;
    }
    status = lic_job_commit_output(job, &out);
    lic_job_lap(job, LIC_LAP_WRITE);
    return status;
}

/* Reports a picture encoded from a damaged file. */
static lic_status check_whole(struct feed *feed)
{
    const lic_picture *picture = &feed->picture;
    if (!picture->damage[0])
        return LIC_OK;
    return lic_report_fail(&feed->job->err, LIC_REPORT_PARTIAL,
                           "salvaged: %" PRIu32 " of %" PRIu32 " rows were whole (%s)",
                           picture->whole_rows, picture->image.height, picture->damage);
}

static lic_status encode(lic_worker *worker, lic_job *job)
{
    struct feed feed = {.job = job};
    lic_buffer data = {0};
    lic_status status = open_picture(&feed);
    if (status == LIC_OK)
        status = code(worker, &feed, &data);
    if (status == LIC_OK)
        lic_picture_say(&feed.picture, job->input);
    const lic_status found = status == LIC_OK ? check_whole(&feed) : LIC_OK;
    const uint64_t before = feed.source.bytes;
    lic_reader_close(feed.reader);
    lic_picture_free(&feed.picture);
    lic_source_close(&feed.source);
    if (status == LIC_OK)
        status = write_file(job, &data);
    if (status == LIC_OK && !job->skipped &&
        data.bytes > before) /* a drawing, say, that PNG holds in less */
        lic_report_warning(job->input, "takes more bytes as .lic: %zu, and %llu as it is",
                           data.bytes, (unsigned long long)before);
    lic_buffer_free(&data);
    return status == LIC_OK && !job->skipped ? found : status;
}

int lic_command_encode(const lic_settings *settings)
{
    lic_inputs inputs;
    int code_at_once = lic_inputs_gather(&inputs, settings, ".lic");
    int exit_code = code_at_once >= 0 ? code_at_once : lic_batch_run(settings, &inputs, encode);
    lic_inputs_free(&inputs);
    return exit_code;
}
