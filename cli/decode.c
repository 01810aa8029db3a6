/* decode.c - lic decode: .lic files to pictures. */
#include "cli/batch.h"
#include "cli/commands.h"
#include "cli/report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *suffix_of(lic_picture_format format)
{
    return format == LIC_FORMAT_JPEG ? ".jpg" : format == LIC_FORMAT_PPM ? ".ppm" : ".png";
}

/* By --format, else by the output's suffix; NONE if neither tells. */
static lic_picture_format choose_format(const lic_settings *s, const char *output)
{
    return s->format != LIC_FORMAT_NONE ? s->format : lic_picture_format_of_name(output);
}

static lic_status read_stream(lic_job *job, lic_file_data *file, lic_info *info)
{
    lic_status status = lic_file_read(job->input, file, &job->err);
    if (status == LIC_OK)
        status = lic_probe(file->data, file->bytes, info, &job->err);
    if (status != LIC_OK)
        return status;
    job->width = info->width;
    job->height = info->height;
    job->channels = info->channels;
    job->depth = info->depth;
    job->quality = info->quality;
    job->bytes = file->bytes;
    if ((uint64_t)info->width * info->height > job->settings->read.max_pixels)
        status = lic_report_fail(&job->err, LIC_ERR_LIMIT,
                                 "%" PRIu32 "x%" PRIu32 " is more than --max-pixels=%" PRIu64,
                                 info->width, info->height, job->settings->read.max_pixels);
    lic_job_lap(job, LIC_LAP_READ);
    return status;
}

/* The chunks that the picture's metadata was kept in; others are not for picture files. */
static lic_status read_chunks(lic_job *job, const lic_info *info, lic_picture *picture)
{
    for (size_t i = 0; i < info->n_chunks; i++)
        for (int kind = 0; kind < LIC_N_META; kind++) {
            lic_buffer data = {0};
            if (memcmp(info->chunks[i].type, lic_picture_meta_chunks[kind], 4) != 0 ||
                !(job->settings->read.metadata >> kind & 1))
                continue;
            lic_status status = lic_chunk_read(&info->chunks[i], &data, &job->err);
            if (status == LIC_OK)
                status = lic_picture_add_meta(picture, (lic_meta)kind, data.data, data.bytes,
                                              &job->settings->read, &job->err);
            lic_buffer_free(&data);
            if (status != LIC_OK)
                return status;
        }
    return LIC_OK;
}

static uint64_t pixel_bytes(const lic_info *info, uint32_t depth)
{
    return (uint64_t)info->width * info->height * info->channels *
           ((depth ? depth : info->depth) / 8);
}

static lic_status decode_pixels(lic_worker *worker, lic_job *job, const lic_file_data *file,
                                const lic_info *info, lic_picture_format format, lic_image *image)
{
    const lic_model *model;
    uint32_t depth = job->settings->depth;
    if (format == LIC_FORMAT_JPEG && depth == 0)
        depth = 8;
    lic_status status = lic_worker_model(worker, job, info->model_id, &model);
    if (status != LIC_OK)
        return status;
    status = lic_worker_enter_decoder(worker, job, model, info->width, info->height,
                                      file->bytes + pixel_bytes(info, depth));
    if (status == LIC_OK)
        status =
            lic_decoder_decode(worker->decoder, file->data, file->bytes, depth, image, &job->err);
    if (status == LIC_OK)
        lic_decoder_get_stats(worker->decoder, &job->stats);
    lic_worker_leave(worker);
    lic_job_lap(job, LIC_LAP_CODE);
    return status;
}

static lic_status write_picture(lic_job *job, lic_picture_format format, lic_picture *picture)
{
    lic_output out;
    lic_status status = lic_job_open_output(job, &out);
    if (status != LIC_OK)
        return status;
    status = lic_picture_write(out.stream, format, picture, &job->err);
    if (status == LIC_OK)
        status = lic_output_commit(&out, &job->err);
    else
        lic_output_abort(&out);
    if (status == LIC_OK && picture->warning[0])
        lic_report_warning(job->output, "%s", picture->warning);
    lic_job_lap(job, LIC_LAP_WRITE);
    return status;
}

static lic_status decode(lic_worker *worker, lic_job *job)
{
    lic_info info;
    lic_file_data file = {0};
    lic_picture picture = {0};
    lic_picture_format format = choose_format(job->settings, job->output);
    lic_status status = read_stream(job, &file, &info);
    if (status == LIC_OK)
        status = read_chunks(job, &info, &picture);
    if (status == LIC_OK)
        status = decode_pixels(worker, job, &file, &info, format, &picture.image);
    if (status == LIC_OK)
        status = write_picture(job, format, &picture);
    lic_image_free(&picture.image, NULL); /* the library's, unlike the rest of the picture */
    picture.image.data = NULL;
    lic_picture_free(&picture);
    lic_file_free(&file);
    return status;
}

/* Of one output that was named; other names are made to fit. */
static bool check_format(const lic_settings *s, const lic_inputs *inputs)
{
    const char *output = inputs->n == 1 ? inputs->items[0].output : "";
    if (inputs->n == 1 && choose_format(s, output) == LIC_FORMAT_NONE) {
        if (strcmp(output, "-") == 0)
            lic_report_error(NULL, "standard output: --format must tell png, jpg or ppm");
        else
            lic_report_error(output, "the suffix is not png, jpg or ppm; --format can tell");
        return false;
    }
    if (s->depth == 16 && choose_format(s, output) == LIC_FORMAT_JPEG) {
        lic_report_error(NULL, "--depth=16: a JPEG file has 8 bits");
        return false;
    }
    return true;
}

int lic_command_decode(const lic_settings *settings)
{
    lic_inputs inputs;
    int code = lic_inputs_gather(&inputs, settings, suffix_of(settings->format));
    if (code < 0 && !check_format(settings, &inputs))
        code = LIC_EXIT_USAGE;
    if (code < 0)
        code = lic_batch_run(settings, &inputs, decode);
    lic_inputs_free(&inputs);
    return code;
}
