/* codec.h - coding in memory for commands that measure: one model, and a session each to encode and
 * to decode, kept from picture to picture. */
#ifndef LIC_CLI_RD_CODEC_H
#define LIC_CLI_RD_CODEC_H

#include "cli/options/settings.h"

typedef struct lic_codec {
    const lic_settings *settings;
    lic_model *model;
    lic_model_info model_info;
    lic_session *encoder;
    lic_session *decoder;
} lic_codec;

void lic_codec_begin(lic_codec *codec, const lic_settings *settings);
void lic_codec_end(lic_codec *codec);

/* Opens what --model names, or the model with this id (0: the default one). */
lic_status lic_codec_open(lic_codec *codec, uint32_t id, lic_error *err);

/* Free *out with lic_buffer_free. */
lic_status lic_codec_encode(lic_codec *codec, const lic_image *image, double quality,
                            lic_buffer *out, lic_error *err);
/* Decodes to 8 or 16 bits, as the stream says, with its alpha or without. Free the image with
 * lic_image_free. */
lic_status lic_codec_decode(lic_codec *codec, const void *data, size_t bytes, bool alpha,
                            lic_image *image, lic_error *err);

/* A picture file, or a .lic file, which is decoded; its size then goes to *lic_bytes (else 0). */
lic_status lic_codec_read(lic_codec *codec, const char *path, lic_picture *picture,
                          size_t *lic_bytes, lic_error *err);

#endif
