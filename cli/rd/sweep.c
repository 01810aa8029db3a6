/* sweep.c - lic sweep: encodes pictures at several qualities, decodes them and measures, all in
 * memory and with one model, and writes the means as CompressAI does, for lic bdrate and for plots.
 */
#include "cli/rd/sweep.h"

#include "cli/base/files.h"
#include "cli/base/folder.h"
#include "cli/base/report.h"
#include "cli/rd/codec.h"
#include "cli/rd/metrics.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

/* The rate levels that models are trained at, about. */
static const double default_qualities[] = {0, 14, 29, 43, 57, 71, 86, 100};

/* ---- figures ---- */

static const struct {
    const char *key;
    int decimals;
} columns[LIC_SWEEP_N] = {[LIC_SWEEP_BPP] = {"bpp", 8},
                          [LIC_SWEEP_PSNR] = {"psnr-rgb", 6},
                          [LIC_SWEEP_MSSSIM] = {"ms-ssim-rgb", 8},
                          [LIC_SWEEP_ENCODE] = {"encoding_time", 4},
                          [LIC_SWEEP_DECODE] = {"decoding_time", 4}};

/* Means over pictures [from, to), a list over the qualities for each column. */
static void put_columns(lic_json *json, const lic_sweep *sweep, size_t from, size_t to)
{
    for (size_t c = 0; c < LIC_SWEEP_N; c++) {
        bool missing = false; /* MS-SSIM of small pictures: no list rather than one of nulls */
        for (size_t i = from; i < to; i++)
            missing = missing || isnan(sweep->pictures[i].cells[0].values[c]);
        if (missing)
            continue;
        lic_json_open(json, columns[c].key, '[');
        for (int q = 0; q < sweep->n_qualities; q++) {
            double sum = 0;
            for (size_t i = from; i < to; i++)
                sum += sweep->pictures[i].cells[q].values[c];
            lic_json_real(json, NULL, sum / (double)(to - from), columns[c].decimals);
        }
        lic_json_close(json, ']');
    }
}

/* Writes size, bytes and measurements of one picture into the open object. */
static void put_figures(lic_json *json, const lic_sweep *sweep, size_t i)
{
    const lic_sweep_picture *p = &sweep->pictures[i];
    lic_json_unsigned(json, "width", p->width);
    lic_json_unsigned(json, "height", p->height);
    lic_json_open(json, "bytes", '[');
    for (int q = 0; q < sweep->n_qualities; q++)
        lic_json_unsigned(json, NULL, p->cells[q].bytes);
    lic_json_close(json, ']');
    put_columns(json, sweep, i, i + 1);
}

static void put_qualities(lic_json *json, const lic_sweep *sweep)
{
    lic_json_open(json, "quality", '[');
    for (int q = 0; q < sweep->n_qualities; q++)
        lic_json_real(json, NULL, sweep->qualities[q], 4);
    lic_json_close(json, ']');
}

/* The file of results; all cells must be done. The stream keeps its error. */
static void write_figures(const lic_sweep *sweep, FILE *file)
{
    char name[64], description[160];
    lic_json json;
    snprintf(name, sizeof name, "lic-%.32s", sweep->model.name);
    snprintf(description, sizeof description,
             "lic %s, model %.32s %016" PRIx64 "; means over %zu pictures; bytes of whole files; "
             "times without reading and loading",
             lic_version(), sweep->model.name, sweep->model.hash, sweep->n_pictures);
    lic_json_begin(&json, file);
    lic_json_string(&json, "name", name);
    lic_json_string(&json, "description", description);
    lic_json_open(&json, "results", '{');
    put_columns(&json, sweep, 0, sweep->n_pictures);
    put_qualities(&json, sweep);
    lic_json_close(&json, '}');
    lic_json_open(&json, "pictures", '[');
    for (size_t i = 0; i < sweep->n_pictures; i++) {
        lic_json_open(&json, NULL, '{');
        lic_json_string(&json, "name", sweep->pictures[i].name);
        put_figures(&json, sweep, i);
        lic_json_close(&json, '}');
    }
    lic_json_close(&json, ']');
    (void)lic_json_end(&json);
}

