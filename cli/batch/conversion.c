/* conversion.c - see conversion.h. */
#include "cli/batch/conversion.h"

#include "cli/base/folder.h"
#include "cli/base/report.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* ---- output ---- */

void lic_conversion_lap(lic_conversion *c, lic_lap lap)
{
    double now = lic_report_seconds();
    c->seconds[lap] += now - c->last;
    c->last = now;
}

lic_status lic_conversion_check_output(lic_conversion *c)
{
    const lic_settings *s = c->settings;
    if (s->test)
        return LIC_OK;
    switch (lic_output_place(c->output, c->input)) {
    case LIC_PLACE_INPUT:
        return lic_report_fail(&c->err, LIC_ERR_ARGUMENT, "is input and output at once");
    case LIC_PLACE_FOLDER:
        return lic_report_fail(&c->err, LIC_ERR_ARGUMENT,
                               "the output %.150s is a folder; --output-dir names one", c->output);
    case LIC_PLACE_FILE:
        c->skipped = !s->force && s->no_clobber;
        if (s->force || s->no_clobber)
            return LIC_OK;
        return lic_report_fail(&c->err, LIC_REPORT_ERR_EXISTS,
                               "the output %.150s exists; -f overwrites", c->output);
    default:
        return LIC_OK;
    }
}

lic_status lic_conversion_open_output(lic_conversion *c, lic_output *out)
{
    lic_status status = LIC_OK;
    *out = (lic_output){0};
    if (c->settings->output_folder)
        status = lic_folder_make_for(c->output, &c->err);
    if (status == LIC_OK)
        status = lic_output_open(out, c->output, c->settings->force, &c->err);
    if (status == LIC_OK)
        lic_output_made_of(out, c->input, c->settings->preserve);
    return status;
}

lic_status lic_conversion_commit_output(lic_conversion *c, lic_output *out)
{
    const lic_status status = lic_output_commit(out, &c->err);
    c->skipped = status == LIC_REPORT_ERR_EXISTS && c->settings->no_clobber;
    return c->skipped ? LIC_OK : status;
}

/* ---- reports ---- */

static double bpp(const lic_conversion *c)
{
    return 8.0 * (double)c->bytes / ((double)c->width * c->height);
}

/* Writes what encoding for a target and --report have found. */
static void say_metrics(const lic_conversion *c, int level)
{
    const lic_metrics *m = &c->metrics;
    char msssim[64] = "none, a side is less than 161 pixels";
    if (c->settings->target.kind)
        lic_report_note(level, c->input, "quality %.3f, after %d encodes", c->quality, c->encodes);
    if (!c->has_metrics)
        return;
    if (m->has_msssim)
        snprintf(msssim, sizeof msssim, "%.6f (%.2f dB)", m->msssim, m->msssim_db);
    if (isfinite(m->psnr))
        lic_report_note(level, c->input, "PSNR %.4f dB, MS-SSIM %s", m->psnr, msssim);
    else
        lic_report_note(level, c->input, "PSNR infinite: decodes to the same picture");
}

static void say_line(const lic_conversion *c, int level)
{
    const char *to = strcmp(c->output, "-") ? c->output : "standard output";
    char part[32] = "";
    if (c->written_width && (c->written_width != c->width || c->written_height != c->height))
        snprintf(part, sizeof part, "%" PRIu32 "x%" PRIu32 " of ", c->written_width,
                 c->written_height);
    lic_report_note(level, c->input, "%s: %s%" PRIu32 "x%" PRIu32 ", %zu bytes, %.4f bpp, %.2f s",
                    c->settings->test ? "decodes well" : to, part, c->width, c->height, c->bytes,
                    bpp(c), c->last - c->start);
}

void lic_conversion_say_text(const lic_conversion *c, int level)
{
    const double *t = c->stats.seconds;
    if (c->skipped) {
        lic_report_note(1, c->input, "%s exists, left as it is", c->output);
        return;
    }
    say_line(c, level);
    say_metrics(c, level);
    lic_report_note(level + 1, c->input,
                    "model %s %016" PRIx64 ", quality %.2f, check %08" PRIx32 ", planned %.1f MB",
                    c->model_info.name, c->model_info.hash, c->quality, c->stats.check_latents,
                    (double)c->stats.planned_bytes / 1e6);
    lic_report_note(
        level + 1, c->input,
        "ms: read %.1f, load %.1f, analysis %.1f, coding %.1f, synthesis %.1f, write %.1f",
        1e3 * c->seconds[LIC_LAP_READ], 1e3 * c->seconds[LIC_LAP_LOAD], 1e3 * t[LIC_STAGE_ANALYSIS],
        1e3 * t[LIC_STAGE_CODING], 1e3 * t[LIC_STAGE_SYNTHESIS], 1e3 * c->seconds[LIC_LAP_WRITE]);
}

