/* job.c - see job.h. */
#include "cli/job.h"

#include "cli/models.h"
#include "cli/report.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

/* ---- names ---- */

static bool is_encode(const lic_settings *s)
{
    return s->command == LIC_COMMAND_ENCODE;
}

/* Same name, new suffix: the last one goes if it is one of what the command reads. */
static bool default_output(const lic_settings *s, const char *input, const char *suffix, char *out,
                           size_t size)
{
    const char *slash = strrchr(input, '/'), *dot = strrchr(input, '.');
    size_t keep = strlen(input);
    bool has_suffix = dot && dot > (slash ? slash + 1 : input);
    if (has_suffix && (is_encode(s) ? lic_picture_format_of_name(input) != LIC_FORMAT_NONE
                                    : strcmp(dot, ".lic") == 0))
        keep = (size_t)(dot - input);
    int n = snprintf(out, size, "%.*s%s", (int)keep, input, suffix);
    return n > 0 && (size_t)n < size;
}

static int usage(const char *text, const char *word)
{
    lic_report_error(NULL, "%s%s%s%s", word ? "'" : "", word ? word : "", word ? "': " : "", text);
    return LIC_EXIT_USAGE;
}

/* Sets input and output; -1 or the exit code. */
static int name_files(lic_job *job, const char *suffix)
{
    const lic_settings *s = job->settings;
    const char *named = s->n_files == 2 ? s->files[1] : s->output;
    if (s->n_files == 0)
        return usage(is_encode(s) ? "which picture? lic encode IN [OUT]"
                                  : "which file? lic decode IN [OUT]",
                     NULL);
    job->input = s->files[0];
    if ((s->n_files == 2) + (s->output != NULL) + s->to_stdout > 1)
        return usage("the output is named more than once (OUT, -o, -c)", NULL);
    /* "lic encode *.png" with two pictures in the folder must not eat the second. */
    if (is_encode(s) && s->n_files == 2 && lic_picture_format_of_name(named) != LIC_FORMAT_NONE)
        return usage("is the output here, but looks like a picture; several inputs are not there "
                     "yet (-o forces this name)",
                     named);
    if (s->to_stdout || (!named && strcmp(job->input, "-") == 0))
        named = "-";
    if (!named && !default_output(s, job->input, suffix, job->output, sizeof job->output))
        return usage("name too long", job->input);
    if (named && strlen(named) >= sizeof job->output)
        return usage("name too long", named);
    if (named)
        memcpy(job->output, named, strlen(named) + 1);
    return -1;
}

/* What stands at the output's name; -1 or the exit code. */
static int check_output(const lic_job *job)
{
    const lic_settings *s = job->settings;
    const char *out = job->output;
    if (strcmp(job->input, "-") == 0 && isatty(STDIN_FILENO))
        return usage("standard input is a terminal", NULL);
    if (strcmp(out, "-") == 0)
        return isatty(STDOUT_FILENO) ? usage("data is not written to a terminal; name a file", NULL)
                                     : -1;
    switch (lic_output_place(out, job->input)) {
    case LIC_PLACE_INPUT:
        return usage("is input and output at once", out);
    case LIC_PLACE_FOLDER:
        return usage("is a folder; name a file", out);
    case LIC_PLACE_FILE:
        if (s->force)
            return -1;
        if (s->no_clobber) {
            lic_report_note(1, job->input, "%s exists, left as it is", out);
            return LIC_EXIT_OK;
        }
        lic_report_error(out, "exists; -f overwrites");
        return LIC_EXIT_FAILED;
    default:
        return -1;
    }
}

int lic_job_begin(lic_job *job, const lic_settings *settings, const char *suffix)
{
    *job = (lic_job){.settings = settings};
    job->start = job->last = lic_report_seconds();
    int code = name_files(job, suffix);
    return code >= 0 ? code : check_output(job);
}

/* ---- work ---- */

void lic_job_lap(lic_job *job, lic_lap lap)
{
    double now = lic_report_seconds();
    job->seconds[lap] += now - job->last;
    job->last = now;
}

lic_options lic_job_options(const lic_job *job)
{
    const lic_settings *s = job->settings;
    lic_options options;
    lic_options_init(&options);
    options.threads = s->threads;
    options.cpu = s->cpu;
    options.backend = s->backend;
    options.max_pixels = s->read.max_pixels;
    options.max_memory = s->max_memory;
    options.progress = lic_report_progress;
    return options;
}