/* ---- what is said of a picture ---- */

/* The line of --json. Failures, of writing this line too, are reported on standard error. */
static lic_status say_picture(lic_sweep *sweep, size_t i, lic_status status, lic_error *err)
{
    const char *path = sweep->pictures[i].path;
    lic_json *json = &sweep->json.json;
    if (status != LIC_OK)
        lic_report_error(path, "%s", err->text);
    if (!sweep->json.file)
        return status;
    if (lic_json_line_begin(&sweep->json, "sweep", path)) {
        lic_json_line_status(&sweep->json, status, err);
        if (status == LIC_OK) {
            lic_json_string(json, "model", sweep->model.name);
            lic_json_hex(json, "model_hash", sweep->model.hash, 16);
            put_qualities(json, sweep);
            put_figures(json, sweep, i);
        }
        lic_json_line_end(&sweep->json);
    }
    if (!sweep->json.failed || status != LIC_OK)
        return status;
    return lic_report_fail(err, LIC_REPORT_ERR_IO, "cannot write the JSON line");
}

/* Prints an error and returns false if its file cannot be written or has another use. */
static bool open_json(lic_sweep *sweep, const lic_settings *s)
{
    if (!s->json)
        return true;
    for (size_t i = 0; i < sweep->n_pictures; i++)
        if (lic_json_clashes(s, sweep->pictures[i].path))
            return false;
    if (lic_json_clashes(s, s->output) || lic_json_clashes(s, sweep->part_path))
        return false;
    return lic_json_lines_open(&sweep->json, s, stdout);
}

/* ---- which pictures ---- */

static bool add_picture(lic_sweep *sweep, char *path)
{
    size_t n = sweep->n_pictures + 1;
    lic_sweep_picture *grown = path ? realloc(sweep->pictures, n * sizeof *sweep->pictures) : NULL;
    if (!grown) {
        free(path);
        return false;
    }
    sweep->pictures = grown;
    sweep->pictures[n - 1] = (lic_sweep_picture){
        .path = path,
        .name = lic_file_base_name(path),
        .cells = calloc((size_t)sweep->n_qualities, sizeof *sweep->pictures->cells)};
    sweep->n_pictures = n; /* is freed even without cells */
    return sweep->pictures[n - 1].cells != NULL;
}

static lic_status add_folder(lic_sweep *sweep, const char *path, lic_error *err)
{
    lic_folder folder;
    size_t before = sweep->n_pictures;
    lic_status status = lic_folder_list(path, &folder, err);
    for (size_t i = 0; i < folder.n && status == LIC_OK; i++)
        if (lic_picture_format_of_name(folder.entries[i]->d_name) != LIC_FORMAT_NONE &&
            !add_picture(sweep, lic_folder_join(path, folder.entries[i]->d_name)))
            status = lic_report_fail(err, LIC_ERR_MEMORY, "no memory for the names");
    if (status == LIC_OK && sweep->n_pictures == before)
        status = lic_report_fail(err, LIC_ERR_ARGUMENT, "holds no pictures");
    lic_folder_free(&folder);
    return status;
}

/* Lists the pictures, then opens what --json names, which is now known not to be one of them. */
static lic_status gather(lic_sweep *sweep, const lic_settings *s, lic_error *err)
{
    lic_status status = LIC_OK;
    const char *at = NULL;
    for (int i = 0; i < s->n_files && status == LIC_OK; i++) {
        at = s->files[i];
        if (lic_folder_is(at))
            status = add_folder(sweep, at, err);
        else if (!add_picture(sweep, strdup(at)))
            status = lic_report_fail(err, LIC_ERR_MEMORY, "no memory for the names");
    }
    if (status != LIC_OK)
        lic_report_error(at, "%s", err->text);
    else if (!open_json(sweep, s))
        status = lic_report_fail(err, LIC_REPORT_ERR_IO, "no place for JSON");
    return status;
}

