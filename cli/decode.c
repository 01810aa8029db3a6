/* decode.c - lic decode: .lic files to pictures. */
#include "cli/base/chunks.h"
#include "cli/base/files.h"
#include "cli/base/report.h"
#include "cli/batch/batch.h"
#include "cli/options/read_value.h"
#include "cli/picture/format.h"
#include "cli/picture/relay.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The format, by --format, else by the output's suffix; NONE if neither says. */
static lic_picture_format choose_format(const lic_settings *s, const char *output)
{
    return s->format != LIC_FORMAT_NONE ? s->format : lic_picture_format_of_name(output);
}

/* The decoder checks this too, but does not know the words in which it was asked for. */
static lic_status check_crop(const lic_settings *s, const lic_info *info, lic_error *err)
{
    if ((uint64_t)s->crop_x + s->crop_width <= info->width &&
        (uint64_t)s->crop_y + s->crop_height <= info->height)
        return LIC_OK;
    return lic_report_fail(err, LIC_ERR_ARGUMENT,
                           "--crop=%" PRIu32 "x%" PRIu32 "+%" PRIu32 "+%" PRIu32
                           " is not inside the picture, which is %" PRIu32 "x%" PRIu32 " as stored",
                           s->crop_width, s->crop_height, s->crop_x, s->crop_y, info->width,
                           info->height);
}

/* The decoder checks this too; here we can say what helps. */
static lic_status check_tile(const lic_settings *s, const lic_info *info, lic_error *err)
{
    const uint32_t width = info->tile_width ? info->tile_width : info->width;
    const uint32_t height = info->tile_width ? info->tile_height : info->height;
    const lic_options options = lic_settings_options(s);
    if ((uint64_t)width * height <= options.max_tile_pixels)
        return LIC_OK;
    return lic_report_fail(err, LIC_ERR_LIMIT,
                           "has tiles of %" PRIu32 "x%" PRIu32
                           ", which take much memory: say how much with --max-memory",
                           width, height);
}

static lic_status read_stream(lic_conversion *c, lic_file_data *file, lic_info *info)
{
    lic_status status = lic_file_read_stream(c->input, c->settings->max_memory, file, &c->err);
    if (status != LIC_OK)
        return status;
    status = lic_probe(file->data, file->bytes, info, &c->err);
    if (status == LIC_ERR_CORRUPT && info->width && c->settings->salvage)
        status = LIC_OK; /* the decoder finds out what is left */
    if (status != LIC_OK)
        return status;
    c->width = info->width;
    c->height = info->height;
    c->channels = info->channels;
    c->depth = info->depth;
    c->quality = info->quality;
    c->bytes = file->bytes;
    status = lic_picture_check_pixels(info->width, info->height, &c->settings->read, &c->err);
    if (status == LIC_OK)
        status = check_crop(c->settings, info, &c->err);
    if (status == LIC_OK)
        status = check_tile(c->settings, info, &c->err);
    lic_conversion_lap(c, LIC_LAP_READ);
    return status;
}

/* Width and height of what is written. */
static void set_shape(const lic_settings *s, const lic_info *info, lic_image *image)
{
    const uint32_t scale = s->scale > 1 ? s->scale : 1;
    image->width = s->crop_width ? s->crop_width : (info->width + scale - 1) / scale;
    image->height = s->crop_height ? s->crop_height : (info->height + scale - 1) / scale;
}

/* Takes shape and metadata; leaves chunks that are not for picture files. */
static lic_status describe(lic_conversion *c, const lic_info *info, lic_picture_format format,
                           lic_picture *picture)
{
    const uint32_t depth = lic_formats[format].max_depth == 8 ? 8 : c->settings->depth;
    lic_status status = LIC_OK;
    const bool alpha = info->has_alpha && c->settings->read.alpha != LIC_ALPHA_DROP;
    picture->image =
        (lic_image){.channels = info->channels + alpha, .depth = depth ? depth : info->depth};
    set_shape(c->settings, info, &picture->image);
    c->written_width = picture->image.width;
    c->written_height = picture->image.height;
    for (size_t i = 0; i < info->n_chunks && status == LIC_OK; i++)
        status = lic_picture_add_chunk(picture, &info->chunks[i], &c->settings->read, &c->err);
    const bool part = picture->image.width != info->width || picture->image.height != info->height;
    if (status == LIC_OK && part)
        status =
            lic_picture_fit_metadata(picture, picture->image.width, picture->image.height, &c->err);
    return status;
}

/* Receives the decoder's rows. */
struct sink {
    lic_conversion *c;
    lic_writer *writer; /* NULL: --test */
    lic_relay *relay;   /* NULL: the writer takes the rows itself */
    lic_status status;  /* why the decoder was stopped */
    lic_error err;
};

