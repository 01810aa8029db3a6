/* work.h - coding in memory for commands that measure: one model, and a session each to encode and
 * to decode, kept from picture to picture. */
#ifndef LIC_CLI_RD_WORK_H
#define LIC_CLI_RD_WORK_H

#include "cli/batch/job.h"

typedef struct lic_work {
    const lic_settings *settings;
    lic_model *model;
    lic_model_info model_info;
    lic_session *encoder;
    lic_session *decoder;
} lic_work;

void lic_work_begin(lic_work *work, const lic_settings *settings);
void lic_work_end(lic_work *work);

/* Opens what --model names, or the model with this id (0: the default one). */
lic_status lic_work_open(lic_work *work, uint32_t id, lic_error *err);

/* Free *out with lic_buffer_free. */
lic_status lic_work_encode(lic_work *work, const lic_image *image, double quality, lic_buffer *out,
                           lic_error *err);
/* Decodes into memory that lic_picture_free frees; 8 or 16 bits, as the stream says. */
lic_status lic_work_decode(lic_work *work, const void *data, size_t bytes, lic_picture *picture,
                           lic_error *err);

/* A picture file, or a .lic file, which is decoded; its size then goes to *lic_bytes (else 0). */
lic_status lic_work_read(lic_work *work, const char *path, lic_picture *picture, size_t *lic_bytes,
                         lic_error *err);

#endif
