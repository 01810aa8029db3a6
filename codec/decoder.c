/* decoder.c - lic_decoder: container -> latents -> g_s -> picture. Nothing is allocated for the picture
 * before the head has passed its checks and the limits. */
#include "codec/base/bytes.h"
#include "codec/base/status.h"
#include "codec/container.h"
#include "codec/context.h"
#include "codec/latent.h"
#include "codec/pixels.h"

#include <string.h>

struct lic_decoder {
    lic_context context;
};

lic_status lic_decoder_new(const lic_model *model, const lic_options *options, lic_decoder **out, lic_error *err)
{
    if (!out)
        return lic_fail(err, LIC_ERR_ARGUMENT, "lic_decoder_new: bad argument");
    *out = NULL;
    const lic_allocator *allocator = options ? options->allocator : NULL;
    lic_decoder *decoder = lic_alloc(allocator, sizeof *decoder);
    if (!decoder)
        return lic_fail(err, LIC_ERR_MEMORY, "not enough memory for a decoder");
    const lic_status status = lic_context_init(&decoder->context, model, options, err);
    if (status) {
        decoder->context.options.allocator = allocator;
        lic_decoder_free(decoder);
        return status;
    }
    *out = decoder;
    return LIC_OK;
}

void lic_decoder_free(lic_decoder *decoder)
{
    if (!decoder)
        return;
    const lic_allocator *allocator = decoder->context.options.allocator;
    lic_context_release(&decoder->context);
    lic_dealloc(allocator, decoder);
}

/* One call of the decoder. */
struct decoding {
    lic_container file;
    const lic_image *image;
    lic_range_decoder coder;
    lic_status status; /* of the latents, found out in the middle of the forward pass */
};

/* CORRUPT if the code is no encoder's, MISMATCH if it decoded to other latents than the encoder's. */
static lic_status check_latents(struct decoding *d, tensor y_hat)
{
    if (!lic_range_decoder_ok(&d->coder))
        return LIC_ERR_CORRUPT;
    return lic_latent_check(y_hat) == d->file.check_latents ? LIC_OK : LIC_ERR_MISMATCH;
}

static void decode_forward(lic_context *context, nn *c, void *user)
{
    struct decoding *d = user;
    const network *net = &context->model->net;
    const int h = lic_padded(d->file.height), w = lic_padded(d->file.width);
    rate_state rate;
    double start = lic_context_stage(context, c, LIC_STAGE_CODING);
    lic_rate_state(c, net, lic_level(context->model, d->file.quality_code), &rate);
    latent_io io = {.model = context->model, .dec = &d->coder};
    const tensor none = {0}, y_hat = lic_latent_code(c, &io, &rate, none, none, h / 16, w / 16);
    if (!lic_nn_idle(c))
        d->status = check_latents(d, y_hat);
    lic_context_stage_end(context, start);
    if (d->status)
        return; /* a wrong picture is worse than none */
    start = lic_context_stage(context, c, LIC_STAGE_SYNTHESIS);
    lic_pixels_store(c, lic_g_s(c, net, &rate, y_hat), d->image);
    lic_context_stage_end(context, start);
}

static lic_status new_image(const lic_container *file, uint32_t depth, const lic_allocator *allocator,
                            lic_image *image, lic_error *err)
{
    *image = (lic_image){.width = file->width, .height = file->height, .channels = file->channels};
    image->depth = depth ? depth : file->depth;
    image->stride_bytes = (size_t)file->width * file->channels * (image->depth / 8);
    size_t bytes;
    if (lic_mul_size(image->stride_bytes, file->height, &bytes))
        image->data = lic_alloc(allocator, bytes);
    return image->data ? LIC_OK : lic_fail(err, LIC_ERR_MEMORY, "not enough memory for the picture");
}

static lic_status explain(lic_status status, lic_error *err)
{
    if (status == LIC_ERR_CORRUPT)
        return lic_fail(err, status, "the coded latents are damaged");
    if (status == LIC_ERR_MISMATCH)
        return lic_fail(err, status, "the latents decoded here are not those that were encoded");
    return status;
}

/* Everything that can be refused before memory is taken. */
static lic_status admit(lic_context *context, const lic_container *file, uint32_t depth, lic_error *err)
{
    if (depth != 0 && depth != 8 && depth != 16)
        return lic_fail(err, LIC_ERR_ARGUMENT, "depth is 8 or 16, or 0 for the stream's");
    if (file->model_id != lic_model_id(context->model))
        return lic_fail(err, LIC_ERR_MODEL_WRONG, "the file needs the model %08x, this is %08x (%s)",
                        (unsigned)file->model_id, (unsigned)lic_model_id(context->model), context->model->info.name);
    if ((uint64_t)file->width * file->height > context->options.max_pixels)
        return lic_fail(err, LIC_ERR_LIMIT, "%u x %u pixels are more than the limit of %llu", (unsigned)file->width,
                        (unsigned)file->height, (unsigned long long)context->options.max_pixels);
    return LIC_OK;
}

lic_status lic_decoder_decode(lic_decoder *decoder, const void *data, size_t bytes, uint32_t depth, lic_image *out,
                              lic_error *err)
{
    if (!decoder || !data || !out)
        return lic_fail(err, LIC_ERR_ARGUMENT, "lic_decoder_decode: bad argument");
    memset(out, 0, sizeof *out);
    lic_context *context = &decoder->context;
    lic_chunk chunks[LIC_MAX_CHUNKS];
    struct decoding d = {.image = out};
    lic_status status = lic_container_read(data, bytes, chunks, &d.file, err);
    if (!status)
        status = admit(context, &d.file, depth, err);
    if (!status)
        status = new_image(&d.file, depth, context->options.allocator, out, err);
    if (status)
        return status;
    lic_range_decoder_init(&d.coder, d.file.latents, d.file.latent_bytes);
    status = lic_context_run(context, decode_forward, &d, d.file.width, d.file.height, err);
    context->stats.check_latents = d.file.check_latents;
    context->stats.latent_bytes = d.file.latent_bytes;
    if (!status)
        status = explain(d.status, err);
    if (status)
        lic_image_free(out, context->options.allocator);
    return status;
}

void lic_decoder_get_stats(const lic_decoder *decoder, lic_stats *stats)
{
    *stats = decoder->context.stats;
}

lic_status lic_decode(const lic_model *model, const void *data, size_t bytes, const lic_options *options,
                      uint32_t depth, lic_image *out, lic_error *err)
{
    lic_decoder *decoder = NULL;
    lic_status status = lic_decoder_new(model, options, &decoder, err);
    if (!status)
        status = lic_decoder_decode(decoder, data, bytes, depth, out, err);
    else if (out)
        memset(out, 0, sizeof *out);
    lic_decoder_free(decoder);
    return status;
}

uint64_t lic_plan_bytes(const lic_model *model, uint32_t width, uint32_t height, int threads)
{
    if (!model || width < 1 || height < 1 || width > 65535 || height > 65535)
        return 0;
    struct decoding d = {.file = {.width = width, .height = height}};
    const uint64_t encoder = lic_plan_encoder(model, width, height, threads);
    const uint64_t decoder = lic_context_plan(model, decode_forward, &d, threads);
    return encoder > decoder ? encoder : decoder;
}

void lic_image_free(lic_image *image, const lic_allocator *allocator)
{
    if (image && image->data)
        lic_dealloc(allocator, image->data);
    if (image)
        memset(image, 0, sizeof *image);
}