static int take_rows(void *user, uint32_t first, uint32_t n, void *rows, size_t stride_bytes)
{
    struct sink *sink = user;
    (void)first;
    if (!sink->writer)
        return 0;
    lic_conversion_lap(sink->c, LIC_LAP_CODE);
    sink->status = sink->relay ? lic_relay_rows(sink->relay, n, rows, stride_bytes, &sink->err)
                               : lic_writer_rows(sink->writer, n, rows, stride_bytes, &sink->err);
    lic_conversion_lap(sink->c, LIC_LAP_WRITE);
    return sink->status != LIC_OK;
}

static lic_decode_options decode_options(const lic_settings *s, uint32_t depth)
{
    lic_decode_options options;
    lic_decode_options_init(&options);
    options.depth = depth;
    options.crop_x = s->crop_x;
    options.crop_y = s->crop_y;
    options.crop_width = s->crop_width;
    options.crop_height = s->crop_height;
    options.scale = s->scale;
    options.n_slices = s->n_slices;
    options.salvage = s->salvage;
    options.no_check = s->no_check;
    return options;
}

/* Reports a picture written from a file that had lost its end. */
static lic_status check_whole(lic_conversion *c)
{
    const lic_stats *s = &c->stats;
    if (s->n_whole_tiles == s->n_tiles)
        return LIC_OK;
    if (s->n_tiles == 1)
        return lic_report_fail(&c->err, LIC_REPORT_PARTIAL,
                               "cut short: %" PRIu32 " of %" PRIu32
                               " slices were whole, the rest of the picture is predicted",
                               s->n_whole_slices, s->n_slices);
    return lic_report_fail(&c->err, LIC_REPORT_PARTIAL,
                           "cut short: %" PRIu32 " of %" PRIu32
                           " tiles were whole, the rest of the picture is predicted",
                           s->n_whole_tiles, s->n_tiles);
}

/* Of a picture with several rows of tiles one row can be written while the next is decoded. Returns
 * the memory for that; 0 if there is one row of tiles only, or if the options leave no thread or
 * memory for it. */
static size_t relay_bytes(const lic_settings *s, const lic_info *info, const lic_image *image)
{
    const bool one_band = !info->tile_height || info->tile_height >= image->height;
    if (one_band || s->scale > 1 || s->threads == 1 || s->max_memory)
        return 0;
    return (size_t)image->width * image->channels * (image->depth / 8) * info->tile_height;
}

static lic_status decode_rows(lic_worker *worker, lic_conversion *c, const lic_file_data *file,
                              const lic_image *image, lic_writer *writer, size_t band_bytes)
{
    struct sink sink = {.c = c, .writer = writer};
    if (band_bytes)
        sink.relay = lic_relay_begin(writer, band_bytes);
    lic_decode_options options = decode_options(c->settings, image->depth);
    options.channels = image->channels;
    options.sink = take_rows;
    options.sink_user = &sink;
    lic_status status =
        lic_session_decode(worker->decoder, file->data, file->bytes, &options, NULL, &c->err);
    if (status == LIC_OK)
        lic_session_get_stats(worker->decoder, &c->stats);
    lic_conversion_lap(c, LIC_LAP_CODE);
    lic_error late; /* of the last rows, or once more that of earlier ones */
    const lic_status written = lic_relay_end(sink.relay, &late);
    lic_conversion_lap(c, LIC_LAP_WRITE);
    if (sink.status == LIC_OK && written != LIC_OK) {
        sink.status = written;
        sink.err = late;
    }
    if (sink.status == LIC_OK)
        return status;
    c->err = sink.err;
    return sink.status;
}

static lic_status write_picture(lic_worker *worker, lic_conversion *c, const lic_file_data *file,
                                lic_picture_format format, lic_picture *picture, size_t band_bytes)
{
    lic_output out;
    lic_writer *writer = NULL;
    lic_status status = lic_conversion_open_output(c, &out);
    if (status != LIC_OK)
        return status;
    status = lic_writer_open(out.stream, format, picture, &c->settings->read, &writer, &c->err);
    if (status == LIC_OK) {
        lic_writer_use_threads(writer, worker->taken_threads);
        status = decode_rows(worker, c, file, &picture->image, writer, band_bytes);
    }
    if (status == LIC_OK)
        status = lic_writer_end(writer, &c->err);
    lic_writer_close(writer);
    if (status == LIC_OK)
        status = lic_conversion_commit_output(c, &out);
    else
        lic_output_abort(&out);
    if (status == LIC_OK && !c->skipped)
        lic_picture_say(picture, c->output);
    lic_conversion_lap(c, LIC_LAP_WRITE);
    return status;
}

/* Unpacks everything in the file and writes nothing. */
static lic_status test_picture(lic_worker *worker, lic_conversion *c, const lic_file_data *file,
                               const lic_info *info)
{
    const lic_image as_stored = {0};
    lic_status status = LIC_OK;
    for (size_t i = 0; i < info->n_chunks && status == LIC_OK; i++) {
        const lic_chunk *chunk = &info->chunks[i];
        lic_buffer data = {0};
        if (lic_chunk_has_type(chunk, "Alph") || lic_chunk_has_type(chunk, "Exac"))
            continue; /* these come with the rows */
        status = lic_chunk_read(chunk, NULL, &data, &c->err);
        lic_buffer_free(&data);
    }
    return status == LIC_OK ? decode_rows(worker, c, file, &as_stored, NULL, 0) : status;
}

