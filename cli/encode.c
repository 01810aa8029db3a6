/* encode.c - lic encode: pictures to .lic files. */
#include "cli/batch.h"
#include "cli/commands.h"
#include "cli/report.h"

#include <errno.h>
#include <string.h>

static lic_status read_picture(lic_job *job, lic_picture *picture)
{
    lic_file_data file;
    lic_info info;
    lic_status status = lic_file_read(job->input, &file, &job->err);
    if (status != LIC_OK)
        return status;
    if (lic_probe(file.data, file.bytes, &info, NULL) != LIC_ERR_NOT_LIC)
        status = lic_report_fail(&job->err, LIC_ERR_UNSUPPORTED, "is a .lic file already");
    else
        status = lic_picture_read(file.data, file.bytes, &job->settings->read, picture, &job->err);
    lic_file_free(&file);
    if (status == LIC_OK && picture->warning[0])
        lic_report_warning(job->input, "%s", picture->warning);
    job->width = picture->image.width;
    job->height = picture->image.height;
    job->channels = picture->image.channels;
    job->depth = picture->image.depth;
    lic_job_lap(job, LIC_LAP_READ);
    return status;
}

static size_t list_chunks(const lic_picture *picture, lic_chunk *chunks)
{
    size_t n = 0;
    for (int i = 0; i < LIC_N_META; i++) {
        if (!picture->meta[i].data)
            continue;
        chunks[n] = (lic_chunk){.data = picture->meta[i].data, .bytes = picture->meta[i].bytes};
        memcpy(chunks[n++].type, lic_picture_meta_chunks[i], sizeof chunks[n].type);
    }
    return n;
}

static lic_status code(lic_worker *worker, lic_job *job, const lic_picture *picture,
                       lic_buffer *out)
{
    const lic_image *image = &picture->image;
    const lic_model *model;
    lic_chunk chunks[LIC_N_META];
    lic_encode_options encode;
    lic_encode_options_init(&encode);
    encode.quality = job->quality = job->settings->quality;
    encode.chunks = chunks;
    encode.n_chunks = list_chunks(picture, chunks);
    lic_status status = lic_worker_model(worker, job, 0, &model);
    if (status != LIC_OK)
        return status;
    status = lic_worker_enter_encoder(worker, job, model, image->width, image->height,
                                      (uint64_t)image->stride_bytes * image->height);
    if (status == LIC_OK)
        status = lic_encoder_encode(worker->encoder, image, &encode, out, &job->err);
    if (status == LIC_OK)
        lic_encoder_get_stats(worker->encoder, &job->stats);
    lic_worker_leave(worker);
    job->bytes = out->bytes;
    lic_job_lap(job, LIC_LAP_CODE);
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
    status = lic_output_commit(&out, &job->err);
    lic_job_lap(job, LIC_LAP_WRITE);
    return status;
}

static lic_status encode(lic_worker *worker, lic_job *job)
{
    lic_picture picture = {0};
    lic_buffer data = {0};
    lic_status status = read_picture(job, &picture);
    if (status == LIC_OK)
        status = code(worker, job, &picture, &data);
    lic_picture_free(&picture);
    if (status == LIC_OK)
        status = write_file(job, &data);
    lic_buffer_free(&data);
    return status;
}

int lic_command_encode(const lic_settings *settings)
{
    lic_inputs inputs;
    int code_at_once = lic_inputs_gather(&inputs, settings, ".lic");
    int exit_code = code_at_once >= 0 ? code_at_once : lic_batch_run(settings, &inputs, encode);
    lic_inputs_free(&inputs);
    return exit_code;
}