lic_status lic_job_open_model(lic_job *job, uint32_t id)
{
    const lic_settings *s = job->settings;
    lic_model_options options;
    lic_model_options_init(&options);
    options.threads = s->threads;
    options.backend = s->backend;
    lic_status status;
    if (s->model || !id)
        status = lic_models_open_name(s->model ? s->model : LIC_DEFAULT_MODEL, &options,
                                      &job->model, &job->err);
    else
        status = lic_models_open_id(id, &options, &job->model, &job->err);
    if (status == LIC_OK)
        lic_model_get_info(job->model, &job->model_info);
    lic_job_lap(job, LIC_LAP_LOAD);
    return status;
}

/* ---- reports ---- */

static double bpp(const lic_job *job)
{
    return 8.0 * (double)job->bytes / ((double)job->width * job->height);
}

static void say_text(const lic_job *job)
{
    const char *to = strcmp(job->output, "-") ? job->output : "standard output";
    const double *t = job->stats.seconds;
    lic_report_note(0, job->input, "%s: %" PRIu32 "x%" PRIu32 ", %zu bytes, %.4f bpp, %.2f s", to,
                    job->width, job->height, job->bytes, bpp(job), job->last - job->start);
    lic_report_note(1, job->input,
                    "model %s %016" PRIx64 ", quality %.2f, check %08" PRIx32 ", planned %.1f MB",
                    job->model_info.name, job->model_info.hash, job->quality,
                    job->stats.check_latents, (double)job->stats.planned_bytes / 1e6);
    lic_report_note(
        1, job->input,
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
    lic_json_real(json, "analysis", 1e3 * t[LIC_STAGE_ANALYSIS], 3);
    lic_json_real(json, "coding", 1e3 * t[LIC_STAGE_CODING], 3);
    lic_json_real(json, "synthesis", 1e3 * t[LIC_STAGE_SYNTHESIS], 3);
    lic_json_real(json, "write", 1e3 * job->seconds[LIC_LAP_WRITE], 3);
    lic_json_real(json, "total", 1e3 * (job->last - job->start), 3);
    lic_json_end_object(json);
}

static bool say_json(const lic_job *job, lic_status status)
{
    const lic_settings *s = job->settings;
    lic_json json;
    if (!lic_job_json_begin(&json, s, strcmp(job->output, "-") ? stdout : stderr,
                            is_encode(s) ? "encode" : "decode", job->input))
        return false;
    lic_json_string(&json, "output", job->output);
    lic_job_json_status(&json, status, &job->err);
    if (status == LIC_OK) {
        lic_json_unsigned(&json, "bytes", job->bytes);
        lic_json_unsigned(&json, "latent_bytes", job->stats.latent_bytes);
        lic_json_real(&json, "bpp", bpp(job), 6);
        lic_json_unsigned(&json, "width", job->width);
        lic_json_unsigned(&json, "height", job->height);
        lic_json_unsigned(&json, "channels", job->channels);
        lic_json_unsigned(&json, "depth", job->depth);
        lic_json_real(&json, "quality", job->quality, 4);
        lic_json_string(&json, "model", job->model_info.name);
        lic_json_hex(&json, "model_hash", job->model_info.hash, 16);
        lic_json_hex(&json, "check_latents", job->stats.check_latents, 8);
        lic_json_unsigned(&json, "planned_bytes", job->stats.planned_bytes);
        json_times(&json, job);
    }
    return lic_job_json_end(&json, s);
}

int lic_job_end(lic_job *job, lic_status status)
{
    bool said = true;
    lic_report_progress_end();
    if (status != LIC_OK)
        lic_report_error(job->input, "%s", job->err.text);
    if (job->settings->json)
        said = say_json(job, status);
    else if (status == LIC_OK)
        say_text(job);
    lic_model_close(job->model);
    return said ? lic_report_exit_code(status) : LIC_EXIT_FAILED;
}

bool lic_job_json_begin(lic_json *json, const lic_settings *settings, FILE *stream,
                        const char *command, const char *input)
{
    const char *path = settings->json_file;
    FILE *file = path ? fopen(path, "w") : stream;
    if (!file) {
        lic_report_error(path, "cannot write: %s", strerror(errno));
        return false;
    }
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
