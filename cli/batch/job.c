/* job.c - see job.h. */
#include "cli/batch/job.h"

#include "cli/base/folder.h"
#include "cli/base/report.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- work ---- */

void lic_job_lap(lic_job *job, lic_lap lap)
{
    double now = lic_report_seconds();
    job->seconds[lap] += now - job->last;
    job->last = now;
}

lic_status lic_job_check_output(lic_job *job)
{
    const lic_settings *s = job->settings;
    if (s->test)
        return LIC_OK;
    switch (lic_output_place(job->output, job->input)) {
    case LIC_PLACE_INPUT:
        return lic_report_fail(&job->err, LIC_ERR_ARGUMENT, "is input and output at once");
    case LIC_PLACE_FOLDER:
        return lic_report_fail(&job->err, LIC_ERR_ARGUMENT,
                               "the output %.150s is a folder; --output-dir names one",
                               job->output);
    case LIC_PLACE_FILE:
        job->skipped = !s->force && s->no_clobber;
        if (s->force || s->no_clobber)
            return LIC_OK;
        return lic_report_fail(&job->err, LIC_REPORT_ERR_EXISTS,
                               "the output %.150s exists; -f overwrites", job->output);
    default:
        return LIC_OK;
    }
}

lic_status lic_job_open_output(lic_job *job, lic_output *out)
{
    lic_status status = LIC_OK;
    *out = (lic_output){0};
    if (job->settings->output_folder)
        status = lic_folder_make_for(job->output, &job->err);
    if (status == LIC_OK)
        status = lic_output_open(out, job->output, job->settings->force, &job->err);
    if (status == LIC_OK)
        lic_output_made_of(out, job->input, job->settings->preserve);
    return status;
}

lic_status lic_job_commit_output(lic_job *job, lic_output *out)
{
    const lic_status status = lic_output_commit(out, &job->err);
    job->skipped = status == LIC_REPORT_ERR_EXISTS && job->settings->no_clobber;
    return job->skipped ? LIC_OK : status;
}

lic_options lic_settings_options(const lic_settings *s)
{
    lic_options options;
    lic_options_init(&options);
    options.threads = s->threads;
    options.cpu = s->cpu;
    options.backend = s->backend;
    options.max_pixels = s->read.max_pixels;
    options.max_memory = s->max_memory;
    options.max_work = s->max_work;
    if (s->max_memory) /* enough of a limit */
        options.max_tile_pixels = UINT64_MAX;
    else if ((uint64_t)s->tile_side * s->tile_side > options.max_tile_pixels)
        options.max_tile_pixels = (uint64_t)s->tile_side * s->tile_side; /* of our own making */
    return options;
}

lic_status lic_settings_open_model(const lic_settings *s, uint32_t id, lic_model **model,
                                   lic_model_info *info, lic_error *err)
{
    lic_model_options options;
    lic_model_options_init(&options);
    options.threads = s->threads;
    options.backend = s->backend;
    const lic_status status = lic_model_find(s->model, id, &options, model, err);
    if (status == LIC_OK)
        lic_model_get_info(*model, info);
    return status;
}

/* ---- reports ---- */

static double bpp(const lic_job *job)
{
    return 8.0 * (double)job->bytes / ((double)job->width * job->height);
}

/* Writes what encoding for a target and --report have found. */
static void say_metrics(const lic_job *job, int level)
{
    const lic_metrics *m = &job->metrics;
    char msssim[64] = "none, a side is less than 161 pixels";
    if (job->settings->target.kind)
        lic_report_note(level, job->input, "quality %.3f, after %d encodes", job->quality,
                        job->encodes);
    if (!job->has_metrics)
        return;
    if (m->has_msssim)
        snprintf(msssim, sizeof msssim, "%.6f (%.2f dB)", m->msssim, m->msssim_db);
    if (isfinite(m->psnr))
        lic_report_note(level, job->input, "PSNR %.4f dB, MS-SSIM %s", m->psnr, msssim);
    else
        lic_report_note(level, job->input, "PSNR infinite: decodes to the same picture");
}

