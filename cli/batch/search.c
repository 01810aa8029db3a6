/* search.c - see search.h. */
#include "cli/batch/search.h"

#include "cli/base/report.h"
#include "cli/batch/target.h"
#include "cli/rd/metrics.h"

struct search {
    lic_worker *worker;
    lic_job *job;
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

static lic_status measure(struct search *s, struct coded *out)
{
    lic_error *err = &s->job->err;
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
    lic_job_lap(s->job, LIC_LAP_CHECK);
    return status;
}

static lic_status code_at(struct search *s, double quality, struct coded *out)
{
    lic_session *encoder = s->worker->encoder;
    *out = (struct coded){.quality = quality};
    s->encode.quality = quality;
    s->job->encodes++;
    lic_status status = lic_session_encode(encoder, s->image, &s->encode, &out->data, &s->job->err);
    if (status == LIC_OK)
        lic_session_get_stats(encoder, &out->stats);
    lic_job_lap(s->job, LIC_LAP_CODE);
    if (status == LIC_OK && s->job->settings->target.kind == LIC_TARGET_PSNR)
        status = measure(s, out);
    return status;
}

static lic_status fail(lic_job *job, const lic_target *t)
{
    const lic_target_try *limit = lic_target_limit(t);
    if (t->kind == LIC_TARGET_PSNR)
        return lic_report_fail(&job->err, LIC_ERR_LIMIT,
                               "%g dB are out of reach; %.2f dB are the most, at quality %g",
                               t->value, limit->psnr, limit->quality);
    return lic_report_fail(&job->err, LIC_ERR_LIMIT,
                           "%.0f bytes are out of reach; %zu bytes (%.4f bpp) are the least, at "
                           "quality %g",
                           t->value, limit->bytes, 8 * (double)limit->bytes / t->pixels,
                           limit->quality);
}

/* Leaves in *best the best result that keeps the promise. */
static lic_status code_to_target(struct search *s, struct coded *best)
{
    const lic_target_wish *wish = &s->job->settings->target;
    lic_target target;
    double quality;
    lic_status status = LIC_OK;
    lic_target_begin(&target, wish->kind, wish->value, (double)s->image->width * s->image->height);
    while (status == LIC_OK && lic_target_next(&target, &quality)) {
        struct coded now;
        status = code_at(s, quality, &now);
        if (status == LIC_OK &&
            lic_target_add(&target, quality, now.data.bytes,
                           now.data.bytes - now.stats.latent_bytes, now.metrics.psnr)) {
            struct coded worse = *best;
            *best = now;
            now = worse;
        }
        lic_buffer_free(&now.data);
    }
    if (status == LIC_OK && !lic_target_best(&target))
        status = fail(s->job, &target);
    return status;
}

lic_status lic_search_code(lic_worker *worker, lic_job *job, const lic_image *image,
                           const lic_encode_options *encode, lic_buffer *out)
{
    struct search s = {.worker = worker, .job = job, .image = image, .encode = *encode};
    struct coded best = {0};
    lic_status status = job->settings->target.kind ? code_to_target(&s, &best)
                                                   : code_at(&s, encode->quality, &best);
    if (status == LIC_OK && job->settings->report && !best.measured)
        status = measure(&s, &best);
    job->stats = best.stats;
    job->quality = best.quality;
    job->has_metrics = best.measured;
    job->metrics = best.metrics;
    *out = best.data;
    return status;
}