static void json_times(lic_json *json, const lic_conversion *c)
{
    const double *t = c->stats.seconds;
    lic_json_open(json, "ms", '{');
    lic_json_real(json, "read", 1e3 * c->seconds[LIC_LAP_READ], 3);
    lic_json_real(json, "load", 1e3 * c->seconds[LIC_LAP_LOAD], 3);
    lic_json_real(json, "wait", 1e3 * c->seconds[LIC_LAP_WAIT], 3);
    lic_json_real(json, "analysis", 1e3 * t[LIC_STAGE_ANALYSIS], 3);
    lic_json_real(json, "coding", 1e3 * t[LIC_STAGE_CODING], 3);
    lic_json_real(json, "synthesis", 1e3 * t[LIC_STAGE_SYNTHESIS], 3);
    if (c->has_metrics)
        lic_json_real(json, "check", 1e3 * c->seconds[LIC_LAP_CHECK], 3);
    lic_json_real(json, "write", 1e3 * c->seconds[LIC_LAP_WRITE], 3);
    lic_json_real(json, "total", 1e3 * (c->last - c->start), 3);
    lic_json_close(json, '}');
}

static void json_result(lic_json *json, const lic_conversion *c)
{
    lic_json_unsigned(json, "bytes", c->bytes);
    lic_json_unsigned(json, "latent_bytes", c->stats.latent_bytes);
    lic_json_real(json, "bpp", bpp(c), 6);
    lic_json_unsigned(json, "width", c->width);
    lic_json_unsigned(json, "height", c->height);
    lic_json_unsigned(json, "channels", c->channels);
    lic_json_unsigned(json, "depth", c->depth);
    lic_json_real(json, "quality", c->quality, 4);
    lic_json_string(json, "model", c->model_info.name); /* lossless: "" */
    lic_json_hex(json, "model_hash", c->model_info.hash, 16);
    lic_json_hex(json, "check_latents", c->stats.check_latents, 8);
    lic_json_unsigned(json, "planned_bytes", c->stats.planned_bytes);
    if (c->settings->target.kind)
        lic_json_unsigned(json, "encodes", (uint64_t)c->encodes);
    if (c->has_metrics) {
        const lic_metrics *m = &c->metrics;
        lic_json_real(json, "mse", m->mse, 6);
        lic_json_real(json, "psnr", m->psnr, 6); /* null: infinite */
        lic_json_real(json, "msssim", m->has_msssim ? m->msssim : NAN, 8);
        lic_json_real(json, "msssim_db", m->has_msssim ? m->msssim_db : NAN, 6);
    }
    if (c->stats.n_tiles) {
        lic_json_unsigned(json, "tiles", c->stats.n_tiles);
        lic_json_unsigned(json, "whole_tiles", c->stats.n_whole_tiles);
        lic_json_unsigned(json, "slices", c->stats.n_slices);
        lic_json_unsigned(json, "whole_slices", c->stats.n_whole_slices);
    }
    json_times(json, c);
}

bool lic_conversion_say_json(const lic_conversion *c, lic_status status, lic_json_lines *lines)
{
    lic_json *json = &lines->json;
    if (!lic_json_line_begin(
            lines, c->settings->command == LIC_COMMAND_ENCODE ? "encode" : "decode", c->input))
        return false;
    if (c->settings->test)
        lic_json_null(json, "output");
    else
        lic_json_string(json, "output", c->output);
    lic_json_unsigned(json, "index", c->index);
    if (status == LIC_OK && c->skipped)
        lic_json_string(json, "status", "LIC_SKIPPED");
    else
        lic_json_line_status(lines, status, &c->err);
    if ((status == LIC_OK || status == LIC_REPORT_PARTIAL) && !c->skipped)
        json_result(json, c);
    return lic_json_line_end(lines);
}