static void say_line(const lic_job *job, int level)
{
    const char *to = strcmp(job->output, "-") ? job->output : "standard output";
    char part[32] = "";
    if (job->written_width &&
        (job->written_width != job->width || job->written_height != job->height))
        snprintf(part, sizeof part, "%" PRIu32 "x%" PRIu32 " of ", job->written_width,
                 job->written_height);
    lic_report_note(level, job->input, "%s: %s%" PRIu32 "x%" PRIu32 ", %zu bytes, %.4f bpp, %.2f s",
                    job->settings->test ? "decodes well" : to, part, job->width, job->height,
                    job->bytes, bpp(job), job->last - job->start);
}

void lic_job_say_text(const lic_job *job, int level)
{
    const double *t = job->stats.seconds;
    if (job->skipped) {
        lic_report_note(1, job->input, "%s exists, left as it is", job->output);
        return;
    }
    say_line(job, level);
    say_metrics(job, level);
    lic_report_note(level + 1, job->input,
                    "model %s %016" PRIx64 ", quality %.2f, check %08" PRIx32 ", planned %.1f MB",
                    job->model_info.name, job->model_info.hash, job->quality,
                    job->stats.check_latents, (double)job->stats.planned_bytes / 1e6);
    lic_report_note(
        level + 1, job->input,
        "ms: read %.1f, load %.1f, analysis %.1f, coding %.1f, synthesis %.1f, write %.1f",
        1e3 * job->seconds[LIC_LAP_READ], 1e3 * job->seconds[LIC_LAP_LOAD],
        1e3 * t[LIC_STAGE_ANALYSIS], 1e3 * t[LIC_STAGE_CODING], 1e3 * t[LIC_STAGE_SYNTHESIS],
        1e3 * job->seconds[LIC_LAP_WRITE]);
}

static void json_times(lic_json *json, const lic_job *job)
{
    const double *t = job->stats.seconds;
    lic_json_begin_object(json, "ms");
    lic_json_real(json, "read", 1e3 * job->seconds[LIC_LAP_READ], 3);
    lic_json_real(json, "load", 1e3 * job->seconds[LIC_LAP_LOAD], 3);
    lic_json_real(json, "wait", 1e3 * job->seconds[LIC_LAP_WAIT], 3);
    lic_json_real(json, "analysis", 1e3 * t[LIC_STAGE_ANALYSIS], 3);
    lic_json_real(json, "coding", 1e3 * t[LIC_STAGE_CODING], 3);
    lic_json_real(json, "synthesis", 1e3 * t[LIC_STAGE_SYNTHESIS], 3);
    if (job->has_metrics)
        lic_json_real(json, "check", 1e3 * job->seconds[LIC_LAP_CHECK], 3);
    lic_json_real(json, "write", 1e3 * job->seconds[LIC_LAP_WRITE], 3);
    lic_json_real(json, "total", 1e3 * (job->last - job->start), 3);
    lic_json_end_object(json);
}

static void json_result(lic_json *json, const lic_job *job)
{
    lic_json_unsigned(json, "bytes", job->bytes);
    lic_json_unsigned(json, "latent_bytes", job->stats.latent_bytes);
    lic_json_real(json, "bpp", bpp(job), 6);
    lic_json_unsigned(json, "width", job->width);
    lic_json_unsigned(json, "height", job->height);
    lic_json_unsigned(json, "channels", job->channels);
    lic_json_unsigned(json, "depth", job->depth);
    lic_json_real(json, "quality", job->quality, 4);
    lic_json_string(json, "model", job->model_info.name); /* lossless: "" */
    lic_json_hex(json, "model_hash", job->model_info.hash, 16);
    lic_json_hex(json, "check_latents", job->stats.check_latents, 8);
    lic_json_unsigned(json, "planned_bytes", job->stats.planned_bytes);
    if (job->settings->target.kind)
        lic_json_unsigned(json, "encodes", (uint64_t)job->encodes);
    if (job->has_metrics) {
        const lic_metrics *m = &job->metrics;
        lic_json_real(json, "mse", m->mse, 6);
        lic_json_real(json, "psnr", m->psnr, 6); /* null: infinite */
        lic_json_real(json, "msssim", m->has_msssim ? m->msssim : NAN, 8);
        lic_json_real(json, "msssim_db", m->has_msssim ? m->msssim_db : NAN, 6);
    }
    if (job->stats.n_tiles) {
        lic_json_unsigned(json, "tiles", job->stats.n_tiles);
        lic_json_unsigned(json, "whole_tiles", job->stats.n_whole_tiles);
        lic_json_unsigned(json, "slices", job->stats.n_slices);
        lic_json_unsigned(json, "whole_slices", job->stats.n_whole_slices);
    }
    json_times(json, job);
}

