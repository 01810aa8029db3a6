/* code_image.c - see code_image.h. */
#include "cli/batch/code_image.h"

#include "cli/base/report.h"
#include "cli/batch/target.h"
#include "cli/options/settings.h"

#include <math.h>
#include <string.h>

struct coding {
    lic_worker *worker;
    lic_conversion *c;
    const lic_image *image;
    lic_encode_options encode;
};

/* What has come out at one quality. */
struct coded {
    lic_buffer data;
    lic_stats stats;
    double quality;
    bool measured;
    lic_metrics metrics; /* of the picture that a decoder makes of it */
};

static lic_status measure(struct coding *s, struct coded *out)
{
    lic_error *err = &s->c->err;
    lic_image decoded = {0};
    lic_decode_options decode;
    lic_decode_options_init(&decode);
    decode.channels = s->image->channels < 3 ? 1 : 3; /* alpha is not measured */
    lic_status status = lic_session_decode(s->worker->decoder, out->data.data, out->data.bytes,
                                           &decode, &decoded, err);
    if (status == LIC_OK)
        status = lic_metrics_compare(s->image, &decoded, &out->metrics, err);
    lic_image_free(&decoded);
    out->measured = status == LIC_OK;
    lic_conversion_lap(s->c, LIC_LAP_CHECK);
    return status;
}

static lic_status code_once(struct coding *s, struct coded *out)
{
    lic_session *encoder = s->worker->encoder;
    *out = (struct coded){.quality = s->encode.quality};
    s->c->encodes++;
    lic_status status = lic_session_encode(encoder, s->image, &s->encode, &out->data, &s->c->err);
    if (status == LIC_OK)
        lic_session_get_stats(encoder, &out->stats);
    lic_conversion_lap(s->c, LIC_LAP_CODE);
    return status;
}

/* The same, with the PSNR if that is the target. */
static lic_status try_once(struct coding *s, struct coded *out)
{
    const lic_status status = code_once(s, out);
    const bool wanted = s->c->settings->target.kind == LIC_TARGET_PSNR;
    return status == LIC_OK && wanted ? measure(s, out) : status;
}

static lic_status code_at(struct coding *s, double quality, struct coded *out)
{
    s->encode.lossless = LIC_LOSSLESS_NO;
    s->encode.near = 0;
    s->encode.quality = quality;
    return try_once(s, out);
}

/* With this largest error; without one, no PSNR is to be found out. */
static lic_status code_near(struct coding *s, uint32_t near, struct coded *out)
{
    s->encode.lossless = LIC_LOSSLESS_YES;
    s->encode.near = near;
    s->encode.quality = 100;
    return near ? try_once(s, out) : code_once(s, out);
}

static void keep(struct coded *best, struct coded *now)
{
    const struct coded worse = *best;
    *best = *now;
    *now = worse;
}

static lic_status fail(lic_conversion *c, const lic_target *t)
{
    const lic_target_try *limit = lic_target_limit(t);
    return lic_report_fail(&c->err, LIC_ERR_LIMIT,
                           "%.0f bytes are out of reach; %zu bytes (%.4f bpp) are the least, at "
                           "quality %g",
                           t->value, limit->bytes, 8 * (double)limit->bytes / t->pixels,
                           limit->quality);
}

/* The search over qualities. Leaves in *best the best result that keeps the promise; what is there
 * before keeps a promised PSNR, and stays if nothing is smaller. */
static lic_status search(struct coding *s, lic_target *target, struct coded *best)
{
    double quality;
    lic_status status = LIC_OK;
    while (status == LIC_OK && lic_target_next(target, &quality)) {
        struct coded now;
        status = code_at(s, quality, &now);
        if (status == LIC_OK &&
            lic_target_add(target, quality, now.data.bytes, now.data.bytes - now.stats.latent_bytes,
                           now.metrics.psnr) &&
            (!best->data.data || now.data.bytes < best->data.bytes ||
             target->kind == LIC_TARGET_SIZE))
            keep(best, &now);
        lic_buffer_free(&now.data);
    }
    return status;
}

/* The most bytes of best quality: without loss, or nearly, if that fits. */
static lic_status code_to_size(struct coding *s, lic_target *target, struct coded *best)
{
    /* A largest error of 1 takes two thirds of the bytes on photographs, and is 8 dB better than
     * quality 100. */
    const double nearly = 0.5;
    lic_status status = code_near(s, 0, best);
    double bytes = (double)best->data.bytes;
    if (status == LIC_OK && bytes > target->value && bytes * nearly <= target->value) {
        lic_buffer_free(&best->data);
        status = code_near(s, 1, best);
        bytes = (double)best->data.bytes;
    }
    if (status != LIC_OK || bytes <= target->value)
        return status;
    lic_buffer_free(&best->data);
    *best = (struct coded){0};
    status = search(s, target, best);
    return status == LIC_OK && !lic_target_best(target) ? fail(s->c, target) : status;
}

/* The largest error that may give this PSNR, or half a dB more. An error of n at most is evenly
 * spread, as samples are rounded to every (2 n + 1)th value. */
static uint32_t near_of(double psnr, uint32_t depth)
{
    const double top = (double)((1u << depth) - 1);
    const double square = top * top / pow(10, (psnr - 0.5) / 10);
    return (uint32_t)fmin((sqrt(12 * square + 1) - 1) / 2, LIC_MAX_NEAR(depth));
}

/* The smallest file of at least this PSNR: of a drawn picture it may be the one without loss, and
 * that, or nearly that, is what is left where quality 100 is not enough. */
static lic_status code_to_psnr(struct coding *s, lic_target *target, struct coded *best)
{
    lic_status status = code_near(s, 0, best);
    if (status == LIC_OK)
        status = search(s, target, best);
    uint32_t near = near_of(target->value, s->image->depth);
    for (; status == LIC_OK && !lic_target_best(target) && near > 0; near--) {
        struct coded now;
        status = code_near(s, near, &now);
        const bool enough = status == LIC_OK && now.metrics.psnr >= target->value;
        if (enough && now.data.bytes < best->data.bytes)
            keep(best, &now);
        lic_buffer_free(&now.data);
        if (enough)
            break;
    }
    return status;
}

static lic_status code_to_target(struct coding *s, struct coded *best)
{
    const lic_target_wish *wish = &s->c->settings->target;
    lic_target target;
    lic_target_begin(&target, wish->kind, wish->value, (double)s->image->width * s->image->height);
    return (target.kind == LIC_TARGET_PSNR ? code_to_psnr : code_to_size)(s, &target, best);
}

lic_status lic_code_image(lic_worker *worker, lic_conversion *c, const lic_image *image,
                          const lic_encode_options *encode, lic_buffer *out)
{
    struct coding s = {.worker = worker, .c = c, .image = image, .encode = *encode};
    struct coded best = {0};
    lic_status status = c->settings->target.kind ? code_to_target(&s, &best) : code_once(&s, &best);
    if (status == LIC_OK && lic_settings_compare(c->settings) && !best.measured)
        status = measure(&s, &best);
    c->stats = best.stats;
    c->quality = best.quality;
    c->has_metrics = best.measured;
    c->metrics = best.metrics;
    *out = best.data;
    return status;
}