/* Reads every file once, so that a mistake is found before hours of codec. */
static lic_status read_all(lic_sweep *sweep, const lic_settings *s, lic_error *err)
{
    lic_status status = LIC_OK;
    for (size_t i = 0; i < sweep->n_pictures && status == LIC_OK; i++) {
        lic_file_data file;
        const char *at = sweep->pictures[i].path;
        status = lic_file_read(at, s->max_memory, &file, err);
        if (status == LIC_OK)
            sweep->pictures[i].crc = (uint32_t)crc32(0, file.data, (uInt)file.bytes);
        lic_file_free(&file);
        if (status == LIC_OK && (lic_output_place(s->output, at) == LIC_PLACE_INPUT ||
                                 lic_output_place(sweep->part_path, at) == LIC_PLACE_INPUT))
            status = lic_report_fail(err, LIC_ERR_ARGUMENT, "is input and output at once");
        if (status != LIC_OK)
            (void)say_picture(sweep, i, status, err);
    }
    return status;
}

/* ---- measuring ---- */

static lic_status measure(lic_codec *codec, const lic_image *image, double quality,
                          lic_sweep_cell *cell, lic_error *err)
{
    lic_buffer data = {0};
    lic_image decoded = {0};
    lic_metrics metrics = {0};
    double start = lic_report_seconds();
    lic_status status = lic_codec_encode(codec, image, quality, &data, err);
    double middle = lic_report_seconds();
    if (status == LIC_OK)
        status = lic_codec_decode(codec, data.data, data.bytes, false, &decoded, err);
    cell->values[LIC_SWEEP_ENCODE] = middle - start;
    cell->values[LIC_SWEEP_DECODE] = lic_report_seconds() - middle;
    if (status == LIC_OK)
        status = lic_metrics_compare(image, &decoded, &metrics, err);
    cell->bytes = data.bytes;
    cell->values[LIC_SWEEP_BPP] = lic_sweep_bpp(data.bytes, image->width, image->height);
    cell->values[LIC_SWEEP_PSNR] = metrics.psnr;
    cell->values[LIC_SWEEP_MSSSIM] = metrics.has_msssim ? metrics.msssim : NAN;
    cell->done = status == LIC_OK;
    lic_image_free(&decoded);
    lic_buffer_free(&data);
    return status;
}

static bool is_done(const lic_sweep *sweep, const lic_sweep_picture *p)
{
    for (int q = 0; q < sweep->n_qualities; q++)
        if (!p->cells[q].done)
            return false;
    return true;
}

static lic_status sweep_picture(lic_sweep *sweep, lic_codec *codec, lic_sweep_picture *p,
                                size_t *n_done, lic_error *err)
{
    lic_picture picture = {0};
    size_t lic_bytes;
    if (is_done(sweep, p))
        return LIC_OK;
    lic_status status = lic_codec_read(codec, p->path, &picture, &lic_bytes, err);
    if (status == LIC_OK && lic_bytes)
        status = lic_report_fail(err, LIC_ERR_UNSUPPORTED, "is a .lic file already");
    p->width = picture.image.width;
    p->height = picture.image.height;
    for (int q = 0; q < sweep->n_qualities && status == LIC_OK; q++) {
        if (p->cells[q].done)
            continue;
        lic_report_count(*n_done, sweep->n_pictures * (size_t)sweep->n_qualities, p->name);
        status = measure(codec, &picture.image, sweep->qualities[q], &p->cells[q], err);
        if (status == LIC_OK)
            status = lic_sweep_part_add(sweep, p, q, err);
        ++*n_done;
    }
    lic_picture_free(&picture);
    lic_report_progress_end();
    return status;
}

static lic_status sweep_all(lic_sweep *sweep, lic_codec *codec, lic_error *err)
{
    size_t n_done;
    lic_status status = lic_sweep_part_open(sweep, &n_done, err);
    if (status != LIC_OK)
        lic_report_error(sweep->part_path, "%s", err->text);
    else if (n_done)
        lic_report_note(0, sweep->part_path, "goes on after %zu measurements", n_done);
    for (size_t i = 0; i < sweep->n_pictures && status == LIC_OK; i++)
        status = say_picture(sweep, i,
                             sweep_picture(sweep, codec, &sweep->pictures[i], &n_done, err), err);
    return status;
}

