/* codec.c - see codec.h. */
#include "cli/rd/codec.h"

#include "cli/base/files.h"
#include "cli/base/report.h"

void lic_codec_begin(lic_codec *codec, const lic_settings *settings)
{
    *codec = (lic_codec){.settings = settings};
}

void lic_codec_end(lic_codec *codec)
{
    lic_session_free(codec->encoder);
    lic_session_free(codec->decoder);
    lic_model_close(codec->model);
    *codec = (lic_codec){.settings = codec->settings};
}

lic_status lic_codec_open(lic_codec *codec, uint32_t id, lic_error *err)
{
    if (codec->model && (codec->settings->model || !id || (uint32_t)codec->model_info.hash == id))
        return LIC_OK;
    lic_codec_end(codec);
    return lic_settings_open_model(codec->settings, id, LIC_MODEL_ENCODES | LIC_MODEL_DECODES,
                                   &codec->model, &codec->model_info, err);
}

lic_status lic_codec_encode(lic_codec *codec, const lic_image *image, double quality,
                            lic_buffer *out, lic_error *err)
{
    lic_options options = lic_settings_options(codec->settings);
    lic_encode_options encode;
    lic_status status = lic_codec_open(codec, 0, err);
    if (status == LIC_OK && !codec->encoder)
        status = lic_session_new(codec->model, &options, &codec->encoder, err);
    if (status != LIC_OK)
        return status;
    lic_encode_options_init(&encode);
    encode.quality = quality;
    encode.tile_side = codec->settings->tile_side;
    return lic_session_encode(codec->encoder, image, &encode, out, err);
}

lic_status lic_codec_decode(lic_codec *codec, const void *data, size_t bytes, bool alpha,
                            lic_image *image, lic_error *err)
{
    lic_info info;
    lic_options options = lic_settings_options(codec->settings);
    lic_decode_options decode;
    lic_decode_options_init(&decode);
    lic_status status = lic_probe(data, bytes, &info, err);
    decode.channels = info.channels + (info.has_alpha && alpha);
    if (status == LIC_OK)
        status = lic_picture_check_pixels(info.width, info.height, &codec->settings->read, err);
    if (status == LIC_OK && !info.lossless)
        status = lic_codec_open(codec, info.model_id, err); /* ends a session without a model */
    if (status == LIC_OK && !codec->decoder)
        status = lic_session_new(codec->model, &options, &codec->decoder, err);
    if (status == LIC_OK)
        status = lic_session_decode(codec->decoder, data, bytes, &decode, image, err);
    return status;
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

lic_status lic_codec_read(lic_codec *codec, const char *path, lic_picture *picture,
                          size_t *lic_bytes, lic_error *err)
{
    lic_read_options options = codec->settings->read;
    lic_file_data file;
    lic_info info;
    lic_status status = lic_file_read(path, codec->settings->max_memory, &file, err);
    *lic_bytes = 0;
    if (status != LIC_OK)
        return status;
    if (lic_probe(file.data, file.bytes, &info, NULL) == LIC_ERR_NOT_LIC) {
        options.metadata = LIC_META_LOOK;
        status = lic_picture_read(file.data, file.bytes, &options, picture, err);
    } else {
        *lic_bytes = file.bytes;
        /* Alpha in the file means what it means in a PNG. */
        *picture = (lic_picture){0};
        status = lic_codec_decode(codec, file.data, file.bytes, options.alpha != LIC_ALPHA_DROP,
                                  &picture->image, err);
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
