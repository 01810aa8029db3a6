/* work.c - see work.h. */
#include "cli/rd/work.h"

#include "cli/base/report.h"

#include <string.h>

void lic_work_begin(lic_work *work, const lic_settings *settings)
{
    *work = (lic_work){.settings = settings};
}

void lic_work_end(lic_work *work)
{
    lic_session_free(work->encoder);
    lic_session_free(work->decoder);
    lic_model_close(work->model);
    *work = (lic_work){.settings = work->settings};
}

lic_status lic_work_open(lic_work *work, uint32_t id, lic_error *err)
{
    if (work->model && (work->settings->model || !id || (uint32_t)work->model_info.hash == id))
        return LIC_OK;
    lic_work_end(work);
    return lic_settings_open_model(work->settings, id, &work->model, &work->model_info, err);
}

lic_status lic_work_encode(lic_work *work, const lic_image *image, double quality, lic_buffer *out,
                           lic_error *err)
{
    lic_options options = lic_settings_options(work->settings);
    lic_encode_options encode;
    lic_status status = lic_work_open(work, 0, err);
    if (status == LIC_OK && !work->encoder)
        status = lic_session_new(work->model, &options, &work->encoder, err);
    if (status != LIC_OK)
        return status;
    lic_encode_options_init(&encode);
    encode.quality = quality;
    encode.tile_side = work->settings->tile_side;
    return lic_session_encode(work->encoder, image, &encode, out, err);
}

static lic_status decode_image(lic_work *work, const void *data, size_t bytes, bool alpha,
                               lic_image *image, lic_error *err)
{
    lic_info info;
    lic_options options = lic_settings_options(work->settings);
    lic_decode_options decode;
    lic_decode_options_init(&decode);
    lic_status status = lic_probe(data, bytes, &info, err);
    decode.channels = info.channels + (info.has_alpha && alpha);
    if (status == LIC_OK)
        status = lic_picture_check_pixels(info.width, info.height, &work->settings->read, err);
    if (status == LIC_OK)
        status = lic_work_open(work, info.model_id, err);
    if (status == LIC_OK && !work->decoder)
        status = lic_session_new(work->model, &options, &work->decoder, err);
    if (status == LIC_OK)
        status = lic_session_decode(work->decoder, data, bytes, &decode, image, err);
    return status;
}

static lic_status decode_picture(lic_work *work, const void *data, size_t bytes, bool alpha,
                                 lic_picture *picture, lic_error *err)
{
    lic_image image = {0};
    lic_status status = decode_image(work, data, bytes, alpha, &image, err);
    if (status != LIC_OK)
        return status;
    status = lic_picture_alloc(picture, image.width, image.height, image.channels, image.depth,
                               &work->settings->read, err);
    for (uint32_t y = 0; y < image.height && status == LIC_OK; y++)
        memcpy((char *)picture->image.data + y * picture->image.stride_bytes,
               (const char *)image.data + y * image.stride_bytes, picture->image.stride_bytes);
    lic_image_free(&image);
    return status;
}

lic_status lic_work_decode(lic_work *work, const void *data, size_t bytes, lic_picture *picture,
                           lic_error *err)
{
    return decode_picture(work, data, bytes, false, picture, err);
}

/* Of a .lic file also what decides how the picture looks; the rest does not matter here. */
static lic_status add_look(const lic_info *info, lic_picture *picture, lic_error *err)
{
    const lic_read_options look = {.metadata = LIC_META_LOOK};
    lic_status status = LIC_OK;
    for (size_t i = 0; i < info->n_chunks && status == LIC_OK; i++)
        status = lic_picture_add_chunk(picture, &info->chunks[i], &look, err);
    return status;
}

lic_status lic_work_read(lic_work *work, const char *path, lic_picture *picture, size_t *lic_bytes,
                         lic_error *err)
{
    lic_read_options options = work->settings->read;
    lic_file_data file;
    lic_info info;
    lic_status status = lic_file_read(path, work->settings->max_memory, &file, err);
    *lic_bytes = 0;
    if (status != LIC_OK)
        return status;
    if (lic_probe(file.data, file.bytes, &info, NULL) == LIC_ERR_NOT_LIC) {
        options.metadata = LIC_META_LOOK;
        status = lic_picture_read(file.data, file.bytes, &options, picture, err);
    } else {
        *lic_bytes = file.bytes;
        /* Alpha in the file means what it means in a PNG. */
        status = decode_picture(work, file.data, file.bytes, options.alpha != LIC_ALPHA_DROP,
                                picture, err);
        if (status == LIC_OK)
            status = lic_picture_flatten(picture, &options, err);
        if (status == LIC_OK)
            status = add_look(&info, picture, err);
    }
    lic_file_free(&file);
    if (status == LIC_OK)
        lic_picture_say(picture, path);
    return status;
}
