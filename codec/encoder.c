/* encoder.c - lic_encoder: picture -> g_a, h_a -> latents -> container. */
#include "codec/base/status.h"
#include "codec/container.h"
#include "codec/context.h"
#include "codec/latent.h"
#include "codec/pixels.h"

#include <string.h>

struct lic_encoder {
    lic_context context;
};

void lic_encode_options_init(lic_encode_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_bytes = sizeof *options;
    options->quality = 50.0;
}

lic_status lic_encoder_new(const lic_model *model, const lic_options *options, lic_encoder **out, lic_error *err)
{
    if (!out)
        return lic_fail(err, LIC_ERR_ARGUMENT, "lic_encoder_new: bad argument");
    *out = NULL;
    const lic_allocator *allocator = options ? options->allocator : NULL;
    lic_encoder *encoder = lic_alloc(allocator, sizeof *encoder);
    if (!encoder)
        return lic_fail(err, LIC_ERR_MEMORY, "not enough memory for an encoder");
    const lic_status status = lic_context_init(&encoder->context, model, options, err);
    if (status) {
        encoder->context.options.allocator = allocator;
        lic_encoder_free(encoder);
        return status;
    }
    *out = encoder;
    return LIC_OK;
}

void lic_encoder_free(lic_encoder *encoder)
{
    if (!encoder)
        return;
    const lic_allocator *allocator = encoder->context.options.allocator;
    lic_context_release(&encoder->context);
    lic_dealloc(allocator, encoder);
}

/* One call of the encoder. */
struct encoding {
    const lic_image *image;
    uint32_t width, height, quality_code;
    lic_range_encoder coder;
    uint32_t check;
};

static void encode_forward(lic_context *context, nn *c, void *user)
{
    struct encoding *e = user;
    const network *net = &context->model->net;
    const int h = lic_padded(e->height), w = lic_padded(e->width);
    rate_state rate;
    double start = lic_context_stage(context, c, LIC_STAGE_ANALYSIS);
    lic_rate_state(c, net, lic_level(context->model, e->quality_code), &rate);
    tensor x = lic_nn_new(c, h, w, 3);
    lic_pixels_load(c, e->image, x);
    const tensor y = lic_g_a(c, net, &rate, x), z = lic_h_a(c, net, &rate, y);
    lic_context_stage_end(context, start);
    start = lic_context_stage(context, c, LIC_STAGE_CODING);
    latent_io io = {.model = context->model, .enc = &e->coder};
    const tensor y_hat = lic_latent_code(c, &io, &rate, y, z, h / 16, w / 16);
    if (!lic_nn_idle(c))
        e->check = lic_latent_check(y_hat);
    lic_context_stage_end(context, start);
}

static void *grow(void *user, void *old, size_t old_bytes, size_t new_bytes)
{
    void *data = lic_alloc(user, new_bytes);
    if (data && old) {
        memcpy(data, old, old_bytes);
        lic_dealloc(user, old);
    }
    return data;
}

static lic_status write_file(lic_context *context, struct encoding *e, const lic_encode_options *options,
                             lic_buffer *out, lic_error *err)
{
    if (!lic_range_finish(&e->coder))
        return lic_fail(err, LIC_ERR_MEMORY, "not enough memory for the stream");
    const lic_container file = {.width = e->width,
                                .height = e->height,
                                .channels = e->image->channels,
                                .depth = e->image->depth,
                                .quality_code = e->quality_code,
                                .model_id = lic_model_id(context->model),
                                .check_latents = e->check,
                                .chunks = options->chunks,
                                .n_chunks = options->n_chunks,
                                .latents = e->coder.data,
                                .latent_bytes = e->coder.bytes};
    context->stats.check_latents = e->check;
    context->stats.latent_bytes = e->coder.bytes;
    return lic_container_write(&file, context->options.allocator, out, err);
}

lic_status lic_encoder_encode(lic_encoder *encoder, const lic_image *image, const lic_encode_options *options,
                              lic_buffer *out, lic_error *err)
{
    lic_encode_options defaults;
    lic_encode_options_init(&defaults);
    options = options ? options : &defaults;
    if (!encoder || !out || options->struct_bytes != sizeof *options)
        return lic_fail(err, LIC_ERR_ARGUMENT, "lic_encoder_encode: bad argument");
    memset(out, 0, sizeof *out);
    if (!(options->quality >= 0.0 && options->quality <= 100.0))
        return lic_fail(err, LIC_ERR_ARGUMENT, "quality is 0 to 100");
    lic_status status = lic_image_check(image, err);
    if (status)
        return status;
    lic_context *context = &encoder->context;
    struct encoding e = {.image = image, .width = image->width, .height = image->height};
    e.quality_code = (uint32_t)(options->quality * (LIC_QUALITY_CODES / 100.0) + 0.5);
    lic_range_encoder_init(&e.coder, grow, (void *)(uintptr_t)context->options.allocator);
    status = lic_context_run(context, encode_forward, &e, image->width, image->height, err);
    if (!status)
        status = write_file(context, &e, options, out, err);
    if (e.coder.data)
        lic_dealloc(context->options.allocator, e.coder.data);
    return status;
}

void lic_encoder_get_stats(const lic_encoder *encoder, lic_stats *stats)
{
    *stats = encoder->context.stats;
}

lic_status lic_encode(const lic_model *model, const lic_image *image, const lic_options *options,
                      const lic_encode_options *encode, lic_buffer *out, lic_error *err)
{
    lic_encoder *encoder = NULL;
    lic_status status = lic_encoder_new(model, options, &encoder, err);
    if (!status)
        status = lic_encoder_encode(encoder, image, encode, out, err);
    else if (out)
        memset(out, 0, sizeof *out);
    lic_encoder_free(encoder);
    return status;
}

uint64_t lic_plan_encoder(const lic_model *model, uint32_t width, uint32_t height, int threads)
{
    struct encoding e = {.width = width, .height = height};
    return lic_context_plan(model, encode_forward, &e, threads);
}
