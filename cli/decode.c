/* decode.c - lic decode: a .lic file to a picture. */
#include "cli/commands.h"
#include "cli/job.h"
#include "cli/report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *suffix_of(lic_picture_format format)
{
    return format == LIC_FORMAT_JPEG ? ".jpg" : format == LIC_FORMAT_PPM ? ".ppm" : ".png";
}

/* By --format, else by the output's suffix; NONE, said, if neither tells. */
static lic_picture_format choose_format(const lic_job *job)
{
    lic_picture_format format = job->settings->format;
    if (format == LIC_FORMAT_NONE)
        format = lic_picture_format_of_name(job->output);
    if (format == LIC_FORMAT_NONE && strcmp(job->output, "-") == 0)
        lic_report_error(NULL, "standard output: --format must tell png, jpg or ppm");
    else if (format == LIC_FORMAT_NONE)
        lic_report_error(job->output, "the suffix is not png, jpg or ppm; --format can tell");
    return format;
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

static lic_status decode(lic_job *job, const lic_file_data *file, lic_picture_format format,
                         lic_image *image)
{
    lic_options options = lic_job_options(job);
    lic_decoder *decoder = NULL;
    uint32_t depth = job->settings->depth;
    if (format == LIC_FORMAT_JPEG && depth == 0)
        depth = 8;
    lic_status status = lic_decoder_new(job->model, &options, &decoder, &job->err);
    if (status == LIC_OK)
        status = lic_decoder_decode(decoder, file->data, file->bytes, depth, image, &job->err);
    if (status == LIC_OK)
        lic_decoder_get_stats(decoder, &job->stats);
    lic_decoder_free(decoder);
    lic_job_lap(job, LIC_LAP_CODE);
    return status;
}

static lic_status write_picture(lic_job *job, lic_picture_format format, lic_picture *picture)
{
    lic_output out;
    lic_status status = lic_output_open(&out, job->output, job->settings->force, &job->err);
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

int lic_command_decode(const lic_settings *settings)
{
    lic_job job;
    lic_info info;
    lic_file_data file = {0};
    lic_picture picture = {0};
    int code = lic_job_begin(&job, settings, suffix_of(settings->format));
    if (code >= 0)
        return code;
    lic_picture_format format = choose_format(&job);
    if (format == LIC_FORMAT_NONE)
        return LIC_EXIT_USAGE;
    if (format == LIC_FORMAT_JPEG && settings->depth == 16) {
        lic_report_error(NULL, "--depth=16: a JPEG file has 8 bits");
        return LIC_EXIT_USAGE;
    }
    lic_status status = read_stream(&job, &file, &info);
    if (status == LIC_OK)
        status = lic_job_open_model(&job, info.model_id);
    if (status == LIC_OK)
        status = read_chunks(&job, &info, &picture);
    if (status == LIC_OK)
        status = decode(&job, &file, format, &picture.image);
    if (status == LIC_OK)
        status = write_picture(&job, format, &picture);
    lic_image_free(&picture.image, NULL); /* the library's, unlike the rest of the picture */
    picture.image.data = NULL;
    lic_picture_free(&picture);
    lic_file_free(&file);
    return lic_job_end(&job, status);
}