static lic_status decode_picture(lic_worker *worker, lic_conversion *c, const lic_file_data *file,
                                 const lic_info *info, lic_picture_format format,
                                 lic_picture *picture)
{
    const lic_model *model = NULL;
    lic_status status =
        info->lossless ? LIC_OK : lic_worker_model(worker, c, info->model_id, &model);
    if (status != LIC_OK)
        return status;
    const lic_image *image = &picture->image;
    const size_t band_bytes = c->settings->test ? 0 : relay_bytes(c->settings, info, image);
    const lic_need need = {.use = LIC_USE_DECODER,
                           .stream = info,
                           .width = info->width,
                           .height = info->height,
                           .row_bytes = (size_t)image->width * image->channels * (image->depth / 8),
                           .extra_bytes =
                               file->bytes + lic_picture_metadata_bytes(picture) + band_bytes};
    status = lic_worker_enter(worker, c, model, &need);
    if (status == LIC_OK && c->settings->test)
        status = test_picture(worker, c, file, info);
    else if (status == LIC_OK)
        status = write_picture(worker, c, file, format, picture, band_bytes);
    lic_worker_leave(worker);
    return status;
}

struct right_model {
    uint32_t id;
    char name[64];
};

static int match_model(void *user, const char *path, uint64_t hash)
{
    struct right_model *right = user;
    const char *name = lic_file_base_name(path);
    if ((uint32_t)hash != right->id)
        return 0;
    snprintf(right->name, sizeof right->name, "%.*s", (int)strcspn(name, "."), name);
    return 1;
}

/* --model named a model other than the file's, which may well be here. */
static lic_status name_right_model(lic_conversion *c, const lic_info *info)
{
    struct right_model right = {.id = info->model_id};
    if (!lic_model_each(NULL, match_model, &right))
        return LIC_ERR_MODEL_WRONG;
    return lic_report_fail(&c->err, LIC_ERR_MODEL_WRONG,
                           "was made with the model %s, not with %s: leave --model out", right.name,
                           c->settings->model);
}

static lic_status decode(lic_worker *worker, lic_conversion *c)
{
    lic_info info;
    lic_file_data file = {0};
    lic_picture picture = {0};
    lic_picture_format format = choose_format(c->settings, c->output);
    lic_status status = read_stream(c, &file, &info);
    if (status == LIC_OK)
        status = describe(c, &info, format, &picture);
    if (status == LIC_OK)
        status = decode_picture(worker, c, &file, &info, format, &picture);
    if (status == LIC_ERR_MODEL_WRONG && c->settings->model)
        status = name_right_model(c, &info);
    if (status == LIC_OK && !c->skipped)
        status = check_whole(c);
    lic_picture_free(&picture);
    lic_file_free(&file);
    return status;
}

/* Checks an output that was named; other names are made to fit. */
static bool check_format(const lic_settings *s, const lic_inputs *inputs)
{
    if (s->test)
        return true;
    const char *output = inputs->n == 1 ? inputs->items[0].output : "";
    const bool unknown = inputs->n == 1 && choose_format(s, output) == LIC_FORMAT_NONE;
    if (unknown && strcmp(output, "-") == 0)
        return lic_report_error(NULL, "standard output: --format must tell %s",
                                lic_any_of(LIC_FORMAT_SUFFIXES));
    if (unknown)
        return lic_report_error(output, "the suffix is not %s; --format can tell",
                                lic_any_of(LIC_FORMAT_SUFFIXES));
    if (s->crop_width && s->scale > 1)
        return lic_report_error(NULL,
                                "--scale makes a preview of the whole picture, not with --crop");
    const lic_format *format = &lic_formats[choose_format(s, output)];
    if (s->depth > format->max_depth && format->max_depth)
        return lic_report_error(NULL, "--depth=%" PRIu32 ": a %s file has %" PRIu32 " bits",
                                s->depth, format->title, format->max_depth);
    return true;
}

int lic_command_decode(const lic_settings *settings)
{
    const lic_format *format = &lic_formats[settings->format ? settings->format : LIC_FORMAT_PNG];
    lic_inputs inputs;
    char suffix[16];
    snprintf(suffix, sizeof suffix, ".%s", format->suffix);
    int code = lic_inputs_gather(&inputs, settings, suffix);
    if (code < 0 && !check_format(settings, &inputs))
        code = LIC_EXIT_USAGE;
    if (code < 0)
        code = lic_batch_run(settings, &inputs, decode);
    lic_inputs_free(&inputs);
    return code;
}
