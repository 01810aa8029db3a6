/* settings.c - see settings.h. */
#include "cli/options/settings.h"

#include "cli/base/files.h"
#include "cli/base/report.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

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

lic_status lic_settings_open_model(const lic_settings *s, uint32_t id, uint32_t uses,
                                   lic_model **model, lic_model_info *info, lic_error *err)
{
    lic_model_options options;
    lic_model_options_init(&options);
    options.threads = s->threads;
    options.backend = s->backend;
    options.uses = uses;
    options.scale = s->scale;
    const lic_status status = lic_model_find(s->model, id, &options, model, err);
    if (status == LIC_OK)
        lic_model_get_info(*model, info);
    return status;
}

bool lic_settings_compare(const lic_settings *s)
{
    return s->report || s->target.kind == LIC_TARGET_PSNR;
}

double lic_rates_lambda(const lic_model_info *model, double quality)
{
    const double least = model->lambda[0], most = model->lambda[1];
    return least > 0 ? least * pow(most / least, quality / 100) : 0;
}

lic_status lic_rates_quality(const lic_model_info *model, double lambda, double *quality,
                             lic_error *err)
{
    const double least = model->lambda[0], most = model->lambda[1], rounding = 1e-6;
    if (!(least > 0))
        return lic_report_fail(err, LIC_ERR_ARGUMENT,
                               "the model %s does not say its Lagrange multipliers", model->name);
    if (!(lambda >= least * (1 - rounding) && lambda <= most * (1 + rounding)))
        return lic_report_fail(err, LIC_ERR_ARGUMENT, "--lambda %g: the model %s has %g to %g",
                               lambda, model->name, least, most);
    *quality = fmin(fmax(100 * log(lambda / least) / log(most / least), 0), 100);
    return LIC_OK;
}

/* ---- JSON lines ---- */

bool lic_json_clashes(const lic_settings *s, const char *other)
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

bool lic_json_lines_open(lic_json_lines *lines, const lic_settings *s, FILE *stream)
{
    const char *path = s->json_file, *mode = "wx";
    *lines = (lic_json_lines){.path = path, .file = stream};
    if (!path)
        return true;
    lines->file = NULL;
    for (int i = 0; i < s->n_files; i++)
        if (lic_json_clashes(s, s->files[i]))
            return false;
    if (lic_json_clashes(s, s->file_list) || lic_json_clashes(s, s->model) ||
        lic_json_clashes(s, s->size_of))
        return false;
    const lic_place place = lic_output_place(path, path);
    if (place == LIC_PLACE_INPUT) /* a file that is there already */
        mode = s->no_clobber ? "a" : s->force ? "w" : NULL;
    else if (place != LIC_PLACE_FREE)
        mode = "w";
    if (!mode)
        return lic_report_error(path, "exists; -f overwrites");
    lines->file = fopen(path, mode);
    if (!lines->file)
        lic_report_error(path, "cannot write: %s", strerror(errno));
    return lines->file;
}

static void fail(lic_json_lines *lines)
{
    lic_report_error(lines->path, "cannot write the JSON line: %s", strerror(errno));
    lines->failed = true;
}

bool lic_json_line_begin(lic_json_lines *lines, const char *command, const char *input)
{
    if (lines->failed)
        return false;
    FILE *memory = open_memstream(&lines->text, &lines->bytes);
    if (!memory) {
        fail(lines);
        return false;
    }
    lic_json_begin(&lines->json, memory);
    lic_json_string(&lines->json, "command", command);
    if (input)
        lic_json_string(&lines->json, "input", input);
    return true;
}

void lic_json_line_status(lic_json_lines *lines, lic_status status, const lic_error *err)
{
    lic_json_string(&lines->json, "status", lic_report_status_name(status));
    if (status != LIC_OK)
        lic_json_string(&lines->json, "error", err->text);
}

bool lic_json_line_end(lic_json_lines *lines)
{
    const bool whole = lic_json_end(&lines->json);
    if (fclose(lines->json.file) != 0 || !whole ||
        fwrite(lines->text, 1, lines->bytes, lines->file) != lines->bytes ||
        fflush(lines->file) != 0)
        fail(lines);
    free(lines->text);
    return !lines->failed;
}

bool lic_json_lines_close(lic_json_lines *lines)
{
    if (lines->path && lines->file && fclose(lines->file) != 0 && !lines->failed)
        fail(lines);
    lines->file = NULL;
    return !lines->failed;
}