static void put_line(const lic_job *job, lic_status status, FILE *file)
{
    lic_json json;
    lic_json_begin(&json, file);
    lic_json_string(&json, "command",
                    job->settings->command == LIC_COMMAND_ENCODE ? "encode" : "decode");
    lic_json_string(&json, "input", job->input);
    if (job->settings->test)
        lic_json_null(&json, "output");
    else
        lic_json_string(&json, "output", job->output);
    lic_json_unsigned(&json, "index", job->index);
    if (status == LIC_OK && job->skipped)
        lic_json_string(&json, "status", "LIC_SKIPPED");
    else
        lic_job_json_status(&json, status, &job->err);
    if ((status == LIC_OK || status == LIC_REPORT_PARTIAL) && !job->skipped)
        json_result(&json, job);
    (void)lic_json_end(&json); /* the stream is in memory */
}

/* The line is built first and written in one piece, so that an interrupted run leaves whole
 * lines. */
bool lic_job_say_json(const lic_job *job, lic_status status, FILE *file)
{
    char *line = NULL;
    size_t bytes = 0;
    FILE *memory = open_memstream(&line, &bytes);
    if (memory)
        put_line(job, status, memory);
    bool ok = memory && fclose(memory) == 0 && fwrite(line, 1, bytes, file) == bytes &&
              fflush(file) == 0 && !ferror(file);
    free(line);
    return ok;
}

bool lic_job_json_clashes(const lic_settings *s, const char *other)
{
    if (!s->json_file || !other)
        return false;
    if (strcmp(s->json_file, other) != 0 && /* which may be made later */
        lic_output_place(s->json_file, other) != LIC_PLACE_INPUT)
        return false;
    lic_report_error(s->json_file, "would be written by --json, and is read or written as %s",
                     other);
    return true;
}

FILE *lic_job_json_open(const lic_settings *s, FILE *stream)
{
    const char *path = s->json_file, *mode = "wx";
    if (!path)
        return stream;
    for (int i = 0; i < s->n_files; i++)
        if (lic_job_json_clashes(s, s->files[i]))
            return NULL;
    if (lic_job_json_clashes(s, s->file_list) || lic_job_json_clashes(s, s->model) ||
        lic_job_json_clashes(s, s->size_of))
        return NULL;
    const lic_place place = lic_output_place(path, path);
    if (place == LIC_PLACE_INPUT) /* a file that is there already */
        mode = s->no_clobber ? "a" : s->force ? "w" : NULL;
    else if (place != LIC_PLACE_FREE)
        mode = "w";
    if (!mode) {
        lic_report_error(path, "exists; -f overwrites");
        return NULL;
    }
    FILE *file = fopen(path, mode);
    if (!file)
        lic_report_error(path, "cannot write: %s", strerror(errno));
    return file;
}

bool lic_job_json_begin(lic_json *json, const lic_settings *settings, FILE *stream,
                        const char *command, const char *input)
{
    FILE *file = lic_job_json_open(settings, stream);
    if (!file)
        return false;
    lic_json_begin(json, file);
    lic_json_string(json, "command", command);
    lic_json_string(json, "input", input);
    return true;
}

bool lic_job_json_end(lic_json *json, const lic_settings *settings)
{
    bool ok = lic_json_end(json);
    if (settings->json_file)
        ok = fclose(json->file) == 0 && ok;
    if (!ok)
        lic_report_error(NULL, "cannot write the JSON line: %s", strerror(errno));
    return ok;
}

void lic_job_json_status(lic_json *json, lic_status status, const lic_error *err)
{
    lic_json_string(json, "status", lic_report_status_name(status));
    if (status != LIC_OK)
        lic_json_string(json, "error", err->text);
}