static lic_status write_results(const lic_sweep *sweep, const lic_settings *s, lic_error *err)
{
    lic_output out;
    lic_status status = lic_output_open(&out, s->output, s->force, err);
    if (status == LIC_OK) {
        write_figures(sweep, out.stream);
        status = lic_output_commit(&out, err);
    }
    if (status != LIC_OK)
        lic_report_error(s->output, "%s", err->text);
    return status;
}

static lic_status run(lic_sweep *sweep, const lic_settings *s, lic_error *err)
{
    lic_codec codec;
    lic_codec_begin(&codec, s);
    lic_status status = gather(sweep, s, err);
    if (status == LIC_OK)
        status = read_all(sweep, s, err);
    if (status == LIC_OK && (status = lic_codec_open(&codec, 0, err)) != LIC_OK)
        lic_report_error(NULL, "%s", err->text);
    if (status == LIC_OK) {
        sweep->model = codec.model_info;
        status = sweep_all(sweep, &codec, err);
    }
    if (sweep->part)
        fclose(sweep->part);
    if (!lic_json_lines_close(&sweep->json) && status == LIC_OK)
        status = lic_report_fail(err, LIC_REPORT_ERR_IO, "cannot write the JSON lines");
    if (status == LIC_OK)
        status = write_results(sweep, s, err);
    if (status == LIC_OK)
        unlink(sweep->part_path);
    lic_codec_end(&codec);
    return status;
}

/* Returns -1 to go on, else the exit code. */
static int check(const lic_settings *s)
{
    if (s->n_files == 0)
        return lic_report_exit(LIC_EXIT_USAGE, NULL,
                               "which pictures? lic sweep FOLDER|IN... -o OUT.json");
    if (!s->output || strcmp(s->output, "-") == 0)
        return lic_report_exit(
            LIC_EXIT_USAGE, NULL,
            "where to? lic sweep FOLDER|IN... -o OUT.json (a file, to be able to go on)");
    for (int q = 1; q < s->n_qualities; q++)
        if (s->qualities[q] <= s->qualities[q - 1])
            return lic_report_exit(LIC_EXIT_USAGE, NULL, "-q: the numbers must rise");
    if (lic_folder_is(s->output))
        return lic_report_exit(LIC_EXIT_USAGE, NULL, "-o: is a folder; name a file");
    if (!s->force && access(s->output, F_OK) == 0)
        return lic_report_exit(LIC_EXIT_FAILED, s->output, "exists; -f overwrites");
    return -1;
}

int lic_command_sweep(const lic_settings *s)
{
    lic_sweep sweep = {.qualities = s->n_qualities ? s->qualities : default_qualities,
                       .n_qualities = s->n_qualities,
                       .tile_side = s->tile_side,
                       .cpu = s->cpu,
                       .threads = s->threads,
                       .backend = s->backend,
                       .force = s->force};
    lic_error err = {0};
    int code = check(s);
    if (code >= 0)
        return code;
    if (!sweep.n_qualities)
        sweep.n_qualities = (int)(sizeof default_qualities / sizeof *default_qualities);
    size_t bytes = strlen(s->output) + sizeof ".part";
    sweep.part_path = malloc(bytes);
    if (!sweep.part_path)
        return lic_report_exit(LIC_EXIT_FAILED, NULL, "no memory for a name");
    snprintf(sweep.part_path, bytes, "%s.part", s->output);
    lic_status status = run(&sweep, s, &err);
    for (size_t i = 0; i < sweep.n_pictures; i++) {
        free(sweep.pictures[i].path);
        free(sweep.pictures[i].cells);
    }
    free(sweep.pictures);
    free(sweep.part_path);
    return lic_report_exit_code(status);
}
